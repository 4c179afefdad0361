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

public import GRPCCore

/// The bytes of one serialized message on its way through a tunnel.
///
/// A value; copies share storage until one of them is changed.
public struct TunnelMessageBytes: GRPCContiguousBytes, Hashable, Sendable {
  package private(set) var slice: ArraySlice<UInt8>

  package init(_ slice: ArraySlice<UInt8>) {
    self.slice = slice
  }

  /// Creates `count` times the same byte.
  public init(repeating byte: UInt8, count: Int) {
    self.slice = ArraySlice(repeating: byte, count: count)
  }

  /// Copies the bytes of a sequence.
  public init(_ sequence: some Sequence<UInt8>) {
    self.slice = ArraySlice(sequence)
  }

  /// The number of bytes.
  public var count: Int {
    self.slice.count
  }

  /// Gives access to the bytes, for the duration of the call.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try self.slice.withUnsafeBytes(body)
  }

  /// Gives access to the bytes for changing them, for the duration of the call.
  public mutating func withUnsafeMutableBytes<R>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> R
  ) rethrows -> R {
    try self.slice.withUnsafeMutableBytes(body)
  }
}
