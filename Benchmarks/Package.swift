// swift-tools-version:6.1
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

import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "grpc-swift-tunnel-benchmarks",
  platforms: [
    .macOS(.v15)
  ],
  dependencies: [
    .package(name: "grpc-swift-tunnel", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    .package(url: "https://github.com/ordo-one/benchmark.git", from: "1.38.1", traits: []),
  ],
  targets: [
    // What Swift cannot ask the C library for: memory and processor time of a process.
    .target(name: "CBenchmarkSupport"),
    // What is called: a service whose messages are raw bytes, and clients of it.
    .target(
      name: "BenchmarkService",
      dependencies: [
        .target(name: "CBenchmarkSupport"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
      ],
      swiftSettings: swiftSettings
    ),
    // Compares tunnels with direct RPCs.
    .executableTarget(
      name: "tunnel-bench",
      dependencies: [
        .target(name: "BenchmarkService"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCInProcessTransport", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "GRPCTunnel", package: "grpc-swift-tunnel"),
        .product(name: "GRPCTunnelNIO", package: "grpc-swift-tunnel"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "grpc-tunnel", package: "grpc-swift-tunnel"),
      ],
      swiftSettings: swiftSettings
    ),
    // Replaces the allocator's functions by ones that count.
    .target(name: "CAllocationCounter"),
    // Counts allocations; run by dev/check-allocations.sh.
    .executableTarget(
      name: "AllocationBenchmarks",
      dependencies: [
        .target(name: "BenchmarkService"),
        .target(name: "CAllocationCounter"),
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCInProcessTransport", package: "grpc-swift-2"),
        .product(name: "GRPCTunnel", package: "grpc-swift-tunnel"),
      ],
      path: "AllocationBenchmarks",
      swiftSettings: swiftSettings
    ),
  ]
)
