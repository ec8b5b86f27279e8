# SPDX-License-Identifier: MIT
"""A network link that can be bad: two network namespaces of the test's own, a TUN device
in each, and between them a forwarder in this process.

    with Link() as link:
        server = link.listen_far()        # a socket beyond the link, at FAR
        here = link.listen_near()         # a socket on loopback, before the link
        link.wrapper                      # words in front of a command that runs here
        link.there.loss = 0.2             # of the packets that way, so many get lost
        link.back.delay_s = 0.05
        link.there.is_hole = True         # nothing gets through

It needs the right to make namespaces, and /dev/net/tun: NoLink says what is missing.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

NEAR, FAR = "10.255.77.1", "10.255.77.2"
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001


class NoLink(Exception):
    """Why there is none."""


class Way:
    """How packets fare in one direction."""

    def __init__(self):
        self.loss = self.delay_s = 0
        self.is_hole = False
        self.packets = self.lost = 0


def enter_namespace():
    """Puts this thread into a network namespace of its own; returns a descriptor of
    it."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise NoLink(f"a network namespace: {os.strerror(ctypes.get_errno())}")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def open_tun(own, other):
    """Returns a descriptor of the TUN device of this thread's namespace, with these
    addresses."""
    try:
        tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN_NO_PI))
    except OSError as error:
        raise NoLink(f"/dev/net/tun: {error.strerror}") from None
    for words in (["address", "add", own, "peer", other, "dev", "tun0"],
                  ["link", "set", "dev", "tun0", "up"],
                  ["link", "set", "dev", "lo", "up"]):
        subprocess.run(["ip", *words], check=True)
    return tun


class Link:
    """See above. wrapper: words in front of a command line that runs at its near
    end."""

    def __init__(self, seed=1):
        self.there, self.back = Way(), Way()
        self.chance = random.Random(seed)
        self.late = []  # heap of (time, count, descriptor, packet)
        self.is_over = False
        self.failure = None
        self.namespaces, self.tuns, self.servers = [], [], []

    def __enter__(self):
        if shutil.which("ip") is None or shutil.which("nsenter") is None:
            raise NoLink("ip and nsenter")
        maker = threading.Thread(target=self.make)
        maker.start()
        maker.join()
        if self.failure is not None:
            self.close()
            raise self.failure
        self.wrapper = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.namespaces[0]}"]
        self.forwarder = threading.Thread(target=self.forward)
        self.forwarder.start()
        return self

    def make(self):
        """Makes both ends, in a thread of its own: that is what changes namespaces."""
        try:
            for own, other, address in ((NEAR, FAR, "127.0.0.1"), (FAR, NEAR, FAR)):
                self.namespaces.append(enter_namespace())
                self.tuns.append(open_tun(own, other))
                self.servers.append([socket.create_server((address, 0), backlog=64)
                                     for _ in range(2)])
        except (NoLink, OSError, subprocess.CalledProcessError) as error:
            self.failure = NoLink(str(error))

    def listen_near(self):
        return self.servers[0].pop()

    def listen_far(self):
        return self.servers[1].pop()

    def __exit__(self, *_):
        self.is_over = True
        self.forwarder.join()
        self.close()

    def close(self):
        for descriptor in self.tuns + self.namespaces:
            os.close(descriptor)
        for server in sum(self.servers, []):
            server.close()

    def forward(self):
        near, far = self.tuns
        while not self.is_over:
            readable, _, _ = select.select(self.tuns, [], [], self.patience_s())
            for tun in readable:
                way, to = (self.there, far) if tun == near else (self.back, near)
                self.pass_on(way, to, os.read(tun, 65536))
            while self.late and self.late[0][0] <= time.monotonic():
                _, _, to, packet = heapq.heappop(self.late)
                os.write(to, packet)

    def patience_s(self):
        if not self.late:
            return 0.05
        return max(0, min(0.05, self.late[0][0] - time.monotonic()))

    def pass_on(self, way, to, packet):
        way.packets += 1
        if way.is_hole or self.chance.random() < way.loss:
            way.lost += 1
        else:
            heapq.heappush(self.late, (time.monotonic() + way.delay_s, way.packets,
                                       to, packet))
