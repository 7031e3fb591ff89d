import MsgBus
import TestSupport

/// The brokers of a round, perhaps behind a proxy, and its topic.
final class Cluster: Sendable {
    static let brokers = 3

    let topic: String
    let group: String
    let partitions: Int
    let embedded: EmbeddedBroker?
    let process: ProcessBroker?
    let proxy: FaultProxy?

    init(_ options: Options, seed: UInt64) async throws {
        topic = "torture-\(seed)"
        group = "readers-\(seed)"
        partitions = options.partitions
        switch options.broker {
        case .embedded:
            let broker = try EmbeddedBroker(brokers: Self.brokers)
            try broker.createTopic(topic, partitions: partitions, replicationFactor: Self.brokers)
            (embedded, process) = (broker, nil)
            proxy = options.proxy ? try FaultProxy(inFrontOf: broker) : nil
        case .process:
            let broker = try ProcessBroker()
            (embedded, process) = (nil, broker)
            proxy = options.proxy ? try FaultProxy(inFrontOf: broker) : nil
            try await create(topic)
            if options.transactions { try await create(GroupReader.output(of: topic)) }
        }
    }

    /// Makes a topic; the embedded broker has made the only one it needs.
    func create(_ topic: String) async throws {
        var config = config(.reader, topic: topic)
        config.reader.missingTopic = .create(partitions: partitions)
        await (try await KafkaReader.connect(config)).close()
    }

    func config(_ direction: BusDirection, topic: String? = nil, group: String? = nil) -> MsgBusConfig {
        let topic = topic ?? self.topic
        var config =
            embedded?.config(topic: topic, direction: direction) ?? process!.config(topic: topic, direction: direction)
        config.connectTimeout = hang
        config.groupID = group
        if direction == .reader {
            // As quick as the embedded broker's members: else a member learns of the others after 3 seconds.
            config.properties["heartbeat.interval.ms"] = "500"
        }
        return proxy?.config(config) ?? config
    }

    /// Whether it recognises what an idempotent writer sends again.
    var recognisesRepeats: Bool { process != nil }
    /// Whether it answers a repeat with the offset of the first time. noida-db 0.2.3 answers with the partition's end if something else
    /// has been written since, also to plain librdkafka; only a bad network has it meet repeats of such.
    var knowsOffsetsOfRepeats: Bool { process == nil || proxy == nil }
    /// Whether it lets others go on without a member that died.
    var evictsTheDead: Bool { embedded != nil }
}
