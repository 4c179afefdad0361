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

/// Callers that each make one unary RPC after another.
struct UnaryWorkload: Workload {
  var messageSize: Int
  var callers: Int
  var metadata: Metadata = [:]

  func run(
    on client: GRPCClient<some ClientTransport>,
    for duration: Duration
  ) async throws -> WorkloadResult {
    let start = MonotonicTime.now()
    let end = start.advanced(by: duration)
    let message = [UInt8](repeating: 0, count: self.messageSize)
    var result = WorkloadResult()
    try await withThrowingTaskGroup(of: LatencyRecorder.self) { group in
      for _ in 0 ..< self.callers {
        group.addTask {
          var latencies = LatencyRecorder()
          var now = MonotonicTime.now()
          while now < end {
            try await client.callOnce(message, metadata: self.metadata)
            let done = MonotonicTime.now()
            latencies.record(now.duration(to: done))
            now = done
          }
          return latencies
        }
      }
      for try await latencies in group {
        result.latencies.add(latencies)
      }
    }
    result.elapsed = start.duration(to: .now())
    result.operations = result.latencies.count
    result.byteCount = result.operations * self.messageSize
    return result
  }
}
