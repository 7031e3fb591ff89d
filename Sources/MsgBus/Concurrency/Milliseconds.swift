extension Duration {
    /// Whole milliseconds within what C takes, rounded up so that a short time never becomes none; nothing for a negative time.
    var milliseconds: Int {
        guard self > .zero else { return 0 }
        guard self < .seconds(Int32.max / 1000) else { return Int(Int32.max) }
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
