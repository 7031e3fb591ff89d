import Foundation
import TestSupport
import TestTraits
import Testing

@testable import MsgBus

/// What readers see of transactions, which the embedded broker doesn't isolate.
///
/// Each look is a new reader's: noida-db tells one that goes on after an abort that what follows is aborted too.
@Suite(
    "Transactions on a broker in its own process",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct TransactionTests {
    let topic = unique("transactions")
    let id = unique("writer")

    func writer(
        _ topic: String? = nil,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> KafkaWriter {
        var config = try TestBroker.ownProcess.config(topic: topic ?? self.topic, direction: .writer)
        config.connectTimeout = patience
        config.writer.transactionalID = id
        change(&config)
        return try await KafkaWriter.connect(config)
    }

    func reader(
        _ topic: String? = nil,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> KafkaReader {
        var config = try TestBroker.ownProcess.config(topic: topic ?? self.topic, direction: .reader)
        config.connectTimeout = patience
        config.reader.startFrom = .earliest
        change(&config)
        return try await KafkaReader.connect(config)
    }

    /// The texts that a new reader sees before the last one of the topic, which marks the end.
    func texts(upTo last: String, _ isolation: Isolation = .readCommitted) async throws -> [String] {
        let reader = try await reader { $0.reader.isolation = isolation }
        var texts: [String] = []
        while true {
            let text = try await reader.read().text
            if text == last { break }
            texts.append(text)
        }
        await reader.close()
        return texts
    }

    struct Whim: Error {}

    @Test("A transaction's messages are seen when it is committed, and by readers of everything at once")
    func commit() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let writer = try await writer()
        let patient = try await reader()
        let hasty = try await reader { $0.reader.isolation = .readUncommitted }
        let result = try await writer.transaction { transaction in
            let delivery = try await transaction.write("1", key: "a", headers: ["h": "v"])
            #expect(delivery.hasOffset)
            try await transaction.write(contentsOf: ["2", "3"])
            try transaction.enqueue("4")
            #expect(try await hasty.read().text == "1")
            #expect(patient.messageAvailable() == 0)
            return 42
        }
        #expect(result == 42)
        let first = try await patient.read()
        #expect(first.key == Array("a".utf8))
        #expect(first.headers == ["h": "v"])
        for text in ["2", "3", "4"] { #expect(try await patient.read().text == text) }
        let report = await writer.close()
        #expect(report == CloseReport(delivered: 4, undelivered: 0, abandoned: 0))
        await patient.close()
        await hasty.close()
    }

    @Test("Nothing of a transaction whose body throws is ever seen, and the error comes through")
    func abort() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let writer = try await writer()
        await #expect(throws: Whim.self) {
            try await writer.transaction { transaction in
                try await transaction.write("aborted")
                try transaction.enqueue("aborted too")
                throw Whim()
            }
        }
        try await writer.transaction { try await $0.write("end") }
        #expect(try await texts(upTo: "end") == [])
        #expect(try await texts(upTo: "end", .readUncommitted).first == "aborted")
        #expect(writer.status() == .open)
        let report = await writer.close()
        #expect(report == CloseReport(delivered: 1, undelivered: 2, abandoned: 0))
    }

    @Test("A cancelled task's transaction is aborted, whether its body notices or not", arguments: [false, true])
    func cancelled(notices: Bool) async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let writer = try await writer()
        let gate = Shared(false)
        let task = Task {
            try await writer.transaction { transaction in
                try await transaction.write("cancelled")
                gate.set(true)
                while !Task.isCancelled { await Task.yield() }
                if notices { try await transaction.write("after") }
            }
        }
        #expect(await eventually { gate.value })
        task.cancel()
        let error = await #expect(throws: MsgBusError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        try await writer.transaction { try await $0.write("end") }
        #expect(try await texts(upTo: "end") == [])
        await writer.close()
    }

    @Test("Of two writers with one transactional id the older is fenced off, and says so to everyone")
    func fencing() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let old = try await writer()
        try await old.transaction { try await $0.write("by the old one") }
        let young = try await writer()
        let error = await #expect(throws: MsgBusError.self) {
            try await old.transaction { try await $0.write("too late") }
        }
        #expect(error?.code == .fenced)
        #expect(error?.isFatal == true)
        #expect(error?.isRetriable == false)
        guard case .failed(let reason) = old.status() else {
            Issue.record("the status is \(old.status())")
            return
        }
        #expect(reason.code == .fenced)
        let again = await #expect(throws: MsgBusError.self) { try await old.transaction { _ in } }
        #expect(again?.code == .fenced)
        try await young.transaction { try await $0.write("end") }
        #expect(try await texts(upTo: "end") == ["by the old one"])
        await old.close()
        await young.close()
    }

    @Test("A writer that is fenced off inside of a transaction leaves nothing of it")
    func fencedInside() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let old = try await writer()
        let error = await #expect(throws: MsgBusError.self) {
            try await old.transaction { transaction in
                try await transaction.write("before")
                let young = try await writer()
                try await young.transaction { try await $0.write("end") }
                await young.close()
            }
        }
        #expect(error?.code == .fenced)
        #expect(try await texts(upTo: "end") == [])
        await old.close()
    }

    @Test("The acknowledgements of a transaction count if it is committed and not if it is aborted")
    func offsets() async throws {
        let input = unique("input")
        let group = unique("group")
        try await TestBroker.ownProcess.createTopic(topic)
        try await TestBroker.ownProcess.createTopic(input, partitions: 2)
        let source = try await KafkaWriter.connect(
            try TestBroker.ownProcess.config(topic: input, direction: .writer)
        )
        for index in 0..<6 { try await source.write(OutgoingMessage("\(index)", partition: index % 2)) }
        await source.close()
        func member() async throws -> KafkaReader {
            try await reader(input) {
                $0.groupID = group
                $0.reader.ackMode = .transactional
            }
        }
        func take(_ count: Int, of reader: KafkaReader) async throws -> [Message] {
            var messages: [Message] = []
            while messages.count < count { messages.append(try await reader.read()) }
            return messages
        }
        let writer = try await writer()
        let first = try await member()
        let all = try await take(6, of: first)
        let done = all.filter { $0.offset == 0 }
        try await writer.transaction { transaction in
            for message in done { try transaction.enqueue(OutgoingMessage("\(message.partition)/\(message.offset)")) }
            try transaction.acknowledge(done, of: first)
        }
        await #expect(throws: Whim.self) {
            try await writer.transaction { transaction in
                try await transaction.write("aborted")
                try transaction.acknowledge(all.filter { $0.offset == 1 }, of: first)
                throw Whim()
            }
        }
        await first.close()

        // Neither the abort nor the close has moved the group.
        let second = try await member()
        let rest = try await take(4, of: second)
        #expect(rest.filter { $0.partition == 0 }.map(\.offset) == [1, 2])
        #expect(rest.filter { $0.partition == 1 }.map(\.offset) == [1, 2])
        try await writer.transaction { transaction in
            try await transaction.write("the rest")
            for message in rest { try transaction.acknowledge(message, of: second) }
        }
        await second.close()
        let third = try await member()
        #expect(try await third.read(timeout: .seconds(1)) == nil)
        await third.close()
        #expect(try await Set(texts(upTo: "the rest")) == ["0/0", "1/0"])
        await writer.close()
    }

    @Test("Messages are acknowledged in order and once, and what breaks that aborts the transaction")
    func acknowledgementsInOrder() async throws {
        let input = unique("input")
        try await TestBroker.ownProcess.createTopic(topic)
        try await TestBroker.ownProcess.createTopic(input)
        let source = try await KafkaWriter.connect(
            try TestBroker.ownProcess.config(topic: input, direction: .writer)
        )
        for index in 0..<3 { try await source.write("\(index)") }
        await source.close()
        let reader = try await reader(input) {
            $0.groupID = unique("group")
            $0.reader.ackMode = .transactional
        }
        let messages = [try await reader.read(), try await reader.read(), try await reader.read()]
        let writer = try await writer()
        func run(_ acknowledged: [Message]) async throws {
            try await writer.transaction { transaction in
                try transaction.enqueue("\(acknowledged.map(\.offset))")
                try transaction.acknowledge(acknowledged, of: reader)
            }
        }
        let early = await #expect(throws: MsgBusError.self) { try await run([messages[1]]) }
        #expect(early?.code == .state)
        #expect(early?.offset == 1)
        try await run([messages[1], messages[0]])
        let twice = await #expect(throws: MsgBusError.self) { try await run([messages[1], messages[2]]) }
        #expect(twice?.code == .state)
        #expect(twice?.offset == 1)
        try await run([messages[2]])
        // It has no other way to acknowledge.
        let direct = #expect(throws: MsgBusError.self) { try reader.acknowledge(messages[2]) }
        #expect(direct?.code == .state)
        try await writer.transaction { try await $0.write("end") }
        #expect(try await texts(upTo: "end") == ["[1, 0]", "[2]"])
        await reader.close()
        let closed = await #expect(throws: MsgBusError.self) { try await run([messages[2]]) }
        #expect(closed?.code == .closed)
        await writer.close()
    }

    @Test("A transaction of 25,000 messages, more than the buffer holds, is committed as a whole")
    func large() async throws {
        try await TestBroker.ownProcess.createTopic(topic, partitions: 3)
        let writer = try await writer { $0.writer.bufferMessages = 5000 }
        let count = 25_000
        try await writer.transaction { transaction in
            let deliveries = try await transaction.write(contentsOf: (0..<count).map { OutgoingMessage("\($0)") })
            #expect(deliveries.count == count)
        }
        let reader = try await reader()
        var seen: Set<String> = []
        while seen.count < count {
            let batch = try await reader.readBatch(upTo: 1000, within: patience)
            try #require(!batch.isEmpty)
            for message in batch { seen.insert(try message.text) }
        }
        #expect(await writer.close().delivered == count)
        await reader.close()
    }

    @Test("One message after another inside a transaction, also where messages linger")
    func oneByOne() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let writer = try await writer { $0.writer.linger = .milliseconds(5) }
        for round in 0..<20 {
            try await writer.transaction { transaction in
                for index in 0..<5 { try await transaction.write("\(round) \(index)") }
            }
        }
        try await writer.transaction { try await $0.write("end") }
        #expect(try await texts(upTo: "end").count == 100)
        await writer.close()
    }

    @Test("Transactions of several tasks take turns, in order")
    func turns() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let writer = try await writer()
        let gate = Shared(false)
        let first = immediately {
            try await writer.transaction { transaction in
                try await transaction.write("first")
                while !gate.value { await Task.yield() }
            }
        }
        let second = immediately { try await writer.transaction { try await $0.write("second") } }
        let leaving = immediately { try await writer.transaction { try await $0.write("never") } }
        let third = immediately { try await writer.transaction { try await $0.write("third") } }
        leaving.cancel()
        let error = await #expect(throws: MsgBusError.self) { try await leaving.value }
        #expect(error?.code == .cancelled)
        gate.set(true)
        _ = try await (first.value, second.value, third.value)
        try await writer.transaction { try await $0.write("end") }
        #expect(try await Set(texts(upTo: "end")) == ["first", "second", "third"])
        await writer.close()
    }

    @Test("A close aborts a transaction whose body still runs, and the body's end is told")
    func closeInside() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        let writer = try await writer()
        let isInside = Shared(false)
        let isClosed = Shared(false)
        let task = Task {
            try await writer.transaction { transaction in
                try await transaction.write("cut short")
                isInside.set(true)
                while !isClosed.value { await Task.yield() }
                let error = await #expect(throws: MsgBusError.self) { try await transaction.write("after") }
                #expect(error?.code == .closed)
            }
        }
        #expect(await eventually { isInside.value })
        let waiting = immediately { try await writer.transaction { _ in } }
        let report = await writer.close(timeout: hang)
        #expect(report == CloseReport(delivered: 0, undelivered: 1, abandoned: 0))
        isClosed.set(true)
        for task in [task, waiting] {
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == .closed)
        }
        let next = try await self.writer()
        try await next.transaction { try await $0.write("end") }
        #expect(try await texts(upTo: "end") == [])
        await next.close()
    }

    @Test(
        "What a killed process left in the middle of a transaction is never seen, once its successor has connected",
        .ownProcess
    )
    func killed() async throws {
        try await TestBroker.ownProcess.createTopic(topic)
        var config = try TestBroker.ownProcess.config(topic: topic, direction: .writer)
        config.writer.transactionalID = id
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [topic = topic as String, id = id as String, address = config.brokers[0] as String] in
            var config = MsgBusConfig(topic: topic, direction: .writer)
            config.brokers = [address]
            config.connectTimeout = patience
            config.writer.transactionalID = id
            let writer = try await KafkaWriter.connect(config)
            try await writer.transaction { try await $0.write("committed") }
            try await writer.transaction { transaction in
                try await transaction.write("left in the middle")
                kill(getpid(), SIGKILL)
            }
        }
        let successor = try await writer()
        try await successor.transaction { try await $0.write("end") }
        #expect(try await texts(upTo: "end") == ["committed"])
        await successor.close()
    }
}
