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

internal import Benchmark
internal import CAllocationCounter

extension Benchmark {
  /// Counts the allocations of `body`, after a first time that fills caches.
  ///
  /// - Parameter operations: How many things `body` does; the figure is for one of them.
  func count(per operations: Int, _ body: () async throws -> Void) async throws {
    try await body()
    let start = allocation_count()
    try await body()
    let count = allocation_count() - start
    self.measurement(.allocations, Int(count) / operations)
  }
}
