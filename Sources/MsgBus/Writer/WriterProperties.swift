/// A writer's options in librdkafka's words.
enum WriterProperties {
    static func make(_ connector: Connector) throws(MsgBusError) -> Properties {
        let config = connector.config
        let options = config.writer
        var properties = connector.connectionProperties()
        properties.set("acks", options.acks.property)
        let isIdempotent = options.idempotence ?? (options.acks == .all && !config.properties.asksForFewerAcks)
        properties.set("enable.idempotence", isIdempotent)
        properties.set("linger.ms", options.linger)
        // librdkafka makes it twice the linger: with none, messages without a key would spread over all partitions one by one, and those
        // that come together wouldn't travel together. It can't be more than a quarter of an hour.
        let sticky = max(.milliseconds(10), min(options.linger, .seconds(450)) * 2)
        properties.set("sticky.partitioning.linger.ms", sticky)
        properties.set("compression.type", options.compression.rawValue)
        properties.set("message.max.bytes", options.maxMessageBytes)
        properties.set("message.timeout.ms", options.effectiveDeliveryTimeout)
        if let id = options.transactionalID {
            properties.set("transactional.id", id)
            properties.set("transaction.timeout.ms", options.transactionTimeout)
        }
        properties.set("partitioner", options.partitioner.rawValue)
        // Room is counted here, where one can wait for it; librdkafka's own limits are only reached if the user sets them.
        properties.set("queue.buffering.max.messages", options.bufferMessages + 1000)
        let kilobytes = (2 * options.bufferBytes + options.maxMessageBytes) / 1024 + 1024
        properties.set("queue.buffering.max.kbytes", min(2_147_483_647, kilobytes))
        try properties.add(config.properties)
        return properties
    }

    /// The time after which librdkafka gives a message up, which the user may have set by its own name.
    static func deliveryTimeout(_ connector: Connector) throws(MsgBusError) -> Duration {
        let value = try make(connector).effectiveValue(of: "message.timeout.ms").flatMap { Int($0) }
        // Zero means "never" there.
        guard let value, value > 0 else { return .seconds(Int(Int32.max) / 1000) }
        return .milliseconds(value)
    }
}

extension Acknowledgement {
    fileprivate var property: String {
        switch self {
        case .none: "0"
        case .leader: "1"
        case .all: "all"
        }
    }
}

extension [String: String] {
    /// Whether the user chose, by librdkafka's names, acknowledgements that idempotence can't work with.
    fileprivate var asksForFewerAcks: Bool {
        guard let acks = self["acks"] ?? self["request.required.acks"] else { return false }
        return acks != "all" && acks != "-1"
    }
}
