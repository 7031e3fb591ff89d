import CRdKafka
import Foundation
import TestSupport
import Testing

@testable import MsgBus

/// `msgbus topics`, `groups`, `lag` and `purge`, as their users run them.
@Suite(
    "msgbus administers a cluster",
    .enabled(if: ProcessBroker.isUsable, "\(ProcessBroker.hint)"),
    .timeLimit(.minutes(5))
)
struct AdminTests {
    private let topic = unique("cli")
    private let group = unique("group")

    private func run(_ line: String, _ more: String..., input: String = "") async throws -> Tool.End {
        let address = try ProcessBroker.shared.get().address
        return try await Tool.run(line, more, brokers: address, input: Array(input.utf8))
    }

    /// Expects that to work.
    private func done(_ line: String, _ more: String..., input: String = "") async throws -> Tool.End {
        let address = try ProcessBroker.shared.get().address
        let end = try await Tool.run(line, more, brokers: address, input: Array(input.utf8))
        #expect(end.status == 0, "\(line): \(end.errors)")
        return end
    }

    private func json(_ end: Tool.End) throws -> Any {
        #expect(end.lines.count == 1)
        return try JSONSerialization.jsonObject(with: Data(end.bytes))
    }

    private func objects(_ end: Tool.End) throws -> [[String: Any]] { try #require(try json(end) as? [[String: Any]]) }

    /// Reads in the group, and leaves it.
    private func read(_ count: Int) async throws {
        let session = "-X session.timeout.ms=10000 -X max.poll.interval.ms=10000 --timeout 40"
        _ = try await done("read \(topic) --group \(group) --from earliest --count \(count) \(session)")
    }

    @Test("topics are created, listed, described, changed and deleted; for people and for programs")
    func topics() async throws {
        let created = try await run(
            "topics create \(topic):2 \(topic)-b --partitions 1 --setting retention.ms=86400000 bad/name"
        )
        #expect(created.status == 2)
        #expect(created.bytes.isEmpty)
        #expect(created.errors.contains("\(topic): created\n\(topic)-b: created\nmsgbus: configuration: "))
        let again = try await run("topics create \(topic) --json")
        #expect(again.status == 1)
        let error = try #require(try objects(again)[0]["error"] as? [String: String])
        #expect(error["code"] == "admin")
        #expect(again.errors.contains("TOPIC_ALREADY_EXISTS"))

        let lines = try await done("topics list").lines
        #expect(lines.first?.hasPrefix("TOPIC ") == true)
        #expect(lines.contains { $0.wholeMatch(of: /(\S+) +2 +1/)?.output.1.description == topic })
        let listed = try objects(try await done("topics list --json")).first { $0["name"] as? String == topic }
        #expect(listed?["partitions"] as? Int == 2)
        #expect(listed?["replicas"] as? Int == 1)
        #expect(listed?["internal"] as? Bool == false)

        _ = try await done("topics configure \(topic) segment.bytes=1048576 --reset retention.ms")
        _ = try await done("topics alter \(topic) max.message.bytes=2000000")
        _ = try await done("topics add-partitions \(topic) 3")
        let fewer = try await run("topics add-partitions \(topic) 2")
        #expect(fewer.status == 2)
        #expect(fewer.errors.contains("has 3 partitions and can't have 2"))

        _ = try await done("write \(topic) --partition 2 one two")
        let described = try #require(try objects(try await done("topics describe \(topic) --json")).first)
        let partitions = try #require(described["partitions"] as? [[String: Any]])
        #expect(partitions.map { $0["end"] as? Int } == [0, 0, 2])
        #expect(partitions.allSatisfy { $0["leader"] is Int })
        let settings = try #require(described["settings"] as? [[String: Any]])
        #expect(settings.map { $0["name"] as? String } == ["max.message.bytes", "segment.bytes"])
        #expect(settings.map { $0["value"] as? String } == ["2000000", "1048576"])
        let text = try await run("topics describe \(topic) \(topic)-unknown")
        #expect(text.status == 5)
        #expect(text.text.contains("PARTITION  LEADER  REPLICAS  IN SYNC  BEGINNING  END\n"))
        #expect(text.text.contains("SETTING"))
        #expect(text.errors.contains("unknownTopic"))

        let unasked = try await run("topics delete \(topic)")
        #expect(unasked.status == 2)
        #expect(unasked.errors.contains("--yes"))
        let deleted = try await run("topics delete \(topic) \(topic)-unknown \(topic)-b --yes")
        #expect(deleted.status == 5)
        #expect(deleted.errors.hasPrefix("\(topic): deleted\n\(topic)-b: deleted\nmsgbus: unknownTopic"))
        #expect(try await !done("topics list").text.contains(topic))
    }

    @Test("a partition without a leader is shown without its messages, and a topic that can't be described is an error")
    func ill() async throws {
        let broker = try EmbeddedBroker()
        for name in ["ill", "locked", "well"] { try broker.createTopic(name, partitions: 2) }
        try broker.withCluster { cluster, _ in
            _ = rd_kafka_mock_partition_set_leader(cluster, "ill", 1, -1)
            rd_kafka_mock_topic_set_error(cluster, "locked", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        }
        func run(_ line: String) async throws -> Tool.End {
            try await Tool.run(line, [], brokers: broker.bootstrapServers)
        }
        let described = try await run("topics describe ill")
        #expect(described.status == 0, "\(described.errors)")
        #expect(described.lines.contains { $0.contains(/0 +1 .* 0 +0$/) })
        #expect(described.lines.contains { $0.contains(/1 +none .* - +-$/) })
        let listed = try await run("topics list")
        #expect(listed.status == 4)
        #expect(listed.lines.map { $0.prefix(4) } == ["TOPI", "ill ", "well"])
        #expect(listed.errors.contains("TOPIC_AUTHORIZATION_FAILED"))
        broker.close()
    }

    @Test("a group is seen, reset and deleted, and its lag is right all the time")
    func groups() async throws {
        _ = try await done("topics create \(topic):2")
        _ = try await done("write \(topic) --partition 0", input: "a\nb\nc\nd\n")
        let unknown = try await run("lag \(group)")
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains(group))
        let before = try objects(try await done("lag \(group) --topic \(topic) --json"))
        #expect(before[0]["total"] as? Int == 4)
        try await read(3)

        #expect(try await done("groups list").lines.contains { $0.hasPrefix("\(group) ") })
        let description = try #require(try objects(try await done("groups describe \(group) --json")).first)
        #expect(description["state"] as? String == "empty")
        #expect((description["members"] as? [Any])?.isEmpty == true)
        let missing = try await run("groups describe \(group) \(group)-unknown")
        #expect(missing.status == 1)
        #expect(missing.text.hasPrefix("\(group): empty"))

        let lag = try await done("lag \(group)")
        #expect(lag.lines[0].hasPrefix("GROUP "))
        #expect(lag.lines[1].contains(/\ 0 +3 +4 +1$/))
        #expect(lag.lines[2].contains(/\ 1 +- +0 +-$/) || lag.lines[2].contains(/\ 1 +0 +0 +0$/))
        #expect(lag.lines[3].contains(/\ total +1$/))

        let dry = try await done("groups reset \(group) --shift -2 --dry-run")
        #expect(dry.lines[1].contains(/\ 0 +3 +1$/))
        #expect(try await run("groups reset \(group) --shift -2").status == 2)
        #expect(try objects(try await done("lag \(group) --json"))[0]["total"] as? Int == 1)
        _ = try await done("groups reset \(group) --shift -2 --yes")
        #expect(try objects(try await done("lag \(group) --json"))[0]["total"] as? Int == 3)
        let plan = try objects(try await done("groups reset \(group) --offset \(topic)/0=2 --yes --json"))
        #expect(plan.map { $0["old"] as? Int } == [1])
        #expect(plan.map { $0["new"] as? Int } == [2])
        _ = try await done("groups reset \(group) --to end --topic \(topic) --yes")
        #expect(try objects(try await done("lag \(group) --json"))[0]["total"] as? Int == 0)
        let deleted = try await done("groups delete \(group) --yes")
        #expect(deleted.errors == "\(group): deleted\n")
        #expect(try await !done("groups list").text.contains(group))
    }

    @Test("lag --watch goes on until Ctrl-C, and sees what comes")
    func watch() async throws {
        _ = try await done("topics create \(topic):1")
        _ = try await done("write \(topic) one two")
        let address = try ProcessBroker.shared.get().address
        let watch = try Tool("lag \(group) --topic \(topic) --watch --interval 0.05 --json", brokers: address)
        #expect(await watch.nextLine()?.contains(#""total":2"#) == true)
        _ = try await done("write \(topic) three")
        while let line = await watch.nextLine(), !line.contains(#""total":3"#) {}
        watch.send(SIGINT)
        let end = await watch.end()
        #expect(end.status == 130)
        #expect(end.errors.isEmpty)
        #expect(!end.text.contains("\u{1B}"))
    }

    @Test("lag --watch ends when nobody reads it any more")
    func unwatched() async throws {
        _ = try await done("topics create \(topic):1")
        let pipeline = try Tool(
            "",
            brokers: try ProcessBroker.shared.get().address,
            shell: #"("$0" lag \#(group) -t \#(topic) -w --interval 0.05 --json; echo "status $?" >&2) | head -n 1"#
        )
        let end = await pipeline.end()
        #expect(end.lines.count == 1)
        #expect(end.errors == "status 0\n")
    }

    @Test("purge deletes what there is, and asks for a word first")
    func purge() async throws {
        _ = try await done("topics create \(topic):2")
        _ = try await done("write \(topic) --partition 1 one two three")
        let unasked = try await run("purge \(topic)")
        #expect(unasked.status == 2)
        #expect(unasked.errors.contains("--yes"))
        let purged = try await done("purge \(topic) --yes --partition 0")
        #expect(purged.errors == "\(topic): 0 messages deleted\n")
        let all = try await done("purge \(topic) --yes --json")
        let report = try #require(try json(all) as? [String: Any])
        #expect(report["deleted"] as? Int == 3)
        #expect((report["partitions"] as? [[String: Int]])?.map { $0["end"] } == [0, 3])
        #expect(try await done("read \(topic) --from earliest -e").bytes.isEmpty)
        #expect(try await run("purge \(topic)-unknown --yes").status == 5)
    }

    @Test("that a topic is the cluster's own is said with the flag that allows it")
    func internalTopic() async throws {
        for line in ["topics create __\(topic) --json", "purge __\(topic) --yes"] {
            let refused = try await run(line)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("say --allow-internal if"), "\(refused.errors)")
            #expect(!(refused.errors + refused.text).contains("allowingInternal"))
        }
        #expect(try await run("topics create __\(topic) --json").text.contains("say --allow-internal if"))
    }

    /// Runs it on a terminal, where somebody types the answer once the question is there, so many times.
    private func typed(
        _ answer: String,
        to question: String = "[y/N] ",
        times: Int = 1,
        _ line: String
    ) async throws -> Tool.End {
        let script = """
            import os, pty, sys
            child, terminal = pty.fork()
            if child == 0: os.execv(sys.argv[1], sys.argv[1:])
            question, times, answer = (os.environ[name].encode() for name in ("QUESTION", "TIMES", "ANSWER"))
            seen = b""
            while True:
                try: some = os.read(terminal, 4096)
                except OSError: break
                if not some: break
                seen += some
                if answer and seen.count(question) >= int(times):
                    os.write(terminal, answer)
                    answer = b""
            os.write(1, seen)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            """
        let tool = try Tool(
            "",
            brokers: try ProcessBroker.shared.get().address,
            environment: ["SCRIPT": script, "QUESTION": question, "TIMES": "\(times)", "ANSWER": answer],
            shell: "exec python3 -c \"$SCRIPT\" \"$0\" \(line)"
        )
        return await tool.end()
    }

    @Test("on a terminal purge asks, and does nothing unless the answer is yes", .enabled(if: FaultProxy.isUsable))
    func question() async throws {
        _ = try await done("topics create \(topic):1")
        _ = try await done("write \(topic) one two three")
        for answer in ["n\n", "\n", "yesterday\n"] {
            let refused = try await typed(answer, "purge \(topic)")
            #expect(refused.status == 1)
            #expect(refused.text.contains("Delete all messages of \(topic)? [y/N] "), "\(refused.text)")
            #expect(refused.text.contains("nothing was changed"))
        }
        #expect(try await done("read \(topic) --from earliest -e").lines.count == 3)
        let purged = try await typed("Yes\n", "purge \(topic)")
        #expect(purged.status == 0)
        #expect(purged.text.contains("\(topic): 3 messages deleted"), "\(purged.text)")
        #expect(try await done("read \(topic) --from earliest -e").bytes.isEmpty)
    }

    @Test(
        "on a terminal lag --watch shows everything in the same place, until Ctrl-C",
        .enabled(if: FaultProxy.isUsable)
    )
    func redrawn() async throws {
        _ = try await done("topics create \(topic):1")
        _ = try await done("write \(topic) one two")
        let clear = "\u{1B}[H\u{1B}[2J"
        let line = "lag \(group) --topic \(topic) --watch --interval 0.05"
        let end = try await typed("\u{3}", to: clear, times: 3, line)
        #expect(end.status == 130)
        let screens = end.text.components(separatedBy: clear)
        #expect(screens.count >= 4)
        #expect(screens[0].isEmpty, "\(end.text)")
        for screen in screens[1..<3] {
            #expect(screen.hasPrefix("GROUP "), "\(screen)")
            #expect(screen.components(separatedBy: "GROUP ").count == 2)
            #expect(screen.contains(/total +2\r\n/))
        }
    }

    @Test("on a cluster that can't be administered it says so, in time")
    func embedded() async throws {
        try await Cluster.run { cluster in
            try await cluster.write("one")
            let list = try await cluster.run("topics list")
            #expect(list.lines.contains { $0.contains(/^orders +1 +1$/) })
            let create = try await cluster.run("topics create other --timeout 1")
            #expect(create.status == 1)
            #expect(create.errors.hasPrefix("msgbus: notAvailable: can't create topics: "))
            #expect(create.errors.count { $0.isNewline } == 1)
            let describe = try await cluster.run("topics describe orders")
            #expect(describe.status == 0)
            #expect(describe.text.contains("doesn't tell the settings"))
            #expect(try await cluster.run("lag billing --topic orders").text.contains(/total +1\n/))
        }
    }
}
