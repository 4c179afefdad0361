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

internal import Crypto
internal import Foundation
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnelRouter
internal import SwiftASN1
internal import X509

/// A certificate authority, and the certificates that it gives out.
struct TestAuthority: Sendable {
  private let key: Certificate.PrivateKey
  private let name: DistinguishedName
  /// The authority's own certificate.
  let pem: String

  init(_ name: String = "authority") throws {
    self.key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    self.name = try DistinguishedName { CommonName(name) }
    let certificate = try Self.certificate(
      for: self.key.publicKey,
      named: self.name,
      by: self.name,
      self.key
    ) {
      Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
    }
    self.pem = try certificate.serializeAsPEM().pemString
  }

  /// A certificate and its key, in PEM.
  struct Pair: Sendable {
    var certificate: String
    var key: String

    /// Writes them to files.
    func write(to folder: TestFolder, _ name: String) throws -> CertificateFiles {
      CertificateFiles(
        certificate: try folder.write(self.certificate, to: "\(name).pem"),
        key: try folder.write(self.key, to: "\(name)-key.pem")
      )
    }

    /// The security of a client that shows the certificate, and trusts an authority.
    func clientSecurity(
      trusting authority: TestAuthority
    ) -> HTTP2ClientTransport.Posix.TransportSecurity {
      .mTLS(
        certificateChain: [.bytes(Array(self.certificate.utf8), format: .pem)],
        privateKey: .bytes(Array(self.key.utf8), format: .pem)
      ) { config in
        config.trustRoots = authority.trustRoots
      }
    }
  }

  /// Gives out a certificate for 127.0.0.1, and for other names.
  func pair(_ names: GeneralName...) throws -> Pair {
    let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let address = GeneralName.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))
    let certificate = try Self.certificate(
      for: key.publicKey,
      named: try DistinguishedName { CommonName("somebody") },
      by: self.name,
      self.key
    ) {
      SubjectAlternativeNames([address] + names)
    }
    return Pair(
      certificate: try certificate.serializeAsPEM().pemString,
      key: try key.serializeAsPEM().pemString
    )
  }

  /// The security of a client that trusts the authority.
  var clientSecurity: HTTP2ClientTransport.Posix.TransportSecurity {
    .tls { $0.trustRoots = self.trustRoots }
  }

  fileprivate var trustRoots: TLSConfig.TrustRootsSource {
    .certificates([.bytes(Array(self.pem.utf8), format: .pem)])
  }

  private static func certificate(
    for key: Certificate.PublicKey,
    named name: DistinguishedName,
    by issuer: DistinguishedName,
    _ issuerKey: Certificate.PrivateKey,
    @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
  ) throws -> Certificate {
    let now = Date()
    return try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: key,
      notValidBefore: now.addingTimeInterval(-3600),
      notValidAfter: now.addingTimeInterval(3600),
      issuer: issuer,
      subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions(builder: extensions),
      issuerPrivateKey: issuerKey
    )
  }
}
