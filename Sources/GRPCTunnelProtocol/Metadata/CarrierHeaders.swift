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

/// What two ends of a carrier tell each other in its headers (PROTOCOL.md 3 and 10).
package struct CarrierHeaders: Hashable, Sendable {
  package static let negotiateKey = "grpctunnel-negotiate"
  package static let extensionsKey = "grpctunnel-extensions"

  /// Whether settings are exchanged.
  package var negotiates: Bool

  package var extensions: Set<TunnelExtension>

  package init(negotiates: Bool, extensions: Set<TunnelExtension>) {
    self.negotiates = negotiates
    self.extensions = extensions
  }

  /// Reads the headers that the peer sent.
  package init(_ metadata: Metadata) {
    self.negotiates = metadata[stringValues: Self.negotiateKey].contains("on")
    self.extensions = []
    for value in metadata[stringValues: Self.extensionsKey] {
      for token in value.split(separator: ",") {
        let name = token.filter { $0 != " " && $0 != "\t" }
        self.extensions.formUnion(TunnelExtension(rawValue: name).map { [$0] } ?? [])
      }
    }
  }

  /// What both sides have said; extensions go with negotiation only.
  package func agreed(with peer: CarrierHeaders) -> CarrierHeaders {
    let negotiates = self.negotiates && peer.negotiates
    return CarrierHeaders(
      negotiates: negotiates,
      extensions: negotiates ? self.extensions.intersection(peer.extensions) : []
    )
  }

  /// Writes the headers to send into the metadata of the carrier.
  package func write(into metadata: inout Metadata) {
    guard self.negotiates else { return }
    metadata.replaceOrAddString("on", forKey: Self.negotiateKey)
    if !self.extensions.isEmpty {
      let tokens = self.extensions.map(\.rawValue).sorted().joined(separator: ",")
      metadata.replaceOrAddString(tokens, forKey: Self.extensionsKey)
    }
  }
}

/// The extensions of the protocol; each is on when both sides name it (PROTOCOL.md 10).
package enum TunnelExtension: String, Hashable, Sendable, CaseIterable {
  /// Values of `-bin` keys travel as unpadded base64, so that any bytes can.
  case binaryMetadata = "binary-metadata"
  /// The tunnel server says when it takes no more streams, and which it still processes.
  case drain
  /// A refused stream is marked as not processed.
  case refused
  /// The tunnel server announces how many streams may be open at once.
  case streamLimit = "stream-limit"
  /// A network client that dials again replaces its old tunnel.
  case identity
}
