// What topics are configured with.
extension BusAdmin {
    /// All settings of a topic, by name, with where each comes from.
    ///
    /// - Parameters:
    ///   - name: The topic.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.unknownTopic`, `.notAvailable`, `.unsupported`, `.authorization`, `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func topicConfiguration(
        _ name: String,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [ConfigurationEntry] {
        try await configuration(name, by: .after(timeout))
    }

    /// Changes some settings of a topic. All others stay as they are.
    ///
    /// With librdkafka 2.2 or newer, and Kafka 2.3, the broker changes just these. An older librdkafka can only replace all of a topic's
    /// own settings: then they are read, changed and written back, those of the brokers and the defaults left out. What somebody
    /// else changes between the reading and the writing, some milliseconds, is undone thereby: one should change a topic at a time.
    ///
    /// - Parameters:
    ///   - name: The topic.
    ///   - settings: What is set, by Kafka's names; for example `["retention.ms": "86400000"]`.
    ///   - names: What is the brokers' or Kafka's default from then on.
    ///   - allowingInternal: Whether it may be one of the cluster's own topics. Default: not.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.configuration` for names and values that the broker refuses, and if nothing is to be changed; `.unknownTopic`;
    ///   `.state` for an internal topic; as ``topicConfiguration(_:timeout:)``.
    public func alterTopic(
        _ name: String,
        setting settings: [String: String] = [:],
        resetting names: [String] = [],
        allowingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) {
        var changes: [String: String?] = settings.mapValues { $0 }
        for key in names {
            guard settings[key] == nil else {
                throw MsgBusError(.configuration, "the setting \"\(key)\" is to be both set and reset", topic: name)
            }
            changes.updateValue(nil, forKey: key)
        }
        let deadline = Moment.after(timeout)
        try await checkAllowed(name, allowingInternal, by: deadline)
        let isIncremental = AdminRequest<Result<Void, MsgBusError>>.canAlterIncrementally
        try await alter(name, changes, incrementally: isIncremental, by: deadline)
    }

    func alter(
        _ name: String,
        _ changes: [String: String?],
        incrementally isIncremental: Bool,
        by deadline: Moment
    ) async throws(MsgBusError) {
        guard !changes.isEmpty else {
            throw MsgBusError(
                .configuration,
                "nothing is to be changed: name a setting to set or to reset",
                topic: name
            )
        }
        try ConfigurationEntry.validate(changes)
        guard !isIncremental else {
            try await requireController("can't change the topic's configuration", by: deadline)
            return try await admin.answer(to: .incrementalAlterConfigs(name, changes), by: deadline).get()
        }
        let own = try Self.own(try await configuration(name, by: deadline), of: name, without: Set(changes.keys))
        let new = own.merging(changes.compactMapValues { $0 }) { $1 }
        try await admin.answer(to: .alterConfigs(name, new), by: deadline).get()
    }

    /// The settings that are the topic's own, which have to be written back.
    ///
    /// - Throws: If some of them can't be.
    static func own(
        _ entries: [ConfigurationEntry],
        of topic: String,
        without changed: Set<String>
    ) throws(MsgBusError) -> [String: String] {
        func refusal(_ entry: ConfigurationEntry, _ why: String) -> MsgBusError {
            let text =
                "librdkafka \(LibraryVersion.text) can only write all of the topic's settings, and \"\(entry.name)\" \(why): "
                + "nothing was changed. 2.2 or newer can change single ones"
            return MsgBusError(.unsupported, text, topic: topic)
        }
        var own: [String: String] = [:]
        for entry in entries where !changed.contains(entry.name) && !entry.isReadOnly {
            switch entry.source {
            case .broker, .default:
                continue
            case .unknown:
                throw refusal(entry, "is of an unknown origin with this broker")
            case .topic:
                guard let value = entry.value else { throw refusal(entry, "has a value that the broker doesn't tell") }
                own[entry.name] = value
            }
        }
        return own
    }

    private func configuration(
        _ name: String,
        by deadline: Moment
    ) async throws(MsgBusError) -> [ConfigurationEntry] {
        if let error = Self.illegalName(name) { throw error }
        try await requireController("can't read the topic's configuration", by: deadline)
        let entries = try await admin.answer(to: .describeConfigs([name]), by: deadline)[0].get()
        guard entries.isEmpty else { return entries }
        // Some brokers say nothing of a topic that they don't know.
        _ = try await topic(name, by: deadline)
        return entries
    }
}
