// What all baselines share: their arguments, a client, and the measurement that they print.

#ifndef SUPPORT_H
#define SUPPORT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the runner asks for: `baseline CASE name=value... -- property=value...`.
typedef struct {
    const char *brokers, *topic;
    long messages, size, clients, warmup;
    double seconds;
    bool prefetched;
    char **properties;
    int property_count;
} job_t;

extern job_t job;

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The same bytes for every message, of the job's size.
char *make_payload(void);

// A client with the job's properties. A producer's reports are counted in `delivered`.
rd_kafka_t *make_client(rd_kafka_type_t type);

extern long delivered;

// How many partitions the topic has, as a broker says: so it is also the proof that we are connected.
int partition_count(rd_kafka_t *client, const char *topic);

// A consumer that reads the whole topic from its beginning.
rd_kafka_t *make_reader(void);

double now(void);                // seconds
double cpu_time(void);           // seconds of this process, all threads
double resident_bytes(void);
void sleep_for(double seconds);

// Returns when the process has been idle for a moment: what can be fetched has been.
void settle(void);

typedef struct {
    double start, cpu;
    double *latencies;           // in microseconds, where there are any
    long latency_count;
    double memory;               // in bytes, where that is what is measured
} measurement_t;

measurement_t begin(void);
void add_latency(measurement_t *measurement, double seconds);

// Prints the result, one line of JSON.
void finish(measurement_t *measurement, long messages);

#endif
