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

extension TunnelSimulation {
  // MARK: - At every step

  mutating func check() throws(Violation) {
    try Self.check(&self.client.machine)
    try Self.check(&self.server.machine)
    try self.checkMemory()

    let limit = self.scenario.client.maximumConcurrentStreams
    try require(
      self.client.machine.activeStreamCount <= limit,
      "The client has more streams than it may"
    )
    try require(
      self.server.machine.activeStreamCount <= 2 * self.scenario.server.maximumConcurrentStreams,
      "The server has more streams than it may"
    )
    if self.client.machine.closure != nil || self.server.machine.closure != nil {
      try require(self.scenario.endsEarly || self.isSettling, "The tunnel ended without a reason")
    }
  }

  private static func check(_ machine: inout some TunnelStateMachine) throws(Violation) {
    let (openCount, count) = (machine.streams.openCount, machine.streams.count)
    let figures = machine.figures
    try require(openCount >= 0 && openCount <= count, "The count of streams is wrong")
    try require(
      figures.streamsStarted - figures.streamsFinished.reduce(0, +) == UInt64(openCount),
      "The figures do not agree with the streams"
    )
    try require(figures.bufferedByteCount >= 0, "Less than nothing is buffered")
    if machine.closure != nil {
      try require(openCount == 0, "A closed tunnel has open streams")
      try require(!machine.hasFrames, "A closed tunnel has something to send")
      try require(machine.nextTimer == nil, "A closed tunnel has timers")
      try require(!machine.isInboundPaused, "A closed tunnel is paused")
    }
  }

  /// What is held is no more than windows, buffers and the largest message allow.
  private func checkMemory() throws(Violation) {
    let client = Self.maximumBytes(self.scenario.client) * self.client.machine.streams.count
    try require(
      self.client.machine.figures.bufferedByteCount <= client,
      "The client holds \(self.client.machine.figures.bufferedByteCount) bytes of \(client)"
    )
    let server = Self.maximumBytes(self.scenario.server) * self.server.machine.streams.count
    try require(
      self.server.machine.figures.bufferedByteCount <= server,
      "The server holds \(self.server.machine.figures.bufferedByteCount) bytes of \(server)"
    )
  }

  /// The most that a stream holds: unread bytes within the window, or at revision zero the buffer
  /// and the chunk that exceeds it; the message that is awaited; and what waits to be sent, with the
  /// message that exceeds the buffer.
  private static func maximumBytes(_ configuration: TunnelConfiguration) -> Int {
    let unread = max(
      Int(configuration.initialWindowSize),
      configuration.maximumWindowSize,
      configuration.receiveBufferSize + MessageChunker.maximumChunkSize
    )
    let largestWritten = 40_001
    return unread + configuration.maximumMessageSize + configuration.sendBufferSize
      + largestWritten
  }

  // MARK: - At the end

  mutating func checkEnd() throws(Violation) {
    try self.check()
    try Self.checkEnd(&self.client.machine)
    try Self.checkEnd(&self.server.machine)
    try require(self.places.isEmpty, "Somebody still waits for a place")

    let (client, server) = (self.client.machine.figures, self.server.machine.figures)
    try require(
      server.bytesReceived <= client.bytesSent && server.messagesReceived <= client.messagesSent,
      "More requests arrived than were sent"
    )
    try require(
      client.bytesReceived <= server.bytesSent && client.messagesReceived <= server.messagesSent,
      "More responses arrived than were sent"
    )
    let accepted = self.calls.filter { call in
      if case .unseen = call.handler.state { false } else { true }
    }
    try require(
      server.streamsStarted == accepted.count,
      "The server's figures do not agree with its handlers"
    )
  }

  private static func checkEnd(_ machine: inout some TunnelStateMachine) throws(Violation) {
    try require(machine.closure != nil, "The tunnel did not end: \(machine)")
    try require(machine.streams.count == 0, "Streams are left behind")
    try require(machine.figures.bufferedByteCount == 0, "Bytes are left behind")
  }
}
