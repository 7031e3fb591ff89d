internal import Tracing

/// Spans for messages, by the conventions of OpenTelemetry for messaging systems
/// (https://opentelemetry.io/docs/specs/semconv/messaging/kafka/), and the context that travels in headers.
///
/// A message's key and value are in no span: they may be secrets. A class, so that whether there is one costs a look at a pointer.
final class Traces: Sendable {
    private let tracer: any Tracer
    private let instrument: any Instrument

    private init(_ tracer: any Tracer, _ instrument: any Instrument) {
        self.tracer = tracer
        self.instrument = instrument
    }

    /// The task's or the process's; nil where there is none.
    static func current() -> Traces? {
        let instrument = InstrumentationSystem.instrument
        return instrument is NoOpInstrument ? nil : Traces(InstrumentationSystem.tracer, instrument)
    }

    // MARK: Sending

    /// Sends a message in a span of its own, whose context goes with it.
    func send(
        _ message: OutgoingMessage,
        to topic: String,
        _ body: (OutgoingMessage) async throws(MsgBusError) -> Delivery
    ) async throws(MsgBusError) -> Delivery {
        let (span, message) = begin(message, to: topic)
        do throws(MsgBusError) {
            let delivery = try await body(message)
            end(span, delivery)
            return delivery
        } catch {
            end(span, error)
            throw error
        }
    }

    /// The same for who isn't a task, or doesn't wait.
    func send<Value>(
        _ message: OutgoingMessage,
        to topic: String,
        _ body: (OutgoingMessage) throws(MsgBusError) -> Value
    ) throws(MsgBusError) -> Value {
        let (span, message) = begin(message, to: topic)
        do throws(MsgBusError) {
            let value = try body(message)
            end(span, value as? Delivery)
            return value
        } catch {
            end(span, error)
            throw error
        }
    }

    /// Begins a span for messages that go together; each takes its context along.
    func begin(_ messages: [OutgoingMessage], to topic: String) -> (span: any Span, messages: [OutgoingMessage]) {
        let span = beginSpan("send", topic, .producer, in: ServiceContext.current ?? .topLevel)
        span.attributes["messaging.batch.message_count"] = messages.count
        return (span, messages.map { carrying(span.context, $0) })
    }

    func end(_ span: any Span, _ failure: MsgBusError?) {
        if let failure {
            span.attributes["error.type"] = failure.code.description
            span.recordError(failure)
            span.setStatus(SpanStatus(code: .error))
        }
        span.end()
    }

    private func begin(_ message: OutgoingMessage, to topic: String) -> (any Span, OutgoingMessage) {
        let span = beginSpan("send", topic, .producer, in: ServiceContext.current ?? .topLevel)
        span.attributes["messaging.message.body.size"] = message.value?.count ?? 0
        if message.value == nil { span.attributes["messaging.kafka.message.tombstone"] = true }
        return (span, carrying(span.context, message))
    }

    private func end(_ span: any Span, _ delivery: Delivery?) {
        if let delivery {
            span.attributes["messaging.destination.partition.id"] = "\(delivery.partition)"
            span.attributes["messaging.kafka.offset"] = delivery.offset
        }
        span.end()
    }

    private func carrying(_ context: ServiceContext, _ message: OutgoingMessage) -> OutgoingMessage {
        var message = message
        instrument.inject(context, into: &message.headers, using: HeaderInjector())
        return message
    }

    // MARK: Processing

    /// Processes a message in a span of its own, which belongs to the trace of who sent it.
    func process<Value>(_ message: Message, group: String?, _ body: (any Span) throws -> Value) rethrows -> Value {
        let span = begin(message, group: group)
        defer { span.end() }
        do {
            return try ServiceContext.withValue(span.context) { try body(span) }
        } catch {
            failed(span, error)
            throw error
        }
    }

    /// The same in a task.
    func process<Value>(
        _ message: Message,
        group: String?,
        _ body: (any Span) async throws -> Value
    ) async rethrows -> Value {
        let span = begin(message, group: group)
        defer { span.end() }
        do {
            return try await ServiceContext.withValue(span.context) { try await body(span) }
        } catch {
            failed(span, error)
            throw error
        }
    }

    /// What the sender of a message said of its trace.
    func context(of message: Message) -> ServiceContext {
        var context = ServiceContext.topLevel
        instrument.extract(message.headers, into: &context, using: HeaderExtractor())
        return context
    }

    private func begin(_ message: Message, group: String?) -> any Span {
        let span = beginSpan("process", message.topic, .consumer, in: context(of: message))
        span.attributes["messaging.destination.partition.id"] = "\(message.partition)"
        span.attributes["messaging.kafka.offset"] = message.offset
        if let group { span.attributes["messaging.consumer.group.name"] = group }
        if message.isTombstone { span.attributes["messaging.kafka.message.tombstone"] = true }
        return span
    }

    private func failed(_ span: any Span, _ error: any Error) {
        span.attributes["error.type"] = (error as? MsgBusError)?.code.description ?? "\(type(of: error))"
        span.recordError(error)
        span.setStatus(SpanStatus(code: .error))
    }

    // MARK: Both

    private func beginSpan(
        _ operation: String,
        _ topic: String,
        _ kind: SpanKind,
        in context: ServiceContext
    ) -> any Span {
        let span = tracer.startSpan("\(operation) \(topic)", context: context, ofKind: kind)
        span.attributes["messaging.system"] = "kafka"
        span.attributes["messaging.operation.name"] = operation
        span.attributes["messaging.operation.type"] = operation
        span.attributes["messaging.destination.name"] = topic
        return span
    }
}

/// Puts a trace's context into headers, in the place of one that a forwarded message may have.
private struct HeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into headers: inout Headers) {
        headers.removeAll { $0.name == key }
        headers.append(key, value)
    }
}

/// Finds it there. Headers are anybody's bytes: what is no text, or longer than any trace's context may be, is nothing.
struct HeaderExtractor: Extractor {
    func extract(key: String, from headers: Headers) -> String? {
        guard let header = headers[key], header.value?.count ?? 0 <= 8192 else { return nil }
        return header.text
    }
}
