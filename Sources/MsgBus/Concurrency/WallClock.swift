#if canImport(Darwin)
private import Darwin
#else
private import Glibc
#endif

/// The time of day, which Swift's own clocks don't know.
enum WallClock {
    /// Since 1970-01-01T00:00:00Z.
    static var milliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
