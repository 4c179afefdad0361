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

// Written out for each machine: what stands in an extension of their protocol is not specialized for
// the session, which lives in another module, and looks up its types with every call.
extension TunnelServerStateMachine {
  package mutating func read(_ stream: StreamID) -> StreamReadResult<Part> {
    self.streams.read(stream)
  }

  package mutating func writeReadiness(of stream: StreamID) -> WriteReadiness {
    self.streams.writeReadiness(of: stream)
  }

  package var hasFrames: Bool {
    self.streams.hasFrames
  }

  package mutating func takeFrames(
    into frames: inout [OutboundFrame],
    maximumByteCount: Int,
    now: @autoclosure () -> Duration
  ) -> [StreamID] {
    self.streams.takeFrames(into: &frames, maximumByteCount: maximumByteCount, now: now)
  }

  package var unreadByteCount: Int {
    self.streams.figures.unreadByteCount
  }

  package var isInboundPaused: Bool {
    self.streams.isInboundPaused
  }
}
