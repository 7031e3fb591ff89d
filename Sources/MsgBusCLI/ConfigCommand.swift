import ArgumentParser
import Foundation
import MsgBus
import MsgBusConfiguration

/// `msgbus config`: what settings there are, whether a file is right, and what is in force.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check files with settings, and show what is in force.",
        discussion: """
            Settings come from the command line, from $MSGBUS_… variables, and from a file in YAML or JSON; what is named \
            first here counts more. Secrets are shown as ***.

              msgbus config check bus.yaml
              MSGBUS_WRITER_LINGER=5ms msgbus config show bus.yaml --direction writer
              msgbus config keys
            """,
        subcommands: [Check.self, Show.self, Keys.self]
    )
}

extension ConfigCommand {
    /// `msgbus config check FILE`.
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether a file with settings is right.",
            discussion: """
                Only the file is looked at. Without a key "direction" it has to be right for readers and for writers. What \
                is wrong is told with file, line and key, and exit status 2.

                  msgbus config check bus.yaml
                """
        )

        @Argument(help: "The file.")
        var file: String

        func run() async throws {
            var count = 0
            let source = try ConfigurationSource.file(file).readOnce()
            for direction in ["reader", "writer"] {
                let config = try MsgBusConfig(
                    from: source,
                    .setting("topic", "topic", from: "default"),
                    .setting("direction", direction, from: "default")
                )
                count = max(count, config.origins.values.count { $0.place != "default" })
            }
            try Console.write(Array("\(file) is right: \(count == 1 ? "1 setting" : "\(count) settings")\n".utf8))
        }
    }

    /// `msgbus config keys`.
    struct Keys: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List all keys, as a table in Markdown.",
            discussion: "  msgbus config keys | grep timeout"
        )

        func run() async throws { try Console.write(Array(ConfigurationKey.table.utf8)) }
    }

    /// `msgbus config show [FILE]`.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the settings in force, and where each comes from.",
            discussion: """
                First this library's options, then the properties of librdkafka that differ from its defaults.

                  msgbus config show bus.yaml
                  MSGBUS_BROKERS=kafka-1:9092 msgbus config show --json | jq '.options[] | select(.source != "default")'
                """
        )

        @Argument(help: "The file, as with --config.")
        var file: String?

        @Option(help: ArgumentHelp("Show what is in force for a reader or a writer.", valueName: "reader or writer"))
        var direction: String?

        @Flag(help: "Show librdkafka's defaults, too.")
        var all = false

        @Flag(help: "Print a JSON object with the lists \"options\" and \"properties\".")
        var json = false

        @OptionGroup(title: "Connection")
        var connection: ConnectionOptions

        func validate() throws {
            if file != nil, connection.config != nil {
                throw ValidationError("Name one file, with --config or without.")
            }
        }

        func run() async throws {
            var sources = connection.sources(file: file ?? connection.config)
            if let direction { sources.insert(.setting("direction", direction, from: "--direction"), at: 0) }
            // What a command would be told; a file may say so, too.
            sources += [.setting("topic", "topic", from: "default"), .setting("direction", "reader", from: "default")]
            let config = try MsgBusConfig(from: sources)
            let options = try config.effectiveSettings().filter {
                $0.source.description != "default" || $0.name != "topic"
            }
            let properties = try config.effectiveProperties().filter { all || $0.source != .librdkafka }
            try Console.write(json ? Self.object(options, properties) : Array(Self.table(options, properties).utf8))
        }

        private static func table(_ options: [Setting], _ properties: [Setting]) -> String {
            let rows = (options + properties).map { ($0.name, $0.value ?? "-", $0.source.description) }
            let names = min(50, rows.map(\.0.count).max() ?? 0)
            let values = min(50, rows.map(\.1.count).max() ?? 0)
            func line(_ row: (String, String, String)) -> String {
                let name = row.0.padding(toLength: max(names, row.0.count) + 2, withPad: " ", startingAt: 0)
                // Values can have any text in them, for example a PEM's lines.
                let value = row.1.replacing("\n", with: "\\n")
                return name + value + String(repeating: " ", count: max(0, values - value.count) + 2) + row.2 + "\n"
            }
            let lines = rows.map(line)
            let title = line(("OPTION", "VALUE", "FROM"))
            let second = line(("PROPERTY OF LIBRDKAFKA", "VALUE", "FROM"))
            return title + lines[..<options.count].joined() + "\n" + second + lines[options.count...].joined()
        }

        private static func object(_ options: [Setting], _ properties: [Setting]) throws -> [UInt8] {
            struct Row: Encodable {
                let name: String
                let value: String?
                let source: String
            }
            func rows(_ settings: [Setting]) -> [Row] {
                settings.map { Row(name: $0.name, value: $0.value, source: $0.source.description) }
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let data = try encoder.encode(["options": rows(options), "properties": rows(properties)])
            return Array(data) + [UInt8(ascii: "\n")]
        }
    }
}
