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

/// What is known of an RPC when it is decided where it goes.
package struct RPCRequestHead: Sendable {
  /// The method that is called.
  package var descriptor: MethodDescriptor

  /// What is passed on; who decides may change it.
  package var metadata: Metadata

  /// The host that the caller believes to call, with or without a port; empty when it does not say.
  package var authority: String

  /// The connection's peer, and its certificate.
  package var context: ServerContext
}
