/// librdkafka's properties: the very same for every client of a case.
struct Settings {
    /// Given to all.
    var shared: [String: String]
    /// What MsgBus sets by itself, and lets nobody else set; so it is given to all others.
    var msgbusOwn: [String: String] = [:]

    private static let connection = [
        "socket.nagle.disable": "true",
        "socket.keepalive.enable": "true",
        "reconnect.backoff.max.ms": "1000",
    ]

    /// A writer's. Its queue holds all messages of the case, so that no client ever finds it full.
    static func writer(linger: Int, messages: Int) -> Settings {
        Settings(
            shared: connection.merging([
                "acks": "all",
                "enable.idempotence": "true",
                "linger.ms": "\(linger)",
                "compression.type": "none",
                "partitioner": "murmur2_random",
                "message.max.bytes": "1000000",
                "message.timeout.ms": "120000",
                "queue.buffering.max.messages": "\(min(messages + 10_000, 10_000_000))",
                "queue.buffering.max.kbytes": "2097151",
            ]) { $1 }
        )
    }

    /// A reader's: MsgBus' own values.
    ///
    /// - Parameters:
    ///   - wait: How long a broker may hold a fetch that finds nothing. The embedded one always does.
    ///   - isUnbounded: librdkafka that has fetched enough looks only once a second whether it may fetch on: where that isn't the
    ///     question, it never has enough.
    static func reader(wait: Int, isUnbounded: Bool = true) -> Settings {
        Settings(
            shared: connection.merging([
                "queued.min.messages": isUnbounded ? "10000000" : "1000000",
                "queued.max.messages.kbytes": isUnbounded ? "2097151" : "65536",
                "fetch.wait.max.ms": "\(wait)",
                "topic.metadata.refresh.interval.ms": "30000",
            ]) { $1 },
            msgbusOwn: [
                "group.id": "msgbus-private",
                "enable.auto.commit": "false",
                "enable.auto.offset.store": "false",
                "enable.partition.eof": "true",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            ]
        )
    }

    /// For a client that does both: librdkafka warns of what isn't for it, and goes on.
    func and(_ other: Settings) -> Settings {
        Settings(
            shared: shared.merging(other.shared) { $1 }.merging(["log_level": "3"]) { $1 },
            msgbusOwn: msgbusOwn.merging(other.msgbusOwn) { $1 }
        )
    }

    func properties(for program: Client.Program) -> [String] {
        (program == .msgbus ? shared : shared.merging(msgbusOwn) { $1 }).map { "\($0)=\($1)" }.sorted()
    }
}
