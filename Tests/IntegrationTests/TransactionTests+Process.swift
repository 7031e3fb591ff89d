import Foundation
import TestSupport
import Testing

@testable import MsgBus

// The loop that reads, processes and writes.
extension TransactionTests {
    @Test("Read, process, write: each message counts exactly once, though bodies fail and members come and go")
    func process() async throws {
        let (input, group) = (unique("input"), unique("group"))
        try await TestBroker.ownProcess.createTopic(topic)
        try await TestBroker.ownProcess.createTopic(input, partitions: 4)
        let count = 2000
        var config = try TestBroker.ownProcess.config(topic: input, direction: .writer)
        let source = try await KafkaWriter.connect(config)
        for result in try await source.write(contentsOf: (0..<count).map { OutgoingMessage("\($0)", key: "\($0)") }) {
            _ = try result.get()
        }
        config.direction = .reader
        let whims = Shared(0)
        let written = Shared(0)
        /// Processes until its reader is closed.
        @Sendable func processor(_ name: String) async throws -> (KafkaReader, Task<Void, any Error>) {
            let writer = try await writer { $0.writer.transactionalID = "\(id)-\(name)" }
            let reader = try await reader(input) {
                $0.groupID = group
                $0.reader.ackMode = .transactional
            }
            let task = Task {
                while reader.status() == .open {
                    do {
                        try await writer.process(reader, upTo: 50) { batch, transaction in
                            for message in batch { try transaction.enqueue(OutgoingMessage(try message.text)) }
                            if Int.random(in: 0..<10) == 0 {
                                whims.set(whims.value + 1)
                                throw Whim()
                            }
                            written.set(written.value + batch.count)
                        }
                    } catch is Whim {}
                }
                await writer.close()
            }
            return (reader, task)
        }
        let (first, firstTask) = try await processor("first")
        #expect(await eventually { written.value > count / 4 })
        let (second, secondTask) = try await processor("second")
        #expect(await eventually { !second.assignment.isEmpty })
        #expect(await eventually { written.value > count / 2 })
        await first.close()
        try await firstTask.value
        #expect(
            try await eventually(within: hang) {
                try await second.committed().values.reduce(0, +) == Int64(count)
            }
        )
        await second.close()
        try await secondTask.value
        #expect(whims.value > 0)
        let end = try await KafkaWriter.connect(try TestBroker.ownProcess.config(topic: topic, direction: .writer))
        try await end.write("end")
        #expect(try await texts(upTo: "end").sorted() == (0..<count).map(String.init).sorted())
        await end.close()
        await source.close()
    }

    @Test("Partitions that the group takes back while they are processed don't end the processing")
    func takenBack() async throws {
        let (input, group) = (unique("input"), unique("group"))
        try await TestBroker.ownProcess.createTopic(topic)
        try await TestBroker.ownProcess.createTopic(input, partitions: 4)
        let source = try await KafkaWriter.connect(try TestBroker.ownProcess.config(topic: input, direction: .writer))
        for partition in 0..<4 { try await source.write(OutgoingMessage("\(partition)", partition: partition)) }
        func member() async throws -> KafkaReader {
            try await self.reader(input) {
                $0.groupID = group
                $0.reader.ackMode = .transactional
            }
        }
        let writer = try await self.writer()
        let reader = try await member()
        let isProcessing = Shared(false)
        let processing = Task {
            try await writer.process(reader) { batch, transaction in
                isProcessing.set(true)
                for message in batch { try transaction.enqueue(OutgoingMessage(try message.text)) }
                #expect(await eventually { reader.assignment.count == 2 })
            }
        }
        #expect(await eventually { isProcessing.value })
        let other = try await member()
        #expect(
            try await eventually {
                let own = reader.assignment
                return try await reader.committed().count { own.contains($0.key) && $0.value == 1 } == own.count
            }
        )
        await reader.close()
        try await processing.value
        await other.close()
        await writer.close()
        await source.close()
    }
}
