import TestSupport
import Testing

@Suite("The exit status says what went wrong, and stderr says it in a line")
struct ExitStatusTests {
    @Test(
        "2: a wrong command line",
        arguments: [
            "fly",
            "read",
            "read no/such/name",
            "read orders --frm earliest",
            "read orders --from yesterday",
            "read orders --count 0",
            "read orders --timeout 1e99",
            "read orders --property client.id",
            "write orders --broker localhost:99999 hello",
            "write orders --property no.such.property=1 hello",
            "write orders --header =value hello",
            "broker --brokers 0",
            "broker --topic orders:many",
        ]
    )
    func usage(line: String) async throws {
        let end = try await Tool.run(line)
        #expect(end.status == 2)
        #expect(end.bytes.isEmpty)
        #expect(end.errors.hasPrefix("msgbus: "))
    }

    @Test("1 or 3, in time: nothing answers", arguments: ["read orders", "write orders hello"])
    func nothingListens(line: String) async throws {
        let start = ContinuousClock.now
        let end = try await Tool.run("\(line) --broker 127.0.0.1:1 --timeout 1")
        #expect([1, 3].contains(end.status))
        #expect(end.bytes.isEmpty)
        #expect(end.errors.hasPrefix("msgbus: "))
        #expect(end.errors.contains("127.0.0.1:1"))
        #expect(end.errors.count { $0.isNewline } == 1)
        #expect(start.duration(to: .now) < hang)
    }

    @Test("0: help, with an example, and the version", arguments: ["demo", "write", "read", "broker", "config"])
    func help(command: String) async throws {
        let help = try await Tool.run("\(command) --help")
        #expect(help.status == 0)
        #expect(help.text.contains("  msgbus \(command)"))
        #expect(help.errors.isEmpty)
        let version = try await Tool.run("--version")
        #expect(version.status == 0)
        #expect(version.text == "0.1.0\n")
    }
}
