# SPDX-License-Identifier: MIT
"""Orders: what an operator asks for by hand, as rows in the ledger's table
`orders`, and what the agent tells of itself in `agent` and `endpoints`.

ONENET_SEED repeats a run of the crashes; ONENET_ORDER_CRASHES sets how many kills
(default 20).
"""

import collections
import contextlib
import grp
import os
import random
import socket
import sqlite3
import stat
import time

from simulator import Simulator, wait_until

CRASHES = int(os.environ.get("ONENET_ORDER_CRASHES", "20"))
SEED = int(os.environ.get("ONENET_SEED", str(time.time_ns() % 2**32)))
PICKED_UP_S = 3  # a second for the look, and what a noisy machine adds


@contextlib.contextmanager
def ledger(setup):
    """A connection of our own, as onenetctl has one."""
    with contextlib.closing(sqlite3.connect(setup.folder / "onenet.db",
                                            timeout=20)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def give(setup, verb, **columns):
    """Gives an order; returns its id."""
    row = {"given_at": time.time(), "verb": verb, "uid": os.getuid(),
           "forced": 0, "state": "given", **columns}
    with ledger(setup) as connection, connection:
        return connection.execute(
            f"INSERT INTO orders ({', '.join(row)}) "
            f"VALUES ({', '.join('?' * len(row))})",
            list(row.values())).lastrowid


def order(setup, number):
    """Returns the order's row as it is now."""
    return setup.query(f"SELECT * FROM orders WHERE id = {number}", sqlite3.Row)[0]


def ended(setup, number):
    """Waits until the agent has looked at the order; returns its row."""
    wait_until(lambda: order(setup, number)["state"] != "given", PICKED_UP_S,
               f"order {number} to be looked at")
    return order(setup, number)


def refused(setup, verb, **columns):
    """Gives an order that is to be refused; returns why it was."""
    row = ended(setup, give(setup, verb, **columns))
    assert row["state"] == "refused", dict(row)
    assert row["ended_at"] >= row["given_at"] and row["result_id"] is None
    return row["why"]


def send(setup, body, **columns):
    """Orders to send a text to the fan; returns the id of the order."""
    return give(setup, "send", **{"device": "fan", "body": body,
                                  "content_type": "text/plain; charset=utf-8",
                                  **columns})


def silence(setup, seconds):
    """Silences the rule for so long; 0: no longer."""
    number = give(setup, "silence", rule="overheat",
                  until_at=time.time() + seconds)
    assert ended(setup, number)["state"] == "obeyed"


def lines_of(setup, number):
    return [line for line in setup.daemon.log().splitlines()
            if f"order {number} of user {os.getuid()}: " in line]


def test_orders_that_can_not_be_obeyed_are_refused_in_words(setup):
    setup.start()
    assert refused(setup, "send", device="lamp", body="x") == (
        'no device has the name "lamp": see onenetctl status')
    assert refused(setup, "send", body="x") == "it names no device"
    assert refused(setup, "send", device="fan") == "it has no body"
    assert refused(setup, "send", device="fan", body="x", service="s") == (
        'endpoint "cloud" calls no services: leave --service')
    assert "one line" in refused(setup, "send", device="fan", body="x",
                                 content_type="a\r\nb: c")
    assert refused(setup, "retry", command_id=17) == (
        "there is no command 17 in the ledger: see onenetctl history")
    assert refused(setup, "cancel") == "it must name either a command or a device"
    assert refused(setup, "silence", rule="overheated", until_at=2e9) == (
        'no rule has the name "overheated": see the configuration')
    assert refused(setup, "explode") == 'the verb "explode" is not known'
    assert setup.sim.received() == []
    for number in range(1, 10):
        (line,) = lines_of(setup, number)
        assert order(setup, number)["why"] in line
    assert ("order 1 of user 0: send device \"lamp\": refused: no device has the "
            "name \"lamp\"" in setup.daemon.log().replace(
                f"user {os.getuid()}", "user 0"))


def test_an_order_is_obeyed_within_a_second_and_after_a_restart(setup):
    daemon = setup.start()
    first = ended(setup, send(setup, "by hand", device="FAN"))
    assert first["state"] == "obeyed" and first["result_id"] > 0
    wait_until(lambda: setup.sim.bodies() == ["by hand"], 10, "the command")
    (line,) = lines_of(setup, first["id"])
    assert f"obeyed, as command {first['result_id']}" in line
    (command,) = setup.query("SELECT rule, body, content_type FROM commands "
                             f"WHERE id = {first['result_id']}")
    assert command == ("onenetctl", "by hand", "text/plain; charset=utf-8")
    # The ledger is busy with other things: the orders come through.
    for number in range(200):
        setup.notify(message=f"{number}")
    assert ended(setup, send(setup, "meanwhile"))["state"] == "obeyed"
    silence(setup, 3600)
    daemon.stop()
    waiting = send(setup, "while nobody looks")
    assert order(setup, waiting)["state"] == "given"
    daemon.start()
    assert ended(setup, waiting)["state"] == "obeyed"
    wait_until(lambda: setup.sim.bodies().count("while nobody looks") == 1, 10,
               "the command")
    assert setup.sim.bodies().count("by hand") == 1
    setup.notify("okay")
    setup.wait_for_metric("onenet-fan/derive-ignored_silenced", 1)
    assert "off" not in setup.sim.bodies()
    silence(setup, 0)
    wait_until(lambda: setup.sim.bodies()[-1] == "off", 10, "what it then owes")
    assert "[error] onenet" not in daemon.log()
    daemon.stop()
    assert {row[0] for row in setup.query("SELECT difference FROM balance")} == {0}


def ledger_version(connection):
    """Changes when another connection writes."""
    return connection.execute("PRAGMA data_version").fetchone()[0]


def test_what_is_told_of_the_agent_is_true_and_an_idle_agent_writes_nothing(
        setup):
    with socket.socket() as deaf:  # has a port, and does not listen
        deaf.bind(("127.0.0.1", 0))
        block = setup.block(f"""
<Endpoint "backup">
  URL "http://127.0.0.1:{deaf.getsockname()[1]}/cmds"
  APIKeyFile "{setup.key_file}"
  BreakerThreshold 1
</Endpoint>
<Device "siren">
  DeviceID "1"
  Endpoint "backup"
</Device>
<Rule "howl">
  Plugin "howl"
  Device "siren"
  OnFailure "on"
</Rule>
""", fan='<Device "fan">\nDeviceID "8029377"\nEndpoint "cloud"\n</Device>\n')
        daemon = setup.start(block)

        def endpoint(name):
            return setup.query("SELECT * FROM endpoints WHERE endpoint = "
                               f"'{name}'", sqlite3.Row)[0]

        def agent():
            return setup.query("SELECT * FROM agent", sqlite3.Row)[0]

        wait_until(lambda: setup.query("SELECT 1 FROM agent"), 5, "the agent")
        assert agent()["pid"] == daemon.pid
        assert abs(agent()["started_at"] - time.time()) < 20
        assert endpoint("cloud")["circuit"] == "closed"
        assert endpoint("cloud")["url"] == setup.sim.url + "/cmds"
        assert endpoint("cloud")["last_error"] is None
        setup.notify()
        daemon.putnotif("failure", plugin="howl", type="gauge")
        wait_until(lambda: endpoint("backup")["circuit"] == "open", 5, "the circuit")
        wait_until(lambda: agent()["waiting"] == 1
                   and endpoint("backup")["waiting"] == 1
                   and endpoint("cloud")["requests"] == 1
                   and endpoint("cloud")["in_flight"] == 0, 5, "the quiet")
        assert "onnect" in endpoint("backup")["last_error"]
        assert endpoint("cloud")["last_error"] is None
        daemon.stop()
    with ledger(setup) as connection:
        told_at = agent()["told_at"]
        daemon.configure(setup.block())
        daemon.start()
        wait_until(lambda: agent()["told_at"] > told_at, 5, "the start")
        assert [row["endpoint"] for row in connection.execute(
            "SELECT endpoint FROM endpoints")] == ["cloud"]
        time.sleep(1.5)  # until all is said of the start
        version = ledger_version(connection)
        time.sleep(2.5)  # a while of nothing, not a condition
        assert ledger_version(connection) == version
    daemon.stop()
    assert agent()["told_at"] > agent()["started_at"] + 3


def a_group():
    """Returns a group to which we may give a file."""
    if os.getuid() == 0:
        return grp.getgrnam("nogroup")
    return grp.getgrgid(os.getgroups()[0])


def test_members_of_the_ledgers_group_may_write_it(setup):
    def modes():
        return {suffix: stat.S_IMODE((setup.folder / f"onenet.db{suffix}")
                                     .stat().st_mode)
                for suffix in ("", "-wal", "-shm", ".lock")}

    group = a_group()
    daemon = setup.start(setup.block(f'LedgerGroup "{group.gr_name}"\n'))
    assert set(modes().values()) == {0o660}, modes()
    for suffix in ("", "-wal", "-shm", ".lock"):
        assert (setup.folder / f"onenet.db{suffix}").stat().st_gid == group.gr_gid
    daemon.stop()
    daemon.configure(setup.block())
    daemon.start()
    assert set(modes().values()) == {0o640}, modes()


def give_some(setup, chance, bodies):
    for _ in range(chance.randint(1, 4)):
        bodies.append(f"order-{len(bodies)}")
        send(setup, bodies[-1], device=chance.choice(("fan", "pump")))
        time.sleep(chance.uniform(0, 0.1))  # the moment, not a condition


def test_no_crash_makes_an_order_be_obeyed_twice_or_never(folder, make_setup,
                                                          capsys):
    with capsys.disabled():
        print(f"\nONENET_SEED={SEED} ONENET_ORDER_CRASHES={CRASHES}")
    chance = random.Random(SEED)
    bodies = []
    with Simulator("--device", "8029377", "--device", "8029378", "--rate", "0",
                   "--execution-log", folder / "executions") as sim:
        setup = make_setup(sim)
        daemon = setup.start(setup.block('<Device "pump">\n  DeviceID "8029378"\n'
                                         "</Device>\n"))
        for _ in range(CRASHES):
            sim.fault(count=chance.randint(1, 4), delay_ms=chance.randint(1, 40))
            give_some(setup, chance, bodies)
            # Most kills come when the agent has just looked, or is about to.
            time.sleep(chance.uniform(0, 1.2))  # the moment, not a condition
            daemon.stop(kill=True)
            daemon.start()
        sim.clear_faults()
        wait_until(lambda: not setup.query(
            "SELECT 1 FROM orders WHERE state = 'given' UNION ALL "
            "SELECT 1 FROM commands WHERE finished_at IS NULL"), 60, "the end")
        daemon.stop()
        executed = collections.Counter(c["body"] for c in sim.received())
    orders = setup.query("SELECT body, state, result_id FROM orders ORDER BY id")
    assert [row[0] for row in orders] == bodies
    assert {row[1] for row in orders} == {"obeyed"}
    commands = setup.query("SELECT body, id, outcome FROM commands")
    assert collections.Counter(c[0] for c in commands) == {b: 1 for b in bodies}
    assert {(row[0], row[2]) for row in orders} == {c[:2] for c in commands}
    for body, _, outcome in commands:
        assert outcome in ("accepted", "unknown"), (body, outcome)
        assert executed[body] == 1 if outcome == "accepted" else (
            executed[body] <= 1), (body, outcome, executed[body])
