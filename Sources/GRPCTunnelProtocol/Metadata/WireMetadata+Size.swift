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

extension WireMetadata {
  /// What a value costs beyond its bytes and those of its key: the figure that HTTP/2 uses. It
  /// covers what a frame spends on framing, and keeps empty values from being free.
  private static let costPerValue = 32

  /// The size that limits on metadata apply to: the bytes of all keys and values, with a key
  /// counted once for each of its values, and 32 more for each value.
  package var byteCount: Int {
    self.entries.reduce(0) { sum, entry in
      let values = entry.values.reduce(0) { $0 + $1.utf8.count }
      return sum + values + (entry.key.utf8.count + Self.costPerValue) * max(1, entry.values.count)
    }
  }
}
