#include "support.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

job_t job;
long delivered;

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("baseline: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

char *make_payload(void)
{
    char *payload = malloc(job.size + 1);
    for (long index = 0; index < job.size; index++)
        payload[index] = (char)('a' + index % 26);
    return payload;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client, (void)opaque;
    if (message->err)
        fail("a message wasn't delivered: %s", rd_kafka_err2str(message->err));
    delivered++;
}

rd_kafka_t *make_client(rd_kafka_type_t type)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", job.brokers, text, sizeof text))
        fail("%s", text);
    for (int index = 0; index < job.property_count; index++) {
        char *name = strdup(job.properties[index]), *value = strchr(name, '=');
        if (!value)
            fail("%s is no property=value", name);
        *value++ = 0;
        if (rd_kafka_conf_set(conf, name, value, text, sizeof text))
            fail("%s", text);
        free(name);
    }
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (!client)
        fail("%s", text);
    return client;
}

int partition_count(rd_kafka_t *client, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, topic, &metadata, 10000);
    if (code || metadata->topic_cnt != 1 || metadata->topics[0].err)
        fail("no metadata of %s: %s", name, rd_kafka_err2str(code));
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return count;
}

rd_kafka_t *make_reader(void)
{
    rd_kafka_t *client = make_client(RD_KAFKA_CONSUMER);
    rd_kafka_poll_set_consumer(client);
    int count = partition_count(client, job.topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int partition = 0; partition < count; partition++)
        rd_kafka_topic_partition_list_add(list, job.topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = rd_kafka_assign(client, list);
    if (code)
        fail("can't assign: %s", rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_destroy(list);
    return client;
}

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double cpu_time(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void sleep_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

void settle(void)
{
    double before = cpu_time();
    for (int quiet = 0; quiet < 7;) {
        sleep_for(0.05);
        double after = cpu_time();
        quiet = after - before < 0.005 ? quiet + 1 : 0;
        before = after;
    }
}

measurement_t begin(void)
{
    void (*start)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "allocations_start");
    if (start)
        start();
    return (measurement_t){.start = now(), .cpu = cpu_time()};
}

void add_latency(measurement_t *measurement, double seconds)
{
    if (!measurement->latencies)
        measurement->latencies = malloc(sizeof(double) * job.messages);
    measurement->latencies[measurement->latency_count++] = seconds * 1e6;
}

static int compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

void finish(measurement_t *measurement, long messages)
{
    double seconds = now() - measurement->start, cpu = cpu_time() - measurement->cpu;
    printf("{\"messages\":%ld,\"seconds\":%.9f,\"cpu\":%.6f,\"rss\":%.0f", messages, seconds, cpu, resident_bytes());
    void (*stop)(uint64_t *, uint64_t *) = (void (*)(uint64_t *, uint64_t *))dlsym(RTLD_DEFAULT, "allocations_stop");
    if (stop) {
        uint64_t ours, library;
        stop(&ours, &library);
        printf(",\"allocations\":%llu,\"libraryAllocations\":%llu", (unsigned long long)ours, (unsigned long long)library);
    }
    if (measurement->memory > 0)
        printf(",\"memory\":%.0f", measurement->memory);
    long count = measurement->latency_count;
    if (count > 0) {
        double *latencies = measurement->latencies;
        qsort(latencies, count, sizeof *latencies, compare);
        printf(",\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f", latencies[count / 2], latencies[count * 99 / 100], latencies[count - 1]);
    }
    printf("}\n");
    fflush(stdout);
}
