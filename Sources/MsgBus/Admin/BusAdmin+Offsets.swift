// Where partitions begin and end, and how far groups have come in them.
extension BusAdmin {
    /// For each partition of some topics, the offset of the oldest message and the offset after the newest.
    ///
    /// - Parameters:
    ///   - topics: The topics.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.unknownTopic`; `.notAvailable` for a partition without a leader; `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func watermarks(
        of topics: [String],
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [TopicPartition: Range<Int64>] {
        let deadline = Moment.after(timeout)
        var partitions: [TopicPartition] = []
        for topic in try await existing(topics, by: deadline) { partitions += topic.topicPartitions }
        return try await marks(of: partitions, "can't learn the topics' offsets", by: deadline)
    }

    /// The same for some partitions, of which others may have no leader.
    ///
    /// - Parameters:
    ///   - partitions: The partitions.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.unknownPartition`, `.unknownTopic`; `.notAvailable` for a partition without a leader; `.timeout`, `.transport`,
    ///   `.cancelled`, `.closed`.
    public func watermarks(
        of partitions: [TopicPartition],
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [TopicPartition: Range<Int64>] {
        try await marks(of: partitions, "can't learn the partitions' offsets", by: .after(timeout))
    }

    /// What a group has committed: for each partition the offset of the next message that it reads. Partitions without are missing.
    ///
    /// - Parameters:
    ///   - group: The group's name. One that doesn't exist has committed nothing.
    ///   - topics: Of which topics; nil for all, which is also the default.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.unknownTopic`; `.configuration` for an empty name; `.authorization`, `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func committedOffsets(
        of group: String,
        topics: [String]? = nil,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [TopicPartition: Int64] {
        try await committed(of: group, topics, by: .after(timeout)).offsets
    }

    /// How far a group is behind, whether or not anybody reads in it at the moment.
    ///
    /// - Parameters:
    ///   - group: The group's name.
    ///   - topics: In which topics; nil, the default, for all in which it has committed something or its members have partitions. Where
    ///     it is named, a topic counts though the group has committed nothing in it: ``PartitionLag/unread``.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.admin` if no topic is named and the group has neither committed anything nor members; `.unknownTopic` for a named topic
    ///   that doesn't exist; `.configuration` for an empty name; `.authorization`, `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func lag(
        of group: String,
        topics: [String]? = nil,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> GroupLag {
        let deadline = Moment.after(timeout)
        // First what is committed and then the ends, which don't go back: so nothing is negative.
        var (committed, known, errors) = try await committed(of: group, topics, by: deadline)
        var descriptions = known
        if topics == nil {
            descriptions += try await assignedTopics(
                of: group,
                except: known.map(\.name) + errors.compactMap(\.topic),
                by: deadline
            )
            guard !descriptions.isEmpty || !committed.isEmpty else {
                let text =
                    "the group \"\(group)\" has neither members nor committed offsets: name a topic to count all of its messages"
                throw MsgBusError(.admin, text)
            }
        }
        var partitions: [TopicPartition] = []
        for topic in descriptions {
            for (partition, description) in zip(topic.topicPartitions, topic.partitions) {
                guard description.leader == nil else {
                    partitions.append(partition)
                    continue
                }
                let text = "the partition has no leader, so nobody knows its end"
                let number = partition.partition
                errors.append(MsgBusError(.notAvailable, text, topic: topic.name, partition: number, isRetriable: true))
            }
        }
        let marks = try await marks(of: partitions, "can't learn the topics' ends", by: deadline)
        let lags = marks.keys.sorted().map { partition in
            PartitionLag(
                topicPartition: partition,
                committed: committed[partition],
                beginning: marks[partition]!.lowerBound,
                end: marks[partition]!.upperBound
            )
        }
        return GroupLag(group: group, partitions: lags, errors: errors)
    }

    /// Sets what a group has committed, so that its readers go on elsewhere. Nobody may be in it meanwhile.
    ///
    /// - Parameters:
    ///   - group: The group's name. It needn't exist: then it has a place to start from.
    ///   - reset: Where to.
    ///   - topics: In which topics; nil, the default, for all in which it has committed something. Not for
    ///     ``OffsetReset/offsets(_:)``, which names partitions itself.
    ///   - isDryRun: Whether only to tell what would be changed. Default: not.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Returns: What is changed, by partition, with those that stay as they are.
    /// - Throws: `.state` if the group has members; `.admin` if no topic is named and nothing is committed; `.offset` for an offset that
    ///   the partition doesn't have; `.unknownTopic`, `.unknownPartition`, `.notAvailable`, `.configuration`, `.unsupported`, `.authorization`,
    ///   `.timeout`, `.transport`, `.cancelled`, `.closed`.
    @discardableResult
    public func resetOffsets(
        of group: String,
        to reset: OffsetReset,
        topics: [String]? = nil,
        dryRun isDryRun: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [OffsetChange] {
        let deadline = Moment.after(timeout)
        if case .success(let group) = try await describe([group], by: deadline)[0],
            let error = Self.refusal(group, "can't set the offsets of the group")
        {
            throw error
        }
        var names = topics
        if case .offsets(let offsets) = reset {
            guard topics == nil else {
                throw MsgBusError(
                    .configuration,
                    "offsets name their partitions themselves: name no topics beside them"
                )
            }
            names = offsets.keys.map(\.topic).unique
        }
        let (committed, descriptions, errors) = try await committed(of: group, names, by: deadline)
        // Nothing is changed in some topics only because others can't be seen at the moment.
        if let error = errors.first { throw error }
        guard !descriptions.isEmpty || names != nil else {
            throw MsgBusError(.admin, "the group \"\(group)\" has committed nothing: name the topics to set it in")
        }
        let partitions = try Self.partitions(of: descriptions, reset, committed)
        let marks = try await marks(of: partitions, "can't learn the topics' offsets", by: deadline)
        var found: [TopicPartition: Int64] = [:]
        if case .time(let time) = reset {
            let times = Dictionary(uniqueKeysWithValues: partitions.map { ($0, max(0, time.millisecondsSince1970)) })
            found = try await offsets(for: times, "can't look for the time", by: deadline)
        }
        var plan: [OffsetChange] = []
        for partition in partitions {
            let new = try Self.target(partition, reset, marks[partition]!, committed[partition], found[partition])
            plan.append(OffsetChange(topicPartition: partition, old: committed[partition], new: new))
        }
        let changes = plan.filter { $0.old != $0.new }
        guard !isDryRun, !changes.isEmpty else { return plan }
        let offsets = Dictionary(uniqueKeysWithValues: changes.map { ($0.topicPartition, $0.new) })
        let answers = try await admin.answer(to: .alterOffsets(of: group, offsets), by: deadline)
        for partition in offsets.keys.sorted() {
            guard let answer = answers[partition] else {
                let text = "can't set the offsets of the group \"\(group)\": the answer says nothing of this partition"
                throw MsgBusError(.internal, text, topic: partition.topic, partition: partition.partition)
            }
            _ = try answer.get()
        }
        return plan
    }

    // MARK: Planning

    private static func partitions(
        of topics: [TopicDescription],
        _ reset: OffsetReset,
        _ committed: [TopicPartition: Int64]
    ) throws(MsgBusError) -> [TopicPartition] {
        let all = topics.flatMap(\.topicPartitions).sorted()
        switch reset {
        case .offsets(let offsets):
            if let missing = offsets.keys.sorted().first(where: { !all.contains($0) }) {
                let text = "the topic has no such partition"
                throw MsgBusError(.unknownPartition, text, topic: missing.topic, partition: missing.partition)
            }
            return offsets.keys.sorted()
        case .shift:
            return all.filter { committed[$0] != nil }
        case .beginning, .end, .time:
            return all
        }
    }

    /// - Parameters:
    ///   - marks: The partition's beginning and end.
    ///   - committed: What is committed; there for a shift.
    ///   - found: What was found for a time; nil if all is older.
    static func target(
        _ partition: TopicPartition,
        _ reset: OffsetReset,
        _ marks: Range<Int64>,
        _ committed: Int64?,
        _ found: Int64?
    ) throws(MsgBusError) -> Int64 {
        switch reset {
        case .beginning:
            return marks.lowerBound
        case .end:
            return marks.upperBound
        case .time:
            return found ?? marks.upperBound
        case .shift(let count):
            let (sum, isTooFar) = (committed ?? marks.lowerBound).addingReportingOverflow(count)
            guard !isTooFar else { return count < 0 ? marks.lowerBound : marks.upperBound }
            return min(max(sum, marks.lowerBound), marks.upperBound)
        case .offsets(let offsets):
            let offset = offsets[partition] ?? marks.lowerBound
            guard offset >= marks.lowerBound, offset <= marks.upperBound else {
                let text =
                    "there is no such offset: the partition has \(marks.lowerBound) to \(marks.upperBound), which is its end"
                let (topic, number) = (partition.topic, partition.partition)
                throw MsgBusError(.offset, text, topic: topic, partition: number, offset: offset)
            }
            return offset
        }
    }

    // MARK: Asking

    /// The beginnings and ends of partitions.
    func marks(
        of partitions: [TopicPartition],
        _ context: String,
        by deadline: Moment
    ) async throws(MsgBusError) -> [TopicPartition: Range<Int64>] {
        func times(_ mark: Int64) -> [TopicPartition: Int64] {
            Dictionary(partitions.map { ($0, mark) }) { $1 }
        }
        let low = try await offsets(for: times(ConsumerClient.beginning), context, by: deadline)
        let high = try await offsets(for: times(ConsumerClient.end), context, by: deadline)
        var marks: [TopicPartition: Range<Int64>] = [:]
        for partition in partitions {
            guard let low = low[partition], let high = high[partition] else {
                let text = "\(context): the answer says nothing of a partition"
                throw MsgBusError(.internal, text, topic: partition.topic, partition: partition.partition)
            }
            marks[partition] = low..<max(low, high)
        }
        return marks
    }

    /// Throws what one partition says for good, or what one still says when the time is over.
    private func offsets(
        for times: [TopicPartition: Int64],
        _ context: String,
        by deadline: Moment
    ) async throws(MsgBusError) -> [TopicPartition: Int64] {
        guard !times.isEmpty else { return [:] }
        return try await admin.ask(context, by: deadline) { client, time throws(MsgBusError) in
            var offsets: [TopicPartition: Int64] = [:]
            for (partition, offset) in try client.offsets(for: times, within: time) {
                if let offset = try offset.get() { offsets[partition] = offset }
            }
            return offsets
        }
    }

    /// What a group has committed, and the topics that it is about: those named, or those with a commit; and why some of the latter
    /// can't be described.
    private func committed(
        of group: String,
        _ topics: [String]?,
        by deadline: Moment
    ) async throws(MsgBusError) -> (offsets: [TopicPartition: Int64], topics: [TopicDescription], errors: [MsgBusError])
    {
        if let error = Self.illegalGroup(group) { throw error }
        let context = "can't learn the offsets of the group \"\(group)\""
        guard let topics else {
            var offsets = try await committed(of: group, partitions: nil, by: deadline)
            let all = try await self.topics(context, nil, by: deadline)
            if offsets.isEmpty {
                // An embedded broker, for one, only knows an answer to who names partitions.
                let partitions = all.values.compactMap { try? $0.get() }.filter { !$0.isInternal }.flatMap(
                    \.topicPartitions
                )
                offsets = try await committed(of: group, partitions: partitions, by: deadline)
            }
            let (descriptions, errors) = Self.known(Set(offsets.keys.map(\.topic)), of: all)
            return (offsets, descriptions, errors)
        }
        let descriptions = try await existing(topics, by: deadline)
        let partitions = descriptions.flatMap(\.topicPartitions)
        return (try await committed(of: group, partitions: partitions, by: deadline), descriptions, [])
    }

    /// The descriptions of some topics, and why others have none. One that is gone counts no more.
    static func known(
        _ names: Set<String>,
        of topics: [String: Result<TopicDescription, MsgBusError>]
    ) -> (topics: [TopicDescription], errors: [MsgBusError]) {
        var descriptions: [TopicDescription] = []
        var errors: [MsgBusError] = []
        for name in names.sorted() {
            switch topics[name] {
            case .success(let topic)?: descriptions.append(topic)
            case .failure(let error)? where error.code != .unknownTopic: errors.append(error)
            case .failure?, nil: continue
            }
        }
        return (descriptions, errors)
    }

    private func committed(
        of group: String,
        partitions: [TopicPartition]?,
        by deadline: Moment
    ) async throws(MsgBusError) -> [TopicPartition: Int64] {
        guard partitions?.isEmpty != true else { return [:] }
        let answers = try await admin.answer(to: .committedOffsets(of: group, partitions), by: deadline)
        var offsets: [TopicPartition: Int64] = [:]
        for (partition, offset) in answers { offsets[partition] = try offset.get() }
        return offsets
    }

    /// Topics of which the group's members have partitions, though nothing is committed there.
    private func assignedTopics(
        of group: String,
        except known: [String],
        by deadline: Moment
    ) async throws(MsgBusError) -> [TopicDescription] {
        let description: Result<GroupDescription, MsgBusError>
        do throws(MsgBusError) {
            description = try await describe([group], by: deadline)[0]
        } catch {
            // Without members there is still what is committed.
            guard error.code == .unsupported || error.code == .authorization else { throw error }
            return []
        }
        let names = (try? description.get())?.members.flatMap { $0.partitions.map(\.topic) } ?? []
        return try await existing(names.unique.filter { !known.contains($0) }, by: deadline)
    }

    /// Topics that have to exist.
    private func existing(
        _ names: [String],
        by deadline: Moment
    ) async throws(MsgBusError) -> [TopicDescription] {
        for name in names { if let error = Self.illegalName(name) { throw error } }
        guard !names.isEmpty else { return [] }
        let topics = try await topics("can't describe the topics", names, by: deadline)
        var descriptions: [TopicDescription] = []
        for name in names.unique.sorted() {
            guard case .success(let topic)? = topics[name] else {
                if case .failure(let error)? = topics[name], error.code != .unknownTopic { throw error }
                throw Self.unknown(name)
            }
            descriptions.append(topic)
        }
        return descriptions
    }
}

extension TopicDescription {
    var topicPartitions: [TopicPartition] {
        partitions.map { TopicPartition(topic: name, partition: $0.partition) }
    }
}
