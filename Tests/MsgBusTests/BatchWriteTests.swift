import MsgBus
import TestSupport
import Testing

@Suite("Many messages at once", .timeLimit(.minutes(5)))
struct BatchWriteTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("batch")

    private func writer(_ change: (inout MsgBusConfig) -> Void = { _ in }) async throws -> KafkaWriter {
        try broker.createTopic(topic, partitions: 1)
        var config = broker.config(topic: topic, direction: .writer)
        change(&config)
        return try await KafkaWriter.connect(config)
    }

    /// The texts of the topic, so many.
    private func texts(_ count: Int) async throws -> [String] {
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        let reader = try await KafkaReader.connect(config)
        var texts: [String] = []
        while texts.count < count {
            let batch = try await reader.readBatch(upTo: count, within: patience)
            guard !batch.isEmpty else { break }
            texts += try batch.map { try $0.text }
        }
        return texts
    }

    /// Small and large ones, with and without key, headers, time and partition.
    private func message(_ index: Int) -> OutgoingMessage {
        var message = OutgoingMessage("\(index)")
        switch index % 7 {
        case 1: message.value = Array("\(index)".utf8) + Array(repeating: UInt8(ascii: "."), count: 20_000)
        case 2: message.headers = ["n": "\(index)"]
        case 3: message.key = Array("key".utf8)
        case 4: message.partition = 0
        case 5: message.timestamp = MessageTimestamp(millisecondsSince1970: 1_600_000_000_000)
        default: break
        }
        return message
    }

    @Test("What is handed over together arrives in order, whatever kinds of messages it is")
    func mixture() async throws {
        let writer = try await writer()
        let messages = (0..<2000).map { message($0) }
        #expect(try writer.enqueue(contentsOf: messages) == 2000)
        try await writer.flush(timeout: hang)
        let outcomes = try await writer.write(contentsOf: (2000..<2500).map { message($0) })
        #expect(try outcomes.map { try $0.get().offset } == Array(2000..<2500))
        // The broker keeps five megabytes of a partition, so the first ones may be gone.
        let texts = try await texts(1000)
        let numbers = texts.map { Int($0.prefix { $0 != "." })! }
        #expect(numbers == Array(numbers[0]..<(numbers[0] + numbers.count)))
        #expect(await writer.close().delivered == 2500)
    }

    @Test("Empty values and tombstones stay what they are, and nothing is a batch too")
    func oddities() async throws {
        let writer = try await writer()
        #expect(try writer.enqueue(contentsOf: []) == 0)
        #expect(
            try writer.enqueue(contentsOf: [OutgoingMessage(value: nil), OutgoingMessage(value: [], key: [])]) == 2
        )
        #expect(await writer.close().delivered == 2)
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        let reader = try await KafkaReader.connect(config)
        let (first, second) = (try await reader.read(), try await reader.read())
        #expect((first.value, first.key) == (nil, nil))
        #expect((second.value, second.key) == ([], []))
    }

    @Test("As many are taken as there is room for, the first ones; then the buffer is full")
    func room() async throws {
        let writer = try await writer { $0.writer.bufferMessages = 10 }
        try broker.setRoundTripTime(.milliseconds(500))
        let messages = (0..<25).map { OutgoingMessage("\($0)") }
        #expect(try writer.enqueue(contentsOf: messages) == 10)
        let error = #expect(throws: MsgBusError.self) { try writer.enqueue(contentsOf: messages[10...]) }
        #expect(error?.code == .queueFull)
        try broker.setRoundTripTime(.zero)
        var taken = 10
        while taken < 25 {
            try await writer.flush(timeout: hang)
            taken += try writer.enqueue(contentsOf: messages[taken...])
        }
        #expect(await writer.close().delivered == 25)
        #expect(try await texts(25) == (0..<25).map { "\($0)" })
    }

    @Test("A message that librdkafka refuses keeps the ones before it, and is not silently left out of the middle")
    func refused() async throws {
        let back = Collected<UndeliveredMessage>()
        let writer = try await writer { config in
            config.properties["message.max.bytes"] = "1000"
            config.writer.onUndelivered = { back.append($0) }
        }
        let good = OutgoingMessage("good")
        let large = OutgoingMessage(value: Array(repeating: 0, count: 2000))
        #expect(try writer.enqueue(contentsOf: [good, good, large]) == 2)
        let error = #expect(throws: MsgBusError.self) { try writer.enqueue(contentsOf: [large]) }
        #expect(error?.code == .messageTooLarge)
        // The last one is on its way already, so this can't be answered with "1".
        #expect(try writer.enqueue(contentsOf: [good, large, good]) == 3)
        let report = await writer.close()
        #expect((report.delivered, report.undelivered) == (4, 1))
        #expect(back.all.map(\.error.code) == [.messageTooLarge])
        #expect(back.all.map(\.message) == [large])
    }

    @Test("Awaited ones have each its own result, and wait in their order where librdkafka's own limit is lower")
    func awaited() async throws {
        let writer = try await writer { config in
            config.properties["message.max.bytes"] = "1000"
            config.properties["queue.buffering.max.messages"] = "5"
        }
        var messages = (0..<300).map { OutgoingMessage("\($0)") }
        messages[100] = OutgoingMessage(value: Array(repeating: 0, count: 2000))
        let outcomes = try await writer.write(contentsOf: messages)
        for (index, outcome) in outcomes.enumerated() {
            switch outcome {
            case .success: #expect(index != 100)
            case .failure(let error): #expect((index, error.code) == (100, .messageTooLarge))
            }
        }
        #expect(try await texts(299) == (0..<300).filter { $0 != 100 }.map { "\($0)" })
        let report = await writer.close()
        #expect((report.delivered, report.undelivered) == (299, 0))
    }

    @Test("Writes that gather wait for nothing but each other: enqueue, close and the clock send them off")
    func gathering() async throws {
        let writer = try await writer()
        try await writer.write("first")
        // No report for longer than anybody gathers.
        try broker.setRoundTripTime(.milliseconds(500))
        let tasks = (0..<20).map { index in immediately { try await writer.write("\(index)") } }
        // Not "no room": these are only gathering.
        try writer.enqueue("between")
        #expect(try writer.enqueue(contentsOf: ["two", "three"]) == 2)
        try broker.setRoundTripTime(.zero)
        for task in tasks { _ = try await task.value }
        let late = (0..<20).map { index in immediately { try await writer.write("late \(index)") } }
        let report = await writer.close()
        #expect((report.delivered, report.undelivered) == (44, 0))
        for task in late { _ = try await task.value }
        let texts = try await texts(44)
        #expect(texts.first == "first")
        #expect(texts.firstIndex(of: "between")! < texts.firstIndex(of: "two")!)
        #expect(Set(texts).count == 44)
    }

    @Test("Who waited for room goes when there is some, though others are still under way")
    func roomAppears() async throws {
        let broker = try EmbeddedBroker(brokers: 2)
        try broker.createTopic(topic, partitions: 2)
        try broker.moveLeader(ofTopic: topic, partition: 0, to: 1)
        try broker.moveLeader(ofTopic: topic, partition: 1, to: 2)
        var config = broker.config(topic: topic, direction: .writer)
        config.writer.bufferMessages = 10
        let writer = try await KafkaWriter.connect(config)
        for partition in 0..<2 { try await writer.write(OutgoingMessage("first", partition: partition)) }
        try broker.setRoundTripTime(hang, broker: 1)
        for _ in 0..<9 { try writer.enqueue(OutgoingMessage("slow", partition: 0)) }
        try writer.enqueue(OutgoingMessage("quick", partition: 1))
        let start = ContinuousClock.now
        try await writer.write(OutgoingMessage("waits for room", partition: 1))
        #expect(start.duration(to: .now) < hang)
        await writer.close(timeout: .zero)
    }

    @Test("A closed writer takes none")
    func closed() async throws {
        let writer = try await writer()
        await writer.close()
        let error = #expect(throws: MsgBusError.self) { try writer.enqueue(contentsOf: ["late"]) }
        #expect(error?.code == .closed)
    }
}
