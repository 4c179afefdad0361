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

package import GRPCCore

/// The streams at one end of a tunnel, with all that goes with them: their turns to send, their
/// deadlines, and the stalls of revision zero.
///
/// Whatever is done to a stream, the table draws the consequences: credit is returned, a stream
/// that can send gets its turn, one that has ended gives up its place and its timers.
package struct StreamTable<Stream: StreamStateMachine>: Sendable {
  package typealias Frame = Stream.OutboundFrame

  private struct Entry: Sendable {
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
    /// Since when messages wait for window.
    var stallStart: Duration?
  }

  private let configuration: TunnelConfiguration
  private var entries: [StreamID: Entry]
  private var scheduler: OutboundScheduler<Frame>
  private var deadlines: DeadlineQueue
  private var stalls: StallTracker

  /// The streams that have not ended.
  package private(set) var openCount: Int

  /// By how many bytes the windows of the streams that have not ended are larger than announced.
  private var windowGrowth: Int

  /// What was done so far.
  package private(set) var figures: TunnelFigures

  package init(configuration: TunnelConfiguration) {
    self.configuration = configuration
    self.entries = [:]
    self.scheduler = OutboundScheduler()
    self.deadlines = DeadlineQueue()
    self.stalls = StallTracker(timeout: configuration.stallTimeout)
    self.openCount = 0
    self.windowGrowth = 0
    self.figures = TunnelFigures()
  }

  // MARK: - Streams

  /// The streams that have not ended, and those that the application still holds.
  package var count: Int {
    self.entries.count
  }

  package subscript(id: StreamID) -> Stream? {
    self.entries[id]?.stream
  }

  /// Whether the stream is there and has not ended.
  package func isOpen(_ id: StreamID) -> Bool {
    self.entries[id].map { !$0.stream.isFinished } ?? false
  }

  /// The streams with an id above `id` that have not ended.
  package func openStreams(above id: StreamID) -> [StreamID] {
    self.entries.compactMap { $0.key > id && !$0.value.stream.isFinished ? $0.key : nil }
  }

  package mutating func insert(_ stream: Stream, for id: StreamID, deadline: Duration?) {
    self.entries[id] = Entry(stream: stream, unreadByteCount: stream.unreadByteCount)
    self.figures.unreadByteCount += stream.unreadByteCount
    self.openCount += 1
    self.figures.streamsStarted &+= 1
    if let deadline {
      self.deadlines.insert(id, deadline: deadline)
    }
  }

  /// Does something to a stream.
  ///
  /// - Returns: What `body` returns; nil when the stream is not there.
  package mutating func update<Result, Failure>(
    _ id: StreamID,
    _ body: (inout Stream) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let index = self.entries.index(forKey: id) else { return nil }
    let result = try body(&self.entries.values[index].stream)
    self.settle(id, index)
    return result
  }

  /// Whether a stream may be inserted of which as many bytes wait to be read.
  package func hasRoom(for unreadByteCount: Int) -> Bool {
    self.figures.unreadByteCount + unreadByteCount
      <= self.configuration.maximumUnreadBytesPerTunnel
  }

  /// A stream was refused, which never came here.
  package mutating func countRefusal() {
    self.figures.streamsRefused &+= 1
  }

  /// Lets a stream take a frame from the peer.
  ///
  /// - Throws: What `body`, which hands the frame over, throws: the stream is to be ended with it.
  package mutating func receive(
    _ payload: (some TunnelFramePayload)?,
    for id: StreamID,
    now: Duration,
    _ body: (inout Stream) throws(RPCError) -> Void
  ) throws(RPCError) {
    guard let index = self.entries.index(forKey: id) else { return }
    try body(&self.entries.values[index].stream)
    try self.checkUnread(self.entries.values[index])
    if let payload {
      self.figures.bytesReceived &+= UInt64(payload.dataByteCount)
      if payload.beginsMessage { self.figures.messagesReceived &+= 1 }
    }
    self.settle(id, index)
    self.trackStalls(id, now)
  }

  /// What has just been received must not be more than this end keeps. A stream that has ended holds
  /// no more for long.
  private func checkUnread(_ entry: Entry) throws(RPCError) {
    let count = entry.stream.unreadByteCount
    guard count > entry.unreadByteCount, !entry.stream.isFinished else { return }
    if count > self.configuration.unreadByteLimitPerStream {
      throw .unread(self.configuration.unreadByteLimitPerStream, inThe: "RPC")
    }
    let total = self.figures.unreadByteCount - entry.unreadByteCount + count
    if total > self.configuration.maximumUnreadBytesPerTunnel {
      throw .unread(self.configuration.maximumUnreadBytesPerTunnel, inThe: "tunnel")
    }
  }

  /// At revision zero, received messages may fill a stream; at revision one, credit may end its wait.
  private mutating func trackStalls(_ id: StreamID, _ now: Duration) {
    guard let index = self.entries.index(forKey: id) else { return }
    let limit = self.configuration.receiveBufferSize
    if self.entries.values[index].stream.isInboundFull(limit: limit) {
      self.stalls.begin(id, now: now)
    }
    if let start = self.entries.values[index].stallStart,
      !self.entries.values[index].stream.isOutOfWindow
    {
      self.figures.windowStallTime += now - start
      self.entries.values[index].stallStart = nil
    }
  }

  /// A stream that runs out of window begins to wait.
  private mutating func beginWindowStall(
    _ index: Dictionary<StreamID, Entry>.Index,
    _ now: () -> Duration
  ) {
    guard self.entries.values[index].stallStart == nil,
      self.entries.values[index].stream.isOutOfWindow
    else { return }
    self.entries.values[index].stallStart = now()
    self.figures.windowStalls &+= 1
  }

  /// Ends a stream.
  ///
  /// - Returns: Whether it was open: the peer is to be told.
  package mutating func fail(_ id: StreamID, _ error: RPCError) -> Bool {
    guard self.isOpen(id) else { return false }
    _ = self.update(id) { $0.fail(error) }
    return true
  }

  /// The application has done with a stream, which is forgotten once it has ended.
  package mutating func release(_ id: StreamID) {
    guard let index = self.entries.index(forKey: id) else { return }
    self.entries.values[index].isHeld = false
    if self.entries.values[index].hasEnded {
      self.forget(index)
    }
  }

  /// Ends all streams, and drops the frames that wait.
  package mutating func close(_ error: RPCError) {
    self.stopOutput()
    self.deadlines.removeAll()
    self.stalls.removeAll()
    for id in Array(self.entries.keys) {
      _ = self.update(id) { $0.tunnelEnded(error) }
    }
  }

  private mutating func forget(_ index: Dictionary<StreamID, Entry>.Index) {
    self.figures.bufferedByteCount -= self.entries.values[index].bufferedByteCount
    self.figures.unreadByteCount -= self.entries.values[index].unreadByteCount
    self.entries.remove(at: index)
  }

  /// Draws the consequences of something done to a stream.
  private mutating func settle(_ id: StreamID, _ index: Dictionary<StreamID, Entry>.Index) {
    let bufferedByteCount = self.entries.values[index].stream.bufferedByteCount
    self.figures.bufferedByteCount +=
      bufferedByteCount - self.entries.values[index].bufferedByteCount
    self.entries.values[index].bufferedByteCount = bufferedByteCount
    let unreadByteCount = self.entries.values[index].stream.unreadByteCount
    self.figures.unreadByteCount += unreadByteCount - self.entries.values[index].unreadByteCount
    self.entries.values[index].unreadByteCount = unreadByteCount

    if self.entries.values[index].stream.isFinished {
      if self.entries.values[index].hasEnded { return }
      self.entries.values[index].hasEnded = true
      self.openCount -= 1
      self.windowGrowth -= self.entries.values[index].stream.windowGrowth
      if let code = self.entries.values[index].stream.finishedCode,
        self.figures.streamsFinished.indices.contains(code)
      {
        self.figures.streamsFinished[code] &+= 1
      }
      self.deadlines.remove(id)
      self.stalls.remove(id)
      if !self.entries.values[index].isHeld {
        self.forget(index)
      }
      return
    }
    self.returnCredit(id, index)
    if !self.entries.values[index].isScheduled, self.entries.values[index].stream.isSendable {
      self.entries.values[index].isScheduled = true
      self.scheduler.enqueue(id)
    }
    let limit = self.configuration.receiveBufferSize
    if !self.entries.values[index].stream.isInboundFull(limit: limit) {
      self.stalls.remove(id)
    }
  }

  private mutating func returnCredit(_ id: StreamID, _ index: Dictionary<StreamID, Entry>.Index) {
    let allowance = max(0, self.configuration.maximumWindowGrowth - self.windowGrowth)
    let growth = self.entries.values[index].stream.windowGrowth
    let update = self.entries.values[index].stream.takeWindowUpdate(allowance: allowance)
    guard let increment = update else { return }
    self.windowGrowth += self.entries.values[index].stream.windowGrowth - growth
    self.enqueue(.windowUpdate(increment), for: id)
  }

  // MARK: - The application's side

  package mutating func read(_ id: StreamID) -> StreamReadResult<Stream.Part> {
    self.update(id) { $0.read() } ?? .end
  }

  /// - Parameter now: Asked for when the stream has no window left.
  package mutating func write(
    _ message: ArraySlice<UInt8>,
    to id: StreamID,
    now: () -> Duration
  ) -> StreamWriteResult {
    guard let index = self.entries.index(forKey: id) else { return .failed(Self.released) }
    let limit = self.configuration.sendBufferSize
    let result = self.entries.values[index].stream.write(message, limit: limit)
    self.beginWindowStall(index, now)
    self.settle(id, index)
    return result
  }

  /// The error for a write now; nil when the stream takes messages.
  package func writeError(of id: StreamID) -> RPCError? {
    guard let stream = self.entries[id]?.stream else { return Self.released }
    return stream.writeError
  }

  package func writeReadiness(of id: StreamID) -> WriteReadiness {
    guard let stream = self.entries[id]?.stream else { return .failed(Self.released) }
    if let error = stream.writeError { return .failed(error) }
    return stream.isOutboundFull(limit: self.configuration.sendBufferSize) ? .wait : .ready
  }

  private static var released: RPCError {
    RPCError(code: .cancelled, message: "The RPC has ended.")
  }

  // MARK: - Output

  /// Whether frames wait to be sent.
  package var hasFrames: Bool {
    !self.scheduler.isEmpty
  }

  /// Whether so many control frames wait that nothing should be done that may cause more.
  package var hasTooManyControlFrames: Bool {
    self.scheduler.controlFrameCount > self.configuration.maximumQueuedControlFrames
  }

  /// Whether nothing must be received now.
  package var isInboundPaused: Bool {
    !self.stalls.isEmpty || self.hasTooManyControlFrames
  }

  /// Nothing can be sent any more: frames are dropped, those that wait and later ones. Inbound does
  /// not pause for them.
  package mutating func stopOutput() {
    self.scheduler.stop()
  }

  /// Queues a frame that goes before the messages of all streams.
  package mutating func enqueue(_ payload: Frame.Payload, for id: StreamID) {
    self.scheduler.enqueue(control: Frame(streamID: id, payload: payload))
  }

  /// Takes frames to send, up to about `maximumByteCount` bytes.
  ///
  /// - Parameter now: Asked for when a stream has no window left.
  /// - Returns: The streams whose writers may go on.
  package mutating func takeFrames(
    into frames: inout [Frame],
    maximumByteCount: Int,
    now: () -> Duration
  ) -> [StreamID] {
    var byteCount = 0
    var drained: [StreamID] = []
    while byteCount < maximumByteCount, let next = self.scheduler.next() {
      byteCount += OutboundScheduler<Frame>.costPerFrame
      switch next {
      case .control(let frame):
        if let payload = frame.payload, payload.startsStream {
          _ = self.update(frame.streamID) { $0.startLeft() }
        }
        frames.append(frame)
      case .stream(let id):
        byteCount += self.takeTurn(of: id, into: &frames, drained: &drained, now)
      }
    }
    return drained
  }

  /// Takes one chunk of a stream, and the end of the stream when it is next: some peers wait for
  /// it, so that both leave in the same batch.
  ///
  /// - Returns: The bytes of message data taken.
  private mutating func takeTurn(
    of id: StreamID,
    into frames: inout [Frame],
    drained: inout [StreamID],
    _ now: () -> Duration
  ) -> Int {
    // A stream may end, and be forgotten, while it waits for its turn.
    guard let index = self.entries.index(forKey: id) else { return 0 }
    self.entries.values[index].isScheduled = false
    let limit = self.configuration.sendBufferSize
    let wasFull = self.entries.values[index].stream.isOutboundFull(limit: limit)
    var byteCount = 0
    if let payload = self.entries.values[index].stream.nextPayload() {
      byteCount = payload.dataByteCount
      self.figures.bytesSent &+= UInt64(byteCount)
      if payload.beginsMessage { self.figures.messagesSent &+= 1 }
      frames.append(Frame(streamID: id, payload: payload))
    }
    if self.entries.values[index].stream.isEndDue,
      let payload = self.entries.values[index].stream.nextPayload()
    {
      frames.append(Frame(streamID: id, payload: payload))
    }
    if wasFull, !self.entries.values[index].stream.isOutboundFull(limit: limit) {
      drained.append(id)
    }
    self.beginWindowStall(index, now)
    self.settle(id, index)
    return byteCount
  }

  // MARK: - Time

  /// Whether a stream's deadline has come.
  package func isOverdue(_ id: StreamID, now: Duration) -> Bool {
    self.deadlines.isDue(id, now: now)
  }

  /// When the next stream is due to end.
  package var nextTimer: Duration? {
    mutating get {
      [self.deadlines.next, self.stalls.next].compactMap { $0 }.min()
    }
  }

  /// Takes out a stream that is due to end, with the error that it ends with.
  package mutating func popExpired(now: Duration) -> (stream: StreamID, error: RPCError)? {
    if let stream = self.deadlines.popExpired(now: now) {
      return (stream, .deadlineExceeded)
    }
    return self.stalls.popExpired(now: now)
      .map { ($0, .stalled(self.configuration.stallTimeout)) }
  }
}
