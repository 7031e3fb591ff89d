import Foundation
import Testing

@Suite("msgbus read starts and stops where it is told to")
struct ReadTests {
    @Test("--from earliest, last:N and a time, until --count")
    func positions() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one", "two", "three")
            let earliest = try await cluster.run("read orders --from earliest --count 2")
            #expect(earliest.lines == ["one", "two"])
            let last = try await cluster.run("read orders --from last:2 --count 2")
            #expect(last.lines == ["two", "three"])
            // The embedded broker can't look for a time, and starts at the end.
            for time in ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.250+01:00", "1769846400000"] {
                let end = try await cluster.run("read orders --from \(time) --idle-exit 0.1")
                #expect(end.status == 0, "\(end.errors)")
            }
        }
    }

    @Test("by default with what comes after it has connected")
    func latest() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("old")
            let reader = try cluster.start("read orders --count 1")
            // Nobody says when it has connected: so there is something new until it has seen it.
            let news = Task { while !Task.isCancelled { try await cluster.write("new") } }
            #expect(await reader.nextLine() == "new")
            news.cancel()
            try await news.value
            #expect(await reader.end().status == 0)
        }
    }

    @Test("when nothing has come for the time of --idle-exit")
    func idle() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one", "two")
            let read = try await cluster.run("read orders --from earliest --idle-exit 2")
            #expect(read.status == 0)
            #expect(read.lines == ["one", "two"])
        }
    }

    @Test("when nobody reads its output any more, without another message")
    func head() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one", "two")
            let pipeline = try Tool(
                "",
                brokers: cluster.address,
                shell: #"("$0" read orders --from earliest --idle-exit 50; echo "status $?" >&2) | head -n 1"#
            )
            let end = await pipeline.end()
            #expect(end.text == "one\n")
            #expect(end.errors == "status 0\n")
        }
    }

    @Test("at Ctrl-C and SIGTERM, with status 130", arguments: [SIGINT, SIGTERM])
    func interrupted(signal: Int32) async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one")
            let reader = try cluster.start("read orders --from earliest")
            #expect(await reader.nextLine() == "one")
            reader.send(signal)
            let end = await reader.end()
            #expect(end.status == 130)
            #expect(end.errors.isEmpty)
        }
    }

    @Test("at Ctrl-C while it still connects")
    func interruptedConnecting() async throws {
        let reader = try Tool("read orders --broker 127.0.0.1:1 --timeout 600 --verbose")
        // Its first words are about the broker that isn't there.
        #expect(await reader.nextErrorLine() != nil)
        reader.send(SIGINT)
        #expect(await reader.end().status == 130)
    }

    @Test("in a group, where the last one stopped")
    func group() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one", "two", "three", "four")
            for expected in [["one", "two"], ["three", "four"]] {
                // The embedded broker lets the next member in when the last one's session is over, though it has left.
                let session = "-X session.timeout.ms=3000 -X heartbeat.interval.ms=500 --timeout 40"
                let read = try await cluster.run("read orders --group billing --from earliest --count 2 \(session)")
                #expect(read.status == 0, "\(read.errors)")
                #expect(read.lines == expected)
            }
        }
    }

    @Test("in a group, which it leaves at Ctrl-C")
    func interruptedInGroup() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one", "two")
            let reader = try cluster.start("read orders --group billing --from earliest --timeout 40")
            #expect(await reader.nextLine() == "one")
            #expect(await reader.nextLine() == "two")
            reader.send(SIGINT)
            let end = await reader.end()
            #expect(end.status == 130)
            #expect(end.errors.isEmpty)
        }
    }
}
