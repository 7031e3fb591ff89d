internal import Foundation
internal import MsgBus

extension Codec<StartPosition> {
    /// Where a reader starts.
    static let start = Codec(
        type: "`latest`, `earliest`, `last:COUNT`, `offset:NUMBER` or a time such as `2026-01-31T08:00:00Z`",
        parse: { text throws(Complaint) in
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            switch (parts[0], parts.count) {
            case ("latest", 1): return .latest
            case ("earliest", 1): return .earliest
            case ("last", 2): return .last(try Codec<Int>.number.parse(parts[1]))
            case ("offset", 2): return .offset(Int64(try Codec<Int>.number.parse(parts[1])))
            default:
                guard let time = time(text) else {
                    throw Complaint(
                        "there are latest, earliest, last:COUNT, offset:NUMBER and times as 2026-01-31T08:00:00Z"
                    )
                }
                return .time(time)
            }
        },
        format: { position in
            switch position {
            case .latest: return "latest"
            case .earliest: return "earliest"
            case .last(let count): return "last:\(count)"
            case .offset(let offset): return "offset:\(offset)"
            case .time(let time):
                let date = Date(timeIntervalSince1970: Double(time.millisecondsSince1970) / 1000)
                return date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            }
        }
    )
}

private func time(_ text: String) -> MessageTimestamp? {
    // Whatever is longer is no time, and need not be looked at.
    guard text.utf8.count <= 40 else { return nil }
    for includesFractions in [false, true] {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: includesFractions)
        guard let date = try? style.parse(text) else { continue }
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        guard abs(milliseconds) < 1e15 else { return nil }
        return MessageTimestamp(millisecondsSince1970: Int64(milliseconds))
    }
    return nil
}
