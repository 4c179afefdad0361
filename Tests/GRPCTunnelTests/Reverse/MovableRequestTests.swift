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
internal import Testing

@testable internal import GRPCTunnel

@Suite("What an RPC has sent, for another tunnel")
struct MovableRequestTests {
  private static let metadata = MovableRequest.Item.part(.metadata([:]))

  private static func message(_ count: Int) -> MovableRequest.Item {
    .part(.message(TunnelMessageBytes(repeating: 1, count: count)))
  }

  private func attempt(_ result: MovableRequest.SendResult) -> Int? {
    if case .send(let attempt) = result { attempt } else { nil }
  }

  private func items(_ result: MovableRequest.FailureResult) -> [MovableRequest.Item]? {
    if case .move(let items) = result { items } else { nil }
  }

  @Test("All of it is sent again, in order, and what comes later goes to the new tunnel")
  func moves() {
    var request = MovableRequest()
    #expect(self.attempt(request.send(Self.metadata)) == 0)
    #expect(self.attempt(request.send(Self.message(10))) == 0)
    #expect(self.attempt(request.send(.end)) == 0)
    let items = self.items(request.refused(attempt: 0))
    #expect(items?.count == 3)
    let isNeeded = request.moved()
    #expect(isNeeded)
    #expect(request.attempt == 1)
    #expect(self.items(request.refused(attempt: 1))?.count == 3, "It can be moved once more")
  }

  @Test("While it is moved, everyone waits, and then hears of it")
  func waits() {
    var request = MovableRequest()
    _ = request.send(Self.metadata)
    _ = request.refused(attempt: 0)
    guard case .wait = request.refused(attempt: 0), case .wait = request.send(.end) else {
      Issue.record("Nobody waits")
      return
    }
    _ = request.moved()
    guard case .moved = request.refused(attempt: 0) else {
      Issue.record("The second to come moves it again")
      return
    }
    #expect(self.attempt(request.send(.end)) == 1)
  }

  @Test("It stays once something has come back")
  func settles() {
    var request = MovableRequest()
    _ = request.send(Self.metadata)
    let stays = request.settle(attempt: 0)
    #expect(stays)
    guard case .settled = request.refused(attempt: 0) else {
      Issue.record("It is moved")
      return
    }
  }

  @Test("What a reader finds in a tunnel that the RPC has left settles nothing")
  func stale() {
    var request = MovableRequest()
    _ = request.send(Self.metadata)
    _ = request.refused(attempt: 0)
    _ = request.moved()
    let stays = request.settle(attempt: 0)
    #expect(!stays)
    #expect(self.items(request.refused(attempt: 1)) != nil)
  }

  @Test(
    "It stays when it has sent more than a window",
    arguments: [(65_536, true), (65_537, false)]
  )
  func limit(count: Int, isMoved: Bool) {
    var request = MovableRequest()
    _ = request.send(Self.metadata)
    _ = request.send(Self.message(count - 1))
    _ = request.send(Self.message(1))
    _ = request.send(.end)
    #expect((self.items(request.refused(attempt: 0)) != nil) == isMoved)
  }

  @Test("It stays when it has sent too many messages, however small", arguments: [true, false])
  func count(isMoved: Bool) {
    var request = MovableRequest()
    _ = request.send(Self.metadata)
    for _ in 0 ..< MovableRequest.maximumMessageCount + (isMoved ? 0 : 1) {
      _ = request.send(Self.message(0))
    }
    _ = request.send(.end)
    #expect((self.items(request.refused(attempt: 0)) != nil) == isMoved)
  }

  @Test("It stays when there is no other tunnel")
  func stays() {
    var request = MovableRequest()
    _ = request.refused(attempt: 0)
    request.stayed()
    guard case .settled = request.refused(attempt: 0) else {
      Issue.record("It is moved")
      return
    }
    #expect(self.attempt(request.send(.end)) == 0)
  }

  @Test("One that fails while it is moved needs the new tunnel no more")
  func failure() {
    var request = MovableRequest()
    _ = request.refused(attempt: 0)
    request.fail(RPCError(code: .cancelled, message: ""))
    let isNeeded = request.moved()
    #expect(!isNeeded)
    guard case .failed = request.send(.end), case .failed = request.refused(attempt: 0) else {
      Issue.record("It goes on")
      return
    }
  }
  @Test("What went wrong where it was is forgiven once it has left, whatever that tunnel says now")
  func forgiven() {
    var request = MovableRequest()
    _ = request.send(Self.metadata)
    guard case .settled = request.failed(attempt: 0, isUnprocessed: false) else {
      Issue.record("It may have been processed, and is moved")
      return
    }
    _ = request.refused(attempt: 0)
    _ = request.moved()
    guard case .moved = request.failed(attempt: 0, isUnprocessed: false) else {
      Issue.record("It fails in another tunnel than that in which it is")
      return
    }
  }
}

extension MovableRequest {
  fileprivate mutating func refused(attempt: Int) -> FailureResult {
    self.failed(attempt: attempt, isUnprocessed: true)
  }
}
