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

/// Translates the metadata of one RPC.
///
/// Headers that begin with `grpctunnel-` belong to a carrier, and do not travel through its tunnel.
/// But where the RPC is itself a carrier, of a tunnel inside this one, they are its own.
struct StreamTranslator: Sendable {
  private let base: MetadataTranslator
  private let isCarrier: Bool

  init(encodesBinaryValues: Bool, service: String) {
    self.base = MetadataTranslator(encodesBinaryValues: encodesBinaryValues)
    self.isCarrier = service == MethodDescriptor.openTunnel.service.fullyQualifiedService
  }

  func wireMetadata(
    from metadata: Metadata
  ) throws(MetadataTranslator.Failure) -> WireMetadata {
    var wire = try self.base.wireMetadata(from: metadata)
    if self.isCarrier {
      for (key, value) in metadata {
        let key = key.lowercased()
        if TransportHeaders.isCarrierKey(key) { wire.append(value.encoded(), forKey: key) }
      }
    }
    return wire
  }

  func metadata(from wire: WireMetadata) throws(MetadataTranslator.Failure) -> Metadata {
    var metadata = try self.base.metadata(from: wire)
    if self.isCarrier {
      for entry in wire.entries {
        let key = entry.key.lowercased()
        guard TransportHeaders.isCarrierKey(key) else { continue }
        for value in entry.values {
          metadata.addString(value, forKey: key)
        }
      }
    }
    return metadata
  }
}
