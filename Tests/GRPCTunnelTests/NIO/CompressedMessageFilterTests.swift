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

internal import NIOCore
internal import Testing

@testable internal import GRPCTunnelNIO

@Suite("Compressed messages that are let through", .timeLimit(.minutes(1)))
struct CompressedMessageFilterTests {
  /// "hello hello hello".
  private static let gzip: [UInt8] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 200, 64, 144, 0, 128, 136, 249,
    229, 17, 0, 0, 0,
  ]
  private static let deflate: [UInt8] = [
    120, 218, 203, 72, 205, 201, 201, 87, 200, 64, 144, 0, 58, 46, 6, 125,
  ]
  private static let thousandZeros: [UInt8] = [
    120, 218, 99, 96, 24, 5, 163, 96, 20, 12, 119, 0, 0, 3, 232, 0, 1,
  ]

  private static func message(_ bytes: [UInt8], flag: UInt8 = 1) -> [UInt8] {
    [flag, 0, 0, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
  }

  private static func filter(
    _ bytes: [UInt8],
    by size: Int = .max,
    maximumMessageSize: Int = 1000
  ) -> [UInt8] {
    var filter = CompressedMessageFilter(maximumMessageSize: maximumMessageSize)
    var passed: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      passed += filter.filter(ByteBuffer(bytes: rest.prefix(size))).readableBytesView
      rest = rest.dropFirst(size)
    }
    return passed
  }

  @Test(
    "whole ones pass, between others, however they are cut",
    arguments: [Self.gzip, Self.deflate]
  )
  func whole(data: [UInt8]) {
    let compressed = Self.message(data)
    let bytes =
      compressed + Self.message([1, 2, 3], flag: 0) + Self.message([], flag: 0) + compressed
      + Self.message([1, 2, 3], flag: 7) + compressed
    for size in [1, 2, 3, 5, 7, 11, .max] {
      #expect(Self.filter(bytes, by: size) == bytes)
    }
  }

  @Test("one that is cut short makes the stream fail", arguments: [Self.gzip, Self.deflate])
  func cutShort(data: [UInt8]) {
    for count in 0 ..< data.count {
      let bytes = Self.message([1, 2], flag: 0) + Self.message(Array(data.prefix(count)))
      let expected = Self.message([1, 2], flag: 0) + CompressedMessageFilter.undecompressable
      // What follows it is dropped.
      #expect(Self.filter(bytes + Self.message([3], flag: 0)) == expected)
    }
  }

  @Test(
    "one with a fault passes: the transport finds that too",
    arguments: [Self.gzip, Self.deflate]
  )
  func faulty(data: [UInt8]) {
    var wrong = data
    wrong[wrong.count - 2] ^= 0x40
    for faulty in [wrong, [0xff, 0xff], data + [9, 9, 9]] {
      #expect(Self.filter(Self.message(faulty)) == Self.message(faulty))
    }
  }

  @Test("one that claims more than is taken fails at once, and is not held")
  func tooLarge() {
    let claim: [UInt8] = [1, 0xff, 0xff, 0xff, 0xff]
    #expect(Self.filter(claim) == CompressedMessageFilter.undecompressable)
    let bytes = Self.message(Self.gzip)
    #expect(
      Self.filter(bytes, maximumMessageSize: Self.gzip.count - 1)
        == CompressedMessageFilter.undecompressable
    )
  }

  @Test("one that becomes too large makes the stream fail")
  func bomb() {
    let bytes = Self.message(Self.thousandZeros)
    #expect(Self.filter(bytes, maximumMessageSize: 1000) == bytes)
    #expect(
      Self.filter(bytes, maximumMessageSize: 999) == CompressedMessageFilter.undecompressable
    )
  }

  @Test("a part of one waits", arguments: [Self.gzip, Self.deflate])
  func incomplete(data: [UInt8]) {
    let bytes = Self.message(data)
    #expect(Self.filter(bytes.dropLast()).isEmpty)
  }
}
