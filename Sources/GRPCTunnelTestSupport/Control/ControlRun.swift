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

internal import GRPCCore
internal import GRPCTunnel

/// The orders of one request to a ``ControlService``, being done.
struct ControlRun: Sendable {
  let initialMetadata: Metadata
  let trailingMetadata: Metadata
  private let orders: [ControlOrder]
  private let details: [UInt8]?
  private let cancelledEvent: String?
  private let cancellation: ServerContext.RPCCancellationHandle
  private let events: ControlEvents

  init(
    _ metadata: Metadata,
    _ cancellation: ServerContext.RPCCancellationHandle,
    _ events: ControlEvents
  ) throws {
    self.orders = try metadata[stringValues: ControlKey.order].map { text in
      guard let order = ControlOrder(text) else {
        throw RPCError(code: .invalidArgument, message: "There is no order '\(text)'.")
      }
      return order
    }
    self.initialMetadata = metadata.echoed(as: "initial-")
    self.trailingMetadata = metadata.echoed(as: "trailing-")
    self.details = metadata[binaryValues: ControlKey.details].first { _ in true }
    self.cancelledEvent = metadata[stringValues: ControlKey.cancelled].first { _ in true }
    self.cancellation = cancellation
    self.events = events
  }

  /// Whether the RPC fails before there is a response.
  var failsAtOnce: Bool {
    switch self.orders.first {
    case .fail, .failPlainly: true
    case .echo, .echoOne, .count, .drain, .send, .signal, .wait, .awaitCancellation, .none: false
    }
  }

  func execute(
    reading messages: RPCAsyncSequence<[UInt8], any Error>,
    write: @Sendable ([UInt8]) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      if let event = self.cancelledEvent {
        group.addTask {
          try? await self.cancellation.cancelled
          if self.cancellation.isCancelled { self.events.happen(event) }
        }
      }
      defer { group.cancelAll() }
      var iterator = messages.makeAsyncIterator()
      for order in self.orders {
        try await self.execute(order, &iterator, write)
      }
    }
  }

  private func execute(
    _ order: ControlOrder,
    _ messages: inout RPCAsyncSequence<[UInt8], any Error>.AsyncIterator,
    _ write: ([UInt8]) async throws -> Void
  ) async throws {
    switch order {
    case .echo:
      while let message = try await messages.next() {
        try await write(message)
      }
    case .echoOne:
      if let message = try await messages.next() {
        try await write(message)
      }
    case .count:
      var count = ControlCount(messages: 0, bytes: 0)
      while let message = try await messages.next() {
        count.messages += 1
        count.bytes += message.count
      }
      try await write(Array(count.description.utf8))
    case .drain:
      while try await messages.next() != nil {}
    case .send(let count, let size):
      for number in 0 ..< count {
        try await write([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size))
      }
    case .signal(let event):
      self.events.happen(event)
    case .wait(let event):
      try await self.events.wait(for: event)
    case .awaitCancellation:
      try await self.cancellation.cancelled
    case .fail(let code, let message):
      throw RPCError(
        code: Status.Code(rawValue: code).flatMap { RPCError.Code($0) } ?? .unknown,
        message: message,
        metadata: self.errorMetadata
      )
    case .failPlainly:
      throw ControlError()
    }
  }

  private var errorMetadata: Metadata {
    var metadata = self.trailingMetadata
    if let details = self.details {
      metadata.addBinary(details, forKey: "grpc-status-details-bin")
    }
    return metadata
  }
}

/// The metadata with which a request tells a ``ControlService`` what to do.
package enum ControlKey {
  package static let order = "control-order"
  package static let details = "control-details-bin"
  package static let cancelled = "control-cancelled"
}

/// The answer to ``ControlOrder/count``.
package struct ControlCount: Hashable, Sendable, CustomStringConvertible {
  package var messages: Int
  package var bytes: Int

  package init(messages: Int, bytes: Int) {
    self.messages = messages
    self.bytes = bytes
  }

  package var description: String {
    "\(self.messages) messages, \(self.bytes) bytes"
  }
}

/// Thrown for ``ControlOrder/failPlainly``.
struct ControlError: Error {}

extension Metadata {
  /// What begins with `echo-`, beginning with something else.
  fileprivate func echoed(as prefix: String) -> Metadata {
    var metadata = Metadata()
    for (key, value) in self where key.hasPrefix("echo-") {
      let key = prefix + key.dropFirst("echo-".count)
      switch value {
      case .string(let value): metadata.addString(value, forKey: key)
      case .binary(let value): metadata.addBinary(value, forKey: key)
      }
    }
    return metadata
  }
}
