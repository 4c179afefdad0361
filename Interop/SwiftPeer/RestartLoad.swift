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
internal import GRPCCore
internal import SwiftProtobuf

/// Makes RPCs of all four kinds, a constant number at a time, and notes how each went.
///
/// A record is `ID KIND CODE MILLISECONDS MESSAGE`.
struct RestartLoad<Transport: ClientTransport>: Sendable {
  let stub: Interop_Interop.Client<Transport>
  /// The beginning of all ids, which no other process uses.
  let name: String
  let gate: RestartGate
  let records: RestartRecords

  private enum Kind: String, CaseIterable {
    case unary, upload, download, chat
  }

  /// Makes one RPC after the other, all of one kind, until the gate is closed.
  func run(worker: Int) async {
    let kind = Kind.allCases[worker % Kind.allCases.count]
    let clock = ContinuousClock()
    var number = 0
    while let pass = self.gate.start() {
      number += 1
      let id = "\(self.name)-\(worker)-\(number)"
      let start = clock.now
      var outcome = "OK"
      do {
        try await self.call(kind, id, pass)
      } catch let error as RPCError {
        outcome = "\(error.code)"
        report("FAILED \(id) \(kind): \(error)")
      } catch {
        outcome = "WRONG"
        report("WRONG \(id) \(kind): \(error)")
      }
      pass.ended()
      let time = start.duration(to: clock.now)
      self.records.append("\(id) \(kind) \(outcome) \(Int(time / .milliseconds(1)))")
    }
  }

  private func call(_ kind: Kind, _ id: String, _ pass: RestartGate.Pass) async throws {
    switch kind {
    case .unary: try await self.unary(id, pass)
    case .upload: try await self.upload(id, pass)
    case .download: try await self.download(id, pass)
    case .chat: try await self.chat(id, pass)
    }
  }

  private func unary(_ id: String, _ pass: RestartGate.Pass) async throws {
    let reply = try await self.stub.unary(
      .with { $0.payload = Data(id.utf8) },
      metadata: [RestartRecords.idHeader: .string(id)],
      options: self.options
    )
    try expect(reply.payload, Data(id.utf8), "payload")
  }

  private func upload(_ id: String, _ pass: RestartGate.Pass) async throws {
    let payloads = (0 ..< 10).map { Data("\(id) \($0) ".utf8) + pattern(1_000 * $0) }
    let reply = try await self.stub.upload(
      metadata: [RestartRecords.idHeader: .string(id)],
      options: self.options
    ) { writer in
      for payload in payloads {
        try await writer.write(.with { $0.payload = payload })
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    try expect(reply.requestCount, 10, "requests")
    try expect(reply.requestBytes, UInt64(payloads.map(\.count).reduce(0, +)), "bytes")
    try expect(reply.payload == payloads.last, true, "the last payload is the last")
  }

  private func download(_ id: String, _ pass: RestartGate.Pass) async throws {
    let request = Request.with {
      $0.payload = Data(id.utf8) + pattern(4_000)
      $0.replyCount = 50
    }
    try await self.stub.download(
      request,
      metadata: [RestartRecords.idHeader: .string(id)],
      options: self.options
    ) { response in
      pass.answered()
      var indices: [UInt32] = []
      for try await reply in response.messages {
        try expect(reply.payload == request.payload, true, "the payload is the same")
        indices.append(reply.index)
        // More than a window: the handler waits for this reader.
        try await Task.sleep(for: .milliseconds(5))
      }
      try expect(indices, Array(0 ..< 50), "indices")
    }
  }

  private func chat(_ id: String, _ pass: RestartGate.Pass) async throws {
    let (turns, turn) = AsyncStream.makeStream(of: Void.self)
    turn.yield()
    let payloads = try await self.stub.chat(
      metadata: [RestartRecords.idHeader: .string(id)],
      options: self.options
    ) { writer in
      var iterator = turns.makeAsyncIterator()
      for index in 0 ..< 20 {
        _ = await iterator.next()
        try await writer.write(.with { $0.payload = Data("\(id) \(index)".utf8) })
      }
    } onResponse: { response in
      pass.answered()
      var payloads: [String] = []
      for try await reply in response.messages {
        payloads.append(String(decoding: reply.payload, as: UTF8.self))
        try await Task.sleep(for: .milliseconds(25))
        turn.yield()
      }
      return payloads
    }
    try expect(payloads, (0 ..< 20).map { "\(id) \($0)" }, "payloads")
  }

  /// No RPC takes a second; no RPC may hang.
  private var options: CallOptions {
    var options = CallOptions.defaults
    options.timeout = .seconds(30)
    return options
  }
}
