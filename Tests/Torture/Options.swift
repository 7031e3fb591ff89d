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
