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

/// The events by which a test and a ``ControlService`` tell each other how far they are. An event
/// comes into being when either first names it.
package final class ControlEvents: Sendable {
  private let events = LockedValue<[String: OneShotEvent]>([:])

  package init() {}

  package func happen(_ name: String) {
    self.event(name).fire()
  }

  package func wait(for name: String) async throws {
    try await self.event(name).wait()
  }

  package func hasHappened(_ name: String) -> Bool {
    self.event(name).hasHappened
  }

  private func event(_ name: String) -> OneShotEvent {
    self.events.withLock { events in
      if let event = events[name] { return event }
      let event = OneShotEvent()
      events[name] = event
      return event
    }
  }
}
