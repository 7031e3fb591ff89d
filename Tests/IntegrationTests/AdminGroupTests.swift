import TestSupport
import Testing

@testable import MsgBus

@Suite(
    "Groups are administered",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct AdminGroupTests {
    private let topic = unique("grouped")
    private let group = unique("group")

    private func partition(_ number: Int) -> TopicPartition { TopicPartition(topic: topic, partition: number) }

    @Test("A group shows its members and what they have; without them it stays, until it is deleted")
    func lifecycle() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 3))
            let missing = try await admin.describeGroups([group, "", group])
            #expect(missing.map(\.code) == [.admin, .configuration, .admin])
            try await write(6, to: topic, partitions: 3)
            let reader = try await join(group, topic)
            for _ in 0..<6 { try reader.acknowledge(try await reader.read()) }
            try await reader.commit()

            let description = try await admin.describeGroup(group)
            #expect(description.id == group)
            #expect(description.state == .stable)
            #expect(description.assignor == "range")
            let member = try #require(description.members.first)
            #expect(description.members.count == 1)
            #expect(member.clientID == "msgbus")
            #expect(!member.id.isEmpty)
            #expect(!member.host.isEmpty)
            #expect(member.partitions == (0..<3).map(partition))
            let listing = try await admin.listGroups().groups.first { $0.id == group }
            #expect(listing != nil)

            // While it has members it is let be.
            let refused = try await admin.deleteGroups([group, "\(group)-unknown"])
            #expect(refused.map(\.code) == [.state, .admin])
            if case .failure(let error) = refused[0] {
                #expect(error.message.contains("has a member (msgbus on "))
            }
            await reader.close()

            #expect(try await admin.describeGroup(group).state == .empty)
            #expect(try await admin.committedOffsets(of: group) == [partition(0): 2, partition(1): 2, partition(2): 2])
            try await admin.deleteGroup(group)
            #expect(try await admin.committedOffsets(of: group).isEmpty)
            #expect(try await !admin.listGroups().groups.contains { $0.id == group })
            let gone = await #expect(throws: MsgBusError.self) { try await admin.describeGroup(group) }
            #expect(gone?.code == .admin)
        }
    }

    @Test("B-20: the lag of a group, by topic and partition, with members and without")
    func lag() async throws {
        let second = "\(topic)-second"
        try await administrate { admin in
            for name in [topic, second] { try await admin.createTopic(NewTopic(name, partitions: 2)) }
            try await write(10, to: topic, partitions: 2)
            try await write(4, to: second, partitions: 2)
            let reader = try await join(group, topic)
            for _ in 0..<3 { try reader.acknowledge(try await reader.read()) }
            try await reader.commit()
            let active = try await admin.lag(of: group)
            #expect(active.total == 7)
            #expect(active.errors.isEmpty)
            #expect(active.partitions.map(\.topicPartition) == [partition(0), partition(1)])
            #expect(active.partitions.reduce(0) { $0 + ($1.committed ?? 0) } == 3)
            for lag in active.partitions { #expect(lag.beginning == 0 && lag.end == 5) }
            await reader.close()
            #expect(try await admin.lag(of: group) == active)

            // A topic in which nothing is committed counts where it is named, and only there.
            let both = try await admin.lag(of: group, topics: [topic, second])
            #expect(both.topics == [topic: 7, second: 4])
            #expect(both.total == 11)
            for lag in both.partitions where lag.topicPartition.topic == second {
                #expect(lag.committed == nil)
                #expect(lag.lag == nil)
                #expect(lag.unread == 2)
            }
            try await read(4, of: second, group: group)
            #expect(try await admin.lag(of: group).topics == [topic: 7, second: 0])
            #expect(try await admin.lag(of: group, topics: [topic]).topics == [topic: 7])
            try await admin.deleteTopic(second)
            #expect(try await admin.lag(of: group).topics == [topic: 7])
        }
    }

    @Test("A member that has committed nothing is behind by everything that is there")
    func nothingCommitted() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            try await write(5, to: topic)
            let reader = try await join(group, topic)
            let lag = try await admin.lag(of: group)
            #expect(lag.partitions.map(\.committed) == [nil])
            #expect(lag.total == 5)
            await reader.close()
        }
    }

    @Test("The lag of a group that nobody has heard of is a clear error, unless a topic is named")
    func unknownGroup() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            try await write(5, to: topic)
            let error = await #expect(throws: MsgBusError.self) { try await admin.lag(of: group) }
            #expect(error?.code == .admin)
            #expect(error?.message.contains(group) == true)
            #expect(try await admin.lag(of: group, topics: [topic]).total == 5)
            let unknown = await #expect(throws: MsgBusError.self) {
                try await admin.lag(of: group, topics: ["\(topic)-unknown"])
            }
            #expect(unknown?.code == .unknownTopic)
            for name in ["", " "] {
                let empty = await #expect(throws: MsgBusError.self) { try await admin.lag(of: name) }
                #expect(empty?.code == .configuration)
            }
        }
    }

    @Test("A topic that can't be described at the moment is not taken for one that is gone")
    func undescribed() {
        let fine = TopicDescription(name: "fine", isInternal: false, partitions: [])
        let gone = MsgBusError(.unknownTopic, "gone", topic: "gone")
        let failed = MsgBusError(.notAvailable, "no leader", topic: "failed", isRetriable: true)
        let topics: [String: Result<TopicDescription, MsgBusError>] = [
            "fine": .success(fine), "gone": .failure(gone), "failed": .failure(failed),
            "other": .failure(MsgBusError(.notAvailable, "no leader", topic: "other")),
        ]
        let known = BusAdmin.known(["missing", "gone", "failed", "fine"], of: topics)
        #expect(known.topics == [fine])
        #expect(known.errors == [failed])
    }

    @Test("An open transaction's messages are there for the lag, as for Kafka's own tools")
    func openTransaction() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            var config = try TestBroker.ownProcess.config(topic: topic, direction: .writer)
            config.writer.transactionalID = unique("transaction")
            let writer = try await KafkaWriter.connect(config)
            try await writer.transaction { transaction in
                for index in 0..<3 { try await transaction.write("\(index)") }
                #expect(try await admin.watermarks(of: [topic])[partition(0)] == 0..<3)
            }
            await writer.close()
        }
    }

    // MARK: Reset

    private func reset(_ admin: BusAdmin, _ reset: OffsetReset) async throws -> [Int64?] {
        let dry = try await admin.resetOffsets(of: group, to: reset, dryRun: true)
        let before = try await admin.committedOffsets(of: group)
        #expect(dry.map(\.old) == dry.map { before[$0.topicPartition] })
        let plan = try await admin.resetOffsets(of: group, to: reset)
        #expect(plan == dry)
        let after = try await admin.committedOffsets(of: group)
        #expect(plan.map(\.new) == plan.map { after[$0.topicPartition] })
        return (0..<2).map { after[partition($0)] }
    }

    @Test("Offsets are reset to where it is said, and a dry run only tells")
    func resets() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 2))
            let writer = try await KafkaWriter.connect(
                try TestBroker.ownProcess.config(topic: topic, direction: .writer)
            )
            let start = anHourAgo()
            for index in 0..<20 {
                let time = MessageTimestamp(millisecondsSince1970: start + Int64(index / 2) * 1000)
                try await writer.write(OutgoingMessage("\(index)", partition: index % 2, timestamp: time))
            }
            await writer.close()
            try await read(20, of: topic, group: group)
            #expect(try await admin.committedOffsets(of: group) == [partition(0): 10, partition(1): 10])
            #expect(try await reset(admin, .beginning) == [0, 0])
            #expect(try await reset(admin, .shift(3)) == [3, 3])
            #expect(try await reset(admin, .shift(-1)) == [2, 2])
            #expect(try await reset(admin, .shift(-100)) == [0, 0])
            #expect(try await reset(admin, .shift(.max)) == [10, 10])
            #expect(
                try await reset(admin, .time(MessageTimestamp(millisecondsSince1970: start + 3500))) == [4, 4]
            )
            #expect(
                try await reset(admin, .time(MessageTimestamp(millisecondsSince1970: start + 7_200_000))) == [10, 10]
            )
            #expect(try await reset(admin, .time(MessageTimestamp(millisecondsSince1970: -5))) == [0, 0])
            #expect(try await reset(admin, .offsets([partition(1): 7])) == [0, 7])
            #expect(try await reset(admin, .end) == [10, 10])
            // And its readers begin there.
            try await admin.resetOffsets(of: group, to: .shift(-2))
            #expect(try await read(4, of: topic, group: group).sorted() == ["16", "17", "18", "19"])
        }
    }

    @Test("A group that doesn't exist yet gets a place to start from where topics are named")
    func newGroup() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 2))
            try await write(10, to: topic, partitions: 2)
            let error = await #expect(throws: MsgBusError.self) { try await admin.resetOffsets(of: group, to: .end) }
            #expect(error?.code == .admin)
            let plan = try await admin.resetOffsets(of: group, to: .end, topics: [topic])
            #expect(plan == (0..<2).map { OffsetChange(topicPartition: partition($0), old: nil, new: 5) })
            #expect(try await admin.lag(of: group).total == 0)
        }
    }

    @Test("What can't be is refused, and nothing is changed")
    func refusals() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            try await write(5, to: topic)
            try await read(5, of: topic, group: group)
            func refusal(_ reset: OffsetReset, topics: [String]? = nil) async -> MsgBusError? {
                await #expect(throws: MsgBusError.self) {
                    try await admin.resetOffsets(of: group, to: reset, topics: topics)
                }
            }
            #expect(await refusal(.offsets([partition(0): 6]))?.code == .offset)
            #expect(await refusal(.offsets([partition(0): -1]))?.code == .offset)
            #expect(await refusal(.offsets([partition(1): 0]))?.code == .unknownPartition)
            #expect(await refusal(.offsets([partition(0): 0]), topics: [topic])?.code == .configuration)
            #expect(await refusal(.end, topics: ["\(topic)-unknown"])?.code == .unknownTopic)
            let reader = try await join(group, topic)
            for isDryRun in [false, true] {
                let error = await #expect(throws: MsgBusError.self) {
                    try await admin.resetOffsets(of: group, to: .beginning, dryRun: isDryRun)
                }
                #expect(error?.code == .state)
                #expect(error?.message.contains("has a member (msgbus on ") == true)
            }
            await reader.close()
            #expect(try await admin.committedOffsets(of: group) == [partition(0): 5])
        }
    }
}
