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

/// What to resume once a session's lock has been given back.
struct Wakeups<Part: Sendable>: ~Copyable {
  typealias Reader = (TunnelContinuation<Part?, any Error>, Result<Part?, any Error>)

  /// The session's own loops: the one that most inputs wake stands apart, so that it takes no array.
  var pump: TunnelContinuation<Void, Never>?
  var loops: [TunnelContinuation<Void, Never>] = []
  /// The readers of streams; most inputs are for one stream, and its reader takes no array.
  private var reader: Reader?
  private var moreReaders: [Reader] = []
  var waiters: [(TunnelContinuation<Void, any Error>, Result<Void, any Error>)] = []
  /// Whether the tunnel has just ended.
  var endsTunnel = false
  /// To be reported before: whoever goes on can rely on it.
  var figures: TunnelFiguresReport?
  /// Tells how ready the tunnel is, likewise: whoever goes on may start another RPC.
  var readiness: (@Sendable () -> Void)?

  mutating func append(_ reader: Reader) {
    if self.reader == nil {
      self.reader = reader
    } else {
      self.moreReaders.append(reader)
    }
  }

  consuming func resume() {
    self.figures?.send()
    self.readiness?()
    self.pump?.resume()
    for loop in self.loops {
      loop.resume()
    }
    if let (reader, result) = self.reader {
      reader.resume(with: result)
    }
    for (reader, result) in self.moreReaders {
      reader.resume(with: result)
    }
    for (waiter, result) in self.waiters {
      waiter.resume(with: result)
    }
  }
}
