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

/// `grpc.health.v1.Health`, of which a test says what it answers.
struct HealthService: RegistrableRPCService {
  /// Whether changes are told, or have to be asked for.
  let hasWatch: Bool
  private let isServing = LockedValue(true)
  private let changes = ChangeSignal()

  init(hasWatch: Bool) {
    self.hasWatch = hasWatch
  }

  func set(isServing: Bool) {
    self.isServing.withLock { $0 = isServing }
    self.changes.happen()
  }

  private var response: [UInt8] {
    [8, self.isServing.withLock { $0 } ? 1 : 2]
  }

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    let name = "grpc.health.v1.Health"
    router.registerHandler(
      forMethod: MethodDescriptor(fullyQualifiedService: name, method: "Check"),
      deserializer: RawCoder(),
      serializer: RawCoder()
    ) { _, _ in
      StreamingServerResponse { writer in
        try await writer.write(self.response)
        return [:]
      }
    }
    guard self.hasWatch else { return }
    router.registerHandler(
      forMethod: MethodDescriptor(fullyQualifiedService: name, method: "Watch"),
      deserializer: RawCoder(),
      serializer: RawCoder()
    ) { _, context in
      StreamingServerResponse { writer in
        await withTaskGroup(of: Void.self) { group in
          group.addTask {
            for await response in self.changes.values({ self.response }) {
              try? await writer.write(response)
            }
          }
          try? await context.cancellation.cancelled
          group.cancelAll()
        }
        return [:]
      }
    }
  }
}
