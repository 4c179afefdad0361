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

/// The caller's side of an RPC as it is read: its metadata by the proxy, the rest by the task that
/// forwards requests.
///
/// Unchecked: streams have one iterator, which is not Sendable, and the two readers follow each
/// other.
final class RequestReader<Bytes: GRPCContiguousBytes & Sendable>: @unchecked Sendable {
  private var iterator: RPCAsyncSequence<RPCRequestPart<Bytes>, any Error>.AsyncIterator

  init(_ requests: RPCAsyncSequence<RPCRequestPart<Bytes>, any Error>) {
    self.iterator = requests.makeAsyncIterator()
  }

  /// The metadata; nil when the caller was gone before it could be read.
  func readMetadata() async -> Metadata? {
    guard case .some(.metadata(let metadata)) = try? await self.iterator.next() else { return nil }
    return metadata
  }

  /// The next part; nil when there are no more, or when the task was cancelled.
  func next() async throws -> RPCRequestPart<Bytes>? {
    try await self.iterator.next()
  }
}
