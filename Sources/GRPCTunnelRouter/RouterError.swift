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
@preconcurrency private import Glibc
#elseif canImport(Musl)
@preconcurrency private import Musl
#endif

internal import GRPCCore
internal import NIOCore

/// Why a router or an agent cannot go on, for the person who started it.
package struct RouterError: Error, CustomStringConvertible {
  package var message: String
  package var cause: (any Error)?

  package init(_ message: String, cause: (any Error)? = nil) {
    self.message = message
    self.cause = cause
  }

  package var description: String {
    guard let cause = self.cause else { return self.message }
    return "\(self.message): \(SystemError.text(cause))"
  }
}

extension RouterError {
  /// Does something with a file.
  ///
  /// - Throws: ``RouterError`` that names the file.
  package static func naming(_ path: String, _ body: () throws -> Void) throws(RouterError) {
    do {
      try body()
    } catch {
      throw RouterError(path, cause: error)
    }
  }
}

/// What errors of the system say to people.
enum SystemError {
  /// What lies at the bottom of an error, in words.
  static func text(_ error: any Error) -> String {
    switch error {
    case let error as RuntimeError:
      return error.cause.map { Self.text($0) } ?? error.message
    case let error as RPCError:
      return error.cause.map { Self.text($0) } ?? error.message
    case let error as IOError:
      // Without the function that failed, and its arguments.
      return strerror(error.errnoCode).map { String(cString: $0) } ?? "\(error)"
    default:
      return "\(error)"
    }
  }
}
