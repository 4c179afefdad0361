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
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("OpenCalls", .timeLimit(.minutes(1)))
struct OpenCallsTests {
  private let calls = OpenCalls()
  private let isPermitted = LockedValue(true)
  private let returned = LockedValue(0)

  private func add() throws(RPCError) -> RPCPermit {
    try self.calls.add { () throws(RPCError) in
      if !self.isPermitted.withLock({ $0 }) {
        throw RPCError(code: .permissionDenied, message: "Not any more.")
      }
    } onReturn: {
      self.returned.withLock { $0 += 1 }
    }
  }

  @Test("an RPC whose caller may not make it any more is ended")
  func revoked() async throws {
    let permit = try self.add()
    #expect(self.calls.checkAll() == 0)
    self.isPermitted.withLock { $0 = false }
    #expect(self.calls.checkAll() == 1)
    #expect(await permit.revocation()?.code == .permissionDenied)
    permit.giveBack()
    #expect(self.returned.withLock { $0 } == 1)
    #expect(self.calls.checkAll() == 0)
  }

  @Test("a change that comes before an RPC is added ends it too, since adding it checks it")
  func changedBeforeAdded() {
    self.isPermitted.withLock { $0 = false }
    let error = #expect(throws: RPCError.self) { _ = try self.add() }
    #expect(error?.code == .permissionDenied)
    #expect(self.returned.withLock { $0 } == 1)
    #expect(self.calls.checkAll() == 0)
  }
}
