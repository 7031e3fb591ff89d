import MsgBus
import TestSupport
import Testing

@Suite("Messages that are lent", .timeLimit(.minutes(5)))
struct BorrowedMessagesTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("lent")

    private func reader(_ change: (inout MsgBusConfig) -> Void = { _ in }) async throws -> KafkaReader {
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        change(&config)
        return try await KafkaReader.connect(config)
    }

    private func write(_ messages: [OutgoingMessage], partitions: Int = 1) async throws {
        try broker.createTopic(topic, partitions: partitions)
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        for outcome in try await writer.write(contentsOf: messages) { _ = try outcome.get() }
        await writer.close()
    }

    @Test("They are what a read gives, and the one to keep can be kept")
    func contents() async throws {
        try await write([
            OutgoingMessage("first", key: "k", headers: ["h": "1"]), OutgoingMessage(value: nil),
            OutgoingMessage(value: [], key: []),
            OutgoingMessage(value: [1, 2], timestamp: MessageTimestamp(millisecondsSince1970: 1_600_000_000_000)),
        ])
        let reader = try await reader()
        #expect(await eventually { reader.messageAvailable() == 4 })
        let topic = topic
        let kept = try await reader.withBatch(upTo: 10, within: patience) { batch in
            check(batch.count == 4 && !batch.isEmpty)
            check(batch[0].value?.byteCount == 5)
            check(batch[0].value?.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == UInt8(ascii: "f"))
            check(batch[0].key?.byteCount == 1)
            check(batch[0].headers["h"]?.text == "1")
            check(batch[0].topic == topic)
            check(batch[1].value == nil)
            check(batch[1].key == nil)
            check(batch[2].value?.byteCount == 0)
            check(batch[2].key?.byteCount == 0)
            check(batch[3].timestamp?.millisecondsSince1970 == 1_600_000_000_000)
            var offsets: [Int64] = []
            for index in batch.indices { offsets.append(batch[index].offset) }
            check(offsets == [0, 1, 2, 3] && batch[3].partition == 0)
            check(batch.indices.reduce(0) { $0 + (batch[$1].value?.byteCount ?? 0) } == 7)
            return batch[3].message
        }
        await reader.close()
        #expect(kept.value == [1, 2])
        #expect(kept.description == "\(topic)/0@3")
    }

    @Test("Batches of all sizes add up to everything, each message once and in order")
    func sizes() async throws {
        try await write((0..<5000).map { OutgoingMessage("\($0)", partition: $0 % 3) }, partitions: 3)
        let reader = try await reader()
        var next = [0, 1, 2]
        var seen = 0
        while seen < 5000 {
            let limit = [1, 7, 100, 5000][seen % 4]
            let lent = try await reader.withBatch(upTo: limit, within: patience) { batch in
                check(batch.count <= limit)
                var lent: [(partition: Int, text: String)] = []
                for index in batch.indices {
                    let text = batch[index].value!.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                    lent.append((batch[index].partition, text))
                }
                return lent
            }
            #expect(!lent.isEmpty)
            for (partition, text) in lent {
                #expect(text == "\(next[partition])")
                next[partition] += 3
            }
            seen += lent.count
        }
        #expect(seen == 5000)
        #expect(try await reader.withBatch(upTo: 1, within: .milliseconds(1)) { $0.isEmpty })
    }

    @Test("What the closure throws comes out, and a closed reader lends nothing")
    func errors() async throws {
        struct Odd: Error {}
        try await write(["one"])
        let reader = try await reader()
        await #expect(throws: Odd.self) { try await reader.withBatch(upTo: 1, within: patience) { _ in throw Odd() } }
        await reader.close()
        let error = await #expect(throws: MsgBusError.self) {
            try await reader.withBatch(upTo: 1, within: patience) { _ in }
        }
        #expect(error?.code == .closed)
    }

    @Test("In a group they are done when the caller comes back for more")
    func group() async throws {
        try await write((0..<10).map { OutgoingMessage("\($0)") })
        let group = unique("group")
        let first = try await reader { $0.groupID = group }
        var seen = 0
        while seen < 5 { seen += try await first.withBatch(upTo: 5 - seen, within: patience) { $0.count } }
        seen += try await first.withBatch(upTo: 1, within: patience) { $0.count }
        #expect(seen == 6)
        await first.close()
        // The sixth is still in hand.
        let second = try await reader { $0.groupID = group }
        #expect(try await second.read().offset == 5)
    }
}
