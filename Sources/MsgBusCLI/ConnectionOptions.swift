import ArgumentParser
import Foundation
import Logging
import MsgBus

/// How to reach the brokers: the options that writing and reading share.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A broker, or several with commas between; may be repeated. (default: $MSGBUS_BROKERS, else localhost:9092)",
            valueName: "host:port"
        )
    )
    var broker: [String] = []

    @Option(
        name: [.customShort("X"), .long],
        help: ArgumentHelp(
            "Any property of librdkafka, for example security.protocol=ssl; may be repeated.",
            valueName: "name=value"
        )
    )
    var property: [NameAndValue] = []

    @Option(help: ArgumentHelp("How long connecting may take.", valueName: "seconds"))
    var timeout = Seconds(10)

    @Flag(name: [.short, .long], help: "Tell on stderr what happens inside; more with -X debug=all.")
    var verbose = false

    func validate() throws {
        for property in property where property.value == nil {
            throw ValidationError("The property '\(property.name)' has no value: write \(property.name)=VALUE")
        }
        guard !brokers.isEmpty else { throw ValidationError("No broker is named: write --broker HOST:PORT") }
    }

    private var brokers: [String] {
        let environment = ProcessInfo.processInfo.environment["MSGBUS_BROKERS"].flatMap { $0.isEmpty ? nil : [$0] }
        let lists = broker.isEmpty ? environment ?? ["localhost:9092"] : broker
        return lists.flatMap { $0.split { $0 == "," || $0.isWhitespace } }.map(String.init)
    }

    /// A configuration of these options; sets the library's logger, too.
    func config(topic: String, direction: BusDirection) -> MsgBusConfig {
        setLogger(logger)
        var config = MsgBusConfig(topic: topic, direction: direction)
        config.brokers = brokers
        config.connectTimeout = timeout.duration
        // As everywhere on a command line, the last one counts.
        for property in property { config.properties[property.name] = property.value }
        return config
    }

    /// What concerns the user is thrown, and told once: the log is for those who look for its cause.
    private var logger: Logger {
        guard verbose else { return Logger(label: "msgbus") { _ in SwiftLogNoOpLogHandler() } }
        var logger = Logger(label: "msgbus") { StreamLogHandler.standardError(label: $0) }
        // What -X debug=… asks of librdkafka comes at this level.
        logger.logLevel = .trace
        return logger
    }
}

/// `name=value`, or a name alone.
struct NameAndValue: ExpressibleByArgument {
    let name: String
    let value: String?

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty else { return nil }
        name = String(parts[0])
        value = parts.count == 2 ? String(parts[1]) : nil
    }
}

/// A time on the command line: more than none, and at the most a million seconds, some eleven days.
struct Seconds: ExpressibleByArgument, CustomStringConvertible {
    private let number: Double

    init(_ number: Int) { self.number = Double(number) }

    init?(argument: String) {
        guard let number = Double(argument), number > 0, number <= 1_000_000 else { return nil }
        self.number = number
    }

    var duration: Duration { .seconds(number) }

    var description: String { number.rounded() == number ? String(Int(number)) : String(number) }
}
