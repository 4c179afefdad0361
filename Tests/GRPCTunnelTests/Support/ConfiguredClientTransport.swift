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

@testable internal import GRPCTunnel

/// A client transport with a service config.
struct ConfiguredClientTransport<Base: ClientTransport>: ClientTransport {
  typealias Bytes = Base.Bytes

  let base: Base
  let serviceConfig: ServiceConfig
  let retryThrottle: RetryThrottle?

  init(base: Base, serviceConfig: ServiceConfig) {
    self.base = base
    self.serviceConfig = serviceConfig
    self.retryThrottle = serviceConfig.retryThrottling.map { RetryThrottle(policy: $0) }
  }

  func connect() async throws {
    try await self.base.connect()
  }

  func beginGracefulShutdown() {
    self.base.beginGracefulShutdown()
  }

  func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    try await self.base.withStream(descriptor: descriptor, options: options, closure)
  }

  func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    self.serviceConfig.methodConfig(for: descriptor)
  }
}

extension RPCExecutionPolicy {
  /// Three attempts, next to no waiting between them.
  static func retry(_ codes: Set<Status.Code>, attempts: Int = 3) -> RPCExecutionPolicy {
    .retry(
      RetryPolicy(
        maxAttempts: attempts,
        initialBackoff: .milliseconds(1),
        maxBackoff: .milliseconds(1),
        backoffMultiplier: 1,
        retryableStatusCodes: codes
      )
    )
  }

  /// Three attempts.
  static func hedge(
    _ nonFatalCodes: Set<Status.Code>,
    delay: Duration = .milliseconds(1)
  ) -> RPCExecutionPolicy {
    .hedge(
      HedgingPolicy(maxAttempts: 3, hedgingDelay: delay, nonFatalStatusCodes: nonFatalCodes)
    )
  }
}

extension MethodConfig {
  /// For all methods, or those of a service.
  init(service: String = "", timeout: Duration? = nil, policy: RPCExecutionPolicy? = nil) {
    self.init(
      names: [Name(service: service, method: "")],
      timeout: timeout,
      executionPolicy: policy
    )
  }
}
