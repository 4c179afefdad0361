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

/// The RPCs that are open, each with a check that its caller still may make it.
final class OpenCalls: Sendable {
  typealias Check = @Sendable () throws(RPCError) -> Void

  private struct State {
    var calls: [UInt64: (permit: RPCPermit, check: Check)] = [:]
    var nextID: UInt64 = 0
  }

  private let state = LockedValue(State())

  /// Adds an RPC, until its permit is given back. Makes the check too, once the RPC is among those
  /// that ``checkAll()`` looks at: no change of what callers may do passes it by.
  ///
  /// - Parameter onReturn: Called then, and when the check fails.
  /// - Throws: What the check throws.
  func add(
    check: @escaping Check,
    onReturn: @escaping @Sendable () -> Void
  ) throws(RPCError) -> RPCPermit {
    let permit = self.state.withLock { state in
      let id = state.nextID
      state.nextID += 1
      let permit = RPCPermit {
        self.remove(id)
        onReturn()
      }
      state.calls[id] = (permit, check)
      return permit
    }
    do throws(RPCError) {
      try check()
    } catch {
      permit.giveBack()
      throw error
    }
    return permit
  }

  private func remove(_ id: UInt64) {
    _ = self.state.withLock { $0.calls.removeValue(forKey: id) }
  }

  /// Ends the RPCs whose callers may not make them any more.
  ///
  /// - Returns: How many there were.
  func checkAll() -> Int {
    let calls = self.state.withLock { Array($0.calls.values) }
    var count = 0
    for call in calls {
      do throws(RPCError) {
        try call.check()
      } catch {
        call.permit.revoke(error)
        count += 1
      }
    }
    return count
  }
}
