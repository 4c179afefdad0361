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

internal import ArgumentParser
internal import GRPCCore
internal import GRPCNIOTransportHTTP2

/// Service and checks without a tunnel between them: shows that the checks themselves hold.
struct Direct: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Run the checks against the service without a tunnel.")
  }

  @Option(help: "The port to listen on.")
  var port: Int

  func run() async throws {
    let passed = try await withGRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: self.port),
        transportSecurity: .plaintext
      ),
      services: [InteropService()]
    ) { _ in
      try await withGRPCClient(
        transport: .http2NIOPosix(
          target: .ipv4(address: "127.0.0.1", port: self.port),
          transportSecurity: .plaintext
        )
      ) { client in
        // The HTTP/2 transport takes 4 MiB.
        await Checks(client: client, peerIsPython: false, messageLimit: 4 << 20)
          .run(.standard, .limit)
      }
    }
    if !passed {
      throw ExitCode.failure
    }
  }
}
