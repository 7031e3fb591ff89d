// librdkafka as Swift sees it: the library's own headers, and what Swift can't call by itself.
// Floor: librdkafka 2.0.2. Whatever is newer is looked up at run time, so that one binary runs on both.

#ifndef MSGBUS_CRDKAFKA_H
#define MSGBUS_CRDKAFKA_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#if RD_KAFKA_VERSION < 0x020002ff
#error "MsgBus needs librdkafka 2.0.2 or newer (Debian: apt-get install librdkafka-dev, macOS: brew install librdkafka)"
#endif

// rd_kafka_producev is variadic. The headers stay the caller's unless this returns no error; RD_KAFKA_VTYPE_HEADER
// (one header at a time) is never used, for it frees twice on an unknown partition before 2.12 (librdkafka #4627).
static inline rd_kafka_resp_err_t crdkafka_producev(
    rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition,
    const void *value, size_t value_size, const void *key, size_t key_size,
    int64_t timestamp, rd_kafka_headers_t *headers, void *opaque)
{
    if (headers)
        return rd_kafka_producev(
            client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)value, value_size),
            RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_OPAQUE(opaque),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)value, value_size),
        RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_OPAQUE(opaque),
        RD_KAFKA_V_END);
}

// The function of the librdkafka that runs, or NULL where it is older than the function.
static inline void *crdkafka_symbol(const char *name)
{
#ifdef RTLD_DEFAULT
    return dlsym(RTLD_DEFAULT, name);
#else
    return dlsym((void *)0, name);
#endif
}

// Since 2.3: how long the mock cluster waits for further members before a new group's first assignment.
// Returns 0 where the library is older; its wait is then fixed at three seconds.
static inline int crdkafka_mock_set_group_initial_delay(rd_kafka_mock_cluster_t *cluster, int32_t milliseconds)
{
    typedef void (*setter)(rd_kafka_mock_cluster_t *, int32_t);
    setter set = (setter)crdkafka_symbol("rd_kafka_mock_group_initial_rebalance_delay_ms");
    if (!set)
        return 0;
    set(cluster, milliseconds);
    return 1;
}

// Since 2.2: configurations changed key by key. The three functions came together.
static inline int crdkafka_has_incremental_alter_configs(void)
{
    return crdkafka_symbol("rd_kafka_ConfigResource_add_incremental_config") &&
           crdkafka_symbol("rd_kafka_IncrementalAlterConfigs") &&
           crdkafka_symbol("rd_kafka_IncrementalAlterConfigs_result_resources");
}

// Sets a key, or resets it to its default where the value is NULL. Only with crdkafka_has_incremental_alter_configs().
static inline rd_kafka_error_t *crdkafka_add_incremental_config(
    rd_kafka_ConfigResource_t *resource, const char *name, const char *value)
{
    // RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, _DELETE
    typedef rd_kafka_error_t *(*adder)(rd_kafka_ConfigResource_t *, const char *, int, const char *);
    adder add = (adder)crdkafka_symbol("rd_kafka_ConfigResource_add_incremental_config");
    return add(resource, name, value ? 0 : 1, value);
}

// Only with crdkafka_has_incremental_alter_configs().
static inline void crdkafka_incremental_alter_configs(
    rd_kafka_t *client, rd_kafka_ConfigResource_t **resources, size_t count,
    const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *answers)
{
    typedef void (*caller)(
        rd_kafka_t *, rd_kafka_ConfigResource_t **, size_t, const rd_kafka_AdminOptions_t *, rd_kafka_queue_t *);
    caller call = (caller)crdkafka_symbol("rd_kafka_IncrementalAlterConfigs");
    call(client, resources, count, options, answers);
}

// The event's results. Only with crdkafka_has_incremental_alter_configs().
static inline const rd_kafka_ConfigResource_t **crdkafka_incremental_alter_configs_resources(
    rd_kafka_event_t *event, size_t *count)
{
    typedef const void *(*getter)(rd_kafka_event_t *);
    typedef const rd_kafka_ConfigResource_t **(*reader)(const void *, size_t *);
    getter get = (getter)crdkafka_symbol("rd_kafka_event_IncrementalAlterConfigs_result");
    reader read = (reader)crdkafka_symbol("rd_kafka_IncrementalAlterConfigs_result_resources");
    const void *result = get ? get(event) : NULL;
    *count = 0;
    return result ? read(result, count) : NULL;
}

// Since 2.3: descriptions of topics, which say what is internal. The functions came together.
static inline int crdkafka_has_describe_topics(void)
{
    return crdkafka_symbol("rd_kafka_DescribeTopics") && crdkafka_symbol("rd_kafka_TopicCollection_of_topic_names") &&
           crdkafka_symbol("rd_kafka_TopicCollection_destroy") &&
           crdkafka_symbol("rd_kafka_event_DescribeTopics_result") &&
           crdkafka_symbol("rd_kafka_DescribeTopics_result_topics") &&
           crdkafka_symbol("rd_kafka_TopicDescription_name") &&
           crdkafka_symbol("rd_kafka_TopicDescription_is_internal");
}

// Only with crdkafka_has_describe_topics().
static inline void crdkafka_describe_topics(
    rd_kafka_t *client, const char **names, size_t count, const rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *answers)
{
    typedef void *(*maker)(const char **, size_t);
    typedef void (*caller)(rd_kafka_t *, const void *, const rd_kafka_AdminOptions_t *, rd_kafka_queue_t *);
    typedef void (*destroyer)(void *);
    maker make = (maker)crdkafka_symbol("rd_kafka_TopicCollection_of_topic_names");
    caller call = (caller)crdkafka_symbol("rd_kafka_DescribeTopics");
    destroyer destroy = (destroyer)crdkafka_symbol("rd_kafka_TopicCollection_destroy");
    void *topics = make(names, count);
    call(client, topics, options, answers);
    destroy(topics);
}

// The name of the event's topic with that index if it is internal, else NULL; `more` says whether there is such an index.
// Only with crdkafka_has_describe_topics().
static inline const char *crdkafka_described_internal_topic(rd_kafka_event_t *event, size_t index, int *more)
{
    typedef const void *(*getter)(rd_kafka_event_t *);
    typedef const void **(*reader)(const void *, size_t *);
    typedef const char *(*namer)(const void *);
    typedef int (*tester)(const void *);
    getter get = (getter)crdkafka_symbol("rd_kafka_event_DescribeTopics_result");
    reader read = (reader)crdkafka_symbol("rd_kafka_DescribeTopics_result_topics");
    namer name = (namer)crdkafka_symbol("rd_kafka_TopicDescription_name");
    tester is_internal = (tester)crdkafka_symbol("rd_kafka_TopicDescription_is_internal");
    const void *result = get(event);
    size_t count = 0;
    const void **topics = result ? read(result, &count) : NULL;
    *more = topics && index < count;
    if (!*more || !topics[index])
        return NULL;
    return is_internal(topics[index]) ? name(topics[index]) : NULL;
}

#endif
