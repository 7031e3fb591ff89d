import Foundation
import MsgBus
import Synchronization
import TestSupport

/// The readers of the group, here and in processes of their own.
final class Fleet: Sendable {
    /// A member, and what it is doing: one thing after another.
    private struct Place {
        let member: Member
        let reader: Int
        var here: GroupReader?
        var child: ChildReader?
        var task: Task<Void, Never>
    }

    private let cluster: Cluster
    private let ledger: Ledger
    private let seed: UInt64
    private let places = Mutex<[String: Place]>([:])

    init(_ cluster: Cluster, _ ledger: Ledger, seed: UInt64) {
        (self.cluster, self.ledger, self.seed) = (cluster, ledger, seed)
    }

    /// Begins to join; returns at once.
    func join(_ member: Member) {
        let id = ledger.addReader(member.name)
        let ledger = ledger
        var config = cluster.config(.reader, group: cluster.group)
        if member.isChild, !cluster.evictsTheDead {
            config.reader.groupInstanceID = member.name.filter { $0.isLetter || $0.isNumber }
        }
        var place: Place
        if member.isChild {
            let child = ChildReader(member, config, seed: seed, reader: id, ledger: ledger)
            let task = Task { await child.start() }
            place = Place(member: member, reader: id, child: child, task: task)
        } else {
            let reader = GroupReader(member.style, name: member.name, seed: seed) { reports in
                ledger.take(reports, from: id, at: now())
            }
            let task = Task { [config] in
                do {
                    try await reader.start(config)
                } catch {
                    ledger.take([.failed("can't join: \(error)")], from: id, at: now())
                }
            }
            place = Place(member: member, reader: id, here: reader, task: task)
        }
        places.withLock { $0[member.name] = place }
    }

    /// Whether all who are there have joined.
    func joined() async {
        for task in places.withLock({ $0.values.map(\.task) }) { await task.value }
    }

    func stall(_ name: String, for time: Duration) {
        guard let place = places.withLock({ $0[name] }) else { return }
        place.here?.stall(for: time)
        place.child?.tell(
            "stall \(time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000)"
        )
    }

    /// Begins to close; returns at once.
    func leave(_ name: String) -> Task<Void, Never>? {
        guard let place = places.withLock({ $0.removeValue(forKey: name) }) else { return nil }
        return Task {
            await place.task.value
            await place.here?.close()
            await place.child?.close()
        }
    }

    func crash(_ name: String) async {
        guard let place = places.withLock({ $0.removeValue(forKey: name) }) else { return }
        await place.child?.kill()
    }

    /// Static members last: when they close, their group doesn't know, and others could wait for them.
    func closeAll() async {
        let all = places.withLock { Array($0.values.map(\.member)) }
        for member in all.sorted(by: { ($0.isChild ? 1 : 0, $0.name) < ($1.isChild ? 1 : 0, $1.name) }) {
            await leave(member.name)?.value
        }
    }
}
