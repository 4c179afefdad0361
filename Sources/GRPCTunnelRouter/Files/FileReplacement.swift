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

#if canImport(Darwin)
private import Darwin
#elseif canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#endif

private import Foundation
internal import NIOCore

/// Writes files of configuration in a way that nobody ever sees half of one.
package enum FileReplacement {
  /// Puts another text in the place of a file's, at once: whoever reads it sees all of the old or of the
  /// new. Processes that change the same file so wait for each other. A link to a file stays a link; owner and
  /// permissions stay, and only its owner may read a file that was not there.
  ///
  /// - Parameters:
  ///   - path: The file; there need not be one.
  ///   - change: Makes the new text of the old one, which is empty when there is no file.
  /// - Throws: `IOError`, and what the change throws; then nothing has changed.
  package static func change(
    _ path: String,
    _ change: (_ text: String) throws -> String
  ) throws {
    let path = Self.resolved(path)
    let folder = open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
    // Which also gives the lock back.
    defer { close(folder) }
    var isLocked = false
    repeat {
      isLocked = flock(folder, LOCK_EX) == 0
    } while !isLocked && errno == EINTR
    guard isLocked else { throw IOError(errnoCode: errno, reason: "flock") }

    let text = try change(FileContents.textIfPresent(of: path))
    let temporary = "\(path).new"
    // What a process left that was killed; nobody else is at it.
    unlink(temporary)
    var isDone = false
    defer {
      if !isDone { unlink(temporary) }
    }
    try Self.create(temporary, text, like: path)
    guard rename(temporary, path) == 0 else { throw IOError(errnoCode: errno, reason: "rename") }
    isDone = true
    fsync(folder)
  }

  /// Writes a file that only its owner may read.
  ///
  /// - Throws: `IOError`; `EEXIST` when there is a file of this name.
  package static func create(_ path: String, _ text: String) throws {
    try Self.create(path, text, like: nil)
  }

  /// Removes a file, if it is there.
  package static func remove(_ path: String) {
    unlink(path)
  }

  private static func create(_ path: String, _ text: String, like original: String?) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
    defer { close(descriptor) }
    if let original { try Self.copyOwnerAndPermissions(of: original, to: descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw IOError(errnoCode: errno, reason: "write") }
      rest = rest.dropFirst(count)
    }
    guard fsync(descriptor) == 0 else { throw IOError(errnoCode: errno, reason: "fsync") }
  }

  /// Does nothing when there is no such file.
  private static func copyOwnerAndPermissions(of original: String, to descriptor: CInt) throws {
    // Not `stat`: to which module that belongs depends, in Swift 6.3, on the files that are compiled
    // together.
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: original),
      let user = Self.number(attributes[.ownerAccountID]),
      let group = Self.number(attributes[.groupOwnerAccountID]),
      let permissions = Self.number(attributes[.posixPermissions])
    else { return }
    let isOwn = user == geteuid() && group == getegid()
    guard isOwn || fchown(descriptor, user, group) == 0 else {
      throw IOError(errnoCode: errno, reason: "fchown")
    }
    guard fchmod(descriptor, mode_t(truncatingIfNeeded: permissions & 0o777)) == 0 else {
      throw IOError(errnoCode: errno, reason: "fchmod")
    }
  }

  /// An attribute of a file, of whatever type this platform gives it.
  private static func number(_ attribute: Any?) -> UInt32? {
    if let integer = attribute as? any BinaryInteger { return UInt32(truncatingIfNeeded: integer) }
    return (attribute as? NSNumber)?.uint32Value
  }

  /// The file itself, when it is a link to one.
  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
