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

@Suite("Rich errors (PROTOCOL.md 4)")
struct RichStatusTests {
  private static let details = [
    WireStatus.Detail(typeURL: "type.googleapis.com/a.B", value: [1, 2, 3]),
    WireStatus.Detail(typeURL: "", value: []),
  ]

  private func trailers(_ status: WireStatus) -> Metadata {
    [RichStatus.trailerKey: .binary(status.encoded()), "kept": "x"]
  }

  @Test("Details move from the trailers to the status; its own code and message win")
  func outgoing() {
    var trailers = self.trailers(WireStatus(code: 3, message: "other", details: Self.details))
    let (status, dropped) = RichStatus.wireStatus(
      for: Status(code: .notFound, message: "gone"),
      takingDetailsFrom: &trailers
    )
    #expect(status == WireStatus(code: 5, message: "gone", details: Self.details))
    #expect(!dropped)
    #expect(trailers == ["kept": "x"])
  }

  @Test("Details in base64, as the HTTP/2 transport leaves them")
  func outgoingText() {
    let encoded = Metadata.Value.binary(WireStatus(details: Self.details).encoded()).encoded()
    var trailers: Metadata = ["Grpc-Status-Details-Bin": .string(encoded)]
    let (status, dropped) = RichStatus.wireStatus(
      for: Status(code: .ok, message: ""),
      takingDetailsFrom: &trailers
    )
    #expect(status.details == Self.details)
    #expect(!dropped)
    #expect(trailers.isEmpty)
  }

  @Test("A status without details stays as it is")
  func outgoingWithout() {
    var trailers: Metadata = ["kept": "x"]
    let (status, dropped) = RichStatus.wireStatus(
      for: Status(code: .aborted, message: "m"),
      takingDetailsFrom: &trailers
    )
    #expect(status == WireStatus(code: 10, message: "m"))
    #expect(!dropped)
    #expect(trailers == ["kept": "x"])
  }

  @Test(
    "Details that cannot be read are dropped, and the status stays",
    arguments: [
      .binary([0xff]), .binary([0x12, 0x05, 0x61]), .string("not base64!"),
      // A message, and a type URL, that are not UTF-8.
      .binary([0x12, 0x01, 0xff]), .binary([0x1a, 0x03, 0x0a, 0x01, 0xff]),
    ] as [Metadata.Value]
  )
  func unreadable(value: Metadata.Value) {
    var trailers: Metadata = [RichStatus.trailerKey: value, "kept": "x"]
    let (status, dropped) = RichStatus.wireStatus(
      for: Status(code: .dataLoss, message: "real"),
      takingDetailsFrom: &trailers
    )
    #expect(status == WireStatus(code: 15, message: "real"))
    #expect(dropped)
    #expect(trailers == ["kept": "x"])
  }

  @Test("Details in a status become a trailer with its code and message")
  func incoming() throws {
    var trailers: Metadata = ["kept": "x"]
    let wire = WireStatus(code: 5, message: "gone", details: Self.details)
    let status = RichStatus.status(from: wire, addingDetailsTo: &trailers)
    #expect(status == Status(code: .notFound, message: "gone"))
    #expect(trailers.count == 2)
    let bytes = try #require(
      Array(trailers[binaryValues: RichStatus.trailerKey]).first
    )
    #expect(try WireStatus(decoding: bytes[...]) == wire)
  }

  @Test("Without details there is no trailer")
  func incomingWithout() {
    var trailers = Metadata()
    let status = RichStatus.status(
      from: WireStatus(code: 7, message: "m"),
      addingDetailsTo: &trailers
    )
    #expect(status == Status(code: .permissionDenied, message: "m"))
    #expect(trailers.isEmpty)
  }

  @Test("No status means OK")
  func absent() {
    var trailers = Metadata()
    #expect(RichStatus.status(from: nil, addingDetailsTo: &trailers).code == .ok)
  }

  @Test("Codes 0 to 16 are what they are", arguments: 0 ... 16)
  func codes(code: Int) {
    var trailers = Metadata()
    let status = RichStatus.status(
      from: WireStatus(code: Int32(code)),
      addingDetailsTo: &trailers
    )
    #expect(status.code.rawValue == code)
  }

  @Test("Other codes are UNKNOWN, in the trailer too", arguments: [-1, 17, Int32.min, Int32.max])
  func otherCodes(code: Int32) throws {
    var trailers = Metadata()
    let wire = WireStatus(code: code, message: "m", details: Self.details)
    let status = RichStatus.status(from: wire, addingDetailsTo: &trailers)
    #expect(status == Status(code: .unknown, message: "m"))
    let bytes = try #require(Array(trailers[binaryValues: RichStatus.trailerKey]).first)
    #expect(try WireStatus(decoding: bytes[...]).code == 2)
  }
}
