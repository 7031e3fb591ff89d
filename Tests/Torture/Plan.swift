import MsgBus
import TestSupport

/// What happens, and in which slice of the writing.
enum Event: CustomStringConvertible {
    case down(broker: Int?, Duration)
    case slow(broker: Int?, Duration, for: Duration)
    case errors(Int, EmbeddedBroker.Request, String, EmbeddedBroker.Fault)
    case moveLeaders([Int: Int])
    case moveCoordinator(to: Int)
    case kill(Duration)
    case latency(milliseconds: Int, for: Duration)
    case rate(bytesPerSecond: Int, for: Duration)
    case blackHole(Duration)
    case refuse(Duration)
    case reset
    case cut(afterBytes: Int)
    case join(Member)
    case leave(String)
    case crash(Member, comesBack: Bool)
    case stall(String, Duration)

    var description: String {
        switch self {
        case .down(let broker, let time): "\(broker.map { "broker \($0)" } ?? "all brokers") down for \(time)"
        case .slow(let broker, let trip, let time):
            "\(broker.map { "broker \($0)" } ?? "all brokers") answer after \(trip), for \(time)"
        case .errors(let count, _, let request, let fault): "the next \(count) \(request) requests fail: \(fault)"
        case .moveLeaders(let moves):
            "leaders move: "
                + moves.sorted { $0.key < $1.key }.map { "\($0.key) to \($0.value)" }.joined(separator: ", ")
        case .moveCoordinator(let broker): "the group's coordinator moves to broker \(broker)"
        case .kill(let time): "the broker is killed, and started again after \(time)"
        case .latency(let milliseconds, let time): "latency of \(milliseconds) ms each way, for \(time)"
        case .rate(let rate, let time): "each connection carries \(rate) bytes a second, for \(time)"
        case .blackHole(let time): "nothing comes through, for \(time)"
        case .refuse(let time): "connections are reset and refused, for \(time)"
        case .reset: "all connections are reset"
        case .cut(let bytes): "all connections break after \(bytes) bytes of responses"
        case .join(let member): "\(member) joins"
        case .leave(let name): "\(name) closes"
        case .crash(let member, let comesBack): "\(member) is killed\(comesBack ? ", and comes back" : "")"
        case .stall(let name, let time): "\(name) stalls for \(time)"
        }
    }

    /// Whether it has to find everything stored that was acknowledged, and nobody writing.
    var needsRest: Bool { if case .kill = self { true } else { false } }
}

/// A reader of the group.
struct Member: CustomStringConvertible {
    let name: String
    let style: ReadingStyle
    /// Whether it is in a process of its own.
    let isChild: Bool

    var description: String { name }
}

/// Everything that is decided beforehand, by the seed alone.
struct Plan {
    private(set) var first: [Member] = []
    /// What happens in each slice of the writing.
    private(set) var steps: [Step] = []

    struct Step {
        let events: [Event]
        /// How long it takes at least.
        let time: Duration
    }

    private var random: SeededGenerator
    private let options: Options
    private var members: [Member] = []
    private var count = 0
    private var faults: [Int] = []
    private var changes: [Int] = []

    init(_ options: Options, seed: UInt64) {
        self.options = options
        random = SeededGenerator(seed: seed, for: "plan")
        // Each style once in this process, and two in processes of their own.
        for style in styles { first.append(newMember(style, isChild: false)) }
        for style in styles.shuffled(using: &random).prefix(2) { first.append(newMember(style, isChild: true)) }
        members = first
        for index in 0..<options.steps {
            var events = index == 0 ? [] : fault(draw(\.faults, of: kinds))
            // The group is rearranged in every third slice, whatever else happens.
            if index % 3 == 1 { events.insert(contentsOf: membership(draw(\.changes, of: 4)), at: 0) }
            if random.chance(0.3) { events.insert(stall(), at: 0) }
            steps.append(Step(events: events, time: random.milliseconds(300...1200)))
        }
    }

    /// Whatever can happen happens about equally often, in any order: it is drawn like cards.
    private mutating func draw(_ deck: WritableKeyPath<Plan, [Int]>, of count: Int) -> Int {
        if self[keyPath: deck].isEmpty { self[keyPath: deck] = Array(0..<count).shuffled(using: &random) }
        return self[keyPath: deck].removeLast()
    }

    private var styles: [ReadingStyle] {
        options.transactions ? [.transactions, .transactions, .transactions] : ReadingStyle.plain
    }

    private mutating func newMember(_ style: ReadingStyle, isChild: Bool) -> Member {
        count += 1
        return Member(
            name: "\(isChild ? "child" : "reader") \(count) (\(style.rawValue))",
            style: style,
            isChild: isChild
        )
    }

    private mutating func membership(_ kind: Int) -> [Event] {
        let children = members.filter(\.isChild)
        let others = members.filter { !$0.isChild }
        switch kind {
        case 0 where others.count > 2:
            let leaving = others.randomElement(using: &random)!
            members.removeAll { $0.name == leaving.name }
            return [.leave(leaving.name)]
        case 1 where others.count < 5:
            let member = newMember(styles.randomElement(using: &random)!, isChild: false)
            members.append(member)
            return [.join(member)]
        default:
            // Those who are killed are replaced, or come back where the group waits for them forever.
            guard let victim = children.randomElement(using: &random) else { return [] }
            if options.broker == .process {
                // What the dead one has sent may come out of the proxy after its successor has joined; this broker then waits for the
                // dead one forever, as it evicts nobody.
                // And a static member that led its group and comes back is told to lead on: it may take what others have, who aren't told
                // and whose transactions the broker doesn't refuse. Then nothing counts exactly once.
                return options.proxy || options.transactions ? [] : [.crash(victim, comesBack: true)]
            }
            let member = newMember(styles.randomElement(using: &random)!, isChild: true)
            members.removeAll { $0.name == victim.name }
            members.append(member)
            return [.crash(victim, comesBack: false), .join(member)]
        }
    }

    private mutating func stall() -> Event {
        .stall(members.randomElement(using: &random)!.name, random.milliseconds(200...3000))
    }

    // MARK: Faults

    private static let embeddedKinds = 12
    private static let processKinds = 3
    private static let networkKinds = 6

    private var ownKinds: Int { options.broker == .embedded ? Self.embeddedKinds : Self.processKinds }
    private var kinds: Int { ownKinds + (options.proxy ? Self.networkKinds : 0) }

    private mutating func fault(_ kind: Int) -> [Event] {
        if kind >= ownKinds { return [network(kind - ownKinds)] }
        if options.broker == .embedded { return [embedded(kind)] }
        // Between two deaths there is peace, in which nothing is to come twice unless it was in hand. Transactions are always under
        // way, and this broker forgets the last ones when it is killed.
        if options.transactions { return [] }
        return kind == 0 ? [.kill(random.milliseconds(100...1500))] : []
    }

    private mutating func embedded(_ kind: Int) -> Event {
        typealias Fault = EmbeddedBroker.Fault
        let broker = Int.random(in: 1...Cluster.brokers, using: &random)
        let few = Int.random(in: 1...8, using: &random)
        func any(_ faults: [Fault]) -> Fault { faults.randomElement(using: &random)! }
        switch kind {
        case 0, 1: return .down(broker: broker, random.milliseconds(200...1500))
        case 2: return .down(broker: nil, random.milliseconds(100...1000))
        case 3: return .slow(broker: broker, random.milliseconds(10...400), for: random.milliseconds(300...1500))
        case 4:
            let fault = any([
                .notLeaderForPartition, .leaderNotAvailable, .requestTimedOut, .notEnoughReplicas, .storageError,
                .notEnoughReplicasAfterAppend, .connectionBreaks, .unknownTopicOrPartition,
            ])
            return .errors(few, .produce, "produce", fault)
        case 5:
            let fault = any([.messageTooLarge, .invalidRecord, .policyViolation, .topicAuthorizationFailed])
            return .errors(min(few, 3), .produce, "produce", fault)
        case 6:
            let fault = any([.notLeaderForPartition, .leaderNotAvailable, .storageError, .connectionBreaks, .unknown])
            return .errors(few, .fetch, "fetch", fault)
        case 7:
            let fault = any([
                .coordinatorNotAvailable, .notCoordinator, .connectionBreaks, .unknownMember, .illegalGeneration,
            ])
            return .errors(min(few, 3), .heartbeat, "heartbeat", fault)
        case 8:
            let fault = any([
                .coordinatorLoading, .notCoordinator, .requestTimedOut, .connectionBreaks, .rebalanceInProgress,
                .illegalGeneration, .unknownMember,
            ])
            return .errors(few, .offsetCommit, "offset commit", fault)
        case 9:
            let (request, name) = [
                (EmbeddedBroker.Request.joinGroup, "join"), (.syncGroup, "sync"), (.offsetFetch, "offset fetch"),
                (.findCoordinator, "find coordinator"), (.listOffsets, "list offsets"),
            ].randomElement(using: &random)!
            return .errors(
                min(few, 3),
                request,
                name,
                any([.coordinatorNotAvailable, .notCoordinator, .connectionBreaks])
            )
        case 10: return .moveCoordinator(to: broker)
        default:
            var moves: [Int: Int] = [:]
            for partition in 0..<options.partitions where random.chance(0.5) {
                moves[partition] = Int.random(in: 1...Cluster.brokers, using: &random)
            }
            return .moveLeaders(moves)
        }
    }

    private mutating func network(_ kind: Int) -> Event {
        switch kind {
        case 0: .latency(milliseconds: Int.random(in: 20...200, using: &random), for: random.milliseconds(300...1500))
        case 1:
            .rate(
                bytesPerSecond: Int.random(in: 50_000...500_000, using: &random),
                for: random.milliseconds(300...1000)
            )
        case 2: .blackHole(random.milliseconds(200...1500))
        case 3: .refuse(random.milliseconds(100...1500))
        case 4: .reset
        default: .cut(afterBytes: Int.random(in: 0...3000, using: &random))
        }
    }
}
