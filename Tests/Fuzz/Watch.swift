import Foundation
import Synchronization

/// Says which input it was when one crashes or doesn't come to an end.
enum Watch {
    /// As long as any input may take.
    private static let longest = Duration.seconds(10)

    private static let current = Mutex<(words: String, since: ContinuousClock.Instant)?>(nil)
    // For a signal handler, which can't take a lock: only this thread writes it, and whoever crashes is this thread.
    nonisolated(unsafe) private static let line = UnsafeMutablePointer<CChar>.allocate(capacity: 512)

    static func begin(_ words: String) {
        current.withLock { $0 = (words, .now) }
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
                    current.flatMap { $0.since.duration(to: .now) > longest ? $0.words : nil }
                }
                guard let late else { continue }
                write("FAILED: no end after \(longest). Repeat it with: scripts/fuzz \(late)\n")
                _exit(1)
            }
        }
    }

    private static func write(_ text: StaticString) {
        _ = Foundation.write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
