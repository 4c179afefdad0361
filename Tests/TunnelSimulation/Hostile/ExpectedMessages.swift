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

internal import DequeModule
internal import GRPCTunnelProtocol

/// What the reader of one direction of a stream has to get, whatever its peer sends: the messages
/// that were complete, in order.
struct ExpectedMessages {
  private var complete: Deque<[UInt8]> = []
  private var partial: (size: UInt32, bytes: [UInt8])?
  private let maximumMessageSize: Int
  /// What the peer may still send, of what it knows; nil when no window limits it.
  private var credit: Int?
  private var emptyCount = 0
  private let maximumEmptyMessages: Int

  /// What a frame does to a stream.
  enum Verdict {
    case fine
    /// The peer has broken a rule, which ends the stream.
    case broken
    /// The peer went past a limit that it could not know, which may end the stream.
    case tooMuch
  }

  init(maximumMessageSize: Int, revision: ProtocolRevision, configuration: TunnelConfiguration) {
    self.maximumMessageSize = maximumMessageSize
    self.credit = revision.usesFlowControl ? Int(configuration.initialWindowSize) : nil
    self.maximumEmptyMessages = revision.usesFlowControl ? configuration.maximumEmptyMessages : .max
  }

  var isInsideMessage: Bool {
    self.partial != nil
  }

  var hasMessage: Bool {
    !self.complete.isEmpty
  }

  mutating func receive(_ envelope: MessageEnvelope) -> Verdict {
    let isWithinWindow = self.take(envelope.data.count)
    guard self.partial == nil, envelope.size <= self.maximumMessageSize,
      envelope.data.count <= envelope.size
    else { return .broken }
    self.partial = (envelope.size, Array(envelope.data))
    self.completeIfWhole()
    return isWithinWindow && self.emptyCount <= self.maximumEmptyMessages ? .fine : .tooMuch
  }

  mutating func receive(_ data: ArraySlice<UInt8>) -> Verdict {
    let isWithinWindow = self.take(data.count)
    guard let partial = self.partial, partial.bytes.count + data.count <= partial.size else {
      return .broken
    }
    self.partial?.bytes.append(contentsOf: data)
    self.completeIfWhole()
    return isWithinWindow && self.emptyCount <= self.maximumEmptyMessages ? .fine : .tooMuch
  }

  /// The peer was told that it may send more.
  mutating func granted(_ increment: UInt32) {
    self.credit = self.credit.map { $0 + Int(increment) }
  }

  mutating func next() -> [UInt8]? {
    guard let message = self.complete.popFirst() else { return nil }
    if message.isEmpty { self.emptyCount -= 1 }
    return message
  }

  /// Nobody is to get what is left.
  mutating func discard() {
    self.complete.removeAll()
  }

  private mutating func take(_ count: Int) -> Bool {
    guard let credit = self.credit else { return true }
    self.credit = credit - count
    return count <= credit
  }

  private mutating func completeIfWhole() {
    guard let partial = self.partial, partial.bytes.count == partial.size else { return }
    self.complete.append(partial.bytes)
    if partial.bytes.isEmpty { self.emptyCount += 1 }
    self.partial = nil
  }
}
