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

internal import Dispatch
internal import Foundation
internal import GRPCCore

/// Runs a case in a process of its own: memory that others have used would be measured too.
enum IsolatedRun {
  static func measurements(of name: String, options: RunOptions) async throws -> [Measurement] {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("tunnel-bench-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }

    let process = Process()
    process.executableURL = try ServerProcess.program
    var arguments = ["run", "--only", name, "--json", file.path]
    arguments += [
      "--rounds", "\(options.rounds)", "--seconds", "\(options.duration / .seconds(1))",
    ]
    arguments += options.modes.flatMap { ["--mode", $0.rawValue] }
    arguments += options.settings.flatMap { ["--settings", $0.rawValue] }
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    let status: Int32 = try await withCheckedThrowingContinuation { continuation in
      process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
      do {
        try process.run()
      } catch {
        process.terminationHandler = nil
        continuation.resume(throwing: error)
      }
    }
    guard status == 0 else {
      throw RPCError(code: .unknown, message: "The case '\(name)' failed; see above.")
    }
    let decoder = JSONDecoder()
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
      try decoder.decode(Measurement.self, from: Data($0.utf8))
    }
  }
}
