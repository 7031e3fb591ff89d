import Foundation
import MsgBus
import Synchronization
import TestSupport

/// One round: a cluster, writers, readers, and what happens to them.
struct Round {
    let options: Options
    let seed: UInt64

    /// What ends a round early: nothing goes on.
    private struct Stuck: Error, CustomStringConvertible {
        let description: String
    }

    /// - Returns: Whether everything was as promised.
    func run() async throws -> Bool {
        let ledger = Ledger(partitions: options.partitions)
        let cluster = try await Cluster(options, seed: seed)
        let plan = Plan(options, seed: seed)
        setLogger(
            RefusalLog { text in
                ledger.withLock { $0.refusals.append((now(), nil)) }
                ledger.tell("  logged: \(text)")
            }.logger
        )
        let fleet = Fleet(cluster, ledger, seed: seed)
        for member in plan.first { fleet.join(member) }
        ledger.tell("\(plan.first.count) readers join: \(plan.first.map(\.name).joined(separator: ", "))")
        await fleet.joined()

        let turnstile = Turnstile(writers: WritingStyle.allCases.count)
        let writing = WritingStyle.allCases.map { style in
            let writer = TortureWriter(
                style: style,
                id: ledger.addWriter(),
                ledger: ledger,
                cluster: cluster,
                seed: seed
            )
            let total = options.messages * style.share / 100
            let slices = (0..<options.steps).map { total * ($0 + 1) / options.steps - total * $0 / options.steps }
            return Task {
                do {
                    try await writer.run(slices) { await turnstile.enter($0) }
                } catch {
                    ledger.withLock { $0.violations.append("writer \(writer.id) failed: \(error)") }
                }
                await turnstile.enter(options.steps)
            }
        }
        var log: Audit?
        var output: Audit?
        do {
            let chaos = Chaos(cluster: cluster, ledger: ledger, fleet: fleet)
            for (index, step) in plan.steps.enumerated() {
                // Faults shall meet readers too: they may lag behind, but not by all.
                let part = options.messages * max(0, index - 3) / options.steps
                _ = await eventually { ledger.withLock { $0.distinctReads } >= part * 9 / 10 }
                try await chaos.prepare(step.events)
                turnstile.open(index)
                async let pause: Void = Task.sleep(for: step.time)
                await chaos.run(step.events, percent: 100 * index / options.steps)
                try await pause
                guard await eventually(within: hang, { turnstile.isThrough(index) }) else {
                    throw Stuck(description: "slice \(index) of the writing doesn't end")
                }
            }
            turnstile.open(options.steps)
            for task in writing { await task.value }
            try cluster.embedded?.clearFaults()
            try cluster.proxy?.clear()
            await chaos.end()
            ledger.tell("all is written; looking at what the brokers have")
            let audit = try await Audit.read(cluster)
            log = audit
            ledger.tell("waiting until the group has read all \(audit.count) messages")
            try await drain(ledger, audit)
            await fleet.joined()
            await fleet.closeAll()
            if options.transactions { output = try await Audit.read(cluster, GroupReader.output(of: cluster.topic)) }
            if cluster.evictsTheDead {
                ledger.tell("a last reader joins: does the group know what was done?")
                try await lastLook(fleet, ledger, audit)
            }
        } catch {
            ledger.withLock { $0.violations.append("\(error)") }
        }
        // Who is stuck is left behind: the process ends.
        if log != nil { await fleet.closeAll() }
        setLogger(nil)
        return Verdict(ledger, log, output, cluster, seed: seed).tell()
    }

    /// Waits until the group is through with everything.
    private func drain(_ ledger: Ledger, _ audit: Audit) async throws {
        let progress: @Sendable () -> Int = { ledger.withLock { $0.finished } }
        var best = -1
        while true {
            let now = progress()
            if now >= audit.count { return }
            if now == best {
                throw Stuck(description: "the group is done with \(now) of \(audit.count), and no more come")
            }
            best = now
            _ = await eventually(within: .seconds(60)) { progress() > best }
        }
    }

    /// Has somebody read what the group believes not to be done.
    private func lastLook(_ fleet: Fleet, _ ledger: Ledger, _ audit: Audit) async throws {
        fleet.join(Member(name: "the last reader", style: .manual, isChild: false))
        await fleet.joined()
        let isThrough = await eventually {
            ledger.withLock { contents in
                contents.current.last!.values.allSatisfy { index in
                    let tenure = contents.tenures[index]
                    return (tenure.next ?? tenure.start) >= audit.messages[tenure.partition].count
                }
            }
        }
        guard isThrough else { throw Stuck(description: "the last reader doesn't come to the end") }
        await fleet.closeAll()
    }
}

/// Lets writers into slice after slice, together.
final class Turnstile: Sendable {
    private struct State {
        var open = -1
        /// How many writers have asked for each slice, so are done with the one before.
        var asked: [Int: Int] = [:]
        var waiters: [(index: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let writers: Int

    init(writers: Int) { self.writers = writers }

    /// Waits until a slice is open.
    func enter(_ index: Int) async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                state.asked[index, default: 0] += 1
                if state.open < index { state.waiters.append((index, continuation)) }
                return state.open >= index
            }
            if isOpen { continuation.resume() }
        }
    }

    func open(_ index: Int) {
        let waiters = state.withLock { state in
            state.open = index
            defer { state.waiters.removeAll { $0.index <= index } }
            return state.waiters.filter { $0.index <= index }
        }
        for waiter in waiters { waiter.continuation.resume() }
    }

    /// Whether all writers are done with a slice.
    func isThrough(_ index: Int) -> Bool { state.withLock { $0.asked[index + 1] == writers } }
}

/// What the brokers have in the end, read by somebody without a group.
struct Audit: Sendable {
    /// By partition, in order.
    var messages: [[MessageID]]
    var strange: [String] = []
    var count: Int { messages.reduce(0) { $0 + $1.count } }

    /// Reads a topic whose every offset is a message, or one of transactions: what of it is committed.
    static func read(_ cluster: Cluster, _ output: String? = nil) async throws -> Audit {
        var config = cluster.config(.reader, topic: output)
        config.reader.startFrom = .earliest
        if output != nil {
            // The broker tells a reader that goes on after an abort that what follows is aborted too: so all in one request.
            config.properties["fetch.message.max.bytes"] = "100000000"
            config.properties["fetch.max.bytes"] = "1000000000"
            config.properties["receive.message.max.bytes"] = "1100000000"
        }
        let reader = try await KafkaReader.connect(config)
        var audit = Audit(messages: Array(repeating: [], count: cluster.partitions))
        let ends = try await reader.watermarks(timeout: hang)
        for (partition, marks) in ends where marks.lowerBound != 0 {
            audit.strange.append("\(partition) begins at \(marks.lowerBound): the broker has dropped messages")
        }
        let total = ends.values.reduce(0) { $0 + Int($1.upperBound) }
        var positions = try await reader.position()
        while output == nil
            ? audit.count < total : ends.contains(where: { positions[$0.key] ?? 0 < $0.value.upperBound })
        {
            if output != nil { positions = try await reader.position() }
            let batch = try await reader.readBatch(upTo: 10_000, within: output == nil ? hang : .milliseconds(100))
            if batch.isEmpty, output == nil {
                audit.strange.append("only \(audit.count) of \(total) messages could be read")
                break
            }
            for message in batch {
                let id = MessageID(try message.text)
                let isInPlace = output != nil || Int(message.offset) == audit.messages[message.partition].count
                if id == nil || !isInPlace {
                    audit.strange.append("\(message) isn't what should be there")
                }
                audit.messages[message.partition].append(id ?? MessageID(writer: -1, sequence: -1))
            }
        }
        await reader.close()
        return audit
    }
}
