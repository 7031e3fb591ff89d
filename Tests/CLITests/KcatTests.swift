import Foundation
import TestSupport
import Testing

@Suite("msgbus read and write have kcat's habits")
struct KcatTests {
    @Test("-o, -p, -t, -c and -e say what is read")
    func offsets() async throws {
        try await Cluster.run(topic: "orders:2") { cluster in
            _ = try await cluster.run("write -t orders -p 0", input: "a\nb\nc\nd\n")
            _ = try await cluster.run("write -t orders -p 1", input: "A\nB\n")
            func read(_ options: String) async throws -> [String] {
                let end = try await cluster.run("read -t orders \(options)")
                #expect(end.status == 0, "\(options): \(end.errors)")
                return end.lines.sorted()
            }
            #expect(try await read("-o beginning -e") == ["A", "B", "a", "b", "c", "d"])
            #expect(try await read("-o beginning -p 1 -e") == ["A", "B"])
            #expect(try await read("-o 2 -p 0 -e") == ["c", "d"])
            #expect(try await read("-o -1 -e") == ["B", "d"])
            #expect(try await read("-o -3 -p 0 -c 2") == ["b", "c"])
            #expect(try await read("-o end -e").isEmpty)
            #expect(try await read("-o beginning -p 0 -p 1 -c 6").count == 6)
            #expect(try await read("-o s@1769846400000 -e").isEmpty)
        }
    }

    @Test("-f prints all that a message has")
    func format() async throws {
        try await Cluster.run { cluster in
            _ = try await cluster.run("write orders -k key -H a=1 -H a=2 -H none", "väl")
            _ = try await cluster.run("write orders -Z", "")
            let format = #"%t/%p@%o %k(%K) %s(%S) [%h] 100%%\x41\t\\\n"#
            let read = try await cluster.run("read orders -o beginning -e -f", format)
            #expect(
                read.lines == [
                    #"orders/0@0 key(3) väl(4) [a=1,a=2,none=] 100%A\#t\"#, #"orders/0@1 (-1) (-1) [] 100%A\#t\"#,
                ]
            )
            let time = try await cluster.run("read orders -o beginning -c 1 -f", "%T")
            #expect(try #require(Int64(time.text)) > 1_600_000_000_000)
            let null = try await cluster.run("read orders -o -1 -e -Z -f", "%k %s;")
            #expect(null.text == "NULL NULL;")
            let values = try await cluster.run("read orders -o beginning -e -Z")
            #expect(values.lines == ["väl", "NULL"])
        }
    }

    @Test("-K stands between key and value, for both")
    func keys() async throws {
        try await Cluster.run { cluster in
            _ = try await cluster.run("write orders -Z -K", ": ", input: "a: 1\nb: \n: 3\n")
            let read = try await cluster.run("read orders -o beginning -e -Z -K", #"\x3d"#)
            #expect(read.lines == ["a=1", "b=NULL", "NULL=3"])
        }
    }

    @Test("JSON lines go in as they came out: nothing is lost, whatever a message has")
    func json() async throws {
        try await Cluster.run(topic: "orders:2") { cluster in
            let lines = [
                #"{"partition":1,"timestamp":1700000000123,"key":"k","value":"say \"hé\"\t\u0001\u0000 💡","headers":[]}"#,
                #"{"partition":0,"timestamp":1700000000124,"key":null,"value":null,"headers":[{"name":"a","value":"1"},{"name":"a","value":null},{"name":"a","value":""}]}"#,
                #"{"partition":1,"timestamp":1700000000125,"key":{"base64":"/wD+"},"value":{"base64":"gIE="},"headers":[{"name":"é","value":{"base64":"/w=="}}]}"#,
                #"{"partition":0,"timestamp":1,"key":"","value":"","headers":[]}"#,
            ]
            let written = try await cluster.run("write orders --json", input: lines.map { $0 + "\n" }.joined())
            #expect(written.status == 0, "\(written.errors)")
            let once = try await cluster.run("read orders -o beginning -e --json")
            #expect(once.lines.count == lines.count)
            _ = try await Tool.run("write copy -J -q", brokers: cluster.address, input: once.bytes)
            let twice = try await cluster.run("read copy -o beginning -e -J")
            func contents(_ end: Tool.End, _ topic: String) -> [String] {
                end.lines.map { $0.replacing(#"{"topic":"\#(topic)","#, with: "") }.sorted()
            }
            #expect(contents(twice, "copy") == contents(once, "orders"))
            for line in lines {
                let tail = line.replacing(/^.*"key"/, with: #""key""#).replacing(
                    "\\u0001\\u0000",
                    with: "\\u0001\\u0000"
                )
                #expect(once.lines.contains { $0.hasSuffix(tail) }, "\(tail)")
            }
            #expect(once.text.contains(#""timestamp":1700000000125"#))
        }
    }

    @Test(
        "A line that is no message ends it, with its number",
        arguments: [
            (#"{"value":"#, "it isn't a JSON object"),
            ("[]", "it isn't a JSON object"),
            ("hello", "it isn't a JSON object"),
            (#"{"key":"a"}"#, "no \"value\""),
            (#"{"value":"a","vlaue":"b"}"#, "\"vlaue\""),
            (#"{"value":1}"#, "\"value\""),
            (#"{"value":{"base64":"?"}}"#, "\"value\""),
            (#"{"value":"a","partition":-1}"#, "\"partition\""),
            (#"{"value":"a","partition":"0"}"#, "\"partition\""),
            (#"{"value":"a","timestamp":1.5}"#, "a number that isn't whole"),
            (#"{"value":"a","timestamp":"1"}"#, "\"timestamp\""),
            (#"{"value":"a","headers":{"a":"b"}}"#, "\"headers\""),
            (#"{"value":"a","headers":[{"value":"b"}]}"#, "\"name\""),
            (
                #"{"value":"a","headers":[{"name":"a","vlue":"x"}]}"#,
                "vlue\": there is no such key; there are name, value"
            ),
            (#"{"value":"a","headers":[{"name":"a","value":"x","x":1}]}"#, "x\": there is no such key"),
            (#"{"value":"a","headers":[{"name":"a"}]}"#, "has no \"value\": null is a header without a value"),
            (#"{"value":{"base64":"/w==","x":1}}"#, "\"value.x\": there is no such key; there is base64"),
        ]
    )
    func badLine(line: String, reason: String) async throws {
        try await Cluster.run { cluster in
            let end = try await cluster.run(
                "write orders --json",
                input: "{\"value\":\"first\"}\n\(line)\n{\"value\":\"third\"}\n"
            )
            #expect(end.status == 1)
            #expect(end.errors.contains("msgbus: line 2: "))
            #expect(end.errors.contains(reason), "\(end.errors)")
            #expect(end.errors.contains("1 message delivered"))
            #expect(try await cluster.run("read orders -o beginning -e").lines == ["first"])
        }
    }
}
