import Foundation
import Testing

@Suite("msgbus write tells what became of its messages")
struct WriteTests {
    @Test("in a summary, and with --quiet not even that")
    func summary() async throws {
        try await Cluster.run { cluster in
            let one = try await cluster.run("write orders hello")
            #expect(one.status == 0)
            #expect(one.errors == "1 message delivered to orders\n")
            let quiet = try await cluster.run("write orders -q hello -- -n")
            #expect(quiet.status == 0)
            #expect(quiet.errors.isEmpty)
        }
    }

    @Test("one that is too large fails alone, and is counted")
    func tooLarge() async throws {
        try await Cluster.run { cluster in
            let large = String(repeating: "x", count: 1_500_000)
            let written = try await cluster.run("write orders", input: "one\n\(large)\ntwo\n")
            #expect(written.status == 1)
            #expect(written.errors.contains("msgbus: 1 of 3 messages not delivered to orders"))
            #expect(written.errors.contains("messageTooLarge"))
            let read = try await cluster.run("read orders --from earliest --count 2")
            #expect(read.lines == ["one", "two"])
        }
    }

    @Test("a partition that doesn't exist takes none")
    func unknownPartition() async throws {
        try await Cluster.run { cluster in
            let written = try await cluster.run("write orders --partition 7 a b")
            #expect(written.status == 1)
            #expect(written.errors.contains("msgbus: 2 of 2 messages not delivered to orders"))
        }
    }

    @Test("at Ctrl-C it delivers what it was given")
    func interrupted() async throws {
        try await Cluster.run { cluster in
            let reader = try cluster.start("read orders --from earliest --count 1")
            let writer = try cluster.start("write orders")
            writer.type("one\n")
            #expect(await reader.nextLine() == "one")
            writer.send(SIGINT)
            let end = await writer.end()
            #expect(end.status == 130)
            #expect(end.errors == "1 message delivered to orders\n")
            #expect(await reader.end().status == 0)
        }
    }
}
