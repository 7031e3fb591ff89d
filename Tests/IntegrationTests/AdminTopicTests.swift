import TestSupport
import Testing

@testable import MsgBus

@Suite(
    "Topics are administered",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct AdminTopicTests {
    private let topic = unique("admin")

    @Test("A created topic is there at once, as it was asked for, and a deleted one is gone at once")
    func lifecycle() async throws {
        try await administrate { admin in
            let settings = ["retention.ms": "86400000", "cleanup.policy": "delete"]
            try await admin.createTopic(NewTopic(topic, partitions: 3, replicationFactor: 1, configuration: settings))
            #expect(try await admin.listTopics().contains(topic))
            let description = try await admin.describeTopic(topic)
            #expect(description.name == topic)
            #expect(!description.isInternal)
            #expect(description.partitions.map(\.partition) == [0, 1, 2])
            let broker = try #require(try await admin.describeCluster().brokers.first).id
            for partition in description.partitions {
                #expect(partition.leader == broker)
                #expect(partition.replicas == [broker])
                #expect(partition.inSyncReplicas == [broker])
            }
            let configuration = try await admin.topicConfiguration(topic)
            #expect(configuration.map(\.name) == configuration.map(\.name).sorted())
            let retention = try #require(configuration.first { $0.name == "retention.ms" })
            #expect(retention.value == "86400000")
            #expect(retention.source == .topic)
            #expect(configuration.contains { $0.source == .default })

            try await admin.deleteTopic(topic)
            #expect(try await !admin.listTopics().contains(topic))
            let error = await #expect(throws: MsgBusError.self) { try await admin.describeTopic(topic) }
            #expect(error?.code == .unknownTopic)
        }
    }

    @Test("A topic that is created again is empty")
    func again() async throws {
        try await administrate { admin in
            for _ in 0..<3 {
                try await admin.createTopic(NewTopic(topic, partitions: 1))
                let marks = try await admin.watermarks(of: [topic])
                #expect(marks == [TopicPartition(topic: topic, partition: 0): 0..<0])
                try await write(2, to: topic)
                try await admin.deleteTopic(topic)
            }
        }
    }

    @Test("Several at once: each has its own result, in order, and a bad one hides no other")
    func several() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            let names = ["\(topic)-a", topic, "not legal", "\(topic)-b", "\(topic)-c", "\(topic)-d", "\(topic)-d"]
            var topics = names.map { NewTopic($0, partitions: 1) }
            topics[4].partitions = 0
            let created = try await admin.createTopics(topics)
            #expect(
                created.map(\.code)
                    == [nil, .admin, .configuration, nil, .configuration, .configuration, .configuration]
            )
            if case .failure(let error) = created[1] { #expect(error.topic == topic) }
            let described = try await admin.describeTopics(names)
            #expect(
                described.map(\.code)
                    == [nil, nil, .configuration, nil, .unknownTopic, .unknownTopic, .unknownTopic]
            )
            let deleted = try await admin.deleteTopics(names)
            #expect(
                deleted.map(\.code)
                    == [nil, nil, .configuration, nil, .unknownTopic, .unknownTopic, .unknownTopic]
            )
            #expect(try await admin.createTopics([]).isEmpty)
            #expect(try await admin.deleteTopics([]).isEmpty)
        }
    }

    @Test("To validate only creates nothing")
    func validateOnly() async throws {
        try await administrate { admin in
            let results = try await admin.createTopics([NewTopic(topic, partitions: 1)], validateOnly: true)
            #expect(results.map(\.code) == [nil])
            #expect(try await !admin.listTopics().contains(topic))
        }
    }

    @Test("Without numbers the broker decides")
    func defaults() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic))
            #expect(try await admin.describeTopic(topic).partitions.count >= 1)
        }
    }

    @Test("Asking for a topic doesn't create it")
    func noAutoCreation() async throws {
        try await administrate { admin in
            _ = try await admin.describeTopics([topic, "\(topic)-2"])
            _ = try await admin.describeTopics([topic])
            await #expect(throws: MsgBusError.self) { try await admin.watermarks(of: [topic]) }
            await #expect(throws: MsgBusError.self) { try await admin.purge(topic) }
            let names = try await admin.listTopics()
            #expect(!names.contains(topic))
            #expect(!names.contains("\(topic)-2"))
        }
    }

    @Test("B-30: partitions are added while messages flow, and none is lost; to take some away is a clear error")
    func addPartitions() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            var config = try TestBroker.ownProcess.config(topic: topic, direction: .reader)
            config.reader.partitionDiscoveryInterval = .milliseconds(100)
            let reader = try await KafkaReader.connect(config)
            var writing = try TestBroker.ownProcess.config(topic: topic, direction: .writer)
            writing.properties["topic.metadata.refresh.interval.ms"] = "100"
            let writer = try await KafkaWriter.connect(writing)
            let isAdded = Shared(false)
            let written = immediately {
                var count = 0
                // Until the writer has seen the new partitions, too.
                var partitions: Set<Int> = []
                while partitions.count < 5 || !isAdded.value {
                    partitions.insert(try await writer.write("\(count)").partition)
                    count += 1
                }
                return count
            }
            try await admin.addPartitions(to: topic, total: 5)
            #expect(try await admin.describeTopic(topic).partitions.count == 5)
            isAdded.set(true)
            let count = try await written.value
            var seen: Set<String> = []
            for _ in 0..<count { seen.insert(try #require(await reader.read(timeout: patience)).text) }
            #expect(seen == Set((0..<count).map(String.init)))

            try await admin.addPartitions(to: topic, total: 5)
            let error = await #expect(throws: MsgBusError.self) { try await admin.addPartitions(to: topic, total: 2) }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains("has 5 partitions and can't have 2") == true)
            #expect(error?.topic == topic)
            #expect(try await admin.describeTopic(topic).partitions.count == 5)
            let unknown = await #expect(throws: MsgBusError.self) {
                try await admin.addPartitions(to: "\(topic)-unknown", total: 2)
            }
            #expect(unknown?.code == .unknownTopic)
            await reader.close()
            await writer.close()
        }
    }

    @Test("The cluster's own topics are left alone unless it is said that they are meant")
    func internalTopics() async throws {
        let name = unique("__admin")
        try await administrate { admin in
            let refused = try await admin.createTopics([NewTopic(name, partitions: 1)])
            #expect(refused.map(\.code) == [.state])
            try await admin.createTopic(NewTopic(name, partitions: 1), allowingInternal: true)
            #expect(try await !admin.listTopics().contains(name))
            #expect(try await admin.listTopics(includingInternal: true).contains(name))
            #expect(try await admin.describeTopic(name).isInternal)
            func isRefused(_ body: () async throws -> Void) async {
                let error = await #expect(throws: MsgBusError.self) { try await body() }
                #expect(error?.code == .state)
                #expect(error?.message.contains("allowingInternal") == true)
            }
            await isRefused { try await admin.deleteTopic(name) }
            await isRefused { try await admin.addPartitions(to: name, total: 2) }
            await isRefused { try await admin.purge(name) }
            await isRefused { try await admin.alterTopic(name, setting: ["retention.ms": "1000"]) }
            try await write(3, to: name)
            #expect(try await admin.purge(name, allowingInternal: true).deleted == 3)
            try await admin.alterTopic(name, setting: ["retention.ms": "1000"], allowingInternal: true)
            try await admin.addPartitions(to: name, total: 2, allowingInternal: true)
            try await admin.deleteTopic(name, allowingInternal: true)
            #expect(try await !admin.listTopics(includingInternal: true).contains(name))
        }
    }

    @Test("The cluster has an id, a controller and brokers")
    func cluster() async throws {
        try await administrate { admin in
            let cluster = try await admin.describeCluster()
            #expect(cluster.id?.isEmpty == false)
            let broker = try #require(cluster.brokers.first)
            #expect(cluster.controller == broker.id)
            #expect("\(broker.host):\(broker.port)" == (try ProcessBroker.shared.get().address))
        }
    }

    @Test("Many calls at once, on one connection")
    func concurrency() async throws {
        try await administrate { admin in
            try await withThrowingTaskGroup { tasks in
                for index in 0..<50 {
                    tasks.addTask {
                        let name = "\(topic)-\(index)"
                        try await admin.createTopic(NewTopic(name, partitions: 1))
                        #expect(try await admin.describeTopic(name).partitions.count == 1)
                        try await admin.deleteTopic(name)
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(try await !admin.listTopics().contains { $0.hasPrefix(topic) })
        }
    }
}
