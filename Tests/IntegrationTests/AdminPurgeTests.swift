import Foundation
import TestSupport
import Testing

@testable import MsgBus

@Suite(
    "Topics are purged",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct AdminPurgeTests {
    private let topic = unique("purged")
    private var other: String { "\(topic)-other" }
    private let settings = ["retention.ms": "86400000", "max.message.bytes": "2000000"]

    private func partition(_ number: Int) -> TopicPartition { TopicPartition(topic: topic, partition: number) }

    private func configurations(_ admin: BusAdmin) async throws -> [[ConfigurationEntry]] {
        [try await admin.topicConfiguration(topic), try await admin.topicConfiguration(other)]
    }

    private func create(_ admin: BusAdmin, partitions: Int) async throws {
        let topics = [topic, other].map { NewTopic($0, partitions: partitions, configuration: settings) }
        for result in try await admin.createTopics(topics) { try result.get() }
    }

    @Test(
        "B-19: all messages are gone, of that topic and no other; its configuration is as it was, and the lag is right"
    )
    func purge() async throws {
        try await administrate { admin in
            try await create(admin, partitions: 3)
            let before = try await configurations(admin)
            try await write(30, to: topic, partitions: 3)
            try await write(7, to: other)
            let group = unique("group")
            try await read(12, of: topic, group: group)
            #expect(try await admin.lag(of: group).total == 18)

            let report = try await admin.purge(topic)
            #expect(report.topic == topic)
            #expect(report.deleted == 30)
            #expect(report.partitions == (0..<3).map { PurgedPartition(partition: $0, deleted: 10, end: 10) })
            let marks = try await admin.watermarks(of: [topic, other])
            for number in 0..<3 { #expect(marks[partition(number)] == 10..<10) }
            #expect(marks[TopicPartition(topic: other, partition: 0)] == 0..<7)
            #expect(try await configurations(admin) == before)
            #expect(try await admin.lag(of: group).total == 0)

            // What comes later is there, and the lag counts it.
            try await write(2, to: topic)
            #expect(try await admin.lag(of: group).total == 2)
            let reader = try await join(unique("group"), topic)
            #expect(try await reader.read().offset == 10)
            await reader.close()
            // And again, with little or nothing to do.
            #expect(try await admin.purge(topic).deleted == 2)
            #expect(try await admin.purge(topic).deleted == 0)
        }
    }

    @Test("Only the partitions that are named")
    func chosen() async throws {
        try await administrate { admin in
            try await create(admin, partitions: 3)
            try await write(9, to: topic, partitions: 3)
            let report = try await admin.purge(topic, partitions: [2, 0, 2])
            #expect(report.partitions.map(\.partition) == [0, 2])
            #expect(report.deleted == 6)
            let marks = try await admin.watermarks(of: [topic])
            #expect(marks == [partition(0): 3..<3, partition(1): 0..<3, partition(2): 3..<3])
            let error = await #expect(throws: MsgBusError.self) { try await admin.purge(topic, partitions: [0, 3]) }
            #expect(error?.code == .unknownPartition)
            #expect(error?.partition == 3)
            #expect(try await admin.watermarks(of: [topic]) == marks)
        }
    }

    @Test("Messages that come while it purges are let be")
    func whileWriting() async throws {
        try await administrate { admin in
            try await create(admin, partitions: 1)
            let writer = try await KafkaWriter.connect(
                try TestBroker.ownProcess.config(topic: topic, direction: .writer)
            )
            let last = Shared<Int64>(-1)
            let isDone = Shared(false)
            let writing = immediately {
                while !isDone.value { last.set(try await writer.write("x").offset) }
            }
            for _ in 0..<10 {
                let written = last.value
                let end = try await admin.purge(topic).partitions[0].end
                #expect(end > written)
                let marks = try #require(try await admin.watermarks(of: [topic])[partition(0)])
                #expect(marks.lowerBound == end)
            }
            isDone.set(true)
            try await writing.value
            await writer.close()
        }
    }

    @Test("B-19: killed at any moment it has left the configuration alone, and messages are there or gone")
    func killed() async throws {
        try await administrate { admin in
            let partitions = 4
            try await create(admin, partitions: partitions)
            let before = try await configurations(admin)
            try await write(20, to: other, partitions: partitions)
            let proxy = try FaultProxy(inFrontOf: try ProcessBroker.shared.get())
            // Each request takes so long that the moments fall between any two of them.
            try proxy.setLatency(milliseconds: 20)
            func start() throws -> ChildProcess {
                try ChildProcess(ChildProcess.msgbus.path, ["purge", topic, "--yes", "--broker", proxy.brokers[0]])
            }
            // How long a whole one takes depends on the machine and what else it does: the moments are spread over that time.
            try await write(40, to: topic, partitions: partitions)
            let beginning = ContinuousClock.now
            let whole = try start()
            #expect(try await onThread { whole.wait() } == 0)
            let time = beginning.duration(to: .now)
            for mark in try await admin.watermarks(of: [topic]).values { #expect(mark == 10..<10) }
            #expect(try await configurations(admin) == before)

            var wasCutShort = false
            var hasPurged = false
            let deadline = ContinuousClock.now + hang
            var moment = 0
            // Some take longer than the first, so later and later moments come until one has got as far as to purge.
            while moment < 16 || !hasPurged, ContinuousClock.now < deadline {
                try await write(40, to: topic, partitions: partitions)
                let marks = try await admin.watermarks(of: [topic])
                let purge = try start()
                try await Task.sleep(for: time * moment / 12)
                purge.send(SIGKILL)
                moment += 1
                let status = try await onThread { purge.wait() }
                if status == -SIGKILL { wasCutShort = true }
                #expect(try await configurations(admin) == before)
                for (partition, mark) in try await admin.watermarks(of: [topic]) {
                    let old = try #require(marks[partition])
                    if mark.lowerBound != old.lowerBound { hasPurged = true }
                    #expect(mark.upperBound == old.upperBound)
                    #expect(mark.lowerBound == old.lowerBound || mark.lowerBound == old.upperBound)
                }
                for mark in try await admin.watermarks(of: [other]).values { #expect(mark == 0..<5) }
            }
            #expect(wasCutShort)
            #expect(hasPurged)
            try await admin.purge(topic)
            for mark in try await admin.watermarks(of: [topic]).values { #expect(mark.isEmpty) }
        }
    }

    @Test("That brokers purge no compacted topic is explained, and nothing is lost")
    func compacted() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 2, configuration: ["cleanup.policy": "compact"]))
            let writer = try await KafkaWriter.connect(
                try TestBroker.ownProcess.config(topic: topic, direction: .writer)
            )
            for number in 0..<2 { try await writer.write(OutgoingMessage("x", key: "k", partition: number)) }
            await writer.close()
            let error = await #expect(throws: MsgBusError.self) { try await admin.purge(topic) }
            #expect(error?.code == .configuration)
            #expect(error?.kafkaName == "POLICY_VIOLATION")
            #expect(error?.message.contains("compacted") == true)
            #expect(error?.message.contains("0 of 2 partitions") == true)
            #expect(try await admin.watermarks(of: [topic]) == [partition(0): 0..<1, partition(1): 0..<1])
        }
    }
}
