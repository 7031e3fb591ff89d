import Foundation
import Synchronization

/// A stretch of time, and what it cost this process.
struct Measurement {
    private let start = ContinuousClock.now
    private let cpu = Self.cpuSeconds
    private var latencies: [Double] = []
    /// Bytes, where that is what is measured.
    var memory = 0.0

    init() { Allocations.start() }

    mutating func add(_ latency: Duration) { latencies.append(latency / .microseconds(1)) }

    mutating func reserve(_ count: Int) { latencies.reserveCapacity(count) }

    /// Ends it and prints it, as one line of JSON.
    func finish(_ messages: Int) {
        var result = [
            "messages": Double(messages),
            "seconds": start.duration(to: .now) / .seconds(1),
            "cpu": Self.cpuSeconds - cpu,
        ]
        if let allocations = Allocations.stop() {
            result["allocations"] = Double(allocations.ours)
            result["libraryAllocations"] = Double(allocations.library)
        }
        result["rss"] = Self.residentBytes
        if memory > 0 { result["memory"] = memory }
        if !latencies.isEmpty {
            let sorted = latencies.sorted()
            result["p50"] = sorted[sorted.count / 2]
            result["p99"] = sorted[sorted.count * 99 / 100]
            result["max"] = sorted.last
        }
        print("{" + result.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}")
    }

    static var cpuSeconds: Double {
        var usage = rusage()
        #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        #else
        getrusage(RUSAGE_SELF.rawValue, &usage)
        #endif
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    /// 0 where there is no `/proc`.
    static var residentBytes: Double {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (fields.flatMap { $0.count > 1 ? Double($0[1]) : nil } ?? 0) * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Returns when the process has been idle for a moment: what can be fetched has been.
    static func settle() async throws {
        var before = cpuSeconds
        var quiet = 0
        while quiet < 7 {
            try await Task.sleep(for: .milliseconds(50))
            let after = cpuSeconds
            quiet = after - before < 0.005 ? quiet + 1 : 0
            before = after
        }
    }
}

/// The counter of `CAllocations`, where the runner has preloaded it.
enum Allocations {
    static func start() {
        typealias Start = @convention(c) () -> Void
        if let symbol = dlsym(nil, "allocations_start") { unsafeBitCast(symbol, to: Start.self)() }
    }

    static func stop() -> (ours: UInt64, library: UInt64)? {
        typealias Stop = @convention(c) (UnsafeMutablePointer<UInt64>, UnsafeMutablePointer<UInt64>) -> Void
        guard let symbol = dlsym(nil, "allocations_stop") else { return nil }
        var ours: UInt64 = 0
        var library: UInt64 = 0
        unsafeBitCast(symbol, to: Stop.self)(&ours, &library)
        return (ours, library)
    }
}
