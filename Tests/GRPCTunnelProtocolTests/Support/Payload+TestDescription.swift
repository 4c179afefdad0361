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

internal import GRPCTunnelProtocol
internal import Testing

extension ClientFrame.Payload: CustomTestStringConvertible {
  /// Short, whatever the size of the data.
  var testDescription: String {
    "\(String(describing: self).prefix(80))"
  }
}

extension ServerFrame.Payload: CustomTestStringConvertible {
  /// Short, whatever the size of the data.
  var testDescription: String {
    "\(String(describing: self).prefix(80))"
  }
}

extension CloseStream: CustomTestStringConvertible {
  /// Short, whatever the number of details.
  var testDescription: String {
    "\(String(describing: self).prefix(80))"
  }
}
