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

/// A process that this one started with a copy of this program. It ends when this one does, for it
/// reads its input until the end.
struct ServerProcess: Sendable {
  private let process: Process
  private let input: Pipe
  private let output: Pipe

  /// - Parameter arguments: What follows the program's name.
  init(arguments: [String]) throws {
    self.process = Process()
    self.input = Pipe()
    self.output = Pipe()
    self.process.executableURL = try Self.program
    self.process.arguments = arguments
    self.process.standardInput = self.input
    self.process.standardOutput = self.output
    try self.process.run()
  }

  /// This program's own file.
  static var program: URL {
    get throws {
      guard let url = Bundle.main.executableURL else {
        throw RPCError(code: .internalError, message: "The program's own file is not known.")
      }
      return url
    }
  }

  /// The first line that the process writes.
  func firstLine() async throws -> String {
    let handle = self.output.fileHandleForReading
    let line: String = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var line = Data()
        while true {
          let data = handle.availableData
          line.append(data)
          if data.isEmpty || data.contains(UInt8(ascii: "\n")) { break }
        }
        continuation.resume(returning: String(decoding: line, as: UTF8.self))
      }
    }
    guard let end = line.firstIndex(of: "\n") else {
      throw RPCError(code: .unavailable, message: "A process ended before it was ready.")
    }
    return String(line[..<end])
  }

  /// Ends the process and waits for it.
  func end() {
    self.process.terminate()
    self.process.waitUntilExit()
  }
}
