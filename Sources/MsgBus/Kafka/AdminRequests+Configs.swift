internal import CRdKafka

// What is asked about the topics' configurations.
extension AdminRequest where Answer == [Result<[ConfigurationEntry], MsgBusError>] {
    /// The configurations of topics, in the names' order.
    static func describeConfigs(_ names: [String]) -> AdminRequest {
        let context = "can't read the topic's configuration"
        return AdminRequest(context: context) { client, options, answers in
            var resources: [OpaquePointer?] = names.map { rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0) }
            rd_kafka_DescribeConfigs(client, &resources, resources.count, options, answers)
            rd_kafka_ConfigResource_destroy_array(&resources, resources.count)
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let resources = rd_kafka_DescribeConfigs_result_resources(
                rd_kafka_event_DescribeConfigs_result(event),
                &count
            )
            return resourceResults(resources, count, names, context) { resource in
                var count = 0
                let entries = rd_kafka_ConfigResource_configs(resource, &count)
                return elements(entries, count).compactMap { ConfigurationEntry($0) }.sorted { $0.name < $1.name }
            }
        }
    }
}

extension AdminRequest where Answer == Result<Void, MsgBusError> {
    /// Whether this librdkafka can change single keys (2.2).
    static var canAlterIncrementally: Bool { crdkafka_has_incremental_alter_configs() != 0 }

    /// Sets some keys, resets those whose value is nil to their defaults, and leaves all others as they are.
    static func incrementalAlterConfigs(_ topic: String, _ changes: [String: String?]) -> AdminRequest {
        let context = "can't change the topic's configuration"
        return AdminRequest(context: context) { client, options, answers in
            var resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)
            for (key, value) in changes.sorted(by: { $0.key < $1.key }) {
                // It only refuses what was checked before: empty names and operations that don't exist.
                if let error = crdkafka_add_incremental_config(resource, key, value) { rd_kafka_error_destroy(error) }
            }
            crdkafka_incremental_alter_configs(client, &resource, 1, options, answers)
            rd_kafka_ConfigResource_destroy(resource)
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let resources = crdkafka_incremental_alter_configs_resources(event, &count)
            return resourceResults(resources, count, [topic], context) { _ in }[0]
        }
    }

    /// Gives a topic these settings, and resets all others to their defaults.
    static func alterConfigs(_ topic: String, _ configuration: [String: String]) -> AdminRequest {
        let context = "can't change the topic's configuration"
        return AdminRequest(context: context) { client, options, answers in
            var resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)
            for (key, value) in configuration.sorted(by: { $0.key < $1.key }) {
                rd_kafka_ConfigResource_set_config(resource, key, value)
            }
            rd_kafka_AlterConfigs(client, &resource, 1, options, answers)
            rd_kafka_ConfigResource_destroy(resource)
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let resources = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count)
            return resourceResults(resources, count, [topic], context) { _ in }[0]
        }
    }
}

extension AdminRequest {
    fileprivate static func resourceResults<Item: Sendable>(
        _ resources: UnsafeMutablePointer<OpaquePointer?>?,
        _ count: Int,
        _ names: [String],
        _ context: String,
        _ read: (OpaquePointer) -> Item
    ) -> [Result<Item, MsgBusError>] {
        var items = AdminRequest<Item>.Items<Item>()
        for resource in elements(resources, count) {
            guard let name = text(rd_kafka_ConfigResource_name(resource)) else { continue }
            let code = rd_kafka_ConfigResource_error(resource)
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR else {
                items.set(name, .success(read(resource)))
                continue
            }
            let reason = text(rd_kafka_ConfigResource_error_string(resource))
            items.set(name, .failure(MsgBusError(kafka: code, context, reason: reason, topic: name)))
        }
        return items.results(names, context)
    }
}

extension ConfigurationEntry {
    /// What librdkafka says of one key; nil if it doesn't say which.
    fileprivate init?(_ entry: OpaquePointer) {
        guard let name = text(rd_kafka_ConfigEntry_name(entry)) else { return nil }
        let isSensitive = rd_kafka_ConfigEntry_is_sensitive(entry) == 1
        self.init(
            name: name,
            value: isSensitive ? nil : text(rd_kafka_ConfigEntry_value(entry)),
            source: Self.source(rd_kafka_ConfigEntry_source(entry)),
            isReadOnly: rd_kafka_ConfigEntry_is_read_only(entry) == 1,
            isSensitive: isSensitive
        )
    }

    private static func source(_ source: rd_kafka_ConfigSource_t) -> Source {
        switch source {
        case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: .topic
        case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG, RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG,
            RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG:
            .broker
        case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG: .default
        default: .unknown
        }
    }
}
