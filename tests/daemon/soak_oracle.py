# SPDX-License-Identifier: MIT
"""What must hold all along while tests/soak runs, and what must hold in a pause:
the far side's execution log is the oracle. What does not is an AssertionError."""

import os
import pathlib
import re

from soak_world import KIND_OF, KINDS, MARKED, MARKER, SECRETS, STATES

SANITIZED = "ONENET_PRELOAD" in os.environ  # which needs memory of its own
MEBIBYTE = 1024 * 1024
MOST_BYTES = 100 * MEBIBYTE
FLAT_BYTES = 12 * MEBIBYTE
MOST_DESCRIPTORS, MOST_IN_A_PAUSE = 80, 48  # up to 32 requests are in flight
MOST_LEDGER_BYTES = 32 * MEBIBYTE
ONCE = {name for name, kind in MARKED.items() if "OnUnknown" not in kind.rule}
MAY_WAIT_THERE = {"kept"}  # the cloud keeps it for a device that is away
ROWLESS = {"newest"}  # what is superseded before it is recorded has no row

# Lines that may always be there: those of faults are told by the faults. What a
# command has ended as, which these repeat, is judged by its row.
OURS = r"\[warning\] onenet plugin: "
USUAL = [
    r"\[info\] ",
    r".* \(\d+ more times\)$",  # it was judged when it was told first
    r"\[warning\] unixsock plugin: No such group",
    r"\[warning\] plugin: \d+ value lists were left after shutting down",  # its own
    # Two of collectd's write threads, with values of one series: one overtakes.
    r"\[notice\] uc_update: Value too old: name = testhost/onenet-\w+/duration-",
    r'\[error\] set_thread_name\("unixsock conn"\)',  # its client was quick
    OURS + r'endpoint "\w+": (it works again|an attempt failed|the circuit is '
           '(open|closed)|it asks for fewer attempts)',
    OURS + r'device "\w+" \(\w+\): (it accepts commands again|errno \d+, )',
    OURS + r'a command of rule "\w+" for device "\w+" \(\w+\) ended as ',
    OURS + r'a command of rule "kept" for device "kept0" \(kept0\) was accepted, but ',
    OURS + r'command \d+ of rule "guest" for device "guest0": (cancelled|unknown): the '
           'rule is no longer configured',
]
LINE = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (.*)$")


def kind_of_marker(marker):
    return marker.split("-")[0]


class Row:
    """What was last seen of a command's row."""

    __slots__ = ("device", "body", "marker", "outcome", "attempts")

    def __init__(self, device, body, outcome, attempts):
        self.device, self.outcome, self.attempts = device, outcome, attempts
        self.body = body if isinstance(body, str) else body.decode("latin-1")
        found = MARKER.search(self.body)
        self.marker = found and found[0]


class Oracle:
    """looks   how often it has looked
    rows      {id: Row} of all commands that were ever seen
    memory    bytes, and descriptors, counts: of each pause"""

    def __init__(self, world):
        self.world = world
        self.rows, self.id_of = {}, {}
        self.waiting, self.pending = set(), set()
        self.exempt, self.untold = set(), set()
        self.possible = set()
        self.lines = set()
        self.looks = 0
        self.memory, self.descriptors = [], []
        self.log_read = 0
        self.life = None

    # ---- all along ----

    def look(self, has_ledger=True):
        """has_ledger: it is known to hold all."""
        world = self.world
        self.looks += 1
        assert world.daemon.is_running(), "collectd has ended"
        self.count_executions()
        assert SANITIZED or world.daemon.memory_bytes() < MOST_BYTES, "memory grows"
        assert world.descriptors() < MOST_DESCRIPTORS, "descriptors grow"
        self.read_log()
        if has_ledger:
            self.look_into_ledger()

    def count_executions(self):
        clouds = self.world.clouds
        for marker in clouds.read():
            assert clouds.marked[marker] == 1 or kind_of_marker(marker) not in ONCE, (
                f"{marker} was executed {clouds.marked[marker]} times")

    def look_into_ledger(self):
        with self.world.reading() as ledger:
            ledger.execute("BEGIN")
            rows = ledger.execute(
                "SELECT id, device, body, outcome, attempts FROM commands").fetchall()
            wrong = ledger.execute(
                "SELECT * FROM balance WHERE difference <> 0").fetchall()
        assert not wrong, f"the balance does not hold: {wrong}"
        for number, *columns in rows:
            self.note(number, Row(*columns))
        here = {row[0] for row in rows}
        lost = [self.rows[number].body for number in self.pending - here]
        assert not lost, f"pending commands are gone: {lost}"
        self.waiting = {number for number in here
                        if self.rows[number].outcome is None}
        self.pending = {number for number in self.waiting
                        if self.rows[number].marker}

    def note(self, number, row):
        before = self.rows.get(number)
        if before:
            assert before.body == row.body, (
                f"id {number} was given to {before.body} and to {row.body}")
            assert before.outcome in (None, row.outcome), (
                f"{row.body} was {before.outcome}, and is {row.outcome}")
        elif row.marker:
            assert row.marker not in self.id_of, f"{row.marker} has two commands"
            self.id_of[row.marker] = number
        if row.outcome and not (before and before.outcome):
            self.judge(row)
        self.rows[number] = row

    def judge(self, row):
        """Whether it may have ended so, by what went wrong meanwhile."""
        kind = KINDS[KIND_OF[row.device]]
        assert row.outcome == "accepted" or row.outcome in kind.outcomes, (
            f"{row.body} for {row.device} ended as {row.outcome}")
        if row.outcome in ("unknown", "refused"):
            assert row.outcome in self.possible, (
                f"{row.body} ended as {row.outcome}: no fault explains it")

    def read_log(self):
        path = self.world.folder / "log"
        with path.open("rb") as log:
            log.seek(self.log_read)
            text = log.read()
        text = text[:text.rfind(b"\n") + 1]
        self.log_read += len(text)
        self.assert_no_secret(text, path)
        expected = re.compile("|".join([*USUAL, *self.lines]))
        for line in text.decode(errors="replace").splitlines():
            found = LINE.match(line)
            assert found and expected.match(found[1]), (
                f"a line of the log that is not expected: {line}")

    def end_log(self):
        """The daemon has ended, and the next one begins a log of its own."""
        self.read_log()
        (self.world.folder / "log").rename(self.world.folder / "log.before")
        self.log_read = 0

    # ---- what the faults make possible ----

    def expect(self, outcomes, lines=None):
        """These are right from now on, until the pause is over."""
        self.possible |= outcomes
        if lines:
            self.lines.add(lines)

    def forgive_unrecorded(self):
        """What is not in the ledger yet may be lost: the daemon is killed, or the
        ledger removed."""
        self.exempt |= self.world.sent.keys() - self.id_of.keys()

    def forgive_history(self):
        """The ledger is removed with its history: what ends just now is not told,
        though it may have been executed."""
        self.forgive_unrecorded()
        self.exempt |= {self.rows[number].marker for number in self.pending}
        self.untold |= self.exempt
        self.pending = set()

    # ---- in a pause ----

    def check_pause(self):
        """All is quiet, and all faults are over."""
        self.look()
        self.check_executions()
        self.check_totals()
        self.check_secrets()
        self.check_growth()
        self.world.sent.clear()
        self.exempt.clear()
        self.untold.clear()
        self.possible.clear()
        self.lines.clear()

    def check_executions(self):
        executed = self.world.clouds.marked
        for marker in self.world.sent:
            number = self.id_of.get(marker)
            if number is None:
                assert marker in self.untold or not executed[marker], (
                    f"{marker} was executed and has no record")
            elif marker not in self.exempt:
                self.compare(marker, self.rows[number], executed[marker])

    @staticmethod
    def compare(marker, row, times):
        said = f"{marker}: {row.outcome}, {row.attempts} attempts, {times} executions"
        kind = kind_of_marker(marker)
        assert times <= row.attempts, said
        if row.outcome == "accepted":
            assert times >= 1 or kind in MAY_WAIT_THERE, said
        elif row.outcome != "unknown":
            assert times == 0 or kind not in ONCE, said

    def check_totals(self):
        """Where nothing is sent again, each device was reached as often as its
        totals, which no trimming touches, make possible."""
        with self.world.reading() as ledger:
            totals = ledger.execute(
                "SELECT device, accepted, unknown FROM totals").fetchall()
        for device, accepted, unknown in totals:
            kind, times = KIND_OF[device], self.world.clouds.count[device]
            if "OnUnknown" not in KINDS[kind].rule:
                assert times <= accepted + unknown and (
                    times >= accepted or kind in MAY_WAIT_THERE), (
                    f"{device}: {accepted} accepted, {unknown} unknown, "
                    f"{times} executions")

    def check_secrets(self):
        world = self.world
        for place in [*world.disk.glob("onenet.db*"),
                      pathlib.Path(f"/proc/{world.daemon.pid}/cmdline")]:
            self.assert_no_secret(place.read_bytes(), place)

    @staticmethod
    def assert_no_secret(data, place):
        for secret in SECRETS:
            assert secret.encode() not in data, f"a key is in {place}"

    def check_growth(self):
        world = self.world
        memory = world.daemon.memory_bytes()
        self.memory.append(memory)
        self.descriptors.append(world.descriptors())
        assert self.descriptors[-1] < MOST_IN_A_PAUSE, "descriptors grow"
        if self.life != world.daemon.pid:
            self.life, self.first = world.daemon.pid, memory
        assert SANITIZED or memory - self.first < FLAT_BYTES, (
            f"memory grew from {self.first} to {memory} bytes")
        bytes_there = sum(path.stat().st_size
                          for path in world.disk.glob("onenet.db*"))
        assert bytes_there < MOST_LEDGER_BYTES, f"the ledger has {bytes_there} bytes"

    def unfinished(self):
        """Returns markers of events that have not led to an outcome, and bodies of
        what is pending."""
        markers = {marker for marker in self.world.sent.keys() - self.exempt
                   if kind_of_marker(marker) not in ROWLESS
                   and not self.has_ended(marker)}
        return sorted(markers) + sorted(self.rows[number].body
                                        for number in self.waiting)

    def has_ended(self, marker):
        return marker in self.id_of and self.rows[self.id_of[marker]].outcome

    def astray(self):
        """Returns {device: (wanted, executed)} of what has not converged."""
        self.count_executions()
        world, last = self.world, self.world.clouds.last
        wanted = {(kind, ""): self.wanted(kind) for kind in STATES if kind != "lamp"}
        wanted.update({("lamp", series): f"{series} {self.switch(severity)}"
                       for (kind, series), severity in world.state.items()
                       if kind == "lamp"})
        wanted["heater", ""] = "heat off" if world.degrees > 30 else "heat on"
        found = {key: (body, last.get(key)) for key, body in wanted.items()
                 if not (last.get(key) or "").endswith(body)}
        dial = last.get(("dial", ""))
        if dial is None or abs(float(dial) - world.dial) > 0.5:
            found["dial"] = (world.dial, dial)
        return found

    @staticmethod
    def switch(severity):
        return "on" if severity == "failure" else "off"

    def wanted(self, kind):
        if kind == "valve":  # taken back
            return "off"
        worst = {severity for (k, _), severity in self.world.state.items()
                 if k == kind}
        return self.switch("failure" if "failure" in worst else "okay")
