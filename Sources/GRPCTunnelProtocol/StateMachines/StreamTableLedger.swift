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

/// A stream in a ``StreamTable``, with what the table has to remember of it.
struct StreamTableEntry<Stream: StreamStateMachine>: Sendable {
  var stream: Stream
  /// Whether the scheduler holds the stream.
  var isScheduled = false
  /// Whether the end of the stream has been taken note of.
  var hasEnded = false
  /// Whether the application has not released the stream.
  var isHeld = true
  /// The bytes that the stream was seen to hold.
  var bufferedByteCount = 0
  var unreadByteCount = 0
  /// By how many bytes its window was seen to be larger than announced.
  var windowGrowth = 0
  /// When a frame for it arrived last.
  var arrival = Duration.zero
  /// Since when messages wait for window.
  var stallStart: Duration?

  init(stream: Stream) {
    self.stream = stream
  }
}

/// What the streams of a ``StreamTable`` share: the line of those that can send, their timers, and the
/// sums over all of them.
struct StreamTableLedger<Stream: StreamStateMachine>: Sendable {
  typealias Frame = Stream.OutboundFrame
  typealias Entry = StreamTableEntry<Stream>

  let configuration: TunnelConfiguration
  var scheduler: OutboundScheduler<Frame>
  private(set) var deadlines: DeadlineQueue
  private(set) var stalls: StallTracker
  var figures: TunnelFigures

  /// The streams that have not ended.
  private(set) var openCount: Int

  /// By how many bytes the windows of the streams that have not ended are larger than announced.
  private var windowGrowth: Int

  init(configuration: TunnelConfiguration) {
    self.configuration = configuration
    self.scheduler = OutboundScheduler()
    self.deadlines = DeadlineQueue()
    self.stalls = StallTracker(timeout: configuration.stallTimeout)
    self.figures = TunnelFigures()
    self.openCount = 0
    self.windowGrowth = 0
  }

  // MARK: - The life of a stream

  mutating func started(_ id: StreamID, _ entry: inout Entry, deadline: Duration?) {
    entry.unreadByteCount = entry.stream.unreadByteCount
    self.figures.unreadByteCount += entry.unreadByteCount
    self.openCount += 1
    self.figures.streamsStarted &+= 1
    if let deadline {
      self.deadlines.insert(id, deadline: deadline)
    }
  }

  /// Draws the consequences of something done to a stream.
  ///
  /// - Returns: Whether the stream is to be forgotten.
  mutating func settle(_ id: StreamID, _ entry: inout Entry) -> Bool {
    let bufferedByteCount = entry.stream.bufferedByteCount
    self.figures.bufferedByteCount += bufferedByteCount - entry.bufferedByteCount
    entry.bufferedByteCount = bufferedByteCount
    let unreadByteCount = entry.stream.unreadByteCount
    self.figures.unreadByteCount += unreadByteCount - entry.unreadByteCount
    entry.unreadByteCount = unreadByteCount

    if entry.stream.isFinished {
      if entry.hasEnded { return false }
      entry.hasEnded = true
      self.ended(id, &entry)
      return entry.isHeld ? false : self.forget(entry)
    }
    self.returnCredit(id, &entry)
    if !entry.isScheduled, entry.stream.isSendable {
      entry.isScheduled = true
      self.scheduler.enqueue(id)
    }
    if !self.stalls.isEmpty,
      !entry.stream.isInboundFull(limit: self.configuration.receiveBufferSize)
    {
      self.stalls.remove(id)
    }
    return false
  }

  private mutating func ended(_ id: StreamID, _ entry: inout Entry) {
    self.openCount -= 1
    self.windowGrowth -= entry.windowGrowth
    if let code = entry.stream.finishedCode, self.figures.streamsFinished.indices.contains(code) {
      self.figures.streamsFinished[code] &+= 1
    }
    self.deadlines.remove(id)
    self.stalls.remove(id)
  }

  /// The application has done with a stream.
  ///
  /// - Returns: Whether the stream is to be forgotten.
  mutating func release(_ entry: inout Entry) -> Bool {
    entry.isHeld = false
    return entry.hasEnded ? self.forget(entry) : false
  }

  private mutating func forget(_ entry: borrowing Entry) -> Bool {
    self.figures.bufferedByteCount -= entry.bufferedByteCount
    self.figures.unreadByteCount -= entry.unreadByteCount
    return true
  }

  /// The tunnel ended: nothing is sent any more, and nothing is waited for.
  mutating func close() {
    self.scheduler.stop()
    self.deadlines.removeAll()
    self.stalls.removeAll()
  }

  // MARK: - What a peer makes this end keep

  /// Whether a stream may be started of which as many bytes wait to be read.
  func hasRoom(for unreadByteCount: Int) -> Bool {
    self.figures.unreadByteCount + unreadByteCount
      <= self.configuration.maximumUnreadBytesPerTunnel
  }

  /// What has just been received must not be more than this end keeps. What one stream may hold its
  /// window limits. A stream that has ended holds no more for long.
  func checkUnread(_ entry: inout Entry) throws(RPCError) {
    let count = entry.stream.unreadByteCount
    guard count > entry.unreadByteCount, !entry.stream.isFinished else { return }
    let total = self.figures.unreadByteCount - entry.unreadByteCount + count
    if total > self.configuration.maximumUnreadBytesPerTunnel {
      throw .unread(self.configuration.maximumUnreadBytesPerTunnel, inThe: "tunnel")
    }
  }

  // MARK: - Flow

  private mutating func returnCredit(_ id: StreamID, _ entry: inout Entry) {
    let allowance = max(0, self.configuration.maximumWindowGrowth - self.windowGrowth)
    guard
      let increment = entry.stream.takeWindowUpdate(allowance: allowance, arrival: entry.arrival)
    else { return }
    let growth = entry.stream.windowGrowth
    self.windowGrowth += growth - entry.windowGrowth
    entry.windowGrowth = growth
    self.enqueue(.windowUpdate(increment), for: id)
  }

  /// Counts a frame from the peer.
  mutating func received(_ payload: (some TunnelFramePayload)?) {
    guard let payload else { return }
    self.figures.bytesReceived &+= UInt64(payload.dataByteCount)
    if payload.beginsMessage { self.figures.messagesReceived &+= 1 }
  }

  /// A frame has arrived. At revision zero, messages may fill a stream; at revision one, credit may end
  /// its wait.
  mutating func arrived(for id: StreamID, _ entry: inout Entry, now: Duration) {
    entry.arrival = now
    if entry.stream.isInboundFull(limit: self.configuration.receiveBufferSize) {
      self.stalls.begin(id, now: now)
    }
    if let start = entry.stallStart, !entry.stream.isOutOfWindow {
      self.figures.windowStallTime += now - start
      entry.stallStart = nil
    }
  }

  /// A stream that runs out of window begins to wait.
  mutating func beginWindowStall(_ entry: inout Entry, _ now: () -> Duration) {
    guard entry.stallStart == nil, entry.stream.isOutOfWindow else { return }
    entry.stallStart = now()
    self.figures.windowStalls &+= 1
  }

  // MARK: - Output

  var hasTooManyControlFrames: Bool {
    self.scheduler.controlFrameCount > self.configuration.maximumQueuedControlFrames
  }

  mutating func enqueue(_ payload: Frame.Payload, for id: StreamID) {
    self.scheduler.enqueue(control: Frame(streamID: id, payload: payload))
  }

  /// Takes one chunk of a stream, and the end of the stream when it is next: some peers wait for
  /// it, so that both leave in the same batch.
  ///
  /// - Returns: The bytes of message data taken, and whether writers that waited may go on.
  mutating func takeTurn(
    of id: StreamID,
    _ entry: inout Entry,
    into frames: inout [Frame],
    _ now: () -> Duration
  ) -> (byteCount: Int, isDrained: Bool) {
    entry.isScheduled = false
    let limit = self.configuration.sendBufferSize
    let wasFull = entry.stream.isOutboundFull(limit: limit)
    var byteCount = 0
    if let payload = entry.stream.nextPayload() {
      byteCount = payload.dataByteCount
      self.figures.bytesSent &+= UInt64(byteCount)
      if payload.beginsMessage { self.figures.messagesSent &+= 1 }
      frames.append(Frame(streamID: id, payload: payload))
    }
    if entry.stream.isEndDue, let payload = entry.stream.nextPayload() {
      frames.append(Frame(streamID: id, payload: payload))
    }
    self.beginWindowStall(&entry, now)
    return (byteCount, wasFull && !entry.stream.isOutboundFull(limit: limit))
  }

  // MARK: - Time

  /// When the next stream is due to end.
  var nextTimer: Duration? {
    mutating get { earlier(self.deadlines.next, self.stalls.next) }
  }

  /// Takes out a stream that is due to end, with the error that it ends with.
  mutating func popExpired(now: Duration) -> (stream: StreamID, error: RPCError)? {
    if let stream = self.deadlines.popExpired(now: now) {
      return (stream, .deadlineExceeded)
    }
    return self.stalls.popExpired(now: now)
      .map { ($0, .stalled(self.configuration.stallTimeout)) }
  }
}

/// The earlier of two times, of which either may be missing.
func earlier(_ first: Duration?, _ second: Duration?) -> Duration? {
  guard let first else { return second }
  guard let second else { return first }
  return min(first, second)
}
