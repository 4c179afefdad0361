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

/// A file that gets whole lines, each at once, so that nothing is lost when the process is killed.
struct RestartRecords: Sendable {
  private let file: FileHandle

  /// The header that names an RPC, in records too.
  static let idHeader = "rpc-id"

  init(path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    guard descriptor >= 0 else {
      throw CheckFailure("cannot write \(path): error \(errno)")
    }
    self.file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  func append(_ line: String) {
    try? self.file.write(contentsOf: Data("\(line)\n".utf8))
  }
}

/// Notes the id of each RPC whose handler runs.
struct RestartExecutionRecorder: ServerInterceptor {
  let records: RestartRecords

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next: (
      _ request: StreamingServerRequest<Input>,
      _ context: ServerContext
    ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    for id in request.metadata[stringValues: RestartRecords.idHeader] {
      self.records.append(id)
    }
    return try await next(request, context)
  }
}
