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

/// A value behind a lock; the one lock type of this package.
///
/// It stands on a pthread mutex because ThreadSanitizer understands that, and reports false races
/// on `Synchronization.Mutex` with current toolchains. Never suspend, and never resume a
/// continuation, while holding it.
package final class LockedValue<Value>: @unchecked Sendable {
  // Unchecked: `value` is only touched under the mutex, and only leaves by way of `sending`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  package init(_ value: sending Value) {
    self.mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    self.mutex.initialize(to: pthread_mutex_t())
    #if canImport(Glibc)
    // Tried some times before the thread sleeps: what is done behind a lock takes less than that.
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ADAPTIVE_NP))
    let result = pthread_mutex_init(self.mutex, &attributes)
    pthread_mutexattr_destroy(&attributes)
    #else
    let result = pthread_mutex_init(self.mutex, nil)
    #endif
    precondition(result == 0, "pthread_mutex_init failed with error \(result).")
    self.value = value
  }

  deinit {
    pthread_mutex_destroy(self.mutex)
    self.mutex.deallocate()
  }

  package func withLock<Result, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    pthread_mutex_lock(self.mutex)
    defer { pthread_mutex_unlock(self.mutex) }
    return try body(&self.value)
  }
}
