import Foundation

/// Results as Markdown, for people.
enum Report {
    static func heading(_ facts: [String]) -> String {
        """
        # MsgBus and librdkafka

        \(facts.map { "- \($0)" }.joined(separator: "\n"))

        """
    }

    static let explanation = """
        Figures are medians, with the smallest and the largest. A ratio (×) is the median over the rounds, in each of which all clients
        of a case ran one after another; of times less is better. Processor time is the client's, without the broker's.

        """

    static func section(_ comparison: Comparison) -> String {
        let measured = comparison.measured
        let baselines = measured.baselines.compactMap { command in
            measured.clients.firstIndex { $0.command == command && $0.program == .baseline }
        }
        var head = ["", unit(measured.metric), "min…max"]
        if measured.metric == .latency { head.append("p99") }
        if measured.metric == .rate { head.append("µs CPU a message") }
        head += baselines.map { "× \(measured.clients[$0].title)" } + ["demanded"]
        var rows: [[String]] = []
        for (index, client) in measured.clients.enumerated() where !comparison.results[index].isEmpty {
            let values = comparison.values(index)
            var row = [
                client.name, text(values.median, measured.metric),
                "\(text(values.min()!, measured.metric))…\(text(values.max()!, measured.metric))",
            ]
            if measured.metric == .latency {
                row.append(text(comparison.results[index].compactMap { $0["p99"] }.median, .latency))
            }
            if measured.metric == .rate {
                let costs = comparison.results[index].map { 1e6 * ($0["cpu"] ?? .nan) / ($0["messages"] ?? .nan) }
                row.append(String(format: "%.2f", costs.median))
            }
            for command in measured.baselines {
                let other = comparison.other(command, than: index)
                let isItself = client.program == .baseline && client.command == command
                row.append(isItself ? "1" : other.map { String(format: "%.2f", comparison.ratio(index, of: $0)) } ?? "")
            }
            let verdicts = comparison.verdicts(index)
            row.append(verdicts.map { "\($0.text): \($0.isMet ? "ok" : "**below**")" }.joined(separator: "; "))
            rows.append(row)
        }
        return """
            ## \(measured.name)

            \(settings(measured))

            \(table(head, rows))

            """
    }

    private static func settings(_ measured: Case) -> String {
        let load = measured.load
        var facts: [String] = []
        if load.messages > 0 { facts.append("\(Double(load.messages).grouped) messages") }
        facts.append("\(load.partitions) partition\(load.partitions == 1 ? "" : "s")")
        let properties = measured.settings.properties(for: .baseline).joined(separator: " ")
        return "\(facts.joined(separator: ", ")); `\(properties)`"
    }

    /// What a message costs, and what it may cost.
    static func counts(_ counts: [Count], _ thresholds: Thresholds) -> String {
        let head = [
            "a message costs", "allocations", "demanded", "at most", "librdkafka's", "instructions", "at most",
            "librdkafka's", "others'",
        ]
        let rows = counts.map { count in
            let threshold = count.isGated ? thresholds.clients[count.name] : nil
            return [
                count.name,
                String(format: "%.2f", count.allocations),
                demanded(count),
                threshold.map { String(format: "%.2f", $0.allocations) } ?? "",
                String(format: "%.2f", count.libraryAllocations),
                String(format: "%.0f", count.instructions),
                threshold.map { String(format: "%.0f", $0.instructions) } ?? "",
                String(format: "%.0f", count.libraryInstructions),
                String(format: "%.0f", count.otherInstructions),
            ]
        }
        return """
            ## Counts

            By our code and Swift's, by librdkafka's, and by others', which is glibc's for both. What allocates for a batch of messages
            counts a little for each.

            \(table(head, rows))

            """
    }

    private static func demanded(_ count: Count) -> String {
        guard let demanded = count.demandedAllocations else { return "" }
        return "≤ \(Int(demanded)): \(count.allocations < demanded + 0.1 ? "ok" : "**above**")"
    }

    static func table(_ head: [String], _ rows: [[String]]) -> String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        let rule = head.enumerated().map { $0.offset == 0 ? "---" : "---:" }
        return ([head, rule] + rows).map(line).joined(separator: "\n")
    }

    private static func unit(_ metric: Metric) -> String {
        switch metric {
        case .rate: "messages/s"
        case .latency: "p50 µs"
        case .core: "% of a core"
        case .memory: "MiB"
        }
    }

    private static func text(_ value: Double, _ metric: Metric) -> String {
        switch metric {
        case .rate: value.grouped
        case .latency: value < 1000 ? String(format: "%.1f", value) : value.grouped
        case .core: String(format: "%.2f", value * 100)
        case .memory: String(format: "%.1f", value / 1_048_576)
        }
    }
}

extension Double {
    /// 1,234,567.
    var grouped: String {
        let digits = Array(String(Int(rounded())).reversed())
        let groups = stride(from: 0, to: digits.count, by: 3).map {
            String(digits[$0..<Swift.min($0 + 3, digits.count)])
        }
        return String(groups.joined(separator: ",").reversed())
    }
}
