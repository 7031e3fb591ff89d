import MsgBus
import TestSupport
import Testing

@Suite("Writing", .timeLimit(.minutes(5)))
struct WriterTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("writing")

    private func writer(_ change: (inout MsgBusConfig) -> Void = { _ in }) async throws -> KafkaWriter {
        var config = broker.config(topic: topic, direction: .writer)
        change(&config)
        return try await KafkaWriter.connect(config)
    }

    private func reader() async throws -> KafkaReader {
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        return try await KafkaReader.connect(config)
    }

    @Test("A message that is too large is refused at once, and the next one goes (B-04)")
    func tooLarge() async throws {
        let writer = try await writer()
        let large = OutgoingMessage(value: Array(repeating: 0, count: 1_100_000))
        let awaited = await #expect(throws: MsgBusError.self) { try await writer.write(large) }
        #expect(awaited?.code == .messageTooLarge)
        #expect(awaited?.persistence == .notPersisted)
        let enqueued = #expect(throws: MsgBusError.self) { try writer.enqueue(large) }
        #expect(enqueued?.code == .messageTooLarge)
        try await onThread { try writer.messageWrite("the next one") }
        let report = await writer.close()
        #expect(report.delivered == 1)
        #expect(report.undelivered == 0)
    }

    @Test("Each message of a batch has its own result (B-06)")
    func batch() async throws {
        try broker.createTopic(topic, partitions: 2)
        let writer = try await writer()
        let results = try await writer.write(contentsOf: [
            "good", OutgoingMessage(value: Array(repeating: 0, count: 2_000_000)), "good too",
            OutgoingMessage(value: [1], partition: 7), OutgoingMessage(value: [1], partition: -3),
            OutgoingMessage(value: [1], partition: 1),
        ])
        let codes = results.map { result -> MsgBusError.Code? in
            if case .failure(let error) = result { error.code } else { nil }
        }
        #expect(codes == [nil, .messageTooLarge, nil, .unknownPartition, .unknownPartition, nil])
        #expect(try results[5].get().partition == 1)
        #expect(try await writer.write(contentsOf: []).isEmpty)
    }

    @Test("Messages of one task arrive in order")
    func order() async throws {
        try broker.createTopic(topic)
        let writer = try await writer()
        for index in 0..<50 { try await writer.write("\(index)") }
        for index in 50..<100 { try writer.enqueue("\(index)") }
        _ = try await writer.write(contentsOf: (100..<1000).map { OutgoingMessage("\($0)") })
        let reader = try await reader()
        for index in 0..<1000 { #expect(try await reader.read().text == "\(index)") }
    }

    @Test("10,000 non-blocking writes and a close: all are delivered (B-05)")
    func closeDelivers() async throws {
        try broker.createTopic(topic, partitions: 4)
        let config = {
            var config = broker.config(topic: topic, direction: .writer)
            config.blocking = .nonBlocking
            return config
        }()
        try await onThread {
            let bus = try connect(config)
            for index in 0..<10_000 { try bus.messageWrite("\(index)") }
            try bus.disconnect()
        }
        let reader = try await reader()
        var seen: Set<String> = []
        while seen.count < 10_000 {
            let batch = try await reader.readBatch(upTo: 1000, within: patience)
            try #require(!batch.isEmpty)
            for message in batch { seen.insert(try message.text) }
        }
    }

    @Test("A full buffer makes enqueue throw and a write wait its turn")
    func backPressure() async throws {
        try broker.createTopic(topic)
        let writer = try await writer {
            $0.writer.bufferMessages = 2
            // What is enqueued stays until somebody flushes.
            $0.writer.linger = .seconds(60)
            $0.writer.deliveryTimeout = .seconds(100)
        }
        try writer.enqueue("1")
        try writer.enqueue("2")
        let error = #expect(throws: MsgBusError.self) { try writer.enqueue("3") }
        #expect(error?.code == .queueFull)
        #expect(error?.isRetriable == true)
        let waiting = (3...5).map { index in immediately { try await writer.write("\(index)") } }
        try await writer.flush(timeout: patience)
        for task in waiting {
            // Each needs a flush of its own, for it comes into the buffer after the one before.
            try await writer.flush(timeout: patience)
            _ = try await task.value
        }
        let reader = try await reader()
        for index in 1...5 { #expect(try await reader.read().text == "\(index)") }
    }

    @Test("Bytes fill the buffer as messages do, and one larger than all of it goes alone")
    func backPressureByBytes() async throws {
        let writer = try await writer {
            $0.writer.bufferBytes = 1000
            $0.writer.linger = .seconds(60)
            $0.writer.deliveryTimeout = .seconds(100)
        }
        try writer.enqueue(OutgoingMessage(value: Array(repeating: 1, count: 5000)))
        let error = #expect(throws: MsgBusError.self) { try writer.enqueue("one more") }
        #expect(error?.code == .queueFull)
        try await writer.flush(timeout: patience)
        try writer.enqueue("one more")
        #expect(await writer.close().delivered == 2)
    }

    @Test("Headers fill the buffer too")
    func backPressureByHeaders() async throws {
        let writer = try await writer {
            $0.writer.bufferBytes = 100_000
            $0.writer.linger = .seconds(60)
            $0.writer.deliveryTimeout = .seconds(100)
        }
        let message = OutgoingMessage("x", headers: ["large": String(repeating: "x", count: 60_000)])
        try writer.enqueue(message)
        let error = #expect(throws: MsgBusError.self) { try writer.enqueue(message) }
        #expect(error?.code == .queueFull)
        try await writer.flush(timeout: patience)
        // What was counted in was counted out again.
        try writer.enqueue(message)
        #expect(await writer.close().delivered == 2)
    }

    @Test("One message larger than all buffers still goes, and holds up nobody")
    func largerThanAllBuffers() async throws {
        let writer = try await writer {
            $0.writer.bufferBytes = 1000
            $0.writer.maxMessageBytes = 4_000_000
        }
        try await writer.write(OutgoingMessage(value: Array(repeating: 1, count: 3_000_000)))
        try await writer.write("small")
        let strict = try await self.writer {
            $0.properties["queue.buffering.max.kbytes"] = "100"
        }
        let error = await #expect(throws: MsgBusError.self) {
            try await strict.write(OutgoingMessage(value: Array(repeating: 1, count: 500_000)))
        }
        #expect(error?.code == .queueFull)
        try await strict.write("small")
    }

    @Test("Absurd times are only that: the longest or none at all")
    func absurdTimes() async throws {
        let writer = try await writer { $0.writer.deliveryTimeout = .seconds(1e19) }
        try await writer.write("x")
        try await writer.flush(timeout: .seconds(1e19))
        try await writer.flush(timeout: .seconds(Int64.min))
        let reader = try await reader()
        #expect(try await reader.read(timeout: .seconds(1e19)) != nil)
        #expect(try await reader.read(timeout: .seconds(Int64.min)) == nil)
        await reader.close(timeout: .seconds(-1e19))
        await writer.close(timeout: .seconds(Int64.min))
    }

    @Test("A linger may be as long as librdkafka's own, and no longer")
    func longLinger() async throws {
        let writer = try await writer {
            $0.writer.linger = .seconds(900)
            $0.writer.deliveryTimeout = .seconds(1000)
        }
        await writer.close()
        let error = await #expect(throws: MsgBusError.self) {
            _ = try await self.writer {
                $0.writer.linger = .seconds(9e18)
                $0.writer.deliveryTimeout = .seconds(9.1e18)
            }
        }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("linger.ms") == true)
    }

    @Test("A close without time tells of each message that it gives up")
    func closeAtOnce() async throws {
        for count in [100, 1000, 5000] {
            let undelivered = Collected<UndeliveredMessage>()
            let writer = try await writer {
                $0.writer.linger = .seconds(60)
                $0.writer.deliveryTimeout = .seconds(100)
                $0.writer.onUndelivered = { undelivered.append($0) }
            }
            for number in 0..<count { try writer.enqueue("\(number)") }
            let report = await writer.close(timeout: .zero)
            #expect(report.delivered == 0 && report.undelivered == count && report.abandoned == count)
            #expect(await eventually { undelivered.all.count == count })
        }
    }

    @Test("A flush waits for what was written before it, whatever lingers")
    func flush() async throws {
        let writer = try await writer {
            $0.writer.linger = .seconds(60)
            $0.writer.deliveryTimeout = .seconds(100)
        }
        try await writer.flush()
        for index in 0..<100 { try writer.enqueue("\(index)") }
        try await writer.flush(timeout: patience)
        let reader = try await reader()
        for _ in 0..<100 { #expect(try await reader.read(timeout: patience) != nil) }
    }

    @Test("Equal keys stay together and different ones spread (B-17)")
    func keys() async throws {
        try broker.createTopic(topic, partitions: 8)
        let writer = try await writer()
        var partitions: [String: Set<Int>] = [:]
        for round in 0..<3 {
            for key in 0..<50 {
                let delivery = try await writer.write("\(round)", key: "key \(key)")
                partitions["key \(key)", default: []].insert(delivery.partition)
            }
        }
        #expect(partitions.values.allSatisfy { $0.count == 1 })
        #expect(Set(partitions.values).count == 8)
    }

    @Test(
        "The partitioners agree with those of other clients (B-17)",
        arguments: [
            // sarama's hash of these keys, from librdkafka's rdfnv1a.c; modulo the number of partitions.
            (Partitioner.fnv1a, ["kafka": 0x0d33_c4e1, "1234": 0x023b_dd03]),
            // Java's murmur2 & 0x7fffffff, from Apache Kafka's UtilsTest.
            (.murmur2, ["21": -973_932_308 & 0x7fff_ffff, "foobar": -790_332_482 & 0x7fff_ffff]),
        ]
    )
    func partitioners(partitioner: Partitioner, hashes: [String: Int]) async throws {
        let partitions = 97
        try broker.createTopic(topic, partitions: partitions)
        let writer = try await writer { $0.writer.partitioner = partitioner }
        for (key, hash) in hashes {
            #expect(try await writer.write("x", key: key).partition == hash % partitions)
        }
    }

    @Test("A repeated header, a timestamp and a partition together reach the broker's own partition")
    func chosenPartition() async throws {
        try broker.createTopic(topic, partitions: 3)
        let writer = try await writer()
        for partition in 0..<3 {
            let delivery = try await writer.write(OutgoingMessage("x", headers: ["a": "b"], partition: partition))
            #expect(delivery.partition == partition)
            #expect(delivery.topic == topic)
            #expect(delivery.hasOffset)
        }
    }

    @Test("An unknown partition with headers is an error and frees nothing twice (guide 0.2)")
    func unknownPartitionWithHeaders() async throws {
        try broker.createTopic(topic)
        let writer = try await writer()
        for _ in 0..<100 {
            let error = await #expect(throws: MsgBusError.self) {
                try await writer.write(OutgoingMessage("x", headers: ["a": "b"], partition: 9))
            }
            #expect(error?.code == .unknownPartition)
        }
        try await writer.write("still here")
    }

    @Test("A time before 1970 is refused, and odd header names arrive")
    func oddities() async throws {
        let writer = try await writer()
        var wrongName = Headers()
        wrongName.append("a\0b", "x")
        for wrong in [
            OutgoingMessage("x", timestamp: .init(millisecondsSince1970: -1)),
            OutgoingMessage("x", timestamp: .init(millisecondsSince1970: 0)),
            OutgoingMessage("x", headers: wrongName),
        ] {
            let error = await #expect(throws: MsgBusError.self) { try await writer.write(wrong) }
            #expect(error?.code == .invalidRecord)
        }
        var headers = Headers()
        headers.append("", "no name")
        headers.append("ünïcode ✓", "yes")
        try await writer.write(OutgoingMessage("x", headers: headers))
        let reader = try await reader()
        #expect(try await reader.read().headers == headers)
    }

    @Test("Without acknowledgements a delivery has no offset")
    func noAcknowledgement() async throws {
        let writer = try await writer { $0.writer.acks = .none }
        let delivery = try await writer.write("fire")
        #expect(!delivery.hasOffset)
    }

    @Test(
        "Every compression arrives",
        arguments: [Compression.none, .gzip, .snappy, .lz4, .zstd]
    )
    func compression(compression: Compression) async throws {
        let topic = unique("compression")
        var config = broker.config(topic: topic, direction: .writer)
        config.writer.compression = compression
        let writer = try await KafkaWriter.connect(config)
        let text = String(repeating: "again and again ", count: 1000)
        try await writer.write(text)
        config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        let reader = try await KafkaReader.connect(config)
        #expect(try await reader.read().text == text)
    }
}
