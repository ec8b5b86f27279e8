# SPDX-License-Identifier: MIT
"""Orders by onenetctl: what it checks itself, what it writes, and what it says of
what came of them. Where the words alone matter the test stands in for the agent:
it holds the ledger's lock, and marks the orders."""

import contextlib
import fcntl
import grp
import os
import re
import shutil
import sqlite3
import threading
import time

import pytest

from collectd import Collectd
from ctl import GROUP, NOBODY, Ctl, is_root
from simulator import FAN_ID, wait_until

ENDPOINTS = """
<Endpoint "cloud">
  URL "http://127.0.0.1:9/cmds"
  APIKeyFile "{folder}/onenet.key"
</Endpoint>
<Endpoint "things">
  API "set-device-property"
  URL "http://127.0.0.1:9/thingmodel/set-device-property"
  ProductID "AbC12345xy"
  AccessKeyFile "{folder}/onenet.key"
  Resource "products/AbC12345xy"
</Endpoint>
<Endpoint "services">
  API "call-service"
  URL "http://127.0.0.1:9/thingmodel/call-service"
  ProductID "AbC12345xy"
  AccessKeyFile "{folder}/onenet.key"
  Resource "products/AbC12345xy"
</Endpoint>
<Device "fan">
  DeviceID "8029377"
  Endpoint "cloud"
</Device>
<Device "lamp">
  DeviceID "lamp-1"
  Endpoint "things"
</Device>
<Device "door">
  DeviceID "door-1"
  Endpoint "services"
</Device>
<Rule "overheat">
  Plugin "sensors"
  Device "fan"
  OnFailure "on"
</Rule>
"""


@pytest.fixture(name="place", scope="module")
def ledger_that_an_agent_has_made(tmp_path_factory):
    """A folder with a configuration of three kinds of endpoints, and a ledger."""
    folder = tmp_path_factory.mktemp("act")
    (folder / "onenet.key").write_text("Demo0nlyKey=NotASecret00000=\n")
    (folder / "onenet.key").chmod(0o600)
    daemon = Collectd(folder, ENDPOINTS.format(folder=folder)).start()
    daemon.stop()
    return folder


@pytest.fixture(name="ctl")
def tool_without_an_agent(place):
    with contextlib.closing(sqlite3.connect(place / "onenet.db")) as ledger:
        with ledger:
            ledger.execute("DELETE FROM orders")
    return Ctl(place)


def row_of(ctl, *words, **options):
    """Gives an order; returns its row without what always differs."""
    begun = time.time()
    (row,) = ctl.rows(*words, **options)
    assert begun - 1 < row.pop("given_at") < time.time() + 1
    assert row.pop("uid") == os.getuid() and row.pop("state") == "given"
    return {name: value for name, value in row.items()
            if value is not None and name != "id"}


TEXT, JSON = "text/plain; charset=utf-8", "application/json"
BYTES = "application/octet-stream"


@pytest.mark.parametrize("words, row", [
    (["send", "FAN", "on"], {"device": "fan", "body": "on",
                             "content_type": TEXT}),
    (["send", "fan", "--", "-5"], {"device": "fan", "body": "-5",
                                   "content_type": TEXT}),
    (["send", "fan", "{}", "--format", "json", "--expire", "10m"],
     {"device": "fan", "body": "{}", "content_type": JSON, "expire_s": 600}),
    (["send", "--expire=0", "fan", "00FF", "--format=hex"],
     {"device": "fan", "body": {"hex": "00FF"}, "content_type": BYTES,
      "expire_s": 0}),
    (["send", "fan", "b24=", "--format", "base64"],
     {"device": "fan", "body": "on", "content_type": BYTES}),
    (["send", "lamp", '{"power": true}'],
     {"device": "lamp", "body": '{"power": true}', "content_type": JSON}),
    (["send", "door", '{"to": 1}', "--service", "open"],
     {"device": "door", "body": '{"to": 1}', "content_type": JSON,
      "service": "open"}),
    (["retry", "12"], {"command_id": 12}),
    (["retry", "12", "--force"], {"command_id": 12, "forced": 1}),
    (["cancel", "7"], {"command_id": 7}),
    (["cancel", "--device", "Fan"], {"device": "fan"})])
def test_an_order_is_a_row_of_the_ledger(ctl, words, row):
    assert row_of(ctl, *words) == {"verb": words[0], "forced": 0, **row}


def test_a_body_is_taken_from_stdin_as_it_is(ctl):
    assert row_of(ctl, "send", "fan", "-", input="on\n")["body"] == "on\n"
    assert row_of(ctl, "send", "fan", "-", input="x" * 65535)["body"] == (
        "x" * 65535)


def test_a_silence_is_a_row_with_its_end(ctl):
    row = row_of(ctl, "silence", "--rule", "OVERHEAT", "--for", "2h",
                 "--comment", "mended")
    assert abs(row.pop("until_at") - time.time() - 7200) < 5
    assert row == {"verb": "silence", "rule": "overheat", "comment": "mended",
                   "forced": 0}
    row = row_of(ctl, "silence", "--device", "fan", "--for", "0s")
    assert abs(row.pop("until_at") - time.time()) < 5


@pytest.mark.parametrize("words, status, part", [
    (["send", "fam", "on"], 1, 'no device "fam", did you mean fan?'),
    (["send", "spaceship", "on"], 1, 'no device "spaceship"'),
    (["send", "fan", ""], 1, "must be 1..65535 bytes, and is 0"),
    (["send", "fan", b"\xff"], 1, "no valid UTF-8"),
    (["send", "fan", "{", "--format", "json"], 1, "it is no JSON"),
    (["send", "fan", "0", "--format", "hex"], 1, "it is no hex"),
    (["send", "fan", "b24", "--format", "base64"], 1, "it is no base64"),
    (["send", "lamp", "[1]"], 1, 'API "set-device-property" must be a JSON obj'),
    (["send", "lamp", "{}", "--format", "text", "--service", "x"], 1,
     "it takes no --service"),
    (["send", "door", "{}"], 1, "say which service, with --service ID"),
    (["send", "door", "{}", "--service", "a b"], 2, "--service a b: must be"),
    (["send", "door", "{}", "--service", ""], 2, "--service : must be"),
    (["send", "fan", "on", "--format", "xml"], 2, "must be text, json, hex or"),
    (["send", "fan", "on", "--expire", "10"], 2, "--expire 10: must be a length"),
    (["send", "fan", "on", "--expire", "366d"], 2, "365d at most"),
    (["send", "fan"], 2, "send takes DEVICE BODY, and nothing else"),
    (["send", "fan", "on", "off"], 2, "send takes DEVICE BODY, and nothing"),
    (["send", "fan", "on", "--force"], 2, "--force is no option of it"),
    (["send", "fan", "-51"], 2, "-51 is no option of it: see onenetctl send --help; "
     "words behind -- are no options"),
    (["send", "--no-wait", "-51"], 2, "send: -51 is no option of it"),
    (["retry", "1", "--force=2"], 2, "retry: --force=2: takes no value"),
    (["retry", "1", "--for"], 2, "retry: --for is no option of it"),
    (["retry"], 2, "retry takes ID, and nothing else"),
    (["retry", "0"], 2, "ID 0: must be a number"),
    (["retry", "99999999999999999999"], 2, "must be a number"),
    (["cancel"], 2, "one of ID and --device NAME"),
    (["cancel", "1", "--device", "fan"], 2, "one of ID and --device NAME"),
    (["cancel", "--device", "fam"], 1, "did you mean fan?"),
    (["silence", "--for", "2h"], 2, "one of --device NAME and --rule NAME"),
    (["silence", "--device", "fan", "--rule", "overheat", "--for", "2h"], 2,
     "one of --device NAME and --rule NAME"),
    (["silence", "--device", "fan"], 2, "silence needs --for"),
    (["silence", "--device", "fan", "--for", "2"], 2, "--for 2: must be a len"),
    (["silence", "--rule", "overhaet", "--for", "2h"], 1,
     'no rule "overhaet", did you mean overheat?'),
    (["silence", "--device", "fan", "--for", "2h", "--comment", "x" * 501], 2,
     "500 bytes at most")])
def test_what_can_not_be_meant_is_refused_and_not_written(ctl, words, status,
                                                          part):
    words = [os.fsdecode(word) for word in words]
    done = ctl(*words, errors="replace")
    assert (done.returncode, done.stdout) == (status, ""), done
    assert part in done.stderr and len(done.stderr.splitlines()) == 1, done
    assert ctl.rows("orders") == []


def test_a_body_that_is_too_long_is_refused(ctl):
    assert "must be 1..65535 bytes, and is 65536" in ctl.fails(
        "send", "fan", "-", input="x" * 65536)
    assert "stdin holds more than" in ctl.fails(
        "send", "fan", "-", input="x" * 300000)
    assert ctl.rows("orders") == []


def test_without_an_agent_the_order_stands_in_the_ledger(ctl):
    begun = time.monotonic()
    text = ctl.text("send", "fan", "on")
    assert re.fullmatch(
        r"order \d+ is given\. No agent runs with this ledger: it is obeyed when "
        r"collectd starts \(an expiry counts from now\); see onenetctl -C "
        r"\S+/collectd.conf orders\n", text), text
    assert time.monotonic() - begun < 4


def test_a_dry_run_takes_no_orders(place, folder):
    for name in ("onenet.key", "onenet.db"):
        shutil.copy(place / name, folder)
    text = (place / "collectd.conf").read_text().replace(str(place), str(folder))
    (folder / "collectd.conf").write_text(text.replace(
        "<Plugin onenet>\n", "<Plugin onenet>\nDryRun true\n"))
    ctl = Ctl(folder)
    before = ctl.rows("orders")
    for words in (["send", "fan", "on"], ["cancel", "7"]):
        assert ctl.fails(*words).startswith("DryRun is true: the agent sends")
    assert ctl.rows("orders") == before
    assert "DryRun is true: it keeps nothing here." in ctl.text("status")


# ---- what came of it ----


class Agent:
    """Stands in for the agent: holds the lock, and ends each order in the same
    way."""

    def __init__(self, folder, **came_of_it):
        self.path = folder / "onenet.db"
        self.columns = came_of_it
        self.has_ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.lock = open(f"{self.path}.lock", "rb+")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.thread.start()

    def __exit__(self, *_):
        self.has_ended.set()
        self.thread.join()
        self.lock.close()

    def run(self):
        names = ", ".join(f"{name} = :{name}" for name in self.columns)
        with contextlib.closing(sqlite3.connect(self.path)) as ledger:
            while not self.has_ended.wait(0.01):
                with ledger:
                    ledger.execute(f"UPDATE orders SET ended_at = 1, {names}"
                                   " WHERE state = 'given'", self.columns)


@pytest.mark.parametrize("words, came_of_it, text", [
    (["send", "fan", "on"], {"result_id": 17},
     'command 17 is made for device "fan"; see onenetctl CONF history --device '
     "fan"),
    (["retry", "7"], {"result_id": 18},
     "command 7 is made again, as command 18; see onenetctl CONF history"),
    (["retry", "7"], {"result_id": 7},
     "command 7 is tried now; see onenetctl CONF history"),
    (["retry", "7"], {},
     "command 7 is tried now; see onenetctl CONF history"),
    (["cancel", "7"], {"count": 1},
     "1 command is cancelled; see onenetctl CONF history"),
    (["cancel", "--device", "fan"], {"count": 3},
     "3 commands are cancelled; see onenetctl CONF pending --device fan (what is "
     "in flight can not be called back)"),
    (["silence", "--rule", "overheat", "--for", "0s"], {},
     'rule "overheat" is silent no more; see onenetctl CONF orders')])
def test_what_came_of_an_order_is_said_with_what_to_do(place, ctl, words,
                                                       came_of_it, text):
    with Agent(place, state="obeyed", **came_of_it):
        said = ctl.text(*words)
    expected = text.replace("CONF", f"-C {place}/collectd.conf")
    assert re.fullmatch(rf"order \d+: {re.escape(expected)}\n", said), said


def test_the_end_of_a_silence_is_said_in_local_time(place, ctl):
    with Agent(place, state="obeyed"):
        said = ctl.text("silence", "--device", "fan", "--for", "2h")
    match = re.search(r'device "fan" is silent until (\S+ \S+); see', said)
    until = time.mktime(time.strptime(match[1], "%Y-%m-%d %H:%M:%S"))
    assert abs(until - time.time() - 7200) < 5


def test_a_refused_order_ends_with_1_and_says_why(place, ctl):
    with Agent(place, state="refused", why="it was\naccepted: --force"):
        assert re.fullmatch(r"order \d+ is refused: it was accepted: --force",
                            ctl.fails("retry", "7"))
        done = ctl("--json", "retry", "7")
    assert done.returncode == 1 and '"state": "refused"' in done.stdout


def test_who_does_not_want_to_wait_is_told_that_it_is_given(place, ctl):
    with Agent(place, state="given"):
        assert re.fullmatch(r"order \d+ is given; see onenetctl .* orders\n",
                            ctl.text("send", "fan", "on", "--no-wait"))


def test_an_agent_that_ends_meanwhile_is_waited_for_no_longer(place, ctl):
    with Agent(place, state="given"):
        told = ctl.start("send", "fan", "on")
        wait_until(lambda: ctl.rows("orders"), 20)
    out, errors = told.communicate(timeout=20)
    assert (told.returncode, errors) == (0, "")
    assert "is given. No agent runs with this ledger: it is obeyed when" in out


# ---- the real agent ----


def test_the_agent_obeys_what_is_asked_for(setup, folder, sim):
    """All four orders, by root and by a member of LedgerGroup."""
    ctl = Ctl(folder)
    setup.start(setup.block(
        f'LedgerGroup "{grp.getgrgid(GROUP).gr_name}"\n' if is_root() else "",
        rule=setup.rule('OnFailure "on"\nOnOkay "off"\nOnOffline retry')))
    assert re.search(r'order 1: command 1 is made for device "fan"',
                     ctl.text("send", "fan", "by hand"))
    wait_until(lambda: sim.bodies() == ["by hand"], 10, "the command by hand")
    wait_until(lambda: ctl.rows("history", "--outcome", "accepted"), 10,
               "its outcome")
    (row,) = ctl.rows("history", "--device", "fan")
    assert (row["rule"], row["body"]) == ("onenetctl", "by hand")

    assert "--force" in ctl.fails("retry", "1")
    setup.notify()
    wait_until(lambda: sim.bodies() == ["by hand", "on"], 10, "the event's own")
    wait_until(lambda: len(ctl.rows("history", "--outcome", "accepted")) == 2, 10,
               "its outcome")
    made = ctl.rows("history", "--rule", "overheat")[0]["id"]
    assert f"command {made} is made again, as command" in ctl.text(
        "retry", made, "--force")
    wait_until(lambda: sim.bodies() == ["by hand", "on", "on"], 10, "it again")

    assert 'device "fan" is silent until' in ctl.text(
        "silence", "--device", "fan", "--for", "1h", "--comment", "test")
    setup.notify("okay")
    wait_until(lambda: [row["severity"] for row in ctl.rows("states")] == ["okay"],
               10, "the state behind the silence")
    assert [row["in_force"] for row in ctl.rows("orders")][0] == 1
    assert sim.bodies() == ["by hand", "on", "on"]
    assert "is silent no more" in ctl.text("silence", "--device", "fan", "--for",
                                           "0s")
    wait_until(lambda: sim.bodies()[3:] == ["off"], 10, "what is asked for now")

    sim.fault(device_id=FAN_ID, status=503, count=1,
              headers={"Retry-After": "600"})
    ctl.text("send", "fan", "late")
    wait_until(lambda: ctl.rows("pending") and
               ctl.rows("pending")[0]["attempts"] == 1, 10, "a failed attempt")
    assert "1 command is cancelled" in ctl.text("cancel", "--device", "fan")
    assert ctl.rows("pending") == []
    if is_root():
        member = Ctl(folder, NOBODY, GROUP)
        member.text("send", "fan", "by a member")
        wait_until(lambda: sim.bodies()[4:] == ["by a member"], 10, "a member's")
        assert ctl.rows("orders")[0]["uid"] == NOBODY
        stranger = Ctl(folder, NOBODY, NOBODY)
        line = stranger.fails("send", "fan", "by a stranger")
        assert "become a member of that group (usermod -aG " in line
    setup.daemon.stop()
    assert re.findall(r".*\[error\].*onenet.*", setup.daemon.log()) == []


@pytest.mark.skipif(not is_root(), reason="only root can become another user")
def test_root_gives_orders_to_an_agent_of_another_user(setup, folder, sim):
    """Beside the agent, and while none runs: then root makes -wal and -shm, and
    the agent can open them."""
    folder.chmod(0o755)
    os.chown(folder, NOBODY, NOBODY)
    os.chown(setup.key_file, NOBODY, NOBODY)
    ctl = Ctl(folder)
    setup.start(wrapper=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                         "--clear-groups"])
    ctl.text("send", "fan", "beside it")
    wait_until(lambda: sim.bodies() == ["beside it"], 10, "the command")
    setup.daemon.stop()
    for name in ("-wal", "-shm"):
        (folder / f"onenet.db{name}").unlink()
    assert ctl.rows("history")
    assert "it is obeyed when collectd starts" in ctl.text("send", "fan", "later")
    assert {path.stat().st_uid for path in folder.glob("onenet.db*")} == {NOBODY}
    setup.daemon.start()
    wait_until(lambda: sim.bodies() == ["beside it", "later"], 10, "the order")
    assert re.findall(r".*\[error\].*onenet.*", setup.daemon.log()) == []
