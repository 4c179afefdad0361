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

/// One thing that a request tells the ``ControlService`` to do. Orders are done one after another.
package enum ControlOrder: Hashable, Sendable {
  /// Sends back every message that comes, until there are no more.
  case echo
  /// Sends back the next message.
  case echoOne
  /// Reads all messages, and sends back their number and the sum of their sizes.
  case count
  /// Reads all messages and sends nothing.
  case drain
  /// Sends a number of messages of a size.
  case send(Int, size: Int)
  /// Lets an event happen.
  case signal(String)
  /// Waits for an event, whatever else happens.
  case wait(String)
  /// Waits until the RPC's cancellation handle fires.
  case awaitCancellation
  /// Ends the RPC with an `RPCError` of this code, with the details that came with the request.
  case fail(Int, String)
  /// Ends the RPC with another error.
  case failPlainly
}

extension ControlOrder: LosslessStringConvertible {
  package var description: String {
    switch self {
    case .echo: "echo"
    case .echoOne: "echo-one"
    case .count: "count"
    case .drain: "drain"
    case .send(let count, let size): "send \(count) \(size)"
    case .signal(let event): "signal \(event)"
    case .wait(let event): "wait \(event)"
    case .awaitCancellation: "await-cancellation"
    case .fail(let code, let message): "fail \(code) \(message)"
    case .failPlainly: "fail-plainly"
    }
  }

  package init?(_ description: String) {
    let parts = description.split(separator: " ", maxSplits: 1)
    guard let name = parts.first else { return nil }
    let rest = parts.dropFirst().first.map(String.init) ?? ""
    let words = rest.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    switch name {
    case "echo": self = .echo
    case "echo-one": self = .echoOne
    case "count": self = .count
    case "drain": self = .drain
    case "send":
      guard let count = words.first.flatMap({ Int($0) }),
        let size = words.last.flatMap({ Int($0) })
      else { return nil }
      self = .send(count, size: size)
    case "signal": self = .signal(rest)
    case "wait": self = .wait(rest)
    case "await-cancellation": self = .awaitCancellation
    case "fail":
      guard let code = words.first.flatMap({ Int($0) }) else { return nil }
      self = .fail(code, words.dropFirst().first.map(String.init) ?? "")
    case "fail-plainly": self = .failPlainly
    default: return nil
    }
  }
}
