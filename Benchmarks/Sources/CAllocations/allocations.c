#include "CAllocations.h"

#ifdef __linux__

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

// glibc's own, under names that nobody interposes.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_bool counting;
static _Atomic uint64_t our_count, library_count;
// librdkafka's code in memory.
static uintptr_t library_start, library_end;

static inline void count(void *caller)
{
    if (!atomic_load_explicit(&counting, memory_order_relaxed))
        return;
    uintptr_t address = (uintptr_t)caller;
    if (address >= library_start && address < library_end)
        atomic_fetch_add_explicit(&library_count, 1, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&our_count, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    void *block = __libc_memalign(alignment, size);
    if (!block)
        return ENOMEM;
    *result = block;
    return 0;
}

static int find_library(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size, (void)unused;
    if (!strstr(object->dlpi_name, "librdkafka"))
        return 0;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X)) {
            library_start = object->dlpi_addr + segment->p_vaddr;
            library_end = library_start + segment->p_memsz;
            return 1;
        }
    }
    return 0;
}

void allocations_start(void)
{
    dl_iterate_phdr(find_library, NULL);
    atomic_store(&our_count, 0);
    atomic_store(&library_count, 0);
    atomic_store(&counting, 1);
}

void allocations_stop(uint64_t *ours, uint64_t *library)
{
    atomic_store(&counting, 0);
    *ours = atomic_load(&our_count);
    *library = atomic_load(&library_count);
}

#endif
