/// What happens to a message whose handler failed: a callback that threw, or a message that was rejected.
///
/// ```swift
/// config.reader.failurePolicy = .retry(3, then: .deadLetter(topic: "orders-failed"))
/// ```
///
/// **Retry.** The same message is tried again in place, after a pause that doubles each time. After a callback its partition waits
/// meanwhile, so that order stays; other partitions go on. A rejected message (``KafkaReader/reject(_:because:)``) comes again by
/// itself, later than those that have been read meanwhile.
///
/// **Then** one of ``Outcome``. Every failure is also told to ``KafkaReader/events`` and logged.
public struct FailurePolicy: Sendable, Hashable {
    /// What to do when trying again hasn't helped.
    public enum Outcome: Sendable, Hashable {
        /// The reader fails for good: its status is ``BusStatus/failed(_:)``, reads throw. In a group the message comes again to
        /// whoever reads next.
        case stop
        /// The message is written to that topic, and counts as done once that is acknowledged. Until then its partition waits, if a
        /// callback had it.
        ///
        /// Key, value and headers are the original's. Further headers say where it comes from and why: `msgbus.topic`,
        /// `msgbus.partition`, `msgbus.offset`, `msgbus.timestamp` (milliseconds since 1970), `msgbus.group`, `msgbus.attempts`
        /// and `msgbus.error`.
        case deadLetter(topic: String)
        /// The message counts as done.
        case skip
    }

    /// How often a message is tried again.
    public var retries: Int
    /// The pause before the first retry.
    public var backoff: Duration
    /// The longest pause.
    public var maxBackoff: Duration
    /// What comes then.
    public var outcome: Outcome

    /// Tries again, and then does something else.
    ///
    /// - Parameters:
    ///   - retries: How often, 0 or more.
    ///   - backoff: The pause before the first retry, which doubles each time. Default: 100 milliseconds.
    ///   - maxBackoff: The longest pause. Default: 10 seconds.
    ///   - outcome: What to do when that hasn't helped.
    public static func retry(
        _ retries: Int,
        backoff: Duration = .milliseconds(100),
        maxBackoff: Duration = .seconds(10),
        then outcome: Outcome
    ) -> FailurePolicy {
        FailurePolicy(retries: retries, backoff: backoff, maxBackoff: maxBackoff, outcome: outcome)
    }

    /// Fails at the first failure.
    public static let stop = retry(0, then: .stop)

    /// Sets failed messages aside, without trying again.
    public static func deadLetter(topic: String) -> FailurePolicy { retry(0, then: .deadLetter(topic: topic)) }

    /// The pause after so many failures.
    func pause(after failures: Int) -> Duration {
        var pause = backoff
        for _ in 1..<max(2, min(failures, 64)) where pause < maxBackoff && failures > 1 { pause *= 2 }
        return min(pause, maxBackoff)
    }

    func validate() throws(MsgBusError) {
        guard retries >= 0, backoff >= .zero, maxBackoff >= .zero else {
            throw MsgBusError(
                .configuration,
                "reader.failurePolicy has \(retries) retries, backoff \(backoff) and maxBackoff \(maxBackoff): none can be negative"
            )
        }
        if case .deadLetter(let topic) = outcome { try MsgBusConfig.validate(topic: topic) }
    }
}
