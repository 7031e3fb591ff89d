import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM: the first asks the command to end in good order, the second doesn't ask.
final class Interruption: Sendable {
    private let count = Atomic(0)

    var hasHappened: Bool { count.load(ordering: .relaxed) > 0 }

    /// Begins to listen, until the process ends.
    ///
    /// - Parameter handler: Is called once, on a queue.
    init(_ handler: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "msgbus.signals")
        for number in [SIGINT, SIGTERM] {
            #if canImport(Darwin)
            // Dispatch only watches there, and the default would end us first. On Linux it takes the signal over.
            signal(number, SIG_IGN)
            #endif
            // Dispatch's sources are thread-safe, and only not marked so.
            nonisolated(unsafe) let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            // The handler keeps its source: nothing else does.
            source.setEventHandler { @Sendable in
                let new = Int(source.data)
                let before = self.count.add(new, ordering: .relaxed).oldValue
                if before + new > 1 { _exit(ExitStatus.interrupted.rawValue) }
                handler()
            }
            source.activate()
        }
    }
}
