import Dispatch
import MsgBus
import TestSupport
import Testing

@Suite("Reading", .timeLimit(.minutes(5)))
struct ReaderTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("reading")

    private func reader(_ change: (inout MsgBusConfig) -> Void = { _ in }) async throws -> KafkaReader {
        var config = broker.config(topic: topic, direction: .reader)
        change(&config)
        return try await KafkaReader.connect(config)
    }

    private func writer() async throws -> KafkaWriter {
        try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
    }

    private func write(_ range: Range<Int>) async throws {
        let writer = try await writer()
        for result in try await writer.write(contentsOf: range.map { OutgoingMessage("\($0)") }) {
            _ = try result.get()
        }
        await writer.close()
    }

    @Test("Nothing that is sent after connect returned is missed (B-08)")
    func missesNothing() async throws {
        try broker.createTopic(topic, partitions: 4)
        try await write(0..<100)
        for round in 0..<5 {
            let reader = try await reader()
            try await write(round * 10..<round * 10 + 10)
            var texts: Set<String> = []
            for _ in 0..<10 { texts.insert(try await reader.read().text) }
            #expect(texts == Set((round * 10..<round * 10 + 10).map(String.init)))
            await reader.close()
        }
    }

    @Test("A reader starts where it is told to")
    func startPositions() async throws {
        try broker.createTopic(topic)
        try await write(0..<10)
        let earliest = try await reader { $0.reader.startFrom = .earliest }
        #expect(try await earliest.read().offset == 0)
        let last = try await reader { $0.reader.startFrom = .last(3) }
        #expect(try await last.read().offset == 7)
        let more = try await reader { $0.reader.startFrom = .last(1000) }
        #expect(try await more.read().offset == 0)
        let none = try await reader { $0.reader.startFrom = .last(0) }
        #expect(try await none.read(timeout: .milliseconds(50)) == nil)
    }

    @Test("A read with a timeout returns nil when nothing comes, and a message when one does")
    func timeouts() async throws {
        let reader = try await reader()
        #expect(try await reader.read(timeout: .milliseconds(20)) == nil)
        #expect(try await reader.read(timeout: .zero) == nil)
        #expect(try await reader.readBatch(upTo: 10, within: .milliseconds(20)).isEmpty)
        let waiting = immediately { try await reader.read(timeout: patience)?.text }
        try await write(0..<1)
        #expect(try await waiting.value == "0")
        let error = await #expect(throws: MsgBusError.self) { try await reader.readBatch(upTo: 0, within: .zero) }
        #expect(error?.code == .configuration)
    }

    @Test("A batch has at most as many as asked for, in order")
    func batches() async throws {
        try broker.createTopic(topic)
        let reader = try await reader()
        try await write(0..<1000)
        var texts: [String] = []
        while texts.count < 1000 {
            let batch = try await reader.readBatch(upTo: 300, within: patience)
            #expect(batch.count <= 300)
            try #require(!batch.isEmpty)
            texts += try batch.map { message throws in try message.text }
        }
        #expect(texts == (0..<1000).map(String.init))
    }

    @Test("A loop over messages gets all in order, and ends when the reader is closed")
    func sequence() async throws {
        try broker.createTopic(topic)
        let reader = try await reader()
        let loop = Task {
            var texts: [String] = []
            for try await message in reader.messages { texts.append(try message.text) }
            return texts
        }
        try await write(0..<500)
        #expect(await eventually { reader.messageAvailable() == 0 })
        try await write(500..<501)
        #expect(await eventually { reader.messageAvailable() == 0 })
        await reader.close()
        let texts = try await loop.value
        #expect(texts == (0..<texts.count).map(String.init))
    }

    @Test("A loop keeps its reader, when it is all that is left of it")
    func loopKeepsReader() async throws {
        try broker.createTopic(topic)
        let messages = try await reader().messages
        try await write(0..<1)
        for try await message in messages {
            #expect(try message.text == "0")
            return
        }
        Issue.record("the reader was closed")
    }

    @Test("A cancelled read loses no message")
    func cancellation() async throws {
        try broker.createTopic(topic)
        let reader = try await reader()
        for _ in 0..<20 {
            let task = immediately { try await reader.read() }
            task.cancel()
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
        let loop = immediately { for try await _ in reader.messages {} }
        loop.cancel()
        let error = await #expect(throws: MsgBusError.self) { try await loop.value }
        #expect(error?.code == .cancelled)
        try await write(0..<3)
        for index in 0..<3 { #expect(try await reader.read().text == "\(index)") }
    }

    @Test("Several tasks share the messages, each message once")
    func sharing() async throws {
        try broker.createTopic(topic, partitions: 3)
        let reader = try await reader()
        try await write(0..<300)
        let texts = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<10 {
                group.addTask {
                    var texts: [String] = []
                    for _ in 0..<30 { texts.append(try await reader.read().text) }
                    return texts
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(texts.count == 300)
        #expect(Set(texts).count == 300)
    }

    @Test("A small queue holds back, and nothing is lost")
    func smallQueue() async throws {
        try broker.createTopic(topic)
        let reader = try await reader {
            $0.reader.queueMessages = 10
            $0.reader.startFrom = .earliest
        }
        try await write(0..<2000)
        #expect(await eventually { reader.messageAvailable() == 10 })
        for index in 0..<2000 {
            #expect(try await reader.read().text == "\(index)")
            #expect(reader.messageAvailable() <= 10)
        }
    }

    @Test("A message that isn't text is an error that loses nothing")
    func notText() async throws {
        try broker.createTopic(topic)
        let reader = try await reader()
        let writer = try await writer()
        try await writer.write(OutgoingMessage(value: [0xff, 0x00]))
        try await writer.write(OutgoingMessage(value: nil, key: [1]))
        let message = try await reader.read()
        let error = #expect(throws: MsgBusError.self) { try message.text }
        #expect(error?.code == .serialization)
        #expect(error?.offset == 0)
        #expect(message.value == [0xff, 0x00])
        #expect(message.withValueBytes { $0?.byteCount } == 2)
        let tombstone = try await reader.read()
        #expect(throws: MsgBusError.self) { try tombstone.text }
        #expect(tombstone.withValueBytes { $0?.byteCount } == nil)
        #expect(tombstone.withKeyBytes { $0?.byteCount } == 1)
    }

    @Test("A message outlives its reader, and doesn't hold up its close")
    func keptMessages() async throws {
        try broker.createTopic(topic)
        let reader = try await reader()
        let writer = try await writer()
        _ = try await writer.write(
            contentsOf: (0..<100).map { OutgoingMessage("\($0)", key: "k", headers: ["n": "\($0)"]) }
        )
        var kept: [Message] = []
        while kept.count < 100 { kept += try await reader.readBatch(upTo: 100, within: patience) }
        let own = kept[7].detached()
        let start = ContinuousClock.now
        await reader.close(timeout: hang * 2)
        #expect(start.duration(to: .now) < hang)
        for (index, message) in kept.enumerated() {
            #expect(try message.text == "\(index)")
            #expect(message.headers["n"]?.text == "\(index)")
            #expect(message.key == Array("k".utf8))
            #expect(message.topic == topic)
            #expect(message.timestamp != nil)
        }
        #expect(try own.text == "7")
        #expect(own.offset == 7)
        #expect(try own.detached().text == "7")
    }

    @Test("Someone inside a message's bytes keeps them while the reader closes in time")
    func bytesInUse() async throws {
        try broker.createTopic(topic)
        let reader = try await reader()
        try await write(0..<1)
        let message = try await reader.read()
        let entered = Gate()
        let leave = Gate()
        let user = Task.detached {
            try await onThread {
                message.withValueBytes { bytes in
                    entered.open()
                    leave.wait()
                    return bytes?.withUnsafeBytes { Array($0) }
                }
            }
        }
        try await onThread { entered.wait() }
        let start = ContinuousClock.now
        await reader.close(timeout: .milliseconds(300))
        #expect(start.duration(to: .now) < hang)
        #expect(try message.text == "0")
        leave.open()
        #expect(try await user.value == Array("0".utf8))
    }

    @Test("A close wakes a blocked read with a distinct error (B-13)")
    func closeWakes() async throws {
        let reader = try await reader()
        let blocked = Task { try await onThread { try reader.messageRead() } }
        let awaiting = immediately { try await reader.read() }
        let timed = immediately { try await reader.read(timeout: .seconds(300)) }
        #expect(await eventually { reader.status() == .open })
        await reader.close()
        await #expect(throws: MsgBusError.self) { try await blocked.value }
        for result in [await awaiting.result.map { Optional($0) }, await timed.result] {
            let error = #expect(throws: MsgBusError.self) { try result.get() }
            #expect(error?.code == .closed)
        }
        #expect(reader.messageAvailable() == 0)
    }

    @Test("Threads of Dispatch that block in reads, all of them, don't keep the reader from closing")
    func starvedDispatch() async throws {
        let reader = try await reader()
        let answers = Collected<MsgBusError.Code>()
        for index in 0..<300 {
            DispatchQueue(label: "blocked \(index)").async {
                do throws(MsgBusError) { _ = try reader.messageRead() } catch { answers.append(error.code) }
            }
        }
        await reader.close()
        #expect(await eventually { answers.count == 300 })
        #expect(Set(answers.all) == [.closed])
    }

    @Test("A storm of reads, cancelled and closed upon at once, answers each exactly once")
    func storm() async throws {
        try broker.createTopic(topic, partitions: 4)
        let reader = try await reader()
        let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<10_000 {
                group.addTask {
                    let task = Task { try await reader.read(timeout: .milliseconds(200 + index % 300)) }
                    if index % 4 == 0 { task.cancel() }
                    _ = await task.result
                    return true
                }
            }
            group.addTask {
                try await write(0..<2000)
                await reader.close()
                return true
            }
            return try await group.reduce(into: 0) { count, _ in count += 1 }
        }
        #expect(answers == 10_001)
    }

    @Test("Commits that get no answer end in their time, however many there are")
    func commits() async throws {
        try broker.createTopic(topic)
        try await write(0..<1)
        let reader = try await reader {
            $0.groupID = unique("group")
            $0.connectTimeout = patience
            $0.reader.startFrom = .earliest
            $0.reader.ackMode = .manual
        }
        try reader.acknowledge(try await reader.read())
        try broker.setDown()
        let start = ContinuousClock.now
        // One after another they would take twice as long as is tolerated.
        let commits = (0..<60).map { _ in Task { try await reader.commit(timeout: .seconds(1)) } }
        for commit in commits { await #expect(throws: MsgBusError.self) { try await commit.value } }
        #expect(start.duration(to: .now) < patience)
        await reader.close(timeout: .seconds(1))
    }
}
