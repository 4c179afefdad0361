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

internal import Foundation

/// What was found out about one case in one mode with one settings: an object of the report.
struct Measurement: Codable, Sendable {
  enum CodingKeys: String, CodingKey {
    case name = "case"
    case mode
    case settings
    case rate
    case unit
    case ratio
    case p50 = "p50_us"
    case p99 = "p99_us"
    case cpu = "cpu_us_per_op"
    case clientCPU = "cpu_client_us_per_op"
    case serverCPU = "cpu_server_us_per_op"
    case clientResident = "rss_client_bytes"
    case serverResident = "rss_server_bytes"
    case runs
    case rates
    case details
  }

  var name: String
  var mode: String
  var settings: String

  /// The median of the runs.
  var rate: Double
  var unit: String

  /// How many times the rate of direct RPCs, with the settings that suit those better: the median of
  /// the runs, each compared with the direct run of the same round.
  var ratio: Double?

  var p50: Double?
  var p99: Double?

  /// The processor time of both processes for each RPC or message.
  var cpu: Double?
  var clientCPU: Double?
  var serverCPU: Double?

  /// The memory that was resident at the end.
  var clientResident: UInt64?
  var serverResident: UInt64?

  /// How many runs there were, and the rate of each.
  var runs: Int
  var rates: [Double]

  /// What else a case tells, in words and numbers of its own.
  var details: [String: Double]?

  init(name: String, mode: String, settings: String, rates: [Double], unit: String) {
    self.name = name
    self.mode = mode
    self.settings = settings
    self.rate = rates.median ?? 0
    self.unit = unit
    self.runs = rates.count
    self.rates = rates
  }
}

extension [Double] {
  var median: Double? {
    if self.isEmpty { return nil }
    let sorted = self.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
