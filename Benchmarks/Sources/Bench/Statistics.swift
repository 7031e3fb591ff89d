extension [Double] {
    var median: Double {
        guard !isEmpty else { return .nan }
        let sorted = self.sorted()
        let middle = count / 2
        return count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

extension Metric {
    /// The figure of a run that is compared.
    func value(of result: Runner.Result) -> Double {
        switch self {
        case .rate: (result["messages"] ?? 0) / (result["seconds"] ?? .nan)
        case .latency: result["p50"] ?? .nan
        case .core: (result["cpu"] ?? .nan) / (result["seconds"] ?? .nan)
        case .memory: result["memory"] ?? .nan
        }
    }
}

/// What the runs of a case have shown.
struct Comparison {
    let measured: Case
    /// By client, in the order of the runs.
    let results: [[Runner.Result]]

    func values(_ index: Int) -> [Double] { results[index].map { measured.metric.value(of: $0) } }

    func median(_ index: Int) -> Double { values(index).median }

    /// One client's figure as a multiple of another's. Of each pair of neighbours in time, and then the median: so it changes less
    /// than the figures themselves while others use the machine.
    func ratio(_ index: Int, of other: Int) -> Double { zip(values(index), values(other)).map { $0 / $1 }.median }

    /// The client with that command which a client is compared with: a baseline before others, and the same load before others.
    func other(_ command: String, than index: Int) -> Int? {
        let load = measured.load(of: measured.clients[index])
        let candidates = measured.clients.indices.filter { $0 != index && measured.clients[$0].command == command }
        func rank(_ candidate: Int) -> Int {
            let client = measured.clients[candidate]
            return (client.program == .baseline ? 0 : 2) + (measured.load(of: client) == load ? 0 : 1)
        }
        return candidates.min { rank($0) < rank($1) }
    }

    /// What is demanded of a client, and whether that is so.
    func verdicts(_ index: Int) -> [(text: String, isMet: Bool)] {
        let client = measured.clients[index]
        guard client.program == .msgbus else { return [] }
        return measured.demands.filter { $0.client == client.command }.compactMap { demand in
            guard let other = other(demand.other, than: index) else { return nil }
            let name = measured.clients[other].title
            switch demand.kind {
            case .atLeast(let factor):
                return ("≥ \(factor) × \(name)", ratio(index, of: other) >= factor)
            case .atMost(let factor):
                return ("≤ \(factor) × \(name)", ratio(index, of: other) <= factor)
            case .atLeastEither(let rate, let factor):
                let isMet = median(index) >= rate || ratio(index, of: other) >= factor
                return ("≥ \(rate.grouped)/s or \(factor) × \(name)", isMet)
            case .atMostMore(let share):
                return ("≤ \(name) + \(share * 100) %", median(index) - median(other) <= share)
            }
        }
    }
}
