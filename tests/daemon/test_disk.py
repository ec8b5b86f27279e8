# SPDX-License-Identifier: MIT
"""A disk that stalls or hangs, and a ledger that others write: they delay neither
answers nor the end, and no command is lost or sent twice."""

import contextlib
import threading
import time

import pytest
from collectd import in_front
from simulator import wait_until
from test_delivery import held, send_lines

DISK = r"""
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void hang(void) {
  const char *flag = getenv("DISK_FLAG");
  while (flag != NULL && access(flag, F_OK) == 0)
    usleep(10000);
}

int fsync(int file) {
  hang();
  return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
  hang();
  return (int)syscall(SYS_fdatasync, file);
}
"""


@pytest.fixture(name="hung")
def flag_of_a_hung_disk(setup):
    """A file; while it is there, what is written does not reach the disk."""
    return setup.folder / "the disk hangs"


def start(setup, hung, more="", endpoint=""):
    setup.start(setup.block(more, endpoint=setup.endpoint(more=endpoint)),
                wrapper=in_front(setup.folder, "disk", DISK, DISK_FLAG=hung))


def test_an_answer_in_time_is_taken_while_the_disk_stalls(setup, hung):
    start(setup, hung, endpoint="RequestTimeout 1")
    setup.sim.fault(delay_ms=400)
    setup.notify()
    wait_until(lambda: setup.sim.received(), 20, "the request")
    hung.touch()
    setup.wait_for_outcomes(created=1, accepted=1)
    hung.unlink()
    assert setup.daemon.stop()[0] == 0
    assert setup.query("SELECT outcome FROM commands") == [("accepted",)]
    assert len(setup.sim.received()) == 1


def test_no_command_leaves_before_its_record_while_the_disk_stalls(setup, hung):
    start(setup, hung)
    hung.touch()
    setup.notify()
    time.sleep(2)  # much longer than a request takes
    assert setup.sim.received() == []
    hung.unlink()
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.wait_for_metric("onenet-agent/errors-ledger", 0)


def test_delivery_goes_on_from_memory_while_the_disk_hangs(setup, hung):
    start(setup, hung)
    hung.touch()
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.notify("okay")
    setup.wait_for_outcomes(created=2, accepted=2)
    assert "the ledger has not answered for 5 s" in setup.daemon.log()
    setup.wait_for_metric("onenet-agent/errors-ledger", 1)
    hung.unlink()
    wait_until(lambda: setup.query("SELECT outcome FROM commands") == [
        ("accepted",)] * 2, 20, "the ledger to know")
    setup.daemon.stop()
    setup.daemon.start()
    setup.notify("okay")
    setup.wait_for_outcomes(created=1, unchanged=1)
    assert setup.sim.bodies() == ["on", "off"]


def test_a_disk_that_hangs_does_not_delay_the_end(setup, hung):
    start(setup, hung, "ShutdownTimeout 1\n")
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    hung.touch()
    setup.notify("okay")
    status, seconds = setup.daemon.stop()
    assert status == 0
    assert seconds < 1 + 1 + 1  # the last: collectd's own, and this machine's
    assert "at the end the ledger could not be written: it does not answer" \
        in setup.daemon.log()
    assert "; not recorded: 2 " in setup.daemon.log()


def send_flapping(setup, count):
    """So many notifications of one slot, FAILURE and OKAY in turn; the last one
    is an OKAY."""
    begin = time.time() - 100
    send_lines(setup, "".join(
        f"PUTNOTIF severity={'okay' if left % 2 == 0 else 'failure'} "
        f"time={begin + (count - left) / 1000:.3f} message=flood host=h "
        "plugin=sensors type=temperature\n"
        for left in reversed(range(count))))


def test_behind_a_disk_that_hangs_the_last_state_always_has_room(setup, hung):
    start(setup, hung, "QueueLimit 1000\n")
    setup.notify(host="h")
    setup.wait_for_outcomes(created=1, accepted=1)
    hung.touch()
    setup.notify("okay", host="h")
    send_flapping(setup, 12_000)
    hung.unlink()
    wait_until(lambda: setup.outcomes().get("created") == 12_002
               and "pending" not in setup.outcomes(), 60, "all to be decided")
    assert setup.sim.bodies()[-1] == "off"
    assert "dropped" not in setup.outcomes()


@contextlib.contextmanager
def locked_for(path, seconds):
    """Holds the ledger's lock from now on for so long, whatever happens."""
    began, over = threading.Event(), threading.Event()

    def hold():
        with held(path, "BEGIN EXCLUSIVE"):
            began.set()
            over.wait(seconds)

    holder = threading.Thread(target=hold)
    holder.start()
    began.wait()
    try:
        yield
    finally:
        over.set()
        holder.join()


def test_a_ledger_that_is_locked_at_the_end_is_written_once_it_is_free(setup):
    setup.start()
    setup.sim.fault(delay_ms=400)
    setup.notify()
    wait_until(lambda: setup.sim.received(), 20, "the request")
    with locked_for(setup.folder / "onenet.db", 2):
        setup.wait_for_outcomes(created=1, accepted=1)
        assert setup.daemon.stop()[0] == 0
    assert setup.query("SELECT outcome FROM commands") == [("accepted",)]
    setup.daemon.start()
    setup.notify("okay")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.sim.bodies() == ["on", "off"]


def test_a_ledger_that_another_process_writes_is_no_failing_one(setup):
    setup.start()
    with locked_for(setup.folder / "onenet.db", 60):
        setup.notify()
        time.sleep(2)  # longer than SQLite is let wait
        assert setup.sim.received() == []
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.wait_for_metric("onenet-agent/errors-ledger", 0)
