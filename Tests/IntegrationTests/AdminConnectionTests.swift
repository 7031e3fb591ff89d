import TestSupport
import Testing

@testable import MsgBus

@Suite("Administration ends in time, whatever the brokers do", .timeLimit(.minutes(5)))
struct AdminConnectionTests {
    private let topic = unique("embedded")

    private func admin(_ broker: EmbeddedBroker) async throws -> BusAdmin {
        try await BusAdmin.connect(to: broker.config(topic: "unused", direction: .reader))
    }

    /// An error that says that the broker can't, and in time.
    private func fails(_ body: () async throws -> Void) async {
        let start = ContinuousClock.now
        let error = await #expect(throws: MsgBusError.self) { try await body() }
        #expect(start.duration(to: .now) < hang)
        #expect(error?.code == .notAvailable || error?.code == .unsupported, "\(error as Any)")
    }

    /// One with ten messages, of which the group "billing" has read four.
    private func broker() async throws -> EmbeddedBroker {
        let broker = try EmbeddedBroker(brokers: 3)
        try broker.createTopic(topic, partitions: 2, replicationFactor: 3)
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        for index in 0..<10 { try await writer.write(OutgoingMessage("\(index)", partition: index % 2)) }
        await writer.close()
        var config = broker.config(topic: topic, direction: .reader)
        config.groupID = "billing"
        config.connectTimeout = patience
        config.reader.startFrom = .earliest
        config.reader.ackMode = .manual
        let reader = try await KafkaReader.connect(config)
        for _ in 0..<4 { try reader.acknowledge(try await reader.read()) }
        try await reader.commit()
        await reader.close()
        return broker
    }

    @Test("The embedded broker tells of topics, watermarks and lag")
    func embedded() async throws {
        let broker = try await broker()
        let admin = try await admin(broker)
        #expect(try await admin.listTopics() == [topic])
        #expect(try await admin.describeCluster().brokers.map(\.id) == [1, 2, 3])
        let description = try await admin.describeTopic(topic)
        #expect(description.partitions.map(\.replicas.count) == [3, 3])
        #expect(description.partitions.allSatisfy { $0.leader != nil })
        let marks = try await admin.watermarks(of: [topic])
        #expect(marks.values.allSatisfy { $0 == 0..<5 })
        #expect(try await admin.lag(of: "billing", topics: [topic]).total == 6)
        #expect(try await admin.committedOffsets(of: "billing").values.reduce(0, +) == 4)
        await admin.close()
        broker.close()
    }

    @Test("What the embedded broker can't do is a clear error, in time, and the end of no process")
    func unsupported() async throws {
        let broker = try await broker()
        let admin = try await admin(broker)
        await fails { try await admin.createTopic(NewTopic("a", partitions: 1)) }
        await fails { try await admin.deleteTopic(topic) }
        await fails { try await admin.addPartitions(to: topic, total: 3) }
        await fails { _ = try await admin.topicConfiguration(topic) }
        await fails { try await admin.alterTopic(topic, setting: ["retention.ms": "1"]) }
        #expect(try await admin.watermarks(of: [topic]).values.map(\.count) == [5, 5])
        await admin.close()
        broker.close()
    }

    @Test(
        "What the embedded broker can't do with groups and messages is one as well",
        .disabled(
            if: Sanitizer.findsLeaks,
            "librdkafka 2.0.2 keeps a queue of who lists groups or deletes messages where no broker can"
        )
    )
    func groupsAndMessages() async throws {
        let broker = try await broker()
        let admin = try await admin(broker)
        await fails { _ = try await admin.listGroups() }
        await fails { _ = try await admin.describeGroup("billing") }
        await fails { try await admin.deleteGroup("billing") }
        await fails { try await admin.purge(topic) }
        await fails { try await admin.resetOffsets(of: "billing", to: .end, topics: [topic]) }
        #expect(try await admin.lag(of: "billing").total == 6)
        await admin.close()
        broker.close()
    }

    @Test("Without a broker connecting is an error that names it, in time")
    func noBroker() async throws {
        var config = MsgBusConfig(topic: "", direction: .reader)
        config.brokers = ["127.0.0.1:1"]
        config.connectTimeout = .seconds(1)
        let error = await #expect(throws: MsgBusError.self) { try await BusAdmin.connect(to: config) }
        #expect(error?.code == .transport || error?.code == .timeout)
        #expect(error?.message.contains("127.0.0.1:1") == true)
        #expect(error?.topic == nil)
        let malformed = await #expect(throws: MsgBusError.self) {
            try await BusAdmin.connect(brokers: ["localhost:99999"])
        }
        #expect(malformed?.code == .configuration)
    }

    @Test("Brokers that die meanwhile are an error in time, and when they are back everything goes on")
    func brokerDies() async throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic(topic)
        let admin = try await admin(broker)
        try broker.setDown()
        let start = ContinuousClock.now
        for call in 0..<3 {
            let error = await #expect(throws: MsgBusError.self) {
                switch call {
                case 0: _ = try await admin.listTopics(timeout: .seconds(1))
                case 1: _ = try await admin.lag(of: "billing", topics: [topic], timeout: .seconds(1))
                default: _ = try await admin.describeGroup("billing", timeout: .seconds(1))
                }
            }
            #expect(error?.isRetriable == true, "\(error as Any)")
        }
        #expect(start.duration(to: .now) < hang)
        try broker.setUp()
        #expect(try await admin.listTopics() == [topic])
        // What was given up meanwhile is answered now, and finds nobody.
        #expect(try await admin.lag(of: "billing", topics: [topic]).total == 0)
        await admin.close()
        broker.close()
    }

    @Test(
        "A broker that is silent for a while is waited for until the deadline, and only then that is an error",
        .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)")
    )
    func silence() async throws {
        let broker = try ProcessBroker()
        let admin = try await BusAdmin.connect(to: broker.config(topic: "unused", direction: .reader))
        try await admin.createTopic(NewTopic(topic, partitions: 1))
        broker.suspend()
        let patient = immediately { try await admin.topicConfiguration(topic, timeout: hang) }
        // Longer than an election may take.
        let error = await #expect(throws: MsgBusError.self) {
            try await admin.topicConfiguration(topic, timeout: .seconds(4))
        }
        #expect(error?.code == .timeout)
        #expect(error?.message.hasPrefix("can't read the topic's configuration: no answer in time") == true)
        broker.resume()
        #expect(try await !patient.value.isEmpty)
        await admin.close()
    }

    @Test("Nothing of a closed connection is kept until its calls' deadlines")
    func released() async throws {
        struct Weak: Sendable {
            weak let connection: ConnectionMonitor?
        }
        let broker = try EmbeddedBroker()
        func use() async throws -> Weak {
            let admin = try await admin(broker)
            _ = try await admin.listTopics(timeout: .seconds(3600))
            await admin.close()
            return Weak(connection: admin.admin.client.connection)
        }
        let used = try await use()
        #expect(await eventually { used.connection == nil })
        broker.close()
    }

    @Test("A cancelled task stops waiting at once, and a close ends every call")
    func cancelAndClose() async throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic(topic)
        let admin = try await admin(broker)
        #expect(admin.status() == .open)
        try broker.setDown()
        func calls() -> [Task<Void, any Error>] {
            [
                immediately { _ = try await admin.listTopics(timeout: hang * 2) },
                immediately { _ = try await admin.describeGroup("billing", timeout: hang * 2) },
                immediately { _ = try await admin.committedOffsets(of: "billing", timeout: hang * 2) },
                immediately { try await admin.createTopic(NewTopic("a", partitions: 1), timeout: hang * 2) },
            ]
        }
        let start = ContinuousClock.now
        for task in calls() {
            task.cancel()
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
        let waiting = calls()
        await admin.close()
        for task in waiting {
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == .closed)
        }
        let late = await #expect(throws: MsgBusError.self) { try await admin.listTopics() }
        #expect(late?.code == .closed)
        #expect(admin.status() == .closed)
        await admin.close()
        #expect(start.duration(to: .now) < hang)
        broker.close()
    }
}
