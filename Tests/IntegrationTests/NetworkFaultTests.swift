import MsgBus
import TestSupport
import Testing

@Suite("The bus on a bad network", .enabled(if: FaultProxy.isUsable, "\(FaultProxy.hint)"), .timeLimit(.minutes(5)))
struct NetworkFaultTests {
    /// Brokers with a bad network in front of them. The tests take one of their own, lest they meet each other's faults.
    private struct Cluster {
        let proxy: FaultProxy
        let topic = unique("network")
        private let broker: any Sendable

        init(_ kind: TestBroker) throws {
            switch kind {
            case .embedded:
                let broker = try EmbeddedBroker()
                try broker.createTopic(topic)
                proxy = try FaultProxy(inFrontOf: broker)
                self.broker = broker
            case .ownProcess:
                let broker = try ProcessBroker()
                proxy = try FaultProxy(inFrontOf: broker)
                self.broker = broker
            }
        }

        func config(_ direction: BusDirection) -> MsgBusConfig {
            var config = MsgBusConfig(topic: topic, direction: direction)
            if let broker = broker as? EmbeddedBroker { config = broker.config(topic: topic, direction: direction) }
            config.connectTimeout = patience
            if direction == .reader { config.reader.missingTopic = .create(partitions: 1) }
            return proxy.config(config)
        }

        /// What an idempotent writer sends again, the embedded broker keeps twice.
        var recognisesRepeats: Bool { !(broker is EmbeddedBroker) }

        func connect(_ change: (inout MsgBusConfig) -> Void = { _ in }) async throws -> (KafkaWriter, KafkaReader) {
            var (read, write) = (config(.reader), config(.writer))
            change(&read)
            change(&write)
            let reader = try await KafkaReader.connect(read)
            return (try await KafkaWriter.connect(write), reader)
        }

        /// Has faults happen to traffic, and looks whether all of it arrives.
        func expectAll(
            _ count: Int,
            properties: [String: String] = [:],
            despite faults: [@Sendable () async throws -> Void]
        ) async throws {
            let (writer, reader) = try await connect { $0.properties.merge(properties) { $1 } }
            let numbers = try await Traffic(from: writer, to: reader).run(count, faults)
            if recognisesRepeats {
                #expect(numbers == Array(0..<count))
            } else {
                #expect(Set(numbers) == Set(0..<count))
            }
            #expect(await eventually { writer.status() == .open && reader.status() == .open })
            #expect(await writer.close(timeout: hang).undelivered == 0)
            await reader.close(timeout: hang)
        }
    }

    @Test("All traffic goes through the proxy, also to three brokers")
    func threeBrokers() async throws {
        let broker = try EmbeddedBroker(brokers: 3)
        try broker.createTopic("three", partitions: 3)
        for partition in 0..<3 { try broker.moveLeader(ofTopic: "three", partition: partition, to: partition + 1) }
        let proxy = try FaultProxy(inFrontOf: broker)
        let reader = try await KafkaReader.connect(proxy.config(broker.config(topic: "three", direction: .reader)))
        let writer = try await KafkaWriter.connect(proxy.config(broker.config(topic: "three", direction: .writer)))
        for partition in 0..<3 { try await writer.write(OutgoingMessage("\(partition)", partition: partition)) }
        for _ in 0..<3 { _ = try await reader.read() }
        // Nobody has found a way around it.
        try proxy.setBlackHole(true)
        let waiting = (0..<3).map { partition in
            immediately { try await writer.write(OutgoingMessage("late", partition: partition)) }
        }
        #expect(try await reader.read(timeout: .milliseconds(200)) == nil)
        try proxy.setBlackHole(false)
        for task in waiting { _ = try await task.value }
        await writer.close()
        await reader.close()
    }

    @Test("A link with 200 ms of latency each way loses nothing", arguments: TestBroker.usable)
    func latency(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        try cluster.proxy.setLatency(milliseconds: 200)
        try await cluster.expectAll(50, despite: [])
    }

    @Test("A link of 50 kB a second loses nothing", arguments: TestBroker.usable)
    func rate(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        let (writer, reader) = try await cluster.connect()
        try cluster.proxy.setRate(bytesPerSecond: 50_000)
        let text = String(repeating: "x", count: 2_000)
        async let results = writer.write(contentsOf: (0..<20).map { OutgoingMessage("\($0) \(text)") })
        for index in 0..<20 { #expect(try await reader.read().text == "\(index) \(text)") }
        for result in try await results { _ = try result.get() }
        await writer.close(timeout: hang)
        await reader.close(timeout: hang)
    }

    @Test("Connections that are reset lose nothing", arguments: TestBroker.usable)
    func resets(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        let reset: @Sendable () throws -> Void = { try cluster.proxy.resetConnections() }
        try await cluster.expectAll(1000, despite: [reset, reset, reset, reset, reset])
    }

    @Test("Responses that break off in the middle lose nothing", arguments: TestBroker.usable)
    func cuts(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        func cut(_ bytes: Int) -> @Sendable () throws -> Void {
            { try cluster.proxy.cutConnections(afterBytes: bytes) }
        }
        try await cluster.expectAll(1000, despite: [cut(0), cut(10), cut(500), cut(1000)])
    }

    @Test("A broker that can't be reached for a while is seen to be, and nothing is lost", arguments: TestBroker.usable)
    func refused(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        let (writer, reader) = try await cluster.connect()
        try await writer.write("before")
        try cluster.proxy.setRefusing(true)
        try cluster.proxy.resetConnections()
        for status in [{ reader.status() }, { writer.status() }] {
            #expect(await eventually { if case .disconnected = status() { true } else { false } })
        }
        let waiting = immediately { try await writer.write("meanwhile") }
        try cluster.proxy.clear()
        _ = try await waiting.value
        for text in ["before", "meanwhile"] { #expect(try await reader.read().text == text) }
        #expect(await eventually { writer.status() == .open && reader.status() == .open })
        await writer.close()
        await reader.close()
    }

    @Test("A black hole only holds messages up", arguments: TestBroker.usable)
    func blackHole(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        try await cluster.expectAll(
            300,
            despite: [
                {
                    try cluster.proxy.setBlackHole(true)
                    // A client of nobody else, whose question isn't answered.
                    var config = cluster.config(.writer)
                    config.connectTimeout = .seconds(1)
                    let other = config
                    await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(other) }
                    try cluster.proxy.setBlackHole(false)
                }
            ]
        )
    }

    @Test("A black hole that outlasts requests loses and repeats nothing", arguments: TestBroker.usable)
    func longBlackHole(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        try await cluster.expectAll(
            300,
            properties: ["socket.timeout.ms": "1000"],
            despite: [
                {
                    try cluster.proxy.setBlackHole(true)
                    // Longer than this client has patience with a request.
                    var config = cluster.config(.writer)
                    config.connectTimeout = .seconds(3)
                    let other = config
                    await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(other) }
                    try cluster.proxy.setBlackHole(false)
                }
            ]
        )
    }

    @Test(
        "A broker that accepts and never answers fails to connect by the deadline",
        arguments: [BusDirection.writer, .reader]
    )
    func silent(direction: BusDirection) async throws {
        let cluster = try Cluster(.embedded)
        try cluster.proxy.setBlackHole(true)
        var config = cluster.config(direction)
        config.connectTimeout = .seconds(1)
        let short = config
        let start = ContinuousClock.now
        let error = await #expect(throws: MsgBusError.self) {
            switch direction {
            case .reader: await (try await KafkaReader.connect(short)).close()
            case .writer: await (try await KafkaWriter.connect(short)).close()
            }
        }
        #expect(start.duration(to: .now) < hang)
        #expect(error?.code == .timeout || error?.code == .transport)
        #expect(error?.isRetriable == true)
    }

    @Test(
        "A close within a black hole ends by its deadline, and reports what it couldn't deliver",
        arguments: TestBroker.usable
    )
    func close(kind: TestBroker) async throws {
        let cluster = try Cluster(kind)
        let (writer, reader) = try await cluster.connect()
        var config = cluster.config(.reader)
        config.groupID = unique("group")
        config.connectTimeout = hang
        let member = try await KafkaReader.connect(config)
        try await writer.write("before")
        #expect(try await member.read().text == "before")
        try cluster.proxy.setBlackHole(true)
        for index in 0..<5 { try writer.enqueue("\(index)") }
        let start = ContinuousClock.now
        let report = await writer.close(timeout: .seconds(1))
        #expect((report.delivered, report.undelivered) == (1, 5))
        await reader.close(timeout: .seconds(1))
        await member.close(timeout: .seconds(1))
        #expect(start.duration(to: .now) < hang)
        #expect(writer.status() == .closed && reader.status() == .closed && member.status() == .closed)
    }
}
