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

package import GRPCCore

extension InboundMessageQueue.Fault {
  /// What the tunnel client's application sees (PROTOCOL.md 5 and 6).
  package var clientError: RPCError {
    RPCError(code: self.limitCode ?? .internalError, message: self.explanation)
  }

  /// What the tunnel server answers (PROTOCOL.md 5 and 6).
  package var serverError: RPCError {
    RPCError(code: self.limitCode ?? .invalidArgument, message: self.explanation)
  }

  private var limitCode: RPCError.Code? {
    switch self {
    case .windowExceeded, .tooManyEmptyMessages, .assembly(.messageTooLarge):
      return .resourceExhausted
    case .assembly(.envelopeInsideMessage), .assembly(.dataOutsideMessage):
      return nil
    case .assembly(.dataBeyondSize):
      return nil
    }
  }

  private var explanation: String {
    switch self {
    case .windowExceeded(let available):
      return "The peer sent more data than the \(available) bytes that the window had left."
    case .tooManyEmptyMessages(let maximum):
      return "More than \(maximum) empty messages wait to be read."
    case .assembly(.envelopeInsideMessage):
      return "The peer began a message before the last one was complete."
    case .assembly(.dataOutsideMessage):
      return "The peer sent data that belongs to no message."
    case .assembly(.dataBeyondSize(let size)):
      return "The peer sent more data than the \(size) bytes that it had announced."
    case .assembly(.messageTooLarge(let size, let maximum)):
      return "A message of \(size) bytes is larger than the \(maximum) bytes that are taken."
    }
  }
}
