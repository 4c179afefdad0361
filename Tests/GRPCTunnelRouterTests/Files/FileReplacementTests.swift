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
internal import NIOCore
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("FileReplacement", .timeLimit(.minutes(5)))
struct FileReplacementTests {
  private struct Refused: Error {}

  private let folder: TestFolder

  init() throws {
    self.folder = try TestFolder()
  }

  private static func permissions(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return attributes[.posixPermissions] as? Int ?? -1
  }

  @Test("a file that is not there is made, for its owner alone")
  func new() throws {
    let path = self.folder.path("new")
    try FileReplacement.change(path) { $0 + "one" }
    #expect(try FileContents.text(of: path) == "one")
    #expect(try Self.permissions(path) == 0o600)
  }

  @Test("a file keeps its permissions, whatever the process would give it")
  func permissions() throws {
    let path = try self.folder.write("one", to: "file")
    try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
    try FileReplacement.change(path) { $0 + "two" }
    #expect(try FileContents.text(of: path) == "onetwo")
    #expect(try Self.permissions(path) == 0o666)
  }

  @Test("a link stays one")
  func link() throws {
    let path = try self.folder.write("one", to: "file")
    let link = self.folder.path("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "file")
    try FileReplacement.change(link) { $0 + "two" }
    #expect(try FileContents.text(of: path) == "onetwo")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "file")
  }

  @Test("a change that fails leaves the file as it is, and nothing else")
  func failed() throws {
    let path = try self.folder.write("one", to: "file")
    #expect(throws: Refused.self) { try FileReplacement.change(path) { _ in throw Refused() } }
    #expect(try FileContents.text(of: path) == "one")
    #expect(!FileManager.default.fileExists(atPath: path + ".new"))
  }

  @Test("what a process left that was killed is no obstacle, and not written through")
  func leftover() throws {
    let path = try self.folder.write("one", to: "file")
    let victim = try self.folder.write("victim", to: "victim")
    try FileManager.default.createSymbolicLink(
      atPath: path + ".new",
      withDestinationPath: victim
    )
    try FileReplacement.change(path) { _ in "two" }
    #expect(try FileContents.text(of: path) == "two")
    #expect(try FileContents.text(of: victim) == "victim")
  }

  @Test("changes at the same time follow each other, and none is lost")
  func concurrent() async throws {
    let path = self.folder.path("file")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0 ..< 20 {
        group.addTask { try FileReplacement.change(path) { $0 + "x" } }
      }
      try await group.waitForAll()
    }
    #expect(try FileContents.text(of: path).count == 20)
  }

  @Test("a new file for its owner alone is not written over another")
  func create() throws {
    let path = self.folder.path("file")
    try FileReplacement.create(path, "one")
    #expect(try Self.permissions(path) == 0o600)
    let error = #expect(throws: IOError.self) { try FileReplacement.create(path, "two") }
    #expect(error?.errnoCode == EEXIST)
    #expect(try FileContents.text(of: path) == "one")
  }

  @Test("a pipe that nobody writes to is refused, not waited for")
  func pipe() async throws {
    let path = self.folder.path("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    await #expect(throws: IOError.self) { try await FileContents.bytes(of: path) }
  }
}
