import MsgBus

/// What the runner asks for: `CASE name=value... -- property=value...`.
struct Job: Sendable {
    let name: String
    var brokers = ""
    var topic = ""
    var messages = 0
    var size = 0
    var clients = 1
    var warmup = 0
    var seconds = 0.0
    var isPrefetched = false
    var properties: [String: String] = [:]

    init(_ arguments: [String]) throws {
        guard let name = arguments.first else { throw Failure("which case?") }
        self.name = name
        let rest = arguments.dropFirst()
        for argument in rest.prefix(while: { $0 != "--" }) {
            let (name, value) = try Self.pair(argument)
            switch name {
            case "brokers": brokers = value
            case "topic": topic = value
            case "messages": messages = Int(value) ?? 0
            case "size": size = Int(value) ?? 0
            case "clients": clients = Int(value) ?? 1
            case "warmup": warmup = Int(value) ?? 0
            case "seconds": seconds = Double(value) ?? 0
            case "prefetched": isPrefetched = value == "true"
            default: throw Failure("there is no \(name)")
            }
        }
        for argument in rest.drop(while: { $0 != "--" }).dropFirst() {
            let (name, value) = try Self.pair(argument)
            properties[name] = value
        }
    }

    private static func pair(_ argument: String) throws -> (name: String, value: String) {
        let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw Failure("\(argument) is no name=value") }
        return (parts[0], parts[1])
    }

    /// A writer that never has to wait for room: that, and nothing else, is what the baselines don't do either.
    func writer(topic: String? = nil) -> MsgBusConfig {
        var config = MsgBusConfig(topic: topic ?? self.topic, direction: .writer)
        config.brokers = brokers.split(separator: ",").map(String.init)
        config.writer.bufferMessages = max(messages + 1000, 100_000)
        config.writer.bufferBytes = 1 << 40
        config.properties = properties
        return config
    }

    /// A private reader of the whole topic.
    func reader() -> MsgBusConfig {
        var config = MsgBusConfig(topic: topic, direction: .reader)
        config.brokers = brokers.split(separator: ",").map(String.init)
        config.reader.startFrom = .earliest
        config.properties = properties
        return config
    }

    /// The same bytes for every message.
    var payload: [UInt8] { (0..<size).map { UInt8(ascii: "a") + UInt8($0 % 26) } }
}

/// Why a case isn't worth anything.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
