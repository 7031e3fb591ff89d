import Foundation
import MsgBus
import TestSupport
import Testing

@Suite("Connecting", .timeLimit(.minutes(5)))
struct ConnectTests {
    let broker = try! EmbeddedBroker()

    @Test(
        "An address that can't be right is refused before anything is sent (B-01)",
        arguments: [
            ("localhost", 0), ("localhost", -1), ("localhost", 65536), ("localhost", 99999), ("", 9092), (" ", 9092),
            ("no such host", 9092), ("a/b", 9092),
        ]
    )
    func badAddress(host: String, port: Int) async {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.host = host
        config.port = port
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(config) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(port == 9092 ? "host" : "\(port)") == true)
    }

    @Test(
        "A closed port is an error within the time given, which names the cause (B-01)",
        arguments: [BusDirection.writer, .reader]
    )
    func closedPort(direction: BusDirection) async throws {
        var config = MsgBusConfig(topic: "t", direction: direction)
        config.port = try ClosedPort.number()
        config.connectTimeout = .milliseconds(700)
        let start = ContinuousClock.now
        let error = await #expect(throws: MsgBusError.self) { try await connectAny(config) }
        #expect(start.duration(to: .now) < hang)
        #expect(error?.code == .transport)
        #expect(error?.message.contains("localhost:\(config.port)") == true)
        #expect(error?.message.contains("refused") == true)
    }

    @Test("So many attempts are made and each is counted")
    func attempts() async throws {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.port = try ClosedPort.number()
        config.connectRetries = 2
        config.connectTimeout = .seconds(60)
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(config) }
        #expect(error?.message.contains("2 attempts") == true)
    }

    @Test("A host that doesn't resolve is an error that says so")
    func unknownHost() async {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.host = "no-such-host.invalid"
        config.connectRetries = 1
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(config) }
        #expect(error?.code == .transport || error?.code == .timeout)
        #expect(error?.message.contains("no-such-host.invalid") == true)
    }

    @Test("Somebody who listens and never answers costs the time given and no more")
    func silentPeer() async throws {
        let peer = try SilentPeer()
        defer { peer.close() }
        var config = MsgBusConfig(topic: "t", direction: .reader)
        config.host = "127.0.0.1"
        config.port = peer.port
        config.connectTimeout = .milliseconds(600)
        let start = ContinuousClock.now
        let error = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(config) }
        #expect(error?.code == .timeout)
        #expect(start.duration(to: .now) < hang)
    }

    @Test("Somebody who answers, but isn't a Kafka broker, is an error that asks whether it is one")
    func notKafka() async throws {
        let peer = try Listener()
        let server = Task {
            try await onThread {
                while true {
                    let connection = accept(peer.descriptor, nil, nil)
                    guard connection >= 0 else { return }
                    let answer = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
                    _ = write(connection, answer, answer.count)
                    close(connection)
                }
            }
        }
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.host = "127.0.0.1"
        config.port = peer.port
        config.connectTimeout = patience
        let odd = config
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(odd) }
        #expect(error?.code == .transport)
        #expect(error?.message.contains("can't connect to 127.0.0.1:\(peer.port)") == true)
        #expect(error?.message.contains("is this a Kafka broker?") == true)
        // In this order: a closed descriptor's number goes to whoever opens one next, the listener of another test's broker for
        // example, and the server would take its connections.
        shutdown(peer.descriptor, Int32(SHUT_RDWR))
        _ = await server.result
        close(peer.descriptor)
    }

    @Test("Dead brokers before a live one don't matter (B-21)")
    func firstOnesDead() async throws {
        var config = broker.config(topic: unique("t"), direction: .writer)
        config.brokers = [
            "127.0.0.1:\(try ClosedPort.number())", "tcp://localhost:\(try ClosedPort.number())",
            broker.bootstrapServers,
        ]
        let writer = try await KafkaWriter.connect(config)
        try await writer.write("made it")
        await writer.close()
    }

    @Test("A silent broker before a live one doesn't matter")
    func firstOneSilent() async throws {
        let peer = try SilentPeer()
        defer { peer.close() }
        var config = broker.config(topic: unique("t"), direction: .writer)
        config.brokers = ["127.0.0.1:\(peer.port)", broker.bootstrapServers]
        for _ in 0..<3 {
            let writer = try await KafkaWriter.connect(config)
            await writer.close()
        }
    }

    @Test("A cancelled task stops connecting")
    func cancellation() async throws {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.port = try ClosedPort.number()
        config.connectTimeout = .seconds(300)
        let task = Task { [config] in try await KafkaWriter.connect(config) }
        task.cancel()
        let error = await #expect(throws: MsgBusError.self) { try await task.value }
        #expect(error?.code == .cancelled)
    }

    @Test("Options that make no sense are refused by name")
    func badOptions() async {
        let changes: [(String, (inout MsgBusConfig) -> Void)] = [
            ("connectRetries", { $0.connectRetries = 0 }),
            ("connectTimeout", { $0.connectTimeout = .zero }),
            ("groupID", { $0.groupID = " " }),
            ("topic", { $0.topic = "bad topic!" }),
            ("topic", { $0.topic = ".." }),
            ("topic", { $0.topic = String(repeating: "x", count: 250) }),
            ("queueMessages", { $0.reader.queueMessages = 0 }),
            ("commitInterval", { $0.reader.commitInterval = .zero }),
            ("startFrom", { $0.reader.startFrom = .last(-1) }),
            ("missingTopic", { $0.reader.missingTopic = .create(partitions: 0) }),
        ]
        for (name, change) in changes {
            var config = broker.config(topic: "t", direction: .reader)
            change(&config)
            let error = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(config) }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains(name) == true, "\(name)")
        }
    }

    @Test("Two connections in one process keep their own settings (B-29)")
    func ownSettings() async throws {
        let topic = unique("t")
        var small = broker.config(topic: topic, direction: .writer)
        small.writer.maxMessageBytes = 1000
        let large = broker.config(topic: topic, direction: .writer)
        let first = try await KafkaWriter.connect(small)
        let second = try await KafkaWriter.connect(large)
        let message = OutgoingMessage(value: Array(repeating: 0x61, count: 5000))
        let error = await #expect(throws: MsgBusError.self) { try await first.write(message) }
        #expect(error?.code == .messageTooLarge)
        try await second.write(message)
    }
}

/// Connects in the configuration's direction.
func connectAny(_ config: MsgBusConfig) async throws {
    switch config.direction {
    case .writer: _ = try await KafkaWriter.connect(config)
    case .reader: _ = try await KafkaReader.connect(config)
    }
}
