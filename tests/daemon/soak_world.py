# SPDX-License-Identifier: MIT
"""What tests/soak runs: a collectd with rules of every kind, and two clouds.

Each event of a MARKED kind becomes a command of its own, whose body is a marker
that no other has: so the far side's execution log says how often it was executed.
The other kinds are states, whose bodies are fixed: there it is the last body that
counts, once all is quiet.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import time

from collectd import Collectd, in_front
from sim_calls import ACCESS_KEY, PRODUCT
from simulator import SLOWER, Simulator, wait_until
from test_disk import DISK

KEYS = ("Soak0ne+NotASecret00000000000=", "SoakTwo+NotASecret00000000000=")
WRONG_KEY = "SoakBad+NotASecret00000000000="
SECRETS = (*KEYS, WRONG_KEY, ACCESS_KEY)

SHUTDOWN_S = 5
DISK_BYTES = 64 * 1024 * 1024
HISTORY = 4000  # rows: trimmed several times in an hour, and looked at before that

Kind = collections.namedtuple("Kind", "devices device rule outcomes")
Kind.__doc__ = """What is commanded in one way: names of devices, options of the
device and of the rule, and the outcomes that are no fault, besides `accepted`."""

DOUBT, REFUSAL = "unknown", "refused"
ALL = "Supersede false\nRepeat 0\n"
MARKED = {
    "once": Kind([f"once{n}" for n in range(4)], "", ALL, {DOUBT, REFUSAL}),
    "again": Kind(["again0", "again1"], "", ALL + "OnUnknown retry\n",
                  {DOUBT, REFUSAL}),  # a refusal after a doubtful attempt is doubt
    "hasty": Kind(["hasty0"], "", ALL + "Expire 2\n", {DOUBT, REFUSAL, "expired"}),
    "kept": Kind(["kept0"], "Timeout 3600\n", ALL + "Track true\n",
                 {DOUBT, REFUSAL}),
    "patient": Kind(["patient0"], "", ALL + "OnOffline retry\n", {DOUBT, REFUSAL}),
    "slow": Kind(["slow0"], "RateLimit 20 1\n", ALL, {DOUBT, REFUSAL}),
    "guest": Kind(["guest0"], "", ALL, {DOUBT, REFUSAL, "cancelled"}),
    "newest": Kind(["newest0"], "", "Repeat 0\nCooldown 1\n",
                   {DOUBT, REFUSAL, "superseded"}),
    "vent": Kind(["vent0"], 'Endpoint "platform"\n', ALL, {DOUBT, REFUSAL}),
}
OFFLINE = ("kept0", "patient0")  # devices that come and go

FIXED = {DOUBT, REFUSAL, "superseded", "unchanged"}
STATES = {
    "fan": Kind(["fan"], "", "Cooldown 1\n", FIXED),
    "pump": Kind(["pump"], "", "OnUnknown retry\n", FIXED),
    "lamp": Kind(["lamp"], "", "Combine none\n", FIXED),
    "bell": Kind(["bell"], "", "After 1\n", FIXED),
    "valve": Kind(["valve"], "", "Until 2\n", FIXED),
}
SERIES = [("fan", "r0"), ("fan", "r1"), ("pump", "r0"), ("lamp", "a"),
          ("lamp", "b"), ("bell", "r0"), ("valve", "r0")]
DIAL = Kind(["dial"], "", "Deadband 0.5\n", FIXED)
HEATER = Kind(["heater"], "", "", FIXED)
OTHERS = {"dial": DIAL, "heater": HEATER}
KINDS = {**MARKED, **STATES, **OTHERS}
KIND_OF = {device: name for name, kind in KINDS.items() for device in kind.devices}
MARKER = re.compile(r"\b(?:" + "|".join(MARKED) + r")-\d+\b")

THRESHOLD = """
<Plugin "sensors">
  <Type "temperature">
    FailureMax 30
  </Type>
</Plugin>
"""

Variant = collections.namedtuple("Variant", "in_flight breaker has_guest sync")
Variant.__doc__ = "What differs between one configuration and the next."
PLAIN = Variant(in_flight=16, breaker=5, has_guest=True, sync="full")


def device_text(name, options):
    endpoint = "" if "Endpoint" in options else 'Endpoint "cloud"\n'
    return f'<Device "{name}">\nDeviceID "{name}"\n{endpoint}{options}</Device>\n'


def marked_rule(name, kind):
    body = '"%{message}"'
    if name == "vent":
        body = r'"{\"m\":\"%{message}\"}"' + "\nFormat json"
    return (f'<Rule "{name}">\nPlugin "{name}"\nDevice "{name}%{{type_instance}}"\n'
            f"OnFailure {body}\n{kind.rule}</Rule>\n")


def state_rule(name, kind):
    return (f'<Rule "{name}">\nPlugin "{name}"\nDevice "{name}"\n'
            'OnFailure "%{type_instance} on"\nOnOkay "%{type_instance} off"\n'
            f"{kind.rule}</Rule>\n")


OTHER_RULES = f"""
<Rule "dial">
Source value
Plugin "dial"
Device "dial"
OnValue "%{{value}}"
{DIAL.rule}</Rule>
<Rule "heater">
Plugin "sensors"
Type "temperature"
Device "heater"
OnFailure "heat off"
OnOkay "heat on"
</Rule>
"""


def rules_text(variant):
    kinds = {name: kind for name, kind in MARKED.items()
             if variant.has_guest or name != "guest"}
    return ("".join(marked_rule(*item) for item in kinds.items())
            + "".join(state_rule(*item) for item in STATES.items()) + OTHER_RULES)


class Clouds:
    """Both simulators, and what they have executed.

    marked  how often each marker was executed
    last    {(device, series): body}: what was executed last
    count   how much was executed for each device
    """

    def __init__(self, folder):
        self.logs = [folder / "cloud.executed", folder / "platform.executed"]
        self.marked, self.count = collections.Counter(), collections.Counter()
        self.last = {}
        self._read = [0, 0]
        devices = [name for name in KIND_OF if name != "vent0"]
        more = ("--rate", "0", "--keep", "2000")
        self.cmds = Simulator(
            *(word for key in KEYS for word in ("--api-key", key)),
            *(word for name in devices for word in ("--device", name)),
            "--execution-log", self.logs[0], *more).start()
        self.cmds.options += ["--port", str(self.cmds.port)]
        self.platform = Simulator(
            "--device", "vent0", "--access-key", ACCESS_KEY,
            "--execution-log", self.logs[1], *more).start()
        self.platform.put_device("vent0", answer="done")

    def stop(self):
        for sim in (self.cmds, self.platform):
            if sim.is_running():
                sim.stop(kill=True)

    def read(self):
        """Reads what was executed since the last time; returns the markers of it."""
        fresh = set()
        for number, path in enumerate(self.logs):
            with path.open("rb") as log:
                log.seek(self._read[number])
                for line in log:
                    if not line.endswith(b"\n"):
                        break
                    self._read[number] += len(line)
                    self._note(json.loads(line), fresh)
        return fresh

    def _note(self, execution, fresh):
        device, body = execution["device_id"], execution["body"]
        marker = MARKER.search(body)
        if marker:
            self.marked[marker[0]] += 1
            fresh.add(marker[0])
        series = body.split()[0] if KIND_OF[device] == "lamp" else ""
        self.last[device, series] = body
        self.count[device] += 1


class World:
    """The daemon, its clouds, and the events.

    sent      markers of events that must become commands, in order
    state     {(kind, series): severity}: the last that was told of each series
    dial      the last value; degrees: the last temperature
    waits_s   how long collectd took to take each event
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        self.has_disk = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "soak", self.disk],
            stderr=subprocess.DEVNULL, check=False).returncode == 0
        self.ledger = self.disk / "onenet.db"
        self.hangs, self.fails = self.folder / "hangs", self.folder / "fails"
        self.key_file = self.folder / "onenet.key"
        self.access_key_file = self.folder / "access.key"
        self.put_key(KEYS[0])
        self.put_key(ACCESS_KEY, self.access_key_file)
        self.clouds = Clouds(self.folder)
        self.variant = PLAIN
        self.sent, self.state, self.dial, self.degrees = {}, {}, None, None
        self.events = self.restarts = 0
        self.waits_s = []
        self._serial, self._at = 0, 0.0
        self.daemon = Collectd(
            self.folder, self.block(), threshold=THRESHOLD,
            wrapper=in_front(self.folder, "disk", DISK, DISK_FLAG=self.hangs,
                             DISK_FAILS=self.fails),
            interval=1)

    def put_key(self, key, path=None):
        path = path or self.key_file
        fresh = path.with_suffix(".fresh")
        fresh.write_text(key + "\n")
        fresh.chmod(0o600)
        fresh.rename(path)

    def block(self):
        v = self.variant
        return f"""Ledger "{self.ledger}"
LedgerSync {v.sync}
HistoryMax {HISTORY}
ShutdownTimeout {SHUTDOWN_S}
<Endpoint "cloud">
URL "{self.clouds.cmds.url}/cmds"
APIKeyFile "{self.key_file}"
RequestTimeout 3
MaxInFlight {v.in_flight}
BreakerThreshold {v.breaker}
</Endpoint>
<Endpoint "platform">
API "set-device-property"
URL "{self.clouds.platform.url}/thingmodel/set-device-property"
ProductID "{PRODUCT}"
AccessKeyFile "{self.access_key_file}"
Resource "products/{PRODUCT}"
</Endpoint>
""" + "".join(device_text(name, kind.device) for kind in KINDS.values()
              for name in kind.devices) + rules_text(v)

    def close(self, keep):
        """keep: the files of a disk that goes are copied first."""
        for flag in (self.hangs, self.fails):
            flag.unlink(missing_ok=True)
        if self.daemon.is_running():
            self.daemon.stop(kill=True)
        self.clouds.stop()
        if self.has_disk:
            if keep:
                shutil.copytree(self.disk, self.folder / "ledger")
            subprocess.run(["umount", "-l", self.disk], check=True)

    # ---- the daemon's life ----

    def kill(self):
        self.daemon.stop(kill=True)

    def stop(self):
        status, seconds = self.daemon.stop()
        assert status == 0, f"collectd ended with {status}: {self.daemon.output}"
        assert seconds < SHUTDOWN_S + 4 * SLOWER, f"it took {seconds:.1f} s to end"

    def start(self):
        """Starts it again, with a log of its own."""
        self.daemon.configure(self.block())
        self.daemon.start()
        self.restarts += 1

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    # ---- events ----

    def _ask(self, function, *words, **fields):
        begin = time.monotonic()
        function(*words, **fields)
        self.waits_s.append(time.monotonic() - begin)
        self.events += 1

    def _now(self):
        """A time that no event had before: one of equal time is a duplicate."""
        self._at = max(time.time(), self._at + 0.002)
        return self._at

    def mark(self, kind, device):
        """Sends an event of a marked kind; returns its marker."""
        self._serial += 1
        marker = f"{kind}-{self._serial}"
        if kind != "guest" or self.variant.has_guest:
            self.sent[marker] = device
        self._ask(self.daemon.putnotif, "failure", message=marker, plugin=kind,
                  type="gauge", type_instance=device[len(kind):], at=self._now())
        return marker

    def tell(self, kind, series, severity):
        self.state[kind, series] = severity
        self._ask(self.daemon.putnotif, severity, plugin=kind, type="gauge",
                  type_instance=series, at=self._now())

    def turn(self, value):
        self.dial = value
        self._ask(self.daemon.putval, "dial/gauge-x", value)

    def heat(self, degrees):
        self.degrees = degrees
        self._ask(self.daemon.putval, "sensors/temperature-x", degrees)

    def do_something(self, chance):
        """One event, or several of one series that flaps."""
        what = chance.random()
        if what < 0.6:
            kind = chance.choice(list(MARKED))
            self.mark(kind, chance.choice(MARKED[kind].devices))
        elif what < 0.85:
            self.tell(*chance.choice(SERIES), chance.choice(["failure", "okay"]))
        elif what < 0.9:
            kind, series = chance.choice(SERIES)
            for number in range(20):
                self.tell(kind, series, ("failure", "okay")[number % 2])
        elif what < 0.96:
            self.turn(chance.randrange(100))
        else:
            self.heat(chance.choice([20, 40]))

    def flood(self, count):
        """So many states of one slot, one right behind the other."""
        for _ in range(count):
            self.mark("newest", "newest0")

    # ---- the ledger ----

    @contextlib.contextmanager
    def reading(self):
        ledger = sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True,
                                 timeout=10)
        try:
            yield ledger
        finally:
            ledger.close()

    def settle(self):
        """Waits until the ledger has the whole state: that is put before what
        comes later."""
        marker = self.mark("once", "once0")

        def is_there():
            try:
                with self.reading() as ledger:
                    return ledger.execute("SELECT 1 FROM commands WHERE body = ?",
                                          (marker,)).fetchone()
            except sqlite3.OperationalError:
                return False
        wait_until(is_there, 60, "the ledger to work again")
