import Logging
import MsgBus
import TestSupport
import Testing

/// The logger is one for the whole process, so these tests take turns, and look for lines of their own topics only.
@Suite("Logging", .serialized, .timeLimit(.minutes(5)))
struct LogTests {
    @Test("A caller's logger gets what is logged from then on, also librdkafka's lines (H-03)")
    func ownLogger() async throws {
        let recorder = LogRecorder()
        setLogger(recorder.logger)
        defer { setLogger(nil) }
        var config = MsgBusConfig(topic: unique("logged"), direction: .writer)
        config.port = try ClosedPort.number()
        config.connectRetries = 2
        config.properties["debug"] = "broker"
        await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(config) }
        let port = "\(config.port)"
        #expect(
            await eventually {
                recorder.lines.all.contains { $0.contains("attempt 1 to connect failed") && $0.contains(port) }
            }
        )
        #expect(await eventually { recorder.lines.all.contains { $0.contains("librdkafka: ") && $0.contains(port) } })
    }

    @Test("A message that nobody hears about is logged as an error")
    func undelivered() async throws {
        let recorder = LogRecorder()
        setLogger(recorder.logger)
        defer { setLogger(nil) }
        let broker = try EmbeddedBroker()
        let writer = try await KafkaWriter.connect(broker.config(topic: unique("unheard"), direction: .writer))
        broker.close()
        try writer.enqueue("this text is nobody's business")
        await writer.close(timeout: .milliseconds(300))
        #expect(await eventually { recorder.lines.all.contains { $0.hasPrefix("error: undelivered message") } })
        #expect(!recorder.lines.all.contains { $0.contains("nobody's business") })
    }

    @Test("A blocking write inside a log handler is an error, not a deadlock", arguments: [1, 600])
    func blockingHandler(count: Int) async throws {
        let broker = try EmbeddedBroker()
        let (topic, used, codes) = writeWhatIsLogged()
        defer { setLogger(nil) }
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        used.withLock { $0 = writer }
        try broker.fail(.produce, with: .topicAuthorizationFailed)
        // Once a broker has said so, librdkafka refuses further ones by itself.
        for number in 0..<count { try? writer.enqueue(OutgoingMessage("\(number)")) }
        #expect(await eventually { codes.all.contains(.state) })
        used.withLock { $0 = nil }
        try await writer.flush(timeout: hang)
        await writer.close()
    }

    @Test("So it is inside one that is run while another thread writes and takes librdkafka's lines")
    func blockingHandlerMeanwhile() async throws {
        let broker = try EmbeddedBroker()
        let (topic, used, codes) = writeWhatIsLogged()
        defer { setLogger(nil) }
        var config = broker.config(topic: topic, direction: .writer)
        config.properties["debug"] = "msg,broker"
        let writer = try await KafkaWriter.connect(config)
        try broker.setRoundTripTime(.milliseconds(20))
        used.withLock { $0 = writer }
        try await onThread { for number in 0..<20 { try writer.messageWrite("\(number)") } }
        #expect(await eventually { !codes.all.isEmpty })
        used.withLock { $0 = nil }
        #expect(codes.all.allSatisfy { $0 == .state })
        #expect(await writer.close().delivered == 20)
    }

    /// Has a logger write, with the writer that is set, whenever a line of the topic comes; and keeps what comes of that.
    private func writeWhatIsLogged() -> (
        topic: String, writer: Shared<KafkaWriter?>, codes: Collected<MsgBusError.Code>
    ) {
        let topic = unique("reentrant")
        let used = Shared<KafkaWriter?>(nil)
        let codes = Collected<MsgBusError.Code>()
        setLogger(
            Logger(label: "reentrant") { _ in
                Reentrant(topic: topic) {
                    guard let writer = used.withLock({ $0 }) else { return }
                    do throws(MsgBusError) { try writer.messageWrite("from a handler") } catch {
                        codes.append(error.code)
                    }
                }
            }
        )
        return (topic, used, codes)
    }

    /// Does something for each line of a topic's connections; other tests log meanwhile.
    private struct Reentrant: LogHandler {
        let topic: String
        let body: @Sendable () -> Void
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            if event.metadata?["topic"]?.description == topic { body() }
        }
    }

    @Test("No line shows a secret, however much librdkafka is told to say")
    func secrets() async throws {
        let recorder = LogRecorder()
        setLogger(recorder.logger)
        defer { setLogger(nil) }
        var config = MsgBusConfig(topic: unique("secret"), direction: .writer)
        config.port = try ClosedPort.number()
        config.connectRetries = 2
        config.security = .sasl(.plain(username: "alice", password: "hunter2-password"))
        config.properties = ["debug": "all", "ssl.key.password": "hunter2-key"]
        let final = config
        await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(final) }
        #expect(recorder.lines.all.contains { $0.contains("the login travels without TLS") })
        #expect(recorder.lines.all.contains { $0.hasPrefix("trace: librdkafka: ") })
        #expect(!recorder.lines.all.contains { $0.contains("hunter2") })
    }

    @Test(
        "No line shows a token or a password on its way to the broker",
        .enabled(if: ProcessBroker.isUsable && FaultProxy.isUsable, "\(ProcessBroker.hint)"),
        arguments: [
            ("PLAIN", SASLLogin.plain(username: "alice", password: "hunter2")),
            ("SCRAM-SHA-256", .scramSHA256(username: "alice", password: "hunter2")),
            (
                "OAUTHBEARER",
                .oauthBearer { OAuthToken(token: "hunter2", principal: "alice", lifetime: .seconds(60)) }
            ),
        ]
    )
    func exchanges(mechanism: String, login: SASLLogin) async throws {
        let recorder = LogRecorder()
        setLogger(recorder.logger)
        defer { setLogger(nil) }
        let proxy = try await onThread {
            try FaultProxy(
                inFrontOf: ProcessBroker.shared.get(),
                guards: [.login(mechanism, user: "alice", password: "hunter2")]
            )
        }
        var config = MsgBusConfig(topic: unique("secret"), direction: .reader)
        config.brokers = proxy.brokers
        config.reader.missingTopic = .create(partitions: 1)
        config.security = .sasl(login)
        config.properties = ["debug": "all"]
        await (try await KafkaReader.connect(config)).close()
        #expect(recorder.lines.all.contains { $0.contains("AUTH_REQ") })
        #expect(!recorder.lines.all.contains { $0.contains("hunter2") })
        withExtendedLifetime(proxy) {}
    }
}
