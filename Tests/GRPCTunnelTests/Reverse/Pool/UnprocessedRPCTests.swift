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
internal import GRPCTunnelTestSupport
internal import Testing

@testable internal import GRPCTunnel

/// PROTOCOL.md 10, frame by frame; ``MovedRPCTests`` look at the same from outside.
@Suite("An RPC that is moved from one tunnel to another", .timeLimit(.minutes(5)))
struct UnprocessedRPCTests {
  private static func call(
    _ messages: [[UInt8]] = [[1], [2, 3]],
    options: CallOptions = .defaults
  ) -> ControlCall {
    ControlCall(
      .clientStreaming,
      [.echo],
      messages: messages,
      metadata: ["echo-name": "value"],
      options: options
    )
  }

  private static var waiting: CallOptions {
    .defaults { $0.waitForReady = true }
  }

  /// Why a tunnel has not processed an RPC of which everything was sent.
  enum Fact: CaseIterable {
    case refused
    case drain
  }

  @Test("goes to another one, with all that was sent", arguments: Fact.allCases)
  func moved(fact: Fact) async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open())
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call())
      let (id, original) = try await first.nextStream()
      #expect(try await first.messages(of: id) == [[1], [2, 3]])
      #expect(tunnels.load(of: first) == 1)
      switch fact {
      case .refused: first.refuse(id)
      case .drain: first.receive(.drain(last: 0))
      }
      let (next, copy) = try await second.nextStream()
      #expect(copy.methodName == original.methodName)
      #expect(copy.requestHeaders == original.requestHeaders)
      #expect(try await second.messages(of: next) == [[1], [2, 3]])
      #expect(tunnels.load(of: first) == 0)
      #expect(tunnels.load(of: second) == 1)
      second.answer(next, [9])
      let got = try await reply
      #expect(got.error == nil)
      #expect(got.messages == [[9]])
    }
    #expect(tunnels.load(of: second) == 0)
    #expect(!first.hasFrames)
  }

  @Test("goes to another one when nothing had left before the tunnel was lost")
  func lostBeforeItLeft() async throws {
    let tunnels = HandTunnels()
    // Of a peer that knows no extensions.
    let (first, second) = (tunnels.open(extensions: []), tunnels.open(extensions: []))
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call())
      try await tunnels.waitForStream(in: first)
      first.lose()
      let (id, _) = try await second.nextStream()
      #expect(try await second.messages(of: id) == [[1], [2, 3]])
      second.answer(id, [9])
      #expect(try await reply.messages == [[9]])
    }
  }

  @Test("is not moved when its tunnel is lost, if anything had left")
  func lostAfterItLeft() async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open())
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call())
      _ = try await first.nextStream()
      first.lose()
      #expect(try await reply.error?.code == .unavailable)
    }
    #expect(!second.hasFrames)
    #expect(second.session.inspect { $0.figures.streamsStarted } == 0)
  }

  @Test("stays in a tunnel that drains when its server processes it")
  func processedByDraining() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call())
      let (id, _) = try await first.nextStream()
      _ = try await first.messages(of: id)
      first.receive(.drain(last: 1))
      first.answer(id, [9])
      #expect(try await reply.messages == [[9]])
    }
  }

  // MARK: - How much is kept

  @Test("is moved when all that was sent is one initial window, and not beyond", arguments: [0, 1])
  func window(excess: Int) async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open())
    let messages = [[UInt8](pattern: 65_536 - 100), [UInt8](pattern: 100 + excess)]
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call(messages))
      let (id, _) = try await first.nextStream()
      if excess == 0 {
        _ = try await first.messages(of: id)
      } else {
        // The last message is beyond the peer's window, which the peer has not opened.
        var count = 0
        while count < 65_536 {
          switch try await first.next().payload {
          case .requestMessage(let envelope): count += envelope.data.count
          case .moreRequestData(let data): count += data.count
          default: ()
          }
        }
      }
      first.refuse(id, "too late")
      if excess == 0 {
        let (next, _) = try await second.nextStream()
        second.receive(
          ServerFrame(streamID: next, payload: .windowUpdate(65_536))
        )
        #expect(try await second.messages(of: next) == messages)
        second.answer(next, [9])
        #expect(try await reply.messages == [[9]])
      } else {
        let error = try await reply.error
        #expect(error?.code == .unavailable)
        #expect(error?.message == "too late")
        #expect(!second.hasFrames)
      }
    }
  }

  /// What is written while the RPC is moved: within the limit, and far beyond.
  private static let later: [[[UInt8]]] = [
    [[2], [3]],
    (0 ..< 4).map { _ in [UInt8](pattern: 60_000) },
  ]

  @Test("gets what is written while it is moved, in order", arguments: Self.later)
  func writtenMeanwhile(messages: [[UInt8]]) async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    try await tunnels.withClient { client in
      let isRefused = OneShotEvent()
      async let reply = client.bidirectionalStreaming(
        request: StreamingClientRequest<[UInt8]>(metadata: ["name": "value"]) { writer in
          try await writer.write([1])
          try await isRefused.wait()
          for message in messages {
            try await writer.write(message)
          }
        },
        descriptor: RPCKind.bidirectional.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: Self.waiting
      ) { response in
        try await response.messages.reduce(into: []) { $0.append($1) }
      }
      let (id, _) = try await first.nextStream()
      first.refuse(id)
      // There is no other tunnel yet, so that the RPC is in none.
      try await tunnels.waitForWaiter()
      isRefused.fire()
      let second = tunnels.open()
      let (next, _) = try await second.nextStream()
      second.receive(ServerFrame(streamID: next, payload: .windowUpdate(1_000_000)))
      #expect(try await second.messages(of: next) == [[1]] + messages)
      second.answer(next, [9])
      #expect(try await reply == [[9]])
    }
  }

  // MARK: - When there is no other tunnel

  @Test("fails with the last refusal when all have refused it")
  func allTried() async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open())
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call())
      first.refuse(try await first.nextStream().id, "first")
      second.refuse(try await second.nextStream().id, "second")
      let error = try await reply.error
      #expect(error?.code == .unavailable)
      #expect(error?.message == "second")
    }
    #expect(tunnels.load(of: first) == 0)
    #expect(tunnels.load(of: second) == 0)
  }

  @Test("waits for another tunnel if its caller waits for tunnels")
  func waitsForTunnels() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call(options: Self.waiting))
      first.refuse(try await first.nextStream().id)
      try await tunnels.waitForWaiter()
      let second = tunnels.open()
      let (id, _) = try await second.nextStream()
      second.answer(id, [9])
      #expect(try await reply.messages == [[9]])
    }
  }

  @Test("is tried again, after a pause, in the tunnel that has refused it, if its caller waits")
  func triedAgain() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call(options: Self.waiting))
      for round in 1 ... 3 {
        first.refuse(try await first.nextStream().id)
        try await tunnels.clock.waitForSleeper(until: .milliseconds(100 * round))
        tunnels.clock.advance(by: .milliseconds(100))
      }
      let (id, _) = try await first.nextStream()
      #expect(try await first.messages(of: id) == [[1], [2, 3]])
      first.answer(id, [9])
      #expect(try await reply.messages == [[9]])
    }
  }

  @Test("waits for a place in another tunnel")
  func waitsForPlace() async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open(maximumConcurrentStreams: 1))
    try await tunnels.withClient { client in
      // One for each tunnel, in turn.
      async let refused = client.call(Self.call())
      let (id, _) = try await first.nextStream()
      async let other = client.call(Self.call())
      let (otherID, _) = try await second.nextStream()
      first.refuse(id)
      try await tunnels.waitForWaiter()
      second.answer(otherID, [8])
      #expect(try await other.messages == [[8]])
      let (next, _) = try await second.nextStream()
      second.answer(next, [9])
      #expect(try await refused.messages == [[9]])
    }
  }

  @Test("has less time the longer it takes to be moved")
  func deadline() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    var options = Self.waiting
    options.timeout = .seconds(50)
    let call = Self.call(options: options)
    async let reply = tunnels.transport.directCall(call)
    let (_, original) = try await first.nextStream()
    #expect(original.timeout == .seconds(50))
    first.receive(.drain(last: 0))
    try await tunnels.clock.waitForSleeper(until: .seconds(50))
    tunnels.clock.advance(by: .seconds(20))
    let second = tunnels.open()
    let (next, copy) = try await second.nextStream()
    #expect(copy.timeout == .seconds(30))
    second.answer(next, [9])
    #expect(try await reply.count == 3)
  }

  @Test("fails at its deadline, if that passes while it waits for another tunnel")
  func deadlinePasses() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    var options = Self.waiting
    options.timeout = .seconds(50)
    async let failure = tunnels.transport.directCallFailure(Self.call(options: options))
    first.refuse(try await first.nextStream().id)
    try await tunnels.clock.waitForSleeper(until: .seconds(50))
    tunnels.clock.advance(by: .seconds(50))
    #expect(await failure?.code == .deadlineExceeded)
    #expect(tunnels.load(of: first) == 0)
  }

  @Test("ends with its task while it waits for another tunnel")
  func cancelled() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let failure = await tunnels.transport.directCallFailure(Self.call(options: Self.waiting))
        #expect(failure?.code == .cancelled)
      }
      first.refuse(try await first.nextStream().id)
      try await tunnels.waitForWaiter()
      group.cancelAll()
      try await group.waitForAll()
    }
    let second = tunnels.open()
    #expect(!second.hasFrames)
  }

  @Test("ends with its request while it waits for another tunnel")
  func requestFails() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    let isRefused = OneShotEvent()
    try await tunnels.withClient { client in
      async let failure = client.clientStreaming(
        request: StreamingClientRequest<[UInt8]>(metadata: [:]) { _ in
          try await isRefused.wait()
          throw RPCError(code: .dataLoss, message: "no more")
        },
        descriptor: RPCKind.clientStreaming.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: Self.waiting
      ) { response in
        guard case .failure(let error) = response.accepted else { return RPCError.Code?.none }
        return error.code
      }
      first.refuse(try await first.nextStream().id)
      try await tunnels.waitForWaiter()
      isRefused.fire()
      #expect(try await failure == .unavailable)
    }
  }

  @Test("fails with the refusal when its transport shuts down while it waits for another tunnel")
  func shutdown() async throws {
    let tunnels = HandTunnels()
    let first = tunnels.open()
    try await tunnels.withClient { client in
      async let reply = client.call(Self.call(options: Self.waiting))
      first.refuse(try await first.nextStream().id, "first")
      try await tunnels.waitForWaiter()
      client.beginGracefulShutdown()
      let error = try await reply.error
      #expect(error?.code == .unavailable)
      #expect(error?.message == "first")
    }
  }

  // MARK: - Before anything was sent

  @Test("starts in another one when its tunnel goes before it starts", arguments: [false, true])
  func goesBeforeStart(drains: Bool) async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open())
    async let parts = tunnels.transport.withStream(
      descriptor: RPCKind.unary.controlMethod,
      options: .defaults
    ) { stream, context in
      #expect(context.remotePeer == "\(first.tunnel.id)")
      if drains {
        first.receive(.drain(last: 0))
      } else {
        first.lose()
      }
      try await stream.outbound.write(.metadata(["echo-name": "value"]))
      try await stream.outbound.write(.message(TunnelMessageBytes([1])))
      await stream.outbound.finish()
      return try await stream.inbound.reduce(into: 0) { count, _ in count += 1 }
    }
    let (id, _) = try await second.nextStream()
    #expect(try await second.messages(of: id) == [[1]])
    second.answer(id, [9])
    #expect(try await parts == 3)
  }

  @Test("metadata that cannot be sent fails the RPC, which is tried nowhere else")
  func unsendable() async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open())
    try await tunnels.withClient { client in
      var call = Self.call()
      call.metadata = ["name-bin": .binary([0xff])]
      let reply = try await client.call(call)
      #expect(reply.error?.code == .internalError)
    }
    #expect(!first.hasFrames)
    #expect(!second.hasFrames)
    #expect(first.session.inspect { $0.isReady })
    #expect(tunnels.load(of: first) == 0)
  }

  @Test("a message above the caller's limit fails the RPC")
  func messageTooLarge() async throws {
    let tunnels = HandTunnels()
    let (first, second) = (tunnels.open(), tunnels.open())
    try await tunnels.withClient { client in
      let call = Self.call([[1, 2, 3]], options: .defaults { $0.maxRequestMessageBytes = 2 })
      let reply = try await client.call(call)
      #expect(reply.error?.code == .resourceExhausted)
    }
    #expect(tunnels.load(of: first) == 0)
    #expect(!second.hasFrames)
  }
}

extension HandTunnels {
  /// Returns when an RPC has started in a tunnel, of which nothing has left.
  fileprivate func waitForStream(in tunnel: HandTunnel) async throws {
    while tunnel.session.inspect({ $0.activeStreamCount == 0 }) {
      try Task.checkCancellation()
      await Task.yield()
    }
  }
}

extension ServerFrame {
  fileprivate static func drain(last: StreamID) -> ServerFrame {
    ServerFrame(streamID: .tunnel, payload: .drain(Drain(lastStreamID: last)))
  }
}
