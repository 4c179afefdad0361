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

internal import BenchmarkService
internal import GRPCCore

extension Caller {
  /// Runs `body` while so many RPCs are open that do nothing.
  func withIdleStreams(_ count: Int, _ body: () async throws -> Void) async throws {
    switch self {
    case .direct(let client): try await client.withIdleStreams(count, body)
    case .forward(let client): try await client.withIdleStreams(count, body)
    case .reverse(let client): try await client.withIdleStreams(count, body)
    }
  }
}

extension GRPCClient {
  /// Runs `body` while so many RPCs are open that do nothing.
  func withIdleStreams(_ count: Int, _ body: () async throws -> Void) async throws {
    let (opened, continuation) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      for _ in 0 ..< count {
        group.addTask {
          // Cancelled at the end.
          try? await self.hold { continuation.yield() }
        }
      }
      var isOpen = opened.makeAsyncIterator()
      for _ in 0 ..< count {
        await isOpen.next()
      }
      try await body()
    }
  }

  /// An RPC that stays open until the task is cancelled.
  ///
  /// - Parameter opened: Called when the server has answered.
  private func hold(opened: @escaping @Sendable () -> Void) async throws {
    try await self.bidirectionalStreaming(
      request: StreamingClientRequest { _ in
        try await Task.sleep(for: .seconds(3600))
      },
      descriptor: BenchmarkMethods.hold,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: .defaults
    ) { response in
      opened()
      for try await _ in response.messages {}
    }
  }
}
