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

/// Where a router or an agent tells about itself.
package struct AdminConfig: Hashable, Sendable {
  /// Where it listens; with port 0 the system chooses one.
  package var address: NetworkAddress

  /// The file of hashes of the tokens of which one must be shown; nil when none is asked for.
  package var tokens: String?

  /// The settings of the program, which it tells; without secrets.
  package var settings = ""

  /// For everyone on this machine.
  package init(address: NetworkAddress) {
    self.address = address
  }
}

extension SettingsReader {
  /// The admin address, if there is to be one.
  mutating func admin() -> AdminConfig? {
    let tokens = self.value(of: .adminTokens, SettingValue.path)
    guard let address = self.value(of: .admin, NetworkAddress.init(_:)) else {
      if tokens != nil {
        self.add(["\(Setting.adminTokens.flag) is given without \(Setting.admin.flag)"])
      }
      return nil
    }
    var config = AdminConfig(address: address)
    config.tokens = tokens
    config.settings = self.settings.effectiveConfiguration
    return config
  }
}

extension AdminConfig {
  /// What cannot be, though each value is right for itself.
  ///
  /// - Parameters:
  ///   - isEncrypted: Whether the address takes TLS only.
  ///   - remedy: What to give for an address that is not encrypted.
  func problems(isEncrypted: Bool, isInsecureAllowed: Bool, remedy: String) -> [String] {
    if self.address.isLoopback || isInsecureAllowed { return [] }
    var problems: [String] = []
    let address = "\(Setting.admin.flag) \(self.address) can be reached from other machines"
    if !isEncrypted {
      problems.append("\(address), and is not encrypted: give \(remedy)")
    }
    if self.tokens == nil {
      problems.append(
        """
        \(address), and lets everyone in: give \(Setting.adminTokens.flag), or \
        \(Setting.insecure.flag)
        """
      )
    }
    return problems
  }
}
