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

/// All of a stream's response, as it came over the wire.
struct RawResponse {
  var headers: WireMetadata?
  /// The frames of messages, in order.
  var messages: [ServerFrame.Payload]
  var close: CloseStream

  init(of id: StreamID, from peer: RawTunnelClient) async throws {
    self.headers = nil
    self.messages = []
    while true {
      let frame = try await peer.nextOrThrow()
      guard frame.streamID == id else { continue }
      switch frame.payload {
      case .responseHeaders(let headers):
        self.headers = headers
      case .responseMessage, .moreResponseData:
        if let payload = frame.payload { self.messages.append(payload) }
      case .closeStream(let close):
        self.close = close
        return
      case .settings, .windowUpdate, .drain, .none:
        ()
      }
    }
  }
}
