import MsgBus
import Synchronization
import TestSupport

/// How a writer writes.
enum WritingStyle: String, CaseIterable {
    /// Batches, awaited.
    case batches
    /// Messages that nobody awaits: their failures come to a handler, and the rest is settled by the close.
    case enqueue
    /// Batches whose messages have so little time that some fail when brokers are gone.
    case impatient
    /// One message after another.
    case single

    /// Its part of all messages, in per cent.
    var share: Int { [.batches: 40, .enqueue: 33, .impatient: 25, .single: 2][self]! }
}

/// A writer that writes slice after slice as it is let, closes now and then and connects anew.
struct TortureWriter: Sendable {
    let style: WritingStyle
    let id: Int
    let ledger: Ledger
    let cluster: Cluster
    let seed: UInt64

    /// - Parameters:
    ///   - slices: How many messages each slice has.
    ///   - turn: Waits until a slice may begin.
    func run(_ slices: [Int], _ turn: @escaping @Sendable (Int) async -> Void) async throws {
        var random = SeededGenerator(seed: seed, for: "writer \(id)")
        var session = try await connect()
        for (index, count) in slices.enumerated() {
            await turn(index)
            if index > 0, random.chance(0.15) {
                try await close(session)
                session = try await connect()
            }
            var rest = count
            while rest > 0 {
                let size = style == .single ? 1 : min(rest, Int.random(in: 1...300, using: &random))
                let partitions = (0..<size).map { _ in Int.random(in: 0..<cluster.partitions, using: &random) }
                try await write(to: partitions, session)
                rest -= size
            }
            if style == .enqueue { try await session.writer.flush(timeout: hang) }
        }
        try await close(session)
    }

    /// A connection, and what was handed over to it that hasn't failed.
    private final class Session: Sendable {
        let writer: KafkaWriter
        let pending: Shared<Set<Int>>
        /// What became of its messages.
        let fates: Shared<[Fate: Int]>

        init(_ writer: KafkaWriter, _ pending: Shared<Set<Int>>, _ fates: Shared<[Fate: Int]>) {
            (self.writer, self.pending, self.fates) = (writer, pending, fates)
        }
    }

    private func connect() async throws -> Session {
        var config = cluster.config(.writer)
        config.connectTimeout = hang
        config.writer.deliveryTimeout = style == .impatient ? .milliseconds(1500) : hang
        let pending = Shared<Set<Int>>([])
        let fates = Shared<[Fate: Int]>([:])
        config.writer.onUndelivered = { [id, ledger] message in
            let text = String(decoding: message.message.value ?? [], as: UTF8.self)
            guard let message = MessageID(text).flatMap({ $0.writer == id ? ($0, message.error) : nil }) else {
                return ledger.withLock { $0.violations.append("writer \(id): undelivered \"\(text)\" isn't its own") }
            }
            pending.update { $0.remove(message.0.sequence) }
            resolve(message.0.sequence, .failure(message.1), fates)
        }
        return Session(try await KafkaWriter.connect(config), pending, fates)
    }

    private func write(to partitions: [Int], _ session: Session) async throws {
        let first = ledger.write(id, to: partitions)
        let messages = partitions.enumerated().map { index, partition in
            OutgoingMessage("\(MessageID(writer: id, sequence: first + index))", partition: partition)
        }
        switch style {
        case .batches, .impatient:
            for (index, result) in try await session.writer.write(contentsOf: messages).enumerated() {
                resolve(first + index, result, session.fates)
            }
        case .single:
            do throws(MsgBusError) {
                resolve(first, .success(try await session.writer.write(messages[0])), session.fates)
            } catch {
                resolve(first, .failure(error), session.fates)
            }
        case .enqueue:
            for (index, message) in messages.enumerated() {
                session.pending.update { $0.insert(first + index) }
                do throws(MsgBusError) {
                    try session.writer.enqueue(message)
                } catch {
                    // Refused at once, for example while the topic may not be written: never accepted.
                    session.pending.update { $0.remove(first + index) }
                    resolve(first + index, .failure(error), session.fates)
                }
            }
        }
    }

    private func resolve(_ sequence: Int, _ result: Result<Delivery, MsgBusError>, _ fates: Shared<[Fate: Int]>) {
        let fate: Fate
        switch result {
        case .success(let delivery):
            fate = .acknowledged
            ledger.resolve(id, sequence, fate, partition: delivery.partition, offset: delivery.offset)
        case .failure(let error):
            if error.isFatal { ledger.withLock { $0.violations.append("writer \(id) failed for good: \(error)") } }
            if error.persistence == nil {
                ledger.withLock { $0.violations.append("a write's error doesn't say what became of it: \(error)") }
            }
            fate = error.mayHaveBeenPersisted ? .possiblyPersisted : .notPersisted
            ledger.resolve(id, sequence, fate)
        }
        fates.update { $0[fate, default: 0] += 1 }
    }

    /// Closes; what was handed over and didn't fail until then is delivered.
    private func close(_ session: Session) async throws {
        try await session.writer.flush(timeout: hang)
        let report = await session.writer.close(timeout: hang)
        for sequence in session.pending.take([]) {
            ledger.resolve(id, sequence, .acknowledged)
            session.fates.update { $0[.acknowledged, default: 0] += 1 }
        }
        let fates = session.fates.value
        let (acknowledged, unknown) = (fates[.acknowledged] ?? 0, fates[.possiblyPersisted] ?? 0)
        // A write that ran out of time may have been acknowledged after that; one that was refused at once was never accepted.
        let isRight =
            (acknowledged...(acknowledged + unknown)).contains(report.delivered) && report.abandoned == 0
            && (0...(fates[.notPersisted] ?? 0)).contains(
                report.delivered + report.undelivered - acknowledged - unknown
            )
        if !isRight {
            ledger.withLock { $0.violations.append("writer \(id) told \(fates) and in the end \(report)") }
        }
    }
}

extension Shared {
    func update(_ body: (inout Value) -> Void) { withLock { body(&$0) } }

    func take(_ replacement: Value) -> Value {
        withLock { value in
            defer { value = replacement }
            return value
        }
    }
}
