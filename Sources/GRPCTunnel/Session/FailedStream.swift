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

internal import GRPCCore

/// A stream that has failed before anything was sent.
///
/// GRPCCore takes what a transport throws for the end of an RPC: its retry policy is not asked, and
/// whoever writes the request may be left waiting. What has such a policy gets a stream of this kind
/// instead, which fails an attempt and leaves the rest to the policy.
struct FailedStream: Sendable {
  private let error: RPCError

  init(_ error: RPCError) {
    self.error = error
  }

  func stream(
    for descriptor: MethodDescriptor
  ) -> RPCStream<TunnelClientTransport.Inbound, TunnelClientTransport.Outbound> {
    RPCStream(
      descriptor: descriptor,
      inbound: RPCAsyncSequence(wrapping: Inbound(error: self.error)),
      outbound: RPCWriter.Closable(wrapping: Outbound(error: self.error))
    )
  }

  private struct Inbound: AsyncSequence, Sendable {
    typealias Element = RPCResponsePart<TunnelMessageBytes>
    typealias Failure = any Error

    let error: RPCError

    func makeAsyncIterator() -> AsyncIterator {
      AsyncIterator(error: self.error)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
      let error: RPCError

      mutating func next() async throws -> Element? {
        throw self.error
      }
    }
  }

  private struct Outbound: ClosableRPCWriterProtocol {
    typealias Element = RPCRequestPart<TunnelMessageBytes>

    let error: RPCError

    func write(_ element: Element) async throws {
      throw self.error
    }

    func write(contentsOf elements: some Sequence<Element>) async throws {
      throw self.error
    }

    func finish() async {}

    func finish(throwing error: any Error) async {}
  }
}
