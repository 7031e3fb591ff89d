internal import Dispatch

/// A point in time, which stands still while the machine sleeps, as Dispatch's timers do.
///
/// Not `ContinuousClock.Instant`, whose size only its own library knows: a structure with one inside is read by way of its metadata,
/// which costs more than the rest of a write's bookkeeping.
struct Moment: Comparable, Hashable, Sendable {
    private let nanoseconds: Int64

    static var now: Moment { Moment(nanoseconds: Int64(DispatchTime.now().uptimeNanoseconds)) }

    /// So much later than now: a negative time is now, and an absurd one stays within what can be computed with.
    static func after(_ time: Duration) -> Moment { .now + max(time, .zero) }

    static func < (one: Moment, other: Moment) -> Bool { one.nanoseconds < other.nanoseconds }

    static func + (moment: Moment, time: Duration) -> Moment {
        Moment(nanoseconds: moment.nanoseconds + time.nanoseconds)
    }

    static func - (moment: Moment, time: Duration) -> Moment {
        Moment(nanoseconds: moment.nanoseconds - time.nanoseconds)
    }

    func duration(to later: Moment) -> Duration { .nanoseconds(later.nanoseconds - nanoseconds) }
}

extension Duration {
    /// Whole nanoseconds, within a hundred years.
    fileprivate var nanoseconds: Int64 {
        let limit = Duration.seconds(100 * 365 * 86_400)
        let (seconds, attoseconds) = min(max(self, .zero - limit), limit).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
