#!/usr/bin/env python3
"""A TCP proxy between Kafka clients and brokers that makes the network bad when told to. For tests.

    kafka-proxy.py [OPTION...] HOST:PORT...

For each broker it listens on a free port of 127.0.0.1, and prints these ports on one line once it does. Brokers tell their
clients where to connect; the proxy puts its own ports into those answers, so that all traffic stays with it.

    --tls CERTIFICATE KEY   clients have to speak TLS; two files in the PEM format
    --client-ca FILE        and to show a certificate of these authorities
    --tls-version VERSION   in no other version, for example TLSv1_2
    --login WHO             clients have to log in; repeated, one of these: MECHANISM:USER:PASSWORD

Then each line on stdin is a command, answered by a line "ok". The end of stdin ends the proxy.

    latency MILLISECONDS   each request and each response takes so much longer
    rate BYTES             each connection carries so many bytes a second, each way; 0: any number
    blackhole 0|1          nothing comes through, connections stay; what was sent comes through afterwards
    refuse 0|1             new connections are reset at once
    reset                  the connections that are open are reset
    login WHO              from now on these may log in too
    logout MECHANISM:USER  these may not any more; connections stay
    tls CERTIFICATE KEY    the certificate for new connections
    cut BYTES              the connections that are open break after so many bytes of responses, within a response
    clear                  ends all faults

Standard library only. It understands just as much of Kafka's protocol as it needs: messages are a length and so many bytes.
"""

import argparse
import asyncio
import socket
import ssl
import struct
import sys

from logins import Logins, log_in

HOST = "127.0.0.1"

# The requests whose responses name brokers, by their number in Kafka's protocol.
METADATA, FIND_COORDINATOR, DESCRIBE_CLUSTER = 3, 10, 60
NAMES_BROKERS = {METADATA, FIND_COORDINATOR, DESCRIBE_CLUSTER}


class Network:
    """How bad it is right now."""

    def __init__(self, tls):
        self.connections = set()
        self.passable = asyncio.Event()
        self.logins = Logins()
        # What new connections are encrypted with; None: nothing.
        self.tls = tls
        self.clear()

    def clear(self):
        self.latency = 0.0
        self.rate = 0
        self.refuses = False
        self.passable.set()
        for connection in self.connections:
            connection.bytes_until_cut = None

    def obey(self, command, *words):
        """Carries out one command."""
        number = int(words[0]) if words and words[0].isdigit() else None
        if command == "login":
            self.logins.add(*words)
        elif command == "logout":
            self.logins.remove(*words)
        elif command == "tls":
            self.tls.load_cert_chain(*words)
        elif command == "latency":
            self.latency = number / 1000
        elif command == "rate":
            self.rate = number
        elif command == "blackhole":
            (self.passable.clear if number else self.passable.set)()
        elif command == "refuse":
            self.refuses = bool(number)
        elif command == "reset":
            for connection in list(self.connections):
                reset(connection.client_writer)
        elif command == "cut":
            for connection in self.connections:
                connection.bytes_until_cut = number
        elif command == "clear":
            self.clear()
        else:
            raise ValueError(f"unknown command {command}")


class Addresses:
    """Which of the proxy's ports stands for which broker."""

    def __init__(self):
        self.replacements = []

    def add(self, broker_host, broker_port, own_port):
        # A host is a string after its length, which takes two bytes or, in newer versions of a request, is one more than it
        # is and takes one. The port follows.
        for length in (lambda host: struct.pack(">h", len(host)), lambda host: bytes([len(host) + 1])):
            theirs, ours = broker_host.encode(), HOST.encode()
            self.replacements.append((
                length(theirs) + theirs + struct.pack(">i", broker_port),
                length(ours) + ours + struct.pack(">i", own_port),
            ))

    def replace(self, response):
        for theirs, ours in self.replacements:
            response = response.replace(theirs, ours)
        return response


class Connection:
    """A client's connection and the one to the broker that belongs to it."""

    def __init__(self, network, addresses, client, broker):
        self.network, self.addresses = network, addresses
        self.client_reader, self.client_writer = client
        self.broker_reader, self.broker_writer = broker
        self.bytes_until_cut = None
        # What kind of request each response belongs to that is still to come, by the number that both carry.
        self.awaited = {}

    async def run(self):
        """Lets the client log in if it has to, and carries messages until one side closes."""
        if self.network.logins:
            client, broker = Frames(self.client_reader, self.client_writer), Frames(self.broker_reader, self.broker_writer)
            if not await log_in(self.network.logins, client, broker):
                return
        await first_of(
            self.carry(self.client_reader, self.send_request),
            self.carry(self.broker_reader, self.send_response),
        )

    async def carry(self, reader, send):
        """Carries the messages of one direction. They are delayed, not held up by each other: many can be under way."""
        under_way = asyncio.Queue(maxsize=1000)
        now = asyncio.get_running_loop().time

        async def receive():
            while (message := await read_message(reader)) is not None:
                await under_way.put((now() + self.network.latency, message))
            await under_way.put((now() + self.network.latency, None))

        async def deliver():
            while True:
                due, message = await under_way.get()
                await asyncio.sleep(max(0, due - now()))
                await self.network.passable.wait()
                if message is None:
                    return
                if self.network.rate:
                    await asyncio.sleep(len(message) / self.network.rate)
                await send(message)

        receiver = asyncio.ensure_future(receive())
        try:
            await deliver()
        finally:
            receiver.cancel()

    async def send_request(self, request):
        api_key, _, number = struct.unpack(">hhi", request[4:12])
        self.awaited[number] = api_key
        self.broker_writer.write(request)
        await self.broker_writer.drain()

    async def send_response(self, response):
        (number,) = struct.unpack(">i", response[4:8])
        if self.awaited.pop(number, None) in NAMES_BROKERS:
            # The lengths of the addresses are the same, and so is the message's.
            response = self.addresses.replace(response)
        if self.bytes_until_cut is not None:
            self.bytes_until_cut -= len(response)
            if self.bytes_until_cut < 0:
                # At least one byte arrives and at least one is missing.
                response = response[: max(1, len(response) + self.bytes_until_cut)]
                self.client_writer.write(response)
                await self.client_writer.drain()
                raise ConnectionError("cut")
        self.client_writer.write(response)
        await self.client_writer.drain()


class Frames:
    """Sends and receives messages without their lengths."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def receive(self):
        message = await read_message(self.reader)
        return None if message is None else message[4:]

    async def send(self, message):
        self.writer.write(struct.pack(">i", len(message)) + message)
        await self.writer.drain()


class Encrypted:
    """A client's connection with TLS: what a reader and a writer of asyncio have, as far as it is used here.

    asyncio's own TLS closes a connection whose handshake fails without telling the peer why; brokers do tell.
    """

    def __init__(self, reader, writer, context):
        self.reader, self.writer = reader, writer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.transport, self.get_extra_info = writer.transport, writer.get_extra_info

    async def handshake(self):
        await self.carry(self.tls.do_handshake)

    async def carry(self, operation):
        """Repeats an operation, feeding it with what arrives, until it is done."""
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                self.flush()
                data = await self.reader.read(1 << 16)
                if not data:
                    raise ConnectionError("the end")
                self.incoming.write(data)
            except ssl.SSLError as error:
                raise ConnectionError(str(error))
            finally:
                # Also what tells the peer why it failed.
                self.flush()

    def flush(self):
        if data := self.outgoing.read():
            self.writer.write(data)

    async def readexactly(self, count):
        data = b""
        while len(data) < count:
            data += await self.carry(lambda: self.tls.read(count - len(data))) or self.fail()
        return data

    def fail(self):
        raise ConnectionError("the end")

    def write(self, data):
        self.tls.write(data)
        self.flush()

    async def drain(self):
        await self.writer.drain()

    def close(self):
        """Says goodbye, as brokers do."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            # The peer's goodbye isn't waited for.
            pass
        self.flush()
        self.writer.close()


async def read_message(reader):
    """The next message with its length in front; None at the end."""
    try:
        length = await reader.readexactly(4)
        (count,) = struct.unpack(">i", length)
        # As Kafka does with a message larger than `socket.request.max.bytes`, for example the beginning of TLS.
        if not 0 <= count <= 100 << 20:
            return None
        return length + await reader.readexactly(count)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def first_of(*coroutines):
    """Runs them until one returns or throws, and cancels the others."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def reset(writer):
    """Closes a connection so that its peer gets an error instead of an end."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def listen(network, addresses, broker_host, broker_port):
    """Stands for a broker; returns the port."""

    async def accept(client_reader, client_writer):
        if network.refuses:
            reset(client_writer)
            return
        try:
            broker_reader, broker_writer = await asyncio.open_connection(broker_host, broker_port)
        except OSError:
            # The broker is down, and so is what stands for it.
            reset(client_writer)
            return
        for writer in (client_writer, broker_writer):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if network.tls:
            client_reader = client_writer = Encrypted(client_reader, client_writer, network.tls)
            try:
                await client_reader.handshake()
            except ConnectionError:
                client_writer.close()
                broker_writer.close()
                return
        client, broker = (client_reader, client_writer), (broker_reader, broker_writer)
        connection = Connection(network, addresses, client, broker)
        network.connections.add(connection)
        try:
            await connection.run()
        finally:
            network.connections.discard(connection)
            client_writer.close()
            broker_writer.close()

    server = await asyncio.start_server(accept, HOST, 0)
    own_port = server.sockets[0].getsockname()[1]
    addresses.add(broker_host, broker_port, own_port)
    return own_port


def tls_context(arguments):
    """What clients have to speak; None for no TLS."""
    if not arguments.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if arguments.tls_version:
        # Also such versions as the system's own settings forbid, for there still are servers that have no other.
        context.set_ciphers("ALL:@SECLEVEL=0")
        version = ssl.TLSVersion[arguments.tls_version]
        context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*arguments.tls)
    if arguments.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(arguments.client_ca)
    return context


async def main(arguments):
    network, addresses = Network(tls_context(arguments)), Addresses()
    for login in arguments.login:
        network.logins.add(login)
    ports = []
    for broker in arguments.brokers:
        host, port = broker.rsplit(":", 1)
        ports.append(await listen(network, addresses, host, int(port)))
    print(*ports, flush=True)

    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        network.obey(*line.decode().split())
        print("ok", flush=True)


parser = argparse.ArgumentParser()
parser.add_argument("--tls", nargs=2)
parser.add_argument("--client-ca")
parser.add_argument("--tls-version")
parser.add_argument("--login", action="append", default=[])
parser.add_argument("brokers", nargs="+")
asyncio.run(main(parser.parse_args()))
