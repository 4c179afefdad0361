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

/// A printer in a shop. That it is called through tunnels is none of its business.
package struct Printer: Shop_Printer.SimpleServiceProtocol {
  private let name: String

  package init(name: String) {
    self.name = name
  }

  package func printLabel(
    request: Shop_Label,
    context: ServerContext
  ) async throws -> Shop_Receipt {
    .with {
      $0.printer = self.name
      $0.text = request.text
    }
  }

  package func printDocument(
    request: Shop_Document,
    response: RPCWriter<Shop_Page>,
    context: ServerContext
  ) async throws {
    for number in 0 ..< request.pageCount {
      // Paper takes its time.
      try await Task.sleep(for: .milliseconds(100))
      try await response.write(.with { $0.number = number + 1 })
    }
  }
}
