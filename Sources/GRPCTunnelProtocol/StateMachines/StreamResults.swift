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

package import GRPCCore

/// What an application gets when it reads from a stream.
package enum StreamReadResult<Part: Sendable>: Sendable {
  case part(Part)
  /// Everything was read.
  case end
  /// The stream failed, and nothing more comes.
  case failed(RPCError)
  /// Nothing is there yet: read again when the stream is named by another input.
  case wait
}

/// What becomes of an application's write to a stream.
package enum StreamWriteResult: Sendable {
  case written
  /// Taken, but the stream holds as much as it should: write again when it has drained.
  case writtenThenWait
  /// The stream has ended; nothing was taken.
  case failed(RPCError)
}

/// What a frame from the tunnel server did.
package enum ClientFrameResult: Sendable {
  case ignored
  /// Something changed on this stream: its reader, and its writers, may go on.
  case stream(StreamID)
  /// The tunnel opened, or drains: those who wait for a place may go on or must give up.
  case tunnel
  /// The peer broke the protocol so that the tunnel ended; all its streams have failed.
  case fault(RPCError)
}

/// What a frame from the tunnel client did.
package enum ServerFrameResult: Sendable {
  case ignored
  /// An RPC was accepted: run its handler, and release the stream when it returns.
  case newStream(AcceptedStream)
  /// Something changed on this stream: its reader, and its writers, may go on.
  case stream(StreamID)
  /// The peer starts no more streams.
  case tunnel
  /// The peer broke the protocol so that the tunnel ended; all its streams have been aborted.
  case fault(RPCError)
}

/// An RPC that a tunnel server has taken on.
package struct AcceptedStream: Hashable, Sendable {
  package var id: StreamID
  /// The fully qualified name of the service.
  package var service: String
  package var method: String
  package var revision: ProtocolRevision
}

/// Why a tunnel ended.
package struct TunnelEnd: Error, Sendable {
  package enum Initiator: Hashable, Sendable {
    case local
    case remote
  }

  /// Which end closed the tunnel.
  package var initiator: Initiator

  /// What went wrong; nil when the tunnel ended in an orderly way.
  package var error: RPCError?

  /// Why the tunnel ended in an orderly way, in words, where there is something to say.
  package var reason: String?

  package init(initiator: Initiator, error: RPCError?, reason: String? = nil) {
    self.initiator = initiator
    self.error = error
    self.reason = reason
  }

  /// The error that this end closed the tunnel with; nil when the peer did, or nothing was wrong.
  package var ownError: RPCError? {
    self.initiator == .local ? self.error : nil
  }

  /// The error of RPCs that were open when the tunnel ended, and of those that come later.
  package var streamError: RPCError {
    guard let error = self.error else {
      let side = self.initiator == .local ? "this end" : "the peer"
      let reason = self.reason.map { ": \($0)" } ?? ""
      return RPCError(code: .unavailable, message: "The tunnel was closed by \(side)\(reason).")
    }
    let message = error.message.isEmpty ? "\(error.code)" : error.message
    var streamError = RPCError(code: .unavailable, message: "The tunnel was lost: \(message)")
    // Not by the initializer, which merges a cause of the same code, with the carrier's metadata.
    streamError.cause = error
    return streamError
  }
}
