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

/// Something to do with a client for a while.
protocol Workload: Sendable {
  func run(
    on client: GRPCClient<some ClientTransport>,
    for duration: Duration
  ) async throws -> WorkloadResult
}

/// What a workload did.
struct WorkloadResult: Sendable {
  /// RPCs or messages.
  var operations = 0

  /// The bytes that went through in one direction.
  var byteCount = 0

  var elapsed: Duration = .zero

  var latencies = LatencyRecorder()

  var operationsPerSecond: Double {
    Double(self.operations) / self.seconds
  }

  var mebibytesPerSecond: Double {
    Double(self.byteCount) / self.seconds / 1_048_576
  }

  private var seconds: Double {
    max(self.elapsed / .seconds(1), 1e-9)
  }
}
