import InMemoryTracing
import MsgBus
import TestSupport
import Tracing

extension FuzzTarget {
    /// Addresses of brokers.
    static let brokers = FuzzTarget(name: "brokers") { random, show in
        let samples = [
            "kafka:9092", "tcp://kafka-1:9092", "[::1]:9092", "fe80::1%eth0", "127.0.0.1:65535", "a-b.c_d",
            "::ffff:1.2.3.4",
        ]
        var config = MsgBusConfig(topic: "orders", direction: .reader)
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let sample = Array(samples.randomElement(using: &random)!.utf8)
            let bytes = random.chance(0.4) ? Mutation.mutate(sample, &random) : sample
            config.brokers.append(String(decoding: bytes, as: UTF8.self))
        }
        show("\(config.brokers)")
        let count = config.brokers.count
        let changed = config
        return outcome(mostBytes: .max) {
            let list = try changed.effectiveProperties().first { $0.name == "metadata.broker.list" }?.value ?? ""
            // librdkafka gets as many as there are, each with a port that is one.
            let addresses = list.split(separator: ",", omittingEmptySubsequences: false)
            let ports = addresses.compactMap { $0.split(separator: ":").last.flatMap { Int($0) } }
            guard addresses.count == count, ports.count == count, ports.allSatisfy((1...65535).contains) else {
                throw WrongList(list: list)
            }
            return list
        }
    }

    /// Headers on their way through a broker and back, and what a tracer makes of them.
    static let headers = FuzzTarget(name: "headers") { random, show in
        var headers = Headers()
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let name = random.chance(0.4) ? traceNames.randomElement(using: &random)! : Mutation.text(&random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: headers.append(name, nil)
            case 1: headers.append(name, Mutation.text(&random))
            default:
                let size = Int.random(in: 0...40, using: &random)
                headers.append(name, (0..<size).map { _ in .random(in: 0...255, using: &random) })
            }
            _ = headers[name]?.text
        }
        show("\(headers)")
        do {
            return try await Exchange.shared.value.pass(headers)
        } catch {
            return .failed("the headers \(headers) don't travel: \(error)")
        }
    }
}

private let traceNames = [InMemoryTracer.traceIDKey, InMemoryTracer.spanIDKey, "traceparent", "tracestate", "baggage"]

/// A list of addresses that is not what it should be.
private struct WrongList: Error {
    let list: String
}

/// A writer and a reader of one topic.
private struct Exchange: Sendable {
    static let shared = Task { try await Exchange() }

    private let broker: EmbeddedBroker
    private let writer: KafkaWriter
    private let reader: KafkaReader

    private init() async throws {
        broker = try EmbeddedBroker()
        try broker.createTopic("headers", partitions: 1)
        reader = try await KafkaReader.connect(broker.config(topic: "headers", direction: .reader))
        writer = try await KafkaWriter.connect(broker.config(topic: "headers", direction: .writer))
    }

    /// What isn't refused arrives as it was.
    func pass(_ headers: Headers) async throws -> FuzzTarget.Outcome {
        do {
            try await writer.write(OutgoingMessage("x", headers: headers))
        } catch {
            guard error.code == .invalidRecord, !error.message.isEmpty else { throw error }
            return .refused
        }
        guard let message = try await reader.read(timeout: .seconds(9)) else { return .failed("the message was lost") }
        guard message.headers == headers else { return .failed("\(headers) came back as \(message.headers)") }
        return trace(of: message)
    }

    /// The sender's trace is known if its headers are texts, and else it is none.
    private func trace(of message: Message) -> FuzzTarget.Outcome {
        let headers = message.headers
        let texts = [InMemoryTracer.traceIDKey, InMemoryTracer.spanIDKey].map { headers[$0]?.text }
        let isKnown = !texts.contains(nil)
        let context = withTracer(InMemoryTracer()) { message.serviceContext.inMemorySpanContext }
        guard context?.traceID == (isKnown ? texts[0] : nil), context?.spanID == (isKnown ? texts[1] : nil) else {
            return .failed("the trace of \(headers) is taken for \(String(describing: context))")
        }
        return .accepted
    }
}
