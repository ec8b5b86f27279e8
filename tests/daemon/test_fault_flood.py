# SPDX-License-Identifier: MIT
"""100,000 notifications as fast as five threads of collectd can dispatch them."""

import time

import pytest

from conftest import Setup
from questions import FAST_NS, Scene
from simulator import FAN_ID, Simulator, wait_until
from test_delivery import last_recorded

EVENTS = 100_000
THREADS = 5  # as many as collectd has for values
BEFORE_A_PROBE = 5000  # commands: at most 0.3 s of what two cores record


@pytest.fixture(name="sim")
def cloud_that_takes_every_device():
    with Simulator("--device", FAN_ID, "--auto-create", "--rate", "0") as sim:
        yield sim


@pytest.fixture(name="scene")
def scene_without_a_witness(sim, folder):
    """The bursts are for a rule of the test's own."""
    setup = Setup(folder, sim)
    scene = Scene(setup, sim)
    scene.has_witness = False
    yield scene
    if setup.daemon is not None and setup.daemon.is_running():
        setup.daemon.stop()


def start(scene, devices, of_rule, more=""):
    setup = scene.setup
    (setup.folder / "fleet").write_text("".join(
        f"d{number:06},{10**6 + number},cloud\n" for number in range(devices)))
    scene.start(
        "DeviceMetrics 2\n"
        + setup.endpoint(more="RateLimit 1000000 1\nMaxInFlight 64") + setup.fan()
        + f'DeviceFile "{setup.folder}/fleet"\n<Rule "burst">\nPlugin "bench"\n'
        f'Device "%{{host}}"\nOnFailure "on %{{value}}"\nOnOkay "off %{{value|0}}"\n'
        f'{of_rule}</Rule>\n{more}' + setup.rule('OnFailure "%{message}"\nRepeat 0'),
        threshold="")


def probe_while_it_floods(scene):
    """Returns how many commands of others were recorded before each of these probes:
    a number that tells the delay whatever else the machine does."""
    setup, before, bodies = scene.setup, [], []
    while not (scene.is_done() and len(bodies) > 5):
        before.append(last_recorded(setup))
        bodies.append(f"probe{len(bodies)}")
        setup.notify(message=bodies[-1])
        wait_until(lambda: setup.sim.bodies()[-1:] == bodies[-1:], 60, bodies[-1])
    ids = dict(setup.query("SELECT CAST(body AS TEXT), id FROM commands"
                           " WHERE rule = 'overheat'"))
    return [ids[body] - earlier for body, earlier in zip(bodies, before)]


def flood(scene, devices):
    """All events, and all that comes of them, with probes in between."""
    setup = scene.setup
    begun = time.monotonic()
    scene.begin(EVENTS, devices=devices, threads=THREADS)
    delays = sorted(probe_while_it_floods(scene))
    took = time.monotonic() - begun
    p99 = scene.board.LOAD_CALL_P99_NS
    peak = setup.daemon.memory_bytes()
    wait_until(lambda: decided(setup) == EVENTS, 240, "all to be decided")
    wait_until(lambda: is_at_rest(setup), 60, "all to end")
    print(f"{took:.1f} s, p99 {p99 / 1000:.1f} us, {peak >> 20} MiB,"
          f" probes {delays}, {setup.outcomes('cloud')}")
    assert p99 < FAST_NS
    assert delays[-2] < BEFORE_A_PROBE  # one may see a time at which we did not run


@pytest.mark.parametrize("devices", [1, 10_000])
def test_of_100000_events_of_alternating_states_the_last_one_is_reached(
        scene, devices):
    start(scene, devices, "Repeat 0\n")
    flood(scene, devices)
    assert scene.setup.query("SELECT count(*), sum(accepted IS NOT asks_for) FROM states"
                             " WHERE rule = 'burst'") == [(devices, 0)]
    scene.ask(mebibytes=150, connections=80)


def test_of_100000_events_that_are_all_kept_those_without_room_are_counted(scene):
    start(scene, 1, "Supersede false\nRepeat 0\n", "QueueLimit 2000\n")
    flood(scene, 1)
    scene.ask(connections=80)
    (accepted, dropped), = scene.setup.query(
        "SELECT accepted, dropped FROM by_device WHERE device = 'd000000'")
    assert dropped > accepted > 0


def decided(setup):
    """Returns how many events of the burst the plugin has dealt with: of five threads,
    some come late."""
    time.sleep(0.2)  # what looks too often takes a core
    samples = [(name, dict(labels), value) for (name, labels), value
               in setup.samples().items()]
    created = {labels["onenet"]: value for name, labels, value in samples
               if name == "collectd_onenet_commands_total"
               and labels["type"] == "created"}
    ignored = sum(value for _, labels, value in samples
                  if labels.get("type", "").startswith("ignored_"))
    return created.get("cloud", 0) - created.get("fan", 0) + ignored


def is_at_rest(setup):
    time.sleep(0.2)
    return not setup.query("SELECT 1 FROM pending LIMIT 1")
