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
internal import NIOCertificateReloading
internal import NIOSSL

/// A certificate and its key, as PEM files.
package struct CertificateFiles: Hashable, Sendable {
  /// The certificate, and those of the authorities between it and the root.
  package var certificate: String

  package var key: String

  package init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }
}

/// The certificate and key with which this end shows who it is: new handshakes use the latest.
final class CertificateStore: CertificateReloader {
  private let current: LockedValue<NIOSSLContextConfigurationOverride>

  let files: CertificateFiles

  /// - Throws: ``RouterError`` when the contents of the files are no pair of certificate and key.
  init(_ files: CertificateFiles, _ contents: FileWatcher.Contents) throws(RouterError) {
    self.files = files
    self.current = LockedValue(try Self.load(files, contents))
  }

  /// Uses other contents of the files from now on.
  ///
  /// - Throws: ``RouterError`` when they are no pair; then nothing changes.
  func update(_ contents: FileWatcher.Contents) throws(RouterError) {
    let loaded = try Self.load(self.files, contents)
    self.current.withLock { $0 = loaded }
  }

  var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride {
    self.current.withLock { $0 }
  }

  private static func load(
    _ files: CertificateFiles,
    _ contents: FileWatcher.Contents
  ) throws(RouterError) -> NIOSSLContextConfigurationOverride {
    let chain: [NIOSSLCertificateSource]
    do {
      chain = try NIOSSLCertificate.fromPEMBytes(contents[files.certificate] ?? [])
        .map { .certificate($0) }
    } catch {
      throw RouterError("\(files.certificate) holds no certificate in PEM")
    }
    guard !chain.isEmpty else {
      throw RouterError("\(files.certificate) holds no certificate in PEM")
    }
    let key: NIOSSLPrivateKeySource
    do {
      key = .privateKey(try NIOSSLPrivateKey(bytes: contents[files.key] ?? [], format: .pem))
    } catch {
      throw RouterError("\(files.key) holds no private key in PEM")
    }
    do {
      // Whether they belong together is found out when they are used together.
      _ = try NIOSSLContext(
        configuration: .makeServerConfiguration(certificateChain: chain, privateKey: key)
      )
    } catch {
      throw RouterError("the key in \(files.key) is not that of \(files.certificate)")
    }
    var override = NIOSSLContextConfigurationOverride()
    override.certificateChain = chain
    override.privateKey = key
    return override
  }
}

/// Certificates of authorities that are trusted, in PEM.
enum TrustedAuthorities {
  /// - Throws: ``RouterError`` when there is not one in the file.
  static func check(_ bytes: [UInt8], in path: String) throws(RouterError) {
    let certificates = (try? NIOSSLCertificate.fromPEMBytes(bytes)) ?? []
    if certificates.isEmpty { throw RouterError("\(path) holds no certificate in PEM") }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates(certificates)
    do {
      _ = try NIOSSLContext(configuration: configuration)
    } catch {
      throw RouterError("\(path) holds certificates that cannot be trusted", cause: error)
    }
  }
}
