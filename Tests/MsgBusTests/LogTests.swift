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
}
