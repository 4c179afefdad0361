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
internal import Logging

/// Whether RPCs reach a server: says so in the log when it changes, and in the errors of callers.
final class UpstreamHealth: Sendable {
  private let address: NetworkAddress
  private let logger: Logger
  private let isReachable: LockedValue<Bool>

  init(address: NetworkAddress, logger: Logger) {
    self.address = address
    self.logger = logger
    self.isReachable = LockedValue(true)
  }

  func reached() {
    if self.change(to: true) {
      self.logger.info("upstream \(self.address) is back")
    }
  }

  /// - Returns: The error for the caller, which names the server.
  func unreachable(_ error: RPCError) -> RPCError {
    let message = "upstream \(self.address) cannot be reached: \(SystemError.text(error))"
    if self.change(to: false) {
      self.logger.warning("\(message)")
    }
    return RPCError(code: .unavailable, message: message, cause: error)
  }

  private func change(to isReachable: Bool) -> Bool {
    self.isReachable.withLock { current in
      defer { current = isReachable }
      return current != isReachable
    }
  }
}
