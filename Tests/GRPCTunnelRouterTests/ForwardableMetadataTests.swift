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
internal import GRPCTunnelRouter
internal import Testing

@Suite("What metadata is forwarded")
struct ForwardableMetadataTests {
  @Test("what belongs to the application passes, in its order")
  func application() {
    let metadata: Metadata = [
      "user-agent": "someone/1.0",
      "text": "one",
      "text": "two",
      "empty": "",
      "grpc-status-details-bin": .binary([8, 5]),
      "raw-bin": .binary([0xff, 0x00]),
      "raw-bin": "/wA",
      "utf8": "grüße",
    ]
    #expect(metadata.forwardable() == metadata)
  }

  @Test(
    "headers of a hop stay behind",
    arguments: [
      ":path", ":status", "te", "content-type", "host", "connection", "grpc-timeout",
      "grpc-encoding", "grpc-accept-encoding", "grpc-status", "grpc-message",
      "grpctunnel-negotiate", "grpctunnel-tunnel-id", "Content-Type",
    ]
  )
  func hop(key: String) {
    #expect([key: "x"].forwardable() == [:])
  }

  @Test("a tunnel's own headers pass with the RPC that carries it, and with no other")
  func carrier() {
    let metadata: Metadata = [
      "grpctunnel-negotiate": "on", "grpctunnel-tunnel-id": "tunnel-1", "te": "trailers",
    ]
    #expect(metadata.forwardable(isCarrier: true) == ["grpctunnel-negotiate": "on"])
    #expect(metadata.forwardable() == [:])
  }

  @Test("keys are passed on in lower case")
  func lowercases() {
    #expect(["X-Custom": "Value"].forwardable() == ["x-custom": "Value"])
  }

  @Test(
    "what HTTP/2 does not allow is dropped",
    arguments: [
      ("", "x"), ("a b", "x"), ("ä", "x"), ("a:b", "x"), ("a\n", "x"),
      ("a", "x\ny"), ("a", "x\r"), ("a", "\0"), ("a", "\u{7f}"), ("a-bin", "\u{1}"),
    ]
  )
  func invalid(key: String, value: String) {
    #expect([key: .string(value)].forwardable() == [:])
  }

  @Test("space around values is dropped", arguments: [" x y ", "\tx y", "x y \t "])
  func space(value: String) {
    #expect(["a": .string(value)].forwardable() == ["a": "x y"])
  }

  @Test("binary values that were joined are taken apart")
  func joined() {
    #expect(["a-bin": "/wA, AAE="].forwardable() == ["a-bin": "/wA", "a-bin": "AAE="])
  }
}

extension Dictionary where Key == String, Value == Metadata.Value {
  fileprivate func forwardable() -> Metadata {
    Metadata(self.map { ($0.key, $0.value) }).forwardable()
  }
}
