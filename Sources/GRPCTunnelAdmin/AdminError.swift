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

internal import NIOHTTP1

/// Why the admin address does not do what it was asked for.
struct AdminError: Error {
  var status: HTTPResponseStatus
  var message: String

  init(_ status: HTTPResponseStatus, _ message: String) {
    self.status = status
    self.message = message
  }

  var response: HTTPResponse {
    let body = (try? AdminJSON.encode(["error": self.message])) ?? []
    var response = HTTPResponse(self.status, contentType: "application/json", body: .bytes(body))
    if self.status == .unauthorized {
      response.headers.add(name: "www-authenticate", value: "Bearer")
    }
    return response
  }
}
