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

/// What an agent says of itself when it opens a tunnel.
struct AgentRegistration: Hashable, Sendable {
  /// The header with the services that callers may call without naming a key.
  static let servicesHeader = "tunnel-services"

  private static let maximumKeyLength = 256
  private static let maximumServiceCount = 100

  var key: String

  /// Sorted, each once.
  var services: [String]

  /// Reads the headers of a tunnel, in which anything may stand.
  init(_ metadata: Metadata) throws(RPCError) {
    let keys = metadata[stringValues: Router.keyHeader].filter { !$0.isEmpty }
    guard let key = keys.first, keys.count == 1 else {
      throw RPCError(
        code: .invalidArgument,
        message: """
          A tunnel is opened with one header '\(Router.keyHeader)', which holds its key; there are \
          \(keys.count).
          """
      )
    }
    guard key.utf8.count <= Self.maximumKeyLength, (try? SettingValue.key(key)) != nil else {
      throw RPCError(
        code: .invalidArgument,
        message: "A key is of at most \(Self.maximumKeyLength) printable ASCII characters."
      )
    }
    var services: Set<String> = []
    for header in metadata[stringValues: Self.servicesHeader] {
      for service in header.split(whereSeparator: { $0 == "," || $0 == " " }) {
        guard (try? SettingValue.service(String(service))) != nil,
          services.count < Self.maximumServiceCount
        else {
          throw RPCError(
            code: .invalidArgument,
            message: """
              The header '\(Self.servicesHeader)' holds at most \(Self.maximumServiceCount) names of \
              services.
              """
          )
        }
        services.insert(String(service))
      }
    }
    self.key = key
    self.services = services.sorted()
  }
}
