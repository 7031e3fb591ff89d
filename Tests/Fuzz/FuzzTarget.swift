import MsgBus
import TestSupport

/// Something that reads input from outside. A new one is added to ``all``.
struct FuzzTarget: Sendable {
    /// What came of an input.
    enum Outcome {
        case accepted
        /// By an error that says something.
        case refused
        /// What was promised isn't kept.
        case failed(String)
    }

    let name: String
    /// Makes an input out of the random numbers alone, shows it, and gives it to what is tested.
    let run: @Sendable (inout SeededGenerator, (String) -> Void) async -> Outcome

    static let all: [FuzzTarget] = [.yaml, .json, .structure, .environment, .configReader, .brokers, .headers]

    /// What is in no error.
    static let secret = "hunter2hunter2"

    /// Runs something that may throw an error of ours, and nothing else.
    static func outcome(mayShowSecret: Bool = false, mostBytes: Int = 5000, _ body: () throws -> String) -> Outcome {
        do {
            let shown = try body()
            guard !shown.contains(secret) else { return .failed("it shows a secret: \(shown)") }
            return .accepted
        } catch let error as MsgBusError {
            guard error.code == .configuration || error.code == .unsupported else {
                return .failed("another code: \(error)")
            }
            guard !error.message.isEmpty, error.message.contains(where: \.isLetter) else {
                return .failed("an error that says nothing")
            }
            guard error.message.utf8.count <= mostBytes else {
                return .failed("an error of \(error.message.utf8.count) bytes")
            }
            guard mayShowSecret || !"\(error)".contains(secret) else { return .failed("it shows a secret: \(error)") }
            return .refused
        } catch {
            return .failed("another error: \(error)")
        }
    }
}
