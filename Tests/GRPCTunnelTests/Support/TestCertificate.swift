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

/// A certificate that nobody else has signed, and its key.
struct TestCertificate: Sendable {
  let certificate: Certificate
  /// What is presented, and trusted.
  let source: TLSConfig.CertificateSource
  let keySource: TLSConfig.PrivateKeySource

  init(commonName: String) throws {
    let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let name = try DistinguishedName { CommonName(commonName) }
    let now = Date()
    self.certificate = try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: key.publicKey,
      notValidBefore: now.addingTimeInterval(-3600),
      notValidAfter: now.addingTimeInterval(3600),
      issuer: name,
      subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        SubjectAlternativeNames([.dnsName(commonName)])
      },
      issuerPrivateKey: key
    )
    let bytes = { (document: PEMDocument) in Array(document.pemString.utf8) }
    self.source = .bytes(bytes(try self.certificate.serializeAsPEM()), format: .pem)
    self.keySource = .bytes(bytes(try key.serializeAsPEM()), format: .pem)
  }
}
