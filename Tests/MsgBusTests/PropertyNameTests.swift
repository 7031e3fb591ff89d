import CRdKafka
import Foundation
import TestSupport
import Testing

@testable import MsgBus

@Suite("Properties with two names", .timeLimit(.minutes(5)))
struct PropertyNameTests {
    private func properties(_ change: (inout MsgBusConfig) -> Void) throws -> Properties {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        change(&config)
        return try WriterProperties.make(Connector(config, .writer, .current(), Cancellation()))
    }

    @Test(
        "The user's value wins over a typed option, by whichever name",
        arguments: [
            ("sasl.mechanism", "sasl.mechanisms", "SCRAM-SHA-256"),
            ("sasl.mechanisms", "sasl.mechanisms", "SCRAM-SHA-256"),
            ("security.protocol", "security.protocol", "sasl_ssl"), ("sasl.username", "sasl.username", "bob"),
            ("queue.buffering.max.ms", "linger.ms", "42"), ("linger.ms", "queue.buffering.max.ms", "42"),
            ("message.timeout.ms", "delivery.timeout.ms", "60000"), ("compression.codec", "compression.type", "gzip"),
        ]
    )
    func lastWord(name: String, other: String, value: String) throws {
        let properties = try properties {
            $0.security = .sasl(.plain(username: "alice", password: "x"))
            $0.properties[name] = value
        }
        #expect(try properties.effectiveValue(of: other) == value)
    }

    @Test("Two values for the two names of one property are refused, and one value twice isn't")
    func contradiction() throws {
        for (alias, name) in [("sasl.mechanism", "sasl.mechanisms"), ("linger.ms", "queue.buffering.max.ms")] {
            let error = #expect(throws: MsgBusError.self) {
                _ = try properties { $0.properties = [alias: "1", name: "2"] }
            }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains("\"\(alias)\" and \"\(name)\" are two names of one property") == true)
        }
        _ = try properties { $0.properties = ["linger.ms": "5", "queue.buffering.max.ms": "5"] }
    }

    @Test("All second names of this librdkafka are known")
    func complete() throws {
        let file = try #require(tmpfile())
        defer { fclose(file) }
        rd_kafka_conf_properties_show(file)
        rewind(file)
        var listed: Set<String> = []
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.contains("Alias for `"), let alias = text.split(separator: " ").first else { continue }
            listed.insert(String(alias))
        }
        #expect(listed.count > 8)
        let known = Set(MsgBusConfig.secondNames.map(\.0))
        // The other ones can't be set at all.
        #expect(listed.subtracting(known) == ["bootstrap.servers", "enable.auto.commit"])
    }
}
