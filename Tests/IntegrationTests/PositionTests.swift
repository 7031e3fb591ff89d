import MsgBus
import TestSupport
import Testing

/// Where a reader stands, and going somewhere else.
@Suite("Positions", .timeLimit(.minutes(5)))
struct PositionTests {
    private let topic = unique("positions")

    private func connect(
        _ broker: TestBroker,
        partitions: Int = 1,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> (KafkaWriter, KafkaReader) {
        try await broker.createTopic(topic, partitions: partitions)
        var config = try broker.config(topic: topic, direction: .reader)
        config.connectTimeout = patience
        change(&config)
        let reader = try await KafkaReader.connect(config)
        return (try await KafkaWriter.connect(try broker.config(topic: topic, direction: .writer)), reader)
    }

    private func id(_ partition: Int) -> TopicPartition { TopicPartition(topic: topic, partition: partition) }

    private func read(_ count: Int, _ reader: KafkaReader) async throws -> [Int64] {
        var offsets: [Int64] = []
        while offsets.count < count { offsets.append(try await reader.read().offset) }
        return offsets
    }

    @Test("A reader goes where it is told to, also with messages waiting in it", arguments: TestBroker.usable)
    func seek(broker: TestBroker) async throws {
        let (writer, reader) = try await connect(broker)
        for index in 0..<20 { try await writer.write("\(index)") }
        #expect(try await read(10, reader) == Array(0..<10))
        try await reader.seek(to: .beginning)
        #expect(try await read(12, reader) == Array(0..<12))
        try await reader.seek(to: .offset(3, partition: 0))
        #expect(try await read(2, reader) == [3, 4])
        try await reader.seek(to: .offset(17, partition: 0))
        #expect(try await read(3, reader) == [17, 18, 19])
        try await reader.seek(to: .beginning)
        try await reader.seek(to: .end)
        #expect(reader.messageAvailable() == 0)
        try await writer.write("new")
        #expect(try await read(1, reader) == [20])
        for offset in Int64(0)..<20 {
            try await reader.seek(to: .offsets([id(0): offset]))
            #expect(try await read(1, reader) == [offset])
        }
        await reader.close()
        await writer.close()
    }

    @Test("What can't be sought is a clear error, and reading goes on", arguments: TestBroker.usable)
    func badSeeks(broker: TestBroker) async throws {
        let (writer, reader) = try await connect(broker)
        try await writer.write("0")
        let negative = await #expect(throws: MsgBusError.self) { try await reader.seek(to: .offset(-1, partition: 0)) }
        #expect(negative?.code == .offset)
        let foreign = await #expect(throws: MsgBusError.self) { try await reader.seek(to: .offset(0, partition: 7)) }
        #expect(foreign?.code == .unknownPartition)
        let unpaused = #expect(throws: MsgBusError.self) { try reader.pause([id(7)]) }
        #expect(unpaused?.code == .unknownPartition)
        #expect(try await read(1, reader) == [0])
        // Beyond the end: nothing there, and librdkafka goes back to the oldest.
        try await reader.seek(to: .offset(1000, partition: 0))
        #expect(try await read(1, reader) == [0])
        await reader.close()
        let closed = await #expect(throws: MsgBusError.self) { try await reader.seek(to: .beginning) }
        #expect(closed?.code == .closed)
        await writer.close()
    }

    @Test("Position, lag and watermarks tell where a reader stands", arguments: TestBroker.usable)
    func positions(broker: TestBroker) async throws {
        let (writer, reader) = try await connect(broker, partitions: 2) { $0.reader.startFrom = .earliest }
        #expect(reader.assignment == [id(0), id(1)])
        #expect(try await reader.position() == [id(0): 0, id(1): 0])
        #expect(try await reader.lag() == [id(0): 0, id(1): 0])
        for index in 0..<10 { try await writer.write(OutgoingMessage("\(index)", partition: 0)) }
        #expect(try await reader.watermarks() == [id(0): 0..<10, id(1): 0..<0])
        _ = try await read(4, reader)
        #expect(try await reader.position() == [id(0): 4, id(1): 0])
        #expect(try await reader.lag() == [id(0): 6, id(1): 0])
        _ = try await read(6, reader)
        #expect(try await reader.lag() == [id(0): 0, id(1): 0])
        let error = await #expect(throws: MsgBusError.self) { try await reader.committed() }
        #expect(error?.code == .state)
        await reader.close()
        let closed = await #expect(throws: MsgBusError.self) { try await reader.lag() }
        #expect(closed?.code == .closed)
        await writer.close()
    }

    @Test("A paused partition waits where it was, others go on, and nothing is lost", arguments: TestBroker.usable)
    func pause(broker: TestBroker) async throws {
        let (writer, reader) = try await connect(broker, partitions: 2)
        func write(_ range: Range<Int>) async throws {
            for index in range {
                for partition in 0..<2 { try await writer.write(OutgoingMessage("\(index)", partition: partition)) }
            }
        }
        try await write(0..<10)
        #expect(await eventually { reader.messageAvailable() == 20 })
        try reader.pause([id(1)])
        #expect(reader.messageAvailable() == 10)
        try await write(10..<20)
        for index in 0..<20 {
            let message = try await reader.read()
            #expect((message.partition, message.offset) == (0, Int64(index)))
        }
        #expect(try await reader.read(timeout: .milliseconds(100)) == nil)
        #expect(try await reader.lag() == [id(0): 0, id(1): 20])
        // Paused again and again, and sought meanwhile.
        for _ in 0..<20 {
            try reader.resume()
            try reader.pause([id(1)])
        }
        #expect(try await reader.position()[id(1)] == 0)
        try await reader.seek(to: .offset(5, partition: 1))
        #expect(try await reader.read(timeout: .milliseconds(100)) == nil)
        try reader.resume()
        for index in 5..<20 {
            let message = try await reader.read()
            #expect((message.partition, message.offset) == (1, Int64(index)))
        }
        await reader.close()
        await writer.close()
    }

    @Test("Going back brings a group back: what is committed follows", arguments: TestBroker.usable)
    func seekInGroup(broker: TestBroker) async throws {
        let group = unique("group")
        func member(_ config: inout MsgBusConfig) {
            config.groupID = group
            config.reader.ackMode = .manual
        }
        let (writer, reader) = try await connect(broker, member)
        for index in 0..<10 { try await writer.write("\(index)") }
        var old: [Message] = []
        for _ in 0..<10 { old.append(try await reader.read()) }
        for message in old.prefix(8) { try reader.acknowledge(message) }
        try await reader.commit()
        #expect(try await reader.committed() == [id(0): 8])
        try await reader.seek(to: .offset(2, partition: 0))
        // Nobody minds, and it changes nothing.
        try reader.acknowledge(old[9])
        try await reader.commit()
        #expect(try await reader.committed() == [id(0): 2])
        try reader.acknowledge(try await reader.read())
        try await reader.commit()
        #expect(try await reader.committed() == [id(0): 3])
        await reader.close()
        await writer.close()
    }

    @Test("A reader of chosen partitions reads those, each from where it was told to", arguments: TestBroker.usable)
    func chosen(broker: TestBroker) async throws {
        let (writer, all) = try await connect(broker, partitions: 4)
        for index in 0..<40 { try await writer.write(OutgoingMessage("\(index)", partition: index % 4)) }
        var config = try broker.config(topic: topic, direction: .reader)
        config.reader.partitions = [1: .offset(7), 3: .earliest]
        let reader = try await KafkaReader.connect(config)
        #expect(reader.assignment == [id(1), id(3)])
        var seen: [Int: [Int64]] = [:]
        for _ in 0..<13 {
            let message = try await reader.read()
            seen[message.partition, default: []].append(message.offset)
        }
        #expect(seen == [1: [7, 8, 9], 3: Array(0..<10)])
        #expect(try await reader.read(timeout: .milliseconds(50)) == nil)
        config.reader.partitions = [4: .latest]
        let unknown = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(config) }
        #expect(unknown?.code == .unknownPartition)
        config.groupID = "group"
        let shared = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(config) }
        #expect(shared?.code == .configuration)
        for reader in [all, reader] { await reader.close() }
        await writer.close()
    }
}
