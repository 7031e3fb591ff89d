import ArgumentParser
import Foundation

/// `msgbus`: the message bus from the command line.
@main
struct MsgBusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "msgbus",
        abstract: "Write to, read from and administer a message bus over Kafka.",
        discussion: """
            A tour that needs no broker:
              msgbus demo

            To try things out, in three terminals:
              msgbus broker --topic orders
              MSGBUS_BROKERS=127.0.0.1:… msgbus read orders
              MSGBUS_BROKERS=127.0.0.1:… msgbus write orders "first order"

            Data goes to stdout, everything else to stderr. Exit status: 0 all went well, 1 an error, 2 a wrong command \
            line or setting, 3 out of time, 4 login or TLS refused, 5 unknown topic, 130 interrupted.
            """,
        version: "0.1.0",
        subcommands: [
            DemoCommand.self, WriteCommand.self, ReadCommand.self, TopicsCommand.self, GroupsCommand.self,
            LagCommand.self, PurgeCommand.self, BrokerCommand.self, ConfigCommand.self,
        ]
    )

    /// Parses, runs and exits by our own table: ArgumentParser's status for a wrong command line would be 64.
    static func main() async {
        // Who reads our output may leave: that is an error of a write then, not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        let work = Task {
            var command = try await asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        }
        let interruption = Interruption { work.cancel() }
        var status = ExitStatus.ok
        do {
            try await work.value
        } catch {
            status = ExitStatus.report(error, wasInterrupted: interruption.hasHappened)
        }
        Foundation.exit(interruption.hasHappened ? ExitStatus.interrupted.rawValue : status.rawValue)
    }
}
