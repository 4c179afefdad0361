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

internal import Foundation
internal import GRPCTunnelProtocol
internal import TunnelSimulation
internal import SwiftProtobuf

/// A message of ours for which SwiftProtobuf generated a type from the reference schema.
protocol Referenced: ProtobufMessage, Hashable, Sendable {
  associatedtype Reference: SwiftProtobuf.Message

  static var schema: MessageSchema { get }

  static func random(using generator: inout SeededGenerator) -> Self

  /// The same value in SwiftProtobuf's type.
  var reference: Reference { get }
}

extension Referenced {
  /// What SwiftProtobuf reads from `bytes`, apart from unknown fields.
  static func decodeReference(_ bytes: [UInt8]) throws -> Reference {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    return try Reference(serializedBytes: bytes, options: options)
  }

  /// SwiftProtobuf's bytes for this value.
  ///
  /// Good for comparing, too: unlike `==` on strings they tell apart "é" and "e\u{301}".
  var referenceBytes: [UInt8] {
    get throws { try self.reference.deterministicBytes }
  }
}

extension SwiftProtobuf.Message {
  var deterministicBytes: [UInt8] {
    get throws {
      var options = BinaryEncodingOptions()
      options.useDeterministicOrdering = true
      return try self.serializedBytes(options: options)
    }
  }
}

extension ClientFrame: Referenced {
  static var schema: MessageSchema { .clientToServer }

  static func random(using generator: inout SeededGenerator) -> Self {
    generator.clientFrame()
  }

  var reference: Grpctunnel_V1_ClientToServer {
    .with {
      $0.streamID = self.streamID.rawValue
      switch self.payload {
      case .newStream(let newStream): $0.newStream = newStream.reference
      case .requestMessage(let envelope): $0.requestMessage = envelope.reference
      case .moreRequestData(let data): $0.moreRequestData = Data(data)
      case .halfClose: $0.halfClose = Google_Protobuf_Empty()
      case .cancel: $0.cancel = Google_Protobuf_Empty()
      case .windowUpdate(let increment): $0.windowUpdate = increment
      case nil: ()
      }
    }
  }
}

extension ServerFrame: Referenced {
  static var schema: MessageSchema { .serverToClient }

  static func random(using generator: inout SeededGenerator) -> Self {
    generator.serverFrame()
  }

  var reference: Grpctunnel_V1_ServerToClient {
    .with {
      $0.streamID = self.streamID.rawValue
      switch self.payload {
      case .responseHeaders(let headers): $0.responseHeaders = headers.reference
      case .responseMessage(let envelope): $0.responseMessage = envelope.reference
      case .moreResponseData(let data): $0.moreResponseData = Data(data)
      case .closeStream(let closeStream): $0.closeStream = closeStream.reference
      case .settings(let settings): $0.settings = settings.reference
      case .windowUpdate(let increment): $0.windowUpdate = increment
      case .drain(let drain): $0.drain = drain.reference
      case nil: ()
      }
    }
  }
}

extension WireStatus: Referenced {
  static var schema: MessageSchema { .status }

  static func random(using generator: inout SeededGenerator) -> Self {
    generator.wireStatus()
  }

  var reference: Google_Rpc_Status {
    .with {
      $0.code = self.code
      $0.message = self.message
      $0.details = self.details.map { detail in
        .with {
          $0.typeURL = detail.typeURL
          $0.value = Data(detail.value)
        }
      }
    }
  }
}

extension WireMetadata: Referenced {
  static var schema: MessageSchema { .metadata }

  static func random(using generator: inout SeededGenerator) -> Self {
    generator.wireMetadata()
  }

  var reference: Grpctunnel_V1_Metadata {
    .with { metadata in
      for entry in self.entries {
        metadata.md[entry.key] = .with { $0.val = entry.values }
      }
    }
  }
}

// MARK: - Messages within

extension NewStream {
  fileprivate var reference: Grpctunnel_V1_NewStream {
    .with {
      $0.methodName = self.methodName
      if let requestHeaders = self.requestHeaders {
        $0.requestHeaders = requestHeaders.reference
      }
      $0.initialWindowSize = self.initialWindowSize
      $0.protocolRevision = self.protocolRevision.reference
    }
  }
}

extension MessageEnvelope {
  fileprivate var reference: Grpctunnel_V1_MessageData {
    .with {
      $0.size = self.size
      $0.data = Data(self.data)
    }
  }
}

extension CloseStream {
  fileprivate var reference: Grpctunnel_V1_CloseStream {
    .with {
      if let responseTrailers = self.responseTrailers {
        $0.responseTrailers = responseTrailers.reference
      }
      if let status = self.status {
        $0.status = status.reference
      }
      $0.unprocessed = self.unprocessed
    }
  }
}

extension Settings {
  fileprivate var reference: Grpctunnel_V1_Settings {
    .with {
      $0.supportedProtocolRevisions = self.supportedProtocolRevisions.map { $0.reference }
      $0.initialWindowSize = self.initialWindowSize
      $0.maxConcurrentStreams = self.maxConcurrentStreams
    }
  }
}

extension Drain {
  fileprivate var reference: Grpctunnel_V1_Drain {
    .with { $0.lastStreamID = self.lastStreamID.rawValue }
  }
}

extension ProtocolRevision {
  fileprivate var reference: Grpctunnel_V1_ProtocolRevision {
    switch self {
    case .zero: .revisionZero
    case .one: .revisionOne
    default: .UNRECOGNIZED(Int(self.rawValue))
    }
  }
}
