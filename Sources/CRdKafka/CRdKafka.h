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

// Since 2.3: how long the mock cluster waits for further members before a new group's first assignment.
// Returns 0 where the library is older; its wait is then fixed at three seconds.
static inline int crdkafka_mock_set_group_initial_delay(rd_kafka_mock_cluster_t *cluster, int32_t milliseconds)
{
    typedef void (*setter)(rd_kafka_mock_cluster_t *, int32_t);
#ifdef RTLD_DEFAULT
    setter set = (setter)dlsym(RTLD_DEFAULT, "rd_kafka_mock_group_initial_rebalance_delay_ms");
#else
    setter set = (setter)dlsym((void *)0, "rd_kafka_mock_group_initial_rebalance_delay_ms");
#endif
    if (!set)
        return 0;
    set(cluster, milliseconds);
    return 1;
}

#endif
