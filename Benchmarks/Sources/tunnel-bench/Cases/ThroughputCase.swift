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

/// A workload whose rate is compared between the modes.
struct ThroughputCase: Sendable {
  enum Unit: String, Sendable {
    case calls = "rpc/s"
    case messages = "msg/s"
    case mebibytes = "MiB/s"

    func rate(of result: WorkloadResult) -> Double {
      switch self {
      case .calls, .messages: result.operationsPerSecond
      case .mebibytes: result.mebibytesPerSecond
      }
    }
  }

  var name: String
  var unit: Unit
  var workload: any Workload

  init(_ name: String, _ unit: Unit, _ workload: any Workload) {
    self.name = name
    self.unit = unit
    self.workload = workload
  }

  static let all: [ThroughputCase] = [
    ThroughputCase("unary-64B-c1", .calls, UnaryWorkload(messageSize: 64, callers: 1)),
    ThroughputCase("unary-64B-c64", .calls, UnaryWorkload(messageSize: 64, callers: 64)),
    ThroughputCase("unary-64B-c256", .calls, UnaryWorkload(messageSize: 64, callers: 256)),
    ThroughputCase("bidi-64B", .messages, EchoWorkload(messageSize: 64)),
    ThroughputCase("down-64B", .messages, DownloadWorkload(messageSize: 64)),
    ThroughputCase("down-16KiB", .mebibytes, DownloadWorkload(messageSize: 16 * 1024)),
    ThroughputCase("down-1MiB", .mebibytes, DownloadWorkload(messageSize: 1024 * 1024)),
    ThroughputCase("echo-1MiB", .mebibytes, EchoWorkload(messageSize: 1024 * 1024)),
  ]

  /// Runs the case in all variants, in turn: what else the machine does then meets all of them alike.
  func run(in bed: TestBed, options: RunOptions) async throws -> [Measurement] {
    let variants = options.variants
    var runs: [TestBed.Variant: [Run]] = [:]
    for variant in variants {
      _ = try await self.run(variant, in: bed, for: options.duration / 4)
    }
    for round in 0 ..< options.rounds {
      for index in variants.indices {
        let variant = variants[(index + round) % variants.count]
        let run = try await self.run(variant, in: bed, for: options.duration)
        runs[variant, default: []].append(run)
      }
    }
    return Self.measurements(of: runs, variants: variants, name: self.name, unit: self.unit)
  }

  private func run(
    _ variant: TestBed.Variant,
    in bed: TestBed,
    for duration: Duration
  ) async throws -> Run {
    guard let caller = bed.callers[variant] else {
      throw RPCError(code: .internalError, message: "There is no client for \(variant).")
    }
    let server = try await bed.control.usage()
    let client = ProcessUsage.now()
    let result = try await caller.run(self.workload, for: duration)
    let clientEnd = ProcessUsage.now()
    let serverEnd = try await bed.control.usage()
    return Run(
      result: result,
      unit: self.unit,
      client: clientEnd,
      clientCPU: clientEnd.cpuMicroseconds - client.cpuMicroseconds,
      server: serverEnd,
      serverCPU: serverEnd.cpuMicroseconds - server.cpuMicroseconds
    )
  }

  private static func measurements(
    of runs: [TestBed.Variant: [Run]],
    variants: [TestBed.Variant],
    name: String,
    unit: Unit
  ) -> [Measurement] {
    let fasterDirect =
      variants.filter { $0.mode == .direct }
      .compactMap { runs[$0]?.map(\.rate) }
      .max { ($0.median ?? 0) < ($1.median ?? 0) }
    return variants.compactMap { variant in
      guard let runs = runs[variant] else { return nil }
      let rates = runs.map(\.rate)
      var measurement = Measurement(
        name: name,
        mode: variant.mode.rawValue,
        settings: variant.settings.rawValue,
        rates: rates,
        unit: unit.rawValue
      )
      measurement.ratio = fasterDirect.flatMap { zip(rates, $0).map { $0 / $1 }.median }
      measurement.p50 = runs.compactMap { $0.latencies.microseconds(atPercentile: 50) }.median
      measurement.p99 = runs.compactMap { $0.latencies.microseconds(atPercentile: 99) }.median
      measurement.clientCPU = runs.map(\.clientCPU).median
      measurement.serverCPU = runs.map(\.serverCPU).median
      measurement.cpu = runs.map { $0.clientCPU + $0.serverCPU }.median
      measurement.clientResident = runs.last?.clientResident
      measurement.serverResident = runs.last?.serverResident
      return measurement
    }
  }

  /// One run, in figures.
  private struct Run: Sendable {
    var rate: Double
    var latencies: LatencyRecorder
    /// In microseconds for each operation.
    var clientCPU: Double
    var serverCPU: Double
    var clientResident: UInt64
    var serverResident: UInt64

    init(
      result: WorkloadResult,
      unit: Unit,
      client: ProcessUsage,
      clientCPU: UInt64,
      server: ProcessUsage,
      serverCPU: UInt64
    ) {
      self.rate = unit.rate(of: result)
      let operations = Double(max(1, result.operations))
      self.latencies = result.latencies
      self.clientCPU = Double(clientCPU) / operations
      self.serverCPU = Double(serverCPU) / operations
      self.clientResident = client.residentBytes
      self.serverResident = server.residentBytes
    }
  }
}
