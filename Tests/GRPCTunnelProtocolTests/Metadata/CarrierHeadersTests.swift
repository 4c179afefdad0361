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
internal import Testing

@Suite("Carrier headers (PROTOCOL.md 3 and 10)")
struct CarrierHeadersTests {
  @Test(
    "Negotiation is on when a value is `on`",
    arguments: [
      ([:], false), (["grpctunnel-negotiate": "on"], true), (["GRPCTunnel-Negotiate": "on"], true),
      (["grpctunnel-negotiate": "off"], false), (["grpctunnel-negotiate": ""], false),
    ] as [(Metadata, Bool)]
  )
  func negotiation(metadata: Metadata, negotiates: Bool) {
    #expect(CarrierHeaders(metadata).negotiates == negotiates)
  }

  @Test(
    "Extensions are tokens between commas; unknown ones are skipped",
    arguments: [
      ("", []), ("drain", [.drain]), ("drain,refused", [.drain, .refused]),
      (" drain ,\tstream-limit,,", [.drain, .streamLimit]), ("drain,drain", [.drain]),
      ("other,binary-metadata", [.binaryMetadata]), ("draining", []),
      ("binary-metadata,drain,refused,stream-limit,identity", Set(TunnelExtension.allCases)),
    ] as [(String, Set<TunnelExtension>)]
  )
  func extensions(value: String, expected: Set<TunnelExtension>) {
    let headers = CarrierHeaders([
      "grpctunnel-negotiate": "on", "grpctunnel-extensions": .string(value),
    ])
    #expect(headers.extensions == expected)
  }

  @Test("Extensions may come in several headers")
  func severalHeaders() {
    var metadata = Metadata()
    metadata.addString("drain", forKey: "grpctunnel-extensions")
    metadata.addString("refused", forKey: "grpctunnel-extensions")
    #expect(CarrierHeaders(metadata).extensions == [.drain, .refused])
  }

  @Test("An extension is on when both name it, and only in a negotiated tunnel")
  func agreement() {
    let one = CarrierHeaders(negotiates: true, extensions: [.drain, .refused])
    let other = CarrierHeaders(negotiates: true, extensions: [.drain, .streamLimit])
    let silent = CarrierHeaders(negotiates: false, extensions: [.drain])
    #expect(one.agreed(with: other) == CarrierHeaders(negotiates: true, extensions: [.drain]))
    #expect(one.agreed(with: silent) == CarrierHeaders(negotiates: false, extensions: []))
    #expect(silent.agreed(with: one) == CarrierHeaders(negotiates: false, extensions: []))
  }

  @Test("What is written is read as the same")
  func roundTrip() {
    let headers = CarrierHeaders(negotiates: true, extensions: Set(TunnelExtension.allCases))
    var metadata: Metadata = ["grpctunnel-negotiate": "off", "kept": "x"]
    headers.write(into: &metadata)
    #expect(CarrierHeaders(metadata) == headers)
    #expect(metadata.count == 3)
  }

  @Test("Without negotiation nothing is written")
  func silence() {
    var metadata = Metadata()
    CarrierHeaders(negotiates: false, extensions: [.drain]).write(into: &metadata)
    #expect(metadata.isEmpty)
  }
}
