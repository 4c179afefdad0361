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

/// Names the place that a reverse tunnel takes: a tunnel with the same identity, under the same key,
/// is replaced by it (extension `identity`, PROTOCOL.md 10).
package struct TunnelIdentity: Hashable, Sendable {
  package static let instanceKey = "grpctunnel-instance"
  package static let slotKey = "grpctunnel-slot"

  /// Who dials; random, so that nobody else has it.
  package var instance: String

  /// Which of the tunnels of who dials.
  package var slot: Int

  package init(instance: String, slot: Int) {
    self.instance = instance
    self.slot = slot
  }

  /// Reads the carrier's headers, in which a peer can write anything: nil unless they hold one valid
  /// value each.
  package init?(_ metadata: Metadata) {
    guard let instance = Self.onlyValue(Self.instanceKey, metadata),
      let slot = Self.onlyValue(Self.slotKey, metadata),
      (1 ... Self.maximumInstanceLength).contains(instance.utf8.count),
      instance.utf8.allSatisfy({ Self.isAllowedInInstance($0) }),
      (1 ... Self.maximumSlotLength).contains(slot.utf8.count),
      slot.utf8.allSatisfy({ UInt8(ascii: "0") ... UInt8(ascii: "9") ~= $0 }),
      let number = Int(slot)
    else { return nil }
    self.init(instance: instance, slot: number)
  }

  /// Writes the headers to send into the metadata of the carrier.
  package func write(into metadata: inout Metadata) {
    metadata.replaceOrAddString(self.instance, forKey: Self.instanceKey)
    metadata.replaceOrAddString("\(self.slot)", forKey: Self.slotKey)
  }

  /// A name for one who dials: 128 random bits.
  package static func makeInstance(using generator: inout some RandomNumberGenerator) -> String {
    let digits = Array("0123456789abcdef")
    return String((0 ..< 32).map { _ in digits[Int.random(in: 0 ..< 16, using: &generator)] })
  }

  private static let maximumInstanceLength = 64
  private static let maximumSlotLength = 5

  private static func isAllowedInInstance(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "a") ... UInt8(ascii: "z"),
      UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default:
      false
    }
  }

  private static func onlyValue(_ key: String, _ metadata: Metadata) -> String? {
    var values = metadata[stringValues: key].makeIterator()
    guard let value = values.next(), values.next() == nil else { return nil }
    return value
  }
}
