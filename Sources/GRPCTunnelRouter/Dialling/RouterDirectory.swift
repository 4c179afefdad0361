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

internal import GRPCTunnel
internal import Logging

/// The routers that an agent dials, as far as they are known: those that are given, and those that
/// names stand for at the moment.
final class RouterDirectory: Sendable {
  typealias LookUp = @Sendable (_ address: NetworkAddress) async throws -> Set<NetworkAddress>

  private struct State {
    /// The addresses of each name, as they were when it could last be looked up.
    var found: [NetworkAddress: Set<NetworkAddress>] = [:]
    /// The last problem with each name, told once.
    var problems: [NetworkAddress: String] = [:]
  }

  private let targets: [RouterTarget]
  private let interval: Duration
  private let lookUp: LookUp
  private let clock: TunnelClock
  private let logger: Logger
  private let onChange: @Sendable () -> Void
  private let state = LockedValue(State())

  /// - Parameters:
  ///   - interval: How often names are looked up.
  ///   - lookUp: Finds the addresses of a host, with the port of the address that it is given.
  ///   - onChange: Called when ``endpoints`` has changed.
  init(
    _ targets: [RouterTarget],
    interval: Duration,
    lookUp: @escaping LookUp = { try await $0.allAddresses },
    clock: TunnelClock = .continuous,
    logger: Logger,
    onChange: @escaping @Sendable () -> Void
  ) {
    self.targets = targets
    self.interval = interval
    self.lookUp = lookUp
    self.clock = clock
    self.logger = logger
    self.onChange = onChange
  }

  /// The routers to dial.
  var endpoints: Set<RouterEndpoint> {
    let found = self.state.withLock { $0.found }
    var endpoints: Set<RouterEndpoint> = []
    for target in self.targets {
      if target.isExpanded {
        for address in found[target.address] ?? [] {
          endpoints.insert(RouterEndpoint(address: address, name: target.address.host))
        }
      } else {
        endpoints.insert(RouterEndpoint(address: target.address))
      }
    }
    return endpoints
  }

  /// Looks names up again and again, until the task is cancelled.
  func run() async {
    let names = Set(self.targets.filter(\.isExpanded).map(\.address))
    if names.isEmpty { return }
    while !Task.isCancelled {
      for name in names {
        await self.update(name)
      }
      try? await self.clock.sleep(self.clock.now() + self.interval)
    }
  }

  private func update(_ name: NetworkAddress) async {
    do {
      let addresses = try await self.lookUp(name)
      let hasChanged = self.state.withLock { state in
        state.problems[name] = nil
        defer { state.found[name] = addresses }
        return state.found[name] != addresses
      }
      if !hasChanged { return }
      let list = addresses.map(\.description).sorted().joined(separator: ", ")
      self.logger.info("the routers at \(name.host) are \(list)")
      self.onChange()
    } catch {
      let problem = SystemError.text(error)
      let isNew = self.state.withLock { state in
        defer { state.problems[name] = problem }
        return state.problems[name] != problem
      }
      if isNew {
        self.logger.warning("cannot look up \(name.host), and keep to what is known: \(problem)")
      }
    }
  }
}
