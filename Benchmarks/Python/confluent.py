"""The cases of `Baseline/main.c`, through Python's confluent-kafka.

confluent.py CASE brokers=HOST:PORT topic=NAME messages=N size=BYTES ... -- PROPERTY=VALUE...
"""

import json
import resource
import signal
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition


class Job:
    def __init__(self, arguments):
        split = arguments.index("--") if "--" in arguments else len(arguments)
        values = dict(argument.split("=", 1) for argument in arguments[1:split])
        self.topic = values["topic"]
        self.messages = int(values["messages"])
        self.size = int(values["size"])
        self.warmup = int(values["warmup"])
        self.is_prefetched = values["prefetched"] == "true"
        self.properties = dict(argument.split("=", 1) for argument in arguments[split + 1 :])
        self.properties["bootstrap.servers"] = values["brokers"]
        self.payload = bytes(ord("a") + index % 26 for index in range(self.size))


class Measurement:
    def __init__(self):
        self.latencies = []
        self.start = time.perf_counter()
        self.cpu = cpu_time()

    def finish(self, messages):
        result = {
            "messages": messages,
            "seconds": time.perf_counter() - self.start,
            "cpu": cpu_time() - self.cpu,
        }
        if self.latencies:
            times = sorted(1e6 * seconds for seconds in self.latencies)
            result |= {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "max": times[-1]}
        print(json.dumps(result), flush=True)


def cpu_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def settle():
    """Returns when the process has been idle for a moment: what can be fetched has been."""
    before, quiet = cpu_time(), 0
    while quiet < 7:
        time.sleep(0.05)
        after = cpu_time()
        quiet = quiet + 1 if after - before < 0.005 else 0
        before = after


class Writer:
    def __init__(self, job):
        self.job = job
        self.delivered = 0
        self.producer = Producer(job.properties)
        for _ in range(job.warmup):
            self.producer.produce(job.topic, job.payload, on_delivery=self.on_delivery)
            self.producer.flush()
        self.check(job.warmup)

    def on_delivery(self, error, message):
        if error:
            sys.exit(f"a message wasn't delivered: {error}")
        self.delivered += 1

    def check(self, count):
        if self.delivered != count:
            sys.exit(f"{self.delivered} of {count} messages delivered")
        self.delivered = 0


def write(job, **extras):
    writer = Writer(job)
    produce, poll = writer.producer.produce, writer.producer.poll
    measurement = Measurement()
    for index in range(job.messages):
        produce(job.topic, job.payload, on_delivery=writer.on_delivery, **extras)
        if index % 1000 == 999:
            poll(0)
    writer.producer.flush()
    measurement.finish(job.messages)
    writer.check(job.messages)


def write_headers(job):
    headers = [("trace", b"4bf92f3577b34da6a3ce929d0e0e4736"), ("kind", b"order"), ("source", b"benchmark")]
    write(job, key=b"customer 7", headers=headers)


def write_acked(job):
    writer = Writer(job)
    measurement = Measurement()
    for index in range(job.messages):
        start = time.perf_counter()
        writer.producer.produce(job.topic, job.payload, on_delivery=writer.on_delivery)
        while writer.delivered == index:
            writer.producer.poll(1)
        measurement.latencies.append(time.perf_counter() - start)
    measurement.finish(job.messages)
    writer.check(job.messages)


class Tally:
    def __init__(self, job):
        self.job = job
        self.messages = 0
        self.bytes = 0

    def take(self, message):
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                sys.exit(f"can't read: {message.error()}")
            return
        self.messages += 1
        self.bytes += len(message.value())

    def check(self):
        if (self.messages, self.bytes) != (self.job.messages, self.job.messages * self.job.size):
            sys.exit(f"{self.messages} messages of {self.bytes} bytes read instead of {self.job.messages}")


def open_reader(job):
    measurement = Measurement()
    consumer = Consumer(job.properties)
    partitions = consumer.list_topics(job.topic, timeout=10).topics[job.topic].partitions
    consumer.assign([TopicPartition(job.topic, partition, OFFSET_BEGINNING) for partition in partitions])
    if job.is_prefetched:
        settle()
        measurement = Measurement()
    return consumer, measurement


def read_poll(job):
    consumer, measurement = open_reader(job)
    tally = Tally(job)
    while tally.messages < job.messages:
        message = consumer.poll(10)
        if message is None:
            sys.exit(f"{tally.messages} of {job.messages} messages came")
        tally.take(message)
    measurement.finish(tally.messages)
    tally.check()


def read_batch(job):
    consumer, measurement = open_reader(job)
    tally = Tally(job)
    while tally.messages < job.messages:
        batch = consumer.consume(min(1000, job.messages - tally.messages), 10)
        if not batch:
            sys.exit(f"{tally.messages} of {job.messages} messages came")
        for message in batch:
            tally.take(message)
    measurement.finish(tally.messages)
    tally.check()


def round_trip(job):
    producer = Producer(job.properties)
    consumer, measurement = open_reader(job)
    for index in range(-job.warmup, job.messages):
        if index == 0:
            measurement = Measurement()
        start = time.perf_counter()
        producer.produce(job.topic, job.payload)
        message = None
        while message is None or message.error():
            message = consumer.poll(10)
        if index >= 0:
            measurement.latencies.append(time.perf_counter() - start)
        producer.poll(0)
    measurement.finish(job.messages)


CASES = {
    "write": write,
    "write-headers": write_headers,
    "write-acked": write_acked,
    "read-poll": read_poll,
    "read-batch": read_batch,
    "round-trip": round_trip,
}

signal.alarm(300)  # nothing here takes so long
CASES[sys.argv[1]](Job(sys.argv[1:]))
