import Foundation
import Testing

@Suite("What one process writes another one reads")
struct RoundTripTests {
    @Test("texts, in order, an empty one and a last one without a line feed too")
    func lines() async throws {
        try await Cluster.run { cluster in
            let written = try await cluster.run("write orders", input: "one\n\nthree\nfour")
            #expect(written.status == 0)
            #expect(written.bytes.isEmpty)
            #expect(written.errors == "4 messages delivered to orders\n")
            let read = try await cluster.run("read orders --from earliest --count 4")
            #expect(read.status == 0)
            #expect(read.text == "one\n\nthree\nfour\n")
            #expect(read.errors.isEmpty)
        }
    }

    @Test("bytes that aren't UTF-8, as they are")
    func bytes() async throws {
        try await Cluster.run { cluster in
            _ = try await cluster.run("write orders", input: [0xff, 0x00, 0xfe, 0x0a])
            let read = try await cluster.run("read orders --from earliest --count 1")
            #expect(read.bytes == [0xff, 0x00, 0xfe, 0x0a])
            let json = try await cluster.run("read orders --from earliest --count 1 --json")
            #expect(json.text.contains(#""value":{"base64":"/wD+"}"#))
        }
    }

    @Test("keys, headers and where the message stands, as JSON")
    func json() async throws {
        try await Cluster.run(topic: "orders:3") { cluster in
            _ = try await cluster.run("write orders -p 2 -k key -H trace=a=b -H flag", "say \"hé\"\t\u{1}")
            let read = try await cluster.run("read orders --from earliest --count 1 --json")
            let line = try #require(read.lines.first)
            let timestamp = try #require(line.firstMatch(of: /"timestamp":(\d+),/))
            #expect(
                line.replacing(timestamp.output.0, with: "") == #"""
                    {"topic":"orders","partition":2,"offset":0,"key":"key","value":"say \"hé\"\t\u0001",\#
                    "headers":[{"name":"trace","value":"a=b"},{"name":"flag","value":null}]}
                    """#
            )
        }
    }

    @Test("keys that stand in the lines")
    func keysInLines() async throws {
        try await Cluster.run { cluster in
            _ = try await cluster.run("write orders --key-delimiter \\t", input: "a\t1\nb\t2\t3\nnone\n")
            let read = try await cluster.run("read orders --from earliest --count 3 --json")
            let pairs = read.lines.map { $0.firstMatch(of: /"key":.*(?=,"headers")/).map { String($0.output) } }
            let expected = [#""key":"a","value":"1""#, #""key":"b","value":"2\t3""#, #""key":null,"value":"none""#]
            #expect(pairs == expected)
        }
    }

    @Test("tens of thousands of lines, each once and in order")
    func many() async throws {
        try await Cluster.run { cluster in
            let input = (0..<30_000).map { "line \($0)\n" }.joined()
            let written = try await cluster.run("write orders", input: input)
            #expect(written.errors == "30000 messages delivered to orders\n")
            let read = try await cluster.run("read orders --from earliest --count 30000")
            #expect(read.text == input)
        }
    }

    @Test("line by line, as they are typed")
    func typed() async throws {
        try await Cluster.run { cluster in
            let reader = try cluster.start("read orders --from earliest")
            let writer = try cluster.start("write orders --quiet")
            for line in ["one", "two", "three"] {
                writer.type("\(line)\n")
                #expect(await reader.nextLine() == line)
            }
            let end = await writer.end()
            #expect(end.status == 0)
            #expect(end.errors.isEmpty)
            reader.send(SIGINT)
            #expect(await reader.end().status == 130)
        }
    }

    @Test("though the first broker of the list is down")
    func brokerList() async throws {
        try await Cluster.run { cluster in
            let written = try await Tool.run("write orders hello -b 127.0.0.1:1,\(cluster.address)")
            #expect(written.status == 0, "\(written.errors)")
        }
    }
}
