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

/// Lets a reverse tunnel go when another one takes its place: most often one whose connection the
/// client has lost, and the server not yet. It is drained, since it may be alive; and asked for a sign
/// of life, without which it is closed soon.
final class TunnelReplacements<Key: Hashable & Sendable>: Sendable {
  private let places = LockedValue(TunnelPlaces<Key, ClientSession>())

  /// What a tunnel is registered as; nil when its client does not say which place it takes.
  struct Entry: Sendable {
    let session: ClientSession
    let key: Key
    let identity: TunnelIdentity

    init?(_ session: ClientSession, key: Key, _ metadata: Metadata) {
      guard let identity = TunnelIdentity(metadata) else { return nil }
      self.session = session
      self.key = key
      self.identity = identity
    }
  }

  /// The tunnel takes RPCs. May be called again.
  func opened(_ entry: Entry) {
    let session = entry.session
    let replaced: ClientSession? = self.places.withLock { places in
      // A tunnel that has ended is not heard of again.
      guard session.inspect({ $0.extensions.contains(.identity) && $0.closure == nil }) else {
        return nil
      }
      return places.opened(session.id, session, key: entry.key, entry.identity)
    }
    replaced?.beginReplacement()
  }

  /// Whether there is a tunnel whose place a client takes that opens one with this metadata.
  func hasTunnel(forKey key: Key, _ metadata: Metadata) -> Bool {
    guard let identity = TunnelIdentity(metadata) else { return false }
    return self.places.withLock { $0.isTaken(key: key, identity) }
  }

  /// The tunnel has ended.
  func closed(_ entry: Entry) {
    self.places.withLock { $0.closed(entry.session.id, key: entry.key, entry.identity) }
  }

  /// The number of places that are taken.
  var count: Int {
    self.places.withLock { $0.count }
  }
}

extension TunnelSession where Machine == TunnelClientStateMachine {
  fileprivate func beginReplacement() {
    let now = self.clock.now()
    self.update { machine in
      machine.beginDrain(now: now)
      machine.probe(now: now)
      return ((), .tunnel)
    }
  }
}
