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

/// What hostile peers send: mostly what has a meaning, so that they get far.
extension Choices {
  /// The configuration of the end that is attacked, with small limits.
  mutating func configuration() -> TunnelConfiguration {
    var configuration = TunnelConfiguration()
    configuration.maximumRevision = self.pick([.one, .one, .one, .zero])
    configuration.initialWindowSize = self.pick([64, 1, 1000, 65_536])
    configuration.maximumMessageSize = self.pick([300, 40_000, 0])
    configuration.maximumMetadataSize = self.pick([200, 16_384])
    configuration.maximumConcurrentStreams = self.pick([4, 1, 2, 100])
    configuration.maximumEmptyMessages = self.pick([3, 16_384])
    configuration.maximumUnreadBytesPerTunnel = self.pick([134_217_728, 1000, 100, 50_000])
    configuration.sendBufferSize = self.pick([100, 1, 65_536])
    configuration.receiveBufferSize = self.pick([100, 1, 65_536])
    configuration.maximumControlFrameSize = self.pick([400, 1_048_576])
    configuration.maximumQueuedControlFrames = self.pick([3, 20, 16_384])
    configuration.maximumWindowSize = self.pick([0, 1000, 200_000])
    configuration.maximumWindowGrowth = self.pick([500, 500_000])
    return configuration
  }

  mutating func carrierHeaders() -> CarrierHeaders {
    switch self.int(below: 4) {
    case 0, 1:
      return CarrierHeaders(negotiates: true, extensions: Set(TunnelExtension.allCases))
    case 2:
      let extensions = TunnelExtension.allCases.filter { _ in self.isOne(in: 2) }
      return CarrierHeaders(negotiates: true, extensions: Set(extensions))
    default:
      return CarrierHeaders(negotiates: false, extensions: [])
    }
  }

  /// A stream's id: one of those that exist, or none that can.
  ///
  /// - Parameter known: The ids of streams, the newest last.
  mutating func streamID(known: [StreamID]) -> StreamID {
    let last = known.last ?? StreamID(rawValue: 0)
    switch self.int(below: 16) {
    case 10: return StreamID(rawValue: last.rawValue &+ 1)
    case 11: return .tunnel
    case 12: return StreamID(rawValue: 0)
    case 13: return StreamID(rawValue: -5)
    case 14: return StreamID(rawValue: .max)
    case 15: return StreamID(rawValue: Int64(self.int(below: 65_536)))
    case let age: return age < known.count ? known[known.count - 1 - age] : last
    }
  }

  mutating func size() -> Int {
    self.pick([1, 0, 2, 7, 30, 60, 100, 250, 1000, 16_384, 16_385, 40_000])
  }

  /// Bytes that tell themselves from others.
  mutating func data() -> ArraySlice<UInt8> {
    let size = self.size()
    let start = self.int(below: 256)
    return ArraySlice((0 ..< size).map { UInt8(truncatingIfNeeded: start &+ $0) })
  }

  /// The start of a message, or all of it.
  mutating func envelope() -> MessageEnvelope {
    let data = self.data()
    let size: UInt32
    switch self.int(below: 4) {
    case 0, 1: size = UInt32(data.count)
    case 2: size = UInt32(data.count + self.size())
    default: size = self.pick([.max, 0, UInt32(data.count / 2), 0x8000_0000])
    }
    return MessageEnvelope(size: size, data: data)
  }

  mutating func increment() -> UInt32 {
    self.pick([1, 0, 10, 100, 65_536, 0x4000_0000, 0x7fff_ffff, .max])
  }

  mutating func metadata() -> WireMetadata {
    var metadata = WireMetadata()
    for _ in 0 ..< self.int(below: 4) {
      let key = self.pick(["key", "key-bin", "grpc-timeout", "grpctunnel-key", "", "Ä"])
      let value = self.pick(["value", "", "1S", "-5S", "1n", String(repeating: "v", count: 300)])
      metadata.append(value, forKey: key)
    }
    return metadata
  }

  /// - Parameter codes: Those that the status may have.
  mutating func status(codes: [Int32]) -> WireStatus? {
    if self.isOne(in: 4) { return nil }
    return WireStatus(
      code: self.pick(codes),
      message: self.pick(["", "server is shutting down", String(repeating: "m", count: 500)]),
      details: self.isOne(in: 4) ? [WireStatus.Detail(typeURL: "type", value: [1, 2, 3])] : []
    )
  }
}
