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

internal import GRPCTunnel
internal import GRPCTunnelAdmin
internal import Logging
internal import NIOCertificateReloading
internal import NIOSSL

/// The admin address of a router or an agent.
final class AdminListener: Sendable {
  private let config: AdminConfig
  private let tokens: LockedValue<TokenTable>?
  private let tokenContents: FileWatcher.Contents
  private let tls: NIOSSLContext?
  private let listening = OneShotEvent()
  private let boundAddress = LockedValue<NetworkAddress?>(nil)

  /// What is told under `/metrics`.
  let metrics: PrometheusMetrics

  /// Reads the files.
  ///
  /// - Parameters:
  ///   - program: Whose address it is.
  ///   - certificate: With which the address shows who it is; nil when it is not encrypted.
  /// - Throws: ``ConfigurationError`` when one of them cannot be used.
  init(
    _ program: ConfigurableProgram,
    _ config: AdminConfig,
    certificate: CertificateStore?
  ) async throws(ConfigurationError) {
    self.config = config
    self.metrics = .of(program: program.rawValue, version: Version.current)
    var loader = FileLoader()
    await loader.read(config.tokens.map { [$0] } ?? [])
    self.tokens = loader.parsed(config.tokens, TokenTable.init(_:)).map { LockedValue($0) }
    self.tokenContents = loader.contents
    do {
      self.tls = try certificate.map { certificate in
        var configuration = try TLSConfiguration.makeServerConfiguration(
          certificateReloader: certificate
        )
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
      }
    } catch {
      throw ConfigurationError(["cannot set up TLS for \(Setting.admin.flag): \(error)"])
    }
    try loader.finish()
  }

  /// Follows the changes of the files.
  func watch(with watcher: FileWatcher) {
    guard let path = self.config.tokens, let tokens = self.tokens else { return }
    watcher.watch("the tokens of --admin in \(path)", self.tokenContents) { contents in
      let table = try TokenTable(String(decoding: contents[path] ?? [], as: UTF8.self))
      tokens.withLock { $0 = table }
    }
  }

  /// Listens until the task is cancelled. Run it once.
  ///
  /// - Throws: ``RouterError`` when it cannot.
  func run(_ source: some AdminSource, _ logger: Logger) async throws {
    defer { self.listening.fire() }
    let tokens = self.tokens
    let server = AdminServer(
      source: source,
      access: AdminAccess(
        host: self.config.address.host,
        isTokenValid: tokens.map { tokens in
          { @Sendable (token: Substring) -> Bool in
            let table = tokens.withLock { $0 }
            return table.name(of: token) != nil
          }
        }
      ),
      metrics: self.metrics
    )
    do {
      let listener = try await HTTPListener.listen(
        host: self.config.address.host,
        port: self.config.address.port,
        tls: self.tls
      )
      let address = NetworkAddress(host: self.config.address.host, port: listener.port)
      self.boundAddress.withLock { $0 = address }
      self.listening.fire()
      logger.info("admin page at \(self.tls == nil ? "http" : "https")://\(address)/")
      try await listener.run { await server.answer($0) }
    } catch {
      if Task.isCancelled { return }
      throw RouterError("cannot listen on \(self.config.address)", cause: error)
    }
  }

  /// Where it listens; suspends until it does, nil when that failed.
  var address: NetworkAddress? {
    get async {
      try? await self.listening.wait()
      return self.boundAddress.withLock { $0 }
    }
  }
}
