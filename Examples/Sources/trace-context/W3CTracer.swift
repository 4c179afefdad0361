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

internal import InMemoryTracing
internal import Tracing

/// Keeps spans in memory, and passes their identities on as W3C Trace Context says: in a header
/// `traceparent: 00-<trace>-<span>-01`.
struct W3CTracer: Tracer {
  let spans = InMemoryTracer(
    idGenerator: InMemoryTracer.IDGenerator(
      nextTraceID: { Self.hex(digits: 32) },
      nextSpanID: { Self.hex(digits: 16) }
    )
  )

  func startSpan<Instant: TracerInstant>(
    _ operationName: String,
    context: @autoclosure () -> ServiceContext,
    ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant,
    function: String,
    file fileID: String,
    line: UInt
  ) -> InMemorySpan {
    self.spans.startSpan(
      operationName,
      context: context(),
      ofKind: kind,
      at: instant(),
      function: function,
      file: fileID,
      line: line
    )
  }

  func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext,
    into carrier: inout Carrier,
    using injector: Inject
  ) where Inject.Carrier == Carrier {
    guard let span = context.inMemorySpanContext else { return }
    let value = "00-\(span.traceID)-\(span.spanID)-01"
    injector.inject(value, forKey: "traceparent", into: &carrier)
  }

  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier,
    into context: inout ServiceContext,
    using extractor: Extract
  ) where Extract.Carrier == Carrier {
    guard let value = extractor.extract(key: "traceparent", from: carrier) else { return }
    print("received traceparent: \(value)")
    let fields = value.split(separator: "-", omittingEmptySubsequences: false)
    // Anybody may have sent it.
    guard fields.count == 4, fields[0] == "00", Self.isID(fields[1], digits: 32),
      Self.isID(fields[2], digits: 16)
    else { return }
    context.inMemorySpanContext = InMemorySpanContext(
      traceID: String(fields[1]),
      spanID: String(fields[2]),
      parentSpanID: nil
    )
  }

  func forceFlush() {
    self.spans.forceFlush()
  }

  private static func hex(digits: Int) -> String {
    String((0 ..< digits).map { _ in "0123456789abcdef".randomElement() ?? "0" })
  }

  private static func isID(_ text: Substring, digits: Int) -> Bool {
    text.count == digits && text.allSatisfy { "0123456789abcdef".contains($0) }
      && text.contains { $0 != "0" }
  }
}
