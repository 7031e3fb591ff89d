import ArgumentParser
import Foundation
import MsgBus

/// What the commands that administer share.
struct AdminOptions: ParsableArguments {
    @Flag(help: "Print one JSON value, for programs: nothing is left out, what isn't known is null.")
    var json = false

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    /// How long each call may take: as connecting, where that is said.
    var time: Duration { connection.timeout?.duration ?? .seconds(30) }

    /// Connects, and closes in the end.
    func administrate(_ body: (BusAdmin) async throws -> Void) async throws {
        // The topic doesn't matter, and yet has to be a legal one.
        let admin = try await BusAdmin.connect(to: connection.config(topic: "none", direction: .reader))
        var failures = Failures()
        do {
            try await body(admin)
        } catch let error as Failures {
            await admin.close()
            throw error
        } catch {
            await failures.gather { throw error }
        }
        await admin.close()
        try failures.check()
    }

    /// Prints JSON or lines for people; nothing of the latter but with a line feed at the end of each.
    func show(_ value: JSON, _ lines: [String]) async throws {
        let bytes = json ? try value.line() : Array(lines.map { $0 + "\n" }.joined().utf8)
        try await Blocking.run { try Console.write(bytes) }
    }

    /// Shows what is told of several items, with a line between them, and throws what went wrong with some.
    func describe<Item>(
        _ items: [Result<Item, MsgBusError>],
        _ tell: (Item) async throws -> (value: JSON, lines: [String])
    ) async throws {
        var failures = Failures()
        var values: [JSON] = []
        var lines: [String] = []
        for item in items {
            await failures.gather {
                let told = try await tell(try item.get())
                values.append(told.value)
                lines += (lines.isEmpty ? [] : [""]) + told.lines
            }
        }
        try await show(.array(values), lines)
        try failures.check()
    }

    /// Shows what became of several items, and throws what went wrong with some.
    func report(_ results: [(name: String, result: Result<Void, MsgBusError>)], _ done: String) async throws {
        var failures = Failures()
        if json {
            let items = results.map { name, result in
                var error: MsgBusError?
                if case .failure(let failure) = result { error = failure }
                return JSON.object(["name": .string(name), "error": JSON(error)])
            }
            try await show(.array(items), [])
        }
        for (name, result) in results {
            if case .success = result, !json { Console.tell("\(name): \(done)") }
            await failures.gather { try result.get() }
        }
        try failures.check()
    }
}

/// Whether to ask before something is lost.
struct Consent: ParsableArguments {
    @Flag(
        name: [.short, .long],
        help: "Don't ask whether it is meant. Without a terminal, where nobody can be asked, it has to be said."
    )
    var yes = false

    /// Asks unless that was said beforehand.
    ///
    /// - Throws: If the answer isn't yes.
    func ask(_ question: String) async throws {
        guard !yes else { return }
        guard Console.isTyped, Console.isWatched else {
            throw CommandFailure(
                message: "\(question) Nobody is here to answer: say --yes if that is meant",
                status: .usage
            )
        }
        Console.draw("\(question) [y/N] ")
        let answer = try await Blocking.run { try Console.read() }
        guard
            ["y", "yes"].contains(
                String(decoding: answer, as: UTF8.self).lowercased().trimmingCharacters(in: .whitespacesAndNewlines)
            )
        else { throw CommandFailure(message: "nothing was changed") }
    }
}
