# SPDX-License-Identifier: MIT
"""The processes of a benchmark: the far side, the bare loop, and a collectd with the
load plugin and whatever is measured. Each is stopped by its process id."""

import collections
import contextlib
import ctypes
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

from board import Board

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests" / "daemon"))
# pylint: disable=wrong-import-position
from collectd import BUILD_DIR, READY, SYSTEM_PLUGINS, Collectd  # noqa: E402
from simulator import API_KEY, wait_until  # noqa: E402

PROGRAMS = BUILD_DIR / "bench"
ARRIVED = collections.Counter()  # what was checked of all requests so far
PATIENCE_S = 60  # for anything that is waited for


def clock_of(pid):
    """Returns the number of the clock of a process's CPU time."""
    libc = ctypes.CDLL(None)
    clock = ctypes.c_int()
    if libc.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        raise ProcessLookupError(pid)
    return clock.value


def cpu_ns(pid):
    """Returns the CPU time of a process so far."""
    return time.clock_gettime_ns(clock_of(pid))


def cpu_of_children_ns(pid):
    """Returns the CPU time of those of its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[13]) + int(fields[14])
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def make_folder():
    """Returns the path of a new folder, which the caller removes. It is in the build
    folder, since /tmp may be memory, in which a ledger is never synced."""
    return pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=BUILD_DIR))


class Far:
    """The far side, with a board of its own, for as long as `with` goes on."""

    def __init__(self, delay_ms=0):
        self.folder = make_folder()
        self.board = Board(self.folder / "board")
        self.board.FAR_DELAY_NS = delay_ms * 1_000_000

    def __enter__(self):
        self._process = subprocess.Popen([PROGRAMS / "far", self.board.path])
        wait_until(lambda: self.board.FAR_PORT, 10, "the far side to listen")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.board.FAR_PORT}/cmds"

    def wait_for_answers(self, count):
        wait_until(lambda: self.board.FAR_ANSWERED >= count, PATIENCE_S,
                   f"the answer to {count} requests")

    def wait_for_requests(self, count):
        wait_until(lambda: self.board.FAR_REQUESTS >= count, PATIENCE_S,
                   f"all of {count} requests")

    def span_s(self):
        """Returns the time from the first request to the last answer."""
        return (self.board.FAR_LAST_NS - self.board.FAR_FIRST_NS) / 1e9

    def check_once(self, count):
        """Raises if not each of so many numbers came exactly once."""
        board = self.board
        ARRIVED.update(sent=count, distinct=board.FAR_DISTINCT,
                       repeated=board.FAR_REPEATED)
        if (board.FAR_DISTINCT, board.FAR_REPEATED, board.FAR_UNNUMBERED) != (
                count, 0, 0):
            raise AssertionError(
                f"of {count} requests, {board.FAR_DISTINCT} different ones came, "
                f"{board.FAR_REPEATED} again, {board.FAR_UNNUMBERED} without number")


def run_bare(far, count, *, in_flight=64, devices=1000, gap_ms=0):
    """Runs the bare loop against a fresh far side, to its end."""
    words = [far.board.path, API_KEY, count, in_flight, devices,
             int(gap_ms * 1e6)]
    subprocess.run([PROGRAMS / "bare", *map(str, words)], check=True,
                   timeout=PATIENCE_S)
    far.check_once(count)


# ---- collectd ----

LOGFILE = """LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{folder}/log"
</Plugin>
"""


class Agent(Collectd):
    """A collectd with the load plugin. plugins: configuration with LoadPlugin lines
    of what is measured. own_log: the load plugin writes the log, so that no other
    plugin listens to notifications; else it is logfile, at level info."""

    def __init__(self, far, plugins, own_log=False):
        self.far = far
        self.board = far.board
        self.own_log = own_log
        self.bursts = 0
        self.dispatched = 0
        super().__init__(far.folder, plugins)

    def configure(self, onenet, **_):
        log = "" if self.own_log else LOGFILE.format(folder=self.folder)
        own = f'  Log "{self.folder}/log"\n' if self.own_log else ""
        self.config.write_text(
            f'Hostname "bench"\nFQDNLookup false\nInterval 10\n'
            f'BaseDir "{self.folder}"\nPIDFile "{self.folder}/pid"\n'
            f'PluginDir "{SYSTEM_PLUGINS}"\n{log}{onenet}'
            f'PluginDir "{PROGRAMS}/.libs"\nLoadPlugin bench_load\n'
            f'<Plugin bench_load>\n  Board "{self.board.path}"\n{own}</Plugin>\n')

    def start(self, ready=True):
        self.board.LOAD_READY_NS = 0
        return super().start(ready)

    def _is_ready(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"collectd ended: {self._read_output()}{self.log()}")
        return (self.board.LOAD_READY_NS != 0
                and self.log().count(READY) > self._starts)

    def begin(self, count, *, devices=1000, rules=1, threads=1, window=0, gap_ms=0,
              await_acceptance=False):
        """Has the load plugin dispatch so many events, numbered on from those of
        before."""
        board = self.board
        self.bursts += 1
        board.LOAD_FIRST, board.LOAD_COUNT = self.dispatched, count
        board.LOAD_DEVICES, board.LOAD_RULES = devices, rules
        board.LOAD_THREADS, board.LOAD_WINDOW = threads, window
        board.LOAD_GAP_NS = int(gap_ms * 1e6)
        board.LOAD_AWAIT = int(await_acceptance)
        board.LOAD_GO = self.bursts
        self.dispatched += count

    def wait_for_burst(self):
        wait_until(lambda: self.board.LOAD_DONE == self.bursts, PATIENCE_S,
                   "all events to be dispatched")

    def cpu_ns(self):
        """Returns its CPU time so far, with that of children that have ended."""
        return cpu_ns(self.pid) + cpu_of_children_ns(self.pid)

    def wait_for_pending(self, count):
        """Waits until the ledger has so many commands that are not finished."""
        with contextlib.closing(sqlite3.connect(
                f"file:{self.folder}/onenet.db?mode=ro", uri=True)) as ledger:
            wait_until(lambda: ledger.execute(
                "SELECT count(*) FROM commands WHERE state <> 'finished'"
            ).fetchone()[0] == count, PATIENCE_S, f"{count} pending commands")


def onenet(far, *, devices=1000, rules=1, in_flight=64, options="", of_rules="",
           of_endpoint=""):
    """Returns the configuration of the plugin: devices from a DeviceFile, each rule
    for one plugin_instance and all devices."""
    file = far.folder / "devices.csv"
    file.write_text("".join(f"d{i:06},{8000000 + i}\n" for i in range(devices)))
    key = far.folder / "onenet.key"
    key.write_text(API_KEY)
    key.chmod(0o600)
    blocks = "".join(
        f'<Rule "r{i}">\n  Plugin "bench"\n  PluginInstance "r{i}"\n  Type "gauge"\n'
        f'  Device "%{{host}}"\n  Format json\n'
        r'  OnFailure "{\"fan\":\"on\",\"n\":%{value}}"' "\n"
        r'  OnOkay "{\"fan\":\"off\",\"n\":%{value}}"' "\n"
        f"{of_rules}</Rule>\n" for i in range(rules))
    return (f'PluginDir "{BUILD_DIR}/.libs"\nLoadPlugin onenet\n<Plugin onenet>\n'
            f'{options}<Endpoint "cloud">\n  URL "{far.url}"\n'
            f'  APIKeyFile "{key}"\n  MaxInFlight {in_flight}\n'
            f'  RateLimit 1000000 1\n{of_endpoint}</Endpoint>\n'
            f'DeviceFile "{file}"\n{blocks}</Plugin>\n')
