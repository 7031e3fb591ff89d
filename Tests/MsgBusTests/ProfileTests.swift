import MsgBus
import TestSupport
import Testing

@Suite("Profiles", .timeLimit(.minutes(5)))
struct ProfileTests {
    let broker = try! EmbeddedBroker()

    @Test("A profile sets what it names, the next one sets it anew, and what the user sets afterwards counts")
    func values() {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.use(.throughput)
        #expect(config.writer.linger == .milliseconds(20))
        #expect(config.writer.compression == .lz4)
        #expect(config.properties["batch.num.messages"] == "100000")
        config.properties["compression.level"] = "3"
        config.use(.lowLatency)
        #expect(config.writer.linger == .zero)
        #expect(config.properties == ["compression.level": "3", "sticky.partitioning.linger.ms": "0"])
        config.use(.balanced)
        #expect(config.properties == ["compression.level": "3"])
        #expect(config.writer.bufferMessages == WriterOptions().bufferMessages)
        #expect(config.writer.acks == .all)
    }

    @Test("Messages travel with every profile", arguments: Profile.allCases)
    func travel(profile: Profile) async throws {
        let topic = unique("profile")
        var writing = broker.config(topic: topic, direction: .writer)
        writing.use(profile)
        var reading = broker.config(topic: topic, direction: .reader)
        reading.use(profile)
        // The embedded broker holds every fetch so long, and has no more than what is written.
        reading.properties["fetch.wait.max.ms"] = "10"
        let reader = try await KafkaReader.connect(reading)
        let writer = try await KafkaWriter.connect(writing)
        try writer.enqueue(contentsOf: (0..<1000).map { OutgoingMessage("\($0)") })
        var seen: Set<String> = []
        while seen.count < 1000 { seen.insert(try await reader.read().text) }
        #expect(await writer.close().delivered == 1000)
    }
}
