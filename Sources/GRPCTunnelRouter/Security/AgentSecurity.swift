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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel

/// What an agent's files say about whom it trusts, and who it is: read once at the start, and again
/// when they change.
final class AgentSecurity: Sendable {
  /// The TLS of the connections to one kind of peer.
  struct Peer: Sendable {
    fileprivate var security: PeerSecurity
    fileprivate var certificate: CertificateStore?
    fileprivate var authorities: @Sendable () -> [UInt8]?

    /// For a transport that is made now.
    func transportSecurity() throws -> HTTP2ClientTransport.Posix.TransportSecurity {
      guard self.security.usesTLS else { return .plaintext }
      var tls = HTTP2ClientTransport.Posix.TransportSecurity.TLS.defaults
      if let authorities = self.authorities() {
        tls.trustRoots = .certificates([.bytes(authorities, format: .pem)])
      }
      tls.certificateReloader = self.certificate
      return .tls(tls)
    }

    /// The name that the server must have; nil for the host that is dialled.
    var serverName: String? {
      self.security.serverName
    }
  }

  private let config: AgentConfig
  private let files: LockedValue<FileWatcher.Contents>
  private let token: LockedValue<String?>
  private let routerCertificate: CertificateStore?
  private let upstreamCertificate: CertificateStore?

  /// Reads the files.
  ///
  /// - Throws: ``ConfigurationError`` with everything that is wrong with them.
  init(config: AgentConfig) async throws(ConfigurationError) {
    var loader = FileLoader()
    let tokenFile = config.tokenFile.map { [$0] } ?? []
    let files = config.routerSecurity.files + config.upstreamSecurity.files + tokenFile
    await loader.read(Set(files))
    self.config = config
    self.routerCertificate = loader.certificate(config.routerSecurity.certificate)
    self.upstreamCertificate = loader.certificate(config.upstreamSecurity.certificate)
    loader.checkAuthorities(config.routerSecurity.authorities)
    loader.checkAuthorities(config.upstreamSecurity.authorities)
    self.token = LockedValue(loader.parsed(config.tokenFile, Self.token(in:)) ?? config.token?.text)
    self.files = LockedValue(loader.contents)
    try loader.finish()
  }

  /// The token in a file that holds nothing else.
  private static func token(in text: String) throws(ConfigurationError) -> String {
    let words = text.split { $0.isWhitespace }
    guard words.count == 1, let token = try? SettingValue.secret(String(words[0])) else {
      throw ConfigurationError(["it must hold one token, and nothing else"])
    }
    return token.text
  }

  var router: Peer {
    self.peer(self.config.routerSecurity, self.routerCertificate)
  }

  var upstream: Peer {
    self.peer(self.config.upstreamSecurity, self.upstreamCertificate)
  }

  private func peer(_ security: PeerSecurity, _ certificate: CertificateStore?) -> Peer {
    Peer(security: security, certificate: certificate) {
      security.authorities.flatMap { path in self.files.withLock { $0[path] } }
    }
  }

  /// Adds the token to RPCs to the router, the latest one.
  var authorization: some ClientInterceptor {
    AuthorizationInterceptor(token: { self.token.withLock { $0 } })
  }

  /// Follows the changes of the files. New connections use what is new; those to routers are new with
  /// each tunnel.
  ///
  /// - Parameter upstreamAuthorities: Called when the connections to servers are to be made anew.
  func watch(
    with watcher: FileWatcher,
    upstreamAuthorities: @escaping @Sendable () throws -> Void
  ) {
    for certificate in [self.routerCertificate, self.upstreamCertificate].compactMap({ $0 }) {
      let files = certificate.files
      self.watch(
        [files.certificate, files.key],
        "the certificate in \(files.certificate)",
        watcher
      ) {
        try certificate.update($0)
      }
    }
    let authorities = [
      self.config.routerSecurity.authorities, self.config.upstreamSecurity.authorities,
    ]
    for path in Set(authorities.compactMap { $0 }) {
      self.watch([path], "the authorities in \(path)", watcher) { contents in
        try TrustedAuthorities.check(contents[path] ?? [], in: path)
        self.files.withLock { $0.merge(contents) { $1 } }
        if path == self.config.upstreamSecurity.authorities { try upstreamAuthorities() }
      }
    }
    if let path = self.config.tokenFile {
      self.watch([path], "the token in \(path)", watcher) { contents in
        let token = try Self.token(in: String(decoding: contents[path] ?? [], as: UTF8.self))
        self.token.withLock { $0 = token }
      }
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
}

/// Adds a token to each RPC.
private struct AuthorizationInterceptor: ClientInterceptor {
  let token: @Sendable () -> String?

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>,
    context: ClientContext,
    next: (
      _ request: StreamingClientRequest<Input>,
      _ context: ClientContext
    ) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    var request = request
    if let token = self.token() {
      request.metadata.replaceOrAddString(
        "Bearer \(token)",
        forKey: Authenticator.authorizationHeader
      )
    }
    return try await next(request, context)
  }
}
