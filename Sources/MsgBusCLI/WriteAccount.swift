import MsgBus
import Synchronization

/// What becomes of the messages of one `msgbus write`.
final class WriteAccount: Sendable {
    private let topic: String
    private let handedOver = Atomic(0)
    private let firstError = Mutex<MsgBusError?>(nil)

    init(topic: String) { self.topic = topic }

    func countMessage() { handedOver.add(1, ordering: .relaxed) }

    func note(_ error: MsgBusError) {
        firstError.withLock { $0 = $0 ?? error }
    }

    /// Shows how far it is, from the first second on, until the task is cancelled.
    func showProgress() async {
        let clock = ContinuousClock()
        let start = clock.now
        var pause = Duration.seconds(1)
        while (try? await clock.sleep(for: pause)) != nil {
            let count = handedOver.load(ordering: .relaxed)
            let rate = Double(count) / (start.duration(to: clock.now) / .seconds(1))
            Console.draw("\r\(Self.messages(count)), \(Int(rate))/s ")
            pause = .milliseconds(200)
        }
        let clearLine = "\r\u{1B}[K"
        if pause < .seconds(1) { Console.draw(clearLine) }
    }

    /// For the user, in the end.
    func summary(_ report: CloseReport) -> String { "\(Self.messages(report.delivered)) delivered to \(topic)" }

    /// Throws unless all were delivered.
    func check(_ report: CloseReport) throws(CommandFailure) {
        let all = handedOver.load(ordering: .relaxed)
        guard report.delivered < all else { return }
        let count = "\(all - report.delivered) of \(Self.messages(all)) not delivered to \(topic)"
        guard let error = firstError.withLock({ $0 }) else { throw CommandFailure(message: count) }
        throw CommandFailure(message: "\(count); the first error: \(error)", status: ExitStatus(error))
    }

    private static func messages(_ count: Int) -> String { count == 1 ? "1 message" : "\(count) messages" }
}
