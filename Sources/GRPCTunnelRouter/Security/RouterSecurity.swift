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

internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import Logging

/// What a router's files say about who may connect: read once at the start, and again when they
/// change.
final class RouterSecurity: Sendable {
  /// The TLS of one of the addresses.
  struct Listener: Sendable {
    fileprivate var certificate: CertificateStore?
    fileprivate var authorities: (@Sendable () -> [UInt8])?

    /// For a transport that is made now.
    func transportSecurity() throws -> HTTP2ServerTransport.Posix.TransportSecurity {
      guard let certificate = self.certificate else { return .plaintext }
      return try .tls(certificateReloader: certificate) { config in
        if let authorities = self.authorities {
          config.clientCertificateVerification = .noHostnameVerification
          config.trustRoots = .certificates([.bytes(authorities(), format: .pem)])
        }
      }
    }
  }

  /// What is to be done when files have changed.
  struct Changes: Sendable {
    /// Certificates of agents are trusted, or not trusted any more.
    var agentAuthorities: @Sendable () -> Void
    /// Certificates of callers are.
    var callerAuthorities: @Sendable () -> Void
    /// Tokens or rules have changed.
    var rights: @Sendable () -> Void
  }

  let access: AccessControl
  private let config: RouterConfig
  private let files: LockedValue<FileWatcher.Contents>
  private let tunnelCertificate: CertificateStore?
  let callerCertificate: CertificateStore?

  /// Reads the files.
  ///
  /// - Throws: ``ConfigurationError`` with everything that is wrong with them.
  init(config: RouterConfig) async throws(ConfigurationError) {
    var loader = FileLoader()
    await loader.read(config.files)
    self.config = config
    self.tunnelCertificate = loader.certificate(config.tunnelSecurity.certificate)
    self.callerCertificate = loader.certificate(config.callerSecurity.certificate)
    loader.checkAuthorities(config.tunnelSecurity.clientAuthorities)
    loader.checkAuthorities(config.callerSecurity.clientAuthorities)
    self.access = AccessControl(
      AccessControl.Rights(
        agents: Authenticator(
          tokens: loader.parsed(config.tunnelSecurity.tokens, TokenTable.init(_:)),
          hasCertificates: config.tunnelSecurity.clientAuthorities != nil
        ),
        callers: Authenticator(
          tokens: loader.parsed(config.callerSecurity.tokens, TokenTable.init(_:)),
          hasCertificates: config.callerSecurity.clientAuthorities != nil
        ),
        rules: loader.parsed(config.accessRules, AccessRules.init(_:))
      )
    )
    self.files = LockedValue(loader.contents)
    try loader.finish()
  }

  var tunnelListener: Listener {
    self.listener(self.tunnelCertificate, self.config.tunnelSecurity)
  }

  var callerListener: Listener {
    self.listener(self.callerCertificate, self.config.callerSecurity)
  }

  private func listener(_ certificate: CertificateStore?, _ security: ListenerSecurity) -> Listener
  {
    let authorities = security.clientAuthorities.map { path in
      { @Sendable in self.files.withLock { $0[path] ?? [] } }
    }
    return Listener(certificate: certificate, authorities: authorities)
  }

  /// Follows the changes of the files.
  func watch(with watcher: FileWatcher, _ changes: Changes) {
    let certificates = [self.tunnelCertificate, self.callerCertificate].compactMap { $0 }
    for certificate in certificates {
      self.watch(
        [certificate.files.certificate, certificate.files.key],
        "the certificate in \(certificate.files.certificate)",
        watcher
      ) { try certificate.update($0) }
    }
    let authorities = [
      (self.config.tunnelSecurity.clientAuthorities, "agents", changes.agentAuthorities),
      (self.config.callerSecurity.clientAuthorities, "callers", changes.callerAuthorities),
    ]
    for case (.some(let path), let title, let changed) in authorities {
      self.watch([path], "the authorities of \(title) in \(path)", watcher) { contents in
        try TrustedAuthorities.check(contents[path] ?? [], in: path)
        self.files.withLock { $0.merge(contents) { $1 } }
        changed()
      }
    }
    self.watchText(self.config.tunnelSecurity.tokens, "the tokens of agents", watcher) { text in
      let tokens = try TokenTable(text)
      self.access.update { $0.agents.tokens = tokens }
      changes.rights()
    }
    self.watchText(self.config.callerSecurity.tokens, "the tokens of callers", watcher) { text in
      let tokens = try TokenTable(text)
      self.access.update { $0.callers.tokens = tokens }
      changes.rights()
    }
    self.watchText(self.config.accessRules, "the access rules", watcher) { text in
      let rules = try AccessRules(text)
      self.access.update { $0.rules = rules }
      changes.rights()
    }
  }

  private func watch(
    _ paths: [String],
    _ title: String,
    _ watcher: FileWatcher,
    reload: @escaping @Sendable (FileWatcher.Contents) throws -> Void
  ) {
    let contents = self.files.withLock { files in files.filter { paths.contains($0.key) } }
    watcher.watch(title, contents, reload: reload)
  }

  private func watchText(
    _ path: String?,
    _ title: String,
    _ watcher: FileWatcher,
    reload: @escaping @Sendable (String) throws -> Void
  ) {
    guard let path else { return }
    self.watch([path], "\(title) in \(path)", watcher) { contents in
      try reload(String(decoding: contents[path] ?? [], as: UTF8.self))
    }
  }
}

extension RouterConfig {
  /// The files that it names.
  var files: Set<String> {
    var files: Set<String> = []
    for security in [self.tunnelSecurity, self.callerSecurity] {
      let paths = [
        security.certificate?.certificate, security.certificate?.key, security.clientAuthorities,
        security.tokens,
      ]
      files.formUnion(paths.compactMap { $0 })
    }
    self.accessRules.map { _ = files.insert($0) }
    return files
  }
}
