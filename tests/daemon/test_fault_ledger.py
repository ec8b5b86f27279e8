# SPDX-License-Identifier: MIT
"""A ledger on a disk that is small, full or read-only, one that is damaged, and traps in
its place: delivery goes on, what is readable is kept, and nothing is sent twice."""

import sqlite3

import pytest

from questions import executions
from simulator import wait_until
from small_disk import NoDisk, SmallDisk

RULE = 'OnFailure "%{message}"\nRepeat 0'


def start(scene, more="", **options):
    setup = scene.setup
    scene.start(setup.block(more, rule=setup.rule(RULE)), threshold="", **options)


def wait_for_an_error(setup):
    wait_until(lambda: (setup.metric("onenet-agent/errors-ledger") or 0) >= 1, 30,
               "errors-ledger to count")


# ---- disks ----

@pytest.fixture(name="disk")
def disk_of_2_mib(setup):
    try:
        with SmallDisk(setup.folder, "2m") as disk:
            setup.query = disk.query
            yield disk
    except NoDisk as why:
        pytest.skip(f"no disk of the test's own can be made here: {why}")


def start_on(disk, scene):
    start(scene, f'Ledger "{disk.path}/onenet.db"\n', wrapper=disk.wrapper)


def test_a_disk_of_2_mib_is_enough_for_many_commands(scene, disk):
    start_on(disk, scene)
    scene.burst(3000)
    scene.wait_for_witness()
    scene.setup.wait_for_metric("onenet-agent/errors-ledger", 0)
    scene.ask(has_history=False)  # the oldest gives way


def test_on_a_full_disk_delivery_goes_on_and_the_record_follows(scene, disk):
    setup = scene.setup
    start_on(disk, scene)
    scene.fresh(setup.sim, "before")
    disk.fill()
    scene.fresh(setup.sim, "while it is full")
    scene.look()
    wait_for_an_error(setup)
    assert "commands go on from memory" in setup.daemon.log()
    disk.empty()
    wait_until(lambda: setup.query("SELECT count(*) FROM commands WHERE outcome = "
                                   "'accepted' AND rule = 'overheat'") == [(2,)], 30,
               "the record")
    scene.ask()


def test_what_is_pending_on_a_disk_that_is_read_only_at_the_start_is_sent_once(
        scene, disk):
    setup = scene.setup
    port = setup.sim.port
    setup.sim.stop()
    start_on(disk, scene)
    setup.notify(message="first")
    wait_until(lambda: setup.query("SELECT count(*) FROM pending") == [(1,)], 20)
    setup.daemon.stop()
    disk.remount("ro")
    setup.sim.start("--port", port)
    setup.daemon.start()
    scene.began()
    wait_until(lambda: setup.sim.bodies() == ["first"], 30, "what was pending")
    assert "it can be read and not written" in setup.daemon.log()
    disk.remount("rw")
    wait_until(lambda: setup.query("SELECT outcome FROM commands") == [("accepted",)],
               30, "its record")
    setup.daemon.stop()
    setup.daemon.start()
    scene.began()
    scene.look()
    scene.ask()
    assert setup.sim.bodies() == ["first", "fresh"]


# ---- damage ----

def overwritten(data, at, new):
    return data[:at] + new + data[at + len(new):]


def middle(data):
    return len(data) // 2


FILE_DAMAGES = {
    "truncated": lambda data: data[:len(data) // 2 + 100],
    "emptied": lambda data: b"",
    "zeroed": lambda data: bytes(len(data)),
    "a_page_zeroed": lambda data: overwritten(data, 4096, bytes(4096)),
    "a_bit_flipped": lambda data: overwritten(data, 4096, bytes([data[4096] ^ 1])),
    "no_database": lambda data: b"This is not a database. " * 500,
}
WAL_DAMAGES = {
    "a_bit_flipped": lambda data: overwritten(data, middle(data),
                                              bytes([data[middle(data)] ^ 1])),
    "a_page_zeroed": lambda data: overwritten(data, 32 + 24, bytes(4096)),
    "cut": lambda data: data[:middle(data)],
}


def kill_with_a_wal(scene):
    """Kills the daemon while its -wal holds something: at rest it is soon emptied.
    Returns (the -wal, the bodies that were executed)."""
    setup = scene.setup
    wal = setup.folder / "onenet.db-wal"
    for attempt in range(10):
        scene.fresh(setup.sim, f"before{attempt}")
        wait_until(lambda n=attempt: setup.query(
            "SELECT count(*) FROM commands WHERE outcome = 'accepted'") == [(n + 1,)],
            20, "its record")
        setup.daemon.stop(kill=True)
        if wal.stat().st_size > 0:
            return wal, [f"before{number}" for number in range(attempt + 1)]
        setup.daemon.start()
    raise AssertionError("the -wal was always emptied before the kill")


def ask_what_can_be_asked(scene, bodies):
    """The old rows may be gone: the far side alone knows how often they ran."""
    scene.fresh(scene.setup.sim, "fresh")
    scene.wait_for_witness()
    scene.ask_of_resources(connections=16, mebibytes=64)
    scene.ask_of_secrecy()
    scene.end()
    assert executions(scene.setup.sim) == dict.fromkeys([*bodies, "fresh"], 1)


@pytest.mark.parametrize("damage", list(FILE_DAMAGES))
def test_a_ledger_that_is_damaged_stops_no_start_and_repeats_nothing(scene, damage):
    setup = scene.setup
    start(scene)
    scene.fresh(setup.sim, "before")
    setup.daemon.stop()  # so that all of it is in the file, and no -wal beside it
    path = setup.folder / "onenet.db"
    path.write_bytes(FILE_DAMAGES[damage](path.read_bytes()))
    setup.daemon.start()
    scene.began()
    if damage != "emptied":  # that is a fresh one
        wait_until(lambda: list(setup.folder.glob("onenet.db.corrupt-*")), 20, "a copy")
        wait_for_an_error(setup)
    ask_what_can_be_asked(scene, ["before"])
    scene.ask_of_balance()


def test_a_ledger_of_a_newer_version_is_set_aside(scene):
    setup = scene.setup
    start(scene)
    scene.fresh(setup.sim, "before")
    setup.daemon.stop()
    with sqlite3.connect(setup.folder / "onenet.db") as ledger:
        version, = ledger.execute("PRAGMA user_version").fetchone()
        ledger.execute(f"PRAGMA user_version = {version + 1}")
    ledger.close()
    setup.daemon.start()
    scene.began()
    assert list(setup.folder.glob("onenet.db.corrupt-*"))
    ask_what_can_be_asked(scene, ["before"])
    scene.ask_of_balance()


@pytest.mark.parametrize("damage", list(WAL_DAMAGES))
def test_a_wal_that_is_damaged_after_a_kill_is_seen_and_copied(scene, damage):
    setup = scene.setup
    start(scene)
    wal, bodies = kill_with_a_wal(scene)
    wal.write_bytes(WAL_DAMAGES[damage](wal.read_bytes()))
    setup.daemon.start()
    scene.began()
    assert list(setup.folder.glob("onenet.db.damaged-*-wal"))
    wait_for_an_error(setup)
    ask_what_can_be_asked(scene, bodies)
    scene.ask_of_balance()


# ---- traps ----

@pytest.mark.parametrize("name", ["onenet.db", "onenet.db.lock", "onenet.db-wal"])
def test_a_link_in_place_of_the_ledger_is_not_followed(scene, name):
    setup = scene.setup
    target = setup.folder / "target"
    target.write_text("of somebody else")
    (setup.folder / name).symlink_to(target)
    start(scene)
    wait_for_an_error(setup)
    scene.look()
    ask_what_can_be_asked(scene, [])
    assert target.read_text() == "of somebody else"
