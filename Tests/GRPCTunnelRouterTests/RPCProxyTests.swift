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
internal import GRPCTunnel
internal import GRPCTunnelRouter
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("RPCProxy", .timeLimit(.minutes(5)))
struct RPCProxyTests {
  @Test("parts pass both ways, the requests' end too")
  func passesParts() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata(["a": "b", "te": "trailers"]))
      rpc.caller.requests.yield(.message(TestBytes([1])))
      rpc.caller.requests.yield(.message(TestBytes([])))
      rpc.caller.requests.finish()
      #expect(await rpc.nextRequest() == "metadata a=b")
      #expect(await rpc.nextRequest() == "message [1]")
      #expect(await rpc.nextRequest() == "message []")
      #expect(await rpc.nextRequest() == "finished")

      rpc.upstream.responses.yield(.metadata([:]))
      rpc.upstream.responses.yield(.message(TestBytes([2])))
      rpc.upstream.responses.yield(
        .status(Status(code: .notFound, message: "gone"), ["c": "d", ":status": "200"])
      )
      #expect(await rpc.nextResponse() == "metadata")
      #expect(await rpc.nextResponse() == "message [2]")
      #expect(await rpc.nextResponse() == "status notFound 'gone' c=d")
      #expect(await rpc.nextResponse() == "finished")
    }
  }

  @Test("a message without metadata before it gets empty metadata")
  func addsMetadata() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.upstream.responses.yield(.message(TestBytes([2])))
      rpc.upstream.responses.yield(.status(.init(code: .ok, message: ""), [:]))
      #expect(await rpc.nextResponse() == "metadata")
      #expect(await rpc.nextResponse() == "message [2]")
      #expect(await rpc.nextResponse() == "status ok ''")
    }
  }

  @Test("a status ends the RPC while the caller still sends, which cancels its requests")
  func earlyStatus() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      #expect(await rpc.nextRequest() == "metadata")
      rpc.upstream.responses.yield(.status(.init(code: .outOfRange, message: "no more"), [:]))
      #expect(await rpc.nextResponse() == "status outOfRange 'no more'")
      #expect(await rpc.nextResponse() == "finished")
      #expect(await rpc.nextRequest() == "failed cancelled")
    }
  }

  @Test("the other side ends without a status")
  func noStatus() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.upstream.responses.finish()
      #expect(await rpc.nextResponse() == "status unavailable 'The RPC ended without a status.'")
    }
  }

  @Test("the other side fails")
  func upstreamFails() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.upstream.responses.yield(.metadata([:]))
      rpc.upstream.responses.finish(throwing: RPCError(code: .unavailable, message: "lost"))
      #expect(await rpc.nextResponse() == "metadata")
      #expect(await rpc.nextResponse() == "status unavailable 'lost'")
    }
  }

  // MARK: - Cancellation

  @Test("a caller that cancels cancels the other side", arguments: [false, true])
  func callerCancels(afterItsRequests isHalfClosed: Bool) async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      #expect(await rpc.nextRequest() == "metadata")
      if isHalfClosed {
        rpc.caller.requests.finish()
        #expect(await rpc.nextRequest() == "finished")
      }
      rpc.cancellation.cancel()
      // One that is half-closed already is cancelled by leaving its stream.
      if !isHalfClosed { #expect(await rpc.nextRequest() == "failed cancelled") }
      #expect(await rpc.nextResponse() == "status cancelled 'The RPC was cancelled.'")
    }
  }

  @Test("a caller that is lost cancels the other side")
  func callerIsLost() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      #expect(await rpc.nextRequest() == "metadata")
      rpc.caller.requests.finish(throwing: RPCError(code: .unavailable, message: "reset"))
      #expect(await rpc.nextRequest() == "failed cancelled")
      // As a transport does.
      rpc.upstream.responses.finish(throwing: RPCError(code: .cancelled, message: ""))
      #expect(await rpc.nextResponse() == "status cancelled 'The RPC was cancelled.'")
    }
  }

  @Test("a server that drains does not end its RPCs")
  func draining() async throws {
    try await withProxy(isDraining: true) { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.cancellation.cancel()
      rpc.caller.requests.yield(.message(TestBytes([1])))
      #expect(await rpc.nextRequest() == "metadata")
      #expect(await rpc.nextRequest() == "message [1]")
      rpc.upstream.responses.yield(.status(.init(code: .ok, message: ""), [:]))
      #expect(await rpc.nextResponse() == "status ok ''")
    }
  }

  @Test("a caller that is lost while the server drains cancels the other side")
  func callerIsLostWhileDraining() async throws {
    try await withProxy(isDraining: true) { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      #expect(await rpc.nextRequest() == "metadata")
      rpc.caller.responses.close()
      rpc.cancellation.cancel()
      #expect(await rpc.nextRequest() == "failed cancelled")
    }
  }

  @Test("an RPC whose permit is revoked ends on both sides, and gives it back")
  func revoked() async throws {
    let returned = OneShotEvent()
    let permit = RPCPermit { returned.fire() }
    try await withProxy(permit: permit) { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      #expect(await rpc.nextRequest() == "metadata")
      permit.revoke(RPCError(code: .unauthenticated, message: "gone"))
      permit.revoke(RPCError(code: .unknown, message: "too late"))
      #expect(await rpc.nextRequest() == "failed cancelled")
      #expect(await rpc.nextResponse() == "status unauthenticated 'gone'")
    }
    #expect(returned.hasHappened)
  }

  @Test("an RPC that ends gives its permit back")
  func permit() async throws {
    let returned = OneShotEvent()
    try await withProxy(permit: RPCPermit { returned.fire() }) { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.upstream.responses.yield(.status(.init(code: .ok, message: ""), [:]))
      #expect(await rpc.nextResponse() == "status ok ''")
    }
    #expect(returned.hasHappened)
  }

  // MARK: - Deadlines

  @Test(
    "one clean timeout is passed on",
    arguments: [
      (["5S"], "metadata grpc-timeout=5000000u"),
      (["-5S"], "metadata"),
      (["1S", "12345678m"], "metadata grpc-timeout=12346S"),
      (["1S", "x"], "metadata"),
    ]
  )
  func timeout(sent: [String], forwarded: String) async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(
        .metadata(Metadata(sent.map { ("grpc-timeout", .string($0)) }))
      )
      #expect(await rpc.nextRequest() == forwarded)
      rpc.upstream.responses.yield(.status(.init(code: .ok, message: ""), [:]))
    }
  }

  @Test("the deadline ends the RPC on both sides, though the other side does nothing")
  func deadline() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata(["grpc-timeout": "5S"]))
      #expect(await rpc.nextRequest() == "metadata grpc-timeout=5000000u")
      rpc.clock.advance(by: .seconds(5))
      #expect(await rpc.nextRequest() == "failed cancelled")
      #expect(
        await rpc.nextResponse()
          == "status deadlineExceeded 'The deadline of the RPC has passed.'"
      )
    }
  }

  // MARK: - Faults

  @Test("a request that is too large ends the RPC")
  func largeRequest() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.caller.requests.yield(.message(TestBytes(repeating: 0, count: 11)))
      #expect(await rpc.nextRequest() == "metadata")
      #expect(await rpc.nextRequest() == "failed cancelled")
      rpc.upstream.responses.finish(throwing: RPCError(code: .cancelled, message: ""))
      let response = await rpc.nextResponse()
      let start = "status resourceExhausted 'The test does not forward a request message of 11"
      #expect(response?.hasPrefix(start) == true)
    }
  }

  @Test("a response that is too large ends the RPC")
  func largeResponse() async throws {
    try await withProxy { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.upstream.responses.yield(.message(TestBytes(repeating: 0, count: 11)))
      let response = await rpc.nextResponse()
      let start = "status resourceExhausted 'The test does not forward a response message of 11"
      #expect(response?.hasPrefix(start) == true)
    }
  }

  @Test("an RPC that is refused is not started")
  func refused() async throws {
    try await withProxy(refusal: RPCError(code: .invalidArgument, message: "no key")) { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      #expect(await rpc.nextResponse() == "status invalidArgument 'no key'")
      #expect(await rpc.nextResponse() == "finished")
    }
  }

  @Test("an RPC that does not reach the other side gets the error that is made for it")
  func unreachable() async throws {
    let unreachable = { @Sendable (error: RPCError) in
      RPCError(code: .unavailable, message: "upstream: \(error.message)")
    }
    try await withProxy(unreachable: unreachable) { rpc in
      rpc.caller.requests.yield(.metadata([:]))
      rpc.upstream.responses.yield(.status(.init(code: .unavailable, message: "reset"), [:]))
      #expect(await rpc.nextResponse() == "status unavailable 'upstream: reset'")
    }
  }
}

/// One RPC at a proxy.
private struct ProxiedRPC {
  let caller: ScriptedCaller
  let upstream: ScriptedUpstream
  let cancellation: ServerContext.RPCCancellationHandle
  let clock: ManualClock

  func nextRequest() async -> String? {
    await self.upstream.requests.next { part in
      switch part {
      case .metadata(let metadata): "metadata\(Self.text(metadata))"
      case .message(let message): "message \(message.bytes)"
      }
    }
  }

  func nextResponse() async -> String? {
    await self.caller.responses.next { part in
      switch part {
      case .metadata(let metadata): "metadata\(Self.text(metadata))"
      case .message(let message): "message \(message.bytes)"
      case .status(let status, let trailers):
        "status \(status.code) '\(status.message)'\(Self.text(trailers))"
      }
    }
  }

  private static func text(_ metadata: Metadata) -> String {
    metadata.map { " \($0.key)=\($0.value.encoded())" }.joined()
  }
}

extension RecordedParts {
  fileprivate func next(_ text: (Part) -> String) async -> String? {
    for await event in self.events {
      switch event {
      case .part(let part): return text(part)
      case .finished: return "finished"
      case .failed(let code): return "failed \(code.map { "\($0)" } ?? "")"
      }
    }
    return nil
  }
}

/// Runs one RPC through a proxy of messages of at most 10 bytes; waits for its end.
private func withProxy(
  refusal: RPCError? = nil,
  permit: RPCPermit? = nil,
  isDraining: Bool = false,
  unreachable: @escaping @Sendable (RPCError) -> RPCError = { $0 },
  _ body: (ProxiedRPC) async throws -> Void
) async throws {
  let config = RPCProxyConfig(hop: "test", maximumMessageSize: 10)
  let rpc = ProxiedRPC(
    caller: ScriptedCaller(),
    upstream: ScriptedUpstream(),
    cancellation: ServerContext.RPCCancellationHandle(),
    clock: ManualClock()
  )
  let proxy = RPCProxy(config: config, clock: rpc.clock.clock) { _ throws(RPCError) in
    if let refusal { throw refusal }
    var destination = RPCDestination(rpc.upstream, permit: permit)
    destination.unreachable = unreachable
    return destination
  }
  let context = ServerContext(
    descriptor: rpc.caller.stream.descriptor,
    remotePeer: "",
    localPeer: "",
    cancellation: rpc.cancellation
  )
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { await proxy.forward(rpc.caller.stream, context) { isDraining } }
    try await body(rpc)
  }
}
