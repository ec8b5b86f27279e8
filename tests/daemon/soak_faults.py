# SPDX-License-Identifier: MIT
"""The faults of tests/soak, and its schedule, which follows from the seed alone."""

import collections
import contextlib
import random
import sqlite3
import threading
import time

from soak_world import KEYS, OFFLINE, WRONG_KEY, Variant

DOUBT, REFUSAL = "unknown", "refused"


class Fault:
    """Something that goes wrong from begin() to end().

    name      how the schedule tells it
    outcomes  of commands, that may come of it
    lines     of the log, that may come of it: a regular expression
    needs_key whether commands wait for another key when it is over
    is_trying whether the ledger can not hold all that happens meanwhile
    """

    needs_key = is_trying = False
    lines = None

    def __init__(self, name, outcomes=()):
        self.name, self.outcomes = name, set(outcomes)

    def begin(self, world):
        raise NotImplementedError

    def end(self, world):
        pass


REFUSED_KEY = (r'\[error\] onenet plugin: endpoint "cloud": the credentials were '
               'refused: errno')


def ledger_fails(why):
    return r'\[error\] onenet plugin: ledger "[^"]*": ' + why + ": commands go on"


# ---- the cloud ----

class Spoilt(Fault):
    """The cloud's calls are spoilt, by options of Simulator.fault: each dict for
    `count` calls, or as long as it lasts."""

    def __init__(self, name, spoils, outcomes=()):
        super().__init__(name, outcomes)
        self.spoils = spoils

    def begin(self, world):
        for sim in (world.clouds.cmds, world.clouds.platform):
            for options in self.spoils:
                sim.fault(**{"count": -1, **options})

    def end(self, world):
        world.clouds.cmds.clear_faults()
        world.clouds.platform.clear_faults()


def slow(chance):
    delay_ms = chance.choice([30, 200, 500, 1000])
    return Spoilt(f"answers take {delay_ms} ms", [{"delay_ms": delay_ms}])


def too_slow(chance):
    some = chance.randint(1, 20)
    return Spoilt(f"{some} answers come after RequestTimeout",
                  [{"delay_ms": 3500, "count": some}], [DOUBT])


def resets(chance):
    ends = [chance.choice(["before", "after"]) for _ in range(chance.randint(1, 30))]
    return Spoilt("connections close: " + " ".join(ends),
                  [{"close": end, "count": 1} for end in ends], [DOUBT])


def http_storm(chance):
    status = chance.choice([408, 500, 502, 503, 504])
    runs = chance.random() < 0.5
    return Spoilt(f"HTTP {status}" + (", executed" if runs else ""),
                  [{"status": status, "body": "<html>", "execute": runs}], [DOUBT])


def busy(chance):
    status = chance.choice([425, 429, 503])
    after = chance.choice(["0", "1", "2", "-1", "soon", ""])
    return Spoilt(f'HTTP {status}, Retry-After "{after}"',
                  [{"status": status, "headers": {"Retry-After": after}}])


def errno_answer(number):
    return b'{"errno":%d,"code":%d,"error":"x","msg":"x"}' % (number, number)


def errno_storm(chance):
    number = chance.choice([1, 5, 6, 7, 9, 10, 13, 14, 15, 16, 17, 18, 999])
    return Spoilt(f"errno {number}", [{"body": errno_answer(number)}],
                  [DOUBT, REFUSAL])


def credentials_storm(chance):
    """Commands wait for a new key then: the schedule gives them one."""
    number = chance.choice([2, 3])
    fault = Spoilt(f"errno {number}", [{"body": errno_answer(number)}],
                   [DOUBT, REFUSAL])
    fault.needs_key, fault.lines = True, REFUSED_KEY
    return fault


def hanging(chance):
    runs = chance.random() < 0.5
    return Spoilt("no answer" + (", executed" if runs else ""),
                  [{"hang": True, "execute": runs, "count": chance.randint(1, 12)}],
                  [DOUBT])


GARBAGE = [b"<html>busy</html>", b'{"errno":0', b'{"errno":"0"}', b'{"errno":0.0}',
           b'{"errno":null}', b'{"errno":0}{"errno":0}', b'{"errno":0} x',
           b'{"errno":0,"x":"\xff"}', b"\xef\xbb\xbf{\"errno\":0}", b'{"errno":0}\0',
           b"[" * 5000, b'{"errno":4294967296}', b'{"errno":0,"errno":1}',
           b'{"data":{"errno":0}}', b'{"code":"0"}', b"0", b'"errno"',
           b'{"errno":0,"x":"' + b"x" * 70000 + b'"}']


def garbage(chance):
    bodies = chance.choices(GARBAGE, k=chance.randint(1, 20))
    runs = chance.random() < 0.5
    name = f"{len(bodies)} answers of garbage" + (", executed" if runs else "")
    return Spoilt(name, [{"body": body, "execute": runs, "count": 1} for body in bodies],
                  [DOUBT])


class Closed(Fault):
    """Nobody listens at the port of the cloud."""

    def __init__(self, chance):
        self.kill = chance.random() < 0.5
        super().__init__("the cloud is " + ("killed" if self.kill else "stopped"),
                         [DOUBT])

    def begin(self, world):
        world.clouds.cmds.stop(self.kill)

    def end(self, world):
        world.clouds.cmds.start()


class Offline(Fault):
    """Devices that come and go are away."""

    def __init__(self, _chance):
        super().__init__("devices are offline")

    def begin(self, world):
        for name in OFFLINE:
            world.clouds.cmds.put_device(name, online=False)

    def end(self, world):
        for name in OFFLINE:
            world.clouds.cmds.put_device(name, online=True)


CLOUD = [slow, too_slow, resets, http_storm, busy, errno_storm, credentials_storm,
         hanging, garbage, Closed, Offline]


# ---- the key ----

class WrongKey(Fault):
    lines = REFUSED_KEY

    def __init__(self, _chance):
        super().__init__("a wrong key", [REFUSAL])

    def begin(self, world):
        world.put_key(WRONG_KEY)


class NoKey(Fault):
    lines = (r'\[error\] onenet plugin: endpoint "cloud": the credentials can not be '
             "read")

    def __init__(self, _chance):
        super().__init__("no key file", [REFUSAL])

    def begin(self, world):
        world.key_file.unlink()


class OtherKey(Fault):
    def __init__(self, chance):
        self.key = chance.choice(KEYS)
        super().__init__("another good key")

    def begin(self, world):
        world.put_key(self.key)


KEY = [WrongKey, NoKey, OtherKey]


# ---- the ledger ----

class Locked(Fault):
    """Another process writes the ledger, for so long, whatever else happens: the
    daemon may end meanwhile, and the next one start. From 5 s on it would count as
    a disk that hangs."""

    lines = (r'\[warning\] onenet plugin: (ledger "[^"]*": it can be read and not '
             r"written|not all is known of the devices' states)")

    def __init__(self, chance):
        self.seconds = chance.uniform(0.2, 4)
        super().__init__(f"the ledger is locked for {self.seconds:.1f} s")
        self.began = threading.Event()

    def begin(self, world):
        self.thread = threading.Thread(target=self._hold, args=(world.ledger,))
        self.thread.start()
        assert self.began.wait(20), "the ledger can not be locked"

    def _hold(self, path):
        with contextlib.closing(sqlite3.connect(
                path, isolation_level=None, timeout=10)) as ledger:
            ledger.execute("BEGIN IMMEDIATE")
            self.began.set()
            time.sleep(self.seconds)

    def end(self, world):
        self.thread.join()


class Removed(Fault):
    is_trying = True
    lines = ledger_fails("it was removed")

    def __init__(self, _chance):
        super().__init__("the ledger is removed")

    def begin(self, world):
        for end in ("", "-wal", "-shm"):
            (world.disk / f"onenet.db{end}").unlink(missing_ok=True)


class Full(Fault):
    """No room is left on the disk of the ledger, if it has one of its own."""

    is_trying = True
    lines = ledger_fails("database or disk is full")

    def __init__(self, _chance):
        super().__init__("the disk is full")

    def begin(self, world):
        with contextlib.suppress(OSError), \
                (world.disk / "filler").open("wb", buffering=0) as filler:
            while world.has_disk:
                filler.write(b"x" * 4096)

    def end(self, world):
        (world.disk / "filler").unlink()


class Flagged(Fault):
    """The disk hangs, or fails at each sync, as long as there is a flag."""

    is_trying = True

    def begin(self, world):
        self.flag(world).touch()

    def end(self, world):
        self.flag(world).unlink()

    def flag(self, world):
        raise NotImplementedError


class Hangs(Flagged):
    lines = r"\[error\] onenet plugin: the ledger has not answered for 5 s"

    def __init__(self, _chance):
        super().__init__("the disk hangs")

    def flag(self, world):
        return world.hangs


class Fails(Flagged):
    lines = ledger_fails("disk I/O error")

    def __init__(self, _chance):
        super().__init__("the disk fails")

    def flag(self, world):
        return world.fails


LEDGER = [Locked, Locked, Removed, Full, Hangs, Fails]


# ---- the schedule ----

NOTHING, KILL, STOP = "goes on", "kill -9", "SIGTERM"

Step = collections.namedtuple("Step", "number cloud key ledger seconds events flood "
                                      "end variant seed is_last")
Step.__doc__ = """Faults that begin together, or None; how long, and how many events
come meanwhile; how the daemon fares at the end; whether a pause follows."""


def describe(step):
    """Returns the step in one line."""
    faults = [fault.name for fault in (step.cloud, step.key, step.ledger) if fault]
    text = (f"step {step.number}: {', '.join(faults) or 'no fault'}; "
            f"{step.events} events in {step.seconds:.1f} s")
    if step.flood:
        text += f", then {step.flood} of one slot"
    text += f"; {step.end}"
    if step.variant:
        text += ", as " + ", ".join(f"{name} {value}" for name, value
                                    in step.variant._asdict().items())
    return text


def some(chance, share, kinds):
    return chance.choice(kinds)(chance) if chance.random() < share else None


def plan_variant(chance):
    return Variant(in_flight=chance.choice([1, 4, 16]),
                   breaker=chance.choice([2, 5, 1000000]),
                   has_guest=chance.random() < 0.6,
                   sync=chance.choice(["full", "normal"]))


def plan(seed, is_calm=lambda: False):
    """Yields steps without end. is_calm: whether the daemon is to live on for
    now; what is drawn does not depend on it."""
    chance = random.Random(seed)
    number = 0
    while True:
        for left in reversed(range(chance.randint(1, 4))):
            number += 1
            end = chance.choice([NOTHING, NOTHING, KILL, KILL, STOP])
            variant = plan_variant(chance) if chance.random() < 0.4 else None
            step = Step(number=number, cloud=some(chance, 0.85, CLOUD),
                        key=some(chance, 0.2, KEY),
                        ledger=some(chance, 0.35, LEDGER),
                        seconds=chance.uniform(0.5, 6),
                        events=chance.randint(10, 200),
                        flood=chance.choice([0, 0, 0, 300]), end=end,
                        variant=variant if end != NOTHING else None,
                        seed=chance.random(), is_last=left == 0)
            yield (step._replace(end=NOTHING, variant=None) if is_calm()
                   else step)
