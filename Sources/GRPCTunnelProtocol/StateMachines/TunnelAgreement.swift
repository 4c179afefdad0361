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

/// What the two ends of an open tunnel agree on.
package struct TunnelAgreement: Hashable, Sendable {
  /// The revision of the tunnel's streams; at a tunnel server, which follows that of each stream, the
  /// highest that it accepts.
  package var revision: ProtocolRevision

  /// The extensions that are on.
  package var extensions: Set<TunnelExtension>
}
