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
            "read orders -t invoices",
            "read orders --from latest -o 5",
            "read orders -o x",
            "read orders -o s@noon",
            "read orders -p -1",
            "read orders -p 0 --group billing",
            "read orders --json -K :",
            "read orders -f %q",
            "read orders -f \\q",
            "write",
            "write orders -J -Z",
            "write orders -K \\q",
            "topics fly",
            "topics create",
            "topics create orders:many",
            "topics create orders --setting retention.ms",
            "topics add-partitions orders many",
            "groups reset billing",
            "groups reset billing --to yesterday",
            "groups reset billing --to end --shift 5",
            "groups reset billing --offset orders=5",
            "lag",
            "lag billing --interval 0",
            "purge",
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

    @Test(
        "1 or 3, in time: nothing answers",
        arguments: [
            "read orders", "write orders hello", "topics list", "lag billing", "groups list", "purge orders --yes",
        ]
    )
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

    @Test(
        "0: help, with an example, and the version",
        arguments: [
            "demo", "write", "read", "broker", "lag", "purge", "topics", "topics list", "topics describe",
            "topics create",
            "topics delete", "topics configure", "topics add-partitions", "groups", "groups list", "groups describe",
            "groups reset", "groups delete", "config",
        ]
    )
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
