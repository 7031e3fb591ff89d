import CRdKafka
import TestSupport
import Testing

@testable import MsgBus

/// Traps of librdkafka that no other suite happens to step on; the numbers are those of our notes on it.
@Suite("librdkafka's traps", .timeLimit(.minutes(5)))
struct TrapTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("traps")

    @Test("More events than one turn of the poll loop takes: the loop goes on by itself (4, 5, 6)")
    func manyEvents() async throws {
        var config = broker.config(topic: topic, direction: .writer)
        // A log line is an event, and this makes dozens for each request.
        config.properties["debug"] = "all"
        let writer = try await KafkaWriter.connect(config)
        for index in 0..<300 { try await writer.write("\(index)") }
        #expect(await writer.close(timeout: hang).delivered == 300)
    }

    @Test("Events that nobody asked for are taken and destroyed (11, 12)")
    func uninvitedEvents() async throws {
        var config = broker.config(topic: topic, direction: .writer)
        config.properties["statistics.interval.ms"] = "1"
        let writer = try await KafkaWriter.connect(config)
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        for index in 0..<1000 { try await writer.write("\(index)") }
        for _ in 0..<1000 { _ = try await reader.read() }
        await reader.close(timeout: hang)
        #expect(await writer.close(timeout: hang).delivered == 1000)
    }

    @Test("A close while the group has not assigned anything yet ends, and leaves nothing (27, 28, 30)")
    func closeWhileJoining() async throws {
        var config = broker.config(topic: topic, direction: .reader)
        config.groupID = unique("group")
        for time in [Duration.milliseconds(1), .milliseconds(100), .milliseconds(600)] {
            config.connectTimeout = time
            let impatient = config
            let error = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(impatient) }
            #expect(error?.code == .timeout)
        }
    }

    @Test("Topic handles are made once: a new one delays its first message by a second (16, 41)")
    func topicHandles() async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        let client = writer.core.client
        #expect(client.topicHandle(topic) == client.topicHandle(topic))
        await writer.close()
    }

    @Test(
        "Each of librdkafka's codes is the kind of error that a caller can act on",
        arguments: [
            (RD_KAFKA_RESP_ERR__QUEUE_FULL, MsgBusError.Code.queueFull, true),
            (RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, .timeout, true),
            (RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, .transport, true), (RD_KAFKA_RESP_ERR__SSL, .tls, false),
            (RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, .authentication, false),
            (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, .authorization, false),
            (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, .unknownTopic, false),
            (RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, .unknownPartition, false),
            (RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, .notAvailable, true),
            (RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, .messageTooLarge, false),
            (RD_KAFKA_RESP_ERR_INVALID_RECORD, .invalidRecord, false),
            (RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, .rebalance, true),
            (RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, .offset, false),
            (RD_KAFKA_RESP_ERR__PURGE_QUEUE, .purged, false), (RD_KAFKA_RESP_ERR_PRODUCER_FENCED, .fenced, false),
            (RD_KAFKA_RESP_ERR__FATAL, .fatal, false), (RD_KAFKA_RESP_ERR__STATE, .state, false),
            (RD_KAFKA_RESP_ERR__DESTROY, .closed, false), (RD_KAFKA_RESP_ERR__INVALID_ARG, .configuration, false),
            (RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, .unsupported, false),
            (RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, .quota, true),
            (RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, .admin, false),
            (RD_KAFKA_RESP_ERR__FAIL, .internal, false), (rd_kafka_resp_err_t(rawValue: -12345), .internal, false),
        ]
    )
    func errorTable(kafka: rd_kafka_resp_err_t, code: MsgBusError.Code, isRetriable: Bool) {
        let error = MsgBusError(kafka: kafka, "x")
        #expect(error.code == code)
        #expect(error.isRetriable == isRetriable)
        #expect(error.kafkaCode == Int(kafka.rawValue))
        #expect(error.isFatal == (code == .fatal || code == .fenced))
    }
}
