import Foundation

/// Results for machines: every figure of every run.
struct Results: Encodable {
    struct Client: Encodable {
        let name: String
        let runs: [[String: Double]]
        let demands: [Demand]
    }

    struct Demand: Encodable {
        let text: String
        let isMet: Bool
    }

    struct Case: Encodable {
        let name: String
        let settings: [String]
        let clients: [Client]
    }

    let facts: [String]
    let cases: [Case]

    init(_ facts: [String], _ comparisons: [Comparison]) {
        self.facts = facts
        cases = comparisons.map { comparison in
            let clients = comparison.measured.clients.enumerated().map { index, client in
                let demands = comparison.results[index].isEmpty ? [] : comparison.verdicts(index)
                return Client(
                    name: client.name,
                    runs: comparison.results[index],
                    demands: demands.map { Demand(text: $0.text, isMet: $0.isMet) }
                )
            }
            let settings = comparison.measured.settings.properties(for: .baseline)
            return Case(name: comparison.measured.name, settings: settings, clients: clients)
        }
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
    }
}
