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

// What the admin address has told: tunnels, closed ones, and what has gone through them of late.

/** How many seconds of traffic are kept. */
export const historyLength = 120;

/** Traffic of the last two minutes: a value for each second. */
class Traffic {
  constructor() {
    // Not a number: what was before it was looked at.
    this.rpcs = new Float32Array(historyLength).fill(NaN);
    this.sent = new Float32Array(historyLength).fill(NaN);
    this.received = new Float32Array(historyLength).fill(NaN);
  }

  push(position, rates) {
    this.rpcs[position] = rates.rpcs;
    this.sent[position] = rates.sent;
    this.received[position] = rates.received;
  }
}

const nothing = { rpcs: 0, failed: 0, sent: 0, received: 0 };

/** RPCs that have ended, and those of them that did not end well. */
function ended(tunnel) {
  let total = 0;
  for (const number of Object.values(tunnel.rpcs.finished)) total += number;
  return { total, failed: total - (tunnel.rpcs.finished.OK ?? 0) };
}

export class Store {
  constructor() {
    this.program = {};
    this.now = new Date();
    /** By id: what was told, and what follows from it. */
    this.tunnels = new Map();
    /** Newest first. */
    this.closed = [];
    /** Where in all traffic the latest second is. */
    this.position = 0;
    this.keyCount = 0;
    this.openRPCs = 0;
    this.rates = nothing;
  }

  /** Takes everything anew. What was seen of the tunnels' traffic stays. */
  overview(message) {
    this.program = message;
    const open = new Set(message.tunnels.map((tunnel) => tunnel.id));
    for (const id of this.tunnels.keys()) {
      if (!open.has(id)) this.tunnels.delete(id);
    }
    this.closed = [];
    this.move(message);
  }

  /** Takes what has changed. */
  changes(message) {
    this.program.state = message.state;
    for (const id of message.gone) this.tunnels.delete(id);
    this.move(message);
  }

  /** A moment has passed. */
  move(message) {
    const now = new Date(message.now);
    const seconds = Math.max(0.25, (now - this.now) / 1000);
    this.now = now;
    this.position = (this.position + 1) % historyLength;
    for (const entry of this.tunnels.values()) entry.rates = nothing;
    for (const tunnel of message.tunnels) this.take(tunnel, seconds);
    this.closed = message.closed.map((tunnel) => this.closedEntry(tunnel)).concat(this.closed);
    const hourAgo = now - 3_600_000;
    this.closed = this.closed.filter((entry) => entry.closedAt > hourAgo).slice(0, 1000);
    this.addUp();
  }

  take(tunnel, seconds) {
    const { total, failed } = ended(tunnel);
    const entry = this.tunnels.get(tunnel.id) ?? { traffic: new Traffic(), since: new Date(tunnel.since ?? 0) };
    if (entry.tunnel) {
      // A place for a tunnel, at an agent, begins to count anew with its next one.
      const difference = (is, was) => Math.max(0, is - was) / seconds;
      entry.rates = {
        rpcs: difference(total, entry.ended),
        failed: difference(failed, entry.failed),
        sent: difference(tunnel.sent.bytes, entry.tunnel.sent.bytes),
        received: difference(tunnel.received.bytes, entry.tunnel.received.bytes),
      };
    } else {
      entry.rates = nothing;
    }
    entry.tunnel = tunnel;
    entry.id = tunnel.id;
    entry.since = new Date(tunnel.since ?? 0);
    entry.ended = total;
    entry.failed = failed;
    this.tunnels.set(tunnel.id, entry);
  }

  closedEntry(tunnel) {
    const { total, failed } = ended(tunnel);
    return {
      id: tunnel.id,
      tunnel,
      since: new Date(tunnel.since),
      closedAt: new Date(tunnel.closedAt),
      ended: total,
      failed,
    };
  }

  addUp() {
    const keys = new Set();
    const rates = { ...nothing };
    this.openRPCs = 0;
    for (const entry of this.tunnels.values()) {
      keys.add(entry.tunnel.key);
      this.openRPCs += entry.tunnel.openRPCs;
      for (const name of Object.keys(rates)) rates[name] += entry.rates[name];
      entry.traffic.push(this.position, entry.rates);
      entry.recent = this.recent(entry.traffic);
    }
    this.keyCount = keys.size;
    this.rates = rates;
  }

  /** Rates over the last seconds: calmer than those of one, to read and to sort by. */
  recent(traffic) {
    const sums = { rpcs: 0, sent: 0, received: 0 };
    let known = 0;
    for (let back = 0; back < 5; back += 1) {
      const position = (this.position + historyLength - back) % historyLength;
      if (Number.isNaN(traffic.rpcs[position])) break;
      known += 1;
      for (const name of Object.keys(sums)) sums[name] += traffic[name][position];
    }
    for (const name of Object.keys(sums)) sums[name] /= known;
    return sums;
  }

  /** Values of traffic from the oldest to the latest. */
  series(values) {
    const start = this.position + 1;
    return [...values.subarray(start), ...values.subarray(0, start)];
  }

  find(id) {
    return this.tunnels.get(id) ?? this.closed.find((entry) => entry.id === id);
  }
}
