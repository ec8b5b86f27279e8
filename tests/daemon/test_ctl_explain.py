# SPDX-License-Identifier: MIT
"""onenetctl explain: what it says of an event is what then becomes of it in the real
daemon; and it changes nothing."""

import json
import time

import pytest

from collectd import HOST, Collectd
from ctl import GROUP, NOBODY, Ctl, is_root
from simulator import API_KEY, FAN_ID, wait_until

RULES = r"""
<Rule "overheat">
  Plugin "sensors"
  Type "temperature"
  Device "fan"
  Format json
  OnFailure "{\"fan\":\"on\",\"at\":\"%{host}\"}"
  OnOkay "{\"fan\":\"off\"}"
</Rule>
<Rule "rack">
  Host "/^rack/"
  Device "%{host}"
  OnFailure "on"
  OnOkay "off"
</Rule>
<Rule "bytes">
  Plugin "pump"
  Device "fan"
  Format hex
  OnFailure "00 ff"
</Rule>
<Rule "setpoint">
  Source value
  Device "fan"
  OnValue "%{value}"
</Rule>
"""


def of_rule(rows, name="overheat"):
    row, = (row for row in rows if row["rule"] == name)
    return row


class Story:
    """A daemon, and onenetctl beside it."""

    def __init__(self, setup):
        self.setup = setup
        self.sim = setup.sim
        self.ctl = Ctl(setup.folder)
        self.seconds = 0

    def line(self, severity, host=HOST):
        """A line of PUTNOTIF; each is a second younger than the one before, so
        that none is a duplicate."""
        self.seconds += 1
        return (f"PUTNOTIF severity={severity} host={host} plugin=sensors "
                f"type=temperature time={time.time() + self.seconds:.3f} "
                f'message="so \\"hot\\""')

    def explain(self, line):
        return self.ctl.rows("explain", input=line + "\n")

    def firing(self, line):
        firing, = of_rule(self.explain(line))["firings"]
        return firing

    def count(self, outcome):
        rows = self.setup.query("SELECT sum(%s) FROM totals" % outcome)
        return rows[0][0] or 0

    def happens(self, line, outcome):
        """The daemon hears the line, and one command more ends so."""
        before = self.count(outcome)
        self.setup.daemon.ask(line)
        wait_until(lambda: self.count(outcome) == before + 1, 20, outcome)


@pytest.fixture(name="story")
def story_of_a_fan(setup):
    setup.start(setup.block(rule=RULES), threshold="")
    return Story(setup)


def test_what_is_said_of_an_event_is_what_becomes_of_it(story):
    sim, setup = story.sim, story.setup

    # Nothing is recorded: an OKAY is ignored, a FAILURE sent as it was shown.
    first = story.firing(story.line("okay"))
    assert (first["becomes"], first["ignored"]) == ("ignored", "first_okay")
    failure = story.line("failure")
    said = story.firing(failure)
    assert (said["becomes"], said["slot"]) == ("sent", None)
    assert sim.requests() == []
    story.happens(failure, "accepted")
    request, = sim.requests()
    assert said["url"] == sim.url + request["url"]
    assert said["body"] == request["body"]
    assert said["content_type"] == dict(request["headers"])["Content-Type"]
    assert (said["method"], said["headers"]) == ("POST", ["api-key: ***"])

    # The same again, from another host, whose body is another one.
    again = story.line("failure")
    said = story.firing(again)
    assert said["becomes"] == "unchanged"
    assert said["slot"]["accepted_body"] == request["body"]
    assert "accepted exactly this at 20" in said["why"]
    story.happens(again, "unchanged")
    other = story.line("failure", "other")
    assert story.firing(other)["becomes"] == "sent"
    story.happens(other, "accepted")

    # The fan goes on for the one that is still too hot.
    okay = story.line("okay", "other")
    said = story.firing(okay)
    assert (said["becomes"], said["body"]) == ("sent", request["body"])
    assert said["slot"]["failure"] == 2
    story.happens(okay, "accepted")
    assert sim.bodies()[-1] == request["body"]

    # One command is in flight: the next one waits for its turn.
    sim.fault(hang=True)
    setup.daemon.ask(story.line("okay"))
    wait_until(lambda: len(sim.requests()) == 4, 20, "the attempt")
    said = story.firing(story.line("failure"))
    assert (said["becomes"], said["slot"]["in_flight"]) == (
        "waits", setup.query("SELECT max(id) FROM commands")[0][0])
    assert "is in flight" in said["why"]


def test_what_is_silenced_is_told(story):
    story.happens(story.line("failure"), "accepted")
    story.ctl.text("silence", "--device", "fan", "--for", "2h")
    said = story.firing(story.line("okay"))
    assert (said["becomes"], said["ignored"]) == ("ignored", "silenced")
    assert "silenced its rule or device" in said["why"]


def test_each_rule_says_why_it_does_not_fire(story):
    ctl = story.ctl
    rows = ctl.rows("explain", "--plugin", "cpu", "--type", "percent", "--host",
                    "rack7", "--value", "91")
    assert [(row["rule"], row["option"], row["has"], row["wants"])
            for row in rows] == [
        ("overheat", "Plugin", "cpu", '"sensors"'),
        ("rack", None, None, None),
        ("bytes", "Plugin", "cpu", '"pump"'),
        ("setpoint", "Source", "notification", "value")]
    ignored, = of_rule(rows, "rack")["firings"]
    assert ignored["ignored"] == "no_device" and "rack7" in ignored["why"]

    rows = ctl.rows("explain", "--source", "value", "--value", "7.5")
    firing, = of_rule(rows, "setpoint")["firings"]
    assert (firing["becomes"], firing["body"]) == ("sent", "7.5")

    firing, = of_rule(ctl.rows("explain", "--plugin", "pump"), "bytes")["firings"]
    assert (firing["body_hex"], firing["content_type"]) == (
        "00ff", "application/octet-stream")
    text = ctl.text("explain", "--plugin", "pump", "--host", "a\nb\x1b[2J")
    assert "      body, 2 bytes, in hex:\n      00ff\n" in text
    assert text.startswith("event: a b [2J/pump/, failure\n")
    row = ctl.rows("explain", "--plugin", "pump", "--severity", "warning")[2]
    assert (row["option"], row["has"]) == ("OnWarning", None)

    # No rule sees events of the plugin's own, and those of no known identity.
    for words, what in ((["--plugin", "onenet"], "of the plugin's own"),
                        (["--data-source", "value", "--message", 255 * "x"],
                         "exactly 255 bytes")):
        assert what in ctl.text("explain", *words)
        assert {(row["fires"], row["option"])
                for row in ctl.rows("explain", *words)} <= {
                    (False, "Plugin"), (False, "Message")}

    text = ctl.text("explain", "--host", "rack7", "--plugin", "sensors", "--type",
                    "temperature")
    assert f"which process {story.setup.daemon.pid} has open" in text
    assert f'  device "fan" ({FAN_ID}) at endpoint "cloud"\n' in text
    assert 'rule "setpoint": does not fire: Source must be value' in text
    assert API_KEY not in text
    for words, what in ((["--severity", "bad"], "must be failure"),
                        (["--hosts", "x"], "is no option"),
                        (["--source", "value"], "value is lacking")):
        assert what in ctl.fails("explain", *words, status=2)
    assert "must begin with PUTNOTIF" in ctl.fails("explain", status=2,
                                                   input="GETVAL a\n")


def files_of(folder):
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_size)
            for path in folder.glob("onenet.db*")}


def test_a_ledger_that_nobody_has_open_is_read_and_left(story):
    setup = story.setup
    story.happens(story.line("failure"), "accepted")
    setup.daemon.stop(kill=True)
    before = files_of(setup.folder)
    line = story.line("failure")
    assert story.firing(line)["becomes"] == "unchanged"
    assert "no agent runs" in story.ctl.text("explain", input=line)
    assert files_of(setup.folder) == before
    if is_root():
        stranger = Ctl(setup.folder, NOBODY, GROUP)
        done = stranger("--json", "explain", input=line)
        assert done.returncode == 0
        assert done.stderr.count("\n") == 1
        assert "states are not known" in done.stderr
        assert "may not read the ledger" in done.stderr
        firing, = of_rule(json.loads(done.stdout))["firings"]
        assert firing["becomes"] == "unknown" and "url" in firing


def test_without_a_ledger_file_states_are_told_to_be_unknown(setup):
    for more, what in (('Ledger ":memory:"\n', "in memory"),
                       ("DryRun true\n", "DryRun")):
        Collectd(setup.folder, setup.block(more))
        text = Ctl(setup.folder).text("explain", "--plugin", "sensors", "--type",
                                      "temperature")
        assert "states: not known: " in text and what in text
        assert "request: POST" in text
    assert files_of(setup.folder) == {}
