import TestSupport
import Testing

@testable import MsgBus

@Suite(
    "Topics' configurations are administered",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct AdminConfigurationTests {
    private let topic = unique("configured")

    private func own(_ admin: BusAdmin) async throws -> [String: String] {
        try await admin.topicConfiguration(topic).filter { $0.source == .topic }
            .reduce(into: [:]) { $0[$1.name] = $1.value }
    }

    /// Key by key where this librdkafka can, and the way of older ones.
    private static let ways: [Bool] =
        AdminRequest<Result<Void, MsgBusError>>.canAlterIncrementally ? [true, false] : [false]

    @Test("A change touches no other key", arguments: ways)
    func change(incrementally: Bool) async throws {
        try await administrate { admin in
            let settings = ["retention.ms": "86400000", "max.message.bytes": "2000000", "segment.bytes": "1048576"]
            try await admin.createTopic(NewTopic(topic, partitions: 1, configuration: settings))
            func alter(_ changes: [String: String?]) async throws {
                try await admin.alter(topic, changes, incrementally: incrementally, by: .after(patience))
            }
            try await alter(["retention.ms": "1000"])
            #expect(try await own(admin) == settings.merging(["retention.ms": "1000"]) { $1 })
            try await alter(["cleanup.policy": "compact", "segment.bytes": nil as String?])
            let now = ["retention.ms": "1000", "max.message.bytes": "2000000", "cleanup.policy": "compact"]
            #expect(try await own(admin) == now)
            let all = try await admin.topicConfiguration(topic)
            #expect(all.first { $0.name == "segment.bytes" }?.source != .topic)
        }
    }

    @Test("Key by key is the way wherever librdkafka has it")
    func way() {
        #expect(AdminRequest<Result<Void, MsgBusError>>.canAlterIncrementally == (LibraryFacts.version >= 0x0202_00ff))
    }

    @Test("What can't be written back isn't lost: it is an error, before anything is changed")
    func unwritable() throws {
        func entry(_ name: String, _ value: String?, _ source: ConfigurationEntry.Source) -> ConfigurationEntry {
            ConfigurationEntry(name: name, value: value, source: source, isReadOnly: false, isSensitive: value == nil)
        }
        let harmless = [entry("a", "1", .topic), entry("b", "2", .broker), entry("c", nil, .default)]
        #expect(try BusAdmin.own(harmless, of: topic, without: []) == ["a": "1"])
        for bad in [entry("d", nil, .topic), entry("d", "3", .unknown)] {
            let error = #expect(throws: MsgBusError.self) {
                try BusAdmin.own(harmless + [bad], of: topic, without: ["a"])
            }
            #expect(error?.code == .unsupported)
            #expect(error?.message.contains("\"d\"") == true)
            // Unless it is just what is to be changed.
            #expect(try BusAdmin.own(harmless + [bad], of: topic, without: ["d"]) == ["a": "1"])
        }
    }

    @Test("Nonsense is a clear error")
    func nonsense() async throws {
        try await administrate { admin in
            try await admin.createTopic(NewTopic(topic, partitions: 1))
            func code(_ settings: [String: String], _ resets: [String] = []) async -> MsgBusError.Code? {
                let error = await #expect(throws: MsgBusError.self) {
                    try await admin.alterTopic(topic, setting: settings, resetting: resets)
                }
                return error?.code
            }
            #expect(await code([:]) == .configuration)
            #expect(await code(["": "1"]) == .configuration)
            #expect(await code(["retention.ms": "1"], ["retention.ms"]) == .configuration)
            let unknown = await #expect(throws: MsgBusError.self) {
                try await admin.topicConfiguration("\(topic)-unknown")
            }
            #expect(unknown?.code == .unknownTopic)
        }
    }
}
