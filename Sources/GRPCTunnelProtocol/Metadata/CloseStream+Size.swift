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

extension CloseStream {
  /// What a detail costs beyond its bytes: more than a frame spends on framing.
  private static let costPerDetail = 32

  /// The size that the limit on frames applies to: no less than what the frame has in bytes, but
  /// for a small constant.
  package var byteCount: Int {
    let details = self.status?.details ?? []
    return (self.responseTrailers?.byteCount ?? 0) + (self.status?.message.utf8.count ?? 0)
      + details.reduce(0) { $0 + $1.value.count + $1.typeURL.utf8.count + Self.costPerDetail }
  }
}
