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

// Talks to the admin address: requests, and the stream of events. See docs/admin-api.md.

const tokenKey = "grpc-tunnel-token";

/** What the admin address answered that was not what was asked for. */
export class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Keeps the token as long as the tab is open. */
export function setToken(token) {
  sessionStorage.setItem(tokenKey, token);
}

async function request(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem(tokenKey);
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers, cache: "no-store", redirect: "error" });
  if (response.ok) return response;
  let message = `HTTP status ${response.status}`;
  try {
    message = (await response.json()).error ?? message;
  } catch {
    // No answer of the admin address, then.
  }
  throw new RequestError(response.status, message);
}

/** The RPCs that ended last. */
export async function recentRPCs() {
  return (await (await request("/api/rpcs")).json()).rpcs;
}

/** Drains or closes a tunnel. */
export async function act(id, action, reason) {
  const headers = { "x-grpc-tunnel-admin": "1" };
  let body;
  if (reason) {
    headers["content-type"] = "application/json";
    body = JSON.stringify({ reason });
  }
  await request(`/api/tunnels/${encodeURIComponent(id)}/${action}`, { method: "POST", headers, body });
}

/**
 * Reads events until the stream ends or fails. Not an EventSource: that cannot send a token.
 *
 * Each second there is one; when there is none for longer, the connection is taken for lost.
 */
export async function readEvents(onEvent) {
  const abort = new AbortController();
  let watchdog;
  const feed = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => abort.abort(), 15_000);
  };
  try {
    feed();
    const response = await request("/api/events", { signal: abort.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      feed();
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) dispatch(event, onEvent);
    }
  } finally {
    clearTimeout(watchdog);
    abort.abort();
  }
}

function dispatch(text, onEvent) {
  let name = "message";
  const data = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  if (data.length > 0) onEvent(name, JSON.parse(data.join("\n")));
}
