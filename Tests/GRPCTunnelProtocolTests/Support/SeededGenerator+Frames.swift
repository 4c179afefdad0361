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
internal import TunnelSimulation

/// Frames with whatever their types can hold, sensible or not.
extension SeededGenerator {
  mutating func clientFrame() -> ClientFrame {
    ClientFrame(streamID: self.streamID(), payload: self.clientPayload())
  }

  mutating func serverFrame() -> ServerFrame {
    ServerFrame(streamID: self.streamID(), payload: self.serverPayload())
  }

  private mutating func clientPayload() -> ClientFrame.Payload? {
    switch self.int(below: 7) {
    case 0: .newStream(self.newStream())
    case 1: .requestMessage(self.messageEnvelope())
    case 2: .moreRequestData(self.bytes()[...])
    case 3: .halfClose
    case 4: .cancel
    case 5: .windowUpdate(self.uint32())
    default: nil
    }
  }

  private mutating func serverPayload() -> ServerFrame.Payload? {
    switch self.int(below: 8) {
    case 0: .responseHeaders(self.wireMetadata())
    case 1: .responseMessage(self.messageEnvelope())
    case 2: .moreResponseData(self.bytes()[...])
    case 3: .closeStream(self.closeStream())
    case 4: .settings(self.settings())
    case 5: .windowUpdate(self.uint32())
    case 6: .drain(Drain(lastStreamID: self.streamID()))
    default: nil
    }
  }

  mutating func streamID() -> StreamID {
    StreamID(rawValue: self.isOne(in: 5) ? -1 : Int64(bitPattern: self.bits64()))
  }

  private mutating func uint32() -> UInt32 {
    UInt32(truncatingIfNeeded: self.bits64())
  }

  private mutating func revision() -> ProtocolRevision {
    ProtocolRevision(rawValue: self.pick([0, 1, Int32(truncatingIfNeeded: self.bits64())]))
  }

  private mutating func newStream() -> NewStream {
    NewStream(
      methodName: self.string(),
      requestHeaders: self.isOne(in: 3) ? nil : self.wireMetadata(),
      initialWindowSize: self.uint32(),
      protocolRevision: self.revision()
    )
  }

  private mutating func messageEnvelope() -> MessageEnvelope {
    MessageEnvelope(size: self.uint32(), data: self.bytes()[...])
  }

  private mutating func settings() -> Settings {
    Settings(
      supportedProtocolRevisions: (0 ..< self.int(below: 4)).map { _ in self.revision() },
      initialWindowSize: self.uint32(),
      maxConcurrentStreams: self.uint32()
    )
  }

  private mutating func closeStream() -> CloseStream {
    CloseStream(
      responseTrailers: self.isOne(in: 3) ? nil : self.wireMetadata(),
      status: self.isOne(in: 3) ? nil : self.wireStatus(),
      unprocessed: self.isOne(in: 2)
    )
  }

  mutating func wireStatus() -> WireStatus {
    WireStatus(
      code: Int32(truncatingIfNeeded: self.bits64()),
      message: self.string(),
      details: (0 ..< self.int(below: 4)).map { _ in
        WireStatus.Detail(typeURL: self.string(), value: self.bytes()[...])
      }
    )
  }

  mutating func wireMetadata() -> WireMetadata {
    var metadata = WireMetadata()
    // Some have more keys than metadata without an index.
    for _ in 0 ..< self.pick([0, 1, self.int(below: 6), self.int(below: 6), self.int(below: 40)]) {
      let values = (0 ..< self.int(below: 4)).map { _ in self.string() }
      metadata.set(values, forKey: self.string())
    }
    return metadata
  }
}
