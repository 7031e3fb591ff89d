import Foundation
import TestSupport
import Testing

@Suite("msgbus config, and settings from files and the environment")
struct ConfigTests {
    private func file(_ text: String, _ name: String = "bus.yaml") throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(unique("msgbus-config"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let url = folder.appendingPathComponent(name)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return url.path
    }

    @Test("check: 0 for a file that is right, for both directions")
    func right() async throws {
        let path = try file("brokers: [a:1]\ngroup_id: billing\nwriter: {linger: 5ms}")
        let end = try await Tool.run("config check", [path], environment: ["MSGBUS_PORT": "nonsense"])
        #expect(end.status == 0, "\(end.errors)")
        #expect(end.text == "\(path) is right: 3 settings\n")
    }

    @Test("check: what comes through a pipe, which can be read only once")
    func pipe() async throws {
        let end = try await Tool("", shell: "echo 'port: 9093' | \"$0\" config check /dev/stdin").end()
        #expect(end.status == 0, "\(end.errors)")
        #expect(end.text == "/dev/stdin is right: 1 setting\n")
        // Read again it would be empty, and empty is right.
        let wrong = try await Tool("", shell: "echo 'writer: {buffer_messages: 0}' | \"$0\" config check /dev/stdin")
            .end()
        #expect(wrong.status == 2)
    }

    @Test(
        "check: 2 for one that isn't, with file, line and key",
        arguments: [
            ("writer:\n  lingr: 5ms", ":2:3: there is no key \"writer.lingr\"; did you mean \"writer.linger\"?"),
            ("writer:\n  buffer_messages: 0", ":2:3: writer.buffer_messages: writer.bufferMessages is 0"),
            ("reader:\n  queue_messages: 0", ":2:3: reader.queue_messages: reader.queueMessages is 0"),
            ("port: [", ":2:1: this isn't YAML"),
        ]
    )
    func wrong(text: String, expected: String) async throws {
        let path = try file(text)
        let end = try await Tool.run("config check", [path])
        #expect(end.status == 2)
        #expect(end.bytes.isEmpty)
        #expect(end.errors.hasPrefix("msgbus: configuration: \(path)\(expected)"), "\(end.errors)")
        #expect(end.errors.count { $0.isNewline } == 1)
    }

    @Test("show: what is in force, from the command line, the environment and a file, without secrets")
    func show() async throws {
        let path = try file("brokers: [a:1]\nsasl: {mechanism: plain, username: me}\nwriter: {linger: 5ms}")
        let environment = ["MSGBUS_SASL_PASSWORD": "hunter2", "MSGBUS_WRITER_LINGER": "6ms"]
        let arguments = ["--direction", "writer", "--timeout", "3", "--tls"]
        let table = try await Tool.run("config show", [path] + arguments, environment: environment)
        #expect(table.status == 0, "\(table.errors)")
        func row(_ name: String) -> [String]? {
            table.lines.map { $0.split(separator: " ").map(String.init) }.first { $0.first == name }
        }
        #expect(row("brokers") == ["brokers", "a:1", "\(path):1:1"])
        #expect(row("writer.linger") == ["writer.linger", "6ms", "MSGBUS_WRITER_LINGER"])
        #expect(row("connect_timeout") == ["connect_timeout", "3s", "--timeout"])
        #expect(row("writer.acks") == ["writer.acks", "all", "default"])
        #expect(row("security.protocol") == ["security.protocol", "sasl_ssl", "an", "option"])
        #expect(!table.text.contains("hunter2"))

        let json = try await Tool.run(
            "config show --json",
            arguments,
            environment: environment.merging(["MSGBUS_CONFIG": path]) { $1 }
        )
        #expect(json.status == 0, "\(json.errors)")
        let object = try JSONDecoder().decode([String: [[String: String]]].self, from: Data(json.bytes))
        let expected = ["name": "sasl.password", "value": "***", "source": "MSGBUS_SASL_PASSWORD"]
        #expect(object["options"]?.contains(expected) == true)
        #expect(object["properties"]?.contains { $0["name"] == "security.protocol" } == true)
    }

    @Test("keys: a table")
    func keys() async throws {
        let end = try await Tool.run("config keys")
        #expect(end.status == 0)
        #expect(end.lines.contains { $0.hasPrefix("| `writer.linger` | `WRITER_LINGER` |") })
    }

    @Test("Commands take a file and the environment; a typo in either is an error", arguments: ["read", "write"])
    func commands(command: String) async throws {
        let typo = try await Tool.run("\(command) orders hello", environment: ["MSGBUS_BROKER": "127.0.0.1:1"])
        if command == "write" {
            #expect(typo.status == 2)
            #expect(typo.errors.contains("MSGBUS_BROKER: there is no such setting; did you mean MSGBUS_BROKERS?"))
        }
        let path = try file("brokrs: [a:1]")
        let end = try await Tool.run("\(command) orders --config", [path])
        #expect(end.status == 2)
        #expect(end.errors.contains("\(path):1:1: there is no key \"brokrs\""))
    }

    @Test("A file names the brokers and the group")
    func file() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one", "two")
            let path = try file(
                "brokers: \(cluster.address)\nreader: {start_from: earliest, properties: {fetch.wait.max.ms: 5}}"
            )
            let end = try await Tool.run("read orders --count 2 --config", [path])
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.lines.sorted() == ["one", "two"])
            let other = try await Tool.run(
                "write orders three --quiet --config",
                [path],
                environment: ["MSGBUS_BROKERS": "127.0.0.1:1"]
            )
            #expect(other.status != 0)
        }
    }
}
