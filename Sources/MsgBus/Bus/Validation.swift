extension MsgBusConfig {
    /// Checks all that can be checked without a broker, as `connect` does before anything else.
    ///
    /// Files with certificates are read for it.
    ///
    /// - Throws: `.configuration`, or `.unsupported` for what this librdkafka can't do. What contradicts each other among ``properties``,
    ///   and a key that isn't its certificate's, only show when connecting.
    public func validate() throws(MsgBusError) {
        _ = try CredentialCheck(clientProperties().makeConfiguration()).checked()
    }

    /// What the client will be told.
    func clientProperties() throws(MsgBusError) -> Properties {
        let connector = try Connector(self, direction, Instruments(metrics: nil, traces: nil), Cancellation())
        return switch direction {
        case .writer: try WriterProperties.make(connector)
        case .reader: try ReaderProperties.make(connector)
        }
    }

    /// The brokers to start from; throws on whatever is wrong with them.
    func brokerAddresses() throws(MsgBusError) -> [BrokerAddress] {
        guard !brokers.isEmpty else { return [try BrokerAddress(host: host, port: port)] }
        var addresses: [BrokerAddress] = []
        for broker in brokers { addresses.append(try BrokerAddress(parsing: broker, defaultPort: port)) }
        return addresses
    }

    /// Checks what needs no broker to be checked.
    func validate(for direction: BusDirection) throws(MsgBusError) {
        guard self.direction == direction else {
            throw MsgBusError(
                .configuration,
                "\(direction == .writer ? "KafkaWriter" : "KafkaReader") got a configuration with the direction .\(self.direction)"
            )
        }
        switch direction {
        case .writer: try Self.validate(topic: topic)
        case .reader: try Subscription.validate(topic)
        }
        try validateConnection()
        guard groupID == nil || direction == .reader else {
            throw MsgBusError(
                .configuration,
                "groupID is \"\(groupID ?? "")\", and a writer is in no group: leave it out"
            )
        }
        if let groupID, groupID.allSatisfy(\.isWhitespace) || groupID.utf8.contains(0) {
            throw MsgBusError(
                .configuration,
                "groupID is empty, or has a NUL in it: name a group, or nil for a private reader"
            )
        }
        switch direction {
        case .writer: try writer.validate()
        case .reader: try reader.validate(topic: topic, groupID: groupID)
        }
    }

    /// Checks what concerns the connection, whatever it is for.
    func validateConnection() throws(MsgBusError) {
        _ = try brokerAddresses()
        guard connectRetries >= 1 else {
            throw MsgBusError(.configuration, "connectRetries is \(connectRetries): it counts attempts, so at least 1")
        }
        guard connectTimeout > .zero else {
            throw MsgBusError(.configuration, "connectTimeout is \(connectTimeout): it has to be longer than nothing")
        }
        guard metricsInterval > .zero else {
            throw MsgBusError(.configuration, "metricsInterval is \(metricsInterval): it has to be longer than nothing")
        }
        if let statisticsInterval, statisticsInterval < .milliseconds(1) {
            throw MsgBusError(
                .configuration,
                "statisticsInterval is \(statisticsInterval): it has to be at least a millisecond, or nil for no statistics"
            )
        }
        try security.validate(properties)
    }

    /// Kafka's own rule for topic names (org.apache.kafka.common.internals.Topic).
    static func validate(topic: String) throws(MsgBusError) {
        func wrong(_ why: String) -> MsgBusError { MsgBusError(.configuration, "the topic \"\(topic)\" \(why)") }
        guard !topic.isEmpty else { throw MsgBusError(.configuration, "the topic is empty: name one") }
        guard topic != ".", topic != ".." else { throw wrong("is not a legal name") }
        guard topic.utf8.count <= 249 else { throw wrong("has \(topic.utf8.count) characters; 249 are allowed") }
        let legal = topic.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard legal else { throw wrong("has a character other than a…z, A…Z, 0…9, '.', '_' and '-'") }
    }
}
