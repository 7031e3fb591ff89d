/// All cases, for a number of messages that the largest of them have.
enum Cases {
    static func all(messages: Int) -> [Case] {
        writing(messages) + reading(messages) + clients(messages) + scaling(messages)
    }

    // MARK: Writing

    private static func writing(_ messages: Int) -> [Case] {
        let sizes = [
            write("write 100 B", Load(messages: messages, size: 100)),
            write("write 1 KiB", Load(messages: messages / 4, size: 1024)),
            write("write 16 KiB", Load(messages: messages / 20, size: 16 * 1024)),
        ]
        let headers = Case(
            name: "write 100 B with a key and 3 headers",
            metric: .rate,
            load: Load(messages: messages / 2),
            topic: .fresh,
            settings: .writer(linger: 5, messages: messages),
            clients: [
                .c("write-headers", "rd_kafka_producev"),
                .msgbus("write-headers", "enqueue"),
                .python("write-headers", "produce"),
            ],
            baselines: ["write-headers"]
        )
        let acked = Case(
            name: "write 100 B, acknowledged one by one",
            metric: .latency,
            load: Load(messages: max(1000, messages / 50), warmup: 200),
            topic: .fresh,
            settings: .writer(linger: 0, messages: messages),
            clients: [
                .c("write-acked", "rd_kafka_produce, rd_kafka_poll"),
                .msgbus("write-blocking", "messageWrite"),
                .msgbus("write-async", "await write"),
                .python("write-acked", "produce, poll"),
            ],
            baselines: ["write-acked"],
            demands: [
                Demand("write-blocking", .atMost(1.15), of: "write-acked"),
                Demand("write-async", .atMost(1.6), of: "write-acked"),
            ]
        )
        return sizes + [headers, acked, writeTasks(100, messages), writeTasks(1000, messages)]
    }

    private static func write(_ name: String, _ load: Load) -> Case {
        let demands = [
            Demand("write", .atLeast(0.95), of: "write"),
            Demand("write-batch", .atLeast(1), of: "write"),
            Demand("write-batch", .atLeast(0.9), of: "write-batch"),
        ]
        return Case(
            name: name,
            metric: .rate,
            load: load,
            topic: .fresh,
            settings: .writer(linger: 5, messages: load.messages),
            clients: [
                .c("write", "rd_kafka_produce"),
                .c("write-batch", "rd_kafka_produce_batch"),
                .msgbus("write", "enqueue"),
                .msgbus("write-batch", "enqueue(contentsOf:)"),
                .msgbus("write-batch-acked", "await write(contentsOf:)"),
                .python("write", "produce"),
            ],
            baselines: ["write", "write-batch"],
            demands: load.size == 100 ? demands : []
        )
    }

    private static func writeTasks(_ count: Int, _ messages: Int) -> Case {
        Case(
            name: "write 100 B, acknowledged, \(count) at once",
            metric: .rate,
            load: Load(messages: messages / 4, clients: count, warmup: 1),
            topic: .fresh,
            settings: .writer(linger: 0, messages: messages),
            clients: [
                .c("write-window", "rd_kafka_produce, \(count) on their way"),
                .msgbus("write-tasks", "await write in \(count) tasks"),
                .msgbus("write", "enqueue"),
            ],
            baselines: ["write-window"],
            demands: count == 100
                ? [Demand("write-tasks", .atLeastEither(rate: 250_000, 0.6), of: "write")] : []
        )
    }

    // MARK: Reading

    private static func reading(_ messages: Int) -> [Case] {
        [
            read("read 100 B", Load(messages: 2 * messages, size: 100, partitions: 64)),
            read("read 1 KiB", Load(messages: messages / 4, size: 1024, partitions: 64)),
            read("read 100 B, all fetched before", Load(messages: messages, partitions: 64, isPrefetched: true)),
        ]
    }

    private static func read(_ name: String, _ load: Load) -> Case {
        let demands = [
            Demand("read-borrowed", .atLeast(0.95), of: "read-batch"),
            Demand("read-batches", .atLeast(0.8), of: "read-batch"),
            Demand("read-messages", .atLeast(0.6), of: "read-batch"),
            Demand("read-messages", .atLeast(1), of: "read-poll"),
            Demand("read-messages-actor", .atLeast(0.6), of: "read-batch"),
            Demand("read-messages-actor", .atLeast(1), of: "read-poll"),
            Demand("read-texts", .atLeast(0.5), of: "read-batch"),
        ]
        return Case(
            name: name,
            metric: .rate,
            load: load,
            topic: .filled,
            // Fetches that find nothing would keep a reader from its quiet.
            settings: .reader(wait: load.isPrefetched ? 100 : 5),
            clients: [
                .c("read-poll", "rd_kafka_consumer_poll"),
                .c("read-batch", "rd_kafka_consume_batch_queue"),
                .msgbus("read-texts", "messageRead"),
                .msgbus("read-messages", "messages in a task"),
                .msgbus("read-messages-actor", "messages in an actor"),
                .msgbus("read-messages-main-actor", "messages on the main actor"),
                .msgbus("read-batches", "readBatch"),
                .msgbus("read-borrowed", "withBatch"),
                .msgbus("read-callback", "onMessage"),
                .msgbus("read-text-callback", "registerCB"),
                .python("read-poll", "poll"),
                .python("read-batch", "consume"),
            ],
            baselines: ["read-poll", "read-batch"],
            demands: load.size == 100 ? demands : []
        )
    }

    // MARK: Clients

    private static func clients(_ messages: Int) -> [Case] {
        [
            Case(
                name: "round trip 100 B, from the write to the read",
                metric: .latency,
                load: Load(messages: max(200, messages / 500), partitions: 1, warmup: 100),
                topic: .fresh,
                settings: .writer(linger: 0, messages: messages).and(.reader(wait: 1)),
                clients: [
                    .c("round-trip", "rd_kafka_produce, rd_kafka_consumer_poll"),
                    .msgbus("round-trip", "enqueue, await read"),
                    .python("round-trip", "produce, poll"),
                ],
                baselines: ["round-trip"]
            ),
            Case(
                name: "100 idle readers",
                metric: .core,
                load: Load(messages: 0, clients: 100, seconds: 5),
                topic: .empty,
                settings: .reader(wait: 500, isUnbounded: false),
                clients: [.c("idle", "rd_kafka_t"), .msgbus("idle", "KafkaReader")],
                baselines: ["idle"],
                demands: [Demand("idle", .atMostMore(0.01), of: "idle")]
            ),
            Case(
                name: "connecting a writer",
                metric: .latency,
                load: Load(messages: 20),
                topic: .empty,
                settings: .writer(linger: 0, messages: messages),
                clients: [
                    .c("connect-writer", "rd_kafka_new, rd_kafka_metadata"), .msgbus("connect-writer", "connect"),
                ],
                baselines: ["connect-writer"]
            ),
            Case(
                name: "connecting a reader",
                metric: .latency,
                load: Load(messages: 20),
                topic: .empty,
                settings: .reader(wait: 5, isUnbounded: false),
                clients: [
                    .c("connect-reader", "rd_kafka_new, rd_kafka_metadata, rd_kafka_assign"),
                    .msgbus("connect-reader", "connect"),
                ],
                baselines: ["connect-reader"]
            ),
            Case(
                name: "memory of a reader that nobody reads",
                metric: .memory,
                load: Load(messages: messages, partitions: 64, seconds: 3),
                topic: .filled,
                settings: .reader(wait: 5, isUnbounded: false),
                clients: [.c("read-memory", "rd_kafka_t"), .msgbus("read-memory", "KafkaReader")],
                baselines: ["read-memory"]
            ),
        ]
    }

    // MARK: Scaling

    private static func scaling(_ messages: Int) -> [Case] {
        let few = Load(messages: messages / 2)
        let many = Load(messages: 5 * messages)
        let narrow = Load(messages: messages, partitions: 32)
        let wide = Load(messages: messages, partitions: 1000)
        return [
            Case(
                name: "write 100 B, 10 times as many",
                metric: .rate,
                load: few,
                topic: .fresh,
                settings: .writer(linger: 5, messages: many.messages),
                clients: [
                    .c("write", "rd_kafka_produce"),
                    .msgbus("write", "enqueue"),
                    .c("write", "rd_kafka_produce, 10 times", many),
                    .msgbus("write", "enqueue, 10 times", many),
                ],
                baselines: ["write"]
            ),
            Case(
                name: "read 100 B, 10 times as many",
                metric: .rate,
                load: Load(messages: messages / 2, partitions: 256),
                topic: .filled,
                settings: .reader(wait: 5),
                clients: [
                    .c("read-batch", "rd_kafka_consume_batch_queue"),
                    .msgbus("read-batches", "readBatch"),
                    .c(
                        "read-batch",
                        "rd_kafka_consume_batch_queue, 10 times",
                        Load(messages: 5 * messages, partitions: 256)
                    ),
                    .msgbus("read-batches", "readBatch, 10 times", Load(messages: 5 * messages, partitions: 256)),
                ],
                baselines: ["read-batch"]
            ),
            Case(
                name: "read 100 B, 32 and 1,000 partitions",
                metric: .rate,
                load: narrow,
                topic: .filled,
                settings: .reader(wait: 5),
                clients: [
                    .c("read-batch", "rd_kafka_consume_batch_queue, 32"),
                    .msgbus("read-batches", "readBatch, 32"),
                    .c("read-batch", "rd_kafka_consume_batch_queue, 1,000", wide),
                    .msgbus("read-batches", "readBatch, 1,000", wide),
                ],
                baselines: ["read-batch"]
            ),
            Case(
                name: "write 100 B, 1 and 100 writers",
                metric: .rate,
                load: Load(messages: messages / 2, partitions: 1),
                topic: .freshForEachClient,
                settings: .writer(linger: 5, messages: messages),
                clients: [
                    .c("write-clients", "1 rd_kafka_t"),
                    .msgbus("write-writers", "1 KafkaWriter"),
                    .c("write-clients", "100 rd_kafka_t", Load(messages: messages / 2, partitions: 1, clients: 100)),
                    .c(
                        "write-topics",
                        "1 rd_kafka_t, 100 topics",
                        Load(messages: messages / 2, partitions: 1, clients: 100)
                    ),
                    .msgbus(
                        "write-writers",
                        "100 KafkaWriters",
                        Load(messages: messages / 2, partitions: 1, clients: 100)
                    ),
                ],
                baselines: ["write-clients"]
            ),
        ]
    }

    // MARK: Counting

    /// The cases whose allocations and instructions are counted, so arranged that these depend on the clock as little as can be:
    /// batches are full, and what is read has been fetched.
    static var counted: [Case] {
        let linger = Settings.writer(linger: 1000, messages: 1_000_000)
        let noLinger = Settings.writer(linger: 0, messages: 1_000_000)
        func write(_ name: String, _ settings: Settings, _ messages: Int, _ clients: [Client]) -> Case {
            let load = Load(messages: messages, partitions: 1, clients: 100)
            return Case(
                name: name,
                metric: .rate,
                load: load,
                topic: .fresh,
                settings: settings,
                clients: clients,
                baselines: []
            )
        }
        return [
            write(
                "write",
                linger,
                20_000,
                [
                    .c("write", "rd_kafka_produce"), .c("write-batch", "rd_kafka_produce_batch"),
                    .msgbus("write", "enqueue"), .msgbus("write-batch", "enqueue(contentsOf:)"),
                    .msgbus("write-batch-acked", "await write(contentsOf:)"),
                ]
            ),
            write(
                "write with a key and 3 headers",
                linger,
                20_000,
                [
                    .c("write-headers", "rd_kafka_producev"), .msgbus("write-headers", "enqueue"),
                ]
            ),
            write(
                "write, acknowledged one by one",
                noLinger,
                500,
                [
                    .c("write-acked", "rd_kafka_produce, rd_kafka_poll"), .msgbus("write-blocking", "messageWrite"),
                    .msgbus("write-async", "await write"),
                ]
            ),
            Case(
                name: "read",
                metric: .rate,
                load: Load(messages: 20_000, isPrefetched: true),
                topic: .filled,
                settings: .reader(wait: 200),
                // The main actor's thread is one that Valgrind doesn't survive.
                clients: read("", Load(messages: 0)).clients.filter {
                    $0.program != .python && $0.command != "read-messages-main-actor"
                },
                baselines: []
            ),
        ]
    }

    /// How many allocations of ours a message may take: none where nobody waits for it or looks at more than its bytes.
    static let demandedAllocations = [
        "write": 0.0, "write-batch": 0, "write-headers": 0, "write-batch-acked": 1, "write-blocking": 1,
        "write-async": 1,
        "read-texts": 1, "read-messages": 1, "read-messages-actor": 1, "read-batches": 1, "read-borrowed": 0,
        "read-callback": 1, "read-text-callback": 1,
    ]
}
