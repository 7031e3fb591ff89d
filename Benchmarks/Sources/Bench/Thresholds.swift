import Foundation

/// How much a message may cost: a gate that doesn't depend on how busy or fast a machine is.
struct Thresholds: Codable {
    struct Threshold: Codable {
        var allocations: Double
        var instructions: Double
    }

    /// What they were taken with: other versions may need others.
    var takenWith = ""
    var clients: [String: Threshold] = [:]

    private static let path = "Benchmarks/thresholds.json"

    static func stored() throws -> Thresholds {
        guard FileManager.default.fileExists(atPath: path) else { return Thresholds() }
        return try JSONDecoder().decode(Thresholds.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func store() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: Self.path))
    }

    /// As much as it is, and a margin. Instructions differ by some percent from run to run. Of allocations, those for batches do, of
    /// which there are sometimes more and sometimes fewer; one for each message would be 1.
    mutating func update(_ counts: [Count]) {
        takenWith = Facts.versions
        for count in counts where count.isGated {
            clients[count.name] = Threshold(
                allocations: (max(0, count.allocations) * 10).rounded() / 10 + 0.3,
                instructions: max(count.instructions * 1.2, count.instructions + 90).rounded()
            )
        }
    }

    /// A line for each that is too much.
    func excesses(_ counts: [Count]) -> [String] {
        counts.filter(\.isGated).flatMap { count -> [String] in
            guard let threshold = clients[count.name] else {
                return ["\(count.name): there is no threshold; scripts/bench --counts --update makes one"]
            }
            var excesses: [String] = []
            func check(_ what: String, _ value: Double, _ limit: Double) {
                guard value > limit else { return }
                let text = String(format: "%.2f %@ a message, and at most %.2f may be", value, what, limit)
                excesses.append("\(count.name): \(text)")
            }
            check("allocations", count.allocations, threshold.allocations)
            check("instructions", count.instructions, threshold.instructions)
            if !excesses.isEmpty, takenWith != Facts.versions {
                excesses.append("the thresholds were taken with \(takenWith), and this is \(Facts.versions)")
            }
            return excesses
        }
    }
}
