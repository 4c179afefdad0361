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

internal import NIOCore
internal import NIOPosix

/// Reads files of configuration: small ones.
package enum FileContents {
  /// More than this is not a file of configuration.
  static let maximumSize = 16 * 1024 * 1024

  /// Reads a whole file, without holding up a task's thread.
  ///
  /// - Throws: `IOError`; a pipe is none that can be read again and again.
  static func bytes(of path: String) async throws -> [UInt8] {
    try await NIOThreadPool.singleton.runIfActive { try Self.read(path, isSeekable: true) }
  }

  /// Reads a whole file as text; waits for it when it is a pipe.
  ///
  /// - Throws: `IOError`.
  package static func text(of path: String) throws -> String {
    String(decoding: try Self.read(path, isSeekable: false), as: UTF8.self)
  }

  /// Reads a whole file as text, which is empty when there is no file.
  ///
  /// - Throws: `IOError`.
  static func textIfPresent(of path: String) throws -> String {
    do {
      return try Self.text(of: path)
    } catch let error as IOError where error.errnoCode == ENOENT {
      return ""
    }
  }

  private static func read(_ path: String, isSeekable: Bool) throws -> [UInt8] {
    // A pipe that nobody writes to is not waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | (isSeekable ? O_NONBLOCK : 0))
    guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
    defer { close(descriptor) }
    // Not `stat`: to which module that belongs depends, in Swift 6.3, on the files that are compiled
    // together. What else cannot be read, such as a folder, says so when it is read.
    if isSeekable, lseek(descriptor, 0, SEEK_CUR) < 0 {
      throw IOError(errnoCode: errno, reason: "read")
    }
    var bytes: [UInt8] = []
    while bytes.count <= Self.maximumSize {
      let chunk = try [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
        var result = 0
        repeat {
          result = Self.read(descriptor, buffer)
        } while result < 0 && errno == EINTR
        guard result >= 0 else { throw IOError(errnoCode: errno, reason: "read") }
        count = result
      }
      if chunk.isEmpty { return bytes }
      bytes += chunk
    }
    throw IOError(errnoCode: EFBIG, reason: "read")
  }

  private static func read(
    _ descriptor: CInt,
    _ buffer: UnsafeMutableBufferPointer<UInt8>
  ) -> Int {
    #if canImport(Darwin)
    Darwin.read(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Glibc)
    Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Musl)
    Musl.read(descriptor, buffer.baseAddress, buffer.count)
    #endif
  }
}
