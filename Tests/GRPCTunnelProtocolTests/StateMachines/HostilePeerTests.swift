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
internal import Testing
internal import TunnelSimulation

/// What dev/fuzz.sh attacks, with random numbers in place of a fuzzer, and what the fuzzer has found.
@Suite("Tunnel ends with hostile peers")
struct HostilePeerTests {
  @Test("A server holds out", arguments: 0 ..< 4 as Range<UInt64>)
  func server(batch: UInt64) {
    for seed in batch * 100 ..< (batch + 1) * 100 {
      var server = ServerUnderAttack(choices: Choices(seed: seed))
      #expect(throws: Never.self, "Seed \(seed)") { try server.run(maximumSteps: 150) }
    }
  }

  @Test("A client holds out", arguments: 0 ..< 4 as Range<UInt64>)
  func client(batch: UInt64) {
    for seed in batch * 100 ..< (batch + 1) * 100 {
      var client = ClientUnderAttack(choices: Choices(seed: seed))
      #expect(throws: Never.self, "Seed \(seed)") { try client.run(maximumSteps: 150) }
    }
  }

  // MARK: - The corpus

  private static let corpus = URL(filePath: #filePath)
    .deletingLastPathComponent()  // HostilePeerTests.swift
    .deletingLastPathComponent()  // StateMachines
    .deletingLastPathComponent()  // GRPCTunnelProtocolTests
    .deletingLastPathComponent()  // Tests
    .appending(path: "Fuzzing/Corpus")

  /// Each input of the corpus, with its name.
  private func corpus(_ target: String) throws -> [(name: String, bytes: ArraySlice<UInt8>)] {
    let directory = Self.corpus.appending(path: target)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    #expect(!names.isEmpty)
    return try names.map { name in
      ("\(target)/\(name)", try [UInt8](Data(contentsOf: directory.appending(path: name)))[...])
    }
  }

  @Test("The codec holds out against the corpus")
  func codecCorpus() throws {
    for (name, bytes) in try self.corpus("codec") {
      #expect(throws: Never.self, "\(name)") { try CodecUnderAttack.run(bytes) }
    }
  }

  @Test("A server holds out against the corpus")
  func serverCorpus() throws {
    for (name, bytes) in try self.corpus("server") {
      var server = ServerUnderAttack(choices: Choices(bytes: bytes))
      #expect(throws: Never.self, "\(name)") { try server.run() }
    }
  }

  @Test("A client holds out against the corpus")
  func clientCorpus() throws {
    for (name, bytes) in try self.corpus("client") {
      var client = ClientUnderAttack(choices: Choices(bytes: bytes))
      #expect(throws: Never.self, "\(name)") { try client.run() }
    }
  }

  @Test("Whole tunnels hold out against the corpus")
  func simulationCorpus() throws {
    for (name, bytes) in try self.corpus("simulation") {
      var simulation = TunnelSimulation(choices: Choices(bytes: bytes))
      #expect(throws: Never.self, "\(name)") { try simulation.run() }
    }
  }
}
