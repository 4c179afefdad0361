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

// A table whose rows stay the same elements while what they show changes.

import { element, setAttribute, setText } from "./dom.js";

/** Numbers within text count as numbers: shop-9 comes before shop-10. */
const collator = new Intl.Collator("en", { numeric: true });

function compare(one, other) {
  if (typeof one === "string") return collator.compare(one, other);
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Rows that are shown before somebody asks for more. */
const pageLength = 1000;

/**
 * A column is `{ title, value, text, kind, sort, className }`: `value` is sorted by, `text` is shown (by default
 * the same), `kind` is "number", "state" or "text", and `sort` says that it can be sorted by.
 */
export class Table {
  constructor(parent, { caption, columns, sort, empty, onOpen }) {
    this.columns = columns;
    this.sort = sort;
    this.onOpen = onOpen;
    this.rows = new Map();
    this.limit = pageLength;
    this.selected = undefined;
    this.current = undefined;
    this.heads = columns.map((column, index) => this.head(column, index));
    this.body = element("tbody", { onkeydown: (event) => this.key(event) });
    this.table = element(
      "table",
      {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {}, ...this.heads)),
      this.body,
    );
    this.empty = element("p", { class: "empty", hidden: true }, empty);
    this.more = element("button", { class: "more", hidden: true, onclick: () => this.showMore() });
    this.scroller = element("div", { class: "table" }, this.table, this.empty, this.more);
    parent.append(this.scroller);
  }

  head(column, index) {
    const button = element("button", { onclick: () => this.sortBy(index) }, column.title);
    return element("th", { scope: "col", class: this.classes(column) }, button);
  }

  classes(column) {
    return [column.className, column.kind === "number" ? "number" : undefined].filter(Boolean).join(" ") || undefined;
  }

  sortBy(index) {
    const isSame = this.sort.column === index;
    // Numbers are looked at from the largest on.
    const isDescending = isSame ? !this.sort.isDescending : this.columns[index].kind === "number";
    this.sort = { column: index, isDescending };
    this.show(this.entries, true);
  }

  showMore() {
    this.limit += pageLength;
    this.show(this.entries, true);
  }

  /** Whether the order must not change now: somebody points at a row, or has the focus in one. */
  get isHeld() {
    return this.body.matches(":hover") || this.body.contains(document.activeElement);
  }

  /**
   * Shows these entries, and no others.
   *
   * @param isNew Whether they are others than before, or their order is; otherwise only what is shown of them.
   */
  show(entries, isNew) {
    this.entries = entries;
    if (isNew || !this.order) this.arrange();
    for (const entry of this.order) this.update(this.rows.get(entry.id), entry);
  }

  arrange() {
    const { column, isDescending } = this.sort;
    const value = this.columns[column].value;
    const sign = isDescending ? -1 : 1;
    const sorted = [...this.entries].sort(
      (one, other) => sign * compare(value(one), value(other)) || compare(one.id, other.id),
    );
    this.order = sorted.slice(0, this.limit);
    this.heads.forEach((head, index) => {
      const direction = isDescending ? "descending" : "ascending";
      setAttribute(head, "aria-sort", index === column ? direction : undefined);
    });
    const ids = new Set(this.order.map((entry) => entry.id));
    for (const [id, row] of this.rows) {
      if (!ids.has(id)) {
        if (row.node.contains(document.activeElement)) this.leave(row.node);
        row.node.remove();
        this.rows.delete(id);
      }
    }
    let next = this.body.firstElementChild;
    for (const entry of this.order) {
      const row = this.rows.get(entry.id) ?? this.makeRow(entry.id);
      if (row.node === next) next = next.nextElementSibling;
      else this.body.insertBefore(row.node, next);
    }
    if (!this.rows.has(this.current)) this.setCurrent(this.order[0]?.id);
    this.empty.hidden = sorted.length > 0;
    this.table.hidden = sorted.length === 0;
    const rest = sorted.length - this.order.length;
    this.more.hidden = rest === 0;
    setText(this.more, `Show ${Math.min(rest, pageLength)} more`);
  }

  makeRow(id) {
    const node = element("tr");
    const cells = this.columns.map((column, index) => {
      const isHead = index === 0 && this.onOpen;
      const cell = element(isHead ? "th" : "td", { scope: isHead ? "row" : undefined, class: this.classes(column) });
      let target = cell;
      if (isHead) {
        target = element("button", { class: "open-detail", tabindex: "-1", onclick: () => this.onOpen(id) });
        target.addEventListener("focus", () => this.setCurrent(id));
        cell.append(target);
      } else if (column.kind === "state") {
        target = element("span", { class: "state" });
        cell.append(target);
      }
      node.append(cell);
      return target;
    });
    const row = { node, cells, texts: [] };
    setAttribute(node, "aria-selected", id === this.selected ? "true" : undefined);
    this.rows.set(id, row);
    return row;
  }

  update(row, entry) {
    this.columns.forEach((column, index) => {
      const text = String((column.text ?? column.value)(entry) ?? "");
      if (row.texts[index] === text) return;
      row.texts[index] = text;
      const cell = row.cells[index];
      cell.textContent = text;
      if (column.kind === "state") cell.dataset.state = text.split(" ")[0];
      if (column.className?.includes("cut") || index === 0) cell.title = text;
      if (column.isBad) cell.classList.toggle("failed", column.isBad(entry));
    });
  }

  // The keyboard: one row is in the order of the Tab key, arrows go from there.

  setCurrent(id) {
    this.button(this.current)?.setAttribute("tabindex", "-1");
    this.current = id;
    this.button(id)?.setAttribute("tabindex", "0");
  }

  button(id) {
    return this.rows.get(id)?.node.querySelector(".open-detail");
  }

  focus(id) {
    const button = this.button(id);
    button?.focus();
    return button !== undefined && button !== null;
  }

  /** The row with the focus goes away: the next one gets it. */
  leave(node) {
    const next = node.nextElementSibling ?? node.previousElementSibling;
    next?.querySelector(".open-detail")?.focus();
  }

  key(event) {
    const index = this.order.findIndex((entry) => entry.id === this.current);
    const last = this.order.length - 1;
    const targets = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + 15,
      PageUp: index - 15,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target === undefined || !this.onOpen) return;
    event.preventDefault();
    this.focus(this.order[Math.min(Math.max(target, 0), last)]?.id);
  }

  select(id) {
    setAttribute(this.rows.get(this.selected)?.node ?? element("i"), "aria-selected", undefined);
    this.selected = id;
    const row = this.rows.get(id);
    if (row) setAttribute(row.node, "aria-selected", "true");
    if (row) this.setCurrent(id);
  }
}
