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
internal import Logging

/// Whether a server is ready for RPCs: says so in the log when it changes, and in the errors of
/// callers.
final class UpstreamHealth: Sendable {
  private struct State {
    /// nil before the server was asked.
    var isReady: Bool?
    /// What was last logged.
    var isReported = true
  }

  /// How long an answer may take.
  private static let timeout = Duration.seconds(5)

  private let address: UpstreamAddress
  /// How often the server is asked; nil not to ask, but take it to be ready.
  private let interval: Duration?
  private let clock: TunnelClock
  private let logger: Logger
  private let onChange: @Sendable () -> Void
  private let state: LockedValue<State>

  /// - Parameter onChange: Called when ``isReady`` has changed.
  init(
    of address: UpstreamAddress,
    interval: Duration?,
    clock: TunnelClock = .continuous,
    logger: Logger,
    onChange: @escaping @Sendable () -> Void
  ) {
    self.address = address
    self.interval = interval
    self.clock = clock
    self.logger = logger
    self.onChange = onChange
    self.state = LockedValue(State(isReady: interval == nil ? true : nil))
  }

  /// Whether it is known to be ready.
  var isReady: Bool {
    self.state.withLock { $0.isReady ?? false }
  }

  // MARK: - Asking

  /// Asks the server how it is, again and again, until the task is cancelled. One that tells of changes
  /// is listened to in between.
  ///
  /// - Parameter transport: Gives the connections that are in use.
  func watch(over transport: @Sendable () -> some ClientTransport) async {
    guard let interval = self.interval else { return }
    while !Task.isCancelled {
      let health = HealthCheck(
        transport: transport(),
        timeout: Self.timeout,
        clock: self.clock
      )
      let (verdict, isOffered) = await health.check()
      if Task.isCancelled { return }
      self.report(verdict)
      if isOffered { await health.watch { self.report($0) } }
      try? await self.clock.sleep(self.clock.now() + interval)
    }
  }

  private func report<Transport>(_ verdict: HealthCheck<Transport>.Verdict) {
    switch verdict {
    case .ready:
      self.reached()
      self.set(true)
    case .notReady(let reason):
      self.lost("upstream \(self.address) is not ready: \(reason)")
      self.set(false)
    }
  }

  private func set(_ isReady: Bool) {
    let hasChanged = self.state.withLock { state in
      defer { state.isReady = isReady }
      return state.isReady != isReady
    }
    if hasChanged { self.onChange() }
  }

  // MARK: - RPCs

  /// An RPC was answered.
  func reached() {
    if self.change(to: true) {
      self.logger.info("upstream \(self.address) is back")
    }
  }

  /// - Returns: The error for the caller, which names the server.
  func unreachable(_ error: RPCError) -> RPCError {
    let message = "upstream \(self.address) cannot be reached: \(SystemError.text(error))"
    self.lost(message)
    return RPCError(code: .unavailable, message: message, cause: error)
  }

  private func lost(_ message: String) {
    if self.change(to: false) { self.logger.warning("\(message)") }
  }

  private func change(to isReported: Bool) -> Bool {
    self.state.withLock { state in
      defer { state.isReported = isReported }
      return state.isReported != isReported
    }
  }
}
