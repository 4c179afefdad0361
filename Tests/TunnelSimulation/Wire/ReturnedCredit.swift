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

/// The credit that one end returns on one direction of a stream: never more than what arrived, and what
/// the window may grow by.
struct ReturnedCredit {
  private let isLimited: Bool
  private let maximumGrowth: Int
  private var received = 0
  private var returned = 0

  init(isLimited: Bool, _ configuration: TunnelConfiguration) {
    self.isLimited = isLimited
    self.maximumGrowth = min(
      max(0, configuration.maximumWindowSize - Int(configuration.initialWindowSize)),
      configuration.maximumWindowGrowth
    )
  }

  mutating func received(_ count: Int) {
    self.received += count
  }

  mutating func returned(_ increment: UInt32) throws(Violation) {
    try require(self.isLimited, "Credit was returned though there is no window")
    try require(increment > 0, "An empty window update was sent")
    self.returned += Int(increment)
    try require(
      self.returned <= self.received + self.maximumGrowth,
      "More credit was returned than bytes arrived, and than the window may grow by"
    )
  }
}
