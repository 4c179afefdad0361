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

/// Asks a server how it is, as gRPC's health checking has it (`grpc.health.v1.Health`).
struct HealthCheck<Transport: ClientTransport>: Sendable {
  /// How a server is.
  enum Verdict: Hashable, Sendable {
    case ready
    /// With the reason.
    case notReady(String)
  }

  let transport: Transport
  /// How long an answer may take.
  let timeout: Duration
  let clock: TunnelClock

  private static var service: String { "grpc.health.v1.Health" }

  /// Asks once.
  ///
  /// - Returns: Whether the server can say how it is, too: one that answers in another way is ready.
  func check() async -> (verdict: Verdict, isOffered: Bool) {
    // A transport keeps to no timeout of call options: that is a client's part.
    let tooLate = Verdict.notReady("it did not answer within \(self.timeout)")
    return await withTaskGroup(of: (verdict: Verdict, isOffered: Bool).self) { group in
      group.addTask { await self.ask() }
      group.addTask {
        try? await self.clock.sleep(self.clock.now() + self.timeout)
        return (tooLate, false)
      }
      let first = await group.next()
      group.cancelAll()
      return first ?? (tooLate, false)
    }
  }

  private func ask() async -> (verdict: Verdict, isOffered: Bool) {
    var options = CallOptions.defaults
    options.waitForReady = false
    var verdict: Verdict?
    do {
      try await self.call("Check", options) { verdict = $0 }
      return (verdict ?? .notReady("it gave no answer about its health"), true)
    } catch {
      return (Self.verdict(of: error), false)
    }
  }

  /// Listens to what the server says, until it has no more to say or the task is cancelled.
  ///
  /// - Parameter onChange: Called with each verdict.
  func watch(onChange: (Verdict) -> Void) async {
    var options = CallOptions.defaults
    options.waitForReady = false
    do {
      try await self.call("Watch", options, onVerdict: onChange)
    } catch {
      // One that does not tell of changes is not the less ready.
      let verdict = Self.verdict(of: error)
      if !Task.isCancelled, verdict != .ready { onChange(verdict) }
    }
  }

  /// What an error says: a server that answers at all is there, whether it knows about health or not.
  private static func verdict(of error: RPCError) -> Verdict {
    switch error.code {
    case .unavailable, .deadlineExceeded, .cancelled: .notReady(SystemError.text(error))
    default: .ready
    }
  }

  private func call(
    _ method: String,
    _ options: CallOptions,
    onVerdict: (Verdict) -> Void
  ) async throws(RPCError) {
    let descriptor = MethodDescriptor(fullyQualifiedService: Self.service, method: method)
    do {
      try await self.transport.withStream(descriptor: descriptor, options: options) { stream, _ in
        try await stream.outbound.write(.metadata([:]))
        // The health of the server as a whole: a request whose service is the empty string.
        try await stream.outbound.write(.message(Transport.Bytes([])))
        await stream.outbound.finish()
        for try await part in stream.inbound {
          switch part {
          case .metadata: ()
          case .message(let message): onVerdict(message.withUnsafeBytes { Self.verdict(in: $0) })
          case .status(let status, let metadata):
            if let code = RPCError.Code(status.code) {
              throw RPCError(code: code, message: status.message, metadata: metadata)
            }
          }
        }
      }
    } catch let error as RPCError {
      throw error
    } catch {
      throw RPCError(code: .unavailable, message: "\(error)", cause: error)
    }
  }

  /// Reads a `grpc.health.v1.HealthCheckResponse`.
  private static func verdict(in message: UnsafeRawBufferPointer) -> Verdict {
    var reader = ProtobufReader(message)
    var status: Int32 = 0
    do throws(FrameDecodingError) {
      while let tag = try reader.nextTag() {
        if tag == ProtobufTag(fieldNumber: 1, wireType: .varint) {
          status = try reader.readInt32()
        } else {
          try reader.skipValue(of: tag)
        }
      }
    } catch {
      return .notReady("it gave a malformed answer about its health")
    }
    switch status {
    // A server that only knows the health of its services is there.
    case 1, 3: return .ready
    case 2: return .notReady("it says that it does not serve (NOT_SERVING)")
    default: return .notReady("it does not say whether it serves (UNKNOWN)")
    }
  }
}
