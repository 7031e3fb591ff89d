import Foundation
import MsgBus
import MsgBusConfiguration
import TestSupport
import Testing

@Suite("Files with settings")
struct FileTests {
    @Test("YAML and JSON say the same")
    func formats() throws {
        let yaml = """
            # Where the bus is.
            brokers: [kafka-1:9092, "kafka-2:9092"]
            group_id: billing
            connect_timeout: 30s
            reader:
              start_from: last:10
              ack_mode: manual
              queue_bytes: 64MiB
              partition_discovery_interval: 1.5s
              failure: {retries: 3, backoff: 250ms, then: "dead_letter:failed"}
            writer: {}
            properties:
              client.rack: eu-1a
            """
        let json = """
            {"brokers": ["kafka-1:9092", "kafka-2:9092"], "group_id": "billing", "connect_timeout": "30s",
             "reader": {"start_from": "last:10", "ack_mode": "manual", "queue_bytes": 67108864,
                        "partition_discovery_interval": "1500ms",
                        "failure": {"retries": 3, "backoff": "250ms", "then": "dead_letter:failed"}},
             "properties": {"client.rack": "eu-1a"}}
            """
        for config in [
            try configured(yaml), try configured(json, in: "bus.json"), try configured(json, in: "bus.conf"),
        ] {
            #expect(config.topic == "orders")
            #expect(config.brokers == ["kafka-1:9092", "kafka-2:9092"])
            #expect(config.groupID == "billing")
            #expect(config.connectTimeout == .seconds(30))
            #expect(config.reader.startFrom == .last(10))
            #expect(config.reader.ackMode == .manual)
            #expect(config.reader.queueBytes == 64 << 20)
            #expect(config.reader.partitionDiscoveryInterval == .milliseconds(1500))
            let policy = FailurePolicy.retry(3, backoff: .milliseconds(250), then: .deadLetter(topic: "failed"))
            #expect(config.reader.failurePolicy == policy)
            #expect(config.properties == ["client.rack": "eu-1a"])
        }
    }

    @Test("A file has a topic and a direction, too, unless the code has")
    func whole() throws {
        let text = ConfigurationSource.text("topic: orders\ndirection: writer", name: "bus.yaml")
        let config = try MsgBusConfig(from: text)
        #expect(config.topic == "orders")
        #expect(config.direction == .writer)
        let other = try MsgBusConfig(topic: "other", direction: .reader, from: text)
        #expect(other.topic == "other")
        #expect(other.direction == .reader)
        let missing = #expect(throws: MsgBusError.self) { try MsgBusConfig(from: .text("host: a", name: "bus.yaml")) }
        #expect(missing?.message.contains("\"topic\"") == true)
        let bad = #expect(throws: MsgBusError.self) {
            try MsgBusConfig(direction: .reader, from: .text("host: a\ntopic: a b", name: "bus.yaml"))
        }
        #expect(bad?.message.hasPrefix("bus.yaml:2:1: topic: ") == true)
    }

    @Test(
        "Values in their forms",
        arguments: [
            ("writer: {linger: 0}", "writer.linger", "0s"), ("writer: {linger: 500ms}", "writer.linger", "500ms"),
            ("writer: {linger: 1.5 s}", "writer.linger", "1500ms"),
            ("writer: {linger: 250us}", "writer.linger", "250us"),
            ("writer.linger: 20ms", "writer.linger", "20ms"), ("Writer: {Linger: 20ms}", "writer.linger", "20ms"),
            ("writer: {deliveryTimeout: 2min}", "writer.delivery_timeout", "120s"),
            ("writer: {delivery-timeout: 1h}", "writer.delivery_timeout", "3600s"),
            ("writer: {acks: 1}", "writer.acks", "leader"), ("writer: {acks: -1}", "writer.acks", "all"),
            ("writer: {idempotence: off}", "writer.idempotence", "false"),
            ("writer: {idempotence: Yes}", "writer.idempotence", "true"),
            ("writer: {idempotence: null}", "writer.idempotence", nil),
            ("writer: {max_message_bytes: 2MB}", "writer.max_message_bytes", "2000000"),
            ("writer: {buffer_bytes: 1 GiB}", "writer.buffer_bytes", "1GiB"),
            ("writer: {partitioner: fnv1a}", "writer.partitioner", "fnv1a"),
            ("port: \"9093\"", "port", "9093"), ("connect_retries: unlimited", "connect_retries", "unlimited"),
            ("brokers: a:1, b:2", "brokers", "a:1,b:2"), ("brokers: []", "brokers", nil),
            ("blocking: no", "blocking", "false"),
            ("writer:\n", "writer.linger", "0s"), ("", "port", "9092"), ("# nothing\n---\n", "port", "9092"),
            ("properties: {linger.ms: 7}", "properties.linger.ms", "7"),
            ("writer: {properties: {linger.ms: 8}}\nproperties: {linger.ms: 7}", "properties.linger.ms", "8"),
            ("properties: [linger.ms=9]", "properties.linger.ms", "9"),
            ("writer: {transactional_id: no}", "writer.transactional_id", "no"),
            ("writer: {transactional_id: 0123}", "writer.transactional_id", "0123"),
            (
                "x: &a 5ms\n".replacing("x: ", with: "writer.linger: ") + "writer.close_timeout: *a",
                "writer.close_timeout", "5ms"
            ),
        ] as [(String, String, String?)]
    )
    func values(text: String, key: String, expected: String?) throws {
        let settings = try configured(text, .writer).effectiveSettings()
        #expect(try #require(settings.first { $0.name == key }).value == expected)
    }

    @Test(
        "Readers' values in their forms",
        arguments: [
            ("start_from: earliest", "start_from", "earliest"), ("start_from: offset:42", "start_from", "offset:42"),
            ("start_from: 2026-01-31T08:00:00Z", "start_from", "2026-01-31T08:00:00.000Z"),
            ("missing_topic: create:6", "missing_topic", "create:6"),
            ("missing_topic: create:6:3", "missing_topic", "create:6:3"),
            ("isolation: read-uncommitted", "isolation", "read_uncommitted"),
            ("partitions: {0: earliest, 3: offset:7}", "partitions.3", "offset:7"),
            ("failure: {then: skip}", "failure.then", "skip"), ("failure: {retries: 2}", "failure.then", "stop"),
        ]
    )
    func readerValues(text: String, key: String, expected: String) throws {
        let settings = try configured("reader:\n  \(text)").effectiveSettings()
        #expect(try #require(settings.first { $0.name == "reader.\(key)" }).value == expected)
    }

    @Test("A byte order mark and Windows' line ends don't matter", arguments: ["bus.yaml", "bus.json"])
    func windows(name: String) throws {
        let text =
            name == "bus.yaml"
            ? "group_id: billing\r\nport: 9093\r\n" : "{\r\n\"group_id\": \"billing\",\r\n\"port\": 9093}\r\n"
        try Folder.with { folder in
            let path = try folder.file(name, [0xef, 0xbb, 0xbf] + Array(text.utf8))
            let config = try MsgBusConfig(topic: "orders", direction: .reader, from: .file(path))
            #expect(config.groupID == "billing")
            #expect(config.port == 9093)
            let wrong = try folder.file("wrong-\(name)", Array(text.replacing("9093", with: "x").utf8))
            let error = #expect(throws: MsgBusError.self) {
                try MsgBusConfig(topic: "orders", direction: .reader, from: .file(wrong))
            }
            #expect(error?.message.contains("wrong-\(name):\(name == "bus.yaml" ? 2 : 3):") == true)
        }
    }

    @Test("Files that can't be read are errors that name them")
    func unreadable() throws {
        try Folder.with { folder in
            func message(_ path: String) -> String {
                let error = #expect(throws: MsgBusError.self) {
                    try MsgBusConfig(topic: "orders", direction: .reader, from: .file(path))
                }
                #expect(error?.code == .configuration)
                return error?.message ?? ""
            }
            let missing = folder.path + "/missing.yaml"
            #expect(message(missing) == "\(missing): there is no such file")
            #expect(message(folder.path).contains("it is a directory"))
            let huge = try folder.file("huge.yaml", Array(repeating: UInt8(ascii: "#"), count: 1 << 21))
            #expect(message(huge).hasPrefix("\(huge): the file is longer than"))
            #expect(message("/dev/zero").hasPrefix("/dev/zero: the file is longer than"))
            let binary = try folder.file("binary.yaml", Array("a: 1\n".utf8) + [0xff, 0xfe])
            #expect(message(binary) == "\(binary):2: the file isn't UTF-8 text")
            let null = try folder.file("null.json", Array("{\n\0}".utf8))
            #expect(message(null).hasPrefix("\(null):2: there is a NUL"))
            #expect(message("a\0b").contains("NUL"))
        }
    }
}

/// A folder for one test.
struct Folder {
    let path: String

    static func with(_ test: (Self) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(unique("msgbus"))
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try test(Self(path: url.path))
    }

    /// Writes a file, and returns its path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }

    func file(_ name: String, _ text: String) throws -> String { try file(name, Array(text.utf8)) }
}
