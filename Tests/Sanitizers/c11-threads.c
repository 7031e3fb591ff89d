// The C11 thread functions of glibc, as thin calls of the pthread functions.
//
// Why: on Linux, librdkafka is built on thrd_create, mtx_lock, cnd_wait and so on. The sanitizers intercept
// pthread_create, pthread_mutex_lock and so on, but not those, and glibc's own do not pass through what is intercepted.
// So the sanitizers never hear of librdkafka's threads: ThreadSanitizer crashes in the first of them, and
// AddressSanitizer takes what only such a thread's stack points to for a leak.
//
// How: scripts/test compiles this file and links it into the test program, which comes before libc in the search
// order: librdkafka finds these functions, and the pthread_ calls in here find the interceptors, which are in the
// program as well. (Loading it as a shared library by LD_PRELOAD works too.)
//
// glibc makes this easy: mtx_t, cnd_t and once_flag have the size and the initial zeros of their pthread counterparts,
// and C11's absolute TIME_UTC is the CLOCK_REALTIME that the pthread functions wait by.

#define _GNU_SOURCE  // pthread_mutex_timedlock and the mutex types, whatever the -std= of the caller

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t holds a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t holds a pthread_cond_t");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "once_flag is a pthread_once_t");
_Static_assert(sizeof(tss_t) == sizeof(pthread_key_t), "tss_t is a pthread_key_t");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "thrd_t is a pthread_t");

static int result(int error) {
    switch (error) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    default: return thrd_error;
    }
}

static pthread_mutex_t *mutex(mtx_t *m) { return (pthread_mutex_t *)m; }
static pthread_cond_t *condition(cnd_t *c) { return (pthread_cond_t *)c; }

// Threads. A C11 start routine returns an int, a pthread one a pointer: run() turns the one into the other.

struct start {
    thrd_start_t function;
    void *argument;
};

static void *run(void *context) {
    struct start start = *(struct start *)context;
    free(context);
    return (void *)(intptr_t)start.function(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
    struct start *start = malloc(sizeof *start);
    if (!start) return thrd_nomem;
    *start = (struct start){function, argument};
    int error = pthread_create((pthread_t *)thread, NULL, run, start);
    if (error) free(start);
    return error == EAGAIN ? thrd_nomem : result(error);
}

int thrd_join(thrd_t thread, int *code) {
    void *value = NULL;
    int error = pthread_join((pthread_t)thread, &value);
    if (!error && code) *code = (int)(intptr_t)value;
    return result(error);
}

int thrd_detach(thrd_t thread) { return result(pthread_detach((pthread_t)thread)); }
thrd_t thrd_current(void) { return (thrd_t)pthread_self(); }
void thrd_exit(int code) { pthread_exit((void *)(intptr_t)code); }

// Mutexes.

int mtx_init(mtx_t *m, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int error = pthread_mutex_init(mutex(m), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result(error);
}

int mtx_lock(mtx_t *m) { return result(pthread_mutex_lock(mutex(m))); }
int mtx_trylock(mtx_t *m) { return result(pthread_mutex_trylock(mutex(m))); }
int mtx_timedlock(mtx_t *m, const struct timespec *until) { return result(pthread_mutex_timedlock(mutex(m), until)); }
int mtx_unlock(mtx_t *m) { return result(pthread_mutex_unlock(mutex(m))); }
void mtx_destroy(mtx_t *m) { pthread_mutex_destroy(mutex(m)); }

// Condition variables.

int cnd_init(cnd_t *c) { return result(pthread_cond_init(condition(c), NULL)); }
int cnd_signal(cnd_t *c) { return result(pthread_cond_signal(condition(c))); }
int cnd_broadcast(cnd_t *c) { return result(pthread_cond_broadcast(condition(c))); }
int cnd_wait(cnd_t *c, mtx_t *m) { return result(pthread_cond_wait(condition(c), mutex(m))); }
int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until) {
    return result(pthread_cond_timedwait(condition(c), mutex(m), until));
}
void cnd_destroy(cnd_t *c) { pthread_cond_destroy(condition(c)); }

// Once, and thread-specific storage.

void call_once(once_flag *flag, void (*function)(void)) { pthread_once((pthread_once_t *)flag, function); }

int tss_create(tss_t *key, tss_dtor_t free) { return result(pthread_key_create((pthread_key_t *)key, free)); }
void *tss_get(tss_t key) { return pthread_getspecific((pthread_key_t)key); }
int tss_set(tss_t key, void *value) { return result(pthread_setspecific((pthread_key_t)key, value)); }
void tss_delete(tss_t key) { pthread_key_delete((pthread_key_t)key); }
