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

extension Setting {
  static let tunnelAddress = Setting(
    "tunnel-address",
    .single,
    as: "host:port",
    isRequired: true,
    "Where agents open tunnels; with port 0 the system chooses one."
  )

  static let address = Setting(
    "address",
    .single,
    as: "host:port",
    isRequired: true,
    "Where callers make RPCs; with port 0 the system chooses one."
  )

  static let certificate = Setting(
    "tls-certificate",
    .single,
    as: "file",
    """
    The router's certificate in PEM, followed by those of the authorities between it and the root. \
    Makes both addresses take TLS only. Read again when it changes.
    """
  )

  static let privateKey = Setting(
    "tls-key",
    .single,
    as: "file",
    "The key of the certificate, in PEM."
  )

  static let tunnelCertificate = Setting(
    "tunnel-tls-certificate",
    .single,
    as: "file",
    "Another certificate, for the address of agents."
  )

  static let tunnelPrivateKey = Setting(
    "tunnel-tls-key",
    .single,
    as: "file",
    "The key of that certificate."
  )

  static let agentAuthorities = Setting(
    "agent-ca",
    .single,
    as: "file",
    """
    Authorities in PEM: agents must show a certificate of one of them. When it changes, the address \
    gets a new listener, and the tunnels of the old one are drained.
    """
  )

  static let agentTokens = Setting(
    "agent-tokens",
    .single,
    as: "file",
    """
    Hashes of tokens, made by 'grpc-tunnel token': agents must show one of these tokens, and a \
    certificate too where authorities are given. Read again when it changes; the tunnels of a token \
    that is gone are closed.
    """
  )

  static let callerAuthorities = Setting(
    "caller-ca",
    .single,
    as: "file",
    "The same for callers' certificates."
  )

  static let callerTokens = Setting(
    "caller-tokens",
    .single,
    as: "file",
    """
    The same for callers' tokens, which come in the header 'authorization: Bearer TOKEN', or in \
    'tunnel-authorization' where the former is meant for the server.
    """
  )

  static let accessRules = Setting(
    "access-rules",
    .single,
    as: "file",
    """
    What each identity may register and call, see the operator's guide. Without rules an agent may \
    register the key that its token or certificate names, and callers may call everything. Read \
    again when it changes.
    """
  )

  static let insecure = Setting(
    "insecure",
    .toggle,
    default: "false",
    """
    Lets addresses be reached from other machines without TLS, and without tokens or certificates of \
    clients.
    """
  )

  static let reloadInterval = Setting(
    "reload-interval",
    .single,
    as: "duration",
    default: "10s",
    "How often files are looked at for changes. SIGHUP does it at once."
  )

  static let authorityPattern = Setting(
    "authority-pattern",
    .single,
    as: "pattern",
    """
    Finds the key in the host that a caller calls, where there is no header 'tunnel-key': the \
    asterisk in *.tunnels.example.com is the key.
    """
  )

  static let defaultKey = Setting(
    "default-key",
    .single,
    as: "key",
    "The key of RPCs that neither name one nor are for a service that an agent has announced."
  )

  static let picker = Setting(
    "picker",
    .single,
    as: "way",
    default: "round-robin",
    "How one of a key's tunnels is chosen: round-robin or least-outstanding."
  )

  static let waitForTunnel = Setting(
    "wait-for-tunnel",
    .single,
    as: "duration",
    default: "0s",
    """
    How long an RPC waits when its key has no tunnel, before it gets UNAVAILABLE. It waits no longer \
    than its deadline.
    """
  )

  static let identityHeader = Setting(
    "identity-header",
    .single,
    as: "header",
    """
    Tells servers who calls, as in 'token:billing' or 'dns:till.example.com'. Callers cannot set it \
    themselves.
    """
  )

  static let maximumTunnelsPerKey = Setting(
    "max-tunnels-per-key",
    .single,
    as: "number",
    default: "100",
    "How many tunnels a key may have; further ones are closed with RESOURCE_EXHAUSTED."
  )

  static let maximumRPCsPerKey = Setting(
    "max-rpcs-per-key",
    .single,
    as: "number",
    default: "10000",
    "How many RPCs may be open for a key; further ones get RESOURCE_EXHAUSTED."
  )

  static let routerSections = [
    SettingsSection(title: "Addresses", settings: [.tunnelAddress, .address]),
    SettingsSection(
      title: "Security",
      settings: [
        .certificate, .privateKey, .tunnelCertificate, .tunnelPrivateKey, .agentAuthorities,
        .agentTokens, .callerAuthorities, .callerTokens, .accessRules, .insecure, .reloadInterval,
      ]
    ),
    SettingsSection(
      title: "Routing",
      settings: [.authorityPattern, .defaultKey, .picker, .waitForTunnel, .identityHeader]
    ),
    SettingsSection(
      title: "Limits",
      settings: [.maximumMessageSize, .maximumTunnelsPerKey, .maximumRPCsPerKey]
    ),
    Setting.administration,
    Setting.life,
  ]
}
