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

/// What every example uses.
let dependencies: [Target.Dependency] = [
  .target(name: "Shop"),
  .product(name: "GRPCCore", package: "grpc-swift-2"),
  .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
  .product(name: "GRPCTunnel", package: "grpc-swift-tunnel"),
  .product(name: "GRPCTunnelNIO", package: "grpc-swift-tunnel"),
]

func example(_ name: String, _ more: Target.Dependency...) -> Target {
  .executableTarget(name: name, dependencies: dependencies + more)
}

let package = Package(
  name: "grpc-swift-tunnel-examples",
  platforms: [.macOS(.v15)],
  dependencies: [
    // Yours has a URL and a version here.
    .package(name: "grpc-swift-tunnel", path: ".."),
    .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
    .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
    // For single examples: authorization, logs and metrics, service-lifecycle, tracing.
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
  ],
  targets: [
    // The services that the examples offer and call; the code is generated from Protos/shop.proto.
    .target(
      name: "Shop",
      dependencies: [
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]
    ),
    example(
      "documentation",
      .product(name: "CoreMetrics", package: "swift-metrics"),
      .product(name: "Logging", package: "swift-log")
    ),
    example("forward-affinity"),
    example("reverse-push"),
    example(
      "token-authorization",
      .product(name: "Crypto", package: "swift-crypto")
    ),
    example(
      "certificate-authorization",
      .product(name: "Crypto", package: "swift-crypto"),
      .product(name: "SwiftASN1", package: "swift-asn1"),
      .product(name: "X509", package: "swift-certificates")
    ),
    example(
      "service-lifecycle",
      .product(name: "Logging", package: "swift-log"),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    ),
    example(
      "trace-context",
      .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
      .product(name: "Tracing", package: "swift-distributed-tracing")
    ),
  ]
)
