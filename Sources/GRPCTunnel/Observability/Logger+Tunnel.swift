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
internal import Logging

extension Logger {
  /// Adds something to all later lines; nil is left out.
  mutating func add(_ key: TunnelObservability.LogKey, _ value: String?) {
    if let value {
      self[metadataKey: key.rawValue] = .string(value)
    }
  }

  /// Logs a line about a tunnel; what is nil is left out.
  func report(
    _ level: Level,
    _ message: Message,
    _ values: @autoclosure () -> KeyValuePairs<TunnelObservability.LogKey, String?>
  ) {
    guard self.logLevel <= level else { return }
    var metadata: Metadata = [:]
    for (key, value) in values() {
      metadata[key.rawValue] = value.map { .string(String($0.prefix(Self.maximumValueLength))) }
    }
    self.log(level: level, message, metadata: metadata)
  }

  /// A peer has a say in reasons, but not in how long they are.
  private static var maximumValueLength: Int { 512 }
}

extension Logger.Level {
  /// What trying again does not mend is an error.
  init(refusal code: RPCError.Code?) {
    switch code {
    case .unauthenticated, .permissionDenied: self = .error
    default: self = .warning
    }
  }

  /// The end of a tunnel with, or without, an error.
  init(end error: TunnelError?) {
    switch error?.code {
    case .none, .closedByPeer: self = .info
    case .carrierPolicy: self = .error
    default: self = .init(refusal: error?.rpcCode)
    }
  }
}

extension TunnelError {
  /// The status code of the error underneath.
  var rpcCode: RPCError.Code? {
    (self.cause as? RPCError)?.code
  }
}

extension Duration {
  /// The time in whole milliseconds.
  var inMilliseconds: String {
    "\(Int64(clamping: self / .milliseconds(1)))"
  }
}

extension Int64 {
  /// The nearest number that there is.
  init(clamping value: Double) {
    self = Int64(exactly: value.rounded()) ?? (value < 0 ? .min : .max)
  }
}

extension TunnelInformation.Direction {
  /// The direction in logs and metrics.
  var name: String {
    switch self {
    case .forward: "forward"
    case .reverse: "reverse"
    }
  }
}

extension TunnelClosure.Side {
  /// The side in logs.
  var name: String {
    switch self {
    case .local: "local"
    case .remote: "remote"
    }
  }
}
