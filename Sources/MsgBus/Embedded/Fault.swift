private import CRdKafka

extension EmbeddedBroker {
    /// What a request that is made to fail is answered: one of Kafka's errors, or nothing at all.
    ///
    /// Those with a name here are what brokers answer in practice; ``init(kafkaCode:)`` makes any other.
    public struct Fault: Sendable, Hashable {
        /// librdkafka's number: Kafka's own ones, and one below for a connection that breaks. Nil: neither.
        let code: Int32?
        private let kafkaCode: Int

        /// One of Kafka's errors by its number, which is also ``MsgBusError/kafkaCode``.
        public init(kafkaCode: Int) {
            self.kafkaCode = kafkaCode
            code = kafkaCode == -1 || (1...Int(Int16.max)).contains(kafkaCode) ? Int32(kafkaCode) : nil
        }

        private init(_ code: rd_kafka_resp_err_t) {
            kafkaCode = Int(code.rawValue)
            self.code = code.rawValue
        }

        /// No answer: the broker closes the connection instead. It takes new ones.
        public static let connectionBreaks = Self(RD_KAFKA_RESP_ERR__TRANSPORT)
    }
}

extension EmbeddedBroker.Fault: CustomStringConvertible {
    /// The error's name as the Kafka world writes it, for example `NOT_ENOUGH_REPLICAS`; or `connectionBreaks`.
    public var description: String {
        if self == .connectionBreaks { return "connectionBreaks" }
        guard let code, let name = rd_kafka_err2name(rd_kafka_resp_err_t(code)) else { return "\(kafkaCode)" }
        return String(cString: name)
    }
}

// The partition
extension EmbeddedBroker.Fault {
    /// The topic or partition doesn't exist.
    public static let unknownTopicOrPartition = Self(kafkaCode: 3)
    /// The partition's leader is being elected.
    public static let leaderNotAvailable = Self(kafkaCode: 5)
    /// The broker doesn't lead the partition (any more).
    public static let notLeaderForPartition = Self(kafkaCode: 6)
    /// The broker didn't finish the request in time.
    public static let requestTimedOut = Self(kafkaCode: 7)
    /// Too few replicas are in sync; nothing was written.
    public static let notEnoughReplicas = Self(kafkaCode: 19)
    /// Too few replicas were in sync after the leader had written.
    public static let notEnoughReplicasAfterAppend = Self(kafkaCode: 20)
    /// The broker's disk fails.
    public static let storageError = Self(kafkaCode: 56)
    /// There is no message with that offset.
    public static let offsetOutOfRange = Self(kafkaCode: 1)
}

// The message
extension EmbeddedBroker.Fault {
    /// The message arrived damaged.
    public static let invalidMessage = Self(kafkaCode: 2)
    /// The message is larger than the broker takes.
    public static let messageTooLarge = Self(kafkaCode: 10)
    /// The broker doesn't take the message, for example one without a key for a compacted topic.
    public static let invalidRecord = Self(kafkaCode: 87)
    /// The broker's policy forbids it.
    public static let policyViolation = Self(kafkaCode: 44)
}

// The group
extension EmbeddedBroker.Fault {
    /// The coordinator is reading the group's or the transaction's state.
    public static let coordinatorLoading = Self(kafkaCode: 14)
    /// There is no coordinator at the moment.
    public static let coordinatorNotAvailable = Self(kafkaCode: 15)
    /// The broker isn't the coordinator (any more).
    public static let notCoordinator = Self(kafkaCode: 16)
    /// The group has shared its partitions anew without this member.
    public static let illegalGeneration = Self(kafkaCode: 22)
    /// The group doesn't know this member (any more).
    public static let unknownMember = Self(kafkaCode: 25)
    /// The group is sharing its partitions anew.
    public static let rebalanceInProgress = Self(kafkaCode: 27)
    /// Another member with the same group instance id took over.
    public static let fencedInstance = Self(kafkaCode: 82)
}

// Who may what
extension EmbeddedBroker.Fault {
    /// The client may not use the topic.
    public static let topicAuthorizationFailed = Self(kafkaCode: 29)
    /// The client may not use the group.
    public static let groupAuthorizationFailed = Self(kafkaCode: 30)
    /// The client may not do that in this cluster.
    public static let clusterAuthorizationFailed = Self(kafkaCode: 31)
    /// The client may not use the transactional id.
    public static let transactionalIDAuthorizationFailed = Self(kafkaCode: 53)
}

// Idempotence and transactions
extension EmbeddedBroker.Fault {
    /// A message before this one is missing.
    public static let outOfOrderSequence = Self(kafkaCode: 45)
    /// A newer writer with the same identity exists.
    public static let invalidProducerEpoch = Self(kafkaCode: 47)
    /// The call doesn't fit the state of the transaction.
    public static let invalidTransactionState = Self(kafkaCode: 48)
    /// The transactional id belongs to another writer's identity.
    public static let invalidProducerIDMapping = Self(kafkaCode: 49)
    /// The transaction before is still being finished.
    public static let concurrentTransactions = Self(kafkaCode: 51)
    /// The broker has forgotten the writer.
    public static let unknownProducer = Self(kafkaCode: 59)
    /// A newer writer with the same transactional id took over.
    public static let producerFenced = Self(kafkaCode: 90)
}

// Anything
extension EmbeddedBroker.Fault {
    /// The broker doesn't know what went wrong.
    public static let unknown = Self(kafkaCode: -1)
    /// The client has used up its quota.
    public static let quotaExceeded = Self(kafkaCode: 89)
}
