import ArgumentParser
import Foundation
import MsgBus

/// `--from`: where `msgbus read` starts.
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

    /// A time as RFC 3339 writes it, with or without fractions of a second, or as milliseconds since 1970.
    private static func milliseconds(_ text: String) -> Int64? {
        if let number = Int64(text) { return number >= 0 ? number : nil }
        for includesFractions in [false, true] {
            let style = Date.ISO8601FormatStyle(includingFractionalSeconds: includesFractions)
            if let date = try? style.parse(text) { return Int64((date.timeIntervalSince1970 * 1000).rounded()) }
        }
        return nil
    }
}
