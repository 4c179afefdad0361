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

/// What a simulation decides by: the random numbers of a seed, or bytes that somebody else chose,
/// such as a fuzzer.
package struct Choices: Sendable {
  private enum Source: Sendable {
    case seed(SeededGenerator)
    case bytes(ArraySlice<UInt8>)
  }

  private var source: Source

  package init(seed: UInt64) {
    self.source = .seed(SeededGenerator(seed: seed))
  }

  package init(bytes: ArraySlice<UInt8>) {
    self.source = .bytes(bytes)
  }

  /// Whether the bytes are used up; from then on every choice is 0.
  package var isExhausted: Bool {
    switch self.source {
    case .seed: false
    case .bytes(let bytes): bytes.isEmpty
    }
  }

  package mutating func int(below bound: Int) -> Int {
    switch self.source {
    case .seed(var generator):
      let choice = generator.int(below: bound)
      self.source = .seed(generator)
      return choice
    case .bytes(var bytes):
      // No more bytes than the choice needs, so that a fuzzer sees what each of them does.
      var choice = 0
      var reach = 1
      while reach < bound, let byte = bytes.popFirst() {
        choice = choice << 8 | Int(byte)
        reach <<= 8
      }
      self.source = .bytes(bytes)
      return choice % bound
    }
  }

  /// As many bytes as asked for, or as there are.
  package mutating func bytes(count: Int) -> ArraySlice<UInt8> {
    switch self.source {
    case .seed:
      return ArraySlice((0 ..< count).map { _ in UInt8(self.int(below: 256)) })
    case .bytes(var bytes):
      let taken = bytes.prefix(count)
      bytes = bytes.dropFirst(count)
      self.source = .bytes(bytes)
      return taken
    }
  }

  package mutating func isOne(in count: Int) -> Bool {
    self.int(below: count) == 0
  }

  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[self.int(below: elements.count)]
  }
}
