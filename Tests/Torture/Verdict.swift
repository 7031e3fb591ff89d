import Foundation

/// Judges a round, and prints what was found.
struct Verdict {
    private let contents: Ledger.Contents
    private let audit: Audit?
    private let output: Audit?
    private let ledger: Ledger
    private let cluster: Cluster
    private let seed: UInt64

    init(_ ledger: Ledger, _ audit: Audit?, _ output: Audit?, _ cluster: Cluster, seed: UInt64) {
        (contents, self.audit, self.output, self.ledger) = (ledger.take(), audit, output, ledger)
        (self.cluster, self.seed) = (cluster, seed)
    }

    /// - Returns: Whether everything was as promised.
    func tell() -> Bool {
        var violations = contents.violations
        var rows: [(String, String)] = []
        let all = contents.written.joined()
        rows.append(("written", "\(all.count)"))
        for (fate, name) in [
            (Fate.acknowledged, "acknowledged"), (.notPersisted, "failed, not persisted"),
            (.possiblyPersisted, "failed, possibly persisted"),
        ] { rows.append((name, "\(all.count { $0.fate == fate })")) }
        let unanswered = all.count { $0.fate == .open }
        if unanswered > 0 { violations.append("\(unanswered) writes were never answered") }
        if let audit { judgeWriting(audit, &rows, &violations) }
        if let audit, let output { judgeProcessing(audit, output, &rows, &violations) }
        rows.append(("read", "\(contents.reads), \(contents.distinctReads) different ones"))
        rows.append(("assignments", "\(contents.tenures.count), of \(contents.names.count) readers"))
        judgeStarts(&violations)
        judgeRepeats(&rows, &violations)
        rows.append(("commits known, refused", "\(contents.commits.count), \(contents.refusals.count)"))
        rows.append(("time", "\(Int(ledger.seconds(now()))) s"))
        rows.append(("peak memory", "\(Self.peakMegabytes) MB"))

        say("")
        for (name, value) in rows {
            say("  \(name)\(String(repeating: " ", count: max(1, 34 - name.count)))\(value)")
        }
        rows = []
        guard !violations.isEmpty else {
            say("\nSeed \(seed): everything is as promised.")
            return true
        }
        say("\nThe last that happened:")
        for event in contents.events.suffix(40) { say(event) }
        say("\nSeed \(seed): \(violations.count) VIOLATIONS")
        for violation in violations.prefix(40) { say("  - \(violation)") }
        return false
    }

    // MARK: Writing

    private func judgeWriting(_ audit: Audit, _ rows: inout [(String, String)], _ violations: inout [String]) {
        violations += audit.strange
        var copies = 0
        var surprises = 0
        var seen = contents.written.map { Array(repeating: Int64(-1), count: $0.count) }
        for (partition, messages) in audit.messages.enumerated() {
            var last: [Int: Int] = [:]
            for (offset, id) in messages.enumerated() {
                let place = "partition \(partition), offset \(offset): \(id)"
                guard seen.indices.contains(id.writer), seen[id.writer].indices.contains(id.sequence) else {
                    violations.append("\(place) is what nobody wrote")
                    continue
                }
                let written = contents.written[id.writer][id.sequence]
                if written.partition != partition {
                    violations.append("\(place) was for partition \(written.partition)")
                }
                if written.fate == .notPersisted {
                    violations.append("\(place) is there, and its write said that it isn't")
                }
                if seen[id.writer][id.sequence] >= 0 {
                    copies += 1
                    // The embedded cluster doesn't recognise what is sent again.
                    if cluster.recognisesRepeats {
                        violations.append("\(place) is there twice, first at \(seen[id.writer][id.sequence])")
                    }
                    continue
                }
                seen[id.writer][id.sequence] = Int64(offset)
                if let last = last[id.writer], last > id.sequence {
                    violations.append("\(place) comes after the same writer's \(last)")
                }
                last[id.writer] = id.sequence
                if written.fate == .possiblyPersisted { surprises += 1 }
            }
        }
        var lost = 0
        for (writer, messages) in contents.written.enumerated() {
            for (sequence, message) in messages.enumerated() where message.fate == .acknowledged {
                let id = MessageID(writer: writer, sequence: sequence)
                if seen[writer][sequence] < 0 {
                    lost += 1
                    violations.append(
                        "LOST by the broker or writer: \(id), acknowledged in partition \(message.partition) at \(message.offset)"
                    )
                } else if cluster.knowsOffsetsOfRepeats, message.offset >= 0, !isThere(id, audit, message) {
                    violations.append(
                        "\(id) was acknowledged at \(message.offset) of partition \(message.partition), and is at \(seen[writer][sequence])"
                    )
                }
            }
        }
        var unread = 0
        for (partition, messages) in audit.messages.enumerated() {
            var missing: [String: [Int]] = [:]
            for (offset, id) in messages.enumerated() {
                guard offset < contents.read[partition].count, let read = contents.read[partition][offset].id else {
                    missing["never read", default: []].append(offset)
                    continue
                }
                if !contents.read[partition][offset].isFinished {
                    missing["read, never done, and not read again", default: []].append(offset)
                }
                if read != id {
                    violations.append("partition \(partition), offset \(offset) is \(id), and was read as \(read)")
                }
            }
            for (what, offsets) in missing {
                unread += offsets.count
                let range = "\(offsets.count) messages, offsets \(offsets.first!)...\(offsets.last!)"
                violations.append("LOST by the group: partition \(partition), \(range): \(what)\(owners(partition))")
            }
        }
        rows.append(("on the brokers", "\(audit.count)"))
        rows.append(("  failed, and yet there", "\(surprises)"))
        rows.append(("  sent again and there twice", "\(copies)"))
        rows.append(("lost", "\(lost) by writers and brokers, \(unread) by readers"))
    }

    private func isThere(_ id: MessageID, _ audit: Audit, _ message: Ledger.Written) -> Bool {
        let partition = audit.messages[message.partition]
        return Int(message.offset) < partition.count && partition[Int(message.offset)] == id
    }

    /// What was processed is what was to be: each message once, and in order.
    private func judgeProcessing(
        _ input: Audit,
        _ output: Audit,
        _ rows: inout [(String, String)],
        _ violations: inout [String]
    ) {
        violations += output.strange
        for (partition, (input, output)) in zip(input.messages, output.messages).enumerated() where input != output {
            let counts = output.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            let missing = input.filter { counts[$0] == nil }
            let twice = counts.filter { $0.value > 1 }.map(\.key)
            let first = zip(input, output).enumerated().first { $1.0 != $1.1 }
            violations.append(
                "processed partition \(partition): \(output.count) of \(input.count) messages, \(missing.count) missing "
                    + "\(missing.prefix(3)), \(twice.count) twice \(twice.prefix(3)), first difference at \(first?.offset ?? -1)"
                    + owners(partition)
            )
        }
        rows.append(("processed, exactly once", "\(output.count)"))
    }

    // MARK: Reading

    /// Each tenure begins where the group was, or where the same reader's own unfinished commit says.
    private func judgeStarts(_ violations: inout [String]) {
        for (index, tenure) in contents.tenures.enumerated() {
            guard let first = tenure.first, first != tenure.start else { continue }
            if tenure.mayHaveLostFirst, first == tenure.start + 1 { continue }
            // A batch that was in hand may have been done: its reader had come back, and was still waiting.
            let isRemainder = contents.tenures[..<index].contains { older in
                older.reader == tenure.reader && older.partition == tenure.partition
                    && (older.doneUpTo...(older.next ?? older.start)).contains(first)
            }
            if first > tenure.start, isRemainder { continue }
            violations.append("\(describe(index)) began at \(first)")
        }
    }

    /// Every message that was read twice needs a reason.
    private func judgeRepeats(_ rows: inout [(String, String)], _ violations: inout [String]) {
        var causes: [String: Int] = [:]
        var wrong: [String: [Int64]] = [:]
        for (partition, offset, pair) in contents.repeated {
            let pair = pair.sorted { contents.tenures[$0].begin < contents.tenures[$1].begin }
            let (older, newer) = (contents.tenures[pair[0]], contents.tenures[pair[1]])
            let tenures = "\(describe(pair[0])), then \(describe(pair[1]))"
            if let commit = commit(covering: offset, of: partition, before: newer.begin) {
                let who = "\(contents.names[commit.reader]) had committed \(commit.offset) at \(seconds(commit.time))"
                wrong["read again although \(who): \(tenures)", default: []].append(offset)
            } else if let cause = cause(offset, older) {
                causes[cause, default: 0] += 1
            } else {
                wrong["done, and read again without a reason: \(tenures)", default: []].append(offset)
            }
        }
        for (what, offsets) in wrong.sorted(by: { $0.key < $1.key }) {
            violations.append("\(offsets.count) messages, offsets \(offsets.min()!)...\(offsets.max()!): \(what)")
        }
        rows.append(("read again", "\(contents.repeated.count)"))
        for (cause, count) in causes.sorted(by: { $0.key < $1.key }) { rows.append(("  \(cause)", "\(count)")) }
    }

    private func cause(_ offset: Int64, _ tenure: Tenure) -> String? {
        switch tenure.end {
        case .open: return nil
        case .crashed: return "its reader was killed"
        case .lost: return "its reader lost the partition"
        case .revoked:
            if offset >= tenure.doneUpTo { return "in hand at a rebalance or close" }
            // A reader logs that its commit was refused before it tells that the partition is gone.
            let window = (tenure.ended - min(tenure.ended, 1_000_000_000))...(tenure.ended + 25_000_000_000)
            let isRefused = contents.refusals.contains { refusal in
                window.contains(refusal.time) && (refusal.reader == nil || refusal.reader == tenure.reader)
            }
            if isRefused { return "the last commit was refused" }
            // What the broker was told in the last seconds it hadn't stored.
            let storing = tenure.begin...(tenure.ended + Self.storingTime)
            if contents.kills.contains(where: storing.contains) { return "the broker was killed" }
            return nil
        }
    }

    private func commit(
        covering offset: Int64,
        of partition: Int,
        before time: UInt64
    ) -> (time: UInt64, partition: Int, offset: Int64, reader: Int)? {
        contents.commits.first { commit in
            commit.partition == partition && commit.offset > offset && commit.time < time
                && !isForgotten(commit)
        }
    }

    /// A broker that is killed forgets what it was told in the last seconds. The call says what the reader knew: the broker may
    /// have been told at any time since the reader has the partition.
    private func isForgotten(_ commit: (time: UInt64, partition: Int, offset: Int64, reader: Int)) -> Bool {
        let began = contents.tenures.last {
            $0.reader == commit.reader && $0.partition == commit.partition && $0.begin <= commit.time
        }?.begin
        return contents.kills.contains { (began ?? 0) < $0 && $0 < commit.time + Self.storingTime }
    }

    /// The broker in its own process writes to disk what it has acknowledged within this time.
    private static let storingTime: UInt64 = 2_500_000_000

    // MARK: Words

    private func seconds(_ time: UInt64) -> String {
        time == .max ? "the end" : "\((ledger.seconds(time) * 1000).rounded() / 1000) s"
    }

    private func describe(_ index: Int) -> String {
        let tenure = contents.tenures[index]
        return "\(contents.names[tenure.reader]) with partition \(tenure.partition) from \(seconds(tenure.begin)) "
            + "(committed \(tenure.committed)) to \(seconds(tenure.ended)) (\(tenure.end), "
            + "read \(tenure.first ?? -1)..<\(tenure.next ?? -1), done up to \(tenure.doneUpTo))"
    }

    private func owners(_ partition: Int) -> String {
        contents.tenures.indices.filter { contents.tenures[$0].partition == partition }.suffix(3)
            .map { "; " + describe($0) }.joined()
    }

    private static var peakMegabytes: Int {
        var usage = rusage()
        #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        return Int(usage.ru_maxrss) >> 20
        #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Int(usage.ru_maxrss) >> 10
        #endif
    }
}
