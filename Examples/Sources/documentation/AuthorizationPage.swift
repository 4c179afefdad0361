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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import Shop

/// Authentication and authorization.
enum AuthorizationPage {
  static func run() async throws {
    try await Documentation.withNetwork(
      services: [TunnelService(services: [CautiousPrinter()])],
      interceptors: [TokenInterceptor(tokens: ["a secret"])]
    ) { network in
      let transport = TunnelClientTransport(over: network, metadata: ["authorization": "a guess"])
      do {
        try await transport.connect()
      } catch let error as TunnelError {
        let refusal = error.cause as? RPCError
        check("a guess is refused", refusal?.code == .unauthenticated)
      }
      try await withGRPCClient(
        transport: .tunnel(
          over: network,
          metadata: ["authorization": "a secret", "shop": "shop-1"]
        )
      ) { client in
        let printer = Shop_Printer.Client(wrapping: client)
        let receipt = try await printer.printLabel(.with { $0.text = "hello" })
        check("the handler knows its tunnel", receipt.printer == "for shop-1")
      }
    }
  }
}

/// Lets nobody in without a token.
struct TokenInterceptor: ServerInterceptor {
  let tokens: Set<String>

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let token = request.metadata[stringValues: "authorization"].first { _ in true }
    guard let token, self.tokens.contains(token) else {
      throw RPCError(code: .unauthenticated, message: "A valid token is needed.")
    }
    return try await next(request, context)
  }
}

/// Asks through which tunnel an RPC came.
struct CautiousPrinter: Shop_Printer.SimpleServiceProtocol {
  func printLabel(request: Shop_Label, context: ServerContext) async throws -> Shop_Receipt {
    guard let tunnel = context.tunnel else {
      throw RPCError(code: .permissionDenied, message: "This is for tunnels only.")
    }
    let opener = tunnel.tunnel.metadata[stringValues: "shop"].first { _ in true } ?? "somebody"
    let http2 = tunnel.connection as? HTTP2ServerTransport.Posix.Context
    let isProved = http2?.peerCertificate != nil
    return .with {
      $0.printer = "for \(opener)"
      $0.text = isProved ? request.text : "unproved: \(request.text)"
    }
  }

  func printDocument(
    request: Shop_Document,
    response: RPCWriter<Shop_Page>,
    context: ServerContext
  ) async throws {
    throw RPCError(code: .unimplemented, message: "Labels only.")
  }
}
