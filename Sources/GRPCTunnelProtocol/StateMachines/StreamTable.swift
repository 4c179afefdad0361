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
///
/// Streams are looked up once and then changed in place: reading one out of the dictionary copies
/// it, and a queue of messages that a copy shares is copied by the next change.
package struct StreamTable<Stream: StreamStateMachine>: Sendable {
  package typealias Frame = Stream.OutboundFrame

  private var entries: [StreamID: StreamTableEntry<Stream>]
  private var ledger: StreamTableLedger<Stream>

  package init(configuration: TunnelConfiguration) {
    self.entries = [:]
    self.ledger = StreamTableLedger(configuration: configuration)
  }

  // MARK: - Streams

  /// The streams that have not ended.
  package var openCount: Int {
    self.ledger.openCount
  }

  /// What was done so far.
  package var figures: TunnelFigures {
    self.ledger.figures
  }

  /// The streams that have not ended, and those that the application still holds.
  package var count: Int {
    self.entries.count
  }

  package subscript(id: StreamID) -> Stream? {
    self.entries[id]?.stream
  }

  /// Looks at a stream.
  ///
  /// - Returns: What `body` returns; nil when the stream is not there.
  package mutating func inspect<Result>(
    _ id: StreamID,
    _ body: (inout Stream) -> Result
  ) -> Result? {
    guard let index = self.entries.index(forKey: id) else { return nil }
    return body(&self.entries.values[index].stream)
  }

  /// Whether the stream is there and has not ended.
  package mutating func isOpen(_ id: StreamID) -> Bool {
    self.inspect(id) { !$0.isFinished } ?? false
  }

  /// The streams with an id above `id` that have not ended.
  package func openStreams(above id: StreamID) -> [StreamID] {
    self.entries.compactMap { $0.key > id && !$0.value.stream.isFinished ? $0.key : nil }
  }

  package mutating func insert(_ stream: Stream, for id: StreamID, deadline: Duration?) {
    var entry = StreamTableEntry(stream: stream)
    self.ledger.started(id, &entry, deadline: deadline)
    self.entries[id] = entry
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
    self.ledger.hasRoom(for: unreadByteCount)
  }

  /// A stream was refused, which never came here.
  package mutating func countRefusal() {
    self.ledger.figures.streamsRefused &+= 1
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
    try self.ledger.checkUnread(&self.entries.values[index])
    self.ledger.received(payload)
    self.ledger.arrived(for: id, &self.entries.values[index], now: now)
    self.settle(id, index)
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
    if self.ledger.release(&self.entries.values[index]) {
      self.entries.remove(at: index)
    }
  }

  /// Ends all streams, and drops the frames that wait.
  package mutating func close(_ error: RPCError) {
    self.ledger.close()
    for id in Array(self.entries.keys) {
      _ = self.update(id) { $0.tunnelEnded(error) }
    }
  }

  /// Draws the consequences of something done to a stream.
  private mutating func settle(
    _ id: StreamID,
    _ index: Dictionary<StreamID, StreamTableEntry<Stream>>.Index
  ) {
    if self.ledger.settle(id, &self.entries.values[index]) {
      self.entries.remove(at: index)
    }
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
    let limit = self.ledger.configuration.sendBufferSize
    let result = self.entries.values[index].stream.write(message, limit: limit)
    self.ledger.beginWindowStall(&self.entries.values[index], now)
    self.settle(id, index)
    return result
  }

  /// The error for a write now; nil when the stream takes messages.
  package mutating func writeError(of id: StreamID) -> RPCError? {
    guard let error = self.inspect(id, { $0.writeError }) else { return Self.released }
    return error
  }

  package mutating func writeReadiness(of id: StreamID) -> WriteReadiness {
    let limit = self.ledger.configuration.sendBufferSize
    return self.inspect(id) { stream in
      if let error = stream.writeError { return .failed(error) }
      return stream.isOutboundFull(limit: limit) ? .wait : .ready
    } ?? .failed(Self.released)
  }

  private static var released: RPCError {
    RPCError(code: .cancelled, message: "The RPC has ended.")
  }

  // MARK: - Output

  /// Whether frames wait to be sent.
  package var hasFrames: Bool {
    !self.ledger.scheduler.isEmpty
  }

  /// Whether so many control frames wait that nothing should be done that may cause more.
  package var hasTooManyControlFrames: Bool {
    self.ledger.hasTooManyControlFrames
  }

  /// Whether nothing must be received now.
  package var isInboundPaused: Bool {
    !self.ledger.stalls.isEmpty || self.hasTooManyControlFrames
  }

  /// Nothing can be sent any more: frames are dropped, those that wait and later ones. Inbound does
  /// not pause for them.
  package mutating func stopOutput() {
    self.ledger.scheduler.stop()
  }

  /// Queues a frame that goes before the messages of all streams.
  package mutating func enqueue(_ payload: Frame.Payload, for id: StreamID) {
    self.ledger.enqueue(payload, for: id)
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
    while byteCount < maximumByteCount, let next = self.ledger.scheduler.next() {
      byteCount += OutboundScheduler<Frame>.costPerFrame
      switch next {
      case .control(let frame):
        if let payload = frame.payload, payload.startsStream {
          _ = self.update(frame.streamID) { $0.startLeft() }
        }
        frames.append(frame)
      case .stream(let id):
        // A stream may end, and be forgotten, while it waits for its turn.
        guard let index = self.entries.index(forKey: id) else { continue }
        let turn = self.ledger.takeTurn(of: id, &self.entries.values[index], into: &frames, now)
        byteCount += turn.byteCount
        if turn.isDrained { drained.append(id) }
        self.settle(id, index)
      }
    }
    return drained
  }

  // MARK: - Time

  /// Whether a stream's deadline has come.
  package func isOverdue(_ id: StreamID, now: Duration) -> Bool {
    self.ledger.deadlines.isDue(id, now: now)
  }

  /// When the next stream is due to end.
  package var nextTimer: Duration? {
    mutating get { self.ledger.nextTimer }
  }

  /// Takes out a stream that is due to end, with the error that it ends with.
  package mutating func popExpired(now: Duration) -> (stream: StreamID, error: RPCError)? {
    self.ledger.popExpired(now: now)
  }
}
