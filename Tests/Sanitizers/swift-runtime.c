// Tells ThreadSanitizer about two hand-overs between threads that happen inside Swift's runtime on Linux.
//
// Why: the runtime's libraries are not instrumented. It announces most of its hand-overs itself (tasks, actors, groups,
// the last release of an object), but not these, and correct programs are reported as races:
// - the contended path of Synchronization.Mutex: the compiler inlines the uncontended lock and unlock into our code,
//   where ThreadSanitizer sees them; a thread that had to wait for the lock looks as if it had never taken it.
//   (On macOS, Mutex is an os_unfair_lock, which ThreadSanitizer knows.)
// - a continuation that is resumed before its task has come to wait for it: the task goes on at once, without seeing
//   what happened before the resume. That is mended for withUnsafeContinuation alone: withCheckedContinuation waits
//   inside the runtime's own library, out of reach from here.
//
// How: the functions below have the names of the runtime's, call those, and announce what they do. scripts/test links
// this file into the test program, which comes first in the search order. A Swift with other names for its functions
// would not call these, and the false reports would be back.

#define _GNU_SOURCE  // RTLD_NEXT

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// ThreadSanitizer's own, in the test program.
void __tsan_acquire(void *address);
void __tsan_release(void *address);

// How Swift passes the receiver of a method, and the frame of an async function.
#define METHOD __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define ASYNC __attribute__((swiftasynccall))
#define FRAME __attribute__((swift_async_context))

// Synchronization.Mutex. The receiver is the address of the lock's word.

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"   // _MutexHandle._lockSlow(_: UInt32)
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"   // _MutexHandle._tryLockSlow() -> Bool
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"       // _MutexHandle._unlockSlow()

METHOD void lock_slow(uint32_t thread, SELF void *word) __asm__(LOCK_SLOW);
METHOD bool try_lock_slow(SELF void *word) __asm__(TRY_LOCK_SLOW);
METHOD void unlock_slow(SELF void *word) __asm__(UNLOCK_SLOW);

METHOD void lock_slow(uint32_t thread, SELF void *word) {
    METHOD void (*runtime)(uint32_t, SELF void *) = dlsym(RTLD_NEXT, LOCK_SLOW);
    runtime(thread, word);
    __tsan_acquire(word);
}

METHOD bool try_lock_slow(SELF void *word) {
    METHOD bool (*runtime)(SELF void *) = dlsym(RTLD_NEXT, TRY_LOCK_SLOW);
    bool taken = runtime(word);
    if (taken) __tsan_acquire(word);
    return taken;
}

METHOD void unlock_slow(SELF void *word) {
    METHOD void (*runtime)(SELF void *) = dlsym(RTLD_NEXT, UNLOCK_SLOW);
    __tsan_release(word);
    runtime(word);
}

// Continuations. The runtime announces a resume as a release of the task. A task that finds its continuation resumed
// already goes on by calling `resume` of the frame, on this thread and at once; one that has to wait goes another way.
// So `resume` is replaced by a function that acquires the task first.

struct frame {
    struct frame *parent;
    ASYNC void (*resume)(FRAME struct frame *);
    uintptr_t flags;
};

enum { executor_switch_forced = 1 << 3 };  // `resume` would be called later, on another thread, and that is announced

METHOD void *swift_task_getCurrent(void);

static _Thread_local ASYNC void (*resume)(FRAME struct frame *);

static ASYNC void acquire_and_resume(FRAME struct frame *frame) {
    frame->resume = resume;
    __tsan_acquire(swift_task_getCurrent());
    __attribute__((musttail)) return frame->resume(frame);
}

ASYNC void swift_continuation_await(struct frame *frame) {
    ASYNC void (*runtime)(struct frame *) = dlsym(RTLD_NEXT, "swift_continuation_await");
    if (!(frame->flags & executor_switch_forced)) {
        resume = frame->resume;
        frame->resume = acquire_and_resume;
    }
    __attribute__((musttail)) return runtime(frame);
}
