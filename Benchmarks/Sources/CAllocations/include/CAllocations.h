// Counts allocations of the whole process, by who asked for them. Preloaded (LD_PRELOAD); Linux only.

#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdint.h>

// From now on allocations count. Called once librdkafka is loaded.
void allocations_start(void);

// Stops counting. `library` gets what librdkafka's code asked for, `ours` all the rest.
void allocations_stop(uint64_t *ours, uint64_t *library);

#endif
