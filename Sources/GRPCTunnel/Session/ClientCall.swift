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

/// An RPC as its caller asked for it: what holds from then on, however long it waits for a tunnel.
struct ClientCall: Sendable {
  let descriptor: MethodDescriptor

  /// When the RPC fails if it still waits for a tunnel; nil when its options have no timeout.
  let deadline: Duration?

  /// The largest message that the caller lets itself send, in bytes.
  let maximumRequestSize: Int?

  /// The largest message that the caller takes, in bytes; nil for what its tunnels take.
  let maximumResponseSize: Int?

  /// Whether a retry or hedging policy decides what becomes of the RPC when it fails.
  let hasExecutionPolicy: Bool

  /// When the caller asked.
  private let start: Duration

  /// A timeout beyond this is no limit; sums with it do not overflow.
  private static let maximumTimeout = Duration.seconds(2_562_047 * 3600)

  /// - Parameter now: The time on the clock of the session that will run the RPC.
  init(_ descriptor: MethodDescriptor, _ options: CallOptions, now: Duration) {
    self.descriptor = descriptor
    self.deadline = options.timeout.map { now + min($0, Self.maximumTimeout) }
    self.maximumRequestSize = options.maxRequestMessageBytes
    self.maximumResponseSize = options.maxResponseMessageBytes
    self.hasExecutionPolicy = options.executionPolicy != nil
    self.start = now
  }

  /// What is left of the RPC's deadline when its metadata has been written; nil without one.
  ///
  /// With a timeout among the options, GRPCCore has put what was left into the metadata: for an RPC
  /// that is tried once before it waited, for the attempts of others after that. So the earlier of
  /// the two holds. A deadline that stands in the metadata alone counts from the call.
  func timeout(in metadata: Metadata, now: Duration) -> Duration? {
    let written = metadata.lastString(forKey: RPCTimeout.key).flatMap { RPCTimeout.decode($0) }
    guard let deadline = self.deadline else {
      return written.map { $0 - (now - self.start) }
    }
    let left = deadline - now
    return written.map { min($0, left) } ?? left
  }
}
