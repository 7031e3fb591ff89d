import ArgumentParser
import Foundation
import MsgBus

/// `--from` and `-o`: where `msgbus read` starts.
struct StartOption: ExpressibleByArgument, CustomStringConvertible {
    let position: StartPosition
    let description: String

    init?(argument: String) {
        description = argument
        let count = argument.hasPrefix("last:") ? Int(argument.dropFirst("last:".count)) : nil
        if argument == "latest" {
            position = .latest
        } else if argument == "earliest" {
            position = .earliest
        } else if let count, count >= 0 {
            position = .last(count)
        } else if let time = Self.milliseconds(argument) {
            position = .time(MessageTimestamp(millisecondsSince1970: time))
        } else {
            return nil
        }
    }

    /// As kcat has it: beginning, end, an offset, -N for the last N messages, s@ with a time in milliseconds since 1970.
    init?(offset argument: String) {
        description = argument
        switch argument {
        case "beginning", "earliest":
            position = .earliest
        case "end", "latest":
            position = .latest
        case let text where text.hasPrefix("s@"):
            guard let time = Int64(text.dropFirst(2)), time >= 0 else { return nil }
            position = .time(MessageTimestamp(millisecondsSince1970: time))
        case let text where text.hasPrefix("-"):
            guard let count = Int(text.dropFirst()), count >= 0 else { return nil }
            position = .last(count)
        default:
            guard let offset = Int64(argument), offset >= 0 else { return nil }
            position = .offset(offset)
        }
    }

    /// A time as RFC 3339 writes it, with or without fractions of a second, or as milliseconds since 1970.
    static func milliseconds(_ text: String) -> Int64? {
        if let number = Int64(text) { return number >= 0 ? number : nil }
        for includesFractions in [false, true] {
            let style = Date.ISO8601FormatStyle(includingFractionalSeconds: includesFractions)
            if let date = try? style.parse(text) { return Int64((date.timeIntervalSince1970 * 1000).rounded()) }
        }
        return nil
    }
}
