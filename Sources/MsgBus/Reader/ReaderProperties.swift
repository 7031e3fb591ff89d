/// A reader's options in librdkafka's words.
enum ReaderProperties {
    static func make(_ connector: Connector) throws(MsgBusError) -> Properties {
        let config = connector.config
        let options = config.reader
        var properties = connector.connectionProperties()
        properties.set("group.id", config.groupID ?? privateGroup)
        // Offsets are committed when the application is done with a message, which librdkafka can't know.
        properties.set("enable.auto.commit", false)
        properties.set("enable.auto.offset.store", false)
        // A reader wants to know when it has seen all that there is.
        properties.set("enable.partition.eof", true)
        properties.set("partition.assignment.strategy", options.assignor.names)
        if let name = options.groupInstanceID { properties.set("group.instance.id", name) }
        // Where to start is decided here, partition by partition; this is for offsets that have been deleted meanwhile, and
        // skipping what there is would lose it.
        properties.set("auto.offset.reset", "earliest")
        // The bytes limit, not the number of messages: librdkafka looks only once a second whether it may fetch again...
        properties.set("queued.min.messages", 1_000_000)
        properties.set("queued.max.messages.kbytes", max(1, options.prefetchBytes / 1024))
        // ...except where it can be told to look more often (2.2).
        properties.setIfKnown("fetch.queue.backoff.ms", "10")
        properties.set("isolation.level", options.isolation.rawValue)
        properties.set("topic.metadata.refresh.interval.ms", options.partitionDiscoveryInterval)
        try properties.add(config.properties)
        try checkAssignors(properties)
        return properties
    }

    private static func checkAssignors(_ properties: Properties) throws(MsgBusError) {
        let name = "partition.assignment.strategy"
        guard !LibraryVersion.isCooperativeSafe,
            let assignors = try properties.effectiveValue(of: name), assignors.contains("cooperative")
        else { return }
        throw MsgBusError(
            .unsupported,
            "the property \"\(name)\" can't be \"\(assignors)\" with librdkafka \(LibraryVersion.text), which may abort or hang "
                + "with it: use 2.6.1 or newer, or \"range\" or \"roundrobin\""
        )
    }

    /// How often the group has to hear from a reader, whatever the application does.
    static func maxPollInterval(_ connector: Connector) throws(MsgBusError) -> Duration {
        let value = try make(connector).effectiveValue(of: "max.poll.interval.ms").flatMap { Int($0) }
        return .milliseconds(value ?? 300_000)
    }

    /// librdkafka wants a group's name even where nothing is joined or committed; the broker never keeps it.
    private static let privateGroup = "msgbus-private"
}
