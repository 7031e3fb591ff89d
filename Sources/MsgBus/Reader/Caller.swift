#if canImport(Darwin)
private import Darwin
#else
private import Glibc
#endif

extension ReaderState.Caller {
    /// The thread that makes this call.
    static var currentThread: Self {
        #if canImport(Darwin)
        .thread(UInt(bitPattern: pthread_self()))
        #else
        .thread(UInt(pthread_self()))
        #endif
    }

    /// The task that makes this call.
    static var currentTask: Self {
        withUnsafeCurrentTask { task in task.map { .task($0.hashValue) } ?? .currentThread }
    }
}
