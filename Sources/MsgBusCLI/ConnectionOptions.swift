import ArgumentParser
import Foundation
import Logging
import MsgBus
import MsgBusConfiguration

/// How to reach the brokers: the options that all commands with a broker share.
///
/// Each is a setting like those of a file and of the environment, and counts more than these.
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

    @Option(
        help: ArgumentHelp(
            "A file with settings; so are $MSGBUS_… variables: see msgbus config. (default: $MSGBUS_CONFIG)",
            valueName: "file"
        )
    )
    var config: String?

    @Flag(help: "Encrypt, and verify the broker's certificate.")
    var tls = false

    @Option(help: ArgumentHelp("Whose certificates are trusted with TLS. (default: the system's)", valueName: "file"))
    var caFile: String?

    @Option(help: ArgumentHelp("How to log in: plain, scram_sha_256, scram_sha_512 or gssapi.", valueName: "name"))
    var mechanism: String?

    @Option(
        help: ArgumentHelp(
            "Who logs in; the password is in --password-file or $MSGBUS_SASL_PASSWORD.",
            valueName: "name"
        )
    )
    var username: String?

    @Option(help: ArgumentHelp("A file with the password.", valueName: "file"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("How long connecting may take. (default: 10)", valueName: "seconds"))
    var timeout: Seconds?

    @Flag(name: [.short, .long], help: "Tell on stderr what happens inside; more with -X debug=all.")
    var verbose = false

    func validate() throws {
        for property in property where property.value == nil {
            throw ValidationError("The property '\(property.name)' has no value: write \(property.name)=VALUE")
        }
    }

    /// A configuration of these options, the environment and the file; sets the library's logger, too.
    ///
    /// - Throws: What is wrong with a setting, wherever it stands.
    func config(topic: String, direction: BusDirection) throws(MsgBusError) -> MsgBusConfig {
        setLogger(logger)
        return try MsgBusConfig(topic: topic, direction: direction, from: sources(file: config))
    }

    /// Where the settings come from, what counts most first.
    func sources(file: String?) -> [ConfigurationSource] {
        var sources: [ConfigurationSource] = []
        func add(_ key: String, _ value: String?, _ option: String) {
            if let value { sources.append(.setting(key, value, from: option)) }
        }
        add("brokers", broker.isEmpty ? nil : broker.joined(separator: ","), "--broker")
        // As everywhere on a command line, the last one counts.
        for property in property.reversed() { add("properties.\(property.name)", property.value, "--property") }
        add("tls.enabled", tls ? "true" : nil, "--tls")
        add("tls.ca_file", caFile, "--ca-file")
        add("sasl.mechanism", mechanism, "--mechanism")
        add("sasl.username", username, "--username")
        add("sasl.password_file", passwordFile, "--password-file")
        add("connect_timeout", timeout.map { "\($0)s" }, "--timeout")
        sources.append(.environment(readsFile: file == nil))
        if let file { sources.append(.file(file)) }
        return sources
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
