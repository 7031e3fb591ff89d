import Foundation

/// Runs the clients of a case, each in a process of its own.
struct Runner {
    let cluster: Cluster
    /// The folder of Python's client; nil where there is none.
    var python: String?

    typealias Result = [String: Double]

    /// Runs all clients so often, in turn, and each other time the other way round: what changes about the machine hits them alike.
    ///
    /// - Returns: The results of each, by its command and in the order of the runs.
    func run(_ measured: Case, times: Int) throws -> [[Result]] {
        try cluster.reset()
        var results = [[Result]](repeating: [], count: measured.clients.count)
        for round in 0..<times {
            let order = Array(measured.clients.indices)
            for index in round.isMultiple(of: 2) ? order : order.reversed() where isThere(measured.clients[index]) {
                let client = measured.clients[index]
                progress("\(measured.name): \(client.name), \(round + 1) of \(times)")
                results[index].append(try run(client, of: measured))
            }
        }
        return results
    }

    func isThere(_ client: Client) -> Bool { client.program != .python || python != nil }

    /// One run.
    ///
    /// - Parameter prefix: A program that runs it, with arguments of its own.
    func run(_ client: Client, of measured: Case, prefix: [String] = []) throws -> Result {
        let load = measured.load(of: client)
        let topic: String
        switch measured.topic {
        case .fresh:
            try cluster.reset()
            topic = try cluster.makeTopic(partitions: load.partitions)
        case .freshForEachClient:
            try cluster.reset()
            topic = try cluster.makeTopics(load.clients, partitions: load.partitions)
        case .filled:
            topic = try cluster.filledTopic(load)
        case .empty:
            topic = try cluster.makeTopic(partitions: load.partitions)
        }
        let output = try Child.run(prefix + words(client, load, topic, measured.settings))
        if case .fresh = measured.topic, measured.metric == .rate || measured.metric == .latency {
            try cluster.check(topic, has: load.messages + load.warmup)
        }
        return try Child.result(of: output)
    }

    private func words(_ client: Client, _ load: Load, _ topic: String, _ settings: Settings) -> [String] {
        let program =
            switch client.program {
            case .baseline: ["\(Child.folder)/baseline"]
            case .msgbus: ["\(Child.folder)/msgbus-cases"]
            case .python: ["env", "PYTHONPATH=\(python ?? "")", "python3", "Benchmarks/Python/confluent.py"]
            }
        return program + [
            client.command, "brokers=\(cluster.brokers)", "topic=\(topic)", "messages=\(load.messages)",
            "size=\(load.size)", "clients=\(load.clients)", "warmup=\(load.warmup)", "seconds=\(load.seconds)",
            "prefetched=\(load.isPrefetched)", "--",
        ] + settings.properties(for: client.program)
    }
}

/// Says on standard error what is going on.
func progress(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
}

/// Prints at once, also where standard output is a pipe.
func say(_ text: String) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
}
