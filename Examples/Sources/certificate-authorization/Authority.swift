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
internal import SwiftASN1
internal import X509

/// A certificate and its private key, as the transports take them.
struct Identity {
  var certificate: TLSConfig.CertificateSource
  var privateKey: TLSConfig.PrivateKeySource
}

/// Makes certificates that are good for an hour. Yours come from files, or from a service.
struct Authority {
  private let name: DistinguishedName
  private let key: Certificate.PrivateKey
  /// What is to be trusted.
  let root: TLSConfig.CertificateSource

  init(_ name: String) throws {
    self.name = try DistinguishedName { CommonName(name) }
    self.key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let certificate = try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: self.key.publicKey,
      notValidBefore: Date(timeIntervalSinceNow: -60),
      notValidAfter: Date(timeIntervalSinceNow: 3600),
      issuer: self.name,
      subject: self.name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true))
      },
      issuerPrivateKey: self.key
    )
    self.root = .bytes(Array(try certificate.serializeAsPEM().pemString.utf8), format: .pem)
  }

  /// A certificate for names, signed by this authority.
  func issue(_ subject: String, names: [GeneralName]) throws -> Identity {
    let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let certificate = try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: key.publicKey,
      notValidBefore: Date(timeIntervalSinceNow: -60),
      notValidAfter: Date(timeIntervalSinceNow: 3600),
      issuer: self.name,
      subject: try DistinguishedName { CommonName(subject) },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        SubjectAlternativeNames(names)
      },
      issuerPrivateKey: self.key
    )
    return Identity(
      certificate: .bytes(Array(try certificate.serializeAsPEM().pemString.utf8), format: .pem),
      privateKey: .bytes(Array(try key.serializeAsPEM().pemString.utf8), format: .pem)
    )
  }
}
