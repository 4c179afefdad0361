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

/// What the tunnel server supports: the first frame of a negotiated tunnel (`Settings`).
package struct Settings: Hashable, Sendable {
  package var supportedProtocolRevisions: [ProtocolRevision]

  /// Settings with more revisions than this are malformed: there are two.
  package static let maximumRevisionCount = 1024

  /// The initial window, in bytes, of every stream for data sent to the tunnel server.
  package var initialWindowSize: UInt32

  /// Extension `stream-limit`: how many streams may be open at once; 0 when it names no limit.
  package var maxConcurrentStreams: UInt32

  package init(
    supportedProtocolRevisions: [ProtocolRevision] = [],
    initialWindowSize: UInt32 = 0,
    maxConcurrentStreams: UInt32 = 0
  ) {
    self.supportedProtocolRevisions = supportedProtocolRevisions
    self.initialWindowSize = initialWindowSize
    self.maxConcurrentStreams = maxConcurrentStreams
  }
}
