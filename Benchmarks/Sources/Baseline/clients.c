// What a client costs by itself, and on the way from a write to its read.

#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "support.h"

void round_trip(void)
{
    char *payload = make_payload();
    // Both directions get all properties: one that isn't for it is a warning, and `log_level` says that nobody wants it.
    rd_kafka_t *writer = make_client(RD_KAFKA_PRODUCER), *reader = make_reader();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(writer, job.topic, NULL);
    measurement_t measurement = {0};
    for (long index = -job.warmup; index < job.messages; index++) {
        if (index == 0)
            measurement = begin();
        double start = now();
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, payload, job.size, NULL, 0, NULL) == -1)
            fail("can't produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
        for (bool is_read = false; !is_read;) {
            rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 10000);
            if (!message)
                fail("message %ld didn't come", index);
            if (!message->err && message->len != (size_t)job.size)
                fail("message %ld has %zu bytes", index, message->len);
            is_read = !message->err;
            rd_kafka_message_destroy(message);
        }
        if (index >= 0)
            add_latency(&measurement, now() - start);
        rd_kafka_poll(writer, 0);
    }
    finish(&measurement, job.messages);
}

void idle_readers(void)
{
    for (long index = 0; index < job.clients; index++)
        make_reader();
    sleep_for(2);
    measurement_t measurement = begin();
    sleep_for(job.seconds);
    finish(&measurement, 0);
}

void connect_writer(void)
{
    measurement_t measurement = begin();
    for (long index = 0; index < job.messages; index++) {
        double start = now();
        rd_kafka_t *client = make_client(RD_KAFKA_PRODUCER);
        partition_count(client, job.topic);
        add_latency(&measurement, now() - start);
        rd_kafka_destroy(client);
    }
    finish(&measurement, job.messages);
}

void connect_reader(void)
{
    measurement_t measurement = begin();
    for (long index = 0; index < job.messages; index++) {
        double start = now();
        rd_kafka_t *client = make_reader();
        add_latency(&measurement, now() - start);
        rd_kafka_consumer_close(client);
        rd_kafka_destroy(client);
    }
    finish(&measurement, job.messages);
}
