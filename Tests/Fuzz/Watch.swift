import Foundation
import Synchronization

/// Says which input it was when one crashes or doesn't come to an end.
enum Watch {
    /// As much of a processor's time as any input may take.
    private static let longestWork = Duration.seconds(5)
    /// As long as any may wait: others may want the processors, too.
    private static let longest = Duration.seconds(120)

    private struct Start {
        let words: String
        let time = ContinuousClock.now
        let work = Watch.work()
    }

    private static let current = Mutex<Start?>(nil)
    // For a signal handler, which can't take a lock: only this thread writes it, and whoever crashes is this thread.
    nonisolated(unsafe) private static let line = UnsafeMutablePointer<CChar>.allocate(capacity: 512)

    static func begin(_ words: String) {
        current.withLock { $0 = Start(words: words) }
        words.withCString { _ = strncpy(line, $0, 511) }
    }

    static func end() { current.withLock { $0 = nil } }

    static func start() {
        line.initialize(repeating: 0, count: 512)
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE] {
            signal(number) { number in
                Watch.write("FAILED: a crash. Repeat it with: scripts/fuzz ")
                _ = Foundation.write(STDOUT_FILENO, Watch.line, strlen(Watch.line))
                Watch.write("\n")
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        Thread.detachNewThread {
            while true {
                sleep(1)
                let late = current.withLock { current in
                    current.flatMap { start in
                        start.time.duration(to: .now) > longest || work() - start.work > longestWork ? start.words : nil
                    }
                }
                guard let late else { continue }
                write("FAILED: it takes too long. Repeat it with: scripts/fuzz \(late)\n")
                _exit(1)
            }
        }
    }

    /// The processor time that this process has had.
    private static func work() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    private static func write(_ text: StaticString) {
        _ = Foundation.write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
