import MsgBus
import TestSupport
import Testing

/// What the CORTX message bus' own tests ask for, by their numbers (C-01 to C-16, and those of the unread count, which it removed).
@Suite(
    "What a CORTX user does, works",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct CortxTests {
    private let topic = unique("cortx")

    private func config(_ topic: String, _ direction: BusDirection) throws -> MsgBusConfig {
        try TestBroker.ownProcess.config(topic: topic, direction: direction)
    }

    /// Reads all that there is in a group.
    private func all(_ reader: KafkaReader) async throws -> [String] {
        var texts: [String] = []
        let ends = try await reader.watermarks().values.reduce(0) { $0 + $1.upperBound }
        while try await reader.position().values.reduce(0, +) < ends {
            texts.append(try await reader.read().text)
        }
        return texts
    }

    @Test("C-01, C-03 to C-08, C-10 to C-12, C-14, C-16: from a topic's registration to its end")
    func story() async throws {
        let admin = try await BusAdmin.connect(brokers: [try ProcessBroker.shared.get().address])
        // C-01
        try await admin.createTopic(NewTopic(topic, partitions: 1))
        #expect(try await admin.listTopics().contains(topic))
        // C-03
        let writer = try await KafkaWriter.connect(try config(topic, .writer))
        try await writer.write("first")
        // C-04
        let group = unique("group")
        let reader = try await join(group, topic)
        let first = try await reader.read()
        #expect(try first.text == "first")
        try reader.acknowledge(first)
        try await reader.commit()
        await reader.close()
        // C-05
        let texts = (0..<25).map { "message \($0)" }
        for text in texts { try await writer.write(OutgoingMessage(text)) }
        // C-06
        let again = try await join(group, topic)
        #expect(try await all(again) == texts)
        await again.close()
        // C-07
        for _ in 0..<2 {
            let other = try await join(unique("group"), topic)
            #expect(try await all(other) == ["first"] + texts)
            await other.close()
        }
        // C-08
        let twice = await #expect(throws: MsgBusError.self) {
            try await admin.createTopic(NewTopic(topic, partitions: 1))
        }
        #expect(twice?.code == .admin)
        #expect(twice?.kafkaName == "TOPIC_ALREADY_EXISTS")
        // C-10
        try await admin.addPartitions(to: topic, total: 5)
        #expect(try await admin.describeTopic(topic).partitions.count == 5)
        await writer.close()
        // C-11
        var latest = try config(topic, .reader)
        latest.reader.startFrom = .latest
        let shared = try await KafkaReader.connect(latest)
        let spread = try await KafkaWriter.connect(try config(topic, .writer))
        let news = (0..<25).map { "news \($0)" }
        for (index, text) in news.enumerated() { try await spread.write(OutgoingMessage(text, partition: index % 5)) }
        let seen = Collected<String>()
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<2 {
                tasks.addTask {
                    while seen.count < news.count, let message = try await shared.read(timeout: .milliseconds(500)) {
                        seen.append(try message.text)
                    }
                }
            }
            try await tasks.waitForAll()
        }
        #expect(seen.all.sorted() == news.sorted())
        await shared.close()
        await spread.close()
        // C-12
        let fewer = await #expect(throws: MsgBusError.self) { try await admin.addPartitions(to: topic, total: 2) }
        #expect(fewer?.code == .configuration)
        await admin.close()
        // C-14, C-16
        try await administrate { second in
            try await second.deleteTopic(topic)
            #expect(try await !second.listTopics().contains(topic))
        }
    }

    @Test("C-02, C-09: an empty topic is an error for writers, readers and administration")
    func emptyTopic() async throws {
        try await administrate { admin in
            let codes = [
                await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(try config("", .writer)) }?
                    .code,
                await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(try config("", .reader)) }?
                    .code,
                await #expect(throws: MsgBusError.self) { try await admin.deleteTopic("") }?.code,
                await #expect(throws: MsgBusError.self) { try await admin.createTopic(NewTopic("")) }?.code,
                await #expect(throws: MsgBusError.self) { try await admin.purge("") }?.code,
            ]
            #expect(codes == Array(repeating: .configuration, count: 5))
        }
    }

    @Test("C-13, the other way round: several buses in a process know nothing of each other")
    func several() async throws {
        try await administrate { first in
            try await administrate { second in
                try await first.createTopic(NewTopic(topic, partitions: 1))
                await second.close()
                #expect(try await first.listTopics().contains(topic))
            }
        }
    }

    @Test("C-15: with an expiry set, a message is read before it, byte by byte")
    func expiry() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            // A limit of the data is one, and not the size of a segment.
            try await admin.alterTopic(topic, setting: ["retention.ms": "2000", "retention.bytes": "10000"])
            let own = try await admin.topicConfiguration(topic).filter { $0.source == .topic }
            #expect(own.map(\.name).sorted() == ["retention.bytes", "retention.ms"])
            let reader = try await join(unique("group"), topic)
            let writer = try await KafkaWriter.connect(try config(topic, .writer))
            let bytes = (0...255).map { UInt8($0) }
            try await writer.write(OutgoingMessage(value: bytes))
            #expect(try await reader.read().value == bytes)
            await writer.close()
            await reader.close()
        }
    }

    @Test("Historical: 25 unread, 5 read and acknowledged, 20 unread; nothing is read after a purge")
    func unreadCount() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            let group = unique("group")
            try await write(25, to: topic)
            // Nobody has ever read in this group, nor does anybody at the moment.
            #expect(try await admin.lag(of: group, topics: [topic]).total == 25)
            #expect(try await read(5, of: topic, group: group).count == 5)
            #expect(try await admin.lag(of: group).total == 20)
            #expect(try await admin.purge(topic).deleted == 25)
            #expect(try await admin.lag(of: group).total == 0)
            let reader = try await join(group, topic)
            #expect(try await reader.read(timeout: .milliseconds(300)) == nil)
            try await write(1, to: topic, from: 25)
            #expect(try await reader.read().text == "25")
            await reader.close()
        }
    }
}
