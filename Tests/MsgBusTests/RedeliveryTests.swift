import Synchronization
import TestSupport
import Testing

@testable import MsgBus

/// Messages that come again, and what else may happen to them meanwhile.
@Suite("Messages that come again", .timeLimit(.minutes(5)))
struct RedeliveryTests {
    private struct Failure: Error {}

    let broker = try! EmbeddedBroker()
    let topic = unique("redelivery")

    private func connect(
        partitions: Int = 1,
        isGroup: Bool = true,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> (KafkaReader, KafkaWriter) {
        try? broker.createTopic(topic, partitions: partitions)
        var config = broker.config(topic: topic, direction: .reader)
        config.connectTimeout = patience
        if isGroup { config.groupID = unique("group") }
        change(&config)
        let reader = try await KafkaReader.connect(config)
        return (reader, try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer)))
    }

    private func write(_ count: Int, to writer: KafkaWriter) async throws {
        for result in try await writer.write(contentsOf: (0..<count).map { OutgoingMessage("\($0)") }) {
            _ = try result.get()
        }
    }

    private func next(_ reader: KafkaReader) async throws -> Message {
        try #require(try await reader.read(timeout: patience))
    }

    private func staysSilent(_ reader: KafkaReader) async throws -> Bool {
        try await reader.read(timeout: .milliseconds(300)) == nil
    }

    private func close(_ reader: KafkaReader, _ writer: KafkaWriter) async {
        await reader.close()
        await writer.close()
    }

    // MARK: With automatic acknowledgement

    @Test("A message that was rejected isn't acknowledged by reading on, and comes again")
    func automatic() async throws {
        let (reader, writer) = try await connect()
        try await write(3, to: writer)
        try reader.reject(try await next(reader), because: Failure())
        var offsets: [Int64] = []
        for _ in 0..<3 { offsets.append(try await next(reader).offset) }
        #expect(offsets.sorted() == [0, 1, 2])
        #expect(try await staysSilent(reader))
        try await reader.commit()
        #expect(try await reader.committed().values.first == 3)
        await close(reader, writer)
    }

    @Test("A message that is rejected in a loop over the messages comes again")
    func automaticLoop() async throws {
        let (reader, writer) = try await connect()
        try await write(3, to: writer)
        let offsets = Collected<Int64>()
        let looping = Task {
            for try await message in reader.messages {
                offsets.append(message.offset)
                if offsets.count == 1 { try reader.reject(message, because: Failure()) }
            }
        }
        #expect(await eventually { offsets.count == 4 })
        #expect(offsets.all.sorted() == [0, 0, 1, 2])
        await close(reader, writer)
        _ = await looping.result
    }

    @Test("A message that a callback rejects comes again, though the callback returns")
    func inCallback() async throws {
        let (reader, writer) = try await connect()
        let offsets = Collected<Int64>()
        try reader.onMessage { message in
            offsets.append(message.offset)
            if offsets.count == 1 { try reader.reject(message, because: Failure()) }
        }
        try await write(3, to: writer)
        #expect(await eventually { offsets.count == 4 })
        #expect(offsets.all.sorted() == [0, 0, 1, 2])
        await close(reader, writer)
    }

    // MARK: When

    @Test("Each message comes when it is due, also if one that was due before it was taken late")
    func takenLate() async throws {
        let backoff = Duration.milliseconds(200)
        let (reader, writer) = try await connect {
            $0.reader.ackMode = .manual
            $0.reader.failurePolicy = .retry(9, backoff: backoff, then: .skip)
        }
        try await write(2, to: writer)
        let early = try await next(reader)
        try reader.reject(try await next(reader), because: Failure())
        let late = try await next(reader)
        #expect(late.offset == 1)
        // Its second pause is twice the first one of the other.
        try reader.reject(late, because: Failure())
        try reader.reject(early, because: Failure())
        let isDue = ContinuousClock.now + backoff
        #expect(await eventually { ContinuousClock.now > isDue })
        #expect(try await next(reader).offset == 0)
        #expect(try await next(reader).offset == 1)
        await close(reader, writer)
    }

    @Test("A slow callback doesn't keep the partitions that wait meanwhile from going on")
    func slowCallback() async throws {
        let backoff = Duration.milliseconds(200)
        let (reader, writer) = try await connect(partitions: 3, isGroup: false) {
            $0.reader.failurePolicy = .retry(9, backoff: backoff, then: .stop)
        }
        let seen = Collected<Int>()
        let gate = Gate()
        try reader.onMessage { message in
            seen.append(message.partition)
            let times = seen.all.filter { $0 == message.partition }.count
            switch message.partition {
            case 0 where times == 1: throw Failure()
            case 1 where times <= 2: throw Failure()
            case 2: gate.wait()
            default: break
            }
        }
        // The second pause of one is twice the first one of the other.
        try await writer.write(OutgoingMessage("late", partition: 1))
        #expect(await eventually { seen.count >= 2 })
        try await writer.write(OutgoingMessage("early", partition: 0))
        try await writer.write(OutgoingMessage("slow", partition: 2))
        #expect(await eventually { seen.all.contains(2) })
        let isDue = ContinuousClock.now + backoff
        #expect(await eventually { ContinuousClock.now > isDue })
        gate.open()
        #expect(await eventually { seen.all.sorted() == [0, 0, 1, 1, 1, 2] })
        await close(reader, writer)
    }

    @Test("A message that is rejected twice at once comes again once")
    func twice() async throws {
        let (reader, writer) = try await connect { $0.reader.ackMode = .manual }
        try await write(1, to: writer)
        let message = try await next(reader)
        for _ in 0..<2 { try reader.reject(message, because: Failure()) }
        #expect(try await next(reader).offset == 0)
        #expect(try await staysSilent(reader))
        await close(reader, writer)
    }

    // MARK: What else may happen meanwhile

    @Test("When a callback ends while its partition waits for a retry, reads go on with it", arguments: [true, false])
    func callbackEnds(isGroup: Bool) async throws {
        let (reader, writer) = try await connect(isGroup: isGroup) {
            $0.reader.failurePolicy = .retry(5, backoff: .milliseconds(200), then: .stop)
        }
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            seen.append(message.offset)
            throw Failure()
        }
        try await write(5, to: writer)
        #expect(await eventually { seen.count > 0 })
        try await reader.stopCallback()
        for offset in Int64(0)..<5 { #expect(try await next(reader).offset == offset) }
        await close(reader, writer)
    }

    @Test("A message that was read before a seek and is rejected after it doesn't come again")
    func seekBefore() async throws {
        let (reader, writer) = try await connect { $0.reader.ackMode = .manual }
        try await write(5, to: writer)
        let message = try await next(reader)
        try await reader.seek(to: .offset(3, partition: 0))
        try reader.reject(message, because: Failure())
        for offset in Int64(3)..<5 { #expect(try await next(reader).offset == offset) }
        #expect(try await staysSilent(reader))
        await close(reader, writer)
    }

    @Test("A message that fails in a callback during which one seeks elsewhere isn't tried again")
    func seekMeanwhile() async throws {
        let (reader, writer) = try await connect {
            $0.reader.failurePolicy = .retry(5, backoff: .milliseconds(50), then: .stop)
        }
        let gate = Gate()
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            seen.append(message.offset)
            guard seen.count == 1 else { return }
            gate.wait()
            throw Failure()
        }
        try await write(6, to: writer)
        #expect(await eventually { seen.count == 1 })
        try await reader.seek(to: .offset(4, partition: 0))
        gate.open()
        #expect(await eventually { seen.count == 3 })
        #expect(await !eventually(within: .milliseconds(300)) { seen.count > 3 })
        #expect(seen.all == [0, 4, 5])
        await close(reader, writer)
    }

    @Test("Acknowledging a message of before a seek leaves the rejected one of after it alone")
    func double() async throws {
        let (reader, writer) = try await connect { $0.reader.ackMode = .manual }
        try await write(1, to: writer)
        let old = try await next(reader)
        try await reader.seek(to: .beginning)
        try reader.reject(try await next(reader), because: Failure())
        try reader.acknowledge(old)
        #expect(try await next(reader).offset == 0)
        await close(reader, writer)
    }

    @Test("Nothing of a paused partition comes, also not what was rejected, until it is resumed")
    func paused() async throws {
        let (reader, writer) = try await connect { $0.reader.ackMode = .manual }
        try await write(1, to: writer)
        let message = try await next(reader)
        try reader.pause()
        try reader.reject(message, because: Failure())
        #expect(try await staysSilent(reader))
        try reader.resume()
        #expect(try await next(reader).offset == 0)
        await close(reader, writer)
    }

    @Test("A callback's retry waits while its partition is paused")
    func pausedCallback() async throws {
        let (reader, writer) = try await connect(isGroup: false) {
            $0.reader.failurePolicy = .retry(5, backoff: .milliseconds(200), then: .stop)
        }
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            // Before it is due.
            if seen.count == 0 { try reader.pause() }
            seen.append(message.offset)
            if seen.count == 1 { throw Failure() }
        }
        try await write(1, to: writer)
        #expect(await eventually { seen.count == 1 })
        #expect(await !eventually(within: .milliseconds(400)) { seen.count > 1 })
        try reader.resume()
        #expect(await eventually { seen.count == 2 })
        await close(reader, writer)
    }

    @Test("A reader that has stopped refuses a callback, and hands out nothing that waited to come again")
    func stopped() async throws {
        let (reader, writer) = try await connect(partitions: 2) {
            $0.reader.failurePolicy = .retry(1, backoff: .milliseconds(100), then: .stop)
        }
        for partition in 0..<2 { try await writer.write(OutgoingMessage("x", partition: partition)) }
        let bad = try await next(reader)
        let waiting = try await next(reader)
        try reader.reject(bad, because: Failure())
        let again = try await next(reader)
        try reader.reject(waiting, because: Failure())
        try reader.reject(again, because: Failure())
        #expect(
            await eventually {
                if case .failed = reader.status() { true } else { false }
            }
        )
        #expect(throws: MsgBusError.self) { try reader.onMessage { _ in } }
        await #expect(throws: MsgBusError.self) { try await reader.read(timeout: .milliseconds(300)) }
        await close(reader, writer)
    }

    @Test("Who acknowledges a message that failed leaves no trace of it, in a group or not", arguments: [true, false])
    func redelivery(isGroup: Bool) async throws {
        let (reader, writer) = try await connect(isGroup: isGroup) { $0.reader.ackMode = .manual }
        try await write(1, to: writer)
        try reader.reject(try await next(reader), because: Failure())
        let again = try await next(reader)
        #expect(reader.core.state.withLock { !$0.redelivery.isEmpty })
        try reader.acknowledge(again)
        #expect(reader.core.state.withLock { $0.redelivery.isEmpty })
        await reader.close()
        await writer.close()
    }
}
