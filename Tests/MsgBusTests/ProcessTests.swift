import Foundation
import Logging
import MsgBus
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Keeps whoever logs something of librdkafka's.
private struct BlockingLogger: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = "\(event.message)"
        if text.contains("librdkafka") || text.contains("transport") { body() }
    }
}

/// What concerns a whole process: each test has one of its own.
@Suite(
    "In a process of its own",
    .serialized,
    .ownProcess,
    .timeLimit(.minutes(5)),
    .enabled(if: ProcessUsage.isKnown, "reads /proc, which only Linux has")
)
struct ProcessTests {
    /// Under a sanitizer each cycle costs many times more, and a few show as much.
    private static let cycles = Sanitizer.current == nil ? 500 : 40

    /// A sanitizer keeps what was freed for a while, and looks for leaks itself.
    private static func hasGrown(since before: ProcessUsage, by bytes: Int) -> Bool {
        Sanitizer.current == nil && ProcessUsage.current.residentBytes > before.residentBytes + bytes
    }

    @Test("1,000 connections opened and closed leave no thread, descriptor or memory")
    func cycles() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            try broker.createTopic("cycles", partitions: 4)
            func cycle(_ index: Int) async throws {
                let reader = try await KafkaReader.connect(broker.config(topic: "cycles", direction: .reader))
                let writer = try await KafkaWriter.connect(broker.config(topic: "cycles", direction: .writer))
                try await writer.write("\(index)")
                #expect(try await reader.read().text == "\(index)")
                await writer.close()
                await reader.close()
            }
            for index in 0..<20 { try await cycle(index) }
            let before = ProcessUsage.current
            for index in 0..<ProcessTests.cycles { try await cycle(index) }
            // librdkafka's threads are joined by then; Dispatch's idle ones go after a while.
            let after = ProcessUsage.current
            print("before: \(before); after: \(after)")
            #expect(await eventually { ProcessUsage.current.threads <= before.threads + 2 })
            #expect(after.descriptors <= before.descriptors + 2)
            #expect(!ProcessTests.hasGrown(since: before, by: 40 << 20))
        }
    }

    @Test("A reader that has set messages aside leaves nothing either")
    func deadLetters() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            for topic in ["failing", "failed"] { try broker.createTopic(topic) }
            let writer = try await KafkaWriter.connect(broker.config(topic: "failing", direction: .writer))
            var config = broker.config(topic: "failing", direction: .reader)
            config.reader.failurePolicy = .retry(0, then: .deadLetter(topic: "failed"))
            let final = config
            func cycle() async throws {
                let reader = try await KafkaReader.connect(final)
                try reader.onMessage { _ in throw CancellationError() }
                let letters = try await KafkaReader.connect(broker.config(topic: "failed", direction: .reader))
                try await writer.write("x")
                _ = try await letters.read()
                await letters.close()
                await reader.close()
            }
            let before = ProcessUsage.current.clientThreads
            for _ in 0..<5 {
                try await cycle()
                #expect(ProcessUsage.current.clientThreads == before)
            }
            await writer.close()
        }
    }

    @Test("Connections that are let go without a close are closed all the same")
    func letGo() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            try broker.createTopic("let-go")
            // What a process needs once, it has from then on.
            await (try await KafkaWriter.connect(broker.config(topic: "let-go", direction: .writer))).close()
            await (try await KafkaReader.connect(broker.config(topic: "let-go", direction: .reader))).close()
            let before = ProcessUsage.current
            for index in 0..<20 {
                let writer = try await KafkaWriter.connect(broker.config(topic: "let-go", direction: .writer))
                _ = try await KafkaReader.connect(broker.config(topic: "let-go", direction: .reader))
                try writer.enqueue("\(index)")
            }
            #expect(await eventually { ProcessUsage.current.descriptors <= before.descriptors + 2 })
            var config = broker.config(topic: "let-go", direction: .reader)
            config.reader.startFrom = .earliest
            let reader = try await KafkaReader.connect(config)
            for _ in 0..<20 { #expect(try await reader.read(timeout: patience) != nil) }
        }
    }

    @Test("Connections that are never made leave nothing")
    func failedConnects() async {
        await #expect(processExitsWith: .success) {
            var config = MsgBusConfig(topic: "t", direction: .reader)
            config.port = try ClosedPort.number()
            config.connectRetries = 1
            func fail(_ config: MsgBusConfig) async {
                await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(config) }
            }
            for _ in 0..<5 { await fail(config) }
            let before = ProcessUsage.current
            for _ in 0..<50 {
                await fail(config)
                var wrong = config
                wrong.properties["no.such.property"] = "1"
                await fail(wrong)
                wrong = config
                wrong.properties["session.timeout.ms"] = "400000"
                await fail(wrong)
            }
            #expect(await eventually { ProcessUsage.current.descriptors <= before.descriptors })
            #expect(await eventually { ProcessUsage.current.threads <= before.threads + 2 })
        }
    }

    @Test("A close ends by its deadline, though the logger blocks")
    func blockedLogger() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            try broker.createTopic("logged")
            let reader = try await KafkaReader.connect(broker.config(topic: "logged", direction: .reader))
            let gate = Gate()
            let isBlocked = Shared(false)
            let logger = BlockingLogger {
                isBlocked.set(true)
                gate.wait()
            }
            setLogger(Logger(label: "blocking") { _ in logger })
            try broker.setDown()
            #expect(await eventually { isBlocked.value })
            let isClosed = Shared(false)
            let closing = Task {
                await reader.close(timeout: .seconds(1))
                isClosed.set(true)
            }
            // The logger blocks for longer.
            #expect(await eventually { isClosed.value })
            gate.open()
            await closing.value
        }
    }

    @Test("Writes that fail leak nothing: a million of them (peer defect 4)")
    func failedWrites() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            try broker.createTopic("failing")
            let writer = try await KafkaWriter.connect(broker.config(topic: "failing", direction: .writer))
            let wrong = OutgoingMessage("x", headers: ["a": "b"], partition: 7)
            func fail(_ count: Int) {
                for _ in 0..<count where (try? writer.enqueue(wrong)) != nil { Issue.record("it was taken") }
            }
            fail(10_000)
            let before = ProcessUsage.current
            fail(ProcessTests.cycles * 2000)
            #expect(!ProcessTests.hasGrown(since: before, by: 20 << 20))
            await writer.close()
        }
    }

    @Test("A signal does in the host program what the program set, and only that (B-15)")
    func signals() async {
        await #expect(processExitsWith: .signal(SIGINT)) {
            let broker = try EmbeddedBroker()
            let reader = try await KafkaReader.connect(broker.config(topic: "signals", direction: .reader))
            let writer = try await KafkaWriter.connect(broker.config(topic: "signals", direction: .writer))
            try await writer.write("x")
            _ = try await reader.read()
            // Nobody has set a handler: the signal ends the process.
            kill(getpid(), SIGINT)
            _ = await eventually { false }
        }
    }

    @Test("A broker that goes away is seen, and its clients still close in time")
    func disconnected() async {
        // In the tests' own process, children of other tests may have inherited the broker's connections, and hold them open.
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            let reader = try await KafkaReader.connect(broker.config(topic: "mortal", direction: .reader))
            let writer = try await KafkaWriter.connect(broker.config(topic: "mortal", direction: .writer))
            #expect(reader.status() == .open)
            broker.close()
            for status in [{ reader.status() }, { writer.status() }] {
                #expect(await eventually { if case .disconnected = status() { true } else { false } })
            }
            await reader.close(timeout: hang)
            await writer.close(timeout: hang)
            #expect(reader.status() == .closed)
        }
    }

    /// `MSGBUS_LONG_TESTS=1` has a million messages and a minute instead.
    private static let isLong = ProcessInfo.processInfo.environment["MSGBUS_LONG_TESTS"] == "1"
    private static let (flood, stall) = isLong ? (1_000_000, 60) : (200_000, 6)

    @Test(
        "A reader that takes nothing holds little of what comes, stays in its group, and then gets it all (B-10)",
        .enabled(if: Sanitizer.current == nil, "so many messages take too long under a sanitizer")
    )
    func flood() async {
        await #expect(processExitsWith: .success) {
            let (count, partitions) = (ProcessTests.flood, 32)
            // In a process of its own, so that this one has only what its clients hold.
            let cluster = try ChildProcess(ChildProcess.msgbus.path, ["broker", "--topic", "flood:\(partitions)"])
            defer { cluster.send(SIGKILL) }
            var lines = LineReader(cluster.output)
            var config = MsgBusConfig(topic: "flood", direction: .reader)
            let address = lines.next()
            config.brokers = [try #require(address)]
            config.groupID = "flood"
            config.connectTimeout = patience
            config.reader.startFrom = .earliest
            config.reader.prefetchBytes = 8 << 20
            config.reader.queueBytes = 8 << 20
            config.properties["fetch.wait.max.ms"] = "5"
            config.properties["session.timeout.ms"] = "6000"
            config.properties["max.poll.interval.ms"] = "\(ProcessTests.stall * 1000)"
            let reader = try await KafkaReader.connect(config)
            let said = Collected<String>()
            let events = reader.events
            let listening = Task { for await event in events { said.append("\(event)") } }
            var writing = MsgBusConfig(topic: "flood", direction: .writer)
            writing.brokers = config.brokers
            let before = ProcessUsage.current.residentBytes
            let writer = try await KafkaWriter.connect(writing)
            let filler = String(repeating: "x", count: 60)
            var peak = 0
            for start in stride(from: 0, to: count, by: 10_000) {
                let messages = (start..<start + 10_000).map {
                    OutgoingMessage("\($0) \(filler)", partition: $0 % partitions)
                }
                for result in try await writer.write(contentsOf: messages) { _ = try result.get() }
                peak = max(peak, ProcessUsage.current.residentBytes)
            }
            await writer.close()
            // The time that a group gives an application is over, and nothing happens but that it is said.
            let isStalled = await eventually(within: hang) {
                peak = max(peak, ProcessUsage.current.residentBytes)
                return said.all.contains { $0.hasPrefix("stalled") }
            }
            #expect(isStalled)
            let peakOfStalled = peak

            let next = Mutex(Array(0..<partitions))
            let seen = Atomic(0)
            let isInOrder = Atomic(true)
            try reader.registerCB { text in
                let index = Int(text.prefix { $0 != " " }) ?? 0
                next.withLock { next in
                    if next[index % partitions] != index { isInOrder.store(false, ordering: .relaxed) }
                    next[index % partitions] = index + partitions
                }
                seen.add(1, ordering: .relaxed)
            }
            let isDone = await eventually(within: hang) {
                peak = max(peak, ProcessUsage.current.residentBytes)
                return seen.load(ordering: .relaxed) == count
            }
            #expect(isDone)
            let wasInOrder = isInOrder.load(ordering: .relaxed)
            #expect(wasInOrder)
            print("before \(before >> 20), stalled \(peakOfStalled >> 20), in all \(peak >> 20) MiB")
            #expect(peak < before + 128 << 20)
            try await reader.commit()
            #expect(try await reader.committed().values.reduce(0, +) == Int64(count))
            await reader.close()
            await listening.value
            #expect(!said.all.contains { $0.hasPrefix("lost") })
        }
    }
}
