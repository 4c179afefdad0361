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

/// How a connection that is dialled is secured.
package struct PeerSecurity: Hashable, Sendable {
  /// Whether the connection is encrypted. Whatever else is given needs it.
  package var usesTLS: Bool

  /// The authorities that the server's certificate must be of; nil for those of the system.
  package var authorities: String?

  /// The certificate with which this end shows who it is; nil for none.
  package var certificate: CertificateFiles?

  /// The name that the server's certificate must have; nil for the host that is dialled.
  package var serverName: String?

  /// Not encrypted.
  package init() {
    self.usesTLS = false
  }

  /// The files that it names.
  var files: [String] {
    [self.authorities, self.certificate?.certificate, self.certificate?.key].compactMap { $0 }
  }
}

/// The settings of one ``PeerSecurity``.
struct PeerSecuritySettings {
  var usesTLS: Setting
  var authorities: Setting
  var certificate: Setting
  var key: Setting
  var serverName: Setting

  var all: [Setting] {
    [self.usesTLS, self.authorities, self.certificate, self.key, self.serverName]
  }

  /// - Parameter peer: What the settings begin with: "router".
  init(_ peer: String) {
    self.usesTLS = Setting(
      "\(peer)-tls",
      .toggle,
      default: "false",
      "Connects to the \(peer) with TLS. The settings below do so too."
    )
    self.authorities = Setting(
      "\(peer)-ca",
      .single,
      as: "file",
      """
      Authorities in PEM that the \(peer)'s certificate must be of; those of the system if none are \
      given.
      """
    )
    self.certificate = Setting(
      "\(peer)-tls-certificate",
      .single,
      as: "file",
      "A certificate in PEM to show to the \(peer). Read again when it changes."
    )
    self.key = Setting(
      "\(peer)-tls-key",
      .single,
      as: "file",
      "The key of that certificate, in PEM."
    )
    self.serverName = Setting(
      "\(peer)-server-name",
      .single,
      as: "name",
      "The name that the \(peer)'s certificate must have, if it is not the host that is dialled."
    )
  }
}

extension SettingsReader {
  mutating func peerSecurity(_ settings: PeerSecuritySettings) -> PeerSecurity {
    var security = PeerSecurity()
    security.authorities = self.value(of: settings.authorities, SettingValue.path)
    security.certificate = self.certificate(settings.certificate, settings.key)
    security.serverName = self.value(of: settings.serverName, SettingValue.serverName)
    let needsTLS =
      security.authorities != nil || security.certificate != nil || security.serverName != nil
    security.usesTLS = self.isOn(settings.usesTLS) || needsTLS
    return security
  }
}
