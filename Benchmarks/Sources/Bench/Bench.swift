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

    func validate() throws {
        guard times >= 1 else { throw ValidationError("--repeat \(times): at least once") }
        guard messages >= 10_000 else { throw ValidationError("--messages \(messages): at least 10000") }
        if let only, (try? Regex(only)) == nil { throw ValidationError("--only \(only) is no regular expression") }
    }

    func run() throws {
        let version = python.flatMap { Facts.python($0) }
        if python != nil, version == nil { progress("Python's confluent-kafka can't be loaded: going on without it.") }
        let facts = Facts.all + (version.map { [$0] } ?? [])
        let runner = Runner(cluster: Cluster(brokers: brokers), python: version == nil ? nil : python)
        try compare(runner, facts + ["broker: \(brokers ?? "embedded (librdkafka's mock), in a process of its own")"])
    }

    private func compare(_ runner: Runner, _ facts: [String]) throws {
        let pattern = try only.map { try Regex($0) }
        let cases = Cases.all(messages: quick ? min(messages, 50_000) : messages)
            .filter { measured in pattern.map { measured.name.contains($0) } ?? true }
        guard !cases.isEmpty else { throw ValidationError("there is no case with \(only ?? "") in its name") }
        say(Report.heading(facts))
        var done: [Comparison] = []
        for measured in cases {
            let results = try runner.run(measured, times: quick ? min(times, 2) : times)
            done.append(Comparison(measured: measured, results: results))
            say(Report.section(done.last!))
            try Results(facts, done).write(to: json)
        }
    }
}
