import CoreMetrics
import MetricsTestKit
import MsgBus
import TestSupport
import Testing

@Suite("Metrics", .timeLimit(.minutes(5)))
struct MetricsTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("metrics")
    let metrics = TestMetrics()

    private func config(_ direction: BusDirection) -> MsgBusConfig {
        var config = broker.config(topic: topic, direction: direction)
        config.metricsInterval = .milliseconds(20)
        config.reader.startFrom = .earliest
        config.connectTimeout = patience
        return config
    }

    private func total(_ label: String, _ dimensions: [(String, String)] = []) -> Int64 {
        metrics.counterTotal(label: label, dimensions: dimensions + [("topic", topic)])
    }

    @Test("A writer counts what was delivered and what was not, and how long it took, whoever waits")
    func writer() async throws {
        let writer = try await withMetricsFactory(metrics) { try await KafkaWriter.connect(config(.writer)) }
        try await writer.write("12345", key: "678", headers: ["9": "0"])
        for _ in 0..<3 { try writer.enqueue("1") }
        try await writer.flush(timeout: hang)
        #expect(total("msgbus.writer.messages") == 4)
        #expect(total("msgbus.writer.bytes") == 13)
        let timer = try metrics.expectTimer("msgbus.writer.delivery.time", [("topic", topic)])
        // Enqueued messages are timed by the first one of each batch.
        #expect((2...4).contains(timer.values.count))
        #expect(timer.values.allSatisfy { $0 > 0 })
        try broker.fail(next: 1, .produce, with: .messageTooLarge)
        await #expect(throws: MsgBusError.self) { try await writer.write("refused") }
        #expect(total("msgbus.writer.failures", [("code", "messageTooLarge")]) == 1)
        #expect(total("msgbus.writer.messages") == 4)
        await writer.close()
    }

    @Test("What waits is shown while it waits, and no more after the close")
    func queues() async throws {
        let writer = try await withMetricsFactory(metrics) {
            var config = config(.writer)
            config.writer.linger = .seconds(30)
            return try await KafkaWriter.connect(config)
        }
        for _ in 0..<5 { try writer.enqueue("12") }
        let messages = try metrics.expectMeter("msgbus.writer.queue.messages", [("topic", topic)])
        let bytes = try metrics.expectMeter("msgbus.writer.queue.bytes", [("topic", topic)])
        #expect(await eventually { messages.lastValue == 5 && bytes.lastValue == 10 })
        await writer.close(timeout: hang)
        #expect(messages.lastValue == 0)
        #expect(bytes.lastValue == 0)
    }

    @Test("Two writers of one topic add up")
    func sum() async throws {
        let writers = try await withMetricsFactory(metrics) {
            var config = config(.writer)
            config.writer.linger = .seconds(30)
            return [try await KafkaWriter.connect(config), try await KafkaWriter.connect(config)]
        }
        for writer in writers { for _ in 0..<3 { try writer.enqueue("1") } }
        let messages = try metrics.expectMeter("msgbus.writer.queue.messages", [("topic", topic)])
        #expect(await eventually { messages.lastValue == 6 })
        await writers[0].close(timeout: hang)
        #expect(await eventually { messages.lastValue == 3 })
        await writers[1].close(timeout: hang)
        #expect(messages.lastValue == 0)
    }

    @Test("A reader of a group counts messages and rebalances, and shows its queue and its lag")
    func reader() async throws {
        try broker.createTopic(topic, partitions: 1)
        let writer = try await KafkaWriter.connect(config(.writer))
        _ = try await writer.write(contentsOf: (0..<10).map { OutgoingMessage("\($0)") })
        var config = config(.reader)
        config.groupID = unique("group")
        let own = [("topic", topic), ("group", config.groupID!)]
        let reader = try await withMetricsFactory(metrics) { try await KafkaReader.connect(config) }
        let queue = try metrics.expectMeter("msgbus.reader.queue.messages", own)
        #expect(await eventually { queue.lastValue == 10 })
        #expect(total("msgbus.reader.messages") == 10)
        #expect(total("msgbus.reader.bytes") == 10)
        #expect(total("msgbus.reader.rebalances", [("kind", "assigned")]) == 1)
        func lag() -> Double? { metrics.meters(label: "msgbus.reader.lag").first?.lastValue }
        #expect(await eventually { lag() == 10 })
        #expect(metrics.meters(label: "msgbus.reader.lag", dimensions: own + [("partition", "0")]).count == 1)
        for _ in 0..<10 { _ = try await reader.read() }
        #expect(await eventually { lag() == 0 && queue.lastValue == 0 })
        await reader.close()
        #expect(metrics.meters(label: "msgbus.reader.lag").isEmpty)
        await writer.close()
    }

    @Test("A reader that closes leaves the lag that another one shows")
    func lags() async throws {
        try broker.createTopic(topic, partitions: 1)
        let writer = try await KafkaWriter.connect(config(.writer))
        try await writer.write("1")
        await writer.close()
        let readers = try await withMetricsFactory(metrics) {
            [try await KafkaReader.connect(config(.reader)), try await KafkaReader.connect(config(.reader))]
        }
        func lag() -> TestMeter? { metrics.meters(label: "msgbus.reader.lag").first }
        _ = try await readers[0].read()
        // Each shows its own.
        #expect(await eventually { lag()?.values.drop { $0 != 0 }.contains(1) == true })
        await readers[0].close()
        #expect(await eventually { lag()?.lastValue == 1 })
        await readers[1].close()
        #expect(lag() == nil)
    }

    @Test("What ends a connection for good is one error")
    func fatal() async throws {
        var config = config(.writer)
        config.writer.transactionalID = unique("writer")
        let final = config
        let writer = try await withMetricsFactory(metrics) { try await KafkaWriter.connect(final) }
        try broker.fail(next: 1, .addPartitionsToTransaction, with: .producerFenced)
        await #expect(throws: (any Error).self) { try await writer.transaction { try await $0.write("never") } }
        #expect(await eventually { if case .failed = writer.status() { true } else { false } })
        await writer.close()
        let counted = metrics.counters.filter { $0.label == "msgbus.connection.errors" }
        #expect(counted.map(\.totalValue).reduce(0, +) == 1)
    }

    @Test("A broker that goes and comes back is an error and a reconnect")
    func reconnects() async throws {
        let writer = try await withMetricsFactory(metrics) { try await KafkaWriter.connect(config(.writer)) }
        try broker.setDown()
        #expect(await eventually(within: hang) { if case .disconnected = writer.status() { true } else { false } })
        #expect(total("msgbus.connection.reconnects") == 0)
        try broker.setUp()
        #expect(await eventually(within: hang) { writer.status() == .open })
        #expect(await eventually { total("msgbus.connection.reconnects") == 1 })
        #expect(total("msgbus.connection.errors", [("code", "transport")]) > 0)
        await writer.close()
    }

    @Test("librdkafka's statistics are there when they are asked for, and an error says how else")
    func statistics() async throws {
        var config = config(.writer)
        let silent = try await KafkaWriter.connect(config)
        let error = #expect(throws: MsgBusError.self) { try silent.statistics() }
        #expect(error?.code == .state)
        #expect(error?.message.contains("statisticsInterval") == true)
        await silent.close()
        config.statisticsInterval = .seconds(1)
        config.properties["statistics.interval.ms"] = "0"
        let off = try await KafkaWriter.connect(config)
        #expect(throws: MsgBusError.self) { try off.statistics() }
        await off.close()

        config.properties = [:]
        config.statisticsInterval = .milliseconds(20)
        let writer = try await KafkaWriter.connect(config)
        try await writer.write("12345")
        #expect(
            try await eventually {
                guard let statistics = try writer.statistics() else { return false }
                return statistics.sent.count == 1 && statistics.topics[topic]?.partitions.isEmpty == false
            }
        )
        let statistics = try #require(try writer.statistics())
        #expect(statistics.group == nil)
        #expect(statistics.age > .zero)
        #expect(statistics.requests.bytes > 0)
        let broker = try #require(statistics.brokers.values.first { $0.id == 1 })
        #expect(broker.state == "UP")
        #expect(broker.connects > 0)
        #expect(statistics.json.contains("\"topics\""))
        await writer.close()

        var other = self.config(.reader)
        other.statisticsInterval = .milliseconds(20)
        other.groupID = unique("group")
        let reader = try await KafkaReader.connect(other)
        #expect(try await reader.read().text == "12345")
        #expect(try await eventually { try reader.statistics()?.group?.state == "up" })
        #expect(try await eventually { try reader.statistics()?.received.count == 1 })
        await reader.close()
    }

    @Test("An interval that can't be is an error", arguments: [Duration.zero, .seconds(-1)])
    func badInterval(_ interval: Duration) async throws {
        var first = config(.writer)
        first.metricsInterval = interval
        var second = config(.reader)
        second.statisticsInterval = interval
        for (config, name) in [(first, "metricsInterval"), (second, "statisticsInterval")] {
            let error = await #expect(throws: MsgBusError.self) {
                if config.direction == .writer {
                    _ = try await KafkaWriter.connect(config)
                } else {
                    _ = try await KafkaReader.connect(config)
                }
            }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains(name) == true)
        }
    }
}
