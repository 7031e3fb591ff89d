package import Foundation
import MsgBus
import Synchronization

/// A program in a process of its own.
///
/// Not Foundation's `Process`: on Linux its `run` lists the descriptors that are open, and crashes when other threads, of which
/// tests have many, open some meanwhile (Swift 6.3.1).
package final class ChildProcess: Sendable {
    package let input: FileHandle
    package let output: FileHandle
    package let errors: FileHandle
    private let id: pid_t
    private let isReaped = Mutex(false)

    /// The built command-line tool: it stands beside the tests, wherever SwiftPM built them.
    package static let msgbus: URL = {
        let tests = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
        let folder = tests?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
        return folder.appendingPathComponent("msgbus")
    }()

    /// Starts it; what it says on stderr is thrown away unless somebody reads it.
    package convenience init(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) throws {
        Self.spawning.lock()
        defer { Self.spawning.unlock() }
        try self.init(spawning: executable, arguments, environment)
    }

    private init(spawning executable: String, _ arguments: [String], _ environment: [String: String]) throws {
        let (inputEnd, input) = try Self.pipe()
        let (output, outputEnd) = try Self.pipe()
        let (errors, errorEnd) = try Self.pipe()
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, end) in [inputEnd, outputEnd, errorEnd].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, end, Int32(descriptor))
        }
        // Nothing else of ours: a connection of the embedded broker, for example, would stay open for as long as the child has it.
        #if !canImport(Darwin)
        // glibc 2.34 has it, and its header shows it only to those who ask for extensions.
        typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
        if let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") {
            _ = unsafeBitCast(symbol, to: CloseFrom.self)(&actions, 3)
        }
        #endif
        // It shall meet signals as if a user had started it: threads of Dispatch block them, and tests ignore some.
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        #if canImport(Darwin)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_CLOEXEC_DEFAULT
        #else
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        #endif
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = all.map { strdup("\($0)=\($1)") } + [nil]
        defer { for string in argv + envp { free(string) } }
        var id: pid_t = 0
        let result = EmbeddedBroker.starting.withLock { _ in
            posix_spawn(&id, executable, &actions, &attributes, &argv, &envp)
        }
        for end in [inputEnd, outputEnd, errorEnd] { close(end) }
        self.id = id
        self.input = FileHandle(fileDescriptor: input, closeOnDealloc: true)
        self.output = FileHandle(fileDescriptor: output, closeOnDealloc: true)
        self.errors = FileHandle(fileDescriptor: errors, closeOnDealloc: true)
        guard result == 0 else {
            isReaped.withLock { $0 = true }
            throw POSIXError(POSIXErrorCode(rawValue: result) ?? .ENOENT)
        }
    }

    /// Sends a signal, if the process still runs.
    package func send(_ signal: Int32) {
        isReaped.withLock { isReaped in
            if !isReaped { _ = kill(id, signal) }
        }
    }

    /// Stops it, until it gets `SIGCONT`; blocks until it stands still, for its threads go on for a moment.
    package func suspend() {
        send(SIGSTOP)
        var info = siginfo_t()
        while waitid(P_PID, id_t(id), &info, WSTOPPED | WEXITED | WNOWAIT) == -1, errno == EINTR {}
    }

    /// Blocks until it has ended, once: the exit status, negative for the signal that ended it.
    package func wait() -> Int32 {
        // Only looks, so that the number stays this process's until nobody sends it signals any more.
        var info = siginfo_t()
        while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        return isReaped.withLock { isReaped in
            var status: Int32 = 0
            while waitpid(id, &status, 0) == -1, errno == EINTR {}
            isReaped = true
            return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
        }
    }

    /// Held from the making of pipes until the child has them, so that no other child inherits them.
    private static let spawning = NSLock()

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard Foundation.pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}
