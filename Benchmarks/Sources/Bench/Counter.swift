import Foundation

/// What a message costs, as far as it can be counted: by our code and Swift's, and by librdkafka's.
struct Count {
    let name: String
    /// Ours have a threshold.
    let isGated: Bool
    let demandedAllocations: Double?
    var allocations = 0.0
    var libraryAllocations = 0.0
    var instructions = 0.0
    var libraryInstructions = 0.0
    /// glibc's, above all: nobody knows for whom.
    var otherInstructions = 0.0
}

/// Counts what a message costs: the difference of a run with many and a run with fewer, so that connecting doesn't count.
struct Counter {
    let runner: Runner

    /// How many times as many messages the larger run has.
    private static let factor = 3

    func count(_ measured: Case) throws -> [Count] {
        try runner.cluster.reset()
        return try measured.clients.map { client in
            let name = "\(measured.name): \(client.name)"
            progress(name)
            let isOurs = client.program == .msgbus
            let demanded = isOurs ? Cases.demandedAllocations[client.command] : nil
            var count = Count(name: name, isGated: isOurs, demandedAllocations: demanded)
            let allocations = try perMessage(client, measured, allocations)
            count.allocations = allocations[0]
            count.libraryAllocations = allocations[1]
            let instructions = try perMessage(client, measured, instructions)
            count.instructions = instructions[0]
            count.libraryInstructions = instructions[1]
            count.otherInstructions = instructions[2]
            return count
        }
    }

    private func perMessage(
        _ client: Client,
        _ measured: Case,
        _ count: (Client, Case) throws -> [Double]
    ) throws -> [Double] {
        var few = client
        few.load = measured.load
        var many = few
        many.load!.messages *= Self.factor
        let difference = Double(many.load!.messages - few.load!.messages)
        let (less, more) = (try count(few, measured), try count(many, measured))
        return zip(less, more).map { ($1 - $0) / difference }
    }

    private func allocations(_ client: Client, _ measured: Case) throws -> [Double] {
        let prefix = ["env", "LD_PRELOAD=\(Child.folder)/libAllocations.so"]
        let result = try runner.run(client, of: measured, prefix: prefix)
        guard let ours = result["allocations"], let library = result["libraryAllocations"] else {
            throw Failure("allocations aren't counted: is this Linux?")
        }
        return [ours, library]
    }

    private func instructions(_ client: Client, _ measured: Case) throws -> [Double] {
        let file = NSTemporaryDirectory() + "/msgbus-bench-\(getpid()).callgrind"
        defer { unlink(file) }
        // Its threads take turns: with fair ones none waits until another has nothing to do.
        let prefix = [
            "valgrind", "--tool=callgrind", "--callgrind-out-file=\(file)", "--fair-sched=yes", "--log-file=/dev/null",
        ]
        _ = try runner.run(client, of: measured, prefix: prefix)
        let costs = Callgrind.instructions(try String(contentsOfFile: file, encoding: .utf8))
        var sums = [0.0, 0.0, 0.0]
        for (object, cost) in costs { sums[owner(of: object)] += cost }
        return sums
    }

    /// 0 for us and Swift, 1 for librdkafka, 2 for all else.
    private func owner(of object: String) -> Int {
        let name = object.split(separator: "/").last ?? ""
        if name.hasPrefix("librdkafka") { return 1 }
        let ours = [
            "baseline", "msgbus-cases", "libswift", "libdispatch", "libBlocksRuntime", "libFoundation",
            "lib_Foundation",
        ]
        return ours.contains { name.hasPrefix($0) } ? 0 : 2
    }
}
