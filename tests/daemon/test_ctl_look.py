# SPDX-License-Identifier: MIT
"""onenetctl's looks into the ledger of a real collectd, after a story of which the
end is known, while it runs and without it; by root and by others; of a ledger that
is damaged or locked."""

import concurrent.futures
import contextlib
import fcntl
import json
import os
import pty
import random
import re
import signal
import sqlite3
import struct
import termios
import threading
import time

import pytest

from ctl import GROUP, NOBODY, Ctl, copy_ledger, is_root
from scenario import COUNTS, running_greenhouse, total
from simulator import wait_until
from test_delivery import send_lines

only_root = pytest.mark.skipif(not is_root(), reason="only root can become "
                                                     "another user")
LOOKS = (["pending"], ["history"], ["states"], ["orders"], ["status"])
ACTS = (["send", "fan", "on"], ["retry", "1"], ["cancel", "1"],
        ["silence", "--device", "fan", "--for", "2h"])


@pytest.fixture(name="greenhouse", scope="module")
def greenhouse_of_a_story():
    with running_greenhouse() as greenhouse:
        greenhouse.play()
        yield greenhouse


@pytest.fixture(name="ctl")
def tool_beside_the_agent(greenhouse):
    return Ctl(greenhouse.folder)


@pytest.fixture(name="rest")
def copy_without_an_agent(greenhouse, folder):
    return copy_ledger(greenhouse, folder / "rest")


def stored(greenhouse, sql):
    return [dict(row) for row in greenhouse.query(sql)]


def table(text):
    """Returns the columns of a table, by their titles: {title: [fields]}."""
    title, *lines = text.splitlines()
    starts = [match.start() for match in re.finditer(r"(?<=  )\S|^\S", title)]
    ends = starts[1:] + [None]
    return {title[start:end].strip():
            [line[start:end].strip() for line in lines]
            for start, end in zip(starts, ends)}


# ---- listings ----


def test_history_is_the_table_the_newest_first(greenhouse, ctl):
    rows = ctl.rows("history")
    assert rows == stored(greenhouse,
                          "SELECT * FROM commands ORDER BY id DESC")
    assert len(rows) == total("created") - total("unchanged")
    shown = table(ctl.text("history"))
    assert shown["OUTCOME"] == [row["outcome"] or row["state"] for row in rows]
    assert shown["CREATED"] == [
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["created_at"]))
        for row in rows]
    assert shown["BODY"] == [row["body"] for row in rows]


@pytest.mark.parametrize("words, where", [
    (["--device", "LAMP"], "device = 'lamp'"),
    (["--rule", "fan-rule"], "rule = 'fan-rule'"),
    (["--outcome", "accepted"], "outcome = 'accepted'"),
    (["--outcome", "pending"], "outcome IS NULL"),
    (["--device", "pump", "--outcome", "unknown"],
     "device = 'pump' AND outcome = 'unknown'"),
    (["--since", "1d"], "1"), (["--since", "0s"], "0"),
    (["--device", "nobody"], "0"),
    (["--limit", "2"], "id IN (SELECT id FROM commands"
                       " ORDER BY id DESC LIMIT 2)")])
def test_history_can_be_asked_for_less(greenhouse, ctl, words, where):
    assert ctl.rows("history", *words) == stored(
        greenhouse, f"SELECT * FROM commands WHERE {where} ORDER BY id DESC")


def test_since_counts_from_the_creation(rest):
    ledger = sqlite3.connect(rest / "onenet.db")
    with ledger:
        ledger.execute("UPDATE commands SET created_at = created_at - 3600"
                       " WHERE device = 'lamp'")
    ledger.close()
    found = {row["device"] for row in Ctl(rest).rows("history", "--since", "50m")}
    assert found == set(COUNTS) - {"lamp"}


def test_pending_and_states_show_who_waits_and_who_decides(greenhouse, ctl):
    assert ctl.rows("pending") == stored(
        greenhouse, "SELECT * FROM commands WHERE finished_at IS NULL")
    shown = table(ctl.text("pending"))
    assert (shown["DEVICE"], shown["STATE"]) == (["siren"], ["waiting"])
    assert shown["EXPIRES"][0].startswith("in 59m")
    assert "onnect" in shown["LAST ERROR"][0]
    assert ctl.text("pending", "--device", "fan") == "(none)\n"
    series = stored(greenhouse, "SELECT * FROM series ORDER BY rule")
    rows = sorted(ctl.rows("states"), key=lambda row: row["rule"])
    assert [{name: row[name] for name in series[0]} for row in rows] == series
    assert {row["decides"] for row in rows} == {"yes"}
    assert {row["device"]: row["accepted"] for row in rows} == {
        "fan": "fan on", "heater": "heater on", "valve": None, "lamp": None,
        "pump": None, "siren": None}
    (fan,) = table(ctl.text("states", "--rule", "FAN-rule"))["SERIES"]
    assert fan.startswith("greenhouse/sensors-fan")


def test_tables_fit_into_a_terminal_of_100_columns(ctl):
    for words in LOOKS:
        text = ctl.text(*words)
        if words != ["status"]:
            assert max(map(len, text.splitlines())) <= 100, text


def test_bodies_that_are_no_text_are_hex(rest):
    ledger = sqlite3.connect(rest / "onenet.db")
    with ledger:
        ledger.execute("UPDATE commands SET body = x'00ff' WHERE id = 1")
        ledger.execute("UPDATE commands SET body = char(27) || '[2Jx'"
                       " WHERE id = 2")
    ledger.close()
    rows = {row["id"]: row["body"] for row in Ctl(rest).rows("history")}
    assert (rows[1], rows[2]) == ({"hex": "00FF"}, "\x1b[2Jx")
    shown = table(Ctl(rest).text("history"))
    assert shown["BODY"][-2:] == ["[2Jx", "x'00FF'"]


ORDERS = """INSERT INTO orders (id, given_at, verb, uid, device, rule, command_id,
 body, forced, until_at, comment, state, ended_at, why, result_id, count) VALUES
 (1, unixepoch() - 9000, 'silence', 0, 'fan', NULL, NULL, NULL, 0,
  unixepoch() + 7200, 'mended', 'obeyed', unixepoch(), NULL, NULL, NULL),
 (2, unixepoch() - 80, 'silence', 0, NULL, 'lamp-rule', NULL, NULL, 0,
  unixepoch() + 60, NULL, 'obeyed', unixepoch(), NULL, NULL, NULL),
 (3, unixepoch() - 70, 'silence', 0, NULL, 'LAMP-rule', NULL, NULL, 0,
  unixepoch() - 70, NULL, 'obeyed', unixepoch(), NULL, NULL, NULL),
 (4, unixepoch() - 60, 'silence', 0, 'siren', NULL, NULL, NULL, 0,
  unixepoch() - 1, NULL, 'obeyed', unixepoch(), NULL, NULL, NULL),
 (5, unixepoch() - 50, 'send', 65534, 'fan', NULL, NULL, 'on', 0,
  NULL, NULL, 'obeyed', unixepoch(), NULL, 17, NULL),
 (6, unixepoch() - 40, 'retry', 0, NULL, NULL, 12, NULL, 0,
  NULL, NULL, 'refused', unixepoch(), 'it was accepted', NULL, NULL),
 (7, unixepoch() - 30, 'cancel', 0, 'fan', NULL, NULL, NULL, 0,
  NULL, NULL, 'obeyed', unixepoch(), NULL, NULL, 3),
 (8, unixepoch() - 20, 'silence', 0, 'pump', NULL, NULL, NULL, 0,
  unixepoch() + 60, NULL, 'given', NULL, NULL, NULL, NULL),
 (9, unixepoch() - 9000, 'silence', 0, NULL, 'valve-rule', NULL, NULL, 0,
  unixepoch() + 60, printf('%.70c', 'x'), 'obeyed', unixepoch(), NULL, NULL,
  NULL),
 (10, unixepoch() - 9000, 'silence', 0, NULL, 'pump-rule', NULL, NULL, 0,
  unixepoch() + 90, NULL, 'obeyed', unixepoch(), NULL, NULL, NULL)"""


def test_orders_begin_with_the_silences_in_force(rest):
    ledger = sqlite3.connect(rest / "onenet.db")
    with ledger:
        ledger.execute(ORDERS)
    ledger.close()
    ctl = Ctl(rest)
    rows = ctl.rows("orders", "--since", "45s")
    assert [(row["id"], row["in_force"]) for row in rows] == [
        (10, 1), (9, 1), (1, 1), (8, 0), (7, 0), (6, 0)]
    assert rows[2]["comment"] == "mended"
    text = ctl.text("orders")
    heading, silences, others = re.split(r"\n\n|:\n", text)
    assert heading == "Silences in force"
    assert table(silences)["SILENT"] == ["rule valve-rule", "rule pump-rule",
                                         "device fan"]
    assert table(silences)["FOR"][2].startswith("1h 59m")
    shown = table(others)
    assert shown["ORDER"] == [str(number) for number in range(10, 0, -1)]
    assert shown["BY"][5] == "nobody"
    assert shown["TARGET"][2:6] == ["device pump", "device fan", "command 12",
                                    "device fan"]
    assert shown["CAME TO"][2:6] == ["", "3 cancelled", "it was accepted",
                                    "command 17"]
    assert [shown["DETAIL"][index] for index in (2, 5, 7, 9)] == [
        "for 1m 20s", "on", "ends", "for 4h 30m:.."]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", given)
               for given in shown["GIVEN"])
    (status,) = ctl.rows("status")
    assert [row["id"] for row in status["silences"]] == [9, 10, 1]
    assert "Silences in force:\n" in ctl.text("status")


# ---- status ----


def test_status_shows_agent_endpoints_rates_and_what_is_pending(greenhouse, ctl):
    (status,) = ctl.rows("status")
    (agent,) = status["agent"]
    assert agent["pid"] == greenhouse.daemon.pid and agent["running"] == 1
    assert {row["endpoint"]: row["circuit"] for row in status["endpoints"]} == {
        "cloud": "closed", "backup": "open"}
    (backup,) = [row for row in status["endpoints"]
                 if row["endpoint"] == "backup"]
    assert "onnect" in backup["last_error"] and backup["waiting"] == 1
    assert status["rates"][1] == {
        "seconds": 3600, "accepted": total("accepted"),
        "failed": total("refused") + total("unknown")}
    assert [(row["device"], row["pending"]) for row in status["pending"]] == [
        ("siren", 1)]
    (ledger,) = status["ledger"]
    assert ledger["path"] == str(greenhouse.folder / "onenet.db")
    assert ledger["bytes"] > 0 and ledger["ledger_errors"] == 0
    text = ctl.text("status")
    assert f"process {greenhouse.daemon.pid}, since " in text
    assert "1 command of 1 device\n" in text and "no error of it" in text
    assert re.search(r"^backup +open ", text, re.M)


def test_status_without_an_agent_says_so(rest):
    ctl = Ctl(rest)
    (status,) = ctl.rows("status")
    assert [row["running"] for row in status["agent"]] == [0]
    text = ctl.text("status")
    assert "none runs with this ledger: start collectd. What it has told" in text
    assert re.search(r"^siren +1 ", text, re.M)


def test_a_watch_in_a_pipe_writes_one_page_after_the_other(ctl):
    with ctl.start("status", "--watch", "1") as watch:
        lines = []
        while sum(line.startswith("agent ") for line in lines) < 2:
            lines.append(watch.stdout.readline())
        watch.send_signal(signal.SIGINT)
        rest, errors = watch.communicate(timeout=20)
    assert (watch.returncode, errors) == (0, "")
    assert "\033" not in "".join(lines) + rest
    with ctl.start("--json", "status", "--watch=1") as watch:
        lines = [watch.stdout.readline()]
        while not lines[-1].endswith("}]\n"):
            lines.append(watch.stdout.readline())
        watch.terminate()
    assert json.loads("".join(lines))[0]["agent"]


def read_all(fd, seen, until, timeout=20):
    """Reads from a terminal until that is seen."""
    end = time.monotonic() + timeout
    while until not in seen[0]:
        assert time.monotonic() < end, (until, seen[0])
        seen[0] += os.read(fd, 4096)


@contextlib.contextmanager
def watch_on_a_terminal(ctl, lines=24, columns=80):
    """A watch that must end well once q is pressed; yields what read_all takes."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))
        os.execv(ctl.tool, ctl.command("status", "--watch", "1"))
    try:
        yield fd, [b""]
    finally:
        os.write(fd, b"xq")
        status = os.waitpid(pid, 0)[1]
        os.close(fd)
    assert status == 0


CLEAR = b"\033[H\033[2J"


def test_a_watch_on_a_terminal_clears_it_and_ends_on_q(ctl):
    with watch_on_a_terminal(ctl) as (fd, seen):
        read_all(fd, seen, b"siren")
    assert seen[0].startswith(CLEAR + b"onenetctl")


def test_a_watch_on_a_low_terminal_shows_the_beginning(ctl):
    with watch_on_a_terminal(ctl, lines=8, columns=60) as (fd, seen):
        read_all(fd, seen, b"has lines for)\r\n")
    lines = seen[0].decode().splitlines()
    assert lines[0].startswith("\033[H\033[2Jonenetctl") and len(lines) < 7
    assert sum(-(-len(line) // 60) for line in lines) <= 7


def test_a_watch_without_a_ledger_says_so_in_the_place_of_the_page(rest):
    with watch_on_a_terminal(Ctl(rest)) as (fd, seen):
        read_all(fd, seen, b"siren")
        (rest / "onenet.db").rename(rest / "away.db")
        read_all(fd, seen, b"there is none")
        (rest / "away.db").rename(rest / "onenet.db")
        assert CLEAR + b"onenetctl: ledger" in seen[0]
        seen[0] = b""
        read_all(fd, seen, b"siren")


# ---- wrong usage ----


@pytest.mark.parametrize("words, part", [
    (["history", "--since", "2"], "--since 2: must be a length of time"),
    (["history", "--since"], "--since needs a value"),
    (["history", "--limit", "0"], "--limit 0: must be a number"),
    (["history", "--limit", "1x"], "--limit 1x: must be a number"),
    (["history", "--outcome", "fine"], "must be accepted, refused"),
    (["history", "fan"], 'history takes no "fan"'),
    (["pending", "--since", "1h"], "--since is no option of it"),
    (["states", "-x"], "-x is no option of it: see onenetctl states --help"),
    (["states", "--limit", "5", "-51"], "states: -51 is no option of it"),
    (["orders", "--device", "fan"], "--device is no option of it"),
    (["status", "5"], 'status takes no "5"'),
    (["status", "--watch", "x"], "--watch x: must be a number"),
    (["status", "--watch", "1", "2"], "status takes --watch [SECONDS]")])
def test_a_wrong_command_line_ends_with_2(ctl, words, part):
    assert part in ctl.fails(*words, status=2)


# ---- other users ----


@only_root
def test_others_look_if_they_may_read_and_are_told_if_not(greenhouse, rest):
    stranger = Ctl(greenhouse.folder, NOBODY, NOBODY)
    for words in (*LOOKS, *ACTS):
        line = stranger.fails(*words)
        assert 'user "nobody" may not read' in line, line
        assert "use sudo" in line and "LedgerGroup" in line, line
    for name in ("", "-wal", "-shm"):
        os.chown(greenhouse.folder / f"onenet.db{name}", 0, GROUP)
    member = Ctl(greenhouse.folder, NOBODY, GROUP)
    for words in LOOKS:
        assert member.text(*words)
    assert member.rows("history") == Ctl(greenhouse.folder).rows("history")
    line = member.fails("send", "fan", "on")
    assert 'may not write the ledger, which belongs to user "root"' in line
    # Without an agent, and where no file can be made.
    rest.parent.chmod(0o755)
    for path in rest.glob("onenet.db*"):
        os.chown(path, 0, GROUP)
        path.chmod(0o640)
    assert Ctl(rest, NOBODY, GROUP).rows("history")


# ---- a ledger that is not as it should be ----


def all_at_once(ctl, commands):
    """Returns what each command comes to."""
    with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda words: ctl(*words), commands))


def check_one_line(done):
    assert done.returncode == 1, done
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1, done
    return done.stderr


def test_a_ledger_that_is_locked_and_an_agent_that_hangs_are_waited_for_5_s(
        greenhouse, rest, folder):
    hung = Ctl(copy_ledger(greenhouse, folder / "hung"))
    ledger = sqlite3.connect(rest / "onenet.db", isolation_level=None)
    ledger.execute("PRAGMA locking_mode = EXCLUSIVE")
    ledger.execute("BEGIN EXCLUSIVE")
    with open(folder / "hung" / "onenet.db.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        begun = time.monotonic()
        with hung.start("send", "fan", "on") as waits:
            for done in all_at_once(Ctl(rest), [*LOOKS, *ACTS]):
                assert "locked by another process" in check_one_line(done)
            assert waits.stderr.read() == (
                f"onenetctl: order 1 stands in the ledger, and the agent (process "
                f"{os.getpid()}) has not looked at it within 5 s: see its log, and "
                "onenetctl orders\n")
        assert waits.returncode == 1
    assert 4.9 < time.monotonic() - begun < 30
    ledger.close()


def test_no_ledger_and_no_database_are_said_in_one_line(rest):
    ctl = Ctl(rest)
    path = rest / "onenet.db"
    path.write_bytes(b"no database " * 1000)
    for done in all_at_once(ctl, [*LOOKS, *ACTS]):
        assert "damaged, or no ledger" in check_one_line(done)
    path.unlink()
    for done in all_at_once(ctl, [*LOOKS, *ACTS]):
        assert "there is none: the agent makes it" in check_one_line(done)
    assert not path.exists()
    config = rest / "collectd.conf"
    config.write_text(config.read_text().replace(
        "CommandSeries true", 'CommandSeries true\nLedger ":memory:"'))
    for done in all_at_once(ctl, [*LOOKS, *ACTS]):
        assert 'Ledger is ":memory:"' in check_one_line(done)


def test_a_damaged_ledger_crashes_nothing(rest):
    path, ctl = rest / "onenet.db", Ctl(rest)
    whole = path.read_bytes()
    seed = int(os.environ.get("ONENET_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    chance = random.Random(seed)
    refused = 0
    for _ in range(8):
        damaged = bytearray(whole)
        for _ in range(200):
            damaged[chance.randrange(1024, len(whole))] = chance.randrange(256)
        for name in ("", "-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)
        path.write_bytes(damaged)
        for done in all_at_once(ctl, [*LOOKS, *ACTS]):
            if done.returncode != 0:
                assert "damaged" in check_one_line(done) or done.args[3] in (
                    "retry", "cancel"), done
                refused += 1
    assert refused > 0


# ---- under load ----

BURST = 3000
BURST_DEVICES = 30


def test_looks_and_orders_are_right_while_the_agent_writes(setup, folder, sim):
    """Each answer is a state that there was, and the agent never meets a lock
    that it takes for a failure."""
    ctl = Ctl(folder)
    fleet = [f"d{number}" for number in range(BURST_DEVICES)]
    (folder / "fleet").write_text("".join(f"{name},{name},cloud\n"
                                          for name in fleet))
    for name in fleet:
        sim.put_device(name)
    setup.start(setup.block(
        f'DeviceFile "{folder}/fleet"\n',
        endpoint=setup.endpoint(more="RateLimit 1000 1"),
        rule=setup.rule('OnFailure "on"\nCombine none\nRepeat 0\n'
                        "Supersede false").replace('"fan"', '"%{host}"')))
    text = "".join(
        f"PUTNOTIF severity=failure time={time.time():.3f} message=burst "
        f"host={fleet[number % BURST_DEVICES]} plugin=sensors type=temperature "
        f"type_instance={number}\n" for number in range(BURST))
    thread = threading.Thread(target=send_lines, args=(setup, text))
    thread.start()
    sizes, orders, accepted = [], 0, 0
    deadline = time.monotonic() + 60
    while accepted < BURST:
        assert time.monotonic() < deadline
        rows = ctl.rows("history")
        ids = [row["id"] for row in rows]
        assert ids == sorted(set(ids), reverse=True)
        sizes.append(len(ids))
        accepted = sum(row["outcome"] == "accepted" for row in rows)
        assert len(ctl.text("history").splitlines()) <= 51
        assert ctl.rows("status")[0]["agent"][0]["running"] == 1
        assert len(ctl.rows("states", "--limit", "10")) <= 10
        ctl.rows("pending")
        orders += len(ctl.rows("cancel", "999999999", "--no-wait"))
    thread.join()
    assert sizes == sorted(sizes) and len(sizes) > 2
    assert ctl.rows("status")[0]["rates"][0]["accepted"] == BURST
    setup.daemon.stop()
    assert len(ctl.rows("history", "--outcome", "accepted")) == BURST
    assert len(ctl.rows("orders")) == orders
    assert errors_of(setup) == []


def errors_of(setup):
    return re.findall(r".*\[error\].*onenet.*", setup.daemon.log())
