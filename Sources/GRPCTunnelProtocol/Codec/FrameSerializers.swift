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

/// Writes frames of the tunnel client for the carrier.
package struct ClientFrameSerializer: MessageSerializer {
  package init() {}

  package func serialize<Bytes: GRPCContiguousBytes>(_ message: ClientFrame) throws -> Bytes {
    message.encoded()
  }
}

/// Writes frames of the tunnel server for the carrier.
package struct ServerFrameSerializer: MessageSerializer {
  package init() {}

  package func serialize<Bytes: GRPCContiguousBytes>(_ message: ServerFrame) throws -> Bytes {
    message.encoded()
  }
}

/// Reads frames of the tunnel client from the carrier.
package struct ClientFrameDeserializer: MessageDeserializer {
  package init() {}

  /// Throws an `RPCError` with the code `internalError` for a malformed frame (PROTOCOL.md 7).
  package func deserialize<Bytes: GRPCContiguousBytes>(
    _ serializedMessageBytes: Bytes
  ) throws -> ClientFrame {
    do throws(FrameDecodingError) {
      return try ClientFrame(decoding: serializedMessageBytes)
    } catch {
      throw RPCError(malformed: "ClientToServer", error)
    }
  }
}

/// Reads frames of the tunnel server from the carrier.
package struct ServerFrameDeserializer: MessageDeserializer {
  package init() {}

  /// Throws an `RPCError` with the code `internalError` for a malformed frame (PROTOCOL.md 7).
  package func deserialize<Bytes: GRPCContiguousBytes>(
    _ serializedMessageBytes: Bytes
  ) throws -> ServerFrame {
    do throws(FrameDecodingError) {
      return try ServerFrame(decoding: serializedMessageBytes)
    } catch {
      throw RPCError(malformed: "ServerToClient", error)
    }
  }
}

extension RPCError {
  fileprivate init(malformed message: String, _ error: FrameDecodingError) {
    self.init(
      code: .internalError,
      message: "The tunnel's peer sent a malformed \(message) message: \(error).",
      cause: error
    )
  }
}
