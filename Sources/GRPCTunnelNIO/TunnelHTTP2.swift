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

/// Sizes that both ends of a carrier use.
enum TunnelHTTP2 {
  /// The window of each HTTP/2 stream and of the connection.
  static let windowSize = 4 * 1024 * 1024

  /// The largest HTTP/2 frame that is taken: a batch of a session's pump.
  static let frameSize = 128 * 1024

  /// The streams that a connection may have at once: as many as one tunnel.
  static let maximumConcurrentStreams = 1000
}
