import MsgBus
import TestSupport
import Testing

/// What holds on every broker, shown on each that is there.
@Suite("The bus on every broker", .timeLimit(.minutes(5)))
struct ContractTests {
    private func connect(
        _ broker: TestBroker,
        partitions: Int = 1,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> (KafkaWriter, KafkaReader) {
        let topic = unique("contract")
        try await broker.createTopic(topic, partitions: partitions)
        var config = try broker.config(topic: topic, direction: .reader)
        change(&config)
        let reader = try await KafkaReader.connect(config)
        return (try await KafkaWriter.connect(try broker.config(topic: topic, direction: .writer)), reader)
    }

    @Test("Every kind of content arrives as it was sent (B-09)", arguments: TestBroker.usable)
    func contents(broker: TestBroker) async throws {
        let (writer, reader) = try await connect(broker)
        var headers: Headers = ["text": "value", "twice": "1"]
        headers.append("twice", "2")
        headers.append("none", nil)
        headers.append("empty", [])
        headers.append("bytes", [0x00, 0xff])
        let messages = [
            OutgoingMessage(value: []),
            OutgoingMessage(value: nil, key: [1]),
            OutgoingMessage(value: [0x00, 0x01, 0x00]),
            OutgoingMessage(value: [0xff, 0xfe]),
            OutgoingMessage(value: [1], key: []),
            OutgoingMessage(
                "all of it",
                key: "key",
                headers: headers,
                timestamp: .init(millisecondsSince1970: anHourAgo())
            ),
        ]
        let deliveries = try await writer.write(contentsOf: messages).map { result throws in try result.get() }
        #expect(deliveries.map(\.offset) == [0, 1, 2, 3, 4, 5])
        for message in messages {
            let read = try await reader.read()
            #expect(read.value == message.value)
            #expect(read.key == message.key)
            #expect(read.headers == message.headers)
            #expect(read.topic == deliveries[0].topic)
            if let timestamp = message.timestamp { #expect(read.timestamp == timestamp) }
        }
        await writer.close()
        await reader.close()
    }

    @Test("Nothing that is sent after connect returned is missed (B-08)", arguments: TestBroker.usable)
    func missesNothing(broker: TestBroker) async throws {
        let (writer, first) = try await connect(broker, partitions: 4)
        let topic = try await writer.write("before").topic
        await first.close()
        for round in 0..<10 {
            let reader = try await KafkaReader.connect(try broker.config(topic: topic, direction: .reader))
            for index in 0..<10 { try writer.enqueue("\(round) \(index)") }
            var texts: Set<String> = []
            for _ in 0..<10 { texts.insert(try await reader.read().text) }
            #expect(texts == Set((0..<10).map { "\(round) \($0)" }))
            await reader.close()
        }
        await writer.close()
    }

    @Test(
        "20,000 messages by batch, by enqueue and one by one: each once, per partition in order",
        arguments: TestBroker.usable
    )
    func many(broker: TestBroker) async throws {
        let (writer, reader) = try await connect(broker, partitions: 4)
        func message(_ index: Int) -> OutgoingMessage { OutgoingMessage("\(index)", partition: index % 4) }
        let results = try await writer.write(contentsOf: (0..<10_000).map(message))
        for result in results { _ = try result.get() }
        for index in 10_000..<19_900 { try writer.enqueue(message(index)) }
        for index in 19_900..<20_000 { try await writer.write(message(index)) }
        var next = [0, 1, 2, 3]
        for _ in 0..<20_000 {
            let message = try await reader.read()
            #expect(try message.text == "\(next[message.partition])")
            next[message.partition] += 4
        }
        #expect(await writer.close().delivered == 20_000)
        await reader.close()
    }

    @Test("The three ways of reading take turns on one reader (B-11)", arguments: TestBroker.usable)
    func threeWays(broker: TestBroker) async throws {
        let (writer, reader) = try await connect(broker)
        for index in 0..<30 { try await writer.write("\(index)") }
        for index in 0..<10 { #expect(try await onThread { try reader.messageRead() } == "\(index)") }
        let seen = Collected<String>()
        let tenth = Gate()
        try reader.registerCB { text in
            seen.append(text)
            if seen.count == 10 {
                try! reader.unregisterCB()
                tenth.open()
            }
        }
        try await onThread { tenth.wait() }
        #expect(seen.all == (10..<20).map(String.init))
        var index = 20
        for try await message in reader.messages {
            #expect(try message.text == "\(index)")
            index += 1
            if index == 30 { break }
        }
        await writer.close()
        await reader.close()
    }

    @Test("Where to start: the end, the beginning, the last few", arguments: TestBroker.usable)
    func startPositions(broker: TestBroker) async throws {
        let (writer, latest) = try await connect(broker)
        let topic = try await writer.write("0").topic
        for index in 1..<10 { try await writer.write("\(index)") }
        #expect(try await latest.read().offset == 0)
        for (start, offset) in [(StartPosition.earliest, 0), (.last(3), 7), (.last(100), 0)] {
            var config = try broker.config(topic: topic, direction: .reader)
            config.reader.startFrom = start
            let reader = try await KafkaReader.connect(config)
            #expect(try await reader.read().offset == Int64(offset))
            await reader.close()
        }
        await writer.close()
        await latest.close()
    }

    @Test(
        "A group remembers what is acknowledged, and brings the rest again (B-07)",
        arguments: TestBroker.usable,
        [AckMode.automatic, .manual]
    )
    func group(broker: TestBroker, mode: AckMode) async throws {
        let topic = unique("group")
        try await broker.createTopic(topic, partitions: 2)
        var config = try broker.config(topic: topic, direction: .reader)
        config.groupID = unique("group")
        config.connectTimeout = patience
        config.reader.ackMode = mode
        let first = try await KafkaReader.connect(config)
        let writer = try await KafkaWriter.connect(try broker.config(topic: topic, direction: .writer))
        for index in 0..<10 { try await writer.write(OutgoingMessage("\(index)", partition: 0)) }
        for index in 0..<10 {
            let message = try await first.read()
            #expect(try message.text == "\(index)")
            // All but the seventh; after it nothing can be committed.
            if mode == .manual, index != 7 { try first.acknowledge(message) }
        }
        try await first.commit()
        await first.close()

        let second = try await KafkaReader.connect(config)
        // Automatic: the last one was in hand when the reader closed.
        for index in mode == .automatic ? [9] : [7, 8, 9] {
            let message = try await second.read()
            #expect(try message.text == "\(index)")
            try second.acknowledge(message)
        }
        #expect(try await second.read(timeout: .milliseconds(100)) == nil)
        await second.close()

        let third = try await KafkaReader.connect(config)
        #expect(try await third.read(timeout: .milliseconds(100)) == nil)
        try await writer.write("new")
        #expect(try await third.read().text == "new")
        await third.close()
        await writer.close()
    }

    @Test("What nobody finished comes again: tasks that failed, and a loop that was left", arguments: TestBroker.usable)
    func unfinished(broker: TestBroker) async throws {
        struct Failure: Error {}
        let topic = unique("unfinished")
        try await broker.createTopic(topic)
        var config = try broker.config(topic: topic, direction: .reader)
        config.groupID = unique("group")
        config.connectTimeout = patience
        let reader = try await KafkaReader.connect(config)
        let writer = try await KafkaWriter.connect(try broker.config(topic: topic, direction: .writer))
        for index in 0..<40 { try await writer.write("\(index)") }
        // This task goes on after its loop, so its message is done; those of the failing tasks never are.
        for try await message in reader.messages {
            #expect(try message.text == "0")
            break
        }
        #expect(try await reader.read().text == "1")
        for _ in 0..<20 {
            let task = Task {
                _ = try await reader.read()
                throw Failure()
            }
            _ = await task.result
        }
        try await reader.commit()
        await reader.close()
        let second = try await KafkaReader.connect(config)
        #expect(try await second.read().text == "1")
        await second.close()
        await writer.close()
    }

    @Test(
        "A new group misses nothing after connect, also when its first member leaves without a word (B-08)",
        arguments: TestBroker.usable
    )
    func pinnedStart(broker: TestBroker) async throws {
        let topic = unique("pinned")
        try await broker.createTopic(topic)
        let writer = try await KafkaWriter.connect(try broker.config(topic: topic, direction: .writer))
        try await writer.write("before the group")
        var config = try broker.config(topic: topic, direction: .reader)
        config.groupID = unique("group")
        config.connectTimeout = patience
        await (try await KafkaReader.connect(config)).close()
        try await writer.write("while nobody read")
        let second = try await KafkaReader.connect(config)
        #expect(try await second.read().text == "while nobody read")
        await second.close()
        await writer.close()
    }
}
