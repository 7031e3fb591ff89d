import MsgBus
import TestSupport
import TestTraits
import Testing

/// What the embedded broker's deaths show. Each test has a process of its own: in the tests' own one, children of other tests may
/// have inherited the broker's connections, and hold them open.
@Suite("The bus while the embedded broker dies", .serialized, .ownProcess, .timeLimit(.minutes(5)))
struct EmbeddedDeathTests {
    @Test("A broker that goes away and comes back is seen by writers and readers, who need no help (B-14)")
    func status() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker(brokers: 3)
            let (writer, reader) = try await connect(broker, unique("status"))
            for round in 0..<3 {
                #expect(writer.status() == .open && reader.status() == .open)
                try broker.setDown()
                for status in [{ reader.status() }, { writer.status() }] {
                    #expect(await eventually { if case .disconnected = status() { true } else { false } })
                }
                try broker.setUp()
                #expect(await eventually { writer.status() == .open && reader.status() == .open })
                try await writer.write(OutgoingMessage("\(round)"))
                #expect(try await reader.read().text == "\(round)")
            }
            await writer.close()
            await reader.close()
        }
    }

    @Test("What is written while the broker is down arrives once it is up, once and in order")
    func downForAMoment() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            let (writer, reader) = try await connect(broker, unique("moment"))
            try broker.setDown()
            #expect(await eventually { if case .disconnected = writer.status() { true } else { false } })
            let waiting = (0..<100).map { index in immediately { try await writer.write("\(index)") } }
            try broker.setUp()
            for (index, task) in waiting.enumerated() { #expect(try await task.value.offset == Int64(index)) }
            for index in 0..<100 { #expect(try await reader.read().text == "\(index)") }
            #expect(try await reader.read(timeout: .milliseconds(100)) == nil)
            #expect(await writer.close().delivered == 100)
            await reader.close()
        }
    }

    @Test("A write whose broker dies fails within its timeout, awaited and blocking, and close stays quick (B-03)")
    func deadline() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            let (writer, reader) = try await connect(broker, unique("deadline")) {
                $0.writer.deliveryTimeout = .seconds(3)
            }
            try await writer.write("before")
            // The answers to these are lost with the broker.
            try broker.setRoundTripTime(hang)
            let awaited = immediately { _ = try await writer.write("awaited") }
            let blocked = immediately { try await onThread { try writer.messageWrite("blocked") } }
            try broker.setDown()
            for task in [awaited, blocked] {
                let error = await #expect(throws: MsgBusError.self) { try await task.value }
                #expect(error?.code == .timeout)
                #expect(error?.isRetriable == true)
            }
            let start = ContinuousClock.now
            let report = await writer.close(timeout: .seconds(1))
            await reader.close(timeout: .seconds(1))
            #expect(start.duration(to: .now) < hang)
            #expect((report.delivered, report.undelivered) == (1, 2))
        }
    }

    @Test(
        "10,000 writes that nobody waits for, a broker that dies among them, and a close: each is accounted for (B-05)"
    )
    func account() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker()
            let undelivered = Collected<String>()
            let topic = unique("account")
            let (writer, reader) = try await connect(broker, topic) {
                $0.writer.onUndelivered = {
                    undelivered.append(String(decoding: $0.message.value ?? [], as: UTF8.self))
                }
            }
            for index in 0..<5_000 { try writer.enqueue("\(index)") }
            // In the middle of it.
            #expect(try await reader.read().text == "0")
            try broker.setDown()
            for index in 5_000..<10_000 { try writer.enqueue("\(index)") }
            let report = await writer.close(timeout: .seconds(1))
            #expect(report.delivered + report.undelivered == 10_000)
            // A close whose time is over doesn't wait for the handler.
            #expect(await eventually { undelivered.count == report.undelivered })
            #expect(report.undelivered >= 5_000)
            // Whatever was said to be delivered is there.
            try broker.setUp()
            let lost = Set(undelivered.all)
            let delivered = Set((0..<10_000).map(String.init)).subtracting(lost)
            var read: Set<String> = ["0"]
            while !delivered.isSubset(of: read) {
                guard let message = try await reader.read(timeout: hang) else { break }
                read.insert(try message.text)
            }
            #expect(delivered.isSubset(of: read))
            await reader.close()
        }
    }

    @Test("A partition whose leader dies moves to another broker, and so do its writer and reader")
    func leaderDies() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker(brokers: 3)
            let topic = unique("leader")
            let (writer, reader) = try await connect(broker, topic)
            try broker.moveLeader(ofTopic: topic, partition: 0, to: 1)
            for (old, new) in [(1, 2), (2, 3), (3, 1)] {
                try await writer.write(OutgoingMessage("before \(old) dies"))
                try broker.setDown(broker: old)
                let waiting = immediately { try await writer.write(OutgoingMessage("while \(old) is dead")) }
                try broker.moveLeader(ofTopic: topic, partition: 0, to: new)
                _ = try await waiting.value
                #expect(try await reader.read().text == "before \(old) dies")
                #expect(try await reader.read().text == "while \(old) is dead")
                // Where the others were slow to answer just then, it was none that could be reached, and a probe says when one can.
                #expect(await eventually { writer.status() == .open && reader.status() == .open })
                try broker.setUp(broker: old)
            }
            await writer.close()
            await reader.close()
        }
    }

    @Test("A group whose coordinator dies goes on with another one")
    func coordinatorDies() async {
        await #expect(processExitsWith: .success) {
            let broker = try EmbeddedBroker(brokers: 3)
            let (topic, group) = (unique("coordinator"), unique("group"))
            try broker.moveCoordinator(ofGroup: group, to: 1)
            let (writer, reader) = try await connect(broker, topic) {
                $0.groupID = $0.direction == .reader ? group : nil
            }
            try broker.moveLeader(ofTopic: topic, partition: 0, to: 3)
            try await writer.write("before")
            #expect(try await reader.read().text == "before")
            try broker.setDown(broker: 1)
            try broker.moveCoordinator(ofGroup: group, to: 2)
            try await writer.write("after")
            #expect(try await reader.read().text == "after")
            let isCommitted = await eventually {
                do { try await reader.commit() } catch { return false }
                return true
            }
            #expect(isCommitted)
            await reader.close()
            await writer.close()
        }
    }
}

@Suite(
    "The bus while a broker's process dies",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct ProcessDeathTests {
    @Test("A broker that is killed and started again loses nothing it has stored; writers and readers go on (B-14)")
    func killed() async throws {
        let broker = try ProcessBroker()
        let topic = unique("killed")
        let (writer, reader) = try await connect(broker, topic)
        for round in 0..<2 {
            for result in try await writer.write(contentsOf: (0..<500).map { OutgoingMessage("\(round) \($0)") }) {
                _ = try result.get()
            }
            #expect(await eventually { broker.stored(in: topic) == (round + 1) * 501 - 1 })
            broker.kill()
            for status in [{ reader.status() }, { writer.status() }] {
                #expect(await eventually { if case .disconnected = status() { true } else { false } })
            }
            let waiting = immediately { try await writer.write("meanwhile") }
            try broker.restart()
            #expect(try await waiting.value.offset == Int64((round + 1) * 501 - 1))
            #expect(await eventually { writer.status() == .open && reader.status() == .open })
            for index in 0..<500 { #expect(try await reader.read().text == "\(round) \(index)") }
            #expect(try await reader.read().text == "meanwhile")
        }
        #expect(await writer.close().delivered == 1002)
        await reader.close()
        // Somebody new finds all of it.
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        let late = try await KafkaReader.connect(config)
        for round in 0..<2 {
            for index in 0..<500 { #expect(try await late.read().text == "\(round) \(index)") }
            #expect(try await late.read().text == "meanwhile")
        }
        await late.close()
    }

    @Test("A group's reader goes on after its broker was killed, and commits again")
    func group() async throws {
        let broker = try ProcessBroker()
        let topic = unique("killed")
        let (writer, reader) = try await connect(broker, topic, group: unique("group"))
        try await writer.write("before")
        #expect(try await reader.read().text == "before")
        #expect(await eventually { broker.stored(in: topic) == 1 })
        broker.kill()
        #expect(await eventually { if case .disconnected = reader.status() { true } else { false } })
        try broker.restart()
        try await writer.write("after")
        // At least once: the group was forgotten with the broker, so what it hadn't committed comes again.
        var read: [String] = []
        let isCommitted = await eventually(within: hang) {
            do throws(MsgBusError) {
                while let message = try await reader.read(timeout: .milliseconds(100)) {
                    read.append((try? message.text) ?? "")
                    try reader.acknowledge(message)
                }
                try await reader.commit()
                return read.contains("after")
            } catch {
                return false
            }
        }
        #expect(isCommitted)
        #expect(Set(read).isSubset(of: ["before", "after"]))
        #expect(await eventually { writer.status() == .open && reader.status() == .open })
        await reader.close()
        await writer.close()
    }

    @Test("Writes to a broker that stays dead fail within their time, and each of them is accounted for (B-03, B-05)")
    func staysDead() async throws {
        let broker = try ProcessBroker()
        let undelivered = Collected<Int64>()
        var config = broker.config(topic: unique("dead"), direction: .writer)
        config.writer.deliveryTimeout = .seconds(2)
        config.writer.onUndelivered = { _ in undelivered.append(0) }
        let writer = try await KafkaWriter.connect(config)
        for index in 0..<5_000 { try writer.enqueue("\(index)") }
        broker.kill()
        for index in 5_000..<10_000 { try writer.enqueue("\(index)") }
        let error = await #expect(throws: MsgBusError.self) { try await writer.write("awaited") }
        #expect(error?.code == .timeout)
        let report = await writer.close(timeout: patience)
        #expect(report.delivered + report.undelivered == 10_001)
        // All but the awaited one, also if the close's time was over before the handler was done.
        #expect(await eventually { undelivered.count + 1 == report.undelivered })
        #expect(report.undelivered > 5_000)
    }
}

private func connect(
    _ broker: EmbeddedBroker,
    _ topic: String,
    _ change: (inout MsgBusConfig) -> Void = { _ in }
) async throws -> (KafkaWriter, KafkaReader) {
    try broker.createTopic(topic)
    var (read, write) = (
        broker.config(topic: topic, direction: .reader), broker.config(topic: topic, direction: .writer)
    )
    read.connectTimeout = patience
    change(&read)
    change(&write)
    return (try await KafkaWriter.connect(write), try await KafkaReader.connect(read))
}

private func connect(
    _ broker: ProcessBroker,
    _ topic: String,
    group: String? = nil
) async throws -> (KafkaWriter, KafkaReader) {
    var config = broker.config(topic: topic, direction: .reader)
    config.reader.missingTopic = .create(partitions: 1)
    config.connectTimeout = patience
    config.groupID = group
    let reader = try await KafkaReader.connect(config)
    return (try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer)), reader)
}
