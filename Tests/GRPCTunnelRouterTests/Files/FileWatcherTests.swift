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

internal import GRPCTunnel
internal import GRPCTunnelTestSupport
internal import Logging
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("FileWatcher", .timeLimit(.minutes(5)))
struct FileWatcherTests {
  private struct Refused: Error {}

  private let folder: TestFolder
  private let path: String
  private let clock = ManualClock()
  private let watcher: FileWatcher
  private let texts = LockedValue<[String]>([])

  init() throws {
    self.folder = try TestFolder()
    self.path = try self.folder.write("one", to: "file")
    self.watcher = FileWatcher(
      interval: .seconds(10),
      clock: self.clock.clock,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    let (path, texts) = (self.path, self.texts)
    self.watcher.watch("a file", [path: Array("one".utf8)]) { contents in
      let text = String(decoding: contents[path] ?? [], as: UTF8.self)
      texts.withLock { $0.append(text) }
      if text == "wrong" { throw Refused() }
    }
  }

  @Test("a file is loaded when it has changed, once")
  func changed() async throws {
    await self.watcher.check()
    #expect(self.texts.withLock { $0 } == [])
    try self.folder.write("two", to: "file")
    await self.watcher.check()
    await self.watcher.check()
    #expect(self.texts.withLock { $0 } == ["two"])
  }

  @Test("a file that is wrong is tried once, and again when it has changed")
  func wrong() async throws {
    try self.folder.write("wrong", to: "file")
    await self.watcher.check()
    await self.watcher.check()
    try self.folder.write("right", to: "file")
    await self.watcher.check()
    #expect(self.texts.withLock { $0 } == ["wrong", "right"])
  }

  @Test("a file that is gone changes nothing until it is back")
  func gone() async throws {
    try self.folder.remove("file")
    await self.watcher.check()
    #expect(self.texts.withLock { $0 } == [])
    try self.folder.write("back", to: "file")
    await self.watcher.check()
    #expect(self.texts.withLock { $0 } == ["back"])
  }

  @Test("files are looked at now and then")
  func interval() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.watcher.run() }
      try await self.clock.waitForSleeper(until: .seconds(10))
      try self.folder.write("two", to: "file")
      self.clock.advance(by: .seconds(10))
      try await self.clock.waitForSleeper(until: .seconds(20))
      #expect(self.texts.withLock { $0 } == ["two"])
      group.cancelAll()
    }
  }

  @Test("looks at the files follow each other, so that the newest contents stay in use")
  func oneAfterTheOther() async throws {
    for text in ["two", "three", "four"] {
      try self.folder.write(text, to: "file")
      await withTaskGroup(of: Void.self) { group in
        for _ in 0 ..< 20 {
          group.addTask { await self.watcher.check() }
        }
      }
    }
    #expect(self.texts.withLock { $0 } == ["two", "three", "four"])
  }
}
