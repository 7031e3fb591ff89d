// Ways to write.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "support.h"

static void check(int result)
{
    if (result == -1)
        fail("can't produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
}

static void await_all(rd_kafka_t *client, long count)
{
    rd_kafka_resp_err_t code = rd_kafka_flush(client, 120000);
    if (code || delivered != count)
        fail("%ld of %ld messages delivered: %s", delivered, count, rd_kafka_err2str(code));
}

// The connection stands and the producer has its id before anything is measured.
static void warm_up(rd_kafka_t *client, rd_kafka_topic_t *topic, const char *payload)
{
    delivered = 0;
    for (long index = 0; index < job.warmup; index++) {
        check(rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)payload, job.size, NULL, 0, NULL));
        await_all(client, index + 1);
    }
    delivered = 0;
}

typedef struct {
    char *payload;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    measurement_t measurement;
} writer_t;

// A writer that is warm, and the measurement begins.
static writer_t open_writer(void)
{
    writer_t writer = {.payload = make_payload(), .client = make_client(RD_KAFKA_PRODUCER)};
    writer.topic = rd_kafka_topic_new(writer.client, job.topic, NULL);
    warm_up(writer.client, writer.topic, writer.payload);
    writer.measurement = begin();
    return writer;
}

static void produce(writer_t *writer)
{
    check(rd_kafka_produce(
        writer->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, writer->payload, job.size, NULL, 0, NULL));
}

static void finish_writer(writer_t *writer)
{
    await_all(writer->client, job.messages);
    finish(&writer->measurement, job.messages);
}

void write_each(void)
{
    writer_t writer = open_writer();
    for (long index = 0; index < job.messages; index++) {
        produce(&writer);
        if (index % 1000 == 999)
            rd_kafka_poll(writer.client, 0);
    }
    finish_writer(&writer);
}

void write_batch(void)
{
    enum { batch_size = 1000 };
    rd_kafka_message_t *batch = calloc(batch_size, sizeof *batch);
    writer_t writer = open_writer();
    for (long done = 0; done < job.messages;) {
        int count = (int)(job.messages - done < batch_size ? job.messages - done : batch_size);
        for (int index = 0; index < count; index++)
            batch[index] = (rd_kafka_message_t){.payload = writer.payload, .len = job.size};
        if (rd_kafka_produce_batch(writer.topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, batch, count) != count)
            fail("can't produce: %s", rd_kafka_err2str(batch[0].err));
        done += count;
        rd_kafka_poll(writer.client, 0);
    }
    finish_writer(&writer);
}

void write_headers(void)
{
    writer_t writer = open_writer();
    for (long index = 0; index < job.messages; index++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
        rd_kafka_header_add(headers, "trace", -1, "4bf92f3577b34da6a3ce929d0e0e4736", -1);
        rd_kafka_header_add(headers, "kind", -1, "order", -1);
        rd_kafka_header_add(headers, "source", -1, "benchmark", -1);
        rd_kafka_resp_err_t code = rd_kafka_producev(
            writer.client, RD_KAFKA_V_RKT(writer.topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE(writer.payload, job.size), RD_KAFKA_V_KEY("customer 7", 10),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (code)
            fail("can't produce: %s", rd_kafka_err2str(code));
        if (index % 1000 == 999)
            rd_kafka_poll(writer.client, 0);
    }
    finish_writer(&writer);
}

void write_acked(void)
{
    writer_t writer = open_writer();
    for (long index = 0; index < job.messages; index++) {
        double start = now();
        produce(&writer);
        while (delivered == index)
            rd_kafka_poll(writer.client, 1000);
        add_latency(&writer.measurement, now() - start);
    }
    finish_writer(&writer);
}

// `clients` messages are on their way at any time, as if so many threads wrote one after another.
void write_window(void)
{
    writer_t writer = open_writer();
    for (long index = 0; index < job.messages; index++) {
        while (index - delivered >= job.clients)
            rd_kafka_poll(writer.client, 1000);
        produce(&writer);
    }
    finish_writer(&writer);
}

static void write_in_turn(rd_kafka_t **clients, long client_count)
{
    char *payload = make_payload(), name[256];
    rd_kafka_topic_t **topics = calloc(job.clients, sizeof *topics);
    for (long index = 0; index < job.clients; index++) {
        snprintf(name, sizeof name, "%s-%ld", job.topic, index);
        rd_kafka_t *client = clients[index % client_count];
        topics[index] = rd_kafka_topic_new(client, name, NULL);
        warm_up(client, topics[index], payload);
    }
    measurement_t measurement = begin();
    for (long index = 0; index < job.messages; index++) {
        long number = index % job.clients;
        check(rd_kafka_produce(topics[number], RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, payload, job.size, NULL, 0, NULL));
        if (index / job.clients % 1000 == 999)
            rd_kafka_poll(clients[number % client_count], 0);
    }
    for (long index = 0; index < client_count; index++)
        rd_kafka_flush(clients[index], 120000);
    if (delivered != job.messages)
        fail("%ld of %ld messages delivered", delivered, job.messages);
    finish(&measurement, job.messages);
}

void write_clients(void)
{
    rd_kafka_t **clients = calloc(job.clients, sizeof *clients);
    for (long index = 0; index < job.clients; index++)
        clients[index] = make_client(RD_KAFKA_PRODUCER);
    write_in_turn(clients, job.clients);
}

void write_topics(void)
{
    rd_kafka_t *client = make_client(RD_KAFKA_PRODUCER);
    write_in_turn(&client, 1);
}

void fill(void)
{
    char *payload = make_payload();
    rd_kafka_t *client = make_client(RD_KAFKA_PRODUCER);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, job.topic, NULL);
    int partitions = partition_count(client, job.topic);
    for (long index = 0; index < job.messages; index++) {
        // Partition by partition, so that each gets large batches.
        int partition = (int)(index * partitions / job.messages);
        while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, payload, job.size, NULL, 0, NULL) == -1) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                check(-1);
            rd_kafka_poll(client, 10);
        }
        if (index % 1000 == 999)
            rd_kafka_poll(client, 0);
    }
    await_all(client, job.messages);
    printf("{\"messages\":%ld}\n", delivered);
    fflush(stdout);
}

void stored(void)
{
    rd_kafka_t *client = make_client(RD_KAFKA_CONSUMER);
    int partitions = partition_count(client, job.topic);
    int64_t sum = 0;
    for (int partition = 0; partition < partitions; partition++) {
        int64_t low, high;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(client, job.topic, partition, &low, &high, 10000);
        if (code)
            fail("no watermarks of %s: %s", job.topic, rd_kafka_err2str(code));
        sum += high;
    }
    printf("{\"messages\":%lld}\n", (long long)sum);
    fflush(stdout);
}
