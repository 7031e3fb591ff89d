import TestSupport
import Testing

@testable import MsgBus

/// What the embedded broker can't show.
@Suite(
    "The bus on a broker in its own process",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct RealBrokerTests {
    private func config(_ topic: String, _ direction: BusDirection) throws -> MsgBusConfig {
        try TestBroker.ownProcess.config(topic: topic, direction: direction)
    }

    @Test("A reader's topic that doesn't exist is an error")
    func unknownTopic() async throws {
        let config = try config(unique("unknown"), .reader)
        let error = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(config) }
        #expect(error?.code == .unknownTopic)
        #expect(error?.topic == config.topic)
    }

    @Test("A reader can wait for its topic, and for no longer than it was told to")
    func waitForTopic() async throws {
        var config = try config(unique("late"), .reader)
        config.reader.missingTopic = .wait
        config.connectTimeout = .seconds(2)
        let impatient = config
        let error = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(impatient) }
        #expect(error?.code == .unknownTopic)
        config.connectTimeout = patience
        let waiting = immediately { [config] in try await KafkaReader.connect(config) }
        try await TestBroker.ownProcess.createTopic(config.topic, partitions: 3)
        let reader = try await waiting.value
        #expect(reader.status() == .open)
        await reader.close()
    }

    @Test("A reader can create its topic, also two at once")
    func createTopic() async throws {
        var config = try config(unique("created"), .reader)
        config.reader.missingTopic = .create(partitions: 5)
        async let first = KafkaReader.connect(config)
        async let second = KafkaReader.connect(config)
        let readers = try await [first, second]
        let writer = try await KafkaWriter.connect(try self.config(config.topic, .writer))
        #expect(try await writer.write(OutgoingMessage("x", partition: 4)).partition == 4)
        for reader in readers {
            #expect(try await reader.read().partition == 4)
            await reader.close()
        }
        await writer.close()
    }

    @Test("A writer's missing topic is made by a broker that does so")
    func autoCreate() async throws {
        let writer = try await KafkaWriter.connect(try config(unique("auto"), .writer))
        #expect(try await writer.write("first").offset == 0)
        await writer.close()
    }

    @Test("A writer that may not have its topic created gets an error")
    func noAutoCreate() async throws {
        var config = try config(unique("auto"), .writer)
        config.properties["allow.auto.create.topics"] = "false"
        config.connectTimeout = .seconds(2)
        let strict = config
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(strict) }
        #expect(error?.code == .unknownTopic)
    }

    @Test("A reader starts at a time")
    func startAtTime() async throws {
        let topic = unique("time")
        try await TestBroker.ownProcess.createTopic(topic)
        let writer = try await KafkaWriter.connect(try config(topic, .writer))
        let start = anHourAgo()
        for second in 0..<10 {
            let time = MessageTimestamp(millisecondsSince1970: start + Int64(second) * 1000)
            try await writer.write(OutgoingMessage("\(second)", timestamp: time))
        }
        var config = try config(topic, .reader)
        config.reader.startFrom = .time(MessageTimestamp(millisecondsSince1970: start + 6500))
        let reader = try await KafkaReader.connect(config)
        #expect(try await reader.read().text == "7")
        await reader.close()
        config.reader.startFrom = .time(MessageTimestamp(millisecondsSince1970: start + 7_200_000))
        let late = try await KafkaReader.connect(config)
        try await writer.write("after")
        #expect(try await late.read().text == "after")
        await late.close()
        await writer.close()
    }

    @Test("A reader picks up partitions that are added, from their first message", arguments: [false, true])
    func newPartitions(inGroup: Bool) async throws {
        let topic = unique("growing")
        try await TestBroker.ownProcess.createTopic(topic, partitions: 1)
        var config = try config(topic, .reader)
        config.connectTimeout = patience
        config.reader.partitionDiscoveryInterval = .milliseconds(100)
        if inGroup { config.groupID = unique("group") }
        let reader = try await KafkaReader.connect(config)
        let admin = try await BusAdmin.connect(to: config)
        try await admin.addPartitions(to: topic, total: 3)
        await admin.close()
        let writer = try await KafkaWriter.connect(try self.config(topic, .writer))
        for partition in 0..<3 { try await writer.write(OutgoingMessage("\(partition)", partition: partition)) }
        var seen: Set<String> = []
        for _ in 0..<3 { seen.insert(try await reader.read().text) }
        #expect(seen == ["0", "1", "2"])
        await reader.close()
        await writer.close()
    }

    @Test("A private reader leaves no group behind, and two of them both see all")
    func privateReaders() async throws {
        let topic = unique("private")
        try await TestBroker.ownProcess.createTopic(topic)
        let readers = try await [KafkaReader.connect(try config(topic, .reader)), .connect(try config(topic, .reader))]
        let writer = try await KafkaWriter.connect(try config(topic, .writer))
        for index in 0..<100 { try writer.enqueue("\(index)") }
        for reader in readers {
            for index in 0..<100 { #expect(try await reader.read().text == "\(index)") }
            await reader.close()
        }
        await writer.close()
    }

    @Test("Two members of a group share the partitions, and the one that stays gets them all")
    func sharing() async throws {
        let topic = unique("sharing")
        try await TestBroker.ownProcess.createTopic(topic, partitions: 4)
        var config = try config(topic, .reader)
        config.groupID = unique("group")
        config.connectTimeout = patience
        let first = try await KafkaReader.connect(config)
        let second = try await KafkaReader.connect(config)
        let writer = try await KafkaWriter.connect(try self.config(topic, .writer))
        let seen = Collected<String>()
        let byFirst = Collected<Int>()
        let bySecond = Collected<Int>()
        try first.onMessage {
            seen.append(try $0.text)
            byFirst.append($0.partition)
        }
        try second.onMessage {
            seen.append(try $0.text)
            bySecond.append($0.partition)
        }
        for index in 0..<100 { try await writer.write(OutgoingMessage("\(index)", partition: index % 4)) }
        #expect(await eventually { Set(seen.all).count == 100 })
        #expect(byFirst.count > 0)
        #expect(bySecond.count > 0)
        await first.close()
        for index in 100..<200 { try await writer.write(OutgoingMessage("\(index)", partition: index % 4)) }
        #expect(await eventually { Set(seen.all).count == 200 })
        await second.close()
        await writer.close()
    }
}
