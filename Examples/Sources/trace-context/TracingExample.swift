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
internal import GRPCTunnelNIO
internal import InMemoryTracing
internal import Shop
internal import Tracing

/// Tracing across a tunnel: what a printer does for a call is part of the trace of whoever called.
///
/// RPCs in a tunnel have interceptors of their own, at the client and at the server of the tunnel,
/// and metadata passes a tunnel unchanged: the same interceptors do for a tunnel and without one.
@main
struct TracingExample {
  static func main() async throws {
    // Yours is the tracer of a tracing backend. Both ends are in this process, and so share it.
    let tracer = W3CTracer()
    InstrumentationSystem.bootstrap(tracer)

    let printers = ReverseTunnels(keyHeader: "shop")
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      // For forward tunnels: `TunnelService(services: …, interceptors: [TracingServerInterceptor()])`.
      services: [TunnelService(reverseTunnels: printers)]
    ) { office in
      let port = try await office.listeningAddress?.ipv4?.port ?? 0
      try await withGRPCClient(
        transport: .http2NIOPosix(
          target: .ipv4(address: "127.0.0.1", port: port),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ) { network in
        try await withGRPCServer(
          transport: .reverseTunnel(over: network, metadata: ["shop": "shop-1"]),
          services: [Printer(name: "shop-1")],
          interceptors: [TracingServerInterceptor()]
        ) { _ in
          try await Self.call(printers)
        }
      }
    }
    Self.checkTrace(tracer.spans.finishedSpans)
  }

  /// The office's work, with a call to the printer in its midst.
  static func call(_ printers: ReverseTunnels<String>) async throws {
    try await printers.waitUntilReady(forKey: "shop-1")
    try await withGRPCClient(
      transport: printers.transport(forKey: "shop-1"),
      interceptors: [TracingClientInterceptor()]
    ) { client in
      let printer = Shop_Printer.Client(wrapping: client)
      try await withSpan("raise prices") { _ in
        _ = try await printer.printLabel(.with { $0.text = "New: 2.49" })
      }
    }
  }

  static func checkTrace(_ spans: [FinishedInMemorySpan]) {
    for span in spans.reversed() {
      let context = span.spanContext
      print(
        "\(span.operationName) (\(span.kind)): trace \(context.traceID), span \(context.spanID), "
          + "parent \(context.parentSpanID ?? "none")"
      )
    }
    let work = spans.first { $0.operationName == "raise prices" }
    let call = spans.first { $0.kind == .client }
    let handling = spans.first { $0.kind == .server }
    check("there are three spans", spans.count == 3)
    check("all are of one trace", Set(spans.map(\.spanContext.traceID)).count == 1)
    check("the work has no parent", work != nil && work?.spanContext.parentSpanID == nil)
    check("the call's parent is the work", call?.spanContext.parentSpanID == work?.spanID)
    check(
      "across the tunnel, the handling's parent is the call",
      handling?.spanContext.parentSpanID == call?.spanID
    )
  }
}
