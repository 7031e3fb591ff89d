import MsgBus
import TestSupport
import Testing

@Suite("Messages that can't be processed", .timeLimit(.minutes(5)))
struct FailurePolicyTests {
    private struct Failure: Error, CustomStringConvertible { let description = "it is broken" }

    let broker = try! EmbeddedBroker()
    let topic = unique("failures")

    private func connect(
        partitions: Int = 1,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> (KafkaReader, KafkaWriter) {
        try? broker.createTopic(topic, partitions: partitions)
        var config = broker.config(topic: topic, direction: .reader)
        config.connectTimeout = patience
        change(&config)
        let reader = try await KafkaReader.connect(config)
        return (reader, try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer)))
    }

    private func letters() async throws -> KafkaReader {
        try broker.createTopic("\(topic)-failed")
        return try await KafkaReader.connect(broker.config(topic: "\(topic)-failed", direction: .reader))
    }

    @Test("A callback that throws gets the message again, while its partition waits and others go on")
    func retry() async throws {
        let (reader, writer) = try await connect(partitions: 2) {
            $0.reader.failurePolicy = .retry(5, backoff: .milliseconds(20), then: .stop)
        }
        let seen = Collected<String>()
        let failures = Shared(0)
        try reader.onMessage { message in
            if message.partition == 0, message.offset == 1, failures.value < 3 {
                failures.set(failures.value + 1)
                throw Failure()
            }
            seen.append("\(message.partition)-\(message.offset)")
        }
        let messages = (0..<20).map { OutgoingMessage("\($0)", partition: $0 % 2) }
        _ = try await writer.write(contentsOf: messages)
        #expect(await eventually { seen.count == 20 })
        #expect(failures.value == 3)
        for partition in 0..<2 {
            #expect(seen.all.filter { $0.hasPrefix("\(partition)") } == (0..<10).map { "\(partition)-\($0)" })
        }
        #expect(seen.all.firstIndex(of: "1-9")! < seen.all.firstIndex(of: "0-1")!)
        await reader.close()
        await writer.close()
    }

    @Test(
        "Then it goes to the topic for failed messages, with all that one needs to know, and counts as done",
        arguments: [true, false]
    )
    func deadLetter(isGroup: Bool) async throws {
        let group = isGroup ? unique("group") : nil
        let failed = "\(topic)-failed"
        let (reader, writer) = try await connect {
            $0.groupID = group
            $0.reader.failurePolicy = .retry(2, backoff: .milliseconds(5), then: .deadLetter(topic: failed))
        }
        let letters = try await letters()
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            if message.offset % 3 == 1 { throw Failure() }
            seen.append(message.offset)
        }
        let written = (0..<9).map { OutgoingMessage("\($0)", key: "key", headers: ["own": "header"]) }
        _ = try await writer.write(contentsOf: written)
        for index in [1, 4, 7] {
            let letter = try #require(try await letters.read(timeout: patience))
            #expect(letter.value == Array("\(index)".utf8))
            #expect(letter.key == Array("key".utf8))
            let texts = letter.headers.map { "\($0.name)=\($0.text ?? "")" }
            #expect(texts.first == "own=header")
            for expected in ["topic=\(topic)", "partition=0", "offset=\(index)", "attempts=3", "error=it is broken"] {
                #expect(texts.contains("msgbus.\(expected)"))
            }
            #expect(texts.contains { $0.hasPrefix("msgbus.timestamp=") })
            if let group { #expect(texts.contains("msgbus.group=\(group)")) }
        }
        #expect(await eventually { seen.all == [0, 2, 3, 5, 6, 8] })
        if isGroup {
            #expect(
                try await eventually {
                    try await reader.commit()
                    return try await reader.committed().values.first == 9
                }
            )
        }
        for reader in [reader, letters] { await reader.close() }
        await writer.close()
    }

    @Test("Or the reader stops, and the message comes again to whoever reads next")
    func stop() async throws {
        let group = unique("group")
        let (reader, writer) = try await connect {
            $0.groupID = group
            $0.reader.failurePolicy = .stop
        }
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            seen.append(message.offset)
            if message.offset == 2 { throw Failure() }
        }
        _ = try await writer.write(contentsOf: (0..<5).map { OutgoingMessage("\($0)") })
        #expect(
            await eventually {
                if case .failed(let error) = reader.status() {
                    error.code == .handler && error.offset == 2
                } else {
                    false
                }
            }
        )
        #expect(seen.all == [0, 1, 2])
        let error = await #expect(throws: MsgBusError.self) { try await reader.read() }
        #expect(error?.code == .handler)
        await reader.close()
        let (next, _) = try await connect { $0.groupID = group }
        #expect(try await next.read().offset == 2)
        await next.close()
        await writer.close()
    }

    @Test("Or it is skipped, and counts as done")
    func skip() async throws {
        let (reader, writer) = try await connect {
            $0.groupID = unique("group")
            $0.reader.failurePolicy = .retry(1, backoff: .milliseconds(5), then: .skip)
        }
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            seen.append(message.offset)
            if message.offset == 1 { throw Failure() }
        }
        _ = try await writer.write(contentsOf: (0..<3).map { OutgoingMessage("\($0)") })
        #expect(await eventually { seen.all == [0, 1, 1, 2] })
        #expect(
            try await eventually {
                try await reader.commit()
                return try await reader.committed().values.first == 3
            }
        )
        await reader.close()
        await writer.close()
    }

    @Test("A reader that closes while a failed message can't be set aside is gone then, and the message comes again")
    func closeBeforeSetAside() async throws {
        final class Held: Sendable {}
        let group = unique("group")
        let failed = "\(topic)-failed"
        /// Fails to set a message aside, for an hour, and closes.
        func failAndClose(_ held: Held) async throws {
            let (reader, writer) = try await connect {
                $0.groupID = group
                $0.reader.onRevoke = { _ in _ = held }
                $0.reader.failurePolicy = .retry(
                    0,
                    backoff: .seconds(3600),
                    maxBackoff: .seconds(3600),
                    then: .deadLetter(topic: failed)
                )
            }
            let isTried = Shared(false)
            let events = reader.events
            let listening = Task {
                for await case .error(let error) in events where error.code == .messageTooLarge { isTried.set(true) }
            }
            try await writer.write("bad")
            await writer.close()
            try broker.fail(next: 1000, .produce, with: .messageTooLarge)
            try reader.onMessage { _ in throw Failure() }
            #expect(await eventually { isTried.value })
            await reader.close()
            await listening.value
            try broker.clearFaults()
        }
        var held: Held? = Held()
        weak let watched = held
        try await failAndClose(held!)
        held = nil
        #expect(await eventually { watched == nil })
        let (next, writer) = try await connect { $0.groupID = group }
        #expect(try await next.read(timeout: patience)?.offset == 0)
        await next.close()
        await writer.close()
    }

    @Test("Without a policy the failure is seen, the message stays unacknowledged, and the next one comes")
    func none() async throws {
        let group = unique("group")
        let (reader, writer) = try await connect { $0.groupID = group }
        let errors = Collected<String>()
        let events = reader.events
        let listening = Task {
            for await case .error(let error) in events { errors.append("\(error)") }
        }
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            seen.append(message.offset)
            if message.offset == 1 { throw Failure() }
        }
        _ = try await writer.write(contentsOf: (0..<3).map { OutgoingMessage("\($0)") })
        #expect(await eventually { seen.all == [0, 1, 2] })
        #expect(
            await eventually {
                errors.all == ["handler: the callback failed: it is broken; it stays unacknowledged [\(topic)/0@1]"]
            }
        )
        try await reader.commit()
        #expect(try await reader.committed().values.first == 1)
        await reader.close()
        await listening.value
        await writer.close()
    }

    @Test("A rejected message comes again by itself, and the group waits for it")
    func reject() async throws {
        let (reader, writer) = try await connect {
            $0.groupID = unique("group")
            $0.reader.ackMode = .manual
        }
        _ = try await writer.write(contentsOf: (0..<5).map { OutgoingMessage("\($0)") })
        for offset in Int64(0)..<5 {
            let message = try await reader.read()
            #expect(message.offset == offset)
            if offset == 2 { try reader.reject(message, because: Failure()) } else { try reader.acknowledge(message) }
        }
        try await reader.commit()
        #expect(try await reader.committed().values.first == 2)
        #expect(await eventually { reader.messageAvailable() == 1 })
        let again = try #require(try await reader.read(timeout: patience))
        #expect(again.offset == 2)
        try reader.reject(again, because: Failure())
        let third = try #require(try await reader.read(timeout: patience))
        #expect(third.offset == 2)
        try reader.acknowledge(third)
        try await reader.commit()
        #expect(try await reader.committed().values.first == 5)
        #expect(try await reader.read(timeout: .milliseconds(300)) == nil)
        await reader.close()
        await writer.close()
    }

    @Test("A message that is rejected too often goes to the topic for failed messages")
    func rejectedTooOften() async throws {
        let failed = "\(topic)-failed"
        let (reader, writer) = try await connect {
            $0.groupID = unique("group")
            $0.reader.ackMode = .manual
            $0.reader.failurePolicy = .retry(1, backoff: .milliseconds(5), then: .deadLetter(topic: failed))
        }
        let letters = try await letters()
        try await writer.write("bad")
        for _ in 0..<2 {
            try reader.reject(try #require(try await reader.read(timeout: patience)), because: Failure())
        }
        let letter = try #require(try await letters.read(timeout: patience))
        #expect(letter.headers["msgbus.attempts"]?.text == "2")
        #expect(
            try await eventually {
                try await reader.commit()
                return try await reader.committed().values.first == 1
            }
        )
        for reader in [reader, letters] { await reader.close() }
        await writer.close()
    }

    @Test("A policy that can't be is refused by name")
    func badPolicy() async throws {
        for policy in [FailurePolicy.retry(-1, then: .stop), .deadLetter(topic: "a topic")] {
            let error = await #expect(throws: MsgBusError.self) {
                _ = try await connect { $0.reader.failurePolicy = policy }
            }
            #expect(error?.code == .configuration)
        }
    }
}
