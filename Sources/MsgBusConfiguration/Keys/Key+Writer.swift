internal import MsgBus

extension Key {
    /// What `WriterOptions` has.
    static let writer: [Key] = [
        .option(
            "writer.acks",
            \.writer.acks,
            .choice(["all": .all, "-1": .all, "leader": .leader, "1": .leader, "none": .none, "0": .none]),
            "Who has to have a message before it counts as delivered."
        ),
        .option(
            "writer.idempotence",
            \.writer.idempotence,
            .flag,
            "Whether no retry duplicates or reorders a message."
        ),
        .option("writer.delivery_timeout", \.writer.deliveryTimeout, .duration, "How long a message may take."),
        .option(
            "writer.linger",
            \.writer.linger,
            .duration,
            "How long a message waits for others to share a request with."
        ),
        .option(
            "writer.compression",
            \.writer.compression,
            .choice(["none": .none, "gzip": .gzip, "snappy": .snappy, "lz4": .lz4, "zstd": .zstd]),
            "How batches are compressed."
        ),
        .option(
            "writer.max_message_bytes",
            \.writer.maxMessageBytes,
            .size,
            "The largest message, with its key and headers."
        ),
        .option(
            "writer.buffer_messages",
            \.writer.bufferMessages,
            .number,
            "How many messages may be on their way at once."
        ),
        .option(
            "writer.buffer_bytes",
            \.writer.bufferBytes,
            .size,
            "How many bytes of keys and values may be on their way at once."
        ),
        .option(
            "writer.partitioner",
            \.writer.partitioner,
            .choice([
                "murmur2": .murmur2, "murmur2_random": .murmur2, "fnv1a": .fnv1a, "fnv1a_random": .fnv1a,
                "crc32": .crc32,
                "consistent_random": .crc32, "random": .random,
            ]),
            "How a key chooses the partition."
        ),
        .option(
            "writer.transactional_id",
            \.writer.transactionalID,
            .text,
            "Makes the writer one of transactions, of this name."
        ),
        .option(
            "writer.transaction_timeout",
            \.writer.transactionTimeout,
            .duration,
            "How long a transaction may be open."
        ),
        .option("writer.close_timeout", \.writer.closeTimeout, .duration, "How long `disconnect()` may take."),
        .properties("writer.properties", onlyFor: .writer, "Properties of librdkafka for writers only."),
    ]
}
