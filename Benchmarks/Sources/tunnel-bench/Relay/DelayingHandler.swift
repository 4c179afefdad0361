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

internal import DequeModule
internal import NIOCore

/// Writes what it reads to another channel of the same event loop, a fixed time later.
final class DelayingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// The bytes that may be under way; more are not read. As much as the fastest path has at the
  /// longest delay.
  private static let maximumByteCount = 64 * 1024 * 1024

  private struct Parcel {
    var time: NIODeadline
    var bytes: ByteBuffer
  }

  private let delay: TimeAmount
  private let target: any Channel
  private var parcels: Deque<Parcel> = []
  private var byteCount = 0
  private var isPaused = false
  private var isScheduled = false
  private var isEnded = false

  init(delay: TimeAmount, target: any Channel) {
    self.delay = delay
    self.target = target
  }

  func handlerAdded(context: ChannelHandlerContext) {
    // Nothing is read before there is somewhere to write it to.
    context.channel.setOption(.autoRead, value: true).whenComplete { _ in }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = self.unwrapInboundIn(data)
    self.byteCount += bytes.readableBytes
    self.parcels.append(Parcel(time: .now() + self.delay, bytes: bytes))
    if self.byteCount > Self.maximumByteCount, !self.isPaused {
      self.isPaused = true
      context.channel.setOption(.autoRead, value: false).whenComplete { _ in }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    self.deliver(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.isEnded = true
    self.deliver(context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  /// Writes what is due, and comes back for the rest.
  private func deliver(_ context: ChannelHandlerContext) {
    let now = NIODeadline.now()
    var hasWritten = false
    while let parcel = self.parcels.first, parcel.time <= now || self.delay == .zero {
      self.parcels.removeFirst()
      self.target.write(parcel.bytes).assumeIsolated().whenComplete { _ in
        self.written(parcel.bytes.readableBytes, context)
      }
      hasWritten = true
    }
    if hasWritten { self.target.flush() }
    if let next = self.parcels.first {
      self.schedule(next.time, context)
    } else if self.isEnded {
      self.target.close(promise: nil)
    }
  }

  private func written(_ count: Int, _ context: ChannelHandlerContext) {
    self.byteCount -= count
    if self.isPaused, self.byteCount < Self.maximumByteCount / 2 {
      self.isPaused = false
      context.channel.setOption(.autoRead, value: true).whenComplete { _ in }
    }
  }

  private func schedule(_ time: NIODeadline, _ context: ChannelHandlerContext) {
    if self.isScheduled { return }
    self.isScheduled = true
    context.eventLoop.assumeIsolated().scheduleTask(deadline: time) {
      self.isScheduled = false
      self.deliver(context)
    }
  }
}
