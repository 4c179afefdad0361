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
internal import Testing
internal import TunnelSimulation

@Suite("Inbound message queue (PROTOCOL.md 6)")
struct InboundMessageQueueTests {
  private func queue(
    window: UInt32? = 100,
    maximumMessageSize: Int = 1000,
    maximumEmptyMessages: Int = 10
  ) -> InboundMessageQueue {
    InboundMessageQueue(
      window: window.map { ReceiveWindow(size: $0) },
      maximumMessageSize: maximumMessageSize,
      maximumEmptyMessages: maximumEmptyMessages
    )
  }

  private func bytes(_ count: Int) -> ArraySlice<UInt8> {
    ArraySlice(repeating: 7, count: count)
  }

  private func message(_ count: Int) -> MessageEnvelope {
    MessageEnvelope(size: UInt32(count), data: self.bytes(count))
  }

  @Test("The window grows, whatever the size of messages", arguments: [1, 1000, 65_536])
  func growth(messageSize: Int) throws {
    var queue = InboundMessageQueue(
      window: ReceiveWindow(size: 65_536, maximum: 131_072),
      maximumMessageSize: 1_000_000,
      maximumEmptyMessages: 10
    )
    for _ in 0 ..< 131_072 / messageSize {
      #expect(queue.next() == nil)
      try queue.receive(self.message(messageSize))
      _ = queue.takeWindowUpdate(allowance: .max)
      #expect(queue.next()?.count == messageSize)
    }
    #expect(queue.windowGrowth == 65_536)
  }

  @Test(
    "A window that a peer has filled costs at most twice its bytes and 4 KiB",
    arguments: [[1], [2], [64], [255], [256], [1, 256], [255, 256, 1], [10_000]]
  )
  func cost(sizes: [Int]) throws {
    var queue = self.queue(window: 200_000, maximumMessageSize: 10_000)
    var (sent, index) = (0, 0)
    while sent + sizes[index] <= 200_000 {
      try queue.receive(self.message(sizes[index]))
      sent += sizes[index]
      index = (index + 1) % sizes.count
      #expect(queue.unreadByteCount <= 2 * sent + 4096)
    }
    var received = 0
    while let message = queue.next() { received += message.count }
    #expect(received == sent)
    #expect(queue.unreadByteCount == 0)
    #expect(queue.takeWindowUpdate() == UInt32(sent))
  }

  @Test("Messages come out in order")
  func order() throws {
    var queue = self.queue()
    try queue.receive(MessageEnvelope(size: 1, data: [1]))
    try queue.receive(MessageEnvelope(size: 2, data: [2]))
    #expect(queue.next() == [1])
    #expect(queue.next() == nil)
    try queue.receive([3])
    #expect(queue.next() == [2, 3])
    #expect(queue.bufferedByteCount == 0)
  }

  @Test("A message that nobody waits for holds its credit until it is taken")
  func unawaited() throws {
    var queue = self.queue()
    try queue.receive(self.message(100))
    #expect(queue.takeWindowUpdate() == nil)
    #expect(queue.next()?.count == 100)
    #expect(queue.takeWindowUpdate() == 100)
  }

  @Test("A chunk of an awaited message returns its credit on arrival")
  func awaited() throws {
    var queue = self.queue()
    #expect(queue.next() == nil)
    try queue.receive(MessageEnvelope(size: 200, data: self.bytes(60)))
    #expect(queue.takeWindowUpdate() == 60)
  }

  @Test("Waiting for a message that has begun returns what it holds")
  func awaitedLate() throws {
    var queue = self.queue()
    try queue.receive(MessageEnvelope(size: 200, data: self.bytes(100)))
    #expect(queue.takeWindowUpdate() == nil)
    #expect(queue.next() == nil)
    #expect(queue.takeWindowUpdate() == 100)
    try queue.receive(self.bytes(50))
    #expect(queue.takeWindowUpdate() == 50)
  }

  @Test("A message many times larger than the window flows while it is awaited")
  func largerThanWindow() throws {
    var queue = self.queue(window: 100, maximumMessageSize: 10_000)
    var credit = 100
    #expect(queue.next() == nil)
    try queue.receive(MessageEnvelope(size: 10_000, data: []))
    var sent = 0
    while sent < 10_000 {
      let count = min(credit, 10_000 - sent)
      try #require(count > 0, "The message is stuck")
      try queue.receive(self.bytes(count))
      sent += count
      credit += Int(queue.takeWindowUpdate() ?? 0) - count
    }
    #expect(queue.next()?.count == 10_000)
  }

  @Test("Only the message that is next is awaited: the one behind it holds its credit")
  func behindTheAwaited() throws {
    var queue = self.queue()
    #expect(queue.next() == nil)
    try queue.receive(self.message(10))
    try queue.receive(MessageEnvelope(size: 200, data: self.bytes(90)))
    // Ten of the awaited message are consumed, too few for an update.
    #expect(queue.takeWindowUpdate() == nil)
    #expect(queue.next()?.count == 10)
    #expect(queue.takeWindowUpdate() == nil)
    #expect(queue.next() == nil)
    #expect(queue.takeWindowUpdate() == 100)
  }

  @Test("Taking a message ends the waiting")
  func waitingEnds() throws {
    var queue = self.queue()
    #expect(queue.next() == nil)
    try queue.receive(self.message(1))
    #expect(queue.next() != nil)
    try queue.receive(MessageEnvelope(size: 200, data: self.bytes(99)))
    #expect(queue.takeWindowUpdate() == nil)
  }

  @Test("Credit is returned exactly once, however reads and arrivals interleave")
  func balance() throws {
    for seed in 0 ..< 50 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      var queue = self.queue(window: 64, maximumMessageSize: 300, maximumEmptyMessages: .max)
      var chunker = MessageChunker([])
      var credit = 64
      var sent = 0
      var taken = 0
      for _ in 0 ..< 500 {
        if random.isOne(in: 2) {
          if chunker.isFinished || !chunker.canAdvance(window: .max) {
            chunker = MessageChunker(self.bytes(random.int(below: 300)))
          }
          guard chunker.canAdvance(window: credit) else { continue }
          switch chunker.next(window: min(credit, 1 + random.int(below: 40))) {
          case .first(let envelope):
            try queue.receive(envelope)
            sent += envelope.data.count
            credit -= envelope.data.count
          case .more(let data):
            try queue.receive(data)
            sent += data.count
            credit -= data.count
          }
        } else {
          taken += queue.next()?.count ?? 0
        }
        credit += Int(queue.takeWindowUpdate() ?? 0)
        #expect(credit <= 64)
        #expect(queue.bufferedByteCount == sent - taken)
      }
    }
  }

  @Test("Data beyond the window is refused")
  func windowExceeded() throws {
    var queue = self.queue()
    try queue.receive(self.message(60))
    #expect(throws: InboundMessageQueue.Fault.windowExceeded(available: 40)) {
      try queue.receive(self.message(41))
    }
  }

  @Test("Empty messages that wait are limited, those that were taken are not")
  func emptyMessages() throws {
    var queue = self.queue(maximumEmptyMessages: 2)
    for _ in 0 ..< 10 {
      try queue.receive(self.message(0))
      #expect(queue.next() == [])
    }
    try queue.receive(self.message(0))
    try queue.receive(self.message(0))
    #expect(throws: InboundMessageQueue.Fault.tooManyEmptyMessages(maximum: 2)) {
      try queue.receive(self.message(0))
    }
  }

  @Test("At revision zero any amount is taken, and the queue says when it is full")
  func revisionZero() throws {
    var queue = self.queue(window: nil, maximumMessageSize: 10_000, maximumEmptyMessages: .max)
    // A message that is being assembled goes on, however large: stopping it would be for ever.
    try queue.receive(MessageEnvelope(size: 9000, data: self.bytes(8999)))
    #expect(!queue.isFull(limit: 1000))
    try queue.receive([1])
    #expect(queue.isFull(limit: 1000))
    #expect(queue.takeWindowUpdate() == nil)
    #expect(queue.next()?.count == 9000)
    #expect(!queue.isFull(limit: 1000))
  }

  @Test("At revision zero empty messages fill the queue too")
  func revisionZeroEmptyMessages() throws {
    var queue = self.queue(window: nil, maximumEmptyMessages: .max)
    for _ in 0 ..< 1000 { try queue.receive(self.message(0)) }
    #expect(queue.isFull(limit: 1000))
  }

  @Test("At revision one the queue is never full: the window says when to stop")
  func revisionOneIsNeverFull() throws {
    var queue = self.queue()
    try queue.receive(self.message(100))
    #expect(!queue.isFull(limit: 0))
  }

  @Test("What is discarded is gone")
  func discard() throws {
    var queue = self.queue()
    try queue.receive(self.message(10))
    try queue.receive(MessageEnvelope(size: 20, data: self.bytes(10)))
    queue.discard()
    #expect(!queue.hasMessage)
    #expect(!queue.isInsideMessage)
    #expect(queue.bufferedByteCount == 0)
    #expect(queue.next() == nil)
  }

  @Test(
    "A fault's status at the tunnel client and at the tunnel server",
    arguments: [
      (.windowExceeded(available: 1), .resourceExhausted, .resourceExhausted),
      (.tooManyEmptyMessages(maximum: 1), .resourceExhausted, .resourceExhausted),
      (
        .assembly(.messageTooLarge(size: 2, maximum: 1)),
        .resourceExhausted, .resourceExhausted
      ),
      (.assembly(.envelopeInsideMessage), .internalError, .invalidArgument),
      (.assembly(.dataOutsideMessage), .internalError, .invalidArgument),
      (.assembly(.dataBeyondSize(1)), .internalError, .invalidArgument),
    ] as [(InboundMessageQueue.Fault, RPCError.Code, RPCError.Code)]
  )
  func status(fault: InboundMessageQueue.Fault, client: RPCError.Code, server: RPCError.Code) {
    #expect(fault.clientError.code == client)
    #expect(fault.serverError.code == server)
  }
}
