import ArgumentParser
import Foundation

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Compare MsgBus with plain librdkafka, in C and in Python."
    )

    @Option(help: "Only the cases with a match of this regular expression in their name.")
    var only: String?

    @Option(name: .customLong("repeat"), help: "How often each client of a case runs.")
    var times = 5

    @Option(help: "How many messages the large cases have; the others have fewer.")
    var messages = 1_000_000

    @Flag(help: "Few messages, two times: whether it works, not how fast.")
    var quick = false

    @Option(help: "A cluster of your own, host:port,host:port. Default: an embedded broker, in a process of its own.")
    var brokers: String?

    @Option(help: "Where the results go for machines.")
    var json = "Benchmarks/results.json"

    @Option(help: "The folder of Python's confluent-kafka.")
    var python: String?

    @Flag(
        help:
            "Count allocations and instructions instead of measuring time, and fail where there are more than there may be."
    )
    var counts = false

    @Flag(help: "With --counts: let there be as many as there are, and some more.")
    var update = false

    func validate() throws {
        guard times >= 1 else { throw ValidationError("--repeat \(times): at least once") }
        guard messages >= 10_000 else { throw ValidationError("--messages \(messages): at least 10000") }
        guard counts || !update else { throw ValidationError("--update is for --counts") }
        if let only, (try? Regex(only)) == nil { throw ValidationError("--only \(only) is no regular expression") }
    }

    func run() throws {
        let version = python.flatMap { Facts.python($0) }
        if python != nil, version == nil { progress("Python's confluent-kafka can't be loaded: going on without it.") }
        let facts = Facts.all + (version.map { [$0] } ?? [])
        let runner = Runner(cluster: Cluster(brokers: brokers), python: version == nil ? nil : python)
        if counts { return try count(runner, facts) }
        try compare(runner, facts + ["broker: \(brokers ?? "embedded (librdkafka's mock), in a process of its own")"])
    }

    private func wanted(_ cases: [Case]) throws -> [Case] {
        let pattern = try only.map { try Regex($0) }
        let cases = cases.filter { measured in pattern.map { measured.name.contains($0) } ?? true }
        guard !cases.isEmpty else { throw ValidationError("there is no case with \(only ?? "") in its name") }
        return cases
    }

    private func compare(_ runner: Runner, _ facts: [String]) throws {
        let cases = try wanted(Cases.all(messages: quick ? min(messages, 50_000) : messages))
        say(Report.heading(facts))
        say(Report.explanation)
        var done: [Comparison] = []
        for measured in cases {
            let results = try runner.run(measured, times: quick ? min(times, 2) : times)
            done.append(Comparison(measured: measured, results: results))
            say(Report.section(done.last!))
            try Results(facts, done).write(to: json)
        }
    }

    private func count(_ runner: Runner, _ facts: [String]) throws {
        let counter = Counter(runner: runner)
        say(Report.heading(facts))
        var counts: [Count] = []
        for measured in try wanted(Cases.counted) { counts += try counter.count(measured) }
        var thresholds = try Thresholds.stored()
        if update {
            thresholds.update(counts)
            try thresholds.store()
        }
        say(Report.counts(counts, thresholds))
        let excesses = thresholds.excesses(counts)
        for excess in excesses { progress("bench: \(excess)") }
        if !excesses.isEmpty { throw ExitCode(1) }
    }
}
