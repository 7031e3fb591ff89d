import ArgumentParser
import Foundation
import MsgBus

/// `msgbus lag`: how far groups are behind.
struct LagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lag",
        abstract: "Show how far groups are behind, whether or not anybody reads in them.",
        discussion: """
            A partition in which the group has committed nothing has no lag (-), and counts with all that is there. Messages \
            that were purged or are too old don't count. --json prints an array of {"group", "total", "partitions": [{"topic", \
            "partition", "committed", "beginning", "end", "lag", "unread"}], "errors": [{"code", "message"}]}; with --watch one \
            such array a line.

              msgbus lag billing
              msgbus lag billing shipping --topic orders --watch
              msgbus lag billing --json | jq '.[0].total'
            """
    )

    @Argument(help: ArgumentHelp("The groups.", valueName: "group"))
    var groups: [String]

    @Option(name: [.short, .long], help: "Only in this topic, though nothing may be committed there; may be repeated.")
    var topic: [String] = []

    @Flag(name: [.short, .long], help: "Go on showing it until Ctrl-C; on a terminal in the same place.")
    var watch = false

    @Option(help: ArgumentHelp("How long to wait between two looks.", valueName: "seconds"))
    var interval = Seconds(2)

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            repeat {
                do {
                    try await show(admin)
                } catch let error as POSIXError where error.code == .EPIPE && watch {
                    // Whoever looked has left.
                    return
                } catch let failures as Failures where watch && failures.areRetriable {
                    // It heals by itself, and whoever watches sees that.
                    for error in failures.errors { Console.tell("msgbus: \(error)") }
                }
                if watch { try await Task.sleep(for: interval.duration) }
            } while watch
        }
    }

    private func show(_ admin: BusAdmin) async throws {
        var lags: [GroupLag] = []
        var failures = Failures()
        for group in groups {
            await failures.gather {
                lags.append(
                    try await admin.lag(of: group, topics: topic.isEmpty ? nil : topic, timeout: options.time)
                )
            }
        }
        if !lags.isEmpty || options.json {
            // From the top of the screen, and nothing is left of what stood there.
            if watch, !options.json, Console.isShown { try Console.write(Array("\u{1B}[H\u{1B}[2J".utf8)) }
            try await options.show(.array(lags.map(Self.value)), Self.text(lags) + (watch ? [""] : []))
        }
        for error in lags.flatMap(\.errors) { await failures.gather { throw error } }
        try failures.check()
    }

    private static func value(_ lag: GroupLag) -> JSON {
        let partitions = lag.partitions.map { partition in
            JSON.object([
                "topic": .string(partition.topicPartition.topic),
                "partition": JSON(partition.topicPartition.partition),
                "committed": JSON(partition.committed), "beginning": JSON(partition.beginning),
                "end": JSON(partition.end), "lag": JSON(partition.lag), "unread": JSON(partition.unread),
            ])
        }
        return .object([
            "group": .string(lag.group), "total": JSON(lag.total), "partitions": .array(partitions),
            "errors": .array(lag.errors.map { JSON($0) }),
        ])
    }

    private static func text(_ lags: [GroupLag]) -> [String] {
        var table = Table(
            .left("GROUP"),
            .left("TOPIC"),
            .right("PARTITION"),
            .right("COMMITTED"),
            .right("END"),
            .right("LAG")
        )
        for lag in lags {
            for partition in lag.partitions {
                table.append(
                    lag.group,
                    partition.topicPartition.topic,
                    "\(partition.topicPartition.partition)",
                    partition.committed.map { "\($0)" } ?? "-",
                    "\(partition.end)",
                    partition.lag.map { "\($0)" } ?? "-"
                )
            }
            table.append(lag.group, "total", "", "", "", "\(lag.total)")
        }
        return table.lines
    }
}

extension Failures {
    fileprivate var areRetriable: Bool {
        errors.allSatisfy { ($0 as? MsgBusError)?.isRetriable == true }
    }
}
