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

internal import GRPCCore
internal import GRPCTunnelProtocol

/// The RPC that joins the two ends.
struct SimulatedCarrier: Sendable {
  enum Progress: Sendable {
    case idle
    /// The request is on its way.
    case dialled
    /// The response's headers are on their way.
    case accepted
    case established
  }

  var progress = Progress.idle
  var toServer = SimulatedPipe<ClientFrame>()
  var toClient = SimulatedPipe<ServerFrame>()

  /// Why the carrier was cut; nil while it was not.
  private(set) var error: RPCError?

  var isEstablished: Bool {
    switch self.progress {
    case .established: true
    case .idle, .dialled, .accepted: false
    }
  }

  /// Cuts the carrier. How much of what is on its way still arrives, and which end sees the cut
  /// first, is left to chance.
  mutating func cut(using choices: inout Choices) {
    guard self.error == nil else { return }
    let error = RPCError(code: .unavailable, message: "The carrier was cut.")
    self.error = error
    self.toServer.fail(error, keeping: choices.int(below: self.toServer.frames.count + 1))
    self.toClient.fail(error, keeping: choices.int(below: self.toClient.frames.count + 1))
  }
}
