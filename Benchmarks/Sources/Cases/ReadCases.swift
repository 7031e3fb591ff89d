import Dispatch
import MsgBus
import Synchronization

/// What was read. Whoever reads a message looks at it.
struct Tally: Sendable {
    var messages = 0
    var bytes = 0
    var touched = 0

    mutating func take(_ message: Message) {
        message.withValueBytes { bytes in
            if let bytes { look(at: bytes) }
        }
        messages += 1
    }

    mutating func take(_ message: BorrowedMessage) {
        if let bytes = message.value { look(at: bytes) }
        messages += 1
    }

    mutating func take(_ text: String) {
        bytes += text.utf8.count
        messages += 1
    }

    private mutating func look(at bytes: RawSpan) {
        self.bytes += bytes.byteCount
        touched += Int(bytes.unsafeLoad(as: UInt8.self))
    }

    func check(_ job: Job) throws {
        guard messages == job.messages, bytes == job.messages * job.size else {
            throw Failure(
                "\(messages) messages of \(bytes) bytes read instead of \(job.messages) of \(job.messages * job.size)"
            )
        }
    }
}

extension Job {
    /// The time counts from before the connection; where everything is prefetched, from when it is.
    private func openReader() async throws -> (KafkaReader, Measurement) {
        let measurement = Measurement()
        let reader = try await KafkaReader.connect(self.reader())
        guard isPrefetched else { return (reader, measurement) }
        try await Measurement.settle()
        return (reader, Measurement())
    }

    private func finish(_ tally: Tally, _ measurement: Measurement) throws {
        try tally.check(self)
        measurement.finish(tally.messages)
    }

    func readTexts() throws {
        var measurement = Measurement()
        let reader = try connect(self.reader())
        if isPrefetched {
            let settled = DispatchSemaphore(value: 0)
            Task.detached {
                try? await Measurement.settle()
                settled.signal()
            }
            settled.wait()
            measurement = Measurement()
        }
        var tally = Tally()
        while tally.messages < messages { tally.take(try reader.messageRead()) }
        try finish(tally, measurement)
    }

    func readMessages() async throws {
        let (reader, measurement) = try await openReader()
        let tally = try await Task.detached { try await self.readAll(reader) }.value
        try finish(tally, measurement)
    }

    func readMessagesInActor() async throws {
        let (reader, measurement) = try await openReader()
        let tally = try await ReadingActor().readAll(self, reader)
        try finish(tally, measurement)
    }

    @MainActor
    func readMessagesOnMainActor() async throws {
        let (reader, measurement) = try await openReader()
        let tally = try await readAll(reader)
        try finish(tally, measurement)
    }

    /// Runs where its caller does.
    fileprivate func readAll(_ reader: KafkaReader) async throws -> Tally {
        var tally = Tally()
        for try await message in reader.messages {
            tally.take(message)
            if tally.messages == messages { break }
        }
        return tally
    }

    func readBatches() async throws {
        let (reader, measurement) = try await openReader()
        var tally = Tally()
        while tally.messages < messages {
            let batch = try await reader.readBatch(upTo: 1000, within: .seconds(10))
            guard !batch.isEmpty else { throw Failure("\(tally.messages) of \(messages) messages came") }
            for message in batch { tally.take(message) }
        }
        try finish(tally, measurement)
    }

    func readBorrowed() async throws {
        let (reader, measurement) = try await openReader()
        var tally = Tally()
        while tally.messages < messages {
            let count = try await reader.withBatch(upTo: 1000, within: .seconds(10)) { batch in
                for index in batch.indices { tally.take(batch[index]) }
                return batch.count
            }
            guard count > 0 else { throw Failure("\(tally.messages) of \(messages) messages came") }
        }
        try finish(tally, measurement)
    }

    func readCallback() async throws {
        let (reader, measurement) = try await openReader()
        let tally = SharedTally(count: messages)
        try reader.onMessage { message in tally.take(message) }
        try finish(await tally.whenComplete(), measurement)
    }

    func readTextCallback() async throws {
        let (reader, measurement) = try await openReader()
        let tally = SharedTally(count: messages)
        try reader.registerCB { text in tally.take(text) }
        try finish(await tally.whenComplete(), measurement)
    }

    func readMemory() async throws {
        let before = Measurement.residentBytes
        var measurement = Measurement()
        let reader = try await KafkaReader.connect(self.reader())
        try await Task.sleep(for: .seconds(seconds))
        measurement.memory = Measurement.residentBytes - before
        measurement.finish(0)
        await reader.close()
    }
}

/// A tally that callbacks add to.
private final class SharedTally: Sendable {
    private let tally = Mutex(Tally())
    private let count: Int
    private let (completion, signal) = AsyncStream.makeStream(of: Void.self)

    init(count: Int) { self.count = count }

    func take(_ message: Message) {
        let taken = tally.withLock { tally in
            tally.take(message)
            return tally.messages
        }
        if taken == count { signal.finish() }
    }

    func take(_ text: String) {
        let taken = tally.withLock { tally in
            tally.take(text)
            return tally.messages
        }
        if taken == count { signal.finish() }
    }

    func whenComplete() async -> Tally {
        for await _ in completion {}
        return tally.withLock { $0 }
    }
}

private actor ReadingActor {
    func readAll(_ job: Job, _ reader: KafkaReader) async throws -> Tally { try await job.readAll(reader) }
}
