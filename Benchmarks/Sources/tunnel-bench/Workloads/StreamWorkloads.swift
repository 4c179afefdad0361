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

/// One stream whose messages come back, as many at once as the way takes.
struct EchoWorkload: Workload {
  var messageSize: Int

  func run(
    on client: GRPCClient<some ClientTransport>,
    for duration: Duration
  ) async throws -> WorkloadResult {
    let size = self.messageSize
    let start = MonotonicTime.now()
    let end = start.advanced(by: duration)
    let batch = max(1, 1024 / max(1, size))
    return try await client.bidirectionalStreaming(
      request: StreamingClientRequest { writer in
        var messages = StampedMessages(size: size)
        repeat {
          for _ in 0 ..< batch {
            try await writer.write(messages.next())
          }
        } while MonotonicTime.now() < end
      },
      descriptor: BenchmarkMethods.echo,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: .defaults
    ) { response in
      try await WorkloadResult(reading: response, since: start)
    }
  }
}

/// One stream of messages from the server.
struct DownloadWorkload: Workload {
  var messageSize: Int

  func run(
    on client: GRPCClient<some ClientTransport>,
    for duration: Duration
  ) async throws -> WorkloadResult {
    let start = MonotonicTime.now()
    let order = DownloadOrder(messageSize: self.messageSize, duration: duration)
    return try await client.serverStreaming(
      request: ClientRequest(message: order.bytes),
      descriptor: BenchmarkMethods.download,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: .defaults
    ) { response in
      try await WorkloadResult(reading: response, since: start)
    }
  }
}

extension WorkloadResult {
  /// Reads a response to its end.
  fileprivate init(
    reading response: StreamingClientResponse<[UInt8]>,
    since start: MonotonicTime
  ) async throws {
    self.init()
    for try await message in response.messages {
      self.operations += 1
      self.byteCount += message.count
      if let age = StampedMessages.age(of: message) {
        self.latencies.record(age)
      }
    }
    self.elapsed = start.duration(to: .now())
  }
}
