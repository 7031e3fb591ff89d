"""The broker's side of SASL logins, for kafka-proxy.py: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER."""

import base64
import hashlib
import hmac
import os
import struct

SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36
UNSUPPORTED_MECHANISM, AUTHENTICATION_FAILED = 33, 58


class Refused(Exception):
    """The client isn't who it says it is."""


class Logins:
    """Who may log in, and how."""

    def __init__(self):
        self.passwords = {}

    def __bool__(self):
        return bool(self.passwords)

    def add(self, login):
        """MECHANISM:USER:PASSWORD; one user may have several.

        For OAUTHBEARER the password is a token, and after spaces the extensions that have to come with it: NAME=VALUE.
        """
        mechanism, user, password = login.split(":", 2)
        self.passwords.setdefault(mechanism, {}).setdefault(user, set()).add(password)

    def remove(self, login):
        """MECHANISM:USER, with all passwords."""
        mechanism, user = login.split(":", 1)
        self.passwords[mechanism].pop(user, None)

    def exchange(self, mechanism):
        """A generator that is sent what the client says, and yields the answers; it returns the last one."""
        users = self.passwords[mechanism]
        if mechanism == "PLAIN":
            return plain(users)
        if mechanism == "OAUTHBEARER":
            return oauthbearer(users)
        return scram(mechanism[len("SCRAM-"):].replace("-", "").lower(), users)


def plain(users):
    """RFC 4616."""
    _, user, password = (yield).decode().split("\0")
    if password not in users.get(user, ()):
        raise Refused
    return b""


def scram(hash_name, users):
    """RFC 5802, without channel binding."""

    def mac(key, text):
        return hmac.new(key, text, hash_name).digest()

    bare = (yield).decode().split(",", 2)[2]
    fields = dict(field.split("=", 1) for field in bare.split(","))
    passwords = list(users.get(fields["n"], ()))
    if not passwords:
        raise Refused
    nonce = fields["r"] + base64.b64encode(os.urandom(18)).decode()
    salt, iterations = os.urandom(16), 4096
    first = f"r={nonce},s={base64.b64encode(salt).decode()},i={iterations}"
    final = (yield first.encode()).decode()
    without_proof, proof = final.rsplit(",p=", 1)
    # As Kafka does it: librdkafka before 2.6.1 repeats its own part of the nonce (its issue 4895).
    if not without_proof.endswith(nonce):
        raise Refused
    text = f"{bare},{first},{without_proof}".encode()
    for password in passwords:
        salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, iterations)
        client_key = mac(salted, b"Client Key")
        signature = mac(hashlib.new(hash_name, client_key).digest(), text)
        if bytes(a ^ b for a, b in zip(client_key, signature)) == base64.b64decode(proof):
            return b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), text))
    raise Refused


def oauthbearer(users):
    """RFC 7628. A token that isn't accepted is said to be so, and refused when the client has taken note."""
    said = set((yield).decode().split("\x01")[1:])
    passwords = [password.split(" ") for passwords in users.values() for password in passwords]
    if not any({f"auth=Bearer {token}", *extensions} <= said for token, *extensions in passwords):
        yield b'{"status":"invalid_token"}'
        raise Refused
    return b""


async def log_in(logins, client, broker):
    """Answers what a client may ask before it has logged in, as Kafka does, until it has.

    `client` and `broker` each have the coroutines `receive`, for the next message without its length, and `send`. Questions
    about versions are the broker's to answer. Returns whether the client is in; if not, its connection is to be closed.
    """
    exchange = None
    while (request := await client.receive()) is not None:
        api_key, version, number = struct.unpack(">hhi", request[:8])
        body = request[8:]
        (length,) = struct.unpack(">h", body[:2])
        body = body[2 + max(0, length):]
        if api_key == API_VERSIONS:
            await broker.send(request)
            await client.send(await broker.receive())
        elif api_key == SASL_HANDSHAKE:
            mechanism = body[2:].decode()
            known = sorted(logins.passwords)
            if mechanism in known:
                exchange = logins.exchange(mechanism)
                next(exchange)
            names = b"".join(struct.pack(">h", len(name)) + name.encode() for name in known)
            code = 0 if mechanism in known else UNSUPPORTED_MECHANISM
            await client.send(struct.pack(">ihi", number, code, len(known)) + names)
            if code:
                return False
        elif api_key == SASL_AUTHENTICATE and exchange is not None:
            lifetime = struct.pack(">q", 0) if version >= 1 else b""
            done = False
            try:
                answer = exchange.send(body[4:])
            except StopIteration as end:
                answer, done = end.value, True
            except (Refused, ValueError, KeyError, IndexError):
                text = b"Authentication failed: Invalid username or password"
                answer = struct.pack(">ihh", number, AUTHENTICATION_FAILED, len(text)) + text + struct.pack(">i", 0)
                await client.send(answer + lifetime)
                return False
            await client.send(struct.pack(">ihhi", number, 0, -1, len(answer)) + answer + lifetime)
            if done:
                return True
        else:
            return False
    return False
