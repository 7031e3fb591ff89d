#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What librdkafka says of its own work: ``KafkaWriter/statistics()``, ``KafkaReader/statistics()``.
///
/// [All of it](https://github.com/confluentinc/librdkafka/blob/v2.0.2/STATISTICS.md) is in ``json``; this is what most ask for. A
/// newer or an older librdkafka may say more or less: what it doesn't say is 0, nil or empty here.
public struct Statistics: Sendable {
    /// As librdkafka wrote it.
    public let json: String
    /// When it was written.
    public let time: MessageTimestamp
    /// How long the client exists.
    public let age: Duration
    /// Messages that wait in the producer's queues or are on their way.
    public let queuedMessages: Int
    /// Their bytes.
    public let queuedBytes: Int
    /// Requests sent to brokers, and their bytes.
    public let requests: Traffic
    /// Responses received from brokers, and their bytes.
    public let responses: Traffic
    /// Messages sent to brokers, and their bytes.
    public let sent: Traffic
    /// Messages received from brokers, and their bytes.
    public let received: Traffic
    /// The brokers, by name.
    public let brokers: [String: Broker]
    /// The topics that the client works with, by name.
    public let topics: [String: Topic]
    /// The consumer group; nil for a writer.
    public let group: Group?

    /// How many, and how many bytes.
    public struct Traffic: Sendable, Hashable {
        /// How many.
        public let count: Int
        /// Of how many bytes.
        public let bytes: Int
    }

    /// Values of the last interval.
    public struct Window: Sendable, Hashable {
        /// How many values there were.
        public let count: Int
        /// The smallest one.
        public let smallest: Duration
        /// Their average.
        public let average: Duration
        /// Half of them are smaller.
        public let median: Duration
        /// 99 % of them are smaller.
        public let p99: Duration
        /// The largest one.
        public let largest: Duration
    }

    /// What is known of a broker.
    public struct Broker: Sendable {
        /// Its number in the cluster; -1 for one of the addresses to start from.
        public let id: Int
        /// `UP`, `DOWN`, `CONNECT`, … as librdkafka names it.
        public let state: String
        /// Requests sent, and their bytes.
        public let requests: Traffic
        /// Requests that failed.
        public let failedRequests: Int
        /// Requests that had no answer in time.
        public let timeouts: Int
        /// Attempts to connect.
        public let connects: Int
        /// Connections that broke.
        public let disconnects: Int
        /// How long answers took.
        public let roundTrip: Window
    }

    /// What is known of a topic.
    public struct Topic: Sendable {
        /// Its partitions, by number.
        public let partitions: [Int: Partition]
    }

    /// What is known of a partition.
    public struct Partition: Sendable {
        /// The number of the broker that leads it; -1 for none.
        public let leader: Int
        /// Messages that wait to be sent to it.
        public let queuedMessages: Int
        /// Messages that were fetched from it and wait for the reader.
        public let fetchedMessages: Int
        /// Messages between the group's position and the end; nil if that isn't known.
        public let lag: Int64?
        /// The offset committed last; nil if there is none.
        public let committed: Int64?
        /// The offset of the next message to be written; nil if that isn't known.
        public let end: Int64?
    }

    /// What is known of a consumer group.
    public struct Group: Sendable {
        /// `up`, `init`, `wait-coord`, … as librdkafka names it.
        public let state: String
        /// How long it is since the last rebalance.
        public let sinceRebalance: Duration
        /// How many there were.
        public let rebalances: Int
        /// How many partitions this member has.
        public let assigned: Int
    }
}

// MARK: Reading

extension Statistics {
    /// - Throws: `.serialization` for what isn't JSON.
    init(json: String) throws(MsgBusError) {
        let root: Fields
        do {
            root = Fields(try JSONDecoder().decode(JSON.self, from: Data(json.utf8)))
        } catch {
            throw MsgBusError(.serialization, "librdkafka's statistics can't be read: \(error)")
        }
        self.json = json
        time = MessageTimestamp(millisecondsSince1970: Int64(root.int("time")) * 1000)
        age = .microseconds(root.int("age"))
        queuedMessages = root.int("msg_cnt")
        queuedBytes = root.int("msg_size")
        requests = root.traffic("tx", "tx_bytes")
        responses = root.traffic("rx", "rx_bytes")
        sent = root.traffic("txmsgs", "txmsg_bytes")
        received = root.traffic("rxmsgs", "rxmsg_bytes")
        brokers = root.members("brokers").mapValues(Broker.init)
        topics = root.members("topics").mapValues(Topic.init)
        group = root.member("cgrp").map(Group.init)
    }
}

extension Statistics.Broker {
    fileprivate init(_ fields: Fields) {
        id = fields.int("nodeid", or: -1)
        state = fields.text("state")
        requests = fields.traffic("tx", "txbytes")
        failedRequests = fields.int("txerrs")
        timeouts = fields.int("req_timeouts")
        connects = fields.int("connects")
        disconnects = fields.int("disconnects")
        roundTrip = Statistics.Window(fields.member("rtt") ?? Fields(.other))
    }
}

extension Statistics.Topic {
    fileprivate init(_ fields: Fields) {
        var partitions: [Int: Statistics.Partition] = [:]
        // -1 is where messages wait whose partition isn't known yet.
        for (name, fields) in fields.members("partitions") {
            if let number = Int(name), number >= 0 { partitions[number] = Statistics.Partition(fields) }
        }
        self.partitions = partitions
    }
}

extension Statistics.Partition {
    fileprivate init(_ fields: Fields) {
        func offset(_ name: String) -> Int64? {
            let value = fields.int(name, or: -1)
            return value < 0 ? nil : Int64(value)
        }
        leader = fields.int("leader", or: -1)
        queuedMessages = fields.int("msgq_cnt") + fields.int("xmit_msgq_cnt")
        fetchedMessages = fields.int("fetchq_cnt")
        lag = offset("consumer_lag")
        committed = offset("committed_offset")
        end = offset("hi_offset")
    }
}

extension Statistics.Group {
    fileprivate init(_ fields: Fields) {
        state = fields.text("state")
        sinceRebalance = .milliseconds(fields.int("rebalance_age"))
        rebalances = fields.int("rebalance_cnt")
        assigned = fields.int("assignment_size")
    }
}

extension Statistics.Window {
    fileprivate init(_ fields: Fields) {
        count = fields.int("cnt")
        smallest = .microseconds(fields.int("min"))
        average = .microseconds(fields.int("avg"))
        median = .microseconds(fields.int("p50"))
        p99 = .microseconds(fields.int("p99"))
        largest = .microseconds(fields.int("max"))
    }
}

/// An object of JSON of which nothing is certain.
private struct Fields {
    private let members: [String: JSON]

    init(_ json: JSON) {
        if case .object(let members) = json { self.members = members } else { members = [:] }
    }

    func int(_ name: String, or missing: Int = 0) -> Int {
        if case .number(let value) = members[name] { Int(exactly: value.rounded()) ?? missing } else { missing }
    }

    func text(_ name: String) -> String {
        if case .text(let value) = members[name] { value } else { "" }
    }

    func traffic(_ count: String, _ bytes: String) -> Statistics.Traffic {
        Statistics.Traffic(count: int(count), bytes: int(bytes))
    }

    func member(_ name: String) -> Fields? {
        if case .object = members[name] { Fields(members[name]!) } else { nil }
    }

    func members(_ name: String) -> [String: Fields] {
        if case .object(let members) = members[name] { members.mapValues { Fields($0) } } else { [:] }
    }
}

/// Any JSON.
private enum JSON: Decodable {
    case object([String: JSON])
    case number(Double)
    case text(String)
    case other

    init(from decoder: any Decoder) throws {
        if let object = try? [String: JSON](from: decoder) {
            self = .object(object)
        } else if let number = try? Double(from: decoder) {
            self = .number(number)
        } else if let text = try? String(from: decoder) {
            self = .text(text)
        } else {
            self = .other
        }
    }
}
