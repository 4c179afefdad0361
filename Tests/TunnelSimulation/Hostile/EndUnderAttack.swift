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

/// One end of a tunnel whose peer sends anything, while its own applications and its session do
/// anything that they may.
protocol EndUnderAttack {
  associatedtype Machine: TunnelStateMachine

  var machine: Machine { get set }
  var configuration: TunnelConfiguration { get }
  var now: Duration { get set }
  var choices: Choices { get set }

  /// Whether the carrier takes no more frames.
  var hasFailedOutput: Bool { get }

  /// What an application has of an RPC that has not ended, or that it has not released.
  var heldCount: Int { get }

  mutating func step() throws(Violation)

  /// The applications let go of all that they hold.
  mutating func releaseAll()
}

extension EndUnderAttack {
  /// Runs until the choices, or the patience, are used up.
  mutating func runToEnd(maximumSteps: Int) throws(Violation) {
    var steps = 0
    while !self.choices.isExhausted, steps < maximumSteps {
      steps += 1
      try self.step()
      try self.check()
    }
    self.machine.close(TunnelEnd(initiator: .local, error: nil))
    self.releaseAll()
    try self.check()
    try require(self.machine.streams.count == 0, "Streams are left behind")
    let figures = self.machine.figures
    try require(
      figures.bufferedByteCount == 0 && figures.unreadByteCount == 0,
      "Bytes are left behind"
    )
  }

  /// Time passes: a little, much, or just until something is due.
  mutating func stepClock() throws(Violation) {
    switch self.choices.int(below: 4) {
    case 0: self.now += .milliseconds(1)
    case 1: self.now += .seconds(1)
    case 2: self.now += .seconds(20)
    default: self.now = max(self.now, self.machine.nextTimer ?? .zero)
    }
    // Timers may go off early, on time, or late.
    if self.choices.isOne(in: 4) { return }
    _ = self.machine.expireTimers(now: self.now)
    if let next = self.machine.nextTimer {
      try require(next > self.now, "A timer is due again at once")
    }
  }

  private mutating func check() throws(Violation) {
    let (openCount, count) = (self.machine.streams.openCount, self.machine.streams.count)
    let figures = self.machine.figures
    try require(openCount >= 0 && openCount <= count, "The count of streams is wrong")
    try require(count == self.heldCount, "\(count) streams are there instead of \(self.heldCount)")
    try require(
      figures.streamsStarted - figures.streamsFinished.reduce(0, +) == UInt64(openCount),
      "The figures do not agree with the streams"
    )
    try require(
      figures.bufferedByteCount >= 0 && figures.unreadByteCount >= 0,
      "Less than nothing is buffered"
    )
    try require(
      figures.bufferedByteCount <= count * self.maximumBytes,
      "\(figures.bufferedByteCount) bytes are buffered"
    )
    if self.hasFailedOutput {
      try require(!self.machine.hasFrames, "An end that cannot send has something to send")
    }
    if self.machine.closure != nil {
      try require(openCount == 0, "A closed tunnel has open streams")
      try require(!self.machine.hasFrames, "A closed tunnel has something to send")
      try require(self.machine.nextTimer == nil, "A closed tunnel has timers")
      try require(!self.machine.isInboundPaused, "A closed tunnel is paused")
    }
  }

  /// Whether a frame may be too much for the limit on what waits to be read.
  ///
  /// - Parameters:
  ///   - unread: What waited before.
  ///   - size: What the frame has, in bytes.
  func mayExceedLimit(unread: Int, size: Int) -> Bool {
    let costPerMessage = 64
    return unread + size + costPerMessage > self.configuration.maximumUnreadBytesPerTunnel
  }

  /// The most that a stream may hold: unread bytes within the window, or at revision zero the buffer
  /// and the frame that exceeds it; the message that is awaited; and what waits to be sent, with the
  /// message that exceeds the buffer.
  private var maximumBytes: Int {
    let largestData = 40_000
    return max(
      Int(self.configuration.initialWindowSize),
      self.configuration.maximumWindowSize,
      self.configuration.receiveBufferSize + largestData
    ) + self.configuration.maximumMessageSize + self.configuration.sendBufferSize + largestData
  }
}

/// Checks that a frame survives the codec, and is not too long.
func requireSendable<Frame: ProtobufMessage & Equatable>(
  _ frame: Frame,
  _ configuration: TunnelConfiguration
) throws(Violation) {
  let bytes = frame.encoded()
  try require(
    bytes.count
      <= max(configuration.maximumControlFrameSize, MessageChunker.maximumChunkSize) + 128,
    "A frame has \(bytes.count) bytes"
  )
  let decoded = try? Frame(decoding: bytes[...])
  try require(decoded == frame, "A frame is another one after the codec: \(frame)")
}
