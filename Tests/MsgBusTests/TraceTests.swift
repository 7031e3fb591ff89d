import InMemoryTracing
import MsgBus
import TestSupport
import Testing
import Tracing

@Suite("Traces", .timeLimit(.minutes(5)))
struct TraceTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("traces")
    let tracer = InMemoryTracer()

    private func writer() async throws -> KafkaWriter {
        try await withTracer(tracer) {
            try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        }
    }

    private func reader() async throws -> KafkaReader {
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        return try await withTracer(tracer) { try await KafkaReader.connect(config) }
    }

    private func text(_ span: FinishedInMemorySpan?, _ name: String) -> String? {
        if case .string(let text)? = span?.attributes[name]?.toSpanAttribute() { text } else { nil }
    }

    @Test("A message's trace goes on where it is read: a send span, and a process span in the same trace")
    func roundTrip() async throws {
        try broker.createTopic(topic)
        let writer = try await writer()
        try await tracer.withSpan("request") { _ in
            _ = try await writer.write("one")
        }
        let request = try #require(tracer.finishedSpans.first { $0.operationName == "request" })
        let send = try #require(tracer.finishedSpans.first { $0.operationName == "send \(topic)" })
        #expect(send.kind == .producer)
        #expect(send.traceID == request.traceID)
        #expect(send.parentSpanID == request.spanID)
        #expect(text(send, "messaging.system") == "kafka")
        #expect(text(send, "messaging.operation.name") == "send")
        #expect(text(send, "messaging.operation.type") == "send")
        #expect(text(send, "messaging.destination.name") == topic)
        #expect(text(send, "messaging.destination.partition.id") == "0")

        let reader = try await reader()
        let isDone = Collected<String>()
        try reader.onMessage { message in
            // What the callback does belongs to the span.
            isDone.append(try message.text)
            tracer.withSpan("handling") { _ in }
        }
        #expect(await eventually { tracer.finishedSpans.contains { $0.operationName == "process \(topic)" } })
        let process = try #require(tracer.finishedSpans.first { $0.operationName == "process \(topic)" })
        #expect(process.kind == .consumer)
        #expect(process.traceID == request.traceID)
        #expect(process.parentSpanID == send.spanID)
        #expect(text(process, "messaging.operation.name") == "process")
        let handling = try #require(tracer.finishedSpans.first { $0.operationName == "handling" })
        #expect(handling.parentSpanID == process.spanID)
        await reader.close()
        await writer.close()
    }

    @Test("Whoever pulls messages gets the sender's context, and a span if wanted")
    func pulled() async throws {
        let writer = try await writer()
        try await onThread { try writer.messageWrite("blocking") }
        try writer.enqueue("enqueued")
        _ = try writer.enqueue(contentsOf: ["a", "b"])
        _ = try await writer.write(contentsOf: ["c", "d"])
        try await writer.flush(timeout: hang)
        let spans = tracer.finishedSpans.filter { $0.operationName == "send \(topic)" }
        #expect(spans.count == 4)
        let reader = try await reader()
        var senders: [String: Int] = [:]
        for _ in 0..<6 {
            let message = try await reader.read()
            try await withTracer(tracer) {
                let span = try await message.withProcessSpan { span in
                    #expect(ServiceContext.current?.inMemorySpanContext?.spanID != nil)
                    return try #require(span.context.inMemorySpanContext)
                }
                senders[try #require(span.parentSpanID), default: 0] += 1
                #expect(message.serviceContext.inMemorySpanContext?.spanID == span.parentSpanID)
            }
        }
        // Messages that went together have one span.
        #expect(Set(senders.keys) == Set(spans.map(\.spanID)))
        #expect(senders.values.sorted() == [1, 1, 2, 2])
        await reader.close()
        await writer.close()
    }

    @Test("A forwarded message has the new trace, once")
    func forwarded() async throws {
        let writer = try await writer()
        try await writer.write(
            "one",
            headers: ["in-memory-trace-id": "old", "in-memory-span-id": "old", "kind": "order"]
        )
        let reader = try await reader()
        let headers = try await reader.read().headers
        #expect(headers.map(\.name).sorted() == ["in-memory-span-id", "in-memory-trace-id", "kind"])
        #expect(headers["in-memory-trace-id"]?.text == tracer.finishedSpans.first?.traceID)
        await reader.close()
        await writer.close()
    }

    @Test("A failure is in the span: of a write, of an enqueue, of a callback")
    func failures() async throws {
        let writer = try await writer()
        let large = OutgoingMessage(value: [UInt8](repeating: 0, count: 2_000_000))
        await #expect(throws: MsgBusError.self) { try await writer.write(large) }
        #expect(throws: MsgBusError.self) { try writer.enqueue(large) }
        _ = try await writer.write(contentsOf: [large])
        #expect(tracer.finishedSpans.count == 3)
        for span in tracer.finishedSpans {
            #expect(text(span, "error.type") == "messageTooLarge")
            #expect(span.status?.code == .error)
            #expect(span.errors.count == 1)
        }
        tracer.clearFinishedSpans()
        try await writer.write("one")
        let reader = try await reader()
        try reader.onMessage { _ in throw NotNow() }
        #expect(await eventually { tracer.finishedSpans.contains { $0.operationName == "process \(topic)" } })
        let process = tracer.finishedSpans.first { $0.operationName == "process \(topic)" }
        #expect(text(process, "error.type") == "NotNow")
        await reader.close()
        await writer.close()
    }

    @Test(
        "Headers are anybody's bytes: what is no context is none, and no harm",
        arguments: [
            nil, [], [0xff, 0xfe], Array("00-zz-é-".utf8), [UInt8](repeating: 0x41, count: 100_000), [0],
        ] as [[UInt8]?]
    )
    func hostile(_ value: [UInt8]?) async throws {
        let untraced = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        var headers = Headers()
        for name in ["traceparent", "tracestate", "baggage", "in-memory-trace-id", "in-memory-span-id"] {
            headers.append(name, value)
        }
        try await untraced.write("one", headers: headers)
        await untraced.close()
        let reader = try await reader()
        let texts = Collected<String>()
        try reader.onMessage { texts.append(try $0.text) }
        #expect(await eventually { texts.all == ["one"] })
        await reader.close()
    }

    @Test("Without a tracer nothing travels, and the body just runs")
    func untraced() async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        try await writer.write("one")
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        let reader = try await KafkaReader.connect(config)
        let message = try await reader.read()
        #expect(message.headers.isEmpty)
        #expect(await message.withProcessSpan { _ in 7 } == 7)
        await reader.close()
        await writer.close()
    }
}

private struct NotNow: Error {}
