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

/// What any bytes hold is handed to an application, or read from the carrier's headers: what is read
/// can be written, and is the same when it is read again.
enum TranslationUnderAttack {
  static func run(_ wire: WireMetadata) throws(Violation) {
    for encodesBinaryValues in [true, false] {
      let translator = MetadataTranslator(encodesBinaryValues: encodesBinaryValues)
      guard let metadata = try? translator.metadata(from: wire) else { continue }
      guard let sent = try? translator.wireMetadata(from: metadata) else {
        throw Violation("Metadata that arrived cannot be sent: \(metadata)")
      }
      // Keys that differ in case become one: their values come together.
      let again = (try? translator.metadata(from: sent)).flatMap {
        try? translator.wireMetadata(from: $0)
      }
      try require(again == sent, "Metadata changes on its way: \(metadata)")
    }
    for entry in wire.entries {
      for value in entry.values { try self.run(timeout: value) }
    }
    try self.run(carrier: wire)
  }

  static func run(_ status: WireStatus) throws(Violation) {
    var trailers = Metadata()
    let translated = RichStatus.status(from: status, addingDetailsTo: &trailers)
    let (sent, droppedDetails) = RichStatus.wireStatus(
      for: translated,
      takingDetailsFrom: &trailers
    )
    try require(
      !droppedDetails && sent.details == status.details && sent.message == status.message,
      "A status changes on its way: \(status) is now \(sent)"
    )
    try require(trailers.isEmpty, "Details are left in the trailers")
  }

  private static func run(timeout value: String) throws(Violation) {
    guard let timeout = RPCTimeout.decode(value) else { return }
    let encoded = RPCTimeout.encode(timeout)
    try require(encoded.utf8.count <= 8, "A timeout has too many digits: \(encoded)")
    guard let again = RPCTimeout.decode(encoded) else {
      throw Violation("A timeout cannot be read again: \(encoded)")
    }
    // Never earlier than asked for, but for the values that others do not understand.
    try require(
      again >= timeout || encoded == "2562047H",
      "The timeout \(value) has become \(encoded)"
    )
  }

  /// As if the metadata were the headers of a carrier.
  private static func run(carrier wire: WireMetadata) throws(Violation) {
    var metadata = Metadata()
    for entry in wire.entries {
      for value in entry.values { metadata.addString(value, forKey: entry.key) }
    }
    let headers = CarrierHeaders(metadata)
    var written = Metadata()
    headers.write(into: &written)
    try require(
      CarrierHeaders(written) == headers.agreed(with: headers),
      "The carrier's headers change: \(headers)"
    )
    guard let identity = TunnelIdentity(metadata) else { return }
    identity.write(into: &written)
    try require(TunnelIdentity(written) == identity, "An identity changes: \(identity)")
  }
}
