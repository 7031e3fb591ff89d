import Foundation
import MsgBus
import TestSupport

/// Makes happen what the plan says.
final class Chaos: Sendable {
    private let cluster: Cluster
    private let ledger: Ledger
    private let fleet: Fleet
    private let leaving = Shared<[Task<Void, Never>]>([])

    init(cluster: Cluster, ledger: Ledger, fleet: Fleet) {
        (self.cluster, self.ledger, self.fleet) = (cluster, ledger, fleet)
    }

    /// Before a slice: a broker that is going to be killed has to have stored what it acknowledged, which it does a bit later.
    func prepare(_ events: [Event]) async throws {
        guard events.contains(where: \.needsRest), let process = cluster.process else { return }
        let isStored = await eventually {
            // What nobody awaits is delivered by now unless it failed: each slice ends with a flush.
            let expected = ledger.withLock { contents in
                contents.written.reduce(0) { $0 + $1.count { $0.fate == .acknowledged || $0.fate == .open } }
            }
            return process.stored(in: cluster.topic) >= expected
        }
        if !isStored { ledger.withLock { $0.violations.append("the broker doesn't store what it acknowledged") } }
        process.kill()
        ledger.withLock { $0.kills.append(now()) }
    }

    /// Returns when it is over; readers that join or leave may still be at it.
    func run(_ events: [Event], percent: Int) async {
        for event in events { ledger.tell("\(percent < 10 ? " " : "")\(percent) %  \(event)") }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                for event in events { await change(event) }
            }
            for event in events {
                group.addTask { [self] in
                    do {
                        try await happen(event)
                    } catch {
                        ledger.withLock { $0.violations.append("\(event): \(error)") }
                    }
                }
            }
        }
    }

    /// Waits for those who leave.
    func end() async {
        for task in leaving.value { await task.value }
    }

    private func change(_ event: Event) async {
        switch event {
        case .join(let member): fleet.join(member)
        case .leave(let name):
            if let task = fleet.leave(name) { leaving.update { $0.append(task) } }
        case .crash(let member, let comesBack):
            await fleet.crash(member.name)
            if comesBack { fleet.join(member) }
        case .stall(let name, let time): fleet.stall(name, for: time)
        default: break
        }
    }

    private func happen(_ event: Event) async throws {
        switch event {
        case .join, .leave, .crash, .stall: break
        case .down(let broker, let time):
            try cluster.embedded?.setDown(broker: broker)
            try await Task.sleep(for: time)
            try cluster.embedded?.setUp(broker: broker)
        case .slow(let broker, let trip, let time):
            try cluster.embedded?.setRoundTripTime(trip, broker: broker)
            try await Task.sleep(for: time)
            try cluster.embedded?.setRoundTripTime(.zero, broker: broker)
        case .errors(let count, let request, _, let fault):
            try cluster.embedded?.fail(next: count, request, with: fault)
        case .moveLeaders(let moves):
            for (partition, broker) in moves {
                try cluster.embedded?.moveLeader(ofTopic: cluster.topic, partition: partition, to: broker)
            }
        case .moveCoordinator(let broker):
            try cluster.embedded?.moveCoordinator(ofGroup: cluster.group, to: broker)
        case .kill(let time):
            try await Task.sleep(for: time)
            try cluster.process?.restart()
        case .latency(let milliseconds, let time):
            try cluster.proxy?.setLatency(milliseconds: milliseconds)
            try await Task.sleep(for: time)
            try cluster.proxy?.setLatency(milliseconds: 0)
        case .rate(let rate, let time):
            try cluster.proxy?.setRate(bytesPerSecond: rate)
            try await Task.sleep(for: time)
            try cluster.proxy?.setRate(bytesPerSecond: nil)
        case .blackHole(let time):
            try cluster.proxy?.setBlackHole(true)
            try await Task.sleep(for: time)
            try cluster.proxy?.setBlackHole(false)
        case .refuse(let time):
            try cluster.proxy?.setRefusing(true)
            try cluster.proxy?.resetConnections()
            try await Task.sleep(for: time)
            try cluster.proxy?.setRefusing(false)
        case .reset: try cluster.proxy?.resetConnections()
        case .cut(let bytes): try cluster.proxy?.cutConnections(afterBytes: bytes)
        }
    }
}
