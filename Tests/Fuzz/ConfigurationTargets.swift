import Configuration
import MsgBus
import MsgBusConfiguration
import TestSupport

extension FuzzTarget {
    /// YAML files, and with them those of other systems.
    static let yaml = file("yaml", "bus.yaml", [yamlSample, cortxSample, bombSample, kafkaSample, windowsSample])
    static let json = file("json", "bus.json", [jsonSample, messageBusSample])

    /// Files that are right as YAML, with keys and values that may not be.
    static let structure = FuzzTarget(name: "structure") { random, show in
        let isJSON = Bool.random(using: &random)
        let text = isJSON ? object(&random) : block(&random)
        show(text)
        return load([.text(text, name: isJSON ? "bus.json" : "bus.yaml")], &random)
    }

    static let environment = FuzzTarget(name: "environment") { random, show in
        var variables: [String: String] = [:]
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let key = ConfigurationKey.all.randomElement(using: &random)!
            var name =
                "MSGBUS_"
                + key.variable.replacing("…", with: ["CLIENT_ID", "0", "LINGER_MS", ""].randomElement(using: &random)!)
            if random.chance(0.1) { name = String(decoding: Mutation.mutate(Array(name.utf8), &random), as: UTF8.self) }
            variables[name] = key.isSecret ? secret : value(of: key, &random)
        }
        if random.chance(0.2) { variables["MSGBUS_SASL_PASSWRD"] = secret }
        variables["MSGBUS_CONFIG"] = nil
        show("\(variables)")
        return load([.environment(variables)], &random)
    }

    static let configReader = FuzzTarget(name: "reader") { random, show in
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let key = ConfigurationKey.all.randomElement(using: &random)!
            let name = key.name.split(separator: ".").map { part in
                let words = part.split(separator: "_").map(String.init)
                return words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
            }
            values[AbsoluteConfigKey(ConfigKey(name))] =
                key.isSecret ? .init(.string(secret), isSecret: true) : content(key, &random)
        }
        show("\(values)")
        return load([.reader(ConfigReader(provider: InMemoryProvider(values: values)))], &random)
    }

    // MARK: Parts

    private static func file(_ name: String, _ file: String, _ samples: [String]) -> FuzzTarget {
        FuzzTarget(name: name) { random, show in
            let sample = Array(samples.randomElement(using: &random)!.utf8)
            let bytes = random.chance(0.1) ? sample : Mutation.mutate(sample, &random)
            let text = String(decoding: bytes, as: UTF8.self)
            show(text)
            // What is a secret, a mutation can change: that it isn't shown is seen where the structure stays.
            return load([.text(text, name: file)], &random, mayShowSecret: true)
        }
    }

    private static func load(
        _ sources: [ConfigurationSource],
        _ random: inout SeededGenerator,
        mayShowSecret: Bool = false
    ) -> Outcome {
        let direction: BusDirection = Bool.random(using: &random) ? .reader : .writer
        return outcome(mayShowSecret: mayShowSecret) {
            let config = try MsgBusConfig(topic: "orders", direction: direction, from: sources)
            let settings = try config.effectiveSettings() + config.effectiveProperties()
            return mayShowSecret ? "" : "\(settings) \(config.origins)"
        }
    }

    private static func value(of key: ConfigurationKey, _ random: inout SeededGenerator) -> String {
        if random.chance(0.05) { return Mutation.text(&random) }
        if let standard = key.standard, random.chance(0.8) { return standard }
        return [
            "a", "5", "10s", "64MiB", "true", "no", "earliest", "create:3", "skip", "kafka-1:9092", "plain", "1.3",
            "range", "last:1",
        ].randomElement(using: &random)!
    }

    private static func content(_ key: ConfigurationKey, _ random: inout SeededGenerator) -> ConfigValue {
        let text = value(of: key, &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return .init(.int(.random(in: .min ... .max, using: &random)), isSecret: false)
        case 1: return .init(.double(.random(in: -1e20...1e20, using: &random)), isSecret: false)
        case 2: return .init(.bool(.random(using: &random)), isSecret: false)
        case 3: return .init(.stringArray([text, "client.id=x"]), isSecret: false)
        default: return .init(.string(text), isSecret: false)
        }
    }

    private static func block(_ random: inout SeededGenerator) -> String {
        pairs(&random).map { name, value in "\(name): \(quoted(value))\n" }.joined()
    }

    private static func object(_ random: inout SeededGenerator) -> String {
        "{" + pairs(&random).map { name, value in "\(quoted(name)): \(quoted(value))" }.joined(separator: ",\n") + "}"
    }

    private static func pairs(_ random: inout SeededGenerator) -> [(name: String, value: String)] {
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
            let key = ConfigurationKey.all.randomElement(using: &random)!
            let hasNames = key.variable.hasSuffix("…")
            var name =
                key.name
                + (hasNames
                    ? "." + ["0", "client.id", "ssl.key.password", "no.such"].randomElement(using: &random)! : "")
            if random.chance(0.05) { name.remove(at: name.indices.randomElement(using: &random)!) }
            return (name, key.isSecret || name.contains("ssl.key.passw") ? secret : value(of: key, &random))
        }
    }

    /// In quotes, in which YAML and JSON agree.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\u{0}"..<" ", "\u{7f}"..<"\u{a0}", "\u{2028}", "\u{feff}":
                let hexadecimal = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    // MARK: Samples

    private static let yamlSample = """
        # A comment
        brokers: [kafka-1:9092, "kafka-2:9092"]
        group_id: billing
        connect_timeout: 30s
        profile: throughput
        writer: {linger: 5ms, acks: all, compression: lz4, max_message_bytes: 2MB}
        reader:
          start_from: 2026-01-31T08:00:00Z
          failure: {retries: 3, backoff: 250ms, then: "dead_letter:failed"}
          queue_bytes: &size 64MiB
          prefetch_bytes: *size
        sasl:
          mechanism: plain
          username: me
          password: >-
            hunter2hunter2
        properties:
          client.rack: 'eu-1a'
          client.id: |
            me
        """

    /// With lines as Windows ends them.
    private static let windowsSample = yamlSample.replacing("\n", with: "\r\n")

    private static let kafkaSample = """
        addrs: ["127.0.0.1:9092"]
        group-id: my-group
        tls: { enabled: false, skip-verify: false, cert-file: c.pem, key-file: k.pem, ca-file: ca.pem }
        """

    private static let cortxSample = """
        cortx:
          external:
            kafka: { num_endpoints: 1, endpoints: ["tcp://kafka.default.svc:9092"] }
          utils: { message_bus_backend: kafka, message_server_port: 28300 }
        cluster: { id: 0007ec45 }
        """

    private static let bombSample = """
        a: &a [x, x, x, x]
        b: &b [*a, *a, *a, *a]
        c: &c [*b, *b, *b, *b]
        ? *c
        : *c
        """

    private static let jsonSample = """
        {"brokers": ["kafka-1:9092"], "group_id": "b\\u0069lling", "port": 9092, "blocking": false,
         "writer": {"linger": "5ms", "max_message_bytes": 2000000}, "reader": {"start_from": "offset:3"},
         "sasl": {"mechanism": "SCRAM-SHA-256", "username": "m\\ud83d\\ude00", "password": "hunter2hunter2"},
         "properties": {"client.rack": "eu-1a"}}
        """

    private static let messageBusSample = """
        {"message_broker": {"type": "kafka", "cluster": [{"server": "localhost", "port": "9092"}],
         "message_bus": {"receive_timeout": 2, "socket_timeout": 15000, "send_timeout": 5000, "admin_api_timeout": 60.0}}}
        """
}
