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

extension TunnelSession.State {
  var reading: TunnelSession.Reading {
    if self.machine.closure != nil { return .end }
    return self.machine.isInboundPaused ? .pause : .goOn
  }

  /// Collects whoever may go on after an input.
  mutating func collect(
    _ scope: TunnelSession.Scope,
    into wakeups: inout Wakeups<Machine.Part>
  ) {
    let isClosed = self.machine.closure != nil
    wakeups.endsTunnel = isClosed && self.lifetime.end == nil
    switch scope {
    case .nothing:
      ()
    case .stream(let stream):
      self.collect(stream, into: &wakeups)
    case .streams(let streams):
      for stream in streams {
        self.collect(stream, into: &wakeups)
      }
    case .tunnel:
      for stream in self.readers.keys {
        self.collect(stream, into: &wakeups)
      }
      for stream in self.writers.keys {
        self.collect(stream, into: &wakeups)
      }
      self.collectObserver(into: &wakeups)
    }
    self.fitShare(scope, into: &wakeups)
    self.collectPlaces(into: &wakeups)

    if self.reporter != nil { wakeups.figures = self.reporter?.next(self.machine) }

    if isClosed, self.lifetime.end == nil { self.collectObserver(into: &wakeups) }
    if self.pump != nil, self.machine.hasFrames || self.machine.outputEnd != nil {
      wakeups.pump = self.pump.take()
    }
    if self.pausedInbound != nil, isClosed || !self.machine.isInboundPaused {
      self.pausedInbound.take().map { wakeups.loops.append($0) }
    }
    if self.timers != nil {
      let next = self.machine.nextTimer
      let isEarlier = next.map { next in self.timerInForce.map { next < $0 } ?? true } ?? false
      if isClosed || isEarlier {
        self.timers.take().map { wakeups.loops.append($0) }
      }
    }
    self.collectReadiness(into: &wakeups)
  }

  private mutating func collect(
    _ stream: StreamID,
    into wakeups: inout Wakeups<Machine.Part>
  ) {
    if let index = self.readers.index(forKey: stream), let result = self.readNow(stream) {
      let reader = self.readers.remove(at: index).value
      wakeups.append((reader, result))
    }
    if self.writers.isEmpty { return }
    if let writers = self.writers[stream] {
      let result: Result<Void, any Error>
      switch self.machine.writeReadiness(of: stream) {
      case .ready: result = .success(())
      case .failed(let error): result = .failure(error)
      case .wait: return
      }
      self.writers.removeValue(forKey: stream)
      wakeups.waiters.append(contentsOf: writers.map { ($0.continuation, result) })
    }
  }

  private mutating func collectObserver(into wakeups: inout Wakeups<Machine.Part>) {
    self.lifetime.note(self.machine)
    self.observer.take().map { wakeups.loops.append($0) }
  }

  /// What has come in is kept now, unless somebody was waiting for it. If that is more than before, and
  /// more than this tunnel may keep, the stream that it came in on ends.
  private mutating func fitShare(
    _ scope: TunnelSession.Scope,
    into wakeups: inout Wakeups<Machine.Part>
  ) {
    if self.share.fit(self.machine.unreadByteCount) { return }
    switch scope {
    case .stream(let stream):
      let limit = self.share.budget?.limit ?? 0
      self.machine.abort(stream, .unread(limit, inThe: "tunnels of this service"))
      self.collect(stream, into: &wakeups)
      _ = self.share.fit(self.machine.unreadByteCount)
    case .nothing, .streams, .tunnel:
      // Not of something that has come in.
      ()
    }
  }

  /// The next part of a stream, its end or its error; nil when there is none yet.
  mutating func readNow(_ stream: StreamID) -> Result<Machine.Part?, any Error>? {
    switch self.machine.read(stream) {
    case .part(let part): .success(part)
    case .end: .success(nil)
    case .failed(let error): .failure(error)
    case .wait: nil
    }
  }

  private mutating func collectPlaces(into wakeups: inout Wakeups<Machine.Part>) {
    while !self.places.isEmpty {
      let result: Result<Void, any Error>
      switch self.machine.reserveStream() {
      case .reserved: result = .success(())
      case .failed(let error): result = .failure(error)
      case .wait: return
      }
      wakeups.waiters.append((self.places.removeFirst().continuation, result))
    }
  }
}
