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

internal import GRPCTunnelProtocol
internal import MetricsTestKit
internal import Testing

@testable internal import GRPCTunnel

@Suite("A tunnel's figures on their way to the metrics")
struct TunnelMeterTests {
  private let recorder = MetricsRecorder(direction: "forward", role: "client")

  private func makeMeter() -> TunnelMeter {
    TunnelMeter(
      metrics: TunnelMetrics(factory: self.recorder.metrics, direction: .forward, role: .client)
    )
  }

  private func figures(_ configure: (inout TunnelFigures) -> Void) -> TunnelFigures {
    var figures = TunnelFigures()
    configure(&figures)
    return figures
  }

  @Test("those that come too late change nothing")
  func order() throws {
    let meter = self.makeMeter()
    let early = self.figures { $0.streamsStarted = 1 }
    let late = self.figures {
      $0.streamsStarted = 2
      $0.streamsFinished[0] = 2
    }
    meter.report(late, number: 2)
    meter.report(early, number: 1)
    #expect(try self.recorder.count(TunnelMetrics.rpcsStarted) == 2)
    #expect(try self.recorder.level(TunnelMetrics.streamsOpen) == 0)
  }

  @Test("those that come after the end change nothing, and nothing is left")
  func end() throws {
    let meter = self.makeMeter()
    meter.opened(handshakeTime: .milliseconds(3))
    let held = self.figures {
      $0.streamsStarted = 1
      $0.bufferedByteCount = 100
    }
    meter.report(held, number: 1)
    #expect(try self.recorder.levels() == [1, 1, 100])
    // Its reader has not read what there is.
    let last = self.figures {
      $0.streamsStarted = 1
      $0.streamsFinished[14] = 1
      $0.bufferedByteCount = 100
    }
    meter.closed(last)
    #expect(try self.recorder.levels() == [0, 0, 0])
    meter.report(last, number: 2)
    #expect(try self.recorder.levels() == [0, 0, 0])
    #expect(try self.recorder.count(TunnelMetrics.rpcsFinished, code: "UNAVAILABLE") == 1)
  }

  @Test("two tunnels add up")
  func sum() throws {
    let (first, second) = (self.makeMeter(), self.makeMeter())
    let one = self.figures { $0.streamsStarted = 1 }
    for meter in [first, second] {
      meter.opened(handshakeTime: nil)
      meter.report(one, number: 1)
    }
    #expect(try self.recorder.levels() == [2, 2, 0])
    first.closed(
      self.figures {
        $0.streamsStarted = 1; $0.streamsFinished[0] = 1
      }
    )
    #expect(try self.recorder.levels() == [1, 1, 0])
  }

  @Test("a tunnel that was never open does not count as one that closed")
  func neverOpen() throws {
    let meter = self.makeMeter()
    meter.closed(TunnelFigures())
    #expect(try self.recorder.levels() == [0, 0, 0])
  }

  @Test("are reported for a start, an end, and when nothing is held any more")
  func due() throws {
    var machine = TunnelClientStateMachine(
      configuration: TunnelConfiguration(),
      offered: CarrierHeaders(negotiates: false, extensions: [])
    )
    machine.startConnecting(now: .zero)
    machine.carrierOpened(peer: CarrierHeaders(negotiates: false, extensions: []))
    var reporter = TunnelFiguresReporter(meter: self.makeMeter())
    #expect(reporter.next(machine) == nil)
    _ = machine.reserveStream()
    let id = try machine.open(method: "s/m", headers: [:], timeout: nil, now: .zero)
    #expect(reporter.next(machine)?.figures.streamsStarted == 1)
    _ = machine.write([1, 2, 3], to: id, now: .zero)
    #expect(reporter.next(machine) == nil, "It waits to be sent.")
    var frames: [ClientFrame] = []
    _ = machine.takeFrames(into: &frames, maximumByteCount: .max, now: .zero)
    #expect(reporter.next(machine)?.figures.bytesSent == 3)
    #expect(reporter.next(machine) == nil)
    _ = machine.write([UInt8](repeating: 0, count: 100_000)[...], to: id, now: .zero)
    _ = machine.takeFrames(into: &frames, maximumByteCount: 40_000, now: .zero)
    #expect(reporter.next(machine) == nil, "Not enough to be worth it.")
    _ = machine.takeFrames(into: &frames, maximumByteCount: 40_000, now: .zero)
    #expect(reporter.next(machine) != nil, "Much has been sent, if not all.")
    machine.release(id)
    #expect(reporter.next(machine)?.figures.streamsFinished[1] == 1)
  }

  @Test("nobody asks for them when there are no metrics")
  func none() {
    let session = ClientSession(
      configuration: TunnelConfiguration(),
      origin: TunnelOrigin(direction: .forward),
      observer: TunnelObserver(.none, direction: .forward, role: .client),
      clock: .continuous
    )
    #expect(session.observer.meter == nil)
    #expect(session.state.withLock { $0.reporter == nil })
  }
}
