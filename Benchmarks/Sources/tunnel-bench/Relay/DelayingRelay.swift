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

internal import NIOCore
internal import NIOPosix

/// Passes TCP connections on to ports of this machine and delays what goes through, in both
/// directions: a long path on a short cable.
struct DelayingRelay: Sendable {
  /// How long bytes take in one direction.
  let delay: Duration

  /// Runs until the task is cancelled.
  ///
  /// - Parameters:
  ///   - targets: The ports that connections go to.
  ///   - listening: Called with the ports of the relay, one for each target.
  func run(
    targets: [Int],
    listening: @Sendable ([Int]) async throws -> Void
  ) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let delay = TimeAmount.nanoseconds(Int64(self.delay / .nanoseconds(1)))
    var channels: [any Channel] = []
    for target in targets {
      let channel = try await ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 1024)
        .childChannelOption(.recvAllocator, value: Self.allocator)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { inbound in
          Self.connect(inbound, to: target, delay: delay)
        }
        .bind(host: "127.0.0.1", port: 0)
        .get()
      channels.append(channel)
    }
    try await listening(channels.compactMap { $0.localAddress?.port })
    for channel in channels {
      try await channel.closeFuture.get()
    }
  }

  private static let allocator = AdaptiveRecvByteBufferAllocator(
    minimum: 16 * 1024,
    initial: 128 * 1024,
    maximum: 1024 * 1024
  )

  private static func connect(
    _ inbound: any Channel,
    to port: Int,
    delay: TimeAmount
  ) -> EventLoopFuture<Void> {
    // Both ends on one loop: what passes between them needs no hop.
    ClientBootstrap(group: inbound.eventLoop)
      .channelOption(.recvAllocator, value: Self.allocator)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.autoRead, value: false)
      .connect(host: "127.0.0.1", port: port)
      .flatMapThrowing { outbound in
        try inbound.pipeline.syncOperations.addHandler(
          DelayingHandler(delay: delay, target: outbound)
        )
        try outbound.pipeline.syncOperations.addHandler(
          DelayingHandler(delay: delay, target: inbound)
        )
      }
  }
}
