import Foundation
import MsgBus
import Synchronization
import TestSupport

/// How a reader of the group reads.
enum ReadingStyle: String, CaseIterable, Codable {
    /// A loop over `messages`, which acknowledges by coming back.
    case loop
    /// A callback, which now and then throws and is given the message again.
    case callback
    /// `readBatch`, which acknowledges by coming back.
    case batches
    /// `readBatch`, acknowledged message by message in any order, and now and then committed.
    case manual
    /// `readBatch`, written to another topic and acknowledged by transactions.
    case transactions

    /// Those of ordinary readers.
    static let plain: [ReadingStyle] = [.loop, .callback, .batches, .manual]

    /// Whether it can say at any time that nothing is in its hands.
    var settles: Bool { self == .batches || self == .manual || self == .transactions }
}

/// A reader of the group that reports what happens to it; in this process or in a child.
final class GroupReader: Sendable {
    private struct State {
        /// Where it is in the partitions that are its own, and since which change it has them.
        var next: [Int: Int64] = [:]
        var since: [Int: Int] = [:]
        /// By which change others were taken back.
        var until: [Int: Int] = [:]
        /// Counts what the group assigned and took back.
        var changes = 0
        /// How many calls have read.
        var calls = 0
        var stalledUntil: ContinuousClock.Instant?
        var isStalling = false
        var hasEnded = false
        var random: SeededGenerator
        /// What the callback has failed on.
        var failures: Set<MessageID> = []
    }

    let name: String
    private let style: ReadingStyle
    private let seed: UInt64
    private let state: Mutex<State>
    private let report: @Sendable ([Report]) -> Void
    private let reader = Mutex<KafkaReader?>(nil)
    private let writer = Mutex<KafkaWriter?>(nil)
    private let loop = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - name: Seeds its decisions together with the seed.
    ///   - report: Gets everything, one after another.
    init(_ style: ReadingStyle, name: String, seed: UInt64, report: @escaping @Sendable ([Report]) -> Void) {
        self.style = style
        self.name = name
        self.seed = seed
        self.report = report
        state = Mutex(State(random: SeededGenerator(seed: seed, for: name)))
    }

    /// Enters the group and begins to read.
    func start(_ config: MsgBusConfig) async throws {
        var config = config
        config.reader.startFrom = .earliest
        let ackModes: [ReadingStyle: AckMode] = [.manual: .manual, .transactions: .transactional]
        config.reader.ackMode = ackModes[style] ?? .automatic
        config.reader.commitInterval = .milliseconds(500)
        config.reader.onAssign = { [weak self] in self?.assigned($0) }
        config.reader.onRevoke = { [weak self] in await self?.revoked($0) }
        config.reader.onLost = { [weak self] in self?.ended($0) { .lost(partition: $0) } }
        if style == .callback {
            config.reader.failurePolicy = .retry(
                100,
                backoff: .milliseconds(1),
                maxBackoff: .milliseconds(20),
                then: .stop
            )
        }
        if style == .transactions {
            let writer = try await connectWriter(like: config)
            self.writer.withLock { $0 = writer }
        }
        let reader = try await KafkaReader.connect(config)
        self.reader.withLock { $0 = reader }
        if style == .callback {
            try reader.onMessage { [weak self] in try self?.called($0) }
        } else {
            let task = Task { [weak self] in
                guard let self else { return }
                do {
                    try await self.read(reader)
                } catch {
                    if (error as? MsgBusError)?.code != .closed { self.report([.failed("\(error)")]) }
                }
                self.state.withLock { $0.hasEnded = true }
            }
            loop.withLock { $0 = task }
        }
    }

    /// Doesn't come back for so long, with what it has in hand.
    func stall(for time: Duration) {
        state.withLock { $0.stalledUntil = .now + time }
    }

    func close() async {
        let reader = reader.withLock { $0 }
        await reader?.close(timeout: .seconds(20))
        await loop.withLock { $0 }?.value
        await writer.withLock { $0 }?.close(timeout: .seconds(20))
    }

    // MARK: Reading

    private func read(_ reader: KafkaReader) async throws {
        switch style {
        case .callback: break
        case .transactions:
            if let writer = writer.withLock({ $0 }) { try await process(reader, writer) }
        case .loop:
            var seen = changes
            var last: Message?
            for try await message in reader.messages {
                if let last { done([last]) }
                took([message], seen)
                last = message
                await stallIfTold()
                finished([message])
                seen = changes
            }
        case .batches, .manual:
            var last: [Message] = []
            while true {
                if style == .batches { finished(last) }
                let (limit, seen) = beginCall(upTo: 500)
                let batch = Array(try await reader.readBatch(upTo: limit, within: .milliseconds(50)))
                if style == .batches { done(last) }
                took(batch, seen)
                last = batch
                await stallIfTold()
                if style == .manual { try await finish(batch, reader) }
            }
        }
    }

    /// A call that reads begins: for how many messages, and after which change.
    func beginCall(upTo limit: Int) -> (limit: Int, seen: Int) {
        state.withLock { state in
            state.calls += 1
            return (Int.random(in: 1...limit, using: &state.random), state.changes)
        }
    }

    func chance(_ probability: Double) -> Bool { state.withLock { $0.random.chance(probability) } }

    private func finish(_ batch: [Message], _ reader: KafkaReader) async throws {
        let (order, commits) = state.withLock { state in
            (batch.shuffled(using: &state.random), state.random.chance(0.05))
        }
        finished(batch)
        var acknowledged: [Message] = []
        for message in order {
            do throws(MsgBusError) {
                try reader.acknowledge(message)
                acknowledged.append(message)
            } catch {
                guard error.code == .rebalance else { throw error }
            }
        }
        done(acknowledged)
        guard commits else { return }
        let (offsets, since) = state.withLock { ($0.next, $0.since) }
        do throws(MsgBusError) {
            try await reader.commit()
        } catch {
            guard error.code != .closed else { throw error }
            return
        }
        state.withLock { state in
            // Of what wasn't this reader's all the time, the commit has perhaps told the group nothing.
            let all = offsets.filter { state.next[$0.key] != nil && state.since[$0.key] == since[$0.key] }
            report(all.map { .committed(partition: $0.key, offset: $0.value) })
        }
    }

    private struct Reluctance: Error {}

    /// One by one, on the reader's own queue.
    private func called(_ message: Message) throws {
        guard let id = (try? message.text).flatMap({ MessageID($0) }) else { return took([message], changes) }
        let (fails, seen, until) = state.withLock { state in
            let fails = UInt64(id.sequence) &* 0x9e37_79b9 % 1000 == seed % 1000 && state.failures.insert(id).inserted
            defer { state.stalledUntil = nil }
            return (fails, state.changes, state.stalledUntil)
        }
        if fails { throw Reluctance() }
        took([message], seen)
        if let until { Thread.sleep(forTimeInterval: max(0, ContinuousClock.now.duration(to: until) / .seconds(1))) }
        finished([message])
        done([message])
    }

    func stallIfTold() async {
        let until = state.withLock { state in
            state.isStalling = state.stalledUntil != nil
            defer { state.stalledUntil = nil }
            return state.stalledUntil
        }
        guard let until else { return }
        try? await Task.sleep(until: until)
        state.withLock { $0.isStalling = false }
    }

    // MARK: Reports

    private var changes: Int { state.withLock { $0.changes } }

    func took(_ messages: [Message], _ seen: Int) {
        guard !messages.isEmpty else { return }
        state.withLock { state in
            var reports: [Report] = []
            for message in messages {
                let (partition, offset) = (message.partition, message.offset)
                guard let id = (try? message.text).flatMap({ MessageID($0) }) else {
                    reports.append(.failed("\(message) isn't what anybody wrote"))
                    continue
                }
                if let until = state.until[partition], until <= seen {
                    reports.append(.stray(partition: partition, offset: offset))
                }
                let isNew = state.since[partition] ?? 0 > seen
                reports.append(.read(partition: partition, offset: offset, id: id, mayBeOlder: isNew))
                if state.next[partition] != nil { state.next[partition] = offset + 1 }
            }
            report(reports)
        }
    }

    private func finished(_ messages: [Message]) {
        if !messages.isEmpty { report(messages.map { .finished(partition: $0.partition, offset: $0.offset) }) }
    }

    private func done(_ messages: [Message]) {
        state.withLock { state in
            let own = messages.filter { state.next[$0.partition] != nil }
            if !own.isEmpty { report(own.map { .done(partition: $0.partition, offset: $0.offset) }) }
        }
    }

    /// A transaction with these messages was committed.
    func committed(_ messages: [Message]) {
        finished(messages)
        done(messages)
        let ends = messages.reduce(into: [:]) { $0[$1.partition] = $1.offset + 1 }
        report(ends.map { .committed(partition: $0.key, offset: $0.value) })
    }

    private func assigned(_ assignment: Assignment) {
        state.withLock { state in
            state.changes += 1
            var reports: [Report] = []
            for partition in assignment.partitions {
                let committed = assignment.committed[partition] ?? -1
                state.next[partition.partition] = max(0, committed)
                state.since[partition.partition] = state.changes
                state.until[partition.partition] = nil
                reports.append(.assigned(partition: partition.partition, committed: committed))
            }
            report(reports)
        }
    }

    private func revoked(_ partitions: [TopicPartition]) async {
        await settle()
        ended(partitions) { .revoked(partition: $0) }
    }

    private func ended(_ partitions: [TopicPartition], _ make: (Int) -> Report) {
        state.withLock { state in
            state.changes += 1
            let own = partitions.map(\.partition).filter { state.next.removeValue(forKey: $0) != nil }
            for partition in own { state.until[partition] = state.changes }
            report(own.map(make))
        }
    }

    /// Waits until what was handed out has been dealt with, as an application should that wants nothing to come twice.
    private func settle() async {
        guard style.settles else { return }
        let calls = state.withLock { $0.calls }
        _ = await eventually(within: .seconds(5)) {
            state.withLock { $0.calls > calls || $0.isStalling || $0.hasEnded }
        }
    }
}
