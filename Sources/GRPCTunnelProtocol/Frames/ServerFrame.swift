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

/// One carrier message from the tunnel server to the tunnel client (`ServerToClient`).
package struct ServerFrame: Hashable, Sendable {
  package var streamID: StreamID

  /// What the frame carries; nil when none was set or the receiver does not know its kind.
  package var payload: Payload?

  package init(streamID: StreamID, payload: Payload?) {
    self.streamID = streamID
    self.payload = payload
  }

  package enum Payload: Hashable, Sendable {
    case responseHeaders(WireMetadata)
    case responseMessage(MessageEnvelope)
    case moreResponseData(ArraySlice<UInt8>)
    case closeStream(CloseStream)
    case settings(Settings)
    case windowUpdate(UInt32)
    case drain(Drain)
  }
}
