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

// Questions before something is done, and for the token.

import { act, setToken } from "./api.js";
import { announce, setText } from "./dom.js";
import { count } from "./format.js";

const part = (id) => document.getElementById(id);

/** What is asked: a tunnel's id and an action. */
let question;

function textOfQuestion(tunnel) {
  const open = tunnel.openRPCs;
  const rpcs = open === 1 ? "1 RPC is open" : `${open ? count(open) : "No"} RPCs are open`;
  if (question.action === "close") {
    const failing = open ? `${rpcs} in it, and would fail with UNAVAILABLE.` : `${rpcs} in it now.`;
    return `${failing} The agent opens another tunnel by itself.`;
  }
  return `It takes no more RPCs, and closes when those in it have ended. ${rpcs} in it now. The agent opens another tunnel by itself.`;
}

/** Keeps the question right while it is asked. */
export function updateQuestion(store) {
  if (!part("question").open) return;
  const entry = store.tunnels.get(question.id);
  setText(part("question-text"), entry ? textOfQuestion(entry.tunnel) : "It has closed meanwhile.");
}

/** Asks whether a tunnel is to be drained or closed, and does it. */
export function ask(entry, action) {
  const { id, tunnel } = entry;
  question = { id, action };
  const dialog = part("question");
  const isClose = action === "close";
  setText(part("question-title"), `${isClose ? "Close" : "Drain"} ${id} of ${tunnel.key}?`);
  setText(part("question-text"), textOfQuestion(tunnel));
  setText(part("question-yes"), isClose ? "Close the tunnel" : "Drain the tunnel");
  part("question-yes").className = isClose ? "danger" : "primary";
  part("question-field").hidden = !isClose;
  part("question-reason").value = "";
  setText(part("question-error"), "");
  part("question-yes").onclick = async (event) => {
    // The dialog stays until it is known what came of it.
    event.preventDefault();
    part("question-yes").disabled = true;
    try {
      await act(id, action, isClose ? part("question-reason").value.trim() : "");
      dialog.close();
      announce(`${id} ${isClose ? "is closed" : "drains"}`);
    } catch (error) {
      setText(part("question-error"), `It was not done: ${error.message}.`);
    } finally {
      part("question-yes").disabled = false;
    }
  };
  dialog.showModal();
  // What changes nothing is what Return does at first.
  part("question-no").focus();
}

/** Asks for a token. */
export function askForToken(error) {
  const dialog = part("token");
  setText(part("token-error"), error ?? "");
  part("token-text").value = "";
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        if (part("token-text").value) setToken(part("token-text").value.trim());
        part("token-text").value = "";
        resolve();
      },
      { once: true },
    );
    dialog.showModal();
  });
}
