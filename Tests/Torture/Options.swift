import ArgumentParser

/// What `scripts/torture` can be told.
struct Options: ParsableArguments {
    @Option(help: "Repeats a run: everything that is decided is decided by it. Default: any.")
    var seed: UInt64 = .random(in: 0...UInt64(UInt32.max))

    @Option(help: "How many messages a round writes.")
    var messages = 200_000

    @Option(help: "Go on with further rounds, each with the next seed, for so long. Default: one round.")
    var minutes: Double?

    @Option(help: "embedded: three brokers in this process; process: one in its own, which is killed.")
    var broker = BrokerKind.embedded

    // With the embedded cluster the process may be aborted: see `EmbeddedBroker`.
    @Flag(help: "Have all traffic go through a proxy, and add its faults: latency, resets, black holes, cut responses.")
    var proxy = false

    @Flag(help: "Read, process and write with transactions, and expect each message exactly once.")
    var transactions = false

    @Option(help: "How many partitions the topic has.")
    var partitions = 12

    @Option(help: "How many things happen in a round.")
    var steps = 24

    func validate() throws {
        guard (8...64).contains(partitions) else { throw ValidationError("8 to 64 partitions are possible") }
        guard (1...100_000).contains(steps) else { throw ValidationError("1 to 100000 steps are possible") }
        guard messages >= 100 * steps else { throw ValidationError("it takes at least 100 messages for each step") }
        // The embedded cluster forgets what is beyond 5 MB a partition: at most some 100 bytes a message, alone in a batch.
        guard broker != .embedded || messages / partitions <= 40_000 else {
            throw ValidationError("more than 40,000 messages a partition are more than the embedded cluster keeps")
        }
        guard !transactions || broker == .process else {
            throw ValidationError("transactions need --broker process: the embedded cluster doesn't isolate them")
        }
    }
}

enum BrokerKind: String, ExpressibleByArgument, CaseIterable {
    case embedded
    case process
}

/// SplitMix64: the same numbers for the same seed, on every system.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// One for somebody else, so that what one draws doesn't depend on when another one draws.
    init(seed: UInt64, for name: String) {
        self.init(seed: name.utf8.reduce(seed ^ 0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range, using: &self))
    }
}
