# SPDX-License-Identifier: MIT
"""The end of collectd in the middle of trouble: in ShutdownTimeout + 1 s, and what is
left is in the ledger."""

import os
import signal
import threading

import pytest

from simulator import wait_until

QUEUE = 1000


def end_of(setup, *, again_after=None):
    """Ends the daemon by SIGTERM, and by another one so many seconds later; returns the
    seconds that it took."""
    if again_after is not None:
        threading.Timer(again_after, os.kill, (setup.daemon.pid, signal.SIGTERM)).start()
    status, seconds = setup.daemon.stop()
    assert status == 0
    return seconds


def start(scene):
    """Every event of a burst waits for a cloud that hangs. ShutdownTimeout is 2 s."""
    setup = scene.setup
    scene.has_witness = False
    setup.sim.fault(count=-1, hang=1)
    scene.start(setup.block(
        f"ShutdownTimeout 2\nQueueLimit {QUEUE}\n<Rule \"burst\">\nPlugin \"bench\"\n"
        'Device "fan"\nOnFailure "on %{value}"\nOnOkay "off %{value|0}"\n'
        "Supersede false\nRepeat 0\n</Rule>\n",
        endpoint=setup.endpoint(more="RateLimit 100000 1\nRequestTimeout 60"),
        rule=setup.rule('OnFailure "%{message}"\nRepeat 0')), threshold="")


def waiting(setup):
    return setup.query("SELECT count(*) FROM pending")[0][0]


@pytest.mark.parametrize("again_after", [None, 0.5], ids=["once", "twice"])
def test_sigterm_while_a_full_queue_waits_and_more_events_come(scene, again_after):
    setup = scene.setup
    start(scene)
    scene.begin(QUEUE + 500)
    wait_until(lambda: waiting(setup) == QUEUE + 1, 30, "a full queue")
    scene.begin(1_000_000, gap_ns=100_000)  # they go on until the end
    seconds = end_of(setup, again_after=again_after)
    assert seconds < 2 + 1 + 2  # the last: collectd's own, and this machine's
    left = waiting(setup)
    assert left == QUEUE + 1  # the one in flight
    scene.ask_of_balance()
    (in_flight,), = setup.query(
        "SELECT count(*) FROM commands WHERE state = 'in_flight'")
    assert in_flight == 1

    scene.forget_burst()
    setup.sim.clear_faults()
    setup.daemon.start()
    scene.began()
    wait_until(lambda: waiting(setup) == 0, 60, "what was left")
    scene.ask()
    assert setup.query("SELECT unknown, accepted FROM by_device WHERE device = 'fan'"
                       ) == [(1, left)]  # one of those that were left, and the fresh one
    executed = [command["body"] for command in setup.sim.received()]
    assert len(executed) == len(set(executed)) == left
