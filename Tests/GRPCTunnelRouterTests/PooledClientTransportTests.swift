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
@testable internal import GRPCTunnelRouter
internal import Testing

@Suite("PooledClientTransport", .timeLimit(.minutes(5)))
struct PooledClientTransportTests {
  private static let method = MethodDescriptor(fullyQualifiedService: "test.Service", method: "M")

  @Test("fills one transport before it uses the next")
  func fills() async throws {
    let transports = (0 ..< 3).map { _ in ScriptedUpstream() }
    var unused = transports[...]
    let pool = PooledClientTransport(count: 3, maximumStreams: 2) { unused.removeFirst() }
    try await open(7, in: pool)
    // Two each; the seventh goes where the fewest are, the first of three equals.
    #expect(transports.map(\.streamCount) == [3, 2, 2])
    // All have ended: the first has room again.
    try await open(1, in: pool)
    #expect(transports.map(\.streamCount) == [4, 2, 2])
  }

  /// Opens streams, each while those before it are open.
  private func open(_ count: Int, in pool: PooledClientTransport<ScriptedUpstream>) async throws {
    guard count > 0 else { return }
    try await pool.withStream(descriptor: Self.method, options: .defaults) { _, _ in
      try await self.open(count - 1, in: pool)
    }
  }

  @Test("connects a transport when it is needed, the first one at once")
  func connects() async throws {
    let transports = (0 ..< 3).map { _ in ScriptedUpstream() }
    var unused = transports[...]
    let pool = PooledClientTransport(count: 3, maximumStreams: 1) { unused.removeFirst() }
    try await open(2, in: pool)
    pool.beginGracefulShutdown()
    try await pool.connect()
    #expect(transports.map(\.connectCount) == [1, 1, 0])
  }
}
