public import Tracing

extension Message {
    /// What the sender of the message said of its trace, as far as the process's instrument understands its headers; else top level.
    ///
    /// A span with this as its context belongs to the sender's trace. ``withProcessSpan(_:)`` makes one, and a callback runs in one.
    public var serviceContext: ServiceContext { Traces.current()?.context(of: self) ?? .topLevel }

    /// Runs a body in a span for the processing of this message, in the trace of who sent it.
    ///
    /// ```swift
    /// for try await message in reader.messages {
    ///     try await message.withProcessSpan { _ in try await handle(message) }
    /// }
    /// ```
    ///
    /// The span is named `process` and the topic, with the attributes of OpenTelemetry's messaging conventions; an error that the body
    /// throws is recorded. Without a tracer the body just runs.
    ///
    /// - Parameter body: What processes the message. Its task's `ServiceContext` is the span's.
    /// - Returns: What the body returns.
    public func withProcessSpan<Value>(_ body: (any Span) async throws -> Value) async rethrows -> Value {
        guard let traces = Traces.current() else { return try await body(NoOpTracer.NoOpSpan(context: .topLevel)) }
        return try await traces.process(self, group: nil, body)
    }
}
