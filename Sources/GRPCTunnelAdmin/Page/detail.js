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

// Everything about one tunnel, open or closed.

import { Chart } from "./chart.js";
import { announce, element, setAttribute, setText } from "./dom.js";
import * as format from "./format.js";

/** One of the two ends, in words. */
function end(side, program) {
  const [here, there] = program === "agent" ? ["agent", "router"] : ["router", "agent"];
  return side === "local" ? here : there;
}

/** Who ended a tunnel. When it failed at the other side, that may have been the network in between. */
export function side(tunnel, program) {
  const name = end(tunnel.closedBy, program);
  return tunnel.failed && tunnel.closedBy === "remote" ? `${name} or network` : name;
}

/** Why a tunnel ended, as far as that is known. */
export function reason(tunnel) {
  const code = tunnel.code ? ` (${tunnel.code})` : "";
  return `${tunnel.reason ?? (tunnel.failed ? "" : "in order")}${code}`.trim();
}

/** How a tunnel ended, in words. */
function ending(tunnel, program) {
  const how = `${tunnel.failed ? "ended" : "closed"} by the ${side(tunnel, program)}`;
  return reason(tunnel) ? `${how}: ${reason(tunnel)}` : how;
}

export class Detail {
  constructor(node, store, { onClose, onOpen, onAction }) {
    this.node = node;
    this.store = store;
    this.onClose = onClose;
    this.onOpen = onOpen;
    this.onAction = onAction;
    this.id = undefined;
    node.addEventListener("keydown", (event) => {
      if (event.key === "Escape") onClose();
    });
  }

  open(id) {
    this.id = id;
    this.build();
    this.node.hidden = false;
    this.update();
    document.getElementById("detail-title").focus();
  }

  close() {
    this.id = undefined;
    this.node.hidden = true;
    this.node.replaceChildren();
  }

  build() {
    this.facts = new Map();
    this.factList = element("dl", { class: "facts" });
    this.state = element("span", { class: "state" });
    this.title = element("h2", { id: "detail-title", tabindex: "-1" });
    this.subtitle = element("p", {}, this.id, " · ", this.state);
    this.charts = [
      { chart: new Chart("RPCs ended", format.rate), name: "rpcs" },
      { chart: new Chart("Sent", format.byteRate), name: "sent" },
      { chart: new Chart("Received", format.byteRate), name: "received" },
    ];
    this.chartList = element("div", { class: "charts" }, ...this.charts.map(({ chart }) => chart.node));
    this.statuses = element("tbody");
    this.noRPCs = element("p", { class: "quiet" }, "None yet.");
    this.statusTable = element(
      "table",
      {},
      element("caption", { class: "unseen" }, "RPCs that have ended, by status"),
      this.statuses,
    );
    this.history = element("ol", { class: "history" });
    this.actions = element("div", { class: "buttons" });
    this.buttons = undefined;
    this.node.replaceChildren(
      element(
        "div",
        { class: "head" },
        element("div", {}, this.title, this.subtitle),
        element("button", { class: "plain", "aria-label": "Close this panel", onclick: () => this.onClose() }, "✕"),
      ),
      this.actions,
      this.factList,
      this.chartList,
      element("section", {}, element("h3", {}, "RPCs by status"), this.statusTable, this.noRPCs),
      element("section", {}, element("h3", {}, "History of this key, the last hour"), this.history),
    );
  }

  /** Shows what is known now. */
  update() {
    if (this.id === undefined) return;
    const entry = this.store.find(this.id);
    if (!entry) {
      setText(this.title, "No such tunnel");
      setText(this.state, "it closed more than an hour ago, or was never here");
      this.chartList.hidden = true;
      this.actions.replaceChildren();
      return;
    }
    const { tunnel } = entry;
    const isOpen = tunnel.closedAt === undefined;
    const state = isOpen ? tunnel.state : tunnel.failed ? "failed" : "closed";
    setText(this.title, tunnel.key);
    setText(this.state, state);
    setAttribute(this.state, "data-state", state);
    this.chartList.hidden = !isOpen;
    if (isOpen) {
      for (const { chart, name } of this.charts) chart.show(this.store.series(entry.traffic[name]));
    }
    this.updateActions(tunnel, isOpen);
    this.updateFacts(entry, isOpen);
    this.updateStatuses(tunnel);
    this.updateHistory(tunnel);
  }

  updateActions(tunnel, isOpen) {
    const offered = isOpen ? (this.store.program.actions ?? []) : [];
    const wanted = offered.filter((action) => action !== "drain" || tunnel.state !== "draining").join();
    if (this.buttons === wanted) return;
    // The focus may be on what goes away.
    const hadFocus = this.actions.contains(document.activeElement);
    if (this.buttons !== undefined && !isOpen) announce(`${this.id} has closed`);
    this.buttons = wanted;
    const titles = { drain: "Drain…", close: "Close…" };
    this.actions.replaceChildren(
      ...wanted
        .split(",")
        .filter((action) => action in titles)
        .map((action) =>
          element(
            "button",
            { class: action === "close" ? "danger" : undefined, onclick: () => this.onAction(this.id, action) },
            titles[action],
          ),
        ),
    );
    if (hadFocus) this.title.focus();
  }

  updateFacts(entry, isOpen) {
    const { tunnel } = entry;
    const { now, program } = this.store;
    const facts = {
      Identity: tunnel.identity ?? "not asked for",
      Peer: tunnel.peer || "not known",
      Opened: tunnel.since
        ? `${format.moment(entry.since, now)}, ${isOpen ? `${format.age(now - entry.since)} ago` : `for ${format.age(entry.closedAt - entry.since)}`}`
        : undefined,
      Closed: isOpen ? undefined : `${format.moment(entry.closedAt, now)}, ${ending(tunnel, program.program)}`,
      Draining: tunnel.drainingSince && isOpen
        ? `since ${format.moment(new Date(tunnel.drainingSince), now)}, wanted by the ${end(tunnel.drainingSide, program.program)}`
        : undefined,
      Reason: isOpen ? tunnel.reason : undefined,
      "Next attempt": tunnel.retryAt ? format.moment(new Date(tunnel.retryAt), now) : undefined,
      Protocol: `revision ${tunnel.revision}${tunnel.extensions.length ? `, ${tunnel.extensions.join(", ")}` : ""}`,
      "Open RPCs": isOpen ? format.count(tunnel.openRPCs) : undefined,
      "Round trip": isOpen ? format.latency(tunnel.roundTripSeconds) || "not probed yet" : undefined,
      Sent: `${format.count(tunnel.sent.messages)} messages, ${format.size(tunnel.sent.bytes)}`,
      Received: `${format.count(tunnel.received.messages)} messages, ${format.size(tunnel.received.bytes)}`,
      Held: isOpen ? `${format.size(tunnel.heldBytes)} not sent or not read` : undefined,
      "Window stalls": tunnel.windowStalls.count
        ? `${format.count(tunnel.windowStalls.count)}, ${format.latency(tunnel.windowStalls.seconds)} altogether`
        : "none",
    };
    for (const [name, text] of Object.entries(facts)) {
      let fact = this.facts.get(name);
      if (!fact) {
        fact = { title: element("dt", {}, name), value: element("dd") };
        this.facts.set(name, fact);
        this.factList.append(fact.title, fact.value);
      }
      fact.title.hidden = fact.value.hidden = text === undefined;
      setText(fact.value, text ?? "");
    }
  }

  updateStatuses(tunnel) {
    const finished = Object.entries(tunnel.rpcs.finished).sort((one, other) => other[1] - one[1]);
    const text = JSON.stringify(finished);
    this.noRPCs.hidden = finished.length > 0;
    this.statusTable.hidden = finished.length === 0;
    if (this.statuses.dataset.shown === text) return;
    this.statuses.dataset.shown = text;
    this.statuses.replaceChildren(
      ...finished.map(([name, number]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row", class: name === "OK" ? undefined : "failed" }, name),
          element("td", { class: "number" }, format.count(number)),
        ),
      ),
    );
  }

  /** What became of the tunnels of this key: newest first. */
  updateHistory(tunnel) {
    const { now, program, tunnels, closed } = this.store;
    const items = [];
    const add = (id, time, text) => items.push({ id, time: new Date(time), text });
    const same = [...tunnels.values(), ...closed].filter((entry) => entry.tunnel.key === tunnel.key);
    for (const { id, tunnel: other } of same) {
      if (other.since) add(id, other.since, `opened from ${other.peer || "somewhere"}`);
      if (other.drainingSince) add(id, other.drainingSince, `drain begun by the ${end(other.drainingSide, program.program)}`);
      if (other.closedAt) add(id, other.closedAt, ending(other, program.program));
    }
    items.sort((one, other) => other.time - one.time);
    const shown = items.slice(0, 50);
    const text = JSON.stringify(shown);
    if (this.history.dataset.shown === text) return;
    this.history.dataset.shown = text;
    this.history.replaceChildren(
      ...shown.map((item) => {
        const name =
          item.id === this.id
            ? element("strong", {}, item.id)
            : element("button", { class: "open-detail", onclick: () => this.onOpen(item.id) }, item.id);
        return element(
          "li",
          {},
          element("time", { datetime: item.time.toISOString() }, format.moment(item.time, now)),
          element("span", {}, name, ` ${item.text}`),
        );
      }),
    );
  }
}
