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

/// How many RPCs are open for each key.
struct OpenRPCCounts: Sendable {
  let maximum: Int
  private var counts: [String: Int] = [:]

  init(maximum: Int) {
    self.maximum = maximum
  }

  /// - Throws: `resourceExhausted` when there are as many as there may be.
  mutating func start(_ key: String) throws(RPCError) {
    let count = self.counts[key] ?? 0
    if count >= self.maximum {
      throw RPCError(
        code: .resourceExhausted,
        message: "\(count) RPCs are open for the key '\(key)', and there may not be more."
      )
    }
    self.counts[key] = count + 1
  }

  mutating func end(_ key: String) {
    guard let count = self.counts[key] else { return }
    self.counts[key] = count > 1 ? count - 1 : nil
  }

  /// The keys that have any.
  var keyCount: Int {
    self.counts.count
  }
}
