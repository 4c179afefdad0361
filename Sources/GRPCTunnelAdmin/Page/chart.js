/*
 * Copyright 2026, The grpc-swift-tunnel Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

// A line of the last two minutes.

import { element, setAttribute, setText } from "./dom.js";
import { historyLength } from "./store.js";

const height = 40;

function svg(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

export class Chart {
  /** @param format How its values are written. */
  constructor(title, format) {
    this.title = title;
    this.format = format;
    this.value = element("strong");
    this.peak = element("span");
    this.line = svg("path", {});
    this.area = svg("path", { class: "area" });
    this.drawing = svg("svg", { viewBox: `0 0 ${historyLength - 1} ${height}`, preserveAspectRatio: "none", role: "img" });
    this.drawing.append(svg("line", { x1: 0, x2: historyLength - 1, y1: height, y2: height }), this.area, this.line);
    this.node = element(
      "div",
      { class: "chart" },
      element("span", {}, `${title} `, this.value),
      this.peak,
      this.drawing,
    );
  }

  /** Shows values, the oldest first; those at the start may not be known. The latest is. */
  show(values) {
    const start = values.findIndex((value) => !Number.isNaN(value));
    const known = values.slice(start);
    const peak = Math.max(...known);
    const top = peak || 1;
    const points = known.map(
      (value, index) => `${start + index} ${(height - 1 - (value / top) * (height - 3)).toFixed(1)}`,
    );
    this.line.setAttribute("d", `M${points.join("L")}`);
    this.area.setAttribute("d", `M${start} ${height}L${points.join("L")}L${historyLength - 1} ${height}Z`);
    const now = this.format(values.at(-1)) || "none";
    const most = this.format(peak) || "none";
    setText(this.value, now);
    setText(this.peak, peak ? `at most ${most} in 2 min` : "none in 2 min");
    setAttribute(this.drawing, "aria-label", `${this.title}: now ${now}, at most ${most} in the last two minutes`);
  }
}
