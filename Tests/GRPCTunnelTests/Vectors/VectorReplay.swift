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

internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import RecordedTunnels

/// Plays one role of a recording to an end of ours.
///
/// A frame is sent only when everything that was recorded before it on its stream has happened here,
/// window updates excepted, and our end's window allows it: in one burst, a large message would
/// rightly be refused.
struct VectorReplay {
  /// What was recorded up to the frame that is next.
  private var recorded = RecordedCalls()
  /// What our end has sent.
  private var received = RecordedCalls()
  /// What our end permits to send on each stream; nil without flow control.
  private var credit: [StreamID: Int] = [:]
  private var initialCredit = 0
  private let usesFlowControl: Bool

  init(revision: Int32) {
    self.usesFlowControl = revision > 0
  }

  /// Plays the tunnel client to a tunnel server of ours, until all RPCs have ended.
  mutating func play(
    _ frames: [FrameRecorder.Frame],
    with peer: RawTunnelClient,
    waitsForCloses: Bool = true
  ) async throws {
    for frame in frames {
      if case .fromTunnelClient(let frame) = frame {
        while !self.isDue(frame) {
          try await self.receive(.fromTunnelServer(peer.nextOrThrow()))
        }
        self.spend(frame.payload?.dataByteCount ?? 0, on: frame.streamID)
        try await peer.send(frame)
      }
      self.recorded.receive(frame)
    }
    for id in self.recorded.ids where waitsForCloses && !self.recorded[id].isCancelled {
      while self.received[id].close == nil {
        try await self.receive(.fromTunnelServer(peer.nextOrThrow()))
      }
    }
  }

  /// Plays the tunnel server to a tunnel client of ours.
  mutating func play(
    _ frames: [FrameRecorder.Frame],
    with peer: RawTunnelServer
  ) async throws {
    for frame in frames {
      if case .fromTunnelServer(let frame) = frame {
        while !self.isDue(frame) {
          try await self.receive(.fromTunnelClient(peer.nextOrThrow()))
        }
        self.spend(frame.payload?.dataByteCount ?? 0, on: frame.streamID)
        try await peer.send(frame)
      }
      self.recorded.receive(frame)
    }
  }

  // MARK: - When a frame is due

  private func isDue(_ frame: ClientFrame) -> Bool {
    if let size = frame.payload?.dataByteCount, !self.permits(size, on: frame.streamID) {
      return false
    }
    if self.received.settings == nil { return false }
    let (expected, actual) = (self.recorded[frame.streamID], self.received[frame.streamID])
    return actual.responses.byteCount >= expected.responses.byteCount
      && actual.responses.count >= expected.responses.count
      && (actual.close != nil || expected.close == nil)
  }

  private func isDue(_ frame: ServerFrame) -> Bool {
    if frame.streamID == .tunnel { return true }
    if let size = frame.payload?.dataByteCount, !self.permits(size, on: frame.streamID) {
      return false
    }
    let (expected, actual) = (self.recorded[frame.streamID], self.received[frame.streamID])
    return actual.newStream != nil
      && actual.requests.byteCount >= expected.requests.byteCount
      && actual.requests.count >= expected.requests.count
      && (actual.isHalfClosed || !expected.isHalfClosed)
      && (actual.isCancelled || !expected.isCancelled)
  }

  // MARK: - Windows

  private func permits(_ size: Int, on id: StreamID) -> Bool {
    !self.usesFlowControl || size == 0 || self.credit[id, default: self.initialCredit] >= size
  }

  private mutating func spend(_ size: Int, on id: StreamID) {
    self.credit[id, default: self.initialCredit] -= size
  }

  private mutating func receive(_ frame: FrameRecorder.Frame) {
    switch frame {
    case .fromTunnelServer(let frame):
      if case .settings(let settings) = frame.payload {
        self.initialCredit = Int(settings.initialWindowSize)
      }
      if case .windowUpdate(let increment) = frame.payload {
        self.credit[frame.streamID, default: self.initialCredit] += Int(increment)
      }
    case .fromTunnelClient(let frame):
      if case .newStream(let newStream) = frame.payload {
        self.credit[frame.streamID] = Int(newStream.initialWindowSize)
      }
      if case .windowUpdate(let increment) = frame.payload {
        self.credit[frame.streamID, default: 0] += Int(increment)
      }
    }
    self.received.receive(frame)
  }
}

extension RawPeer {
  /// The next frame; its absence is an error.
  func nextOrThrow() async throws -> Inbound {
    guard let frame = try await self.next() else { throw CarrierEnded() }
    return frame
  }
}

struct CarrierEnded: Error {}
