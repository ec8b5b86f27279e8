# SPDX-License-Identifier: MIT
"""The seven questions that every fault is asked, whatever it is.

    def test_a_situation(setup, scene):   # a healthy cloud stands beside setup.sim
        scene.start(setup.block(...))
        ...                               # the fault begins
        scene.look()                      # 4, and whether another device goes on
        ...                               # the fault is over
        scene.ask()                       # 7, then 1, 2, 3, 5; and 6 with its end

 1. How often did the far side execute each command? What it says is the oracle.
 2. Does the balance hold: created = all outcomes + pending, for each device?
 3. Are memory and descriptors bounded?
 4. Did the notification callback stay fast?
 5. Is the key in no log, ledger, core or command line?
 6. Do the sanitizers keep silent, where they are preloaded?
 7. Does a fresh command get through once the fault is over?

A plugin of the benchmark (bench/load.c) dispatches events of its own within the
daemon, and takes the time of each call. They are commands for the device `witness`
at an endpoint of its own, whose cloud is healthy: its record tells whether others
suffer from the fault.

No core dump holds the key before the first request. Then libcurl's copies of it may be
in one, as the manual says under KEYS.
"""

import collections
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from collectd import BUILD_DIR, SYSTEM_PLUGINS
from simulator import API_KEY, ROOT, wait_until

sys.path.append(str(ROOT / "bench"))
from board import Board  # noqa: E402  pylint: disable=wrong-import-position

WITNESS = "witness"
EVENTS = 200  # of a look: the second slowest call is the 99th percentile
FAST_NS = 1_000_000
LOOKS = 8  # a busy machine adds to the time of a call, and nothing takes from it
MEBIBYTE = 1024 * 1024
KEY = API_KEY.encode()
IS_SANITIZED = "ONENET_PRELOAD" in os.environ
DEVICE_WITHOUT_ENDPOINT = re.compile(
    r'(<Device "[^"]+">\n(?:(?!</Device>|\s*Endpoint ).*\n)*)</Device>')


@functools.lru_cache(maxsize=None)
def load_plugin():
    """Returns the folder of the load plugin, which is built for this process. It is
    kept as long as the object that is returned, a TemporaryDirectory."""
    folder = tempfile.TemporaryDirectory(prefix="onenet-load-")
    makefile = (BUILD_DIR / "Makefile").read_text(encoding="utf-8")
    flags = re.search(r"^COLLECTD_CPPFLAGS = (.*)$", makefile, re.M)[1].split()
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", *flags, "-o",
                    f"{folder.name}/bench_load.so", ROOT / "bench" / "load.c",
                    ROOT / "bench" / "board.c", "-lpthread"], check=True)
    return folder


def executions(far_side):
    """Returns Counter {body: how often it was executed} of a Simulator, or of what
    has an attribute `executed`, a list of bodies."""
    if hasattr(far_side, "executed"):
        return collections.Counter(far_side.executed)
    return collections.Counter(c["body"] for c in far_side.received())


def files_with_the_key(folder, key=KEY):
    """Returns the files below a folder that hold the key, but those whose names end
    in .key: it is meant to be there."""
    return [path for path in pathlib.Path(folder).rglob("*")
            if path.is_file() and path.suffix != ".key" and key in path.read_bytes()]


def dumped_regions(pid):
    """Yields (begin, end) of the memory that a core dump would hold."""
    region = None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        begins = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ .*?(\[v\w+\])?$", line)
        if begins:
            region = None if begins[3] else (int(begins[1], 16), int(begins[2], 16))
        elif line.startswith("VmFlags:") and region is not None:
            if " dd" not in line:
                yield region
            region = None


def times_in_a_core(pid, key=KEY):
    """Returns how often the key stands where a core dump would hold it."""
    count = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end in dumped_regions(pid):
            try:
                memory.seek(begin)
                count += memory.read(end - begin).count(key)
            except OSError:
                continue  # it has gone, or is of a device
    return count


class Scene:
    """A daemon in trouble, and the witness beside it.

    setup    its Setup; the daemon is setup.daemon
    healthy  the Simulator of the witness
    has_witness  set it to False before start() where rules of the test's own are for
             the events of bursts: plugin "bench", host "d000123"
    """

    def __init__(self, setup, healthy):
        self.setup, self.healthy = setup, healthy
        self.has_witness = True
        self.board = Board(setup.folder / "board")
        self.bursts = self.events = 0
        self.memory = self.descriptors = 0

    def witness(self):
        """Returns the configuration of the witness: each event a command."""
        if not self.has_witness:
            return ""
        return (self.setup.endpoint(self.healthy.url + "/cmds").replace(
            '"cloud"', f'"{WITNESS}-cloud"').replace(
                "</Endpoint>", "RateLimit 100000 1\n</Endpoint>")
            + f'<Device "{WITNESS}">\nDeviceID "{WITNESS}"\n'
            f'Endpoint "{WITNESS}-cloud"\n</Device>\n'
            f'<Rule "{WITNESS}">\nPlugin "bench"\nDevice "{WITNESS}"\n'
            'Supersede false\nRepeat 0\nOnFailure "%{value}"\n'
            'OnOkay "%{value|0}"\n</Rule>\n')

    def start(self, block=None, extra="", **options):
        """Starts the daemon; devices that name no Endpoint are of "cloud"."""
        load = (f'PluginDir "{load_plugin().name}"\nLoadPlugin bench_load\n'
                f'<Plugin bench_load>\nBoard "{self.board.path}"\n</Plugin>\n'
                f'PluginDir "{SYSTEM_PLUGINS}"\n')
        block = DEVICE_WITHOUT_ENDPOINT.sub(r'\1Endpoint "cloud"\n</Device>',
                                            block or self.setup.block())
        daemon = self.setup.start(block + self.witness(),
                                  extra=extra + load, **options)
        self.began()
        if not IS_SANITIZED:  # its memory is beyond reading
            assert times_in_a_core(daemon.pid) == 0, "the key is in a core dump"
        return daemon

    def began(self):
        """Notes what the daemon takes before anything happens, after each start."""
        daemon = self.setup.daemon
        self.memory = daemon.memory_bytes()
        self.descriptors = count_descriptors(daemon)

    def begin(self, count, devices=1, threads=1, gap_ns=0):
        """Has so many events dispatched within the daemon, from now on."""
        board = self.board
        self.bursts += 1
        board.LOAD_FIRST, board.LOAD_COUNT = self.events, count
        board.LOAD_DEVICES, board.LOAD_RULES = devices, 1
        board.LOAD_THREADS, board.LOAD_GAP_NS = threads, gap_ns
        self.events += count
        board.LOAD_GO = self.bursts

    def is_done(self):
        return self.board.LOAD_DONE == self.bursts

    def forget_burst(self):
        """A burst that the end of the daemon cut off does not begin anew."""
        self.board.LOAD_DONE = self.bursts

    def burst(self, count, **options):
        """The same, to its end; returns the 99th percentile of the time of a call,
        in ns."""
        self.begin(count, **options)
        wait_until(self.is_done, 60, "the burst to end")
        return self.board.LOAD_CALL_P99_NS

    def look(self, others_go_on=True):
        """Asks 4; and unless the fault is of a kind that holds all back, whether
        each command of the witness is executed once."""
        times = []
        while not times or (min(times) >= FAST_NS and len(times) < LOOKS):
            times.append(self.burst(EVENTS, gap_ns=200_000))
        assert min(times) < FAST_NS, f"99th percentiles of the callback, ns: {times}"
        if others_go_on:
            self.wait_for_witness()

    def wait_for_witness(self):
        if not self.has_witness:
            return
        wanted = {str(number): 1 for number in range(self.events)}
        try:
            wait_until(lambda: executions(self.healthy) == wanted, 30)
        except AssertionError:
            assert executions(self.healthy) == wanted

    def fresh(self, far_side, name, **fields):
        """Asks 7: sends a notification with this name as its message, which the
        rule under test must send as it is."""
        self.setup.notify(message=name, **fields)
        wait_until(lambda: executions(far_side)[name] == 1, 40,
                   f"the fresh command {name!r}")

    def ask(self, far_side=None, fresh="fresh", may_repeat=(), connections=16,
            mebibytes=64, has_history=True):
        """Asks all the rest, and ends the daemon. far_side: as in executions();
        fresh: message of the fresh notification, or None where the test has sent
        its own; may_repeat: rules with OnUnknown retry; has_history: False where the
        fault may have cost rows of what is finished, so that totals alone tell."""
        far_side = far_side or self.setup.sim
        if fresh is not None:
            self.fresh(far_side, fresh)
        self.wait_for_witness()
        wait_until(lambda: not self.setup.query(
            "SELECT 1 FROM commands WHERE state = 'in_flight'"), 30, "the answers")
        self.ask_of_resources(connections, mebibytes)
        self.ask_of_secrecy()
        self.end()
        if has_history:
            self.ask_of_executions(executions(far_side), may_repeat)
        else:
            self.ask_of_totals(executions(far_side))
        self.ask_of_balance()

    def ask_of_resources(self, connections, mebibytes):
        """Asks 3."""
        daemon = self.setup.daemon
        if not IS_SANITIZED:  # what was freed is kept for a while
            assert daemon.memory_bytes() - self.memory < mebibytes * MEBIBYTE
        wait_until(lambda: count_descriptors(daemon)
                   <= self.descriptors + connections, 30, "descriptors to be closed")

    def ask_of_secrecy(self):
        """Asks 5; of the core dump, start() did."""
        command_line = pathlib.Path(f"/proc/{self.setup.daemon.pid}/cmdline")
        assert KEY not in command_line.read_bytes()
        assert files_with_the_key(self.setup.folder) == []

    def end(self):
        """Asks 6: Collectd.stop() reads what sanitizers said."""
        status, _ = self.setup.daemon.stop()
        assert status == 0
        assert KEY.decode() not in self.setup.daemon.output

    def ask_of_executions(self, executed, may_repeat=()):
        """Asks 1: accepted is once, unknown or waiting at most once, else never; and
        nothing was executed that the ledger does not know."""
        least, most = collections.Counter(), collections.Counter()
        for body, outcome, rule in self.setup.query(
                "SELECT body, outcome, rule FROM commands"):
            body = body.decode() if isinstance(body, bytes) else body
            least[body] += outcome == "accepted"
            most[body] += outcome in ("accepted", "unknown", None)
            if rule in may_repeat:
                most[body] = 10**6
        for body in set(least) | set(executed):
            if not body.isdecimal():  # those are the witness's
                assert least[body] <= executed[body] <= most[body], (
                    body, executed[body], least[body], most[body])

    def ask_of_totals(self, executed):
        """Asks 1 where rows are missing: nothing was executed twice, and as much as
        was accepted."""
        (accepted, unknown), = self.setup.query(
            "SELECT sum(accepted), sum(unknown) FROM by_device "
            f"WHERE device <> '{WITNESS}'")
        assert not executed or max(executed.values()) == 1, executed.most_common(3)
        assert accepted <= sum(executed.values()) <= accepted + unknown

    def ask_of_balance(self):
        """Asks 2."""
        assert self.setup.query(
            "SELECT device, difference FROM balance WHERE difference <> 0") == []


def count_descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))
