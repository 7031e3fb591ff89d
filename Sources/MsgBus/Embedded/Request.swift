extension EmbeddedBroker {
    /// A kind of request that can be made to fail: an open set, so that a later version can add one.
    ///
    /// Metadata is none of them: the mock cluster always answers it.
    public struct Request: Sendable, Hashable {
        /// The number of the request in Kafka's protocol.
        let apiKey: Int16
    }
}

extension EmbeddedBroker.Request {
    /// A writer sends messages.
    public static let produce = Self(apiKey: 0)
    /// A reader asks for messages.
    public static let fetch = Self(apiKey: 1)
    /// A reader asks where a partition begins or ends.
    public static let listOffsets = Self(apiKey: 2)
    /// A member of a group says how far it has read.
    public static let offsetCommit = Self(apiKey: 8)
    /// A member of a group asks how far the group had read.
    public static let offsetFetch = Self(apiKey: 9)
    /// A client asks who coordinates a group or a transactional id.
    public static let findCoordinator = Self(apiKey: 10)
    /// A reader enters a group, or enters it again to share its partitions anew.
    public static let joinGroup = Self(apiKey: 11)
    /// A member of a group says that it lives.
    public static let heartbeat = Self(apiKey: 12)
    /// A member leaves its group.
    public static let leaveGroup = Self(apiKey: 13)
    /// A member of a group asks for its partitions.
    public static let syncGroup = Self(apiKey: 14)
    /// A client connects, and asks what the broker can do.
    public static let apiVersions = Self(apiKey: 18)
    /// An idempotent or transactional writer asks for its identity.
    public static let initProducerID = Self(apiKey: 22)
    /// A transaction is about to write to partitions.
    public static let addPartitionsToTransaction = Self(apiKey: 24)
    /// A transaction is about to commit offsets of a group.
    public static let addOffsetsToTransaction = Self(apiKey: 25)
    /// A transaction is committed or aborted.
    public static let endTransaction = Self(apiKey: 26)
    /// A transaction commits offsets of a group.
    public static let transactionalOffsetCommit = Self(apiKey: 28)

    static let all: [Self] = [
        .produce, .fetch, .listOffsets, .offsetCommit, .offsetFetch, .findCoordinator, .joinGroup, .heartbeat,
        .leaveGroup,
        .syncGroup, .apiVersions, .initProducerID, .addPartitionsToTransaction, .addOffsetsToTransaction,
        .endTransaction,
        .transactionalOffsetCommit,
    ]
}
