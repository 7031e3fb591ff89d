import CRdKafka
import TestSupport
import Testing

@testable import MsgBus

@Suite("Fatal errors", .timeLimit(.minutes(5)))
struct FatalErrorTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("fatal")

    @Test("A writer that can't go on says so to everyone, and closes in time (guide trap 31)")
    func writer() async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        try await writer.write("before")
        rd_kafka_test_fatal_error(
            writer.core.client.handle.pointer,
            RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            "made up"
        )
        #expect(await eventually { if case .failed = writer.status() { true } else { false } })
        let error = await #expect(throws: MsgBusError.self) { try await writer.write("after") }
        #expect(error?.isFatal == true)
        #expect(error?.message.contains("made up") == true)
        let enqueued = #expect(throws: MsgBusError.self) { try writer.enqueue("after") }
        #expect(enqueued?.isFatal == true)
        #expect(await writer.close(timeout: hang).delivered == 1)
    }

    @Test("A writer of dead letters that can't go on is replaced by another one")
    func deadLetters() async throws {
        try broker.createTopic(topic)
        let letters = DeadLetters(broker.config(topic: "failing", direction: .reader))
        try await letters.write("first", to: topic)
        try broker.fail(next: 1, .produce, with: .outOfOrderSequence)
        let error = await #expect(throws: MsgBusError.self) { try await letters.write("never", to: topic) }
        #expect(error?.isFatal == true)
        try await letters.write("second", to: topic)
        for end in letters.close(within: hang) { _ = await end.value() }
    }

    @Test("A reader that can't go on says so to who waits and to who comes later, and closes in time (guide trap 31)")
    func reader() async throws {
        var config = broker.config(topic: topic, direction: .reader)
        config.groupID = unique("group")
        config.connectTimeout = patience
        let reader = try await KafkaReader.connect(config)
        let waiting = immediately { try await reader.read() }
        rd_kafka_test_fatal_error(
            reader.core.client.handle.pointer,
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
            "made up"
        )
        let error = await #expect(throws: MsgBusError.self) { try await waiting.value }
        #expect(error?.isFatal == true)
        await #expect(throws: MsgBusError.self) { for try await _ in reader.messages {} }
        #expect(await eventually { if case .failed = reader.status() { true } else { false } })
        await reader.close(timeout: hang)
    }
}
