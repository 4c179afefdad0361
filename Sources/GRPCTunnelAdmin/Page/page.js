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

// The page: puts together what the other files have.

import { readEvents, recentRPCs, RequestError } from "./api.js";
import { Detail, reason, side } from "./detail.js";
import { ask, askForToken, updateQuestion } from "./dialogs.js";
import { announce, element, setAttribute, setText } from "./dom.js";
import * as format from "./format.js";
import { Store } from "./store.js";
import { Table } from "./table.js";

const part = (id) => document.getElementById(id);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const store = new Store();
const isAgent = () => store.program.program === "agent";

// What is listed

const key = { title: "Key", value: (entry) => entry.tunnel.key };
const tunnelName = { title: "Tunnel", value: (entry) => entry.id };
const identity = { title: "Identity", value: (entry) => entry.tunnel.identity ?? "", className: "cut quiet minor" };

const openTable = new Table(part("list-open"), {
  caption: "Tunnels that are open",
  empty: "No tunnel is here.",
  sort: { column: 0, isDescending: false },
  onOpen: (id) => show(id),
  columns: [
    key,
    tunnelName,
    { title: "State", kind: "state", value: (entry) => entry.tunnel.state },
    { title: "Open for", kind: "number", value: (entry) => store.now - entry.since,
      text: (entry) => (entry.tunnel.since ? format.age(store.now - entry.since) : "") },
    { title: "Open RPCs", kind: "number", value: (entry) => entry.tunnel.openRPCs,
      text: (entry) => (entry.tunnel.openRPCs ? format.count(entry.tunnel.openRPCs) : "") },
    { title: "RPCs", kind: "number", value: (entry) => entry.recent.rpcs, className: "rate",
      text: (entry) => format.rate(entry.recent.rpcs) },
    { title: "Sent", kind: "number", value: (entry) => entry.recent.sent, className: "rate",
      text: (entry) => format.byteRate(entry.recent.sent) },
    { title: "Received", kind: "number", value: (entry) => entry.recent.received, className: "rate",
      text: (entry) => format.byteRate(entry.recent.received) },
    { title: "Failed", kind: "number", value: (entry) => entry.failed,
      text: (entry) => (entry.failed ? format.count(entry.failed) : ""), isBad: (entry) => entry.failed > 0 },
    { title: "Round trip", kind: "number", value: (entry) => entry.tunnel.roundTripSeconds ?? -1,
      text: (entry) => format.latency(entry.tunnel.roundTripSeconds) },
    identity,
  ],
});

const closedTable = new Table(part("list-closed"), {
  caption: "Tunnels that have closed within the last hour",
  empty: "None has closed within the last hour.",
  sort: { column: 2, isDescending: true },
  onOpen: (id) => show(id),
  columns: [
    key,
    tunnelName,
    { title: "Closed at", value: (entry) => entry.closedAt.getTime(),
      text: (entry) => format.moment(entry.closedAt, store.now) },
    { title: "Was open for", kind: "number", value: (entry) => entry.closedAt - entry.since,
      text: (entry) => format.age(entry.closedAt - entry.since) },
    { title: "How", kind: "state", value: (entry) => (entry.tunnel.failed ? "failed" : "closed") },
    { title: "Ended by", value: (entry) => side(entry.tunnel, store.program.program) },
    { title: "Why", value: (entry) => reason(entry.tunnel), className: "wide" },
    { title: "RPCs", kind: "number", value: (entry) => entry.ended,
      text: (entry) => (entry.ended ? format.count(entry.ended) : "") },
    { title: "Failed", kind: "number", value: (entry) => entry.failed,
      text: (entry) => (entry.failed ? format.count(entry.failed) : ""), isBad: (entry) => entry.failed > 0 },
  ],
});

const rpcTable = new Table(part("list-rpcs"), {
  caption: "RPCs that ended last",
  empty: "No RPC has ended.",
  sort: { column: 0, isDescending: true },
  columns: [
    { title: "Ended at", value: (entry) => entry.endedAt.getTime(), text: (entry) => format.moment(entry.endedAt, store.now) },
    { title: "Key", value: (entry) => entry.tunnel.key, className: "cut" },
    { title: "Method", value: (entry) => entry.rpc.method, className: "wide" },
    { title: "Status", value: (entry) => entry.rpc.status, isBad: (entry) => entry.rpc.status !== "OK" },
    { title: "Took", kind: "number", value: (entry) => entry.rpc.seconds, text: (entry) => format.latency(entry.rpc.seconds) },
    { title: "Request", kind: "number", value: (entry) => entry.rpc.request.bytes,
      text: (entry) => format.size(entry.rpc.request.bytes) },
    { title: "Response", kind: "number", value: (entry) => entry.rpc.response.bytes,
      text: (entry) => format.size(entry.rpc.response.bytes) },
  ],
});

const tabs = {
  open: { tab: part("tab-open"), panel: part("list-open"), table: openTable },
  closed: { tab: part("tab-closed"), panel: part("list-closed"), table: closedTable },
  rpcs: { tab: part("tab-rpcs"), panel: part("list-rpcs"), table: rpcTable },
};
let chosen = "open";
let rpcs = [];

// The filter

const states = ["opening", "ready", "silent", "full", "suspended", "draining", "closing"];
const places = ["connecting", "retrying", "stopped"];

function fillStates() {
  const select = part("filter-state");
  const names = isAgent() ? [...places, "ready", "draining"] : states;
  const shown = names.join();
  if (select.dataset.shown === shown) return;
  select.dataset.shown = shown;
  select.replaceChildren(
    element("option", { value: "" }, "any"),
    ...names.map((name) => element("option", { value: name }, name)),
  );
}

function isWanted(entry) {
  const text = part("filter").value.trim().toLowerCase();
  const state = part("filter-state").value;
  if (text && !entry.tunnel.key.toLowerCase().includes(text)) return false;
  return chosen !== "open" || !state || entry.tunnel.state === state;
}

// Showing

let lastArranged = 0;
let shownKeys = "";

function entriesOf(name) {
  if (name === "open") return [...store.tunnels.values()];
  return name === "closed" ? store.closed : rpcs;
}

/** @param isNew Whether what is listed, or its order, may be another one. */
function render(isNew) {
  const { table } = tabs[chosen];
  const all = entriesOf(chosen);
  const wanted = all.filter(isWanted);
  // The order by what changes all the time is looked at now and then, and not under somebody's pointer.
  const isDue = performance.now() - lastArranged > 5000 && !table.isHeld;
  const keys = wanted.map((entry) => entry.id).join();
  const isOther = isNew || keys !== shownKeys || isDue;
  if (isOther) {
    lastArranged = performance.now();
    shownKeys = keys;
  }
  table.show(wanted, isOther);
  const isFiltered = wanted.length !== all.length;
  setText(part("filter-result"), isFiltered ? `${format.count(wanted.length)} of ${format.count(all.length)}` : "");
  showTotals();
  detail.update();
  updateQuestion(store);
}

function amount(id, value, unit = "") {
  const node = part(id);
  const text = `${value} ${unit}`;
  if (node.dataset.shown === text) return;
  node.dataset.shown = text;
  node.replaceChildren(value, ...(unit ? [element("span", { class: "unit" }, ` ${unit}`)] : []));
}

function showTotals() {
  const { rates } = store;
  amount("total-tunnels", format.count(store.tunnels.size));
  amount("total-keys", format.count(store.keyCount));
  amount("total-open", format.count(store.openRPCs));
  amount("total-rpcs", (format.rate(rates.rpcs) || "0/s").replace("/s", ""), "/s");
  amount("total-failed", (format.rate(rates.failed) || "0/s").replace("/s", ""), "/s");
  for (const name of ["sent", "received"]) {
    const { number, unit } = format.bytes(rates[name]);
    amount(`total-${name}`, number, `${unit}/s`);
  }
  setText(part("count-open"), format.count(store.tunnels.size));
  setText(part("count-closed"), format.count(store.closed.length));
  const { program, version, startedAt, state } = store.program;
  setText(part("program"), program ?? "");
  setText(part("state"), state ?? "");
  setAttribute(part("state"), "data-state", state);
  setText(part("about"), version ? `version ${version}, up for ${format.age(store.now - new Date(startedAt))}` : "");
  document.title = `${format.count(store.tunnels.size)} tunnels · grpc-tunnel ${program ?? ""}`;
  tabs.rpcs.tab.hidden = !store.program.keepsRPCs;
  fillStates();
}

// Detail

const detail = new Detail(part("detail"), store, {
  onOpen: (id) => show(id),
  onClose: () => show(undefined),
  onAction: (id, action) => {
    const entry = store.tunnels.get(id);
    if (entry) ask(entry, action);
  },
});

/** Opens the detail of a tunnel, or closes it: by way of the address, so that it can be kept and sent. */
function show(id) {
  const { pathname } = location;
  history.replaceState(null, "", id ? `${pathname}#${encodeURIComponent(id)}` : pathname);
  follow();
}

/** The tunnel that the address names, if it names one: anything may stand there. */
function idInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || undefined;
  } catch {
    return undefined;
  }
}

function follow() {
  const before = detail.id;
  const id = idInAddress();
  openTable.select(id);
  closedTable.select(id);
  part("columns").classList.toggle("has-detail", id !== undefined);
  if (id) {
    detail.open(id);
  } else {
    detail.close();
    if (before && !tabs[chosen].table.focus(before)) part("filter").focus();
  }
}

// Tabs

function choose(name, hasFocus) {
  chosen = name;
  for (const [other, { tab, panel }] of Object.entries(tabs)) {
    const isChosen = other === name;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    panel.hidden = !isChosen;
    if (isChosen && hasFocus) tab.focus();
  }
  part("filter-state").disabled = name !== "open";
  render(true);
  if (name === "rpcs") loadRPCs();
}

for (const [name, { tab }] of Object.entries(tabs)) {
  tab.addEventListener("click", () => choose(name));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(tabs).filter((other) => !tabs[other].tab.hidden);
    choose(names.at((names.indexOf(name) + step) % names.length), true);
  });
}

async function loadRPCs() {
  try {
    const latest = await recentRPCs();
    rpcs = latest.map((rpc, index) => ({
      id: `${latest.length - index}`,
      rpc,
      tunnel: { key: rpc.key },
      endedAt: new Date(rpc.endedAt),
    }));
    if (chosen === "rpcs") render(true);
  } catch {
    // The stream of events tells when the admin address is away.
  }
}

// The keyboard

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea") || event.target.closest("dialog");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    part("filter").focus();
  }
});
part("filter").addEventListener("input", () => render(true));
part("filter").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") tabs[chosen].table.focus(tabs[chosen].table.current);
});
part("filter-state").addEventListener("change", () => render(true));
part("filter").addEventListener("change", () => {
  const result = part("filter-result").textContent;
  if (result) announce(result);
});
window.addEventListener("hashchange", follow);

// Events

function connection(state, text) {
  setAttribute(part("connection"), "data-state", state);
  setText(part("connection"), text);
}

function take(name, message) {
  if (name === "overview") {
    store.overview(message);
    connection("live", "Live");
    render(true);
    if (!detail.id) follow();
  } else if (name === "changes") {
    store.changes(message);
    render(false);
    if (chosen === "rpcs") loadRPCs();
  }
}

async function run() {
  let wait = 500;
  for (;;) {
    try {
      await readEvents((name, message) => {
        wait = 500;
        take(name, message);
      });
    } catch (error) {
      if (error instanceof RequestError && error.status === 401) {
        await askForToken(error.message);
        continue;
      }
      // What is no answer of the server is a mistake of this page: it must not pass unseen.
      if (!(error instanceof RequestError)) console.error(error);
    }
    connection("lost", "Connection lost: what is shown is old");
    await pause(wait);
    wait = Math.min(wait * 2, 5000);
  }
}

choose("open");
run();
