# SPDX-License-Identifier: MIT
"""Clouds that answer oddly, byte by byte, on loopback.

    cloud = Cloud(says("<html>"))       # executes what it reads, and answers so
    cloud.url, cloud.executed
    cloud.be_well()                     # from now on, it answers as OneNET does

A play is a function (connection, cloud) that answers one request, which has been read;
the connection is closed afterwards, unless the cloud is well.
"""

import contextlib
import gzip
import itertools
import re
import socket
import struct
import threading

GOOD = '{"errno":0,"data":{"cmd_uuid":"u-1"},"error":"succ"}'
HEAD = b"HTTP/1.1 200 OK\r\n"
WHOLE_HEAD = HEAD + b"Content-Length: %d\r\n\r\n"
CHUNK = bytes(65536)


def answer(body, status=200, *headers):
    """Returns the bytes of a whole answer."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Cloud:
    """A server on loopback with a thread for each connection. executes: whether the
    device gets the command before the odd answer. Without a play it is well from the
    beginning. server: what it listens on, else a socket of its own."""

    def __init__(self, play=None, executes=True, server=None):
        self.play, self.executes = play, executes
        self.executed, self.requests = [], 0
        self.is_well = play is None
        self.over = threading.Event()
        self.server = server or socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "http://{}:{}/cmds".format(*self.server.getsockname())

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def be_well(self):
        self.is_well = True

    def stop(self):
        """Ends what waits in a play; connections end with their threads."""
        self.over.set()
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                threading.Thread(target=self.serve, args=(connection,),
                                 daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            while (body := read_request(connection)) is not None:
                if not self.take(connection, body):
                    return

    def take(self, connection, body):
        """Returns whether the connection goes on."""
        self.requests += 1
        well = self.is_well
        if well or self.executes:
            self.executed.append(body.decode(errors="replace"))
        if well:
            connection.sendall(answer(GOOD))
        else:
            self.play(connection, self)
        return well


def read_request(connection):
    """Returns the body of the next request, None at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        if not received:
            return None
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
    while len(body) < int(length[1] if length else 0):
        body += connection.recv(65536)
    return body


class ClosedPort(Cloud):
    """Nobody listens, until it is well."""

    def __init__(self):
        super().__init__()
        self.port = self.server.getsockname()[1]
        self.server.close()

    def start(self):
        return self

    def be_well(self):
        self.server = socket.create_server(("127.0.0.1", self.port))
        super().start()


class FullBacklog(Cloud):
    """It listens and accepts nobody, and its backlog is full, until it is well."""

    def __init__(self):
        super().__init__()
        self.server.listen(0)
        self.waiting = []
        for _ in range(8):
            self.waiting.append(socket.socket())
            self.waiting[-1].setblocking(False)
            self.waiting[-1].connect_ex(self.server.getsockname())

    def start(self):
        return self

    def be_well(self):
        for connection in self.waiting:
            connection.close()
        self.server.listen(64)
        super().start()


# ---- plays ----

def says(body, status=200, *headers):
    """Answers with that body."""
    whole = answer(body, status, *headers)
    return lambda connection, cloud: connection.sendall(whole)


def hangs(_connection, cloud):
    cloud.over.wait()


def drips(text, seconds):
    """Sends one byte in so many seconds."""
    def play(connection, cloud):
        for byte in text:
            connection.sendall(bytes([byte]))
            if cloud.over.wait(seconds):
                return
    return play


def repeats(first, again):
    """Sends `again` without end."""
    def play(connection, _cloud):
        connection.sendall(first)
        while True:
            connection.sendall(again)
    return play


def ends_in_the_body(reset):
    """Closes the connection behind half of a good answer, with a reset or not."""
    def play(connection, _cloud):
        connection.sendall(answer(GOOD)[:-8])
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
    return play


def errno(text):
    """Answers with that errno, as it is written in JSON."""
    return says('{"errno":%s,"data":{"errno":0,"cmd_uuid":"u-1"},"error":"succ"}'
                % text)


def uuid(text):
    """Answers with that cmd_uuid, as it is written in JSON."""
    return says('{"errno":0,"data":{"cmd_uuid":%s},"error":"succ"}' % text)


# ---- the table ----

# Each of them executes the command, and no answer of theirs is a success: unknown.
DOUBTFUL = {
    "never-answers": hangs,
    "drips-a-head": drips(HEAD + b"X: " + b"x" * 100, 0.3),
    "drips-a-body": drips(WHOLE_HEAD % 100 + b" " * 100, 0.05),
    "100-continue-without-end": repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "100-continue-now-and-then": drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 99, 0.02),
    "resets-in-mid-body": ends_in_the_body(reset=True),
    "closes-in-mid-body": ends_in_the_body(reset=False),
    "body-without-end": repeats(HEAD + b"\r\n", CHUNK),
    "body-of-1-GB": repeats(WHOLE_HEAD % 2**30, CHUNK),
    "headers-without-end": repeats(HEAD, b"X-More: of the same\r\n" * 1000),
    "header-line-without-end": repeats(HEAD + b"X-Long: ", b"x" * 65536),
    "compressed-bomb": says(gzip.compress(b" " * 10**7 + GOOD.encode()), 200,
                            "Content-Encoding: gzip"),
    "compressed-success": says(gzip.compress(GOOD.encode()), 200,
                               "Content-Encoding: gzip"),
    "html": says("<html><body>Welcome</body></html>"),
    "empty-body": says(""),
    "invalid-UTF-8": says(GOOD.encode().replace(b"succ", b"\xff\xc0\x80")),
    "BOM": says("\ufeff" + GOOD),
    "NUL": says(GOOD + "\0"),
    "trailing-garbage": says(GOOD + "{}"),
    "truncated-JSON": says(GOOD[:-1]),
    "nesting-of-a-million": says('{"errno":0,"data":' + "[" * 10**6),
    "nesting-of-thirty": says('{"errno":0,"data":' + "[" * 30 + "]" * 30 + "}"),
    "a-million-keys": says('{"errno":0' + "".join(
        f',"k{number}":1' for number in range(10**6)) + "}"),
    "number-of-a-million-digits": errno("0" + "0" * 10**6),
    "errno-of-many-digits": errno("1" * 1000),
    "errno-a-string": errno('"0"'),
    "errno-a-float": errno("0.0"),
    "errno-null": errno("null"),
    "errno-a-bool": errno("false"),
    "errno-an-array": errno("[0]"),
    "errno-beyond-32-bits": errno(str(2**32)),
    "errno-beyond-64-bits": errno(str(2**64)),
    "errno-missing": says('{"data":{"cmd_uuid":"u-1"},"error":"succ"}'),
    "errno-inside-data-only": says('{"data":{"errno":0}}'),
    "errno-twice": says('{"errno":0,"errno":0}'),
    "an-array": says(f"[{GOOD}]"),
    "cmd_uuid-of-1-MB": uuid('"' + "u" * 2**20 + '"'),
    "no-HTTP": lambda connection, cloud: connection.sendall(b"SSH-2.0-x\r\n"),
    **{f"storm-of-{status}": says("x", status)
       for status in (500, 502, 503, 504, 408)},
}

# Each is a success, but for its cmd_uuid.
UNFIT_UUIDS = {
    "cmd_uuid-missing": says('{"errno":0,"data":{},"error":"succ"}'),
    "cmd_uuid-a-number": uuid("7"),
    "cmd_uuid-null": uuid("null"),
    "cmd_uuid-with-a-path": uuid('"/../?&#"'),
    "cmd_uuid-with-CRLF": uuid(r'"u\r\nX-Injected: 1"'),
    "cmd_uuid-of-65": uuid('"' + "u" * 65 + '"'),
}

# None of them executes the command: it waits, and is sent once the cloud is well.
BUSY = {
    f"{status}-Retry-After-{name}": says("x", status, f"Retry-After: {value}")
    for (name, value), status in itertools.product([
        ("2", "2"), ("a-date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("0", "0"),
        ("negative", "-5"), ("garbage", "soon"), ("empty", "")], (429, 503))}

# None of them executes the command, and it ends with its deadline.
TOO_LATE = {
    f"{status}-Retry-After-of-ages": says("x", status, f"Retry-After: {value}")
    for status, value in ((429, 4 * 10**9), (503, 10**30))}


def redirections(trap):
    """Returns plays that lead elsewhere, where nobody may follow. trap: host:port."""
    return {f"{status}-to-{scheme}": says("x", status, f"Location: {scheme}:{rest}")
            for status in (301, 302, 303, 307, 308)
            for scheme, rest in (("http", f"//{trap}/cmds"),
                                 ("file", "///etc/hostname"),
                                 ("ftp", f"//{trap}/cmds"))}


# ---- TLS ----

class TlsCloud(Cloud):
    """Speaks TLS as `context` says, and once it is well, as `good` does. It is well from
    the beginning as far as HTTP goes. first_bytes: what each connection begins with."""

    def __init__(self, context, good):
        super().__init__()
        self.context, self.good = context, good
        self.first_bytes = []
        self.url = self.url.replace("http:", "https:")

    def be_well(self):
        self.context = self.good

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            self.first_bytes.append(connection.recv(8192, socket.MSG_PEEK))
            if self.context is None:  # the handshake hangs
                self.over.wait()
            else:
                super().serve(self.context.wrap_socket(connection, server_side=True))
