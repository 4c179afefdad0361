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
internal import GRPCTunnelProtocol

// What state machines answer, in a form that expectations can compare.

extension StreamReadResult {
  var part: Part? {
    if case .part(let part) = self { part } else { nil }
  }

  var errorCode: RPCError.Code? {
    if case .failed(let error) = self { error.code } else { nil }
  }

  var isEnd: Bool {
    if case .end = self { true } else { false }
  }

  var isWait: Bool {
    if case .wait = self { true } else { false }
  }
}

extension StreamWriteResult {
  var errorCode: RPCError.Code? {
    if case .failed(let error) = self { error.code } else { nil }
  }

  var isWritten: Bool {
    if case .written = self { true } else { false }
  }

  var isWrittenThenWait: Bool {
    if case .writtenThenWait = self { true } else { false }
  }
}

extension WriteReadiness {
  var errorCode: RPCError.Code? {
    if case .failed(let error) = self { error.code } else { nil }
  }

  var isReady: Bool {
    if case .ready = self { true } else { false }
  }

  var isWait: Bool {
    if case .wait = self { true } else { false }
  }
}

extension ReserveResult {
  var errorCode: RPCError.Code? {
    if case .failed(let error) = self { error.code } else { nil }
  }

  var isReserved: Bool {
    if case .reserved = self { true } else { false }
  }

  var isWait: Bool {
    if case .wait = self { true } else { false }
  }
}

extension OutputEnd {
  var isFinished: Bool {
    if case .finished = self { true } else { false }
  }

  var closure: TunnelEnd? {
    if case .failed(let closure) = self { closure } else { nil }
  }
}

extension TimerResult {
  var streams: [StreamID]? {
    if case .streams(let streams) = self { streams } else { nil }
  }

  var isClosed: Bool {
    if case .closed = self { true } else { false }
  }
}

extension ClientFrameResult {
  var stream: StreamID? {
    if case .stream(let stream) = self { stream } else { nil }
  }

  var fault: RPCError? {
    if case .fault(let error) = self { error } else { nil }
  }

  var isTunnel: Bool {
    if case .tunnel = self { true } else { false }
  }

  var isIgnored: Bool {
    if case .ignored = self { true } else { false }
  }
}

extension ServerFrameResult {
  var stream: StreamID? {
    if case .stream(let stream) = self { stream } else { nil }
  }

  var accepted: AcceptedStream? {
    if case .newStream(let accepted) = self { accepted } else { nil }
  }

  var fault: RPCError? {
    if case .fault(let error) = self { error } else { nil }
  }

  var isTunnel: Bool {
    if case .tunnel = self { true } else { false }
  }

  var isIgnored: Bool {
    if case .ignored = self { true } else { false }
  }
}
