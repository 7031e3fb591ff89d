/// A pointer to one of librdkafka's objects.
///
/// `@unchecked Sendable`, for librdkafka guards its objects with locks of its own: a client, a topic or a queue handle may be
/// used from any thread. When each may be used and destroyed is the business of its one owner: ``KafkaClient`` for the client,
/// its queues and its topics, ``RecordBatch`` for records, ``EmbeddedBroker`` for the mock cluster.
struct CHandle: @unchecked Sendable, Hashable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    init?(_ pointer: OpaquePointer?) {
        guard let pointer else { return nil }
        self.pointer = pointer
    }
}
