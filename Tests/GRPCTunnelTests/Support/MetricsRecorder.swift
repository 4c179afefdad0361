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

internal import CoreMetrics
internal import GRPCTunnel
internal import MetricsTestKit

/// The metrics of one end of a tunnel, kept in memory.
struct MetricsRecorder: Sendable {
  let metrics = TestMetrics()
  let direction: String
  let role: String

  private func labels(_ code: String?) -> [(String, String)] {
    [("direction", self.direction), ("role", self.role)] + (code.map { [("code", $0)] } ?? [])
  }

  /// The value of a counter.
  func count(_ name: String, code: String? = nil) throws -> Int64 {
    try self.metrics.expectCounter(name, self.labels(code)).totalValue
  }

  /// The value of what goes up and down.
  func level(_ name: String) throws -> Double {
    try self.metrics.expectMeter(name, self.labels(nil)).lastValue ?? 0
  }

  /// The highest value that it has had.
  func highest(_ name: String) throws -> Double {
    try self.metrics.expectMeter(name, self.labels(nil)).values.max() ?? 0
  }

  /// How many times were measured.
  func timeCount(_ name: String) throws -> Int {
    try self.metrics.expectTimer(name, self.labels(nil)).values.count
  }

  /// What must be zero when there are no tunnels.
  func levels() throws -> [Double] {
    try [TunnelMetrics.tunnelsOpen, TunnelMetrics.streamsOpen, TunnelMetrics.bytesQueued]
      .map { try self.level($0) }
  }
}
