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
internal import Testing

/// What ends when a peer does something that it should not do (PROTOCOL.md 7).
enum HostileOutcome: Sendable {
  /// Nothing does.
  case nothing
  /// This stream does, with this status.
  case stream(StreamID, Status.Code)
  /// The peer itself ends stream 1, and the application sees this status.
  case status(Status.Code)
  /// The tunnel does, with INTERNAL.
  case tunnel
}

/// What a tunnel client does.
typealias HostileClientCase = HostileCase<ClientFrame>

/// What a tunnel server does.
typealias HostileServerCase = HostileCase<ServerFrame>

/// What a peer does, and what ends of it.
struct HostileCase<Frame: ProtobufMessage & Sendable>: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Carrier messages.
  var messages: [[UInt8]]
  var outcome: HostileOutcome
  /// Whether the application reads what it is sent.
  var isRead: Bool

  init(
    _ description: String,
    _ frames: [Frame],
    _ outcome: HostileOutcome,
    isRead: Bool = true
  ) {
    self.init(description, bytes: frames.map { $0.encoded() }, outcome, isRead: isRead)
  }

  init(
    _ description: String,
    bytes messages: [[UInt8]],
    _ outcome: HostileOutcome,
    isRead: Bool = true
  ) {
    self.testDescription = description
    self.messages = messages
    self.outcome = outcome
    self.isRead = isRead
  }
}
