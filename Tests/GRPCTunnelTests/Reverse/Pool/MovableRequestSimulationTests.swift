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
internal import Testing
internal import TunnelSimulation

@testable internal import GRPCTunnel

/// A request with several writers and a reader, each of which may be the first to find that its tunnel
/// has not processed it; their steps come in any order.
private struct MovableRequestSimulation {
  private struct Writer {
    var next = 0
    var state = State.idle

    enum State {
      case idle
      /// What was written is about to be given to the stream of an attempt.
      case giving(attempt: Int)
      /// The stream of the attempt has not processed the RPC.
      case refused(attempt: Int)
    }
  }

  private var generator: SeededGenerator
  private var request = MovableRequest()
  private var writers = Array(repeating: Writer(), count: 3)
  /// What the stream of each attempt was given: a writer, and the number of its message.
  private var streams: [[String]] = [[]]
  /// The streams that have not processed the RPC.
  private var refused: Set<Int> = []
  private var isSettled = false
  private var isMoving = false
  private(set) var moveCount = 0

  init(seed: UInt64) {
    self.generator = SeededGenerator(seed: seed)
  }

  mutating func step() {
    switch self.generator.int(below: 10) {
    case 0 where self.generator.isOne(in: 3):
      if !self.isSettled { self.refused.insert(self.request.attempt) }
    case 1 where self.generator.isOne(in: 30):
      self.readerReads()
    case 2 where self.refused.contains(self.request.attempt):
      _ = self.find(self.request.attempt)
    case 3:
      self.endMove()
    default:
      self.writerGoesOn(self.generator.int(below: self.writers.count))
    }
  }

  /// Lets everybody end, and looks at what the last stream has got.
  mutating func finish() {
    for _ in 0 ..< 100 {
      self.endMove()
      for writer in self.writers.indices {
        if case .idle = self.writers[writer].state { continue }
        self.writerGoesOn(writer)
      }
    }
    for (attempt, stream) in self.streams.enumerated() {
      #expect(Set(stream).count == stream.count, "A stream got something twice.")
      for (number, writer) in self.writers.enumerated() {
        let own = stream.filter { $0.hasPrefix("\(number).") }
        let written = (0 ..< writer.next).map { "\(number).\($0)" }
        #expect(written.starts(with: own), "A stream got the messages of a writer out of order.")
        if attempt == self.request.attempt, !self.refused.contains(attempt) {
          #expect(own == written, "The last stream misses something.")
        }
      }
    }
  }

  private mutating func writerGoesOn(_ number: Int) {
    switch self.writers[number].state {
    case .idle:
      let name = "\(number).\(self.writers[number].next)"
      let bytes = Array(name.utf8) + Array(repeating: 0, count: self.generator.pick([0, 9, 5000]))
      switch self.request.send(.part(.message(TunnelMessageBytes(bytes)))) {
      case .send(let attempt):
        self.writers[number].next += 1
        self.writers[number].state = .giving(attempt: attempt)
      case .wait:
        #expect(self.isMoving)
      case .failed:
        Issue.record("The request has failed.")
      }
    case .giving(let attempt):
      if self.refused.contains(attempt) {
        self.writers[number].state = .refused(attempt: attempt)
      } else {
        self.streams[attempt].append("\(number).\(self.writers[number].next - 1)")
        self.writers[number].state = .idle
      }
    case .refused(let attempt):
      if self.find(attempt) { self.writers[number].state = .idle }
    }
  }

  /// Somebody finds that a stream has not processed the RPC.
  ///
  /// - Returns: Whether that has had its consequences.
  private mutating func find(_ attempt: Int) -> Bool {
    switch self.request.failed(
      attempt: attempt,
      isUnprocessed: attempt == self.request.attempt
    ) {
    case .move(let items):
      #expect(!self.isMoving)
      self.isMoving = true
      self.streams.append(items.map(\.name))
      return false
    case .wait:
      #expect(self.isMoving)
      return false
    case .moved:
      return true
    case .settled:
      self.isSettled = true
      return true
    case .failed:
      Issue.record("The request has failed.")
      return true
    }
  }

  private mutating func endMove() {
    guard self.isMoving else { return }
    self.isMoving = false
    self.moveCount += 1
    let isNeeded = self.request.moved()
    #expect(isNeeded)
    #expect(self.request.attempt == self.streams.count - 1)
  }

  /// Something comes back, from a stream that is processed.
  private mutating func readerReads() {
    guard !self.isMoving, !self.refused.contains(self.request.attempt) else { return }
    let isLast = self.request.settle(attempt: self.request.attempt)
    #expect(isLast)
    self.isSettled = true
  }
}

extension MovableRequest.Item {
  /// The writer and the number that a message holds.
  fileprivate var name: String {
    switch self {
    case .part(.message(let message)):
      String(decoding: message.slice.prefix { $0 != 0 }, as: UTF8.self)
    case .part(.metadata), .end:
      ""
    }
  }
}

@Suite("What an RPC has sent, in any order")
struct MovableRequestSimulationTests {
  @Test("every stream gets everything once, in each writer's order", arguments: 1 ... 10)
  func random(seed: UInt64) {
    var moveCount = 0
    for round in 0 ..< 200 as Range<UInt64> {
      var simulation = MovableRequestSimulation(seed: seed * 1000 + round)
      for _ in 0 ..< 100 {
        simulation.step()
      }
      simulation.finish()
      moveCount += simulation.moveCount
    }
    #expect(moveCount > 100)
  }
}
