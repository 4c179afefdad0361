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
internal import GRPCTunnel
internal import GRPCTunnelProtocol

/// One RPC between a caller and the other side, once it is known where it goes.
struct RPCExchange<Bytes: GRPCContiguousBytes & Sendable, Upstream: ClientTransport>: Sendable {
  let descriptor: MethodDescriptor
  let metadata: Metadata
  let deadline: Duration?
  let requests: RequestReader<Bytes>
  let responses: RPCWriter<RPCResponsePart<Bytes>>.Closable
  let destination: RPCDestination<Upstream>
  let config: RPCProxyConfig
  let clock: TunnelClock

  /// Carries the RPC out, but for the status, which is left to the proxy.
  ///
  /// When the task is cancelled, the RPC is cancelled on the other side.
  func run() async -> RPCEnding {
    await self.destination.waitUntilReady?()
    if Task.isCancelled { return .cancelled }
    do {
      return try await self.destination.upstream.withStream(
        descriptor: self.descriptor,
        options: self.options
      ) { stream, _ in
        await self.run(on: stream)
      }
    } catch {
      if Task.isCancelled { return .cancelled }
      let error =
        error as? RPCError
        ?? RPCError(code: .unavailable, message: "The RPC could not be started: \(error)")
      return RPCEnding(self.destination.unreachable(error))
    }
  }

  private var options: CallOptions {
    var options = CallOptions.defaults
    options.waitForReady = false
    // A wait for the other side counts, and ends with it.
    options.timeout = self.deadline.map { $0 - self.clock.now() }
    // The HTTP/2 transport takes the limit of requests for that of responses.
    let limit = RPCProxyConfig.transportLimit(forMessagesOf: self.config.maximumMessageSize)
    options.maxRequestMessageBytes = limit
    options.maxResponseMessageBytes = limit
    return options
  }

  private func run(on stream: RPCStream<Upstream.Inbound, Upstream.Outbound>) async -> RPCEnding {
    var metadata = self.metadata
    if let deadline = self.deadline {
      let timeout = RPCTimeout.encode(deadline - self.clock.now())
      metadata.addString(timeout, forKey: RPCTimeout.key)
    }
    do {
      try await stream.outbound.write(.metadata(metadata))
    } catch let error as RPCError {
      return RPCEnding(error)
    } catch {
      return Task.isCancelled
        ? .cancelled : RPCEnding(code: .unavailable, "The request could not be sent: \(error)")
    }
    return await withTaskGroup(of: RPCEnding?.self) { group in
      group.addTask { await self.forwardRequests(to: stream.outbound) }
      let response = await self.forwardResponses(from: stream.inbound)
      group.cancelAll()
      // A fault in the request has ended the other side, whose ending then says less.
      let request = await group.next() ?? nil
      return request ?? response
    }
  }

  // MARK: - Requests

  /// - Returns: How the RPC ends, if it is the request that ends it.
  private func forwardRequests(to upstream: Upstream.Outbound) async -> RPCEnding? {
    do {
      while let part = try await self.requests.next() {
        guard case .message(let message) = part else {
          await self.cancel(upstream)
          return RPCEnding(code: .internalError, "The caller sent metadata twice.")
        }
        guard message.count <= self.config.maximumMessageSize else {
          await self.cancel(upstream)
          return self.tooLarge("request", message.count)
        }
        do {
          try await upstream.write(.message(message.withUnsafeBytes { Upstream.Bytes($0) }))
        } catch {
          // The other side has ended, and its response says how; unless this task was cancelled.
          if Task.isCancelled { await self.cancel(upstream) }
          return nil
        }
      }
    } catch {
      // The caller is gone, or this task was cancelled.
      await self.cancel(upstream)
      return Task.isCancelled ? nil : .cancelled
    }
    // Cancelled sequences may end without an error: not for the other side to take as the end of
    // the requests.
    if Task.isCancelled {
      await self.cancel(upstream)
    } else {
      await upstream.finish()
    }
    return nil
  }

  private func tooLarge(_ subject: String, _ count: Int) -> RPCEnding {
    RPCEnding(
      code: .resourceExhausted,
      """
      The \(self.config.hop) does not forward a \(subject) message of \(count) bytes: its limit is \
      \(self.config.maximumMessageSize) bytes.
      """
    )
  }

  /// Aborts the RPC on the other side. Leaving the stream alone would half-close it first.
  private func cancel(_ upstream: Upstream.Outbound) async {
    await upstream.finish(
      throwing: RPCError(code: .cancelled, message: "The caller cancelled the RPC.")
    )
  }

  // MARK: - Responses

  private func forwardResponses(from inbound: Upstream.Inbound) async -> RPCEnding {
    var hasMetadata = false
    do {
      for try await part in inbound {
        switch part {
        case .metadata(let metadata):
          if hasMetadata { continue }
          hasMetadata = true
          self.destination.reached()
          let isCarrier = self.descriptor.isCarrier
          try await self.write(.metadata(metadata.forwardable(isCarrier: isCarrier)))

        case .message(let message):
          guard message.count <= self.config.maximumMessageSize else {
            return self.tooLarge("response", message.count)
          }
          if !hasMetadata {
            hasMetadata = true
            try await self.write(.metadata([:]))
          }
          try await self.write(.message(message.withUnsafeBytes { Bytes($0) }))

        case .status(let status, let trailers):
          return self.ending(status, trailers, isFirst: !hasMetadata)
        }
      }
      if Task.isCancelled { return .cancelled }
      return RPCEnding(code: .unavailable, "The RPC ended without a status.")
    } catch is CallerIsGone {
      return .cancelled
    } catch let error as RPCError {
      return RPCEnding(error)
    } catch {
      return Task.isCancelled
        ? .cancelled : RPCEnding(code: .unavailable, "The response failed: \(error)")
    }
  }

  private func ending(_ status: Status, _ trailers: Metadata, isFirst: Bool) -> RPCEnding {
    // A server's lone status comes with headers of HTTP/2. Without any, the transport has made it,
    // for an RPC that it put on a connection that was about to be lost.
    if isFirst, status.code == .unavailable, trailers.isEmpty {
      return RPCEnding(
        self.destination.unreachable(RPCError(code: .unavailable, message: status.message))
      )
    }
    if isFirst { self.destination.reached() }
    return RPCEnding(status: status, trailers: trailers.forwardable())
  }

  private struct CallerIsGone: Error {}

  private func write(_ part: RPCResponsePart<Bytes>) async throws {
    do {
      try await self.responses.write(part)
    } catch {
      throw CallerIsGone()
    }
  }
}
