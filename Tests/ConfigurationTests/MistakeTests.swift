import MsgBus
import MsgBusConfiguration
import Testing

@Suite("Mistakes in files are errors with file, line, key and value (B-23)", .timeLimit(.minutes(1)))
struct MistakeTests {
    @Test(
        "Keys that don't exist, with the one that was meant",
        arguments: [
            ("brokrs: a", "bus.yaml:1:1: there is no key \"brokrs\"; did you mean \"brokers\"?"),
            ("port: 1\ngroup: a", "bus.yaml:2:1: there is no key \"group\"; did you mean \"group_id\"?"),
            (
                "writer:\n  lingr: 5ms",
                "bus.yaml:2:3: there is no key \"writer.lingr\"; did you mean \"writer.linger\"?"
            ),
            ("linger: 5ms", "bus.yaml:1:1: there is no key \"linger\"; did you mean \"writer.linger\"?"),
            ("writr: {linger: 5ms}", "bus.yaml:1:1: there is no key \"writr\""),
            ("completely_unrelated: 1", "bus.yaml:1:1: there is no key \"completely_unrelated\""),
            ("properties: {lingr.ms: 5}", "bus.yaml:1:14: properties.lingr.ms: librdkafka"),
            ("12: a", "bus.yaml:1:1: there is no key \"12\""),
            ("? [a, b]\n: c", "bus.yaml:1:3: a key has to be a single word"),
            ("<<: {port: 1}", "bus.yaml:1:1: merging"),
        ]
    )
    func typos(text: String, expected: String) {
        expectRefusal(of: text, expected)
    }

    @Test(
        "Values of the wrong type, with the value",
        arguments: [
            ("port: many", "bus.yaml:1:1: port can't be \"many\": it has to be a whole number"),
            ("port: 9_092", "bus.yaml:1:1: port can't be \"9_092\""),
            (
                "port: 99999999999999999999",
                "bus.yaml:1:1: port can't be \"99999999999999999999\": it is too large a number"
            ),
            ("port: [1]", "bus.yaml:1:1: port: it has to be a whole number, and is a list"),
            ("port:", "bus.yaml:1:1: port: it has no value"),
            ("writer: {linger: 10}", "bus.yaml:1:10: writer.linger can't be \"10\": it has no unit: write 10s or 10ms"),
            (
                "writer: {linger: 10 parsecs}",
                "bus.yaml:1:10: writer.linger can't be \"10 parsecs\": it has no unit that is known"
            ),
            ("writer: {linger: soon}", "bus.yaml:1:10: writer.linger can't be \"soon\": a time is"),
            ("writer: {linger: 99999999999999999999h}", "bus.yaml:1:10: writer.linger can't be"),
            ("writer: {buffer_bytes: 1K}", "bus.yaml:1:10: writer.buffer_bytes can't be \"1K\": a size is"),
            (
                "writer: {buffer_bytes: 99999999999GiB}",
                "bus.yaml:1:10: writer.buffer_bytes can't be \"99999999999GiB\": it is too large"
            ),
            ("writer: {compression: zip}", "bus.yaml:1:10: writer.compression can't be \"zip\": there are none, gzip"),
            ("writer: {compression: lz}", "bus.yaml:1:10: writer.compression can't be \"lz\""),
            ("writer: {idempotence: maybe}", "bus.yaml:1:10: writer.idempotence can't be \"maybe\""),
            ("reader: {start_from: yesterday}", "bus.yaml:1:10: reader.start_from can't be \"yesterday\""),
            (
                "reader: {partitions: {first: earliest}}",
                "bus.yaml:1:23: reader.partitions.first: a partition is a number"
            ),
            ("reader: 5", "bus.yaml:1:1: \"reader\" has to be a block of keys"),
            ("brokers: {a: b}", "bus.yaml:1:1: brokers: it has to be a list or a text, and is a block of keys"),
            ("group_id: ''", "bus.yaml:1:1: group_id can't be \"\": it is empty"),
            (
                "properties: {linger.ms: [1]}",
                "bus.yaml:1:14: properties.linger.ms: a property has to be a single value"
            ),
            ("properties: 5", "bus.yaml:1:1: properties: it has to be a block"),
            ("port: !!binary aGVsbG8=", "bus.yaml:1:7: a value with a tag"),
            (
                "sasl: {mechanism: oauthbearer}",
                "bus.yaml:1:8: sasl.mechanism can't be \"oauthbearer\": a login with tokens needs code"
            ),
        ]
    )
    func types(text: String, expected: String) {
        expectRefusal(of: text, expected)
    }

    @Test(
        "Values that are out of range or contradict each other, with their places",
        arguments: [
            ("port: 99999", "bus.yaml:1:1: port: the port 99999 of host \"localhost\" is not within 1...65535"),
            ("host: a\nport: 0", "bus.yaml:2:1: port: the port 0"),
            ("port: 1\nbrokers: [a:1, 'http://b']", "bus.yaml:2:1: brokers: the broker \"http://b\""),
            (
                "group_id: g\nreader:\n  queue_messages: 0",
                "bus.yaml:3:3: reader.queue_messages: reader.queueMessages is 0"
            ),
            ("connect_timeout: -5s", "bus.yaml:1:1: connect_timeout: connectTimeout is -5.0 seconds"),
            ("connect_timeout: 0s\nconnect_retries: 0", "bus.yaml:2:1: connect_retries: connectRetries is 0"),
            (
                "reader: {group_instance_id: a}",
                "bus.yaml:1:10: reader.group_instance_id: reader.groupInstanceID is \"a\", and there"
            ),
            ("properties: {session.timeout.ms: soon}", "bus.yaml:1:14: properties.session.timeout.ms: the property"),
            ("properties: {group.id: a}", "bus.yaml:1:14: properties.group.id: the property \"group.id\" can't be set"),
            ("reader: {missing_topic: create:0}", "bus.yaml:1:10: reader.missing_topic: reader.missingTopic creates 0"),
        ]
    )
    func ranges(text: String, expected: String) {
        expectRefusal(of: text, expected)
    }

    @Test("Both places of a contradiction are named")
    func contradiction() {
        let message = refusal(of: "writer:\n  linger: 10s\n  delivery_timeout: 5s", .writer)
        #expect(message.hasPrefix("bus.yaml:2:3: writer.linger: "))
        #expect(message.hasSuffix("see also writer.delivery_timeout at bus.yaml:3:3"))
        #expect(refusal(of: "host: a\nbrokers: b").contains("host and brokers are two ways to say the same"))
    }

    @Test(
        "What isn't YAML",
        arguments: [
            ("port: 1\n\tgroup_id: a", "bus.yaml:2:1: there is a tab in the indentation"),
            ("port: 1\n---\nport: 2", "bus.yaml:2:1: a second document begins here"),
            ("port: 1\nport: 2", "bus.yaml:1:1: the key \"port\" is there twice"),
            ("group_id: a\ngroup-id: b", "bus.yaml:2:1: the key \"group_id\" is there twice: at bus.yaml:1:1, too"),
            ("port: [1", "bus.yaml:2:1: this isn't YAML"),
            ("port: *nothing", "bus.yaml:1:7: this isn't YAML: found undefined alias"),
            ("port: \"1", "bus.yaml:"), ("just text", "bus.yaml:1:1: the file has to be a block of keys"),
            ("- a\n- b", "bus.yaml:1:1: the file has to be a block of keys, and is a list"),
            ("port: \u{7}1", "bus.yaml:1: there is a character here"),
        ]
    )
    func yaml(text: String, expected: String) {
        expectRefusal(of: text, expected)
    }

    @Test(
        "Lines as Windows ends them are lines",
        arguments: [
            ("group_id: g\r\nport: many", "bus.yaml:2:1: port can't be \"many\""),
            ("port: 1\r\n\tgroup_id: a", "bus.yaml:2:1: there is a tab in the indentation"),
            (
                "group_id: g\r\n" + String(repeating: "- ", count: 200),
                "bus.yaml:2: too many things are inside of each other"
            ),
            (
                "group_id: g\r\nport: " + String(repeating: "[", count: 600),
                "bus.yaml:2: there are more than 500 brackets"
            ),
        ]
    )
    func windows(text: String, expected: String) {
        expectRefusal(of: text, expected)
    }

    @Test("A short text that is an endless tree is refused before it grows, and so is what is too deep")
    func bombs() {
        var laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n"
        for (name, before) in zip("bcdefghi", "abcdefgh") {
            laughs += "\(name): &\(name) [" + repeatElement("*\(before)", count: 9).joined(separator: ", ") + "]\n"
        }
        #expect(refusal(of: laughs).contains("there are more than 16 aliases"))
        var doubling = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for index in 1...8 { doubling += "a\(index): &a\(index) [*a\(index - 1), *a\(index - 1)]\n" }
        #expect(refusal(of: doubling).hasPrefix("bus.yaml:"))
        let deep = String(repeating: "[", count: 400)
        #expect(refusal(of: "port: \(deep)").hasPrefix("bus.yaml:"))
        #expect(refusal(of: String(repeating: "[", count: 100_000)).contains("brackets"))
        #expect(refusal(of: String(repeating: "- ", count: 100_000)).contains("inside of each other"))
        #expect(refusal(of: String(repeating: "- ", count: 80)).contains("inside of each other"))
        #expect(
            refusal(of: "{\"a\": " + String(repeating: "[", count: 100_000), in: "bus.json").contains(
                "inside of each other"
            )
        )
        let many = (0...600).map { "  x\($0): 1\n" }.joined()
        #expect(refusal(of: "properties:\n\(many)").contains("more than 500 settings"))
    }

    @Test(
        "What isn't JSON, by the letter",
        arguments: [
            ("{\"port\": 1} x", "bus.json:1:13: there is something after the end"),
            ("{\"port\": 1,}", "bus.json:1:12: this isn't JSON: a key in quotes has to be here"),
            ("{\"port\": 1,\n \"port\": 2}", "bus.json:2:2: the key \"port\" is there twice"),
            ("{\"port\": 01}", "bus.json:1:11: this isn't JSON: a comma or } has to be here"),
            ("{\"port\": 1.}", "bus.json:1:12: this isn't JSON: a digit"),
            ("{'port': 1}", "bus.json:1:2: this isn't JSON"),
            ("{port: 1}", "bus.json:1:2: this isn't JSON"), ("{\"port\" 1}", "bus.json:1:9: this isn't JSON: a colon"),
            ("{\"port\": 1", "bus.json:1:11: this isn't JSON: it ends where a comma or } has to be"),
            ("{\"host\": \"a", "bus.json:1:12: this isn't JSON: it ends where"),
            ("{\"host\": \"a\nb\"}", "bus.json:1:12: this isn't JSON: a text ends on its line"),
            ("{\"host\": \"\\x\"}", "bus.json:1:12: this isn't JSON: there is no such escape"),
            ("{\"host\": \"\\ud800\"}", "bus.json:1:12: this isn't JSON: \\u names half a character"),
            ("{\"host\": \"\\ud800\\ud800\"}", "bus.json:1:12: this isn't JSON: \\u names half a character"),
            ("{\"host\": \"\\u12\"}", "bus.json:1:15: this isn't JSON: a hexadecimal digit"),
            ("{\"host\": True}", "bus.json:1:10: this isn't JSON"),
            ("{\"host\": nul}", "bus.json:1:10: this isn't JSON"),
            ("{\"host\": 5}", "bus.json:1:2: host can't be \"5\": it has to be a text: JSON writes that in quotes"),
            ("{\"port\": true}", "bus.json:1:2: port can't be \"true\""),
            ("{\"port\": 1e3}", "bus.json:1:2: port can't be \"1e3\""),
            ("[]", "bus.json:1:1: the file has to be a block of keys, and is a list"),
            ("{} // no", "bus.json:1:4: there is something"),
        ]
    )
    func json(text: String, expected: String) {
        let message = refusal(of: text, in: "bus.json")
        #expect(message.hasPrefix(expected), "\(message)")
    }

    @Test("JSON's escapes are understood")
    func escapes() throws {
        let config = try configured("{\"group_id\": \"\\u00e4\\\"\\\\\\/\\ud83d\\ude00\\t\"}", in: "bus.json")
        #expect(config.groupID == "ä\"\\/😀\t")
    }

    @Test(
        "A secret is in no error",
        arguments: [
            "sasl: {mechanism: plain, password: [hunter2]}", "sasl: {password: hunter2}",
            "sasl.password: \"hunter2\\0\"",
            "sasl:\n  pasword: hunter2", "reader: {partitions: {passwrd: hunter2}}", "sasl: hunter2",
            "properties: {sasl.passwrd: hunter2}",
            "properties: {ssl.key.pem: hunter2, security.protocol: ssl, session.timeout.ms: x}",
            "tls: {key_password: hunter2}", "writer:\n  linger: 5ms\n    password hunter2",
            "sasl:\n  password: hunter2\n bad",
            "sasl:\n  password: \"hunter2", "sasl: {mechanism: scram, password: hunter2}",
            "properties: {sasl.oauthbearer.client.secret: hunter2, no.such: 1}",
        ]
    )
    func secrets(text: String) {
        let message = refusal(of: text)
        #expect(!message.contains("hunter2"), "\(message)")
    }
}
