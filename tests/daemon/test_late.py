# SPDX-License-Identifier: MIT
"""A ledger that can not be read at the start, and is read once it can be; and one
of which some can never be restored."""

import contextlib
import re
import threading
import time

import pytest
from simulator import wait_until
from test_command import Receiver
from test_delivery import held, outcomes

HEAT = 'TypeInstance "core"\nOnFailure "on"\nOnOkay "off"'
LAMP = 'TypeInstance "lamp"\nOnFailure "light"\nOnOkay "dark"'
ALARM = 'TypeInstance "door"\nOnFailure "beep"'
LOCK = ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN IMMEDIATE",
        "UPDATE totals SET epoch = epoch", "COMMIT")


@pytest.fixture(name="ledger")
def ledger_with_a_pending_command(setup):
    """The ledger of a run that has ended: command 1, "on", is pending."""
    good = setup.key_file.read_text()
    setup.key_file.write_text("wrong")
    setup.start(setup.block(setup.rule(ALARM, "alarm") + "ShutdownTimeout 5\n",
                            rule=setup.rule(HEAT)))
    setup.notify(type_instance="core")
    setup.wait_for_outcomes(created=1, pending=1)
    setup.daemon.stop()
    setup.key_file.write_text(good)
    return setup.folder / "onenet.db"


@contextlib.contextmanager
def locked(setup, ledger):
    """Starts the daemon while the ledger is locked for longer than it waits."""
    with held(ledger, *LOCK):
        setup.daemon.start()
        assert "not all is known of the devices' states" in setup.daemon.log()
        yield


def ended(setup):
    return [outcome for _, outcome in outcomes(setup)]


def assert_read(setup):
    """Nothing was set aside, nor copied."""
    assert "it can be read at last" in setup.daemon.log()
    assert not list(setup.folder.glob("onenet.db.*-*"))


def test_what_was_pending_is_sent_once_when_the_ledger_can_be_read(setup, ledger):
    with locked(setup, ledger):
        setup.notify(type_instance="door")
        wait_until(lambda: setup.sim.bodies() == ["beep"], 20, "what came since")
    wait_until(lambda: setup.sim.bodies() == ["beep", "on"], 20, "the pending one")
    wait_until(lambda: ended(setup) == ["accepted"] * 2, 20, "their records")
    assert_read(setup)
    setup.wait_for_outcomes(created=2, accepted=2)
    setup.notify("okay", type_instance="core")
    wait_until(lambda: ended(setup) == ["accepted"] * 3, 20, "another record")
    assert setup.sim.bodies() == ["beep", "on", "off"]
    ids = [number for number, _ in outcomes(setup)]
    assert len(set(ids)) == 3 and ids[0] == 1  # none was given twice
    assert setup.query("SELECT created, accepted FROM totals") == [(3, 3)]
    setup.daemon.stop()
    setup.daemon.start()
    setup.notify("okay", type_instance="core")
    setup.wait_for_outcomes(created=1, unchanged=1)


def test_once_all_is_known_a_first_okay_is_ignored_as_ever(setup, ledger):
    setup.daemon.configure(setup.block(setup.rule(LAMP, "lamp"),
                                       rule=setup.rule(HEAT)))
    with locked(setup, ledger):
        pass
    wait_until(lambda: setup.sim.bodies() == ["on"], 20, "the pending one")
    setup.notify("okay", type_instance="lamp")
    setup.notify(type_instance="lamp")
    wait_until(lambda: "light" in setup.sim.bodies(), 20, "the lamp's command")
    assert setup.sim.bodies() == ["on", "light"]


def test_what_came_meanwhile_supersedes_what_was_pending(setup, ledger):
    with locked(setup, ledger):
        setup.notify("okay", type_instance="core")
        wait_until(lambda: setup.sim.bodies() == ["off"], 20, "the newer state")
        time.sleep(2)  # the ledger is tried again meanwhile
    wait_until(lambda: ended(setup) == ["superseded", "accepted"], 20, "records")
    assert_read(setup)
    setup.wait_for_outcomes(created=2, accepted=1, superseded=1)
    setup.wait_for_metric("onenet-agent/errors-ledger", 0)
    assert setup.sim.bodies() == ["off"]


def test_a_kill_while_the_ledger_is_locked_loses_nothing_of_it(setup, ledger):
    with locked(setup, ledger):
        setup.notify(type_instance="door")
        wait_until(lambda: setup.sim.bodies() == ["beep"], 20, "what came since")
        setup.daemon.stop(kill=True)
    setup.daemon.start()
    wait_until(lambda: setup.sim.bodies() == ["beep", "on"], 20, "the pending one")
    wait_until(lambda: outcomes(setup) == [(1, "accepted")], 20, "its record")


def stop_slowly(setup):
    """Returns the thread that stops the daemon, which takes a second at least."""
    stopped = threading.Event()

    def stop():
        setup.daemon.stop()
        stopped.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    assert not stopped.wait(1)
    return stopper


def test_at_a_stop_what_is_read_at_last_is_told_if_it_ends(setup, ledger):
    with locked(setup, ledger):
        setup.notify("okay", type_instance="core")
        wait_until(lambda: setup.sim.bodies() == ["off"], 20, "the newer state")
        stopper = stop_slowly(setup)
    stopper.join()
    assert ended(setup) == ["superseded", "accepted"]
    assert re.search(r"command 1: .*: superseded", setup.daemon.log())


def test_at_a_stop_a_ledger_that_is_free_in_time_gets_all(setup, ledger):
    with locked(setup, ledger):
        setup.notify(type_instance="door")
        wait_until(lambda: setup.sim.bodies() == ["beep"], 20, "what came since")
        stopper = stop_slowly(setup)
    stopper.join()
    assert ended(setup) == [None, "accepted"]
    setup.daemon.start()
    wait_until(lambda: ended(setup) == ["accepted"] * 2, 20, "its record")
    assert setup.sim.bodies() == ["beep", "on"]


def test_at_a_stop_a_ledger_that_stays_locked_stays_as_it_is(setup, ledger):
    with locked(setup, ledger):
        setup.notify(type_instance="door")
        wait_until(lambda: setup.sim.bodies() == ["beep"], 20, "what came since")
        assert setup.daemon.stop()[0] == 0
        assert "at the end the ledger could not be written: another process " \
            "writes to it: " in setup.daemon.log()
        assert "hangs" not in setup.daemon.log()
    assert outcomes(setup) == [(1, None)]
    setup.daemon.start()
    wait_until(lambda: setup.sim.bodies() == ["beep", "on"], 20, "the pending one")


def lose_the_last_commits(setup):
    """Kills the daemon, and damages the first page of the -wal."""
    setup.daemon.stop(kill=True)
    wal = setup.folder / "onenet.db-wal"
    pages = bytearray(wal.read_bytes())
    pages[156] ^= 4
    wal.write_bytes(bytes(pages))


def await_rest(setup):
    wal = setup.folder / "onenet.db-wal"
    wait_until(lambda: wal.stat().st_size == 0, 20, "an empty -wal")


def test_the_okay_of_a_slot_that_is_lost_with_the_wal_is_sent(setup):
    setup.start()
    await_rest(setup)
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    lose_the_last_commits(setup)
    setup.daemon.start()
    setup.notify("okay")
    wait_until(lambda: setup.sim.bodies() == ["on", "off"], 20, "the OKAY")
    assert "not all is known of the devices' states" in setup.daemon.log()


def test_the_okay_of_a_slot_whose_last_command_is_lost_is_sent(setup):
    setup.start()
    for number, severity in enumerate(("failure", "okay"), 1):
        setup.notify(severity)
        setup.wait_for_outcomes(created=number, accepted=number)
    await_rest(setup)
    setup.notify()
    setup.wait_for_outcomes(created=3, accepted=3)
    lose_the_last_commits(setup)
    setup.daemon.start()
    setup.notify("okay")
    wait_until(lambda: setup.sim.bodies() == ["on", "off", "on", "off"], 20,
               "the OKAY")


def losses(setup):
    """Returns (severity, message) of each notification of what is lost."""
    return re.findall(r"Notification: severity = (\w+), host = \w+, "
                      r"plugin = onenet, plugin_instance = agent, type = records, "
                      r"type_instance = lost, message = (.*)",
                      setup.daemon.log())


LOST = ("of the commands that were pending in the ledger, {} can not be restored: "
        "check the states of the devices")


def test_how_many_commands_are_lost_with_a_damaged_ledger_is_notified(setup, ledger):
    with held(ledger, "DROP TABLE totals"):
        pass
    with Receiver() as receiver:
        setup.daemon.configure(
            setup.block(rule=setup.rule(HEAT)), extra=f"""
LoadPlugin write_http
<Plugin write_http>
  <Node "here">
    URL "{receiver.url}/"
    Format "JSON"
    Notifications true
  </Node>
</Plugin>
""")
        setup.daemon.start()
        wait_until(lambda: losses(setup) == [("FAILURE", LOST.format(1))], 20)
        wait_until(lambda: [v["annotations"] for v in receiver.values
                            if "annotations" in v] == [
            {"summary": LOST.format(1), "commands": "1"}], 20, "its meta data")
        setup.daemon.stop()


def test_what_is_lost_is_in_the_log_alone_where_nothing_is_notified(setup, ledger):
    ledger.write_bytes(b"This is not a database. " * 500)
    setup.daemon.configure(setup.block("NotifyOutcomes none\n"))
    setup.daemon.start()
    wait_until(lambda: LOST.format("an unknown number") in setup.daemon.log(), 20)
    wait_until(lambda: setup.metric("onenet-agent/errors-ledger") == 1, 20)
    setup.daemon.stop()
    assert losses(setup) == []
