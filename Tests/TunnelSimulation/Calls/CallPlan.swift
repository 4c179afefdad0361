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

internal import GRPCTunnelProtocol

/// What an RPC is meant to be.
struct CallPlan: Sendable {
  enum Ending: CaseIterable, Sendable {
    /// The handler answers OK once it has the whole request.
    case ok
    /// The handler answers an error once it has the whole request.
    case error
    /// The handler answers OK before the request is complete.
    case early
    /// The caller gives up.
    case cancel
    /// The handler fails.
    case abort
    /// The handler returns without an answer.
    case silence
  }

  var ending = Ending.ok
  /// The sizes of the messages, in bytes.
  var requests: [Int]
  var responses: [Int]
  var requestHeaders: Int
  /// nil when the handler sends no headers of its own.
  var responseHeaders: Int?
  var trailers: Int
  var timeout: Duration?
  /// The caller's own limit for messages.
  var maximumResponseSize: Int?
  /// Whether something about the RPC is larger than what an end takes.
  var exceedsLimits = false

  init(in scenario: Scenario, using choices: inout Choices) {
    self.requests = Self.messages(using: &choices)
    self.responses = Self.messages(using: &choices)
    self.requestHeaders = choices.pick([0, 0, 10, 100])
    self.responseHeaders = choices.pick([nil, nil, 0, 10])
    self.trailers = choices.pick([0, 0, 10])
    if choices.isOne(in: 3) {
      let ending = choices.pick(Ending.allCases)
      self.ending = ending == .cancel && !scenario.cancelsCalls ? .early : ending
    }
    if scenario.hasDeadlines, choices.isOne(in: 2) {
      self.timeout = choices.pick([.milliseconds(1), .seconds(1), .seconds(60)])
    }
    if scenario.exceedsLimits, choices.isOne(in: 3) {
      self.exceedsLimits = true
      self.exceedLimit(in: scenario, using: &choices)
    }
  }

  private static func messages(using choices: inout Choices) -> [Int] {
    (0 ..< choices.int(below: 6)).map { _ in choices.pick([0, 1, 10, 100, 200]) }
  }

  private mutating func exceedLimit(in scenario: Scenario, using choices: inout Choices) {
    switch choices.int(below: 8) {
    case 0:
      self.requests.append(scenario.server.maximumMessageSize + 1)
    case 1:
      self.responses.append(scenario.client.maximumMessageSize + 1)
    case 2:
      self.maximumResponseSize = 50
    case 3:
      self.requestHeaders = scenario.server.maximumMetadataSize + 1
    case 4:
      self.requestHeaders = scenario.client.maximumControlFrameSize + 1
    case 5:
      self.responseHeaders = scenario.client.maximumMetadataSize + 1
    case 6:
      self.trailers = scenario.client.maximumMetadataSize + 1
    default:
      self.trailers = scenario.server.maximumControlFrameSize + 1
    }
  }
}
