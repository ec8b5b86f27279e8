# SPDX-License-Identifier: MIT
"""A bad network between collectd and the cloud: what is lost before a connection was
made is not sent, and tried again; what is lost later is doubtful."""

import pytest

from conftest import Setup
from link import Link, NoLink
from odd_clouds import Cloud
from questions import Scene
from simulator import wait_until
from test_delivery import send_lines

DEVICES = 8
COMMANDS = 6  # for each device


@pytest.fixture(name="link")
def link_between_two_namespaces():
    try:
        with Link() as link:
            yield link
    except NoLink as why:
        pytest.skip(f"no link of the test's own can be made here: {why}")


@pytest.fixture(name="far")
def cloud_beyond_the_link(link):
    with Cloud(server=link.listen_far()) as far:
        yield far


@pytest.fixture(name="scene")
def scene_with_a_witness_before_the_link(link, far, folder):
    with Cloud(server=link.listen_near()) as healthy:
        setup = Setup(folder, far)
        scene = Scene(setup, healthy)
        yield scene
        if setup.daemon is not None and setup.daemon.is_running():
            setup.daemon.stop()


def start(scene, far, link, more="", timeouts="ConnectTimeout 1\nRequestTimeout 2"):
    endpoint = scene.setup.endpoint(far.url, timeouts + "\nBreakerThreshold 1000")
    scene.start(endpoint + scene.setup.fan("Timeout 0") + scene.setup.rule(
        f'OnFailure "%{{message}}"\nRepeat 0\n{more}'), threshold="",
        wrapper=link.wrapper)


def fate(scene, name):
    """Returns (state, outcome, cause) of the command of that name."""
    rows = scene.setup.query("SELECT state, outcome, cause FROM commands "
                             f"WHERE CAST(body AS TEXT) = '{name}'")
    return rows[0] if rows else None


def wait_for_fate(scene, name, *wanted):
    wait_until(lambda: fate(scene, name) == wanted, 40, f"{name} to be {wanted}")


def test_what_falls_into_a_black_hole_before_a_connection_is_sent_later(
        scene, far, link):
    link.there.is_hole = True
    start(scene, far, link)
    scene.setup.notify(message="first")
    wait_for_fate(scene, "first", "waiting", None, "curl_28")
    scene.look()
    link.there.is_hole = False
    wait_for_fate(scene, "first", "finished", "accepted", None)
    scene.ask(far)
    assert far.executed == ["first", "fresh"]


def test_an_answer_that_falls_into_a_black_hole_leaves_it_unknown(scene, far, link):
    start(scene, far, link)
    scene.setup.notify(message="first")
    wait_for_fate(scene, "first", "finished", "accepted", None)
    lose_the_answer(far, link)
    scene.setup.notify(message="second")
    wait_until(lambda: "second" in far.executed, 20, "the request")
    scene.look()
    wait_for_fate(scene, "second", "finished", "unknown", "curl_28")
    find_the_answer(far, link)
    scene.ask(far)
    assert far.executed == ["first", "second", "fresh"]


def lose_the_answer(far, link):
    """From the next request on, nothing comes back."""
    def fall(_connection, _cloud):
        link.back.is_hole = True
    far.play, far.is_well = fall, False


def find_the_answer(far, link):
    far.is_well = True
    link.back.is_hole = False


def test_a_request_that_falls_into_a_black_hole_is_doubtful_and_may_be_repeated(
        scene, far, link):
    """The kernel has taken it: nobody here can know where it has gone."""
    start(scene, far, link, "OnUnknown retry")
    scene.setup.notify(message="first")
    wait_for_fate(scene, "first", "finished", "accepted", None)
    link.there.is_hole = True
    scene.setup.notify(message="second")
    wait_for_fate(scene, "second", "waiting", None, "curl_28")
    scene.look()
    assert far.executed == ["first"]
    link.there.is_hole = False
    wait_for_fate(scene, "second", "finished", "accepted", None)
    scene.ask(far, may_repeat=("overheat",))


def test_on_a_link_that_loses_and_delays_each_command_is_executed_once(
        scene, far, link):
    devices = "".join(f'<Device "d{number}">\nDeviceID "{number}"\nTimeout 0\n'
                      "</Device>\n" for number in range(DEVICES))
    scene.start(
        scene.setup.endpoint(far.url, "RequestTimeout 30\nBreakerThreshold 1000")
        + devices + '<Rule "overheat">\nPlugin "sensors"\nDevice "%{host}"\n'
        'OnFailure "%{message}"\nSupersede false\nRepeat 0\n</Rule>\n',
        threshold="", wrapper=link.wrapper)
    link.there.loss = link.back.loss = 0.15
    link.there.delay_s = link.back.delay_s = 0.02
    send_lines(scene.setup, "".join(
        f"PUTNOTIF severity=failure time={1000 + number} message={device}-{number} "
        f"host=d{device} plugin=sensors type=temperature\n"
        for number in range(COMMANDS) for device in range(DEVICES)))
    scene.look()
    wait_until(lambda: scene.setup.query(
        "SELECT count(*) FROM commands WHERE outcome = 'accepted' AND rule = 'overheat'"
    ) == [(DEVICES * COMMANDS,)], 60, "all to be accepted")
    link.there.loss = link.back.loss = 0
    scene.setup.notify(message="fresh", host="d0")
    wait_until(lambda: "fresh" in far.executed, 30, "the fresh command")
    scene.ask(far, fresh=None)
    assert len(far.executed) == DEVICES * COMMANDS + 1
    assert link.there.lost > 0 and link.back.lost > 0
