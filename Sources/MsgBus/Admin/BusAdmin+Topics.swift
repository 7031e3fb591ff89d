// Topics and their partitions.
extension BusAdmin {
    // MARK: Reading

    /// The names of all topics, sorted.
    ///
    /// - Parameters:
    ///   - includingInternal: Whether the cluster's own are listed, too. Default: not.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func listTopics(
        includingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [String] {
        let deadline = Moment.after(timeout)
        return try await topics("can't list the topics", nil, by: deadline).keys
            .filter { includingInternal || !TopicDescription.isInternal($0) }.sorted()
    }

    /// Topics with their partitions, and which brokers have those. What they are configured with is ``topicConfiguration(_:timeout:)``.
    ///
    /// - Parameters:
    ///   - names: The topics.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Returns: A result for each, in order; `.unknownTopic` for those that don't exist.
    /// - Throws: `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func describeTopics(
        _ names: [String],
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [Result<TopicDescription, MsgBusError>] {
        let deadline = Moment.after(timeout)
        return try await names.results(Self.illegalName) { (names) throws(MsgBusError) in
            let topics = try await topics("can't describe the topics", names, by: deadline)
            let internals = await internalTopics(of: names, by: deadline)
            return names.map { name in
                let topic = topics[name] ?? .failure(Self.unknown(name))
                return topic.map { topic in
                    var topic = topic
                    topic.isInternal = internals.contains(name)
                    return topic
                }
            }
        }
    }

    /// One topic with its partitions.
    ///
    /// - Throws: `.unknownTopic`; as ``describeTopics(_:timeout:)``.
    public func describeTopic(
        _ name: String,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> TopicDescription {
        try await describeTopics([name], timeout: timeout)[0].get()
    }

    // MARK: Creating and deleting

    /// Creates topics, and waits until the cluster knows them and their partitions have leaders.
    ///
    /// - Parameters:
    ///   - topics: The topics.
    ///   - validateOnly: Whether the brokers shall only say whether they would. Default: not.
    ///   - allowingInternal: Whether names may begin with `__`. Default: not.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Returns: A result for each, in order: `.admin` for one that exists already, `.configuration` for what can't be or the broker
    ///   refuses, `.timeout` for one that was created and isn't to be seen yet.
    /// - Throws: `.notAvailable` if there is no controller; `.timeout`, `.transport`, `.authorization`, `.cancelled`, `.closed`.
    public func createTopics(
        _ topics: [NewTopic],
        validateOnly: Bool = false,
        allowingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [Result<Void, MsgBusError>] {
        let deadline = Moment.after(timeout)
        let twice = Dictionary(grouping: topics, by: \.name).filter { $0.value.count > 1 }
        return try await topics.results { topic in
            do throws(MsgBusError) {
                try topic.validate()
            } catch {
                return error
            }
            if twice[topic.name] != nil {
                return MsgBusError(.configuration, "the topic is named twice", topic: topic.name)
            }
            return allowingInternal ? nil : Self.internalName(topic.name)
        } _: { (topics) throws(MsgBusError) in
            try await requireController("can't create topics", by: deadline)
            let request = AdminRequest.createTopics(topics, validateOnly: validateOnly)
            let results = try await admin.answer(to: request, by: deadline)
            guard !validateOnly else { return results }
            let created = zip(topics, results).filter { $1.isSuccess }.map(\.0)
            let missing = try await wait(for: created.map(\.name), by: deadline) { name, topic in
                guard case .success(let topic)? = topic, !topic.partitions.isEmpty else { return false }
                let wanted = created.first { $0.name == name }?.partitions ?? 1
                return topic.partitions.count >= wanted && topic.partitions.allSatisfy { $0.leader != nil }
            }
            return zip(topics, results).map { topic, result in
                guard missing.contains(topic.name) else { return result }
                return .failure(Self.late("the topic is created, and the cluster doesn't show it yet", topic.name))
            }
        }
    }

    /// Creates a topic, and waits until the cluster knows it and its partitions have leaders.
    ///
    /// - Throws: What ``createTopics(_:validateOnly:allowingInternal:timeout:)`` throws, or says of the topic.
    public func createTopic(
        _ topic: NewTopic,
        allowingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) {
        try await createTopics([topic], allowingInternal: allowingInternal, timeout: timeout)[0].get()
    }

    /// Deletes topics with all their messages, and waits until the cluster doesn't know them any more.
    ///
    /// - Parameters:
    ///   - names: The topics.
    ///   - allowingInternal: Whether they may be the cluster's own. Default: not.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Returns: A result for each, in order: `.unknownTopic`, `.state` for an internal one, `.timeout` for one that is deleted and
    ///   still to be seen.
    /// - Throws: As ``createTopics(_:validateOnly:allowingInternal:timeout:)``.
    public func deleteTopics(
        _ names: [String],
        allowingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [Result<Void, MsgBusError>] {
        let deadline = Moment.after(timeout)
        let internals =
            allowingInternal ? [] : await internalTopics(of: names.filter { Self.illegalName($0) == nil }, by: deadline)
        return try await names.results { name in
            Self.illegalName(name) ?? (internals.contains(name) ? Self.isInternal(name) : nil)
        } _: { (names) throws(MsgBusError) in
            try await requireController("can't delete topics", by: deadline)
            let unique = names.unique
            let answers = try await admin.answer(to: .deleteTopics(unique), by: deadline)
            let results = Dictionary(uniqueKeysWithValues: zip(unique, answers))
            let deleted = unique.filter { results[$0]?.isSuccess == true }
            let left = try await wait(for: deleted, by: deadline) { _, topic in
                switch topic {
                case nil: true
                case .failure(let error)?: error.code == .unknownTopic
                case .success?: false
                }
            }
            return names.map { name in
                guard left.contains(name) else { return results[name] ?? .failure(Self.unknown(name)) }
                return .failure(Self.late("the topic is deleted, and the cluster still or again shows it", name))
            }
        }
    }

    /// Deletes a topic with all its messages, and waits until the cluster doesn't know it any more.
    ///
    /// - Throws: What ``deleteTopics(_:allowingInternal:timeout:)`` throws, or says of the topic.
    public func deleteTopic(
        _ name: String,
        allowingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) {
        try await deleteTopics([name], allowingInternal: allowingInternal, timeout: timeout)[0].get()
    }

    /// Gives a topic more partitions, and waits until they have leaders. Readers and writers go on meanwhile.
    ///
    /// Keys that went to one partition may go to another from then on. A topic that has as many already is left as it is.
    ///
    /// - Parameters:
    ///   - name: The topic.
    ///   - total: How many it has then, those that it has included.
    ///   - allowingInternal: Whether it may be one of the cluster's own. Default: not.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.configuration` if it has more, since partitions can't be taken away; `.unknownTopic`; `.state` for an internal one;
    ///   as ``createTopics(_:validateOnly:allowingInternal:timeout:)``.
    public func addPartitions(
        to name: String,
        total: Int,
        allowingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) {
        let deadline = Moment.after(timeout)
        try await checkAllowed(name, allowingInternal, by: deadline)
        guard (1...100_000).contains(total) else {
            throw MsgBusError(
                .configuration,
                "a topic can't have \(total) partitions; 1 to 100000 are possible",
                topic: name
            )
        }
        let count = try await topic(name, by: deadline).partitions.count
        guard total >= count else {
            let text =
                "the topic has \(count) partitions and can't have \(total): partitions can be added, never taken away"
            throw MsgBusError(.configuration, text, topic: name)
        }
        guard total > count else { return }
        try await requireController("can't add partitions", by: deadline)
        try await admin.answer(to: .createPartitions(of: name, total: total), by: deadline)[0].get()
        let missing = try await wait(for: [name], by: deadline) { _, topic in
            guard case .success(let topic)? = topic else { return false }
            return topic.partitions.count >= total && topic.partitions.allSatisfy { $0.leader != nil }
        }
        guard missing.isEmpty else {
            throw Self.late("partitions are added, and the cluster doesn't show them yet", name)
        }
    }

    // MARK: Asking

    /// What the cluster says of some topics, or of all.
    func topics(
        _ context: String,
        _ names: [String]?,
        by deadline: Moment
    ) async throws(MsgBusError) -> [String: Result<TopicDescription, MsgBusError>] {
        // One is asked for by its name, for there may be thousands of others.
        let single = names.flatMap { $0.unique.count == 1 ? $0[0] : nil }
        return try await admin.ask(context, by: deadline) { client, time throws(MsgBusError) in
            let topics = try client.description(of: single, within: time).topics
            guard let names else { return topics }
            return topics.filter { names.contains($0.key) }
        }
    }

    /// A topic that has to exist.
    func topic(_ name: String, by deadline: Moment) async throws(MsgBusError) -> TopicDescription {
        if let error = Self.illegalName(name) { throw error }
        guard let topic = try await topics("can't describe the topic", [name], by: deadline)[name] else {
            throw Self.unknown(name)
        }
        do throws(MsgBusError) {
            return try topic.get()
        } catch {
            throw error.code == .unknownTopic ? Self.unknown(name) : error
        }
    }

    /// Looks until a condition holds for all topics, or the time is over.
    ///
    /// - Returns: Those for which it doesn't.
    private func wait(
        for names: [String],
        by deadline: Moment,
        until isDone: (String, Result<TopicDescription, MsgBusError>?) -> Bool
    ) async throws(MsgBusError) -> Set<String> {
        var waiting = Set(names)
        var pause = Duration.milliseconds(10)
        while !waiting.isEmpty {
            do throws(MsgBusError) {
                let topics = try await topics("can't see the topics", Array(waiting), by: deadline)
                waiting = waiting.filter { !isDone($0, topics[$0]) }
            } catch {
                guard error.isRetriable else { throw error }
            }
            guard !waiting.isEmpty, Moment.now + pause < deadline else { break }
            try await admin.pause(pause)
            pause = min(pause * 2, .milliseconds(500))
        }
        return waiting
    }

    // MARK: Internal topics

    /// Which of the topics are the cluster's own.
    private func internalTopics(of names: [String], by deadline: Moment) async -> Set<String> {
        let known = Set(names.filter(TopicDescription.isInternal))
        let others = names.filter { !known.contains($0) }.unique
        // Kafka has none that don't begin with "__", so an answer is only the more careful way.
        guard !others.isEmpty, let request = AdminRequest.internalTopics(of: others) else { return known }
        let moment = min(deadline, .now + .seconds(1))
        return known.union((try? await admin.answer(to: request, by: moment)) ?? [])
    }

    func checkAllowed(
        _ name: String,
        _ allowingInternal: Bool,
        by deadline: Moment
    ) async throws(MsgBusError) {
        if let error = Self.illegalName(name) { throw error }
        guard !allowingInternal else { return }
        if await internalTopics(of: [name], by: deadline).contains(name) { throw Self.isInternal(name) }
    }

    static func illegalName(_ name: String) -> MsgBusError? {
        do throws(MsgBusError) {
            try MsgBusConfig.validate(topic: name)
            return nil
        } catch {
            return error
        }
    }

    private static func internalName(_ name: String) -> MsgBusError? {
        TopicDescription.isInternal(name) ? isInternal(name) : nil
    }

    private static func isInternal(_ name: String) -> MsgBusError {
        MsgBusError(.state, "the topic is the cluster's own: say allowingInternal if you mean it", topic: name)
    }

    static func unknown(_ name: String) -> MsgBusError {
        MsgBusError(.unknownTopic, "the topic doesn't exist", topic: name)
    }

    private static func late(_ text: String, _ name: String) -> MsgBusError {
        MsgBusError(.timeout, text, topic: name, isRetriable: true)
    }
}

extension Result {
    var isSuccess: Bool { if case .success = self { true } else { false } }
}

extension MsgBusError {
    /// Whether it says that a topic can't be created since there is one.
    var saysTopicExists: Bool { kafkaName == "TOPIC_ALREADY_EXISTS" }
}
