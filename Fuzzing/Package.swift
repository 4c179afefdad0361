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

// The fuzz targets, in a package of their own: it needs none of the networking that the library
// needs, so that it builds within minutes, and it has the library's core in it, as a symbolic link,
// so that it sees what is `package` there.

// Our own code is built for libFuzzer and AddressSanitizer; what we depend on is built as usual. A
// release build still checks bounds and overflow.
let instrumentation = ["-sanitize=fuzzer,address"]

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .unsafeFlags(instrumentation),
]

// GNU gold does not read the debugging information of instrumented code.
let linkerSettings: [LinkerSetting] = [.unsafeFlags(instrumentation + ["-use-ld=lld"])]

let package = Package(
  name: "grpc-swift-tunnel-fuzzing",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
  ],
  targets: [
    // Symbolic links to sources of the library and of its tests.
    .target(
      name: "GRPCTunnelProtocol",
      dependencies: [
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ],
      swiftSettings: swiftSettings
    ),
    .target(
      name: "TunnelSimulation",
      dependencies: [
        .target(name: "GRPCTunnelProtocol"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: swiftSettings
    ),
    .target(name: "CLibFuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        .target(name: "CLibFuzzer"),
        .target(name: "GRPCTunnelProtocol"),
        .target(name: "TunnelSimulation"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
      ],
      swiftSettings: swiftSettings,
      linkerSettings: linkerSettings
    ),
    .executableTarget(
      name: "simulate",
      dependencies: [.target(name: "TunnelSimulation")],
      swiftSettings: swiftSettings,
      linkerSettings: linkerSettings
    ),
  ]
)
