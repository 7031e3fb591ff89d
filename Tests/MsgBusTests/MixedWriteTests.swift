import MsgBus
import TestSupport
import Testing

@Suite("Writes of all kinds at once", .timeLimit(.minutes(5)))
struct MixedWriteTests {
    @Test(
        "Everything mixed by many tasks: in order, once, and counted",
        arguments: [(100_000, "", 1), (7, "", 1), (100_000, "5", 1), (300, "50", 3)]
    )
    func mixed(_ buffer: Int, _ queue: String, _ partitions: Int) async throws {
        let broker = try EmbeddedBroker()
        let topic = unique("mixed")
        try broker.createTopic(topic, partitions: partitions)
        var config = broker.config(topic: topic, direction: .writer)
        config.writer.bufferMessages = buffer
        if !queue.isEmpty { config.properties["queue.buffering.max.messages"] = queue }
        let undelivered = Collected<UndeliveredMessage>()
        config.writer.onUndelivered = { undelivered.append($0) }
        let writer = try await KafkaWriter.connect(config)
        try broker.setRoundTripTime(.milliseconds(1))
        let delivered = Shared<Set<String>>([])
        let never = Shared<Set<String>>([])
        let maybe = Shared<Set<String>>([])
        let enqueued = Shared<Set<String>>([])
        func note(_ text: String, _ outcome: Result<Delivery, MsgBusError>) {
            switch outcome {
            case .success: delivered.withLock { _ = $0.insert(text) }
            case .failure(let e) where e.persistence == .notPersisted: never.withLock { _ = $0.insert(text) }
            case .failure: maybe.withLock { _ = $0.insert(text) }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<24 {
                group.addTask {
                    var number = 0
                    func next() -> OutgoingMessage {
                        number += 1
                        var m = OutgoingMessage("\(task):\(number)", partition: nil)
                        m.key = Array("\(task)".utf8)
                        if number % 11 == 0 { m.headers = ["a": "b"] }
                        return m
                    }
                    func text(_ m: OutgoingMessage) -> String { String(decoding: m.value!, as: UTF8.self) }
                    for _ in 0..<150 {
                        switch Int.random(in: 0..<10) {
                        case 0..<4:
                            let m = next()
                            do { note(text(m), .success(try await writer.write(m))) } catch {
                                note(text(m), .failure(error as! MsgBusError))
                            }
                        case 4..<6:
                            let m = next()
                            do {
                                try writer.enqueue(m)
                                enqueued.withLock { _ = $0.insert(text(m)) }
                            } catch { never.withLock { _ = $0.insert(text(m)) } }
                        case 6:
                            let ms = (0..<Int.random(in: 1..<30)).map { _ in next() }
                            let taken = (try? writer.enqueue(contentsOf: ms)) ?? 0
                            for m in ms.prefix(taken) { enqueued.withLock { _ = $0.insert(text(m)) } }
                            for m in ms.dropFirst(taken) { never.withLock { _ = $0.insert(text(m)) } }
                        case 7:
                            let ms = (0..<Int.random(in: 1..<30)).map { _ in next() }
                            if let out = try? await writer.write(contentsOf: ms) {
                                for (m, o) in zip(ms, out) { note(text(m), o) }
                            } else {
                                for m in ms { never.withLock { _ = $0.insert(text(m)) } }
                            }
                        case 8:
                            let m = next()
                            let write = immediately { try await writer.write(m) }
                            if Bool.random() { await Task.yield() }
                            write.cancel()
                            do { note(text(m), .success(try await write.value)) } catch {
                                note(text(m), .failure(error as! MsgBusError))
                            }
                        default:
                            try? await writer.flush(timeout: hang)
                        }
                    }
                }
            }
        }
        let report = await writer.close()
        var reading = broker.config(topic: topic, direction: .reader)
        reading.reader.startFrom = .earliest
        try broker.setRoundTripTime(.zero)
        let reader = try await KafkaReader.connect(reading)
        var seen: Set<String> = []
        var last: [String: Int] = [:]
        var count = 0
        while true {
            let batch = try await reader.readBatch(upTo: 1000, within: .seconds(count < report.delivered ? 20 : 1))
            if batch.isEmpty { break }
            for m in batch {
                count += 1
                let text = try m.text
                check(seen.insert(text).inserted)
                let parts = text.split(separator: ":")
                let number = Int(parts[1])!
                check(number > last[String(parts[0]), default: 0])
                last[String(parts[0])] = number
            }
        }
        #expect(report.delivered == count)
        #expect(delivered.value.isSubset(of: seen))
        #expect(never.value.isDisjoint(with: seen))
        let errors = Set(undelivered.all.map { String(decoding: $0.message.value!, as: UTF8.self) })
        #expect(errors.isDisjoint(with: seen))
        #expect(seen.isSubset(of: delivered.value.union(maybe.value).union(enqueued.value)))
        // Nothing that was accepted disappears.
        #expect(enqueued.value.isSubset(of: seen.union(errors)))
    }
}
