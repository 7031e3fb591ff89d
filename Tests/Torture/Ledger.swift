import Synchronization

/// What became of a message that a writer was given.
enum Fate: UInt8 {
    /// Nobody has said anything yet.
    case open
    case acknowledged
    /// The write failed, and the message never reached a broker.
    case notPersisted
    case possiblyPersisted
}

/// The time for which one reader had one partition.
struct Tenure {
    enum End: String {
        case open
        /// The reader was told to give it up, and what was done by then should have been committed.
        case revoked
        /// Another member had it already.
        case lost
        /// The reader's process was killed.
        case crashed
    }

    let reader: Int
    let partition: Int
    let begin: UInt64
    /// What the group had committed when it began; -1: nothing.
    let committed: Int64
    var end = End.open
    var ended: UInt64 = .max
    /// The first message that was handed out, and the offset after the last.
    var first: Int64?
    var next: Int64?
    /// Its first message may have been counted as one of the tenure before.
    var mayHaveLostFirst = false
    /// What was handed out and isn't done.
    var inHand: Set<Int64> = []

    var start: Int64 { max(0, committed) }
    /// Everything before it was done.
    var doneUpTo: Int64 { inHand.min() ?? next ?? start }
}

/// Everything that was written and read, to be judged in the end.
final class Ledger: Sendable {
    struct Written {
        var fate = Fate.open
        var partition: Int
        var offset: Int64 = -1
    }

    struct Contents {
        /// By writer and sequence.
        var written: [[Written]] = []
        var resolved = 0
        /// By partition and offset: what was read there, the last tenure in which it was, and whether anybody was through with it.
        var read: [[(id: MessageID?, tenure: Int32, isFinished: Bool)]]
        var distinctReads = 0
        var finished = 0
        var reads = 0
        var tenures: [Tenure] = []
        /// Which of them are open, by reader and partition.
        var current: [[Int: Int]] = []
        var names: [String] = []
        /// A message that was read in two tenures.
        var repeated: [(partition: Int, offset: Int64, tenures: [Int])] = []
        /// What readers were told the group knows.
        var commits: [(time: UInt64, partition: Int, offset: Int64, reader: Int)] = []
        /// When a reader logged that a commit was refused; nil: one of those in this process.
        var refusals: [(time: UInt64, reader: Int?)] = []
        /// When a broker was killed, which forgets what it hasn't stored.
        var kills: [UInt64] = []
        var violations: [String] = []
        /// The newest last.
        var events: [String] = []
    }

    let began = now()
    private let contents: Mutex<Contents>

    init(partitions: Int) {
        contents = Mutex(Contents(read: Array(repeating: [], count: partitions)))
    }

    func withLock<Value: Sendable>(_ body: (inout Contents) throws -> Value) rethrows -> Value {
        try contents.withLock { try body(&$0) }
    }

    /// Takes everything out, for the verdict.
    func take() -> Contents {
        contents.withLock { contents in
            defer { contents = Contents(read: contents.read.map { _ in [] }) }
            return Contents(
                written: contents.written,
                resolved: contents.resolved,
                read: contents.read,
                distinctReads: contents.distinctReads,
                reads: contents.reads,
                tenures: contents.tenures,
                current: contents.current,
                names: contents.names,
                repeated: contents.repeated,
                commits: contents.commits,
                refusals: contents.refusals,
                kills: contents.kills,
                violations: contents.violations,
                events: contents.events
            )
        }
    }

    func seconds(_ time: UInt64) -> Double { Double(time &- began) / 1e9 }

    /// Prints what happens, and remembers it as evidence.
    func tell(_ text: String) {
        let tenths = Int(seconds(now()) * 10)
        let time = "\(tenths / 10).\(tenths % 10)"
        let line = String(repeating: " ", count: max(0, 6 - time.count)) + time + " s  " + text
        say(line)
        withLock { $0.events.append(line) }
    }

    // MARK: Writers

    func addWriter() -> Int {
        withLock { contents in
            contents.written.append([])
            return contents.written.count - 1
        }
    }

    /// A writer is about to write to these partitions.
    ///
    /// - Returns: The sequence number of the first.
    func write(_ writer: Int, to partitions: [Int]) -> Int {
        withLock { contents in
            contents.written[writer] += partitions.map { Written(partition: $0) }
            return contents.written[writer].count - partitions.count
        }
    }

    func resolve(_ writer: Int, _ sequence: Int, _ fate: Fate, partition: Int? = nil, offset: Int64 = -1) {
        withLock { contents in
            let old = contents.written[writer][sequence]
            if old.fate != .open { contents.violations.append("\(writer).\(sequence) was answered twice") }
            if let partition, partition != old.partition {
                contents.violations.append("\(writer).\(sequence) was written to \(partition), not \(old.partition)")
            }
            contents.written[writer][sequence].fate = fate
            contents.written[writer][sequence].offset = offset
            contents.resolved += 1
        }
    }

    var resolved: Int { withLock { $0.resolved } }

    // MARK: Readers

    func addReader(_ name: String) -> Int {
        withLock { contents in
            contents.names.append(name)
            contents.current.append([:])
            return contents.names.count - 1
        }
    }

    /// Takes what a reader reports.
    func take(_ reports: [Report], from reader: Int, at time: UInt64, isChild: Bool = false) {
        withLock { contents in
            for report in reports { contents.take(report, from: reader, at: time, isChild: isChild) }
        }
    }

    /// The reader's process was killed at that time.
    func crashed(_ reader: Int, at time: UInt64) {
        withLock { contents in
            for index in contents.current[reader].values {
                contents.tenures[index].end = .crashed
                contents.tenures[index].ended = time
            }
            contents.current[reader] = [:]
        }
    }
}

extension Ledger.Contents {
    mutating func take(_ report: Report, from reader: Int, at time: UInt64, isChild: Bool) {
        switch report {
        case .assigned(let partition, let committed):
            if let index = current[reader][partition], tenures[index].next != nil {
                accuse(reader, "partition \(partition) was assigned although it had it already")
            }
            current[reader][partition] = tenures.count
            tenures.append(Tenure(reader: reader, partition: partition, begin: time, committed: committed))
        case .read(let partition, let offset, let id, let mayBeOlder):
            took(reader, partition, offset, id, mayBeOlder, time)
        case .finished(let partition, let offset):
            guard Int(offset) < read[partition].count, !read[partition][Int(offset)].isFinished else { return }
            read[partition][Int(offset)].isFinished = true
            finished += 1
        case .done(let partition, let offset):
            if let index = current[reader][partition] { tenures[index].inHand.remove(offset) }
        case .committed(let partition, let offset): commits.append((time, partition, offset, reader))
        case .revoked(let partition): end(reader, partition, .revoked, time)
        case .lost(let partition): end(reader, partition, .lost, time)
        case .stray(let partition, let offset):
            accuse(reader, "\(partition)@\(offset) was handed out after its partition was taken back")
        case .refused(let text):
            refusals.append((time, isChild ? reader : nil))
            if isChild { events.append("            \(names[reader]): \(text)") }
        case .failed(let text): accuse(reader, text)
        }
    }

    mutating func accuse(_ reader: Int, _ text: String) { violations.append("\(names[reader]): \(text)") }

    private mutating func end(_ reader: Int, _ partition: Int, _ end: Tenure.End, _ time: UInt64) {
        guard let index = current[reader].removeValue(forKey: partition) else { return }
        tenures[index].end = end
        tenures[index].ended = time
    }

    private mutating func took(
        _ reader: Int,
        _ partition: Int,
        _ offset: Int64,
        _ id: MessageID,
        _ mayBeOlder: Bool,
        _ time: UInt64
    ) {
        // Handed out while the partition was being taken back, told after.
        let latest = tenures.lastIndex { $0.reader == reader && $0.partition == partition }
        guard var index = current[reader][partition] ?? latest else {
            return accuse(reader, "\(partition)@\(offset) was read without the partition having been assigned")
        }
        if mayBeOlder, tenures[index].next == nil,
            let older = tenures[..<index].lastIndex(where: { $0.reader == reader && $0.partition == partition }),
            tenures[older].next == offset
        {
            tenures[index].mayHaveLostFirst = true
            index = older
        }
        let tenure = tenures[index]
        if let next = tenure.next, offset != next {
            let what = offset < next ? "order: it" : "gap: it"
            accuse(
                reader,
                "\(what) read \(partition)@\(offset) (\(id)), where \(next) comes next, since \(tenure.start); "
                    + "\((time - tenure.begin) / 1_000_000) ms after it got the partition"
                    + (tenure.ended < time ? ", \((time - tenure.ended) / 1_000_000) ms after it gave it up" : "")
            )
        }
        if tenure.next == nil { tenures[index].first = offset }
        tenures[index].next = max(tenure.next ?? 0, offset + 1)
        tenures[index].inHand.insert(offset)
        reads += 1
        while read[partition].count <= offset { read[partition].append((nil, -1, false)) }
        let before = read[partition][Int(offset)]
        if let other = before.id {
            if other != id { accuse(reader, "\(partition)@\(offset) is \(id), and was \(other) before") }
            if before.tenure != Int32(index) {
                repeated.append((partition, offset, [Int(before.tenure), index]))
            }
        } else {
            distinctReads += 1
        }
        read[partition][Int(offset)] = (id, Int32(index), before.isFinished)
    }
}
