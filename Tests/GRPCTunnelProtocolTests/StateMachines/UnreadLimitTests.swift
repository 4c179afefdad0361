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

@Suite("What a peer may make an end keep")
struct UnreadLimitTests {
  private static let kilobyte = MessageEnvelope(ArraySlice(repeating: 1, count: 1000))

  @Test("What counts is what waits to be read: messages, metadata and the status")
  func counts() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.write([1, 2, 3], to: id)
    #expect(client.unreadByteCount == 0, "What this end sends does not count")

    _ = client.receive(ServerFrame(id, .responseHeaders(["ab": ["cde"]])))
    #expect(client.unreadByteCount == 37)
    _ = client.receive(ServerFrame(id, .responseMessage(Self.kilobyte)))
    #expect(client.unreadByteCount == 37 + 1064)
    _ = client.receive(ServerFrame(id, .responseMessage(MessageEnvelope([]))))
    #expect(client.unreadByteCount == 37 + 1064 + 64)
    _ = client.receive(ServerFrame(id, .responseMessage(MessageEnvelope(size: 9, data: [1, 2]))))
    #expect(client.unreadByteCount == 37 + 1064 + 64 + 2)
    _ = client.receive(ServerFrame(id, .closeStream(CloseStream(.notFound, "who?"))))
    #expect(client.unreadByteCount == 37 + 1064 + 64 + 2 + 4)

    #expect(client.read(id).part == .headers(["ab": ["cde"]]))
    #expect(client.unreadByteCount == 1064 + 64 + 2 + 4)
    while client.read(id).part != nil {}
    #expect(client.unreadByteCount == 2, "The end of the second message never came")
    client.release(id)
    #expect(client.unreadByteCount == 0)
  }

  @Test("What counts at a tunnel server: the request's headers too")
  func serverCounts() {
    var server = TunnelServerStateMachine.opened()
    _ = server.receive(.newStream(1, headers: ["ab": ["cde"]]))
    _ = server.receive(ClientFrame(1, .requestMessage(Self.kilobyte)))
    #expect(server.unreadByteCount == 37 + 1064)
    _ = server.write([1, 2, 3], to: 1)
    #expect(server.unreadByteCount == 37 + 1064)
    _ = server.read(1)
    #expect(server.unreadByteCount == 1064)
    server.close(1, with: .ok)
    #expect(server.unreadByteCount == 0, "Nobody reads the rest")
    server.release(1)
    #expect(server.unreadByteCount == 0)
  }

  @Test("Nothing is kept of streams that fail, or once the tunnel has ended")
  func nothingLeft() throws {
    for ends in ["cancelled", "tunnel"] {
      var client = TunnelClientStateMachine.opened()
      let id = try client.start()
      _ = client.takeFrames()
      _ = client.receive(ServerFrame(id, .responseHeaders(["ab": ["cde"]])))
      _ = client.receive(ServerFrame(id, .responseMessage(Self.kilobyte)))
      if ends == "cancelled" {
        client.cancel(id, error: RPCError(code: .cancelled, message: ""))
      } else {
        client.close(TunnelEnd(initiator: .remote, error: nil))
      }
      #expect(client.unreadByteCount == 0)
      #expect(client.read(id).errorCode == (ends == "cancelled" ? .cancelled : .unavailable))
    }
  }

  @Test(
    "A peer that keeps to its window is never ended, however small its messages and large its window",
    arguments: [1, 2, 64, 255, 256, 1024]
  )
  func grownWindow(messageSize: Int) {
    var server = TunnelServerStateMachine.opened { $0.maximumWindowSize = 262_144 }
    _ = server.receive(.newStream(1))
    _ = server.read(1)
    var credit = 65_536
    let send = { (size: Int) in
      let envelope = MessageEnvelope(ArraySlice(repeating: 1, count: size))
      _ = server.receive(ClientFrame(1, .requestMessage(envelope)))
      credit -= size
    }
    for _ in 0 ..< 1000 {
      send(1024)
      _ = server.read(1)
      for case .windowUpdate(let increment)? in server.takeFrames().map(\.payload) {
        credit += Int(increment)
      }
    }
    #expect(credit > 131_072)
    let window = credit
    while credit >= messageSize { send(messageSize) }
    #expect(!server.isAborted(1))
    #expect(server.unreadByteCount <= 2 * window + 4096)
  }

  @Test("Beyond the limit of a tunnel the stream that asks for more ends; room is there again")
  func tunnelLimit() throws {
    let configure = { (configuration: inout TunnelConfiguration) in
      configuration.maximumUnreadBytesPerTunnel = 3 * 1064
    }
    var client = TunnelClientStateMachine.opened(configure: configure)
    let (first, second) = (try client.start(), try client.start())
    for id in [first, first, second] {
      _ = client.receive(ServerFrame(id, .responseMessage(Self.kilobyte)))
    }
    #expect(client.activeStreamCount == 2)
    _ = client.receive(ServerFrame(second, .responseMessage(Self.kilobyte)))
    #expect(client.read(second).errorCode == .resourceExhausted)
    #expect(client.unreadByteCount == 2 * 1064)
    _ = client.receive(ServerFrame(first, .responseMessage(Self.kilobyte)))
    #expect(client.activeStreamCount == 1)
    // The end of a stream is never too much.
    _ = client.receive(ServerFrame(first, .closeStream(CloseStream(.notFound, "who?"))))
    #expect(client.read(first).part == .headers([:]))
    for _ in 0 ..< 3 {
      #expect(client.read(first).part == .message(Self.kilobyte.data))
    }
    #expect(client.read(first).part == .close(CloseStream(.notFound, "who?")))
  }

  @Test("A million empty messages that nobody reads: most are not kept, and the stream ends")
  func emptyMessages() throws {
    let maximum = TunnelConfiguration().maximumEmptyMessages
    let message = MessageEnvelope([])
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    var server = TunnelServerStateMachine.opened()
    _ = server.receive(.newStream(1))
    let (response, request) = (
      ServerFrame(id, .responseMessage(message)), ClientFrame(1, .requestMessage(message))
    )
    var (clientKept, serverKept) = (0, 0)
    for _ in 1 ... 1_000_000 {
      _ = client.receive(response)
      _ = server.receive(request)
      clientKept = max(clientKept, client.unreadByteCount)
      serverKept = max(serverKept, server.unreadByteCount)
    }
    #expect(clientKept == 64 * 64 + maximum - 64)
    #expect(serverKept == 64 * 64 + maximum - 64)
    #expect(client.read(id).errorCode == .resourceExhausted)
    #expect(client.unreadByteCount == 0)
    #expect(server.isAborted(1))
    #expect(server.takeFrames().map(\.closeCode) == [.resourceExhausted])
  }

  @Test("A tunnel server that keeps too much refuses further streams, which others may take")
  func refusal() {
    var server = TunnelServerStateMachine.opened(.extended) {
      $0.maximumUnreadBytesPerTunnel = 1100
    }
    _ = server.receive(.newStream(1))
    _ = server.receive(ClientFrame(1, .requestMessage(Self.kilobyte)))
    _ = server.receive(.newStream(2, headers: ["ab": ["cde"]]))
    let close = server.takeFrames().first?.close
    #expect(close?.status?.code == Int32(RPCError.Code.unavailable.rawValue))
    #expect(close?.unprocessed == true)
    #expect(server.closure == nil)

    _ = server.read(1)
    _ = server.read(1)
    #expect(server.receive(.newStream(3, headers: ["ab": ["cde"]])).accepted != nil)
  }

  @Test("The status of a response counts as its metadata")
  func statusLimit() throws {
    let closes = [
      CloseStream(.notFound, String(repeating: "x", count: 101)),
      CloseStream(
        status: WireStatus(
          code: 5,
          details: [WireStatus.Detail(value: ArraySlice(repeating: 0, count: 70))]
        )
      ),
    ]
    for close in closes {
      var client = TunnelClientStateMachine.opened { $0.maximumMetadataSize = 100 }
      let id = try client.start()
      _ = client.takeFrames()
      _ = client.receive(ServerFrame(id, .closeStream(close)))
      #expect(client.read(id).errorCode == .resourceExhausted)
    }
  }
}
