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

/// Extension `drain`: the tunnel server takes no stream above ``lastStreamID`` any more.
package struct Drain: Hashable, Sendable {
  /// The highest stream id that the tunnel server has seen and will process.
  package var lastStreamID: StreamID

  package init(lastStreamID: StreamID = StreamID(rawValue: 0)) {
    self.lastStreamID = lastStreamID
  }
}
