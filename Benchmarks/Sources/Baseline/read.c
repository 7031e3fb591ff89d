// Ways to read a topic from its beginning.

#include <stdlib.h>

#include "cases.h"
#include "support.h"

static volatile unsigned long touched;  // so that nobody optimises the reading away

typedef struct {
    long messages;
    size_t bytes;
} tally_t;

// Whoever reads a message looks at it.
static void take(tally_t *tally, rd_kafka_message_t *message)
{
    if (!message->err) {
        tally->messages++;
        tally->bytes += message->len;
        touched += *(const unsigned char *)message->payload;
    } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        fail("can't read: %s", rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
}

static void check(const tally_t *tally)
{
    if (tally->messages != job.messages || tally->bytes != (size_t)(job.messages * job.size))
        fail("%ld messages of %zu bytes read instead of %ld of %ld", tally->messages, tally->bytes, job.messages,
             job.messages * job.size);
}

// The time counts from before the connection; where everything is prefetched, from when it is.
static rd_kafka_t *open_reader(measurement_t *measurement)
{
    *measurement = begin();
    rd_kafka_t *client = make_reader();
    if (job.prefetched) {
        settle();
        *measurement = begin();
    }
    return client;
}

void read_poll(void)
{
    measurement_t measurement;
    tally_t tally = {0};
    rd_kafka_t *client = open_reader(&measurement);
    while (tally.messages < job.messages) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 10000);
        if (!message)
            fail("%ld of %ld messages came", tally.messages, job.messages);
        take(&tally, message);
    }
    check(&tally);
    finish(&measurement, tally.messages);
}

void read_batch(void)
{
    enum { batch_size = 1000 };
    rd_kafka_message_t *batch[batch_size];
    measurement_t measurement;
    tally_t tally = {0};
    rd_kafka_t *client = open_reader(&measurement);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    while (tally.messages < job.messages) {
        long left = job.messages - tally.messages;
        // It waits until it has all that it was asked for.
        ssize_t count = rd_kafka_consume_batch_queue(queue, 10000, batch, left < batch_size ? left : batch_size);
        if (count <= 0)
            fail("%ld of %ld messages came", tally.messages, job.messages);
        for (ssize_t index = 0; index < count; index++)
            take(&tally, batch[index]);
    }
    check(&tally);
    finish(&measurement, tally.messages);
}

void read_memory(void)
{
    double before = resident_bytes();
    measurement_t measurement = begin();
    make_reader();
    sleep_for(job.seconds);
    measurement.memory = resident_bytes() - before;
    finish(&measurement, 0);
}
