import ArgumentParser
import MsgBus

/// What `msgbus` exits with, so that scripts can tell what went wrong.
enum ExitStatus: Int32 {
    case ok = 0
    case error = 1
    case usage = 2
    case timeout = 3
    case refused = 4
    case unknownTopic = 5
    case interrupted = 130

    init(_ error: MsgBusError) {
        self =
            switch error.code {
            case .configuration: .usage
            case .timeout: .timeout
            case .authentication, .authorization, .tls: .refused
            case .unknownTopic: .unknownTopic
            default: .error
            }
    }

    /// Tells the user what a command threw.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - wasInterrupted: Whether the user ended the command: that something was cancelled is no news then.
    /// - Returns: What to exit with.
    static func report(_ error: any Error, wasInterrupted: Bool) -> Self {
        switch error {
        case is CancellationError where wasInterrupted:
            return .interrupted
        case let error as MsgBusError where wasInterrupted && error.code == .cancelled:
            return .interrupted
        case let error as MsgBusError:
            Console.tell("msgbus: \(error.forCommands)\(error.hint.map { ". " + $0 } ?? "")")
            return Self(error)
        case let failure as CommandFailure:
            Console.tell("msgbus: \(failure.message)")
            return failure.status
        case let failures as Failures:
            return failures.errors.map { report($0, wasInterrupted: wasInterrupted) }.first ?? .error
        default:
            return reportParsing(error)
        }
    }

    /// ArgumentParser throws the help that was asked for, too.
    private static func reportParsing(_ error: any Error) -> Self {
        let message = MsgBusCommand.fullMessage(for: error)
        switch MsgBusCommand.exitCode(for: error) {
        case .success:
            print(message)
            return .ok
        case .validationFailure:
            // The usage is longer than all else, and it only repeats the help to which the last line points.
            let lines = message.split(separator: "\n").filter { !$0.hasPrefix("Usage:") }
            Console.tell(lines.joined(separator: "\n").replacing("Error: ", with: "msgbus: ", maxReplacements: 1))
            return .usage
        default:
            Console.tell("msgbus: \(error)")
            return .error
        }
    }
}

extension MsgBusError {
    /// The same error, with the name that an argument of the library's has on the command line.
    var forCommands: Self {
        guard code == .state else { return self }
        var error = self
        error.message = message.replacing("allowingInternal", with: "--allow-internal")
        return error
    }

    /// What to do about it, where the message doesn't say so.
    fileprivate var hint: String? {
        switch code {
        case .transport: "Is a broker running there? `msgbus broker` starts one to try things out"
        case .timeout: "--timeout allows more time to connect"
        case .tls, .authentication:
            "Look at --tls, --ca-file, --mechanism, --username and the like; `msgbus config show` tells what is in force"
        default: nil
        }
    }
}
