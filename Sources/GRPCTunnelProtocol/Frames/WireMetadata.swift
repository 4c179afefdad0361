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

/// Metadata as it travels in frames (`Metadata`): a map from keys to lists of UTF-8 strings.
///
/// Each key stands once; the order of keys means nothing, the order of a key's values does.
package struct WireMetadata: Sendable {
  package private(set) var entries: [Entry]

  /// Where each key stands in `entries`, once they are too many to look through.
  ///
  /// A peer can put hundreds of thousands of keys into a frame: looking through all of them for
  /// each one would keep a core busy for minutes.
  private var positions: [String: Int]

  /// The values that were added, and keys without any.
  private var elementCount: Int

  /// Once there are more values than this, keys without any included, no more are kept.
  ///
  /// A peer can put millions of empty values into a frame, each of which costs many times what it has
  /// on the wire. What is kept is larger than the largest limit on metadata, so that it is refused.
  package static let maximumElementCount = 32_768

  /// Metadata of up to this many keys, the usual case, does without `positions`.
  private static let maximumEntriesWithoutPositions = 16

  package struct Entry: Hashable, Sendable {
    package let key: String
    package fileprivate(set) var values: [String]
  }

  package init() {
    self.entries = []
    self.positions = [:]
    self.elementCount = 0
  }

  package var isEmpty: Bool {
    self.entries.isEmpty
  }

  /// The values of `key`; empty when there are none.
  package subscript(key: String) -> [String] {
    self.position(ofKey: key).map { self.entries[$0].values } ?? []
  }

  /// Adds a value behind those that `key` has.
  package mutating func append(_ value: String, forKey key: String) {
    guard self.takeRoom(for: 1) else { return }
    if let position = self.position(ofKey: key) {
      self.entries[position].values.append(value)
    } else {
      self.append(Entry(key: key, values: [value]))
    }
  }

  /// Sets the values of `key`, replacing any: what protobuf asks of a map entry that comes twice.
  package mutating func set(_ values: [String], forKey key: String) {
    guard self.takeRoom(for: max(1, values.count)) else { return }
    if let position = self.position(ofKey: key) {
      self.elementCount -= max(1, self.entries[position].values.count)
      self.entries[position].values = values
    } else {
      self.append(Entry(key: key, values: values))
    }
  }

  private mutating func takeRoom(for count: Int) -> Bool {
    guard self.elementCount <= Self.maximumElementCount else { return false }
    self.elementCount += count
    return true
  }

  private func position(ofKey key: String) -> Int? {
    if self.entries.count <= Self.maximumEntriesWithoutPositions {
      self.entries.firstIndex { $0.key == key }
    } else {
      self.positions[key]
    }
  }

  private mutating func append(_ entry: Entry) {
    self.entries.append(entry)
    if self.entries.count == Self.maximumEntriesWithoutPositions + 1 {
      for (position, entry) in self.entries.enumerated() {
        self.positions[entry.key] = position
      }
    } else if self.entries.count > Self.maximumEntriesWithoutPositions {
      self.positions[entry.key] = self.entries.count - 1
    }
  }
}

extension WireMetadata: Hashable {
  package static func == (lhs: WireMetadata, rhs: WireMetadata) -> Bool {
    lhs.entries == rhs.entries
      || (lhs.entries.count == rhs.entries.count && Set(lhs.entries) == Set(rhs.entries))
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(Set(self.entries))
  }
}

extension WireMetadata: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, [String])...) {
    self.init()
    for (key, values) in elements {
      self.set(values, forKey: key)
    }
  }
}
