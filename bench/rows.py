# SPDX-License-Identifier: MIT
"""What is measured: one experiment a function, which makes one round of its rows.

An experiment runs what it measures and what that is compared with right after each
other, so that whatever disturbs the machine disturbs both, and returns a pair (ours,
the other's) for each of its rows.
"""

import atexit
import collections
import contextlib
import functools
import os
import pwd
import shutil
import sqlite3
import time

from parties import Agent, Far, make_folder, onenet, run_bare

Row = collections.namedtuple("Row", "name unit than compare target")
Row.__doc__ = """name     what is measured
unit     of both numbers
than     what it is compared with; "" if it stands for itself
compare  how both become the number that is judged: MIB = 1024 * 1024
RATIO, INVERSE, DIFFERENCE, ALONE
target   (bound, number) to reach: (">=", 0.7), or None"""

MIB = 1024 * 1024
RATIO, INVERSE, DIFFERENCE, ALONE = "ratio", "inverse", "difference", "alone"

EXPERIMENTS = []  # (word, rows, function), in the order of the table


def experiment(word, *rows):
    """Enters a function of a Scale, which returns the pairs of these rows."""
    def enter(function):
        EXPERIMENTS.append((word, rows, function))
        return function
    return enter


class Scale:
    """How much is measured: all of it, or, with --quick, so little that it only
    shows that everything works."""

    def __init__(self, is_quick):
        self.is_quick = is_quick

    def pick(self, full, quick):
        return quick if self.is_quick else full


# ---- against libcurl alone ----

Run = collections.namedtuple("Run", "per_s cpu_us memory_mib")


def run_loop(count, in_flight):
    """Returns a Run of the bare loop."""
    with Far() as far:
        run_bare(far, count, in_flight=in_flight)
        return Run(count / far.span_s(), far.board.BARE_CPU_NS / count / 1000, 0)


def run_agent(count, in_flight, *, devices=1000, rules=1, window=500, delay_ms=0,
              first=0, ledger=None, **of_plugin):
    """Returns a Run of the plugin. The window is half as many events as there are
    devices at most, so that no command takes the place of one that waits. first:
    the number of the first event; ledger: one to begin with a copy of."""
    with Far(delay_ms) as far:
        if ledger is not None:
            copy_synced(ledger, far.folder / "onenet.db")
        plugins = onenet(far, devices=devices, rules=rules, in_flight=in_flight,
                         **of_plugin)
        with Agent(far, plugins) as agent:
            agent.dispatched = first
            run = run_burst(agent, count, devices=devices, rules=rules,
                            window=window)
            far.check_once(count)
            return run


def run_burst(agent, count, **how):
    """Returns a Run of what the load plugin dispatches now. Its own CPU time between
    two calls does not count, the calls do."""
    begun_ns = agent.cpu_ns()
    agent.begin(count, **how)
    agent.far.wait_for_answers(count)
    agent.wait_for_burst()
    used_ns = agent.cpu_ns() - begun_ns - agent.board.LOAD_WAIT_CPU_NS
    return Run(count / agent.far.span_s(), used_ns / count / 1000,
               agent.memory_bytes() / MIB)


BARE = "bare libcurl loop"


def rate_row(ledger, in_flight, target):
    return Row(f"{ledger}, {in_flight} in flight", "commands/s", BARE, RATIO,
               (">=", target))


@experiment("full-64", rate_row("ledger on disk", 64, 0.7),
            Row("CPU per command, on disk, 64 in flight", "us", BARE, RATIO,
                ("<=", 1.7)))
def full_64(scale):
    count = scale.pick(50000, 1000)
    ours, bare = run_agent(count, 64), run_loop(count, 64)
    return [(ours.per_s, bare.per_s), (ours.cpu_us, bare.cpu_us)]


def compare_rates(scale, in_flight, **of_plugin):
    count = scale.pick(50000, 1000)
    return [(run_agent(count, in_flight, **of_plugin).per_s,
             run_loop(count, in_flight).per_s)]


@experiment("full-256", rate_row("ledger on disk", 256, 0.7))
def full_256(scale):
    return compare_rates(scale, 256)


@experiment("full-16", rate_row("ledger on disk", 16, 0.45))
def full_16(scale):
    return compare_rates(scale, 16)


IN_MEMORY = 'Ledger ":memory:"\n'


@experiment("memory-64", rate_row('Ledger ":memory:"', 64, 0.9))
def memory_64(scale):
    return compare_rates(scale, 64, options=IN_MEMORY)


@experiment("memory-16", rate_row('Ledger ":memory:"', 16, 0.8))
def memory_16(scale):
    return compare_rates(scale, 16, options=IN_MEMORY)


# ---- against what collectd has ----

WRITE_HTTP = """LoadPlugin write_http
<Plugin write_http>
  <Node "far">
    URL "{url}"
    Format "JSON"
    Metrics false
    Notifications true
  </Node>
</Plugin>
"""

EXEC_CURL = """LoadPlugin exec
<Plugin exec>
  NotificationExec "{user}" "/usr/bin/curl" "-s" "-o" "/dev/null" "-H" \
    "Content-Type: application/json" "--data-binary" "@-" "{url}"
</Plugin>
"""


def unprivileged_user():
    """Returns a user whom collectd's exec takes, which refuses root."""
    return pwd.getpwuid(os.getuid()).pw_name if os.getuid() != 0 else "nobody"


def run_other(plugins, count, **how):
    """Returns a Run of another plugin that makes a request of each notification, at
    a far side that takes 50 ms."""
    with Far(delay_ms=50) as far:
        words = plugins.format(url=far.url, user=unprivileged_user())
        with Agent(far, words, own_log=True) as agent:
            return run_burst(agent, count, devices=1000, **how)


@experiment("slow-cloud",
            Row("cloud that takes 50 ms, 256 in flight", "commands/s", "write_http",
                RATIO, (">=", 241)),
            Row("the same", "commands/s", "exec with curl", RATIO, (">=", 50)),
            Row("the same, CPU per command", "us", "exec with curl", INVERSE,
                (">=", 93)))
def slow_cloud(scale):
    ours = run_agent(scale.pick(15000, 1000), 256, delay_ms=50)
    write_http = run_other(WRITE_HTTP, scale.pick(60, 10), threads=5)
    curl = run_other(EXEC_CURL, scale.pick(300, 10), window=64)
    return [(ours.per_s, write_http.per_s), (ours.per_s, curl.per_s),
            (ours.cpu_us, curl.cpu_us)]


# ---- latencies ----

@experiment("acceptance", Row("notification to acceptance, idle agent, median", "ms",
                              "warm curl handle", DIFFERENCE, ("<=", 0.6)))
def acceptance(scale):
    count, gap_ms = scale.pick(400, 20), 5
    with Far() as far, Agent(far, onenet(far), own_log=True) as agent:
        agent.begin(count, gap_ms=gap_ms, await_acceptance=True)
        agent.wait_for_burst()
        far.check_once(count)
        ours_ms = far.board.LOAD_ACCEPT_P50_NS / 1e6
    with Far() as far:
        run_bare(far, count, in_flight=1, gap_ms=gap_ms)
        return [(ours_ms, far.board.BARE_P50_NS / 1e6)]


Calls = collections.namedtuple("Calls", "p50_us p99_us")


def call_times(scale, rules, threads):
    """Returns the Calls of plugin_dispatch_notification, the time that half of them
    take and the one that 99 of 100 take at most, with 500 events a second; 0 rules:
    without the plugin. Nobody else listens."""
    count = scale.pick(1500, 50)
    with Far() as far:
        plugins = onenet(far, rules=rules) if rules > 0 else ""
        with Agent(far, plugins, own_log=True) as agent:
            agent.begin(count, rules=max(rules, 1), threads=threads,
                        gap_ms=2 * threads)
            agent.wait_for_burst()
            if rules > 0:
                far.wait_for_answers(count)
                far.check_once(count)
            return Calls(far.board.LOAD_CALL_P50_NS / 1000,
                         far.board.LOAD_CALL_P99_NS / 1000)


def callback_row(what, target):
    return Row(f"callback, {what}", "us", "nobody listens", ALONE, target)


@experiment("callback", callback_row("median, one thread", None),
            callback_row("99 of 100, one thread", ("<=", 20)),
            callback_row("99 of 100, five threads", ("<=", 20)),
            Row("callback, 99 of 100, 10,000 rules", "us", "10 rules", RATIO,
                ("<=", 2)))
def callback(scale):
    one, nobody = call_times(scale, 10, 1), call_times(scale, 0, 1)
    five, nobody_of_five = call_times(scale, 10, 5), call_times(scale, 0, 5)
    many = call_times(scale, scale.pick(10000, 100), 1)
    return [(one.p50_us, nobody.p50_us), (one.p99_us, nobody.p99_us),
            (five.p99_us, nobody_of_five.p99_us), (many.p99_us, one.p99_us)]


# ---- much that waits ----

KEEP_ALL = "  Supersede false\n  Repeat 0\n"  # many commands of one device
ROOM = "QueueLimit 200000\nShutdownTimeout 1\n"
PATIENT = "  RequestTimeout 300\n"


@contextlib.contextmanager
def waiting(scale, devices, of_rules=""):
    """Yields (far side, agent, MiB of the idle agent) with 100,000 commands that
    wait, since the far side answers nobody."""
    count = scale.pick(100000, 1000)
    with Far() as far:
        far.board.FAR_HOLD = 1
        with Agent(far, onenet(far, devices=devices, in_flight=16, options=ROOM,
                               of_rules=of_rules, of_endpoint=PATIENT)) as agent:
            idle_mib = agent.memory_bytes() / MIB
            agent.begin(count, devices=devices)
            agent.wait_for_burst()
            agent.wait_for_pending(count)
            yield far, agent, idle_mib


def memory_of_waiting(scale, devices, of_rules=""):
    """Returns the MiB over idle with 100,000 commands that wait, and once they are
    delivered."""
    with waiting(scale, devices, of_rules) as (far, agent, idle_mib):
        full_mib = agent.memory_bytes() / MIB
        far.board.FAR_HOLD = 0
        far.wait_for_answers(agent.dispatched)
        agent.wait_for_pending(0)
        far.check_once(agent.dispatched)
        return [(full_mib - idle_mib, None),
                (agent.memory_bytes() / MIB - idle_mib, None)]


def memory_rows(devices, most):
    return [Row(f"100,000 waiting, {devices} devices: over idle", "MiB", "", ALONE,
                ("<=", most)),
            Row(f"once they are delivered, {devices} devices: over idle", "MiB", "",
                ALONE, None)]


@experiment("waiting-1000", *memory_rows("1,000", 48))
def waiting_1000(scale):
    return memory_of_waiting(scale, 1000, KEEP_ALL)


@experiment("waiting-100000", *memory_rows("100,000", 128))
def waiting_100000(scale):
    return memory_of_waiting(scale, scale.pick(100000, 1000))


@experiment("restart", Row("restart with 100,000 waiting: to the first request", "s",
                           "", ALONE, ("<=", 1)))
def restart(scale):
    with waiting(scale, 1000, KEEP_ALL) as (far, agent, _):
        agent.stop()
        far.board.FAR_HOLD = far.board.FAR_FIRST_NS = 0
        begun_ns = time.monotonic_ns()
        agent.start()
        far.wait_for_requests(agent.dispatched)
        agent.wait_for_pending(0)
        far.check_once(agent.dispatched)
        return [((far.board.FAR_FIRST_NS - begun_ns) / 1e9, None)]


# ---- much that has been ----

def grow_history(path, rows):
    """Copies the finished commands of a ledger, under new ids, until there are so
    many. Its columns are those that the plugin made."""
    with contextlib.closing(sqlite3.connect(path)) as ledger:
        columns = [row[1] for row in ledger.execute("PRAGMA table_info(commands)")]
        others = ", ".join(name for name in columns if name != "id")
        count, = ledger.execute("SELECT count(*) FROM commands").fetchone()
        while count < rows:
            more = min(count, rows - count)
            ledger.execute(
                f"INSERT INTO commands (id, {others}) SELECT id + (SELECT max(id) "
                f"FROM commands), {others} FROM commands ORDER BY id LIMIT {more}")
            count += more
        ledger.commit()


@functools.cache
def ledger_of(rows):
    """Returns the path of a ledger with so many finished commands, which is there
    until the process ends."""
    folder = make_folder()
    atexit.register(shutil.rmtree, folder)
    path = folder / "onenet.db"
    with Far() as far:
        with Agent(far, onenet(far)) as agent:
            run_burst(agent, min(rows, 1000), window=500)
            agent.wait_for_pending(0)
        shutil.copy(far.folder / "onenet.db", path)
    grow_history(path, rows)
    return path


def copy_synced(path, to):
    """Copies a file, and waits until the disk has it, so that nobody else does."""
    shutil.copy(path, to)
    with open(to, "rb+") as file:
        os.fsync(file.fileno())


KEEP_HISTORY = "HistoryMax 2000000\n"


def start_s(rows):
    """Returns the time from the start of the process until all plugins run."""
    with Far() as far:
        agent = Agent(far, onenet(far, options=KEEP_HISTORY))
        copy_synced(ledger_of(rows), far.folder / "onenet.db")
        begun_ns = time.monotonic_ns()
        with agent:
            return (far.board.LOAD_READY_NS - begun_ns) / 1e9


@experiment("history", Row("start with 1,000,000 finished commands", "s",
                           "1,000 finished commands", ALONE, ("<=", 0.3)))
def history(scale):
    return [(start_s(scale.pick(1000000, 2000)), start_s(1000))]


# ---- growth ----

# None of these events says again what its device is known to have accepted, and
# each device begins with a failure.
AFTER_HISTORY = 20000


def run_grown(scale, *, rows=10000, rules=10, **how):
    """Returns a Run with such a history, and so many rules."""
    ledger = ledger_of(scale.pick(rows, rows // 10))
    return run_agent(scale.pick(20000, 500), 64, rules=rules, first=AFTER_HISTORY,
                     ledger=ledger, options=KEEP_HISTORY, **how)


def growth_rows(what):
    return [Row(f"ten times the {what}: rate", "commands/s", "as it was", RATIO,
                (">=", 0.9)),
            Row(f"ten times the {what}: memory", "MiB", "as it was", RATIO, None)]


def compare_growth(scale, before, after):
    ours, other = run_grown(scale, **after), run_grown(scale, **before)
    return [(ours.per_s, other.per_s), (ours.memory_mib, other.memory_mib)]


@experiment("more-devices", *growth_rows("devices (10,000)"))
def more_devices(scale):
    return compare_growth(scale, {}, {"devices": 10000})


@experiment("more-rules", *growth_rows("rules (100)"))
def more_rules(scale):
    return compare_growth(scale, {}, {"rules": 100})


@experiment("more-history", *growth_rows("history (100,000)"))
def more_history(scale):
    return compare_growth(scale, {}, {"rows": 100000})


@experiment("more-waiting", *growth_rows("queue (5,000)"))
def more_waiting(scale):
    return compare_growth(scale, {"devices": 10000},
                          {"devices": 10000, "window": 5000})
