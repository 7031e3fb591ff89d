import Testing

@testable import MsgBus

@Suite("librdkafka's statistics", .timeLimit(.minutes(5)))
struct StatisticsTests {
    @Test("What an older or a newer librdkafka doesn't say, or says otherwise, is nothing and no error")
    func tolerant() throws {
        let empty = try Statistics(json: "{}")
        check(empty.sent.count == 0 && empty.brokers.isEmpty && empty.topics.isEmpty && empty.group == nil)
        let odd = try Statistics(
            json: """
                {"msg_cnt": "many", "tx": 1e300, "tx_bytes": -3.5, "brokers": [1], "cgrp": null, "new": {"a": [true]},
                 "topics": {"t": {"partitions": {"-1": {}, "x": {}, "0": {"consumer_lag": -1, "hi_offset": 7, "leader": null}}}}}
                """
        )
        check(odd.queuedMessages == 0 && odd.requests.count == 0 && odd.brokers.isEmpty)
        let partition = odd.topics["t"]?.partitions
        check(partition?.count == 1)
        check(partition?[0]?.lag == nil)
        check(partition?[0]?.end == 7)
        check(partition?[0]?.leader == -1)
    }

    @Test("What isn't JSON is an error")
    func broken() {
        let error = #expect(throws: MsgBusError.self) { try Statistics(json: "{\"a\": ") }
        check(error?.code == .serialization)
    }
}
