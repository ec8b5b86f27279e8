# SPDX-License-Identifier: MIT
"""Fleets: what many devices cost collectd, and which of them are reported one by
one. Memory is the daemon's resident set, read from /proc."""

import re
import socket
import time

import pytest

from collectd import free_port
from conftest import Setup, without_sanitizers
from simulator import SLOWER, Simulator, wait_until
from test_delivery import send_lines

MEBIBYTE = 1024 * 1024
MOST_BYTES = 300 * MEBIBYTE
FLAT_BYTES = 10 * MEBIBYTE
LANES = 64  # so many device_ids, that the fleet shares
OUTCOMES = ("accepted", "refused", "unknown", "expired", "superseded",
            "unchanged", "dropped", "cancelled")


def assert_small_and_flat(daemon, interval_s):
    """Readings several intervals apart; what grows on a busy machine is let
    settle, what grows for ever does not."""
    readings = [daemon.memory_bytes()]
    for _ in range(5):
        time.sleep(6 * interval_s)
        readings.append(daemon.memory_bytes())
        if readings[-1] - readings[-2] < FLAT_BYTES:
            break
    print("resident:", [f"{reading // MEBIBYTE} MiB" for reading in readings])
    assert max(readings) <= MOST_BYTES
    assert readings[-1] - readings[-2] < FLAT_BYTES


def identifiers_of(daemon, instance):
    """Returns TYPE-INSTANCE of all series of a device, endpoint or the agent."""
    prefix = f"onenet-{instance}/"
    return {name[len(prefix):] for name in daemon.identifiers()
            if name.startswith(prefix)}


def reported_devices(daemon):
    """Returns the names of all that is reported but `cloud` and `agent`. What is
    told of single commands does not count."""
    return {name.split("/")[0][len("onenet-"):]
            for name in daemon.identifiers()
            if name.startswith("onenet-") and "/duration-" not in name} - {
                "cloud", "agent"}


class Fleet(Setup):
    """Devices rack1, rack2 ... of a DeviceFile, which one rule commands, each by
    notifications of the host of its name."""

    def start_fleet(self, size, more="", devices="", **options):
        file = self.folder / "devices.csv"
        file.write_text("".join(f"rack{i},fleet-{i % LANES}\n"
                                for i in range(1, size + 1)))
        endpoint = self.endpoint(more="RateLimit 1000000 1\nMaxInFlight 64")
        rule = ('<Rule "fleet">\n  Plugin "sensors"\n  Device "%{host}"\n'
                '  OnFailure "on"\n  OnOkay "off"\n</Rule>\n')
        return self.start(f'LedgerSync normal\n{more}\n{endpoint}'
                          f'DeviceFile "{file}"\n{devices}{rule}',
                          threshold="", **options)

    def fire(self, names):
        """One notification for each, over one connection."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(str(self.folder / "sock"))
            stream = sock.makefile("rw")
            for begin in range(0, len(names), 500):
                some = names[begin:begin + 500]
                stream.write("".join(
                    f'PUTNOTIF severity=failure time={time.time():.3f} '
                    f'message="hot" host={name} plugin=sensors '
                    'type=temperature\n' for name in some))
                stream.flush()
                for _ in some:
                    assert stream.readline().startswith("0 ")


@pytest.fixture(name="fleet")
def fleet_of_a_simulated_cloud(folder):
    devices = [word for i in range(LANES) for word in ("--device", f"fleet-{i}")]
    with Simulator("--rate", "0", *devices) as sim:
        fleet = Fleet(folder, sim)
        yield fleet
        if fleet.daemon is not None and fleet.daemon.is_running():
            fleet.daemon.stop()


@without_sanitizers
def test_100000_devices_that_fired_once_cost_little_and_stay_flat(fleet):
    size = 100000
    daemon = fleet.start_fleet(size, interval=1)
    for begin in range(0, size, 10000):  # what waits at a time costs, too
        fleet.fire([f"rack{i}" for i in range(begin + 1, begin + 10001)])
        wait_until(lambda end=begin + 10000: fleet.metric(
            "onenet-cloud/commands-accepted") == end, 60, "accepted commands")
    wait_until(lambda: fleet.metric("onenet-agent/count-devices_unreported")
               == size - 1000, 10, "the rest to be counted")
    assert_small_and_flat(daemon, interval_s=1)
    fleet.wait_for_outcomes("cloud", created=size, accepted=size)
    wait_until(lambda: len(reported_devices(daemon)) == 1000, 10, "the reports")


QUEUED = 50_000


@without_sanitizers
def test_the_memory_of_a_large_queue_goes_back_once_it_has_emptied(fleet):
    """Nobody listens at the endpoint, so that all of them expire."""
    begun = time.time() - QUEUED / 1000  # no two events of the same time
    text = "".join(
        f"PUTNOTIF severity=failure time={begun + number / 1000:.3f} "
        f"host=h plugin=sensors type=temperature message=number{number}\n"
        for number in range(QUEUED))
    fleet.start(fleet.block(
        "QueueLimit 100000\n",
        endpoint=fleet.endpoint(f"http://127.0.0.1:{free_port()}/cmds"),
        rule=fleet.rule('OnFailure "%{message}"\nSupersede false\nExpire 20')),
        threshold="")
    idle = fleet.daemon.memory_bytes()
    send_lines(fleet, text)
    wait_until(lambda: fleet.metric("onenet-fan/commands-created") == QUEUED, 60,
               "all to be created")
    full = fleet.daemon.memory_bytes()
    wait_until(lambda: fleet.metric("onenet-fan/commands-expired") == QUEUED, 60,
               "all to expire")
    wait_until(lambda: fleet.daemon.memory_bytes() - idle < (full - idle) / 2, 10,
               f"half of {full - idle} bytes to go back")


@without_sanitizers
def test_10000_declared_devices_in_prometheus_cost_little_and_stay_flat(fleet):
    devices = "".join(f'<Device "fan{i}">\nDeviceID "fleet-{i % LANES}"\n'
                      '</Device>\n' for i in range(1, 10001))
    daemon = fleet.start_fleet(0, devices=devices, interval=1)
    wait_until(lambda: fleet.metric("onenet-fan1000/commands-created") == 0, 20,
               "the last device that is reported")
    wanted = {f"fan{i}" for i in range(1, 1001)}
    begun, seen = time.monotonic(), set()

    def is_over():  # a busy machine is late with some
        return time.monotonic() > begun + (14 if seen >= wanted else 60)

    while not is_over():
        fleet.samples()  # as Prometheus would
        seen |= reported_devices(daemon)
        time.sleep(1)
    assert_small_and_flat(daemon, interval_s=1)
    assert seen == wanted


FAN = '<Device "fan">\nDeviceID "fleet-0"\n</Device>\n'


def test_devices_are_reported_one_by_one_up_to_the_limit(fleet):
    daemon = fleet.start_fleet(5, more="DeviceMetrics 3", devices=FAN)
    wait_until(lambda: reported_devices(daemon) == {"fan"}, 10, "the fan")
    for name in ("rack4", "rack2", "rack1", "rack3"):
        fleet.fire([name])
        wait_until(lambda: fleet.daemon.log().count(f'device "{name}"') == 1)
    fleet.wait_for_outcomes("cloud", created=4, accepted=4)
    wait_until(lambda: fleet.metric("onenet-agent/count-devices_unreported")
               == 2, 10, "two devices that are only counted")
    assert reported_devices(daemon) == {"fan", "rack4", "rack2"}
    fleet.wait_for_outcomes("rack2", created=1, accepted=1)


def test_with_no_device_metrics_there_are_totals_alone(fleet):
    daemon = fleet.start_fleet(5, more="DeviceMetrics 0", devices=FAN)
    fleet.fire(["rack1", "rack2", "rack1"])
    wait_until(lambda: fleet.metric("onenet-agent/count-devices_unreported")
               == 2, 10, "two devices that are only counted")
    wait_until(lambda: fleet.metric("onenet-cloud/commands-accepted") == 2)
    assert reported_devices(daemon) == set()


def test_what_is_zero_and_always_was_is_sent_for_declared_devices_alone(fleet):
    daemon = fleet.start_fleet(5, devices=FAN)
    counts = {f"commands-{name}" for name in ("created", *OUTCOMES)}
    wait_until(lambda: identifiers_of(daemon, "fan")
               == counts | {"pending_operations"}, 10, "what is 0")
    assert reported_devices(daemon) == {"fan"}
    assert counts < identifiers_of(daemon, "cloud")
    fleet.fire(["rack1"])
    latencies = {f"latency-accept-{name}"
                 for name in ("average", "upper", "percentile-99")}
    wait_until(lambda: identifiers_of(daemon, "rack1") - {"duration-fleet"}
               == {"commands-created", "commands-accepted",
                   "pending_operations"} | latencies, 10, "what is not 0")


def test_latencies_are_there_once_there_was_one_and_then_nan(fleet):
    daemon = fleet.start_fleet(1, interval=1)
    fleet.fire(["rack1"])
    wait_until(lambda: "latency-accept-average"
               in identifiers_of(daemon, "rack1"), 10, "a latency")
    wait_until(lambda: daemon.value("onenet-rack1/latency-accept-average") !=
               daemon.value("onenet-rack1/latency-accept-average"), 10, "NaN")


@without_sanitizers
def test_a_writer_that_hangs_does_not_make_the_queue_grow(fleet):
    with socket.socket() as deaf:  # accepts, and reads nothing
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        devices = "".join(f'<Device "fan{i}">\nDeviceID "{i}"\n</Device>\n'
                          for i in range(1, 3001))
        daemon = fleet.start_fleet(
            0, more="DeviceMetrics 3000", devices=devices, interval=1,
            extra='LoadPlugin write_graphite\n<Plugin write_graphite>\n<Node>\n'
            f'Host "127.0.0.1"\nPort "{deaf.getsockname()[1]}"\n</Node>\n'
            '</Plugin>\n')
        wait_until(lambda: "does not keep up" in daemon.log(), 30, "the warning")
        assert_small_and_flat(daemon, interval_s=1)
        assert daemon.log().count("does not keep up") == 1
        daemon.stop(kill=True)


def test_the_counts_begin_at_what_was_pending_when_collectd_stopped(fleet):
    fleet.start_fleet(5)
    fleet.sim.stop()
    fleet.fire(["rack1", "rack2"])
    fleet.wait_for_outcomes("rack2", created=1, pending=1)
    fleet.daemon.stop()
    fleet.daemon.start()
    fleet.wait_for_outcomes("cloud", created=2)
    fleet.wait_for_outcomes("rack2", created=1, pending=1)


def test_totals_are_logged_at_the_end(fleet):
    fleet.start_fleet(5, more="DeviceMetrics 1", interval=0.2)
    fleet.fire(["rack1", "rack2"])
    fleet.wait_for_outcomes("cloud", created=2, accepted=2)
    fleet.daemon.stop()
    log = fleet.daemon.log()
    assert 'totals of endpoint "cloud": created 2, accepted 2, ' in log
    assert log.count("totals of device") == 1


def test_all_that_failed_before_a_start_is_cleared_by_an_acceptance(fleet):
    """More than are reported one by one in an interval."""
    names = [f"rack{i}" for i in range(1, 1501)]
    fleet.sim.fault(count=-1, status=400, body="no")
    # What can not be told within half an interval is not told.
    fleet.start_fleet(len(names), interval=0.5 if SLOWER == 1 else 5)
    fleet.fire(names)
    wait_until(lambda: fleet.metric("onenet-cloud/commands-refused")
               == len(names), 60, "all to be refused")
    fleet.daemon.stop()
    fleet.sim.clear_faults()
    fleet.daemon.start()
    for count in (500, 1000, 1500):
        fleet.fire(names[count - 500:count])
        wait_until(lambda c=count: fleet.metric("onenet-cloud/commands-accepted")
                   == c, 60, "all to be accepted")
        wait_until(lambda c=count: len(re.findall(
            "severity = OKAY, .*plugin = onenet, .* accepted: cmd_uuid",
            fleet.daemon.log())) == c, 20, "all of them to be cleared")
