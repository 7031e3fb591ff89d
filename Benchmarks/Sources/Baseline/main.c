// The baselines: what a plain C program does with librdkafka, case by case.
//
//   baseline CASE brokers=HOST:PORT topic=NAME messages=N size=BYTES ... -- PROPERTY=VALUE...
//
// Prints one line of JSON. Any failure, and any miscount, ends it with an exit status.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "support.h"

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"write", write_each},             // rd_kafka_produce, one by one
    {"write-batch", write_batch},      // rd_kafka_produce_batch
    {"write-headers", write_headers},  // rd_kafka_producev, with a key and headers
    {"write-acked", write_acked},      // each polled for before the next
    {"write-window", write_window},    // so many on their way at once
    {"write-clients", write_clients},  // so many producers in turn, each with a topic
    {"write-topics", write_topics},    // one producer, so many topics in turn
    {"read-poll", read_poll},          // rd_kafka_consumer_poll
    {"read-batch", read_batch},        // rd_kafka_consume_batch_queue
    {"read-memory", read_memory},      // what a reader fetches when nobody reads
    {"round-trip", round_trip},        // from a write to its read
    {"idle", idle_readers},            // so many readers, and nothing to read
    {"connect-writer", connect_writer},
    {"connect-reader", connect_reader},
    {"fill", fill},                    // not measured: fills a topic, partition by partition
    {"stored", stored},                // not measured: how many messages a topic has got
};

static void parse(const char *argument)
{
    const char *value = strchr(argument, '=');
    if (!value)
        fail("%s is no name=value", argument);
    size_t length = (size_t)(value++ - argument);
    if (length == 7 && !strncmp(argument, "brokers", length))
        job.brokers = value;
    else if (length == 5 && !strncmp(argument, "topic", length))
        job.topic = value;
    else if (length == 8 && !strncmp(argument, "messages", length))
        job.messages = atol(value);
    else if (length == 4 && !strncmp(argument, "size", length))
        job.size = atol(value);
    else if (length == 7 && !strncmp(argument, "clients", length))
        job.clients = atol(value);
    else if (length == 6 && !strncmp(argument, "warmup", length))
        job.warmup = atol(value);
    else if (length == 7 && !strncmp(argument, "seconds", length))
        job.seconds = atof(value);
    else if (length == 10 && !strncmp(argument, "prefetched", length))
        job.prefetched = !strcmp(value, "true");
    else
        fail("there is no %s", argument);
}

int main(int count, char **arguments)
{
    alarm(300);  // nothing here takes so long
    if (count < 2)
        fail("which case?");
    int index = 2;
    for (; index < count && strcmp(arguments[index], "--"); index++)
        parse(arguments[index]);
    if (index < count) {
        job.properties = arguments + index + 1;
        job.property_count = count - index - 1;
    }
    for (size_t number = 0; number < sizeof cases / sizeof *cases; number++) {
        if (strcmp(cases[number].name, arguments[1]))
            continue;
        cases[number].run();
        // Not exit: nobody wants to know how long it takes to free what was measured.
        _exit(0);
    }
    fail("there is no case %s", arguments[1]);
}
