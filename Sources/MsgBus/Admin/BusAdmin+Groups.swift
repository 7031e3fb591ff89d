internal import Synchronization

// Groups and their members.
extension BusAdmin {
    /// All groups that the brokers know, by name.
    ///
    /// - Parameter timeout: How long at most. Default: 30 seconds.
    /// - Throws: What the brokers say if none can name its groups: `.unsupported`, `.authorization`; `.timeout`, `.transport`,
    ///   `.cancelled`, `.closed`.
    public func listGroups(timeout: Duration = .seconds(30)) async throws(MsgBusError) -> GroupList {
        let list = try await admin.answer(to: .listGroups, by: .after(timeout))
        if list.groups.isEmpty, let error = list.errors.first { throw error }
        return list
    }

    /// Groups with their members and what these have got. What they have committed is ``committedOffsets(of:topics:timeout:)``.
    ///
    /// - Parameters:
    ///   - ids: The groups' names.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Returns: A result for each, in order; `.admin` for those that don't exist.
    /// - Throws: `.unsupported`, `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func describeGroups(
        _ ids: [String],
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [Result<GroupDescription, MsgBusError>] {
        try await describe(ids, by: .after(timeout))
    }

    /// One group with its members.
    ///
    /// - Throws: What ``describeGroups(_:timeout:)`` throws, or says of the group.
    public func describeGroup(
        _ id: String,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> GroupDescription {
        try await describeGroups([id], timeout: timeout)[0].get()
    }

    /// Deletes groups with all that they have committed. One that has members is left as it is.
    ///
    /// - Parameters:
    ///   - ids: The groups' names.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Returns: A result for each, in order: `.state` for one that has members, `.admin` for one that doesn't exist.
    /// - Throws: `.unsupported`, `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func deleteGroups(
        _ ids: [String],
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> [Result<Void, MsgBusError>] {
        let deadline = Moment.after(timeout)
        let groups = try await describe(ids, by: deadline)
        return try await Array(zip(ids, groups)).results { _, group in
            do throws(MsgBusError) {
                return Self.refusal(try group.get(), "can't delete the group")
            } catch {
                return error
            }
        } _: { (groups) throws(MsgBusError) in
            let ids = groups.map(\.0)
            let results = try await admin.answer(to: .deleteGroups(ids.unique), by: deadline)
            let byID = Dictionary(uniqueKeysWithValues: zip(ids.unique, results))
            return ids.map { byID[$0] ?? .failure(Self.unknownGroup($0)) }
        }
    }

    /// Deletes a group with all that it has committed.
    ///
    /// - Throws: What ``deleteGroups(_:timeout:)`` throws, or says of the group.
    public func deleteGroup(_ id: String, timeout: Duration = .seconds(30)) async throws(MsgBusError) {
        try await deleteGroups([id], timeout: timeout)[0].get()
    }

    // MARK: Asking

    func describe(
        _ ids: [String],
        by deadline: Moment
    ) async throws(MsgBusError) -> [Result<GroupDescription, MsgBusError>] {
        try await ids.results(Self.illegalGroup) { (ids) throws(MsgBusError) in
            try await requireGroups(by: deadline)
            let results = try await admin.answer(to: .describeGroups(ids.unique), by: deadline)
            // Where nothing can be described, that isn't a group's fault.
            for case .failure(let error) in results where error.code == .unsupported { throw error }
            let byID = Dictionary(uniqueKeysWithValues: zip(ids.unique, results))
            return ids.map { id in
                switch byID[id] {
                // So Kafka says that it has no such group; since 4.0 it has an error for it.
                case .success(let group)? where group.state == .dead: .failure(Self.unknownGroup(id))
                case .failure(let error)? where error.kafkaName == "GROUP_ID_NOT_FOUND": .failure(Self.unknownGroup(id))
                case let result?: result
                case nil: .failure(Self.unknownGroup(id))
                }
            }
        }
    }

    /// Makes sure, once, that the brokers know groups at all.
    ///
    /// What a coordinator doesn't know, librdkafka 2.0.2 answers twice, and then aborts or hangs: describing and deleting groups. To list
    /// them is safe, and no broker of the last years can do the one without the other.
    private func requireGroups(by deadline: Moment) async throws(MsgBusError) {
        guard !knowsGroups.load(ordering: .relaxed) else { return }
        let list = try await admin.answer(to: .listGroups, by: deadline)
        // Brokers of one cluster know the same, and one that didn't answer says nothing of that.
        if list.groups.isEmpty, let error = list.errors.first { throw error }
        knowsGroups.store(true, ordering: .relaxed)
    }

    /// Why a group can't be changed; nil if nobody is in it.
    static func refusal(_ group: GroupDescription, _ context: String) -> MsgBusError? {
        guard !group.members.isEmpty || (group.state != .empty && group.state != .dead) else { return nil }
        let members = group.members.prefix(3).map { "\($0.clientID) on \($0.host)" }.joined(separator: ", ")
        let count = group.members.count == 1 ? "a member" : "\(group.members.count) members"
        let names = members.isEmpty ? "" : " (\(members)\(group.members.count > 3 ? ", …" : ""))"
        return MsgBusError(
            .state,
            "\(context) \"\(group.id)\", which is \(group.state) and has \(count)\(names): stop them first"
        )
    }

    static func unknownGroup(_ id: String) -> MsgBusError {
        MsgBusError(.admin, "there is no group \"\(id)\"")
    }

    static func illegalGroup(_ id: String) -> MsgBusError? {
        guard id.allSatisfy(\.isWhitespace) || id.utf8.contains(0) else { return nil }
        return MsgBusError(.configuration, "the group's name is empty, or has a NUL in it")
    }
}
