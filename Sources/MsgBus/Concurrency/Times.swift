extension Duration {
    /// Whole milliseconds within what C takes, rounded up so that a short time never becomes none; nothing for a negative time.
    var milliseconds: Int {
        guard self > .zero else { return 0 }
        guard self < .seconds(Int32.max / 1000) else { return Int(Int32.max) }
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

extension ContinuousClock.Instant {
    /// So much later than now: a negative time is now, and an absurd one stays within what can be computed with.
    static func after(_ time: Duration) -> Self {
        .now + min(max(time, .zero), .seconds(100 * 365 * 86_400))
    }
}
