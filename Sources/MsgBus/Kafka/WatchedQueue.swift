internal import CRdKafka

/// One of librdkafka's queues, and the callback that it makes when it stops being empty.
final class WatchedQueue: Sendable {
    let handle: CHandle
    private let target: Target

    private final class Target: Sendable {
        let source: WakeUp
        let signals: PollLoop.Signals
        init(source: WakeUp, signals: PollLoop.Signals) {
            self.source = source
            self.signals = signals
        }
    }

    /// Takes over `handle`, which ``destroy()`` gives back.
    init(_ handle: CHandle, signals: PollLoop.Signals, on loop: PollLoop) {
        self.handle = handle
        target = Target(source: loop.wakeUp, signals: signals)
        watch()
        // What came before the callback was enabled never signals.
        loop.signal(signals)
    }

    /// Has the callback made again after ``unwatch()``. What has come meanwhile doesn't signal: the caller takes it.
    func watch() {
        rd_kafka_queue_cb_event_enable(
            handle.pointer,
            { _, context in
                let target = Unmanaged<Target>.fromOpaque(context!).takeUnretainedValue()
                target.source.or(target.signals.rawValue)
            },
            Unmanaged.passUnretained(target).toOpaque()
        )
    }

    /// No callback runs after this: librdkafka makes it with the queue's lock held, which this takes.
    func unwatch() { rd_kafka_queue_cb_event_enable(handle.pointer, nil, nil) }

    func destroy() {
        unwatch()
        rd_kafka_queue_destroy(handle.pointer)
    }
}
