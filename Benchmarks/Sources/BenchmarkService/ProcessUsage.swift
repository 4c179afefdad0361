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

internal import CBenchmarkSupport
internal import Foundation
internal import GRPCCore

/// What a process has used up to now.
package struct ProcessUsage: Sendable {
  /// User and system time, in microseconds.
  package var cpuMicroseconds: UInt64

  /// The memory that is resident, in bytes; 0 where the system does not tell.
  package var residentBytes: UInt64

  /// The bytes that are allocated on the heap; 0 where the allocator does not tell.
  package var heapBytes: UInt64

  package static func now() -> ProcessUsage {
    ProcessUsage(
      cpuMicroseconds: bench_cpu_microseconds(),
      residentBytes: bench_resident_bytes(),
      heapBytes: bench_heap_bytes()
    )
  }

  /// Gives memory that is free back to the system, so that what is resident is what is used.
  package static func trim() {
    bench_trim_heap()
  }

  package var bytes: [UInt8] {
    [self.cpuMicroseconds, self.residentBytes, self.heapBytes].flatMap { value in
      withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
    }
  }

  package init(cpuMicroseconds: UInt64, residentBytes: UInt64, heapBytes: UInt64) {
    self.cpuMicroseconds = cpuMicroseconds
    self.residentBytes = residentBytes
    self.heapBytes = heapBytes
  }

  package init(bytes: [UInt8]) throws {
    guard bytes.count == 24 else {
      throw RPCError(code: .internalError, message: "A usage has 24 bytes.")
    }
    let value = { (start: Int) -> UInt64 in
      bytes[start ..< start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    self.init(cpuMicroseconds: value(0), residentBytes: value(8), heapBytes: value(16))
  }
}
