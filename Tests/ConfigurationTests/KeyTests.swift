import Foundation
import MsgBus
import MsgBusConfiguration
import Testing

@Suite("The list of keys")
struct KeyTests {
    @Test("The documentation has the table of the real keys: `msgbus config keys` prints it")
    func documented() throws {
        let text = try page()
        let table = text.split(separator: "\n").filter { $0.hasPrefix("|") }.joined(separator: "\n")
        #expect(table + "\n" == ConfigurationKey.table)
    }

    @Test("The documentation's example is right")
    func example() throws {
        try Folder.with { folder in
            let text = try page()
            let start = try #require(text.range(of: "```yaml\n")).upperBound
            let end = try #require(text.range(of: "```", range: start..<text.endIndex)).lowerBound
            let password = try folder.file("password", "x")
            let authorities = try folder.file("ca.pem", "-----BEGIN CERTIFICATE-----")
            let example = text[start..<end].replacing("/run/secrets/kafka", with: password)
                .replacing("/etc/kafka/ca.pem", with: authorities)
            #expect(example.contains(password))
            for direction in [BusDirection.reader, .writer] {
                #expect(try configured(String(example), direction).brokers.count == 2)
            }
        }
    }

    private func page() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = root.appendingPathComponent("Sources/MsgBusConfiguration/MsgBusConfiguration.docc/Keys.md")
        return try String(contentsOf: page, encoding: .utf8)
    }

    @Test("Each option has a key, and no two have one")
    func complete() {
        let names = ConfigurationKey.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Set(ConfigurationKey.all.map(\.variable)).count == names.count)
        func keys(_ options: Any, _ block: String) -> Set<String> {
            Set(
                Mirror(reflecting: options).children.compactMap { child in
                    child.label.map { "\(block)\(snakeCase($0))" }
                }
            )
        }
        let handlers: Set = ["writer.on_undelivered", "reader.on_assign", "reader.on_revoke", "reader.on_lost"]
        let options = keys(WriterOptions(), "writer.").union(keys(ReaderOptions(), "reader.")).subtracting(handlers)
        let others: Set = ["bus_tech", "security", "writer", "reader", "origins", "named"]
        let all = options.union(keys(MsgBusConfig(topic: "t", direction: .reader), "").subtracting(others))
        #expect(all.count > 30)
        let missing = all.filter { option in
            !names.contains { $0 == option || $0.hasPrefix("reader.failure.") && option == "reader.failure_policy" }
        }
        #expect(missing.isEmpty)
    }

    private func snakeCase(_ name: String) -> String {
        name.replacing("ID", with: "Id").reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
    }

    @Test("The defaults in the list are those of a new configuration")
    func defaults() throws {
        let settings = try MsgBusConfig(topic: "orders", direction: .writer).effectiveSettings()
        for setting in settings where setting.name != "topic" && setting.name != "direction" {
            #expect(setting.source == .standard, "\(setting)")
        }
        #expect(ConfigurationKey.all.first { $0.name == "writer.buffer_bytes" }?.standard == "256MiB")
    }

    @Test("What is in force at librdkafka's side, and why")
    func properties() throws {
        var config = MsgBusConfig(topic: "orders", direction: .writer)
        config.properties = ["linger.ms": "5", "acks": "1", "message.timeout.ms": "300000"]
        let properties = try config.effectiveProperties()
        func find(_ name: String) -> Setting? { properties.first { $0.name == name } }
        // By its first name; the value is librdkafka's default, and still the code's.
        #expect(find("queue.buffering.max.ms") == Setting(name: "queue.buffering.max.ms", value: "5", source: .code))
        #expect(find("request.required.acks") == Setting(name: "request.required.acks", value: "1", source: .code))
        #expect(find("message.timeout.ms") == Setting(name: "message.timeout.ms", value: "300000", source: .code))
        #expect(find("message.max.bytes")?.source == .librdkafka)
        #expect(find("client.id") == Setting(name: "client.id", value: "msgbus", source: .option))
        #expect(!properties.contains { $0.name.hasSuffix("_cb") })
        config.properties["no.such.name"] = "1"
        let changed = config
        #expect(throws: MsgBusError.self) { try changed.effectiveProperties() }
    }
}
