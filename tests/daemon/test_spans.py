# SPDX-License-Identifier: MIT
"""After and Until: what time makes of a state, in the real daemon."""

import time

from simulator import wait_until

PATIENT = 'OnFailure "on"\nOnOkay "off"\nAfter 4\nUntil 8'


def state_of(setup):
    """Returns the one row of the view `states`: the state, and what became of it."""
    rows = setup.query("SELECT state, fired FROM states")
    return rows[0] if rows else None


def wait_for_bodies(setup, *bodies):
    wait_until(lambda: setup.sim.bodies() == list(bodies), 20, f"{bodies}")


def test_a_state_fires_after_a_crash_in_the_middle_and_is_taken_back(setup):
    setup.start(setup.block(rule=setup.rule(PATIENT)))
    began = time.time()
    setup.notify()
    wait_until(lambda: state_of(setup) == ("failure", "waits"), 20, "the record")
    assert setup.sim.bodies() == []
    setup.daemon.stop(kill=True)
    setup.daemon.start()
    wait_for_bodies(setup, "on")
    assert time.time() - began >= 4
    wait_for_bodies(setup, "on", "off")
    assert time.time() - began >= 8
    wait_until(lambda: state_of(setup) == ("failure", "taken back"), 20, "the end")
    assert ('command 2: rule "overheat", device "fan": taken back after 8 s (Until)'
            in setup.daemon.log())


def test_what_is_taken_back_stays_so_until_okay(setup):
    setup.start(setup.block(rule=setup.rule(
        'OnFailure "on"\nOnWarning "half"\nOnOkay "off"\nUntil 1')))
    setup.notify()
    wait_for_bodies(setup, "on", "off")
    setup.daemon.stop()
    setup.daemon.start()
    setup.notify("warning")
    wait_until(lambda: setup.metric("onenet-fan/derive-ignored_taken_back") == 1,
               20, "it to be counted")
    setup.notify("okay")
    wait_until(lambda: state_of(setup)[0] == "okay", 20, "the end of it")
    setup.notify("warning")
    wait_for_bodies(setup, "on", "off", "half", "off")


def test_a_state_that_does_not_hold_sends_nothing(setup):
    setup.start(setup.block(rule=setup.rule(
        'OnFailure "on"\nOnOkay "off"\nAfter 3600')))
    setup.notify()
    wait_until(lambda: state_of(setup) == ("failure", "waits"), 20, "the record")
    setup.notify("okay")
    wait_until(lambda: setup.metric("onenet-fan/derive-ignored_not_fired") == 1,
               20, "it to be counted")
    assert state_of(setup) == ("okay", "no")
    assert setup.query("SELECT * FROM commands") == []
    assert setup.sim.bodies() == []


def test_a_second_rule_goes_on_where_the_first_does_not_help(setup):
    setup.start(setup.block(
        rule=setup.rule() + setup.rule('OnFailure "cut"\nOnOkay "restore"\nAfter 1',
                                       name="still_too_hot")))
    setup.notify()
    wait_for_bodies(setup, "on", "cut")
    later_s, = setup.query("SELECT max(created_at) - min(created_at) FROM commands")[0]
    assert later_s >= 1
    setup.notify("okay")
    wait_for_bodies(setup, "on", "cut", "off", "restore")


def test_a_dry_run_says_that_a_state_waits(setup):
    setup.start(setup.block("DryRun true\n", rule=setup.rule(
        'OnFailure "on"\nOnOkay "off"\nAfter 3600')))
    setup.notify()
    wait_until(lambda: 'dry run: rule "overheat", device "fan": waits until its '
               "state has held for 3600 s (After)" in setup.daemon.log(), 20,
               "the reason")
    setup.notify("okay")
    wait_until(lambda: 'dry run: rule "overheat", device "fan": the event is '
               "ignored: not_fired" in setup.daemon.log(), 20, "the reason")
