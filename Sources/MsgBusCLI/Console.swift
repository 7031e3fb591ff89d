import Foundation

/// The process's three standard streams, without buffers of their own.
///
/// What can't be read or written is thrown as `POSIXError`; `.EPIPE` says that whoever read our output is gone.
enum Console {
    /// Whether somebody sees what is told.
    static var isWatched: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether somebody sees what is written, as it is written.
    static var isShown: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether somebody types what is read.
    static var isTyped: Bool { isatty(STDIN_FILENO) == 1 }

    /// Tells the user something: a line on stderr, for stdout carries data only.
    static func tell(_ line: String) { draw(line + "\n") }

    /// Writes to stderr as it is; where that fails there is nobody to tell.
    static func draw(_ text: String) { try? write(Array(text.utf8), to: STDERR_FILENO) }

    /// Writes all of it to stdout; blocks until it is written.
    static func write(_ bytes: [UInt8]) throws { try write(bytes, to: STDOUT_FILENO) }

    /// Reads what there is on stdin, nothing at the end; blocks until there is something.
    static func read() throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: 256 * 1024) { buffer, count in
            count = try retrying(STDIN_FILENO, POLLIN) {
                Foundation.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            }
        }
    }

    /// Blocks until nobody can read our stdout any more, if it is a pipe; else for ever.
    static func waitForClosedOutput() {
        // Without events to wait for, poll still says when the other end is gone.
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        while poll(&output, 1, -1) < 1 {}
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = try retrying(descriptor, POLLOUT) {
                    let bytes = UnsafeRawBufferPointer(rebasing: rest)
                    return Foundation.write(descriptor, bytes.baseAddress, bytes.count)
                }
                rest = rest.dropFirst(written)
            }
        }
    }

    /// Makes a system call until it does something: it may be disturbed by a signal, and whoever started us may have left a
    /// stream non-blocking.
    private static func retrying(_ descriptor: Int32, _ event: some BinaryInteger, _ call: () -> Int) throws -> Int {
        while true {
            let count = call()
            if count >= 0 { return count }
            switch errno {
            case EINTR:
                continue
            case EAGAIN:
                var stream = pollfd(fd: descriptor, events: Int16(event), revents: 0)
                poll(&stream, 1, -1)
            case let number:
                throw POSIXError(POSIXErrorCode(rawValue: number) ?? .EIO)
            }
        }
    }
}
