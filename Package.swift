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

var swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// For .ci/run. Not `-Xswiftc`: that would build the dependencies with other flags, and so again.
if Context.environment["GRPC_TUNNEL_WARNINGS_AS_ERRORS"] == "1" {
  swiftSettings.append(.unsafeFlags(["-warnings-as-errors"]))
}

let package = Package(
  name: "grpc-swift-tunnel",
  platforms: [
    .macOS(.v15),
    .iOS(.v18),
    .tvOS(.v18),
    .watchOS(.v11),
    .visionOS(.v2),
  ],
  products: [
    .library(name: "GRPCTunnel", targets: ["GRPCTunnel"]),
    .library(name: "GRPCTunnelNIO", targets: ["GRPCTunnelNIO"]),
    .executable(name: "grpc-tunnel", targets: ["grpc-tunnel"]),
  ],
  dependencies: [
    .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    // Without its readers of files: the executable's settings are read with Yams.
    .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
  ],
  targets: [
    // The protocol alone: frames, codec, flow control and state machines. Values in, actions out;
    // no concurrency, locks, clocks or I/O.
    .target(
      name: "GRPCTunnelProtocol",
      dependencies: [
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ],
      swiftSettings: swiftSettings
    ),
    // The library: sessions over any carrier, and the transports and services built on them.
    // Knows GRPCCore, never NIO.
    .target(
      name: "GRPCTunnel",
      dependencies: [
        .target(name: "GRPCTunnelProtocol"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: swiftSettings
    ),
    // zlib, which the HTTP/2 transports need too.
    .target(
      name: "CGRPCTunnelZlib",
      linkerSettings: [.linkedLibrary("z")]
    ),
    // What must know NIO: settings of the HTTP/2 transports that suit tunnels.
    .target(
      name: "GRPCTunnelNIO",
      dependencies: [
        .target(name: "CGRPCTunnelZlib"),
        .target(name: "GRPCTunnel"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
      ],
      swiftSettings: swiftSettings
    ),
    // The admin address of router and agent: its page, API and metrics, and a client for it.
    .target(
      name: "GRPCTunnelAdmin",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      resources: [.embedInCode("Page")],
      swiftSettings: swiftSettings
    ),
    // Router and agent, apart from the executable so that they can be tested.
    .target(
      name: "GRPCTunnelRouter",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .target(name: "GRPCTunnelAdmin"),
        .target(name: "GRPCTunnelNIO"),
        .target(name: "GRPCTunnelProtocol"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCertificateReloading", package: "swift-nio-extras"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: swiftSettings
    ),
    .executableTarget(
      name: "grpc-tunnel",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .target(name: "GRPCTunnelAdmin"),
        .target(name: "GRPCTunnelNIO"),
        .target(name: "GRPCTunnelRouter"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      swiftSettings: swiftSettings
    ),
    // The Swift end of the interop tests with another implementation. Not a product.
    .executableTarget(
      name: "interop-peer",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .target(name: "GRPCTunnelNIO"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      path: "Interop/SwiftPeer",
      swiftSettings: swiftSettings
    ),
    // Carriers that tests can cut and stall, recorders and a manual clock. Not a product.
    .target(
      name: "GRPCTunnelTestSupport",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .target(name: "GRPCTunnelProtocol"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: swiftSettings
    ),
    // The recordings in Tests/Vectors, read. Not a product.
    .target(
      name: "RecordedTunnels",
      path: "Tests/RecordedTunnels",
      swiftSettings: swiftSettings
    ),
    // Both ends of a tunnel in a simulation, and what checks them. Not a product.
    .target(
      name: "TunnelSimulation",
      dependencies: [
        .target(name: "GRPCTunnelProtocol"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      path: "Tests/TunnelSimulation",
      swiftSettings: swiftSettings
    ),
    .testTarget(
      name: "GRPCTunnelProtocolTests",
      dependencies: [
        .target(name: "GRPCTunnelProtocol"),
        .target(name: "RecordedTunnels"),
        .target(name: "TunnelSimulation"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings
    ),
    .testTarget(
      name: "GRPCTunnelTests",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .target(name: "GRPCTunnelNIO"),
        .target(name: "GRPCTunnelProtocol"),
        .target(name: "GRPCTunnelTestSupport"),
        .target(name: "RecordedTunnels"),
        .target(name: "TunnelSimulation"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "MetricsTestKit", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "X509", package: "swift-certificates"),
      ],
      swiftSettings: swiftSettings
    ),
    .testTarget(
      name: "GRPCTunnelAdminTests",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .target(name: "GRPCTunnelAdmin"),
        .target(name: "GRPCTunnelTestSupport"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: swiftSettings
    ),
    .testTarget(
      name: "GRPCTunnelRouterTests",
      dependencies: [
        .target(name: "GRPCTunnel"),
        .target(name: "GRPCTunnelAdmin"),
        .target(name: "GRPCTunnelRouter"),
        .target(name: "GRPCTunnelTestSupport"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ],
      swiftSettings: swiftSettings
    ),
  ]
)
