# SPDX-License-Identifier: MIT
"""Drives demo/onenet-sim, the local OneNET service, from a test.

    with Simulator("--rate", "0") as sim:
        sim.put_device("8029377", online=False)
        ...                                   # something POSTs to sim.url
        wait_until(lambda: sim.received("8029377"))
        sim.fault(count=2, status=503, headers={"Retry-After": "1"})

The binary is $ONENET_SIM (which needs no sanitizer to serve one), else
$ONENET_BUILDDIR/demo/onenet-sim, else the one in the source tree. Standard library only. An object is used by one thread at a
time; each call of a control method is one HTTP request of its own.
"""

import collections
import http.client
import json
import os
import pathlib
import subprocess
import time
import urllib.parse

API_KEY = "Demo0nlyKey=NotASecret00000="  # the simulator's default
FAN_ID = "8029377"  # of the device that most tests are about

# How many times as long all may take: sanitizers slow down what they look at.
SLOWER = float(os.environ.get("ONENET_SLOWER", "1"))

ROOT = pathlib.Path(__file__).resolve().parents[2]

Answer = collections.namedtuple("Answer", "status headers body")
Answer.__doc__ = "status (int), headers (an email.message.Message), body (bytes)"


def find_binary():
    """Returns the path of onenet-sim; says where it looked if it is missing."""
    path = os.environ.get("ONENET_SIM")
    if path is None:
        build_dir = os.environ.get("ONENET_BUILDDIR", ROOT)
        path = pathlib.Path(build_dir) / "demo" / "onenet-sim"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"no simulator at {path}: build it, or set "
                                "ONENET_SIM or ONENET_BUILDDIR")
    return str(path)


def wait_until(condition, timeout=10.0, what="the condition"):
    """Returns condition()'s first true value; AssertionError after timeout s,
    or SLOWER times as many."""
    deadline = time.monotonic() + SLOWER * timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in "
                                 f"{SLOWER * timeout:g} s")
        time.sleep(0.01)


class Simulator:
    """One onenet-sim process.

    url     "http://127.0.0.1:PORT": what the service is reached at
    port    the port, an int; pid: the process
    errors  what it wrote on stderr, a str, after stop()
    """

    def __init__(self, *options, ssl_context=None):
        """options: of the command line. ssl_context: to talk to it when it
        was given --tls-cert. Nothing runs before start()."""
        self.options = [str(option) for option in options]
        self.ssl_context = ssl_context
        self.url = self.port = self.pid = self.errors = None
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, failure, *_):
        """Stops it if it still runs; a bad end of it is a failure too."""
        if self._process is None:
            return
        result = self.stop()
        if failure is None and result != 0:
            raise RuntimeError(f"onenet-sim ended with {result}: {self.errors}")

    def start(self, *more_options):
        """Starts the process and waits until it listens. Returns self."""
        self._process = subprocess.Popen(
            [find_binary(), *self.options, *map(str, more_options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        line = self._process.stdout.readline()
        if not line.startswith("onenet-sim: listening on "):
            _, self.errors = self._process.communicate(timeout=10 * SLOWER)
            self._process = None
            raise RuntimeError(f"onenet-sim did not start: {self.errors}")
        self.url = line.split()[-1]
        self.port = urllib.parse.urlsplit(self.url).port
        return self

    def is_running(self):
        return self._process is not None

    def stop(self, kill=False):
        """Ends the process, by SIGKILL if kill; returns its exit status."""
        process, self._process = self._process, None
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            _, self.errors = process.communicate(timeout=10 * SLOWER)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return process.returncode

    def http(self, method, target, body=None, headers=None,
             timeout=10 * SLOWER):
        """One HTTP request to any path; returns an Answer."""
        connection = self.connect(timeout)
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def connect(self, timeout=10 * SLOWER):
        """Returns a fresh http.client connection, which the caller closes."""
        if self.ssl_context is not None:
            return http.client.HTTPSConnection("127.0.0.1", self.port,
                                               timeout=timeout,
                                               context=self.ssl_context)
        return http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=timeout)

    def control(self, method, path, body=None, **query):
        """One request to /sim/<path>; returns its JSON or text, None if it has
        no content; RuntimeError with the simulator's words on a 4xx. In the
        query None is left out, True is 1, False is 0, a list is repeated."""
        pairs = []
        for name, value in query.items():
            for item in value if isinstance(value, list) else [value]:
                if item is not None:
                    item = int(item) if isinstance(item, bool) else item
                    pairs.append((name, item))
        target = f"/sim/{path}"
        if pairs:
            target += "?" + urllib.parse.urlencode(pairs)
        answer = self.http(method, target, body)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {target}: {answer.status} "
                               f"{answer.body.decode().strip()}")
        if answer.headers.get("Content-Type") == "application/json":
            return json.loads(answer.body)
        return answer.body.decode() or None

    def put_device(self, device_id, online=None, answer=None, **manner):
        """Adds (online unless told otherwise) or alters a device; answer: what
        it answers by itself, "" = nothing; manner: in calls that wait for it
        silent, reply_code, wait_ms, failure. Returns the device as a dict."""
        return self.control("PUT", self._device(device_id), online=online,
                            answer=answer, **manner)

    def envelope(self, **options):
        """Alters the answers of the current platform's calls: code_last,
        request_id, data ("there", "null" or "absent")."""
        self.control("PUT", "envelope", **options)

    def delete_device(self, device_id):
        self.control("DELETE", self._device(device_id))

    def devices(self):
        """Returns {id: {"id", "online", "answer", "waiting", "received"}}."""
        return {d["id"]: d for d in self.control("GET", "devices")}

    def answer(self, device_id, uuid, body):
        """The device answers the command with these bytes."""
        self.control("POST", self._device(device_id) + "/answer", body,
                     uuid=uuid)

    def received(self, device_id=None):
        """Returns what the device, or all, received, in order: dicts with
        uuid, device_id, at, body (None if not UTF-8), body_base64,
        content_type, qos, timeout. The oracle: executed means it is here."""
        if device_id is None:
            return self.control("GET", "received")
        return self.control("GET", self._device(device_id) + "/received")

    def bodies(self, device_id=FAN_ID):
        """Returns the bodies of what the device received, in order."""
        return [command["body"] for command in self.received(device_id)]

    def requests(self):
        """Returns the calls of /cmds as they came, in order: dicts with at,
        method, url, headers (list of [name, value], keys masked), body,
        body_base64, body_bytes, ending ("answered", "closed", "hanging"),
        status, answer, executed."""
        return self.control("GET", "requests")

    def stats(self):
        """Returns totals since the start: requests, executed, faults,
        follow_ups, connections, devices, answers (a dict by errno)."""
        return self.control("GET", "stats")

    def clear(self):
        """Forgets requests() and received(); stats() and devices stay."""
        self.control("DELETE", "requests")
        self.control("DELETE", "received")

    def fault(self, body=None, headers=None, **options):
        """Spoils the next calls of POST /cmds. options: count (default 1, -1 =
        until cleared), device_id, status, delay_ms, close ("before" or
        "after"), execute, hang. Returns the list of faults in force."""
        header = [f"{name}:{value}" for name, value in (headers or {}).items()]
        return self.control("POST", "faults", body, header=header, **options)

    def clear_faults(self):
        self.control("DELETE", "faults")

    def advance(self, seconds):
        """Moves the cloud's clock: what waits runs out without waiting."""
        self.control("POST", "clock", advance=seconds)

    @staticmethod
    def _device(device_id):
        return "devices/" + urllib.parse.quote(str(device_id), safe="")
