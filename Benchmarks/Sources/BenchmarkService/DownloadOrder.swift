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

/// What a client asks for when it wants a stream of messages.
package struct DownloadOrder {
  /// The bytes of each message.
  package var messageSize: Int

  /// How long the server sends.
  package var duration: Duration

  package var bytes: [UInt8] {
    let milliseconds = UInt64(max(0, self.duration / .milliseconds(1)))
    return [UInt64(self.messageSize), milliseconds].flatMap { value in
      withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
    }
  }

  package init(messageSize: Int, duration: Duration) {
    self.messageSize = messageSize
    self.duration = duration
  }

  package init(bytes: [UInt8]) throws {
    guard bytes.count == 16 else {
      throw RPCError(code: .invalidArgument, message: "An order has 16 bytes.")
    }
    let value = { (range: Range<Int>) -> UInt64 in
      bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    // Bounded: nobody can ask for more than a minute, or for larger messages than are taken.
    self.messageSize = Int(min(value(0 ..< 8), 4 * 1024 * 1024))
    self.duration = .milliseconds(Int64(min(value(8 ..< 16), 60_000)))
  }
}
