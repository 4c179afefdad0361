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
internal import Testing

@Suite("Outbound message queue")
struct OutboundMessageQueueTests {
  private func queue(window: UInt32) throws -> OutboundMessageQueue {
    OutboundMessageQueue(window: try #require(SendWindow(announced: window)))
  }

  @Test("Messages leave in order, cut to the window")
  func order() throws {
    var queue = try self.queue(window: 4)
    queue.append([1, 2, 3])
    queue.append([4, 5])
    #expect(queue.next() == .first(MessageEnvelope(size: 3, data: [1, 2, 3])))
    #expect(queue.next() == .first(MessageEnvelope(size: 2, data: [4])))
    #expect(!queue.isSendable)
    #expect(!queue.isEmpty)
    #expect(queue.next() == nil)
    #expect(queue.grow(by: 1) == true)
    #expect(queue.isSendable)
    #expect(queue.next() == .more([5]))
    #expect(queue.isEmpty)
  }

  @Test("An empty message leaves without a window, in its turn")
  func emptyMessages() throws {
    var queue = try self.queue(window: 0)
    queue.append([])
    queue.append([1])
    queue.append([])
    #expect(queue.next() == .first(MessageEnvelope(size: 0, data: [])))
    #expect(queue.next() == nil)
    #expect(queue.grow(by: 1) == true)
    #expect(queue.next() == .first(MessageEnvelope(size: 1, data: [1])))
    #expect(queue.next() == .first(MessageEnvelope(size: 0, data: [])))
    #expect(queue.isEmpty)
  }

  @Test("The queue is full by bytes, and empties as they leave")
  func fullByBytes() {
    var queue = OutboundMessageQueue(window: .unlimited)
    #expect(!queue.isFull(limit: 20_000))
    queue.append(ArraySlice(repeating: 0, count: 30_000))
    #expect(queue.isFull(limit: 20_000))
    _ = queue.next()
    #expect(!queue.isFull(limit: 20_000))
  }

  @Test("Messages without bytes fill the queue too")
  func fullByMessages() {
    var queue = OutboundMessageQueue(window: .unlimited)
    for _ in 0 ..< 2000 { queue.append([]) }
    #expect(queue.isFull(limit: 65_536))
  }

  @Test("What is discarded does not leave")
  func discard() {
    var queue = OutboundMessageQueue(window: .unlimited)
    queue.append([1])
    queue.discard()
    #expect(queue.isEmpty)
    #expect(queue.next() == nil)
    #expect(!queue.isFull(limit: 0))
  }
}
