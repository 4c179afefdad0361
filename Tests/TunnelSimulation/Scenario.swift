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

package import GRPCTunnelProtocol

/// What a simulated tunnel is like, and what may happen to it.
///
/// Each misfortune is possible in some scenarios only: in the others, the more can be demanded.
package struct Scenario: Sendable {
  /// The end that starts the carrier.
  package enum Dialler: Sendable {
    /// A forward tunnel.
    case client
    /// A reverse tunnel.
    case server
  }

  package var dialler: Dialler
  package var client: TunnelConfiguration
  package var server: TunnelConfiguration
  package var clientHeaders: CarrierHeaders
  package var serverHeaders: CarrierHeaders

  /// The RPCs that are started.
  package var callCount: Int
  /// After so many steps all is left to come to its end.
  package var stepCount: Int

  package var cutsCarrier: Bool
  package var stallsCarrier: Bool
  /// How many frames are on their way, in each direction, when the carrier takes no more.
  package var carrierCapacity: Int
  package var movesClock: Bool
  package var drainsClient: Bool
  package var drainsServer: Bool
  /// One end closes the tunnel at once.
  package var closesEnd: Bool
  package var probes: Bool
  package var cancelsCalls: Bool
  /// Some RPCs have deadlines.
  package var hasDeadlines: Bool
  /// Some messages and metadata are larger than what is taken.
  package var exceedsLimits: Bool
  /// Every frame goes through the codec.
  package var encodesFrames: Bool

  package init(using choices: inout Choices) {
    self.dialler = choices.isOne(in: 2) ? .client : .server
    self.client = Self.configuration(using: &choices)
    self.server = Self.configuration(using: &choices)
    self.clientHeaders = Self.headers(using: &choices)
    self.serverHeaders = Self.headers(using: &choices)
    self.callCount = 1 + choices.int(below: 16)
    self.stepCount = choices.pick([50, 200, 400, 800])
    self.cutsCarrier = choices.isOne(in: 4)
    self.stallsCarrier = choices.isOne(in: 3)
    self.carrierCapacity = choices.pick([.max, .max, 1, 5])
    if self.carrierCapacity < .max {
      // Two ends that both stop reading for frames that do not leave would wait for each other: the
      // limit is far above what the streams of a tunnel cause.
      self.client.maximumQueuedControlFrames = 1000
      self.server.maximumQueuedControlFrames = 1000
    }
    self.movesClock = choices.isOne(in: 3)
    self.drainsClient = choices.isOne(in: 4)
    self.drainsServer = choices.isOne(in: 4)
    self.closesEnd = choices.isOne(in: 6)
    self.probes = choices.isOne(in: 3)
    self.cancelsCalls = choices.isOne(in: 2)
    self.hasDeadlines = choices.isOne(in: 3)
    self.exceedsLimits = choices.isOne(in: 4)
    self.encodesFrames = choices.isOne(in: 4)
  }

  /// Small limits, so that RPCs meet all of them.
  private static func configuration(using choices: inout Choices) -> TunnelConfiguration {
    var configuration = TunnelConfiguration()
    configuration.maximumRevision = choices.isOne(in: 4) ? .zero : .one
    configuration.initialWindowSize = choices.pick([
      UInt32(1 + choices.int(below: 60)), 200, 65_536,
    ])
    configuration.maximumWindowSize = choices.pick([0, 1000, 200_000])
    configuration.maximumWindowGrowth = choices.pick([500, 500_000])
    configuration.sendBufferSize = 1 + choices.int(below: 250)
    configuration.receiveBufferSize = 1 + choices.int(below: 250)
    configuration.maximumConcurrentStreams = 1 + choices.int(below: 6)
    configuration.maximumQueuedControlFrames = choices.pick([2, 20])
    configuration.maximumMessageSize = choices.pick([250, 40_000])
    return configuration
  }

  private static func headers(using choices: inout Choices) -> CarrierHeaders {
    if choices.isOne(in: 8) { return CarrierHeaders(negotiates: false, extensions: []) }
    if choices.isOne(in: 2) {
      return CarrierHeaders(negotiates: true, extensions: Set(TunnelExtension.allCases))
    }
    // An order of its own: that of a set differs between runs.
    let extensions = TunnelExtension.allCases.filter { _ in choices.isOne(in: 2) }
    return CarrierHeaders(negotiates: true, extensions: Set(extensions))
  }

  /// Whether something can end the tunnel before its RPCs are done.
  var endsEarly: Bool {
    self.cutsCarrier || self.drainsClient || self.drainsServer || self.closesEnd
      // Probes, handshakes and drains that take too long.
      || self.movesClock
  }
}
