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
internal import GRPCTunnelTestSupport
internal import Testing

/// A handler learns from its RPC's cancellation handle that the RPC is over. One that only saw its
/// task cancelled could not tell why.
@Suite("Handlers of tunnels that end", .timeLimit(.minutes(1)))
struct HandlerCancellationTests {
  @Test("when a drain has taken too long, the RPC is cancelled before the handler's task")
  func drainTimeout() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    let service = TunnelService(services: [WatchfulService(events: events)], clock: clock.clock)
    try await withGRPCServer(transport: pair.server, services: [service]) { server in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await peer.send(.call(1, ControlCall(.bidirectional, [])))
      try await events.wait(for: "started")
      server.beginGracefulShutdown()
      try await clock.waitForSleeper(until: .seconds(30))
      clock.advance(by: .seconds(30))
      try await events.wait(for: "ended")
      #expect(events.hasHappened("RPC cancelled"))
      #expect(!events.hasHappened("only the task cancelled"))
      while try await peer.next() != nil {}
    }
  }

  enum End: CaseIterable {
    case cut
    case halfClose
    case fault
    case cancel
  }

  @Test("the RPC is cancelled before a read fails", arguments: End.allCases)
  func failedRead(end: End) async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let service = TunnelService(services: [ReadingService(events: events)])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await peer.send(.call(1, ControlCall(.bidirectional, [])))
      try await events.wait(for: "started")
      switch end {
      case .cut: pair.cut()
      case .halfClose: peer.halfClose()
      case .fault: try await peer.send(.halfClose(7))
      case .cancel: try await peer.send(.cancel(1))
      }
      try await events.wait(for: "ended")
      #expect(events.hasHappened("RPC cancelled"))
      #expect(!events.hasHappened("only failed"))
      peer.halfClose()
      while let _ = try? await peer.next() {}
    }
  }
}

/// Reads until that fails, and tells whether its RPC was cancelled before.
private struct ReadingService: RegistrableRPCService {
  let events: ControlEvents

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: RPCKind.bidirectional.controlMethod,
      deserializer: RawCoder(),
      serializer: RawCoder()
    ) { request, context in
      self.events.happen("started")
      do {
        for try await _ in request.messages {}
        self.events.happen("ended well")
      } catch {
        self.events.happen(context.cancellation.isCancelled ? "RPC cancelled" : "only failed")
      }
      self.events.happen("ended")
      return StreamingServerResponse { _ in [:] }
    }
  }
}

/// Waits until its RPC or its task is cancelled, and tells which came first.
private struct WatchfulService: RegistrableRPCService {
  let events: ControlEvents

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: RPCKind.bidirectional.controlMethod,
      deserializer: RawCoder(),
      serializer: RawCoder()
    ) { _, context in
      await withTaskCancellationHandler {
        self.events.happen("started")
        try? await context.cancellation.cancelled
        self.events.happen(
          context.cancellation.isCancelled ? "RPC cancelled" : "only the task cancelled"
        )
      } onCancel: {
        if !context.cancellation.isCancelled { self.events.happen("only the task cancelled") }
      }
      self.events.happen("ended")
      return StreamingServerResponse { _ in [:] }
    }
  }
}
