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

internal import CGRPCTunnelZlib

/// A message as it was sent, compressed by gzip or deflate: its first bytes tell which.
enum CompressedMessage {
  /// Whether decompressing the message comes to an end within the limit, be it an error: its data does
  /// not run out before.
  ///
  /// - Parameter limit: The decompressed bytes after which it is taken for one that does not end.
  static func comesToAnEnd(_ message: UnsafeRawBufferPointer, limit: Int) -> Bool {
    guard let input = message.bindMemory(to: UInt8.self).baseAddress else { return false }
    return withUnsafeTemporaryAllocation(of: z_stream.self, capacity: 1) { streams in
      guard let stream = streams.baseAddress else { return false }
      stream.initialize(to: z_stream())
      guard CGRPCTunnelZlib_inflateInit2(stream, self.windowBits) == Z_OK else { return false }
      defer { inflateEnd(stream) }
      // zlib reads from here, whatever its types say.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: input)
      stream.pointee.avail_in = UInt32(clamping: message.count)
      return self.comesToAnEnd(stream, limit: limit)
    }
  }

  private static func comesToAnEnd(_ stream: UnsafeMutablePointer<z_stream>, limit: Int) -> Bool {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: self.scratchSize) { scratch in
      var written = 0
      while written <= limit {
        stream.pointee.next_out = scratch.baseAddress
        stream.pointee.avail_out = UInt32(scratch.count)
        switch inflate(stream, Z_NO_FLUSH) {
        case Z_OK: written += scratch.count - Int(stream.pointee.avail_out)
        case Z_STREAM_END: return written + scratch.count - Int(stream.pointee.avail_out) <= limit
        case Z_BUF_ERROR: return false
        default: return true
        }
      }
      return false
    }
  }

  /// The largest window, and 32 for either format. What the transport would decompress as one format
  /// until its data runs out is never taken for the other: they begin differently.
  private static let windowBits: Int32 = 15 + 32

  private static let scratchSize = 16 * 1024
}
