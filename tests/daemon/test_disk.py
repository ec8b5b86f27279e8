# SPDX-License-Identifier: MIT
"""A disk that stalls or hangs, and a ledger that others write: they delay neither
answers nor the end, and no command is lost or sent twice."""

import contextlib
import itertools
import socket
import threading
import time

import pytest
from collectd import in_front, sanitizer_environment
from simulator import wait_until
from test_delivery import held, send_lines

DISK = r"""
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_there(const char *name) {
  const char *flag = getenv(name);
  return flag != NULL && access(flag, F_OK) == 0;
}

static int synced(int call, int file) {
  while (is_there("DISK_FLAG"))
    usleep(10000);
  if (!is_there("DISK_FAILS"))
    return (int)syscall(call, file);
  errno = EIO;
  return -1;
}

int fsync(int file) { return synced(SYS_fsync, file); }

int fdatasync(int file) { return synced(SYS_fdatasync, file); }
"""

# A look at the key file hangs while there is a file with the name of the flag, and
# so does a callback for a client of unixsock that asks what time it is.
KEY_FILE = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Writes to the flag, so that who has set it knows. */
static void hang_while_there_is(const char *flag) {
  int fd = flag != NULL ? open(flag, O_WRONLY | O_APPEND) : -1;
  if (fd < 0)
    return;
  if (write(fd, "x", 1) == 1)
    close(fd);
  while (access(flag, F_OK) == 0)
    usleep(10000);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  char thread[16] = "";
  prctl(PR_GET_NAME, thread);
  if (clock == CLOCK_BOOTTIME && strncmp(thread, "unixsock", 8) == 0)
    hang_while_there_is(getenv("CALLBACK_FLAG"));
  return (int)syscall(SYS_clock_gettime, clock, now);
}

int stat(const char *path, struct stat *found) {
  const char *key = getenv("KEY_FILE");
  if (key != NULL && strcmp(path, key) == 0)
    hang_while_there_is(getenv("KEY_FLAG"));
  return fstatat(AT_FDCWD, path, found, 0);
}
"""


@pytest.fixture(name="hung")
def flag_of_a_hung_disk(setup):
    """A file; while it is there, what is written does not reach the disk."""
    return setup.folder / "the disk hangs"


@pytest.fixture(name="failing")
def flag_of_a_failing_disk(setup):
    """A file; while it is there, what is written ends in an error."""
    return setup.folder / "the disk fails"


def start(setup, flag, more="", endpoint="", name="DISK_FLAG"):
    setup.start(setup.block(more, endpoint=setup.endpoint(more=endpoint)),
                wrapper=in_front(setup.folder, "disk", DISK, **{name: flag}))


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
    assert "; not recorded: 1 command (2 " in setup.daemon.log()


@pytest.mark.parametrize("sync", ["full", "normal"])
def test_a_disk_that_hangs_does_not_delay_the_end_of_an_idle_agent(
        setup, hung, sync):
    start(setup, hung, f"ShutdownTimeout 1\nLedgerSync {sync}\n")
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    hung.touch()
    threading.Timer(12, lambda: hung.unlink(missing_ok=True)).start()
    status, seconds = setup.daemon.stop()
    assert status == 0
    assert seconds < 1 + 1 + 1  # the last: collectd's own, and this machine's
    assert "the disk of the ledger hangs" in setup.daemon.log()
    assert "at the end the ledger could not be written" not in setup.daemon.log()
    hung.unlink()
    setup.daemon.start()
    setup.notify()
    setup.wait_for_outcomes(created=1, unchanged=1)
    assert setup.sim.bodies() == ["on"]


def is_met(flag):
    """Returns whether somebody hangs there."""
    return flag.stat().st_size > 0


def make_io_thread_hang(setup, key):
    """The key file is looked at again for a request that comes a second later."""
    key.touch()
    severities = itertools.cycle(["failure", "okay"])

    def hangs():
        setup.notify(next(severities))
        time.sleep(0.1)
        return is_met(key)
    wait_until(hangs, 20, "the I/O thread to hang")


def test_an_io_thread_that_hangs_does_not_delay_the_end(setup):
    """As behind a key file on a file system whose server is gone."""
    flag = setup.folder / "the key hangs"
    setup.start(setup.block("ShutdownTimeout 1\n"),
                environment=sanitizer_environment(leaves_behind=True),
                wrapper=in_front(setup.folder, "key", KEY_FILE,
                                 KEY_FILE=setup.key_file, KEY_FLAG=flag))
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    make_io_thread_hang(setup, flag)
    status, seconds = setup.daemon.stop()
    assert status == 0
    assert seconds < 1 + 1 + 1  # the last: collectd's own, and this machine's
    assert "the I/O thread hangs: it is left behind" in setup.daemon.log()


def seconds_of_an_end_where_both_hang(setup, key, callback):
    setup.daemon.start()
    make_io_thread_hang(setup, key)
    callback.touch()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(setup.folder / "sock"))
        sock.sendall(b"PUTNOTIF severity=failure time=1 message=late host=h "
                     b"plugin=sensors type=temperature\n")
        wait_until(lambda: is_met(callback), 20, "the callback to hang")
        status, seconds = setup.daemon.stop()
    key.unlink()
    callback.unlink()
    assert status == 0
    return seconds


def test_a_callback_and_an_io_thread_that_hang_delay_the_end_only_once(setup):
    key, callback = setup.folder / "the key hangs", setup.folder / "so do others"
    setup.start(setup.block("ShutdownTimeout 1\n"),
                environment=sanitizer_environment(leaves_behind=True),
                wrapper=in_front(setup.folder, "key", KEY_FILE,
                                 KEY_FILE=setup.key_file, KEY_FLAG=key,
                                 CALLBACK_FLAG=callback))
    setup.daemon.stop()
    # A busy machine adds to the time, and nothing takes from it.
    tries = (seconds_of_an_end_where_both_hang(setup, key, callback)
             for _ in range(4))
    assert any(seconds < 1 + 1 for seconds in tries)


def test_what_a_failing_disk_lacks_is_written_at_the_end(setup, failing):
    start(setup, failing, "ShutdownTimeout 5\n", name="DISK_FAILS")
    failing.touch()
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.notify("okay")
    setup.wait_for_outcomes(created=2, accepted=2)
    threading.Timer(1.5, failing.unlink).start()
    status, seconds = setup.daemon.stop()
    assert status == 0
    assert seconds < 4
    assert "at the end the ledger could not be written" not in setup.daemon.log()
    assert setup.query("SELECT id, outcome FROM commands ORDER BY id") == [
        (1, "accepted"), (2, "accepted")]
    setup.daemon.start()
    setup.notify("okay")
    setup.wait_for_outcomes(created=1, unchanged=1)


def test_what_ended_while_the_disk_failed_is_in_the_history(setup, failing):
    start(setup, failing, name="DISK_FAILS")
    setup.sim.fault(delay_ms=400)
    setup.notify()
    wait_until(lambda: setup.sim.received(), 20, "the request")
    failing.touch()
    setup.wait_for_outcomes(created=1, accepted=1)
    failing.unlink()
    wait_until(lambda: setup.query("SELECT outcome FROM commands") == [
        ("accepted",)], 20, "the ledger to know")


def test_an_idle_agent_leaves_nothing_in_the_wal(setup):
    setup.start()
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    wal = setup.folder / "onenet.db-wal"
    wait_until(lambda: wal.stat().st_size == 0, 20, "an empty -wal")


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


def test_a_ledger_that_is_locked_for_a_moment_at_the_start_is_waited_for(setup):
    setup.start()
    setup.daemon.stop()
    with locked_for(setup.folder / "onenet.db", 2):
        setup.daemon.start()
    assert "can be read and not written" not in setup.daemon.log()
