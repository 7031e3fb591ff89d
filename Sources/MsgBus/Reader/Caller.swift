internal import Synchronization

#if canImport(Darwin)
private import Darwin
#else
private import Glibc
#endif

/// Who reads, to know when they come back for more.
///
/// An address would not do: it is used again when its thread or task has ended, and somebody else would seem to come back.
enum Caller: Hashable, Sendable {
    /// A thread, by a number that no other thread of this process ever gets.
    case thread(UInt)
    /// A task, which is kept from being freed as long as it is named here.
    case task(TaskIdentity)
    /// Keeps its own account: the callback.
    case none

    static var currentThread: Caller {
        if let number = pthread_getspecific(threadNumberKey) { return .thread(UInt(bitPattern: number)) }
        let number = lastThreadNumber.add(1, ordering: .relaxed).newValue
        pthread_setspecific(threadNumberKey, UnsafeRawPointer(bitPattern: number))
        return .thread(number)
    }

    static var currentTask: Caller {
        withUnsafeCurrentTask { task in task.map { .task(TaskIdentity($0)) } ?? .currentThread }
    }
}

private let lastThreadNumber = Atomic<UInt>(0)

private let threadNumberKey: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
}()

/// A task's object, retained: as long as this lives no other task can have its address.
final class TaskIdentity: Hashable, Sendable {
    // Never looked into; a task is an object that any thread may retain and release.
    private nonisolated(unsafe) let task: Unmanaged<AnyObject>

    init(_ task: UnsafeCurrentTask) {
        // The structure is nothing but the reference to the task's object.
        self.task = unsafeBitCast(task, to: Unmanaged<AnyObject>.self).retain()
    }

    deinit { task.release() }

    static func == (left: TaskIdentity, right: TaskIdentity) -> Bool {
        left.task.toOpaque() == right.task.toOpaque()
    }

    func hash(into hasher: inout Hasher) { hasher.combine(task.toOpaque()) }
}
