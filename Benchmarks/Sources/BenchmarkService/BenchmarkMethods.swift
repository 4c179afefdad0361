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

package import GRPCCore

/// The methods of ``BenchmarkService``.
package enum BenchmarkMethods {
  private static let service = "bench.Benchmark"

  /// One message there and back.
  package static let unary = Self.method("Unary", .unary)

  /// Sends back every message as it comes.
  package static let echo = Self.method("Echo", .bidirectionalStreaming)

  /// Sends as many messages as a ``DownloadOrder`` says.
  package static let download = Self.method("Download", .serverStreaming)

  /// Answers with metadata, and ends when the requests do: an RPC that costs and does nothing.
  package static let hold = Self.method("Hold", .bidirectionalStreaming)

  /// Answers with the ``ProcessUsage`` of the server's process, which gives free memory back before
  /// when the request is not empty.
  package static let usage = Self.method("Usage", .unary)

  /// Makes the server open the reverse tunnels of an order.
  package static let dial = Self.method("Dial", .unary)

  private static func method(_ name: String, _ type: MethodDescriptor.RPCType) -> MethodDescriptor {
    MethodDescriptor(
      service: ServiceDescriptor(fullyQualifiedService: Self.service),
      method: name,
      type: type
    )
  }
}
