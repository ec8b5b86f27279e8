# SPDX-License-Identifier: MIT
"""The main job: a threshold in a real collectd becomes a POST, and what became of
it comes back as metrics, notifications and meta data."""

import http.server
import json
import re

import pytest

from collectd import HOST
from conftest import FAN_ID, LocalServer
from simulator import API_KEY, ROOT, wait_until

ROOM = "sensors-room/temperature"


def heat(daemon, degrees, identifier=ROOM):
    daemon.putval(identifier, degrees)


def heat_until(setup, count, degrees, identifier=ROOM):
    """Feeds the thermometer until the fan has received so many commands."""
    def received():
        heat(setup.daemon, degrees, identifier)
        return len(setup.sim.received(FAN_ID)) >= count
    wait_until(received, 20, f"{count} commands at the device")


def notify_until(setup, count, severity="failure", **fields):
    """One notification; waits until the cloud was asked so often."""
    setup.notify(severity, **fields)
    wait_until(lambda: len(setup.sim.requests()) >= count, 20,
               f"{count} requests")


def test_a_threshold_that_is_crossed_and_left_starts_and_stops_the_fan(setup):
    setup.start(setup.block(rule=setup.rule(
        'Format json\nOnFailure "{\\"fan\\":\\"on\\",\\"t\\":%{value}}"\n'
        'OnOkay "{\\"fan\\":\\"off\\"}"')))
    heat(setup.daemon, 21)
    heat_until(setup, 1, 35.5)
    heat_until(setup, 2, 22)
    assert setup.sim.bodies() == [
        '{"fan":"on","t":35.5}', '{"fan":"off"}']
    setup.wait_for_outcomes(created=2, accepted=2)


def test_the_request_is_exactly_as_documented(setup):
    setup.start()
    notify_until(setup, 1)
    request = setup.sim.requests()[0]
    assert request["method"] == "POST"
    assert request["url"] == f"/cmds?device_id={FAN_ID}&timeout=3600"
    assert request["body"] == "on"
    headers = dict(request["headers"])
    assert headers["api-key"].endswith(API_KEY[-4:])
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Content-Length"] == "2"
    assert "Expect" not in headers
    assert "Transfer-Encoding" not in headers
    assert "Accept-Encoding" not in headers


def test_no_timeout_is_sent_where_it_is_0_and_the_id_is_percent_encoded(setup):
    setup.sim.put_device("a b&c=1")
    setup.start(setup.block(
        fan='<Device "fan">\nDeviceID "a b&c=1"\n</Device>\n'))
    notify_until(setup, 1)
    assert setup.sim.requests()[0]["url"] == "/cmds?device_id=a%20b%26c%3D1"


@pytest.mark.parametrize("match, fields", [
    ('Host "elsewhere"', {"host": "elsewhere"}),
    ('PluginInstance "room"', {"plugin_instance": "room"}),
    ('TypeInstance "cpu"', {"type_instance": "cpu"}),
    ('Host "/^rack[0-9]+$/"', {"host": "rack12"}),
])
def test_a_rule_fires_only_for_what_it_names(setup, match, fields):
    setup.start(setup.block(rule=setup.rule(match + '\nOnFailure "on"')))
    daemon = setup.daemon
    daemon.putnotif("failure", plugin="sensors", type="temperature")
    daemon.putnotif("failure", plugin="other", type="temperature", **fields)
    daemon.putnotif("failure", plugin="sensors", type="voltage", **fields)
    daemon.putnotif("warning", plugin="sensors", type="temperature", **fields)
    notify_until(setup, 1, **fields)
    setup.wait_for_outcomes(created=1, accepted=1)


def test_each_severity_has_its_body(setup):
    setup.start(setup.block(rule=setup.rule(
        'OnFailure "high"\nOnWarning "low"\nOnOkay "off"')))
    notify_until(setup, 1, "warning")
    notify_until(setup, 2, "failure")
    notify_until(setup, 3, "okay")
    assert setup.sim.bodies() == [
        "low", "high", "off"]


def test_what_collectd_says_at_its_start_moves_no_device(setup):
    """The threshold plugin sends OKAY for all that it sees for the first time."""
    setup.start()
    def ignored():
        heat(setup.daemon, 21)
        return setup.metric("onenet-fan/derive-ignored_first_okay")
    wait_until(ignored, 20, "an OKAY to be ignored")
    assert setup.sim.requests() == []
    assert setup.outcomes() == {}


def test_a_device_that_is_offline_is_a_refusal_with_its_errno(setup):
    setup.sim.put_device(FAN_ID, online=False)
    setup.start(setup.block(fan=setup.fan("Timeout 0")))
    notify_until(setup, 1)
    setup.wait_for_outcomes(created=1, refused=1)
    setup.wait_for_metric("onenet-fan/errors-errno_10", 1)
    setup.wait_for_metric("onenet-cloud/http_response_codes-200", 1)
    setup.wait_for_metric("onenet-cloud/total_requests", 1)


@pytest.mark.parametrize("status, body, outcome, cause", [
    (500, "<html>", "unknown", "errors-http_500"),
    (413, "<html>", "refused", "errors-http_413"),
    (302, "", "refused", "errors-http_302"),
    (200, "<html>", "unknown", "errors-unreadable"),
    (200, '{"errno":6,"error":"invalid parameter"}', "refused",
     "errors-errno_6"),
    (200, '{"errno":18,"error":"hs server error"}', "unknown",
     "errors-errno_18"),
])
def test_an_answer_that_is_not_a_success_is_counted_by_its_cause(
        setup, status, body, outcome, cause):
    setup.sim.fault(status=status, body=body or None,
                    headers={"Location": setup.sim.url + "/elsewhere"})
    setup.start()
    notify_until(setup, 1)
    setup.wait_for_outcomes(created=1, **{outcome: 1})
    setup.wait_for_metric(f"onenet-fan/{cause}", 1)
    assert len(setup.sim.requests()) == 1


def test_a_connection_that_ends_without_an_answer_is_unknown_and_sent_once(
        setup):
    setup.sim.fault(close="after")
    setup.start()
    notify_until(setup, 1)
    setup.wait_for_outcomes(created=1, unknown=1)
    setup.wait_for_metric("onenet-fan/errors-curl_52", 1)
    assert len(setup.sim.received(FAN_ID)) == 1


def test_a_cloud_that_never_answers_does_not_hold_up_another_device(setup):
    setup.sim.put_device("2")
    setup.sim.fault(count=-1, device_id=FAN_ID, hang=1)
    setup.start(setup.block(more='<Device "lamp">\nDeviceID "2"\n</Device>\n'
                            + setup.rule('Device "lamp"\nOnFailure "red"',
                                         name="light").replace(
                                             'Device "fan"', "")))
    notify_until(setup, 2)
    setup.wait_for_outcomes("lamp", created=1, accepted=1)
    setup.wait_for_outcomes("fan", created=1, pending=1)


def test_prometheus_sees_every_counter_and_the_series_of_a_uuid(setup):
    # collectd forgets a series that is silent for two intervals.
    setup.start(setup.block(more="CommandSeries true\n"), interval=2)
    notify_until(setup, 1)
    uuid = setup.sim.received(FAN_ID)[0]["uuid"]
    wait_until(lambda: setup.metric(f"onenet-fan/gauge-{uuid}") == 1, 20,
               "the series of the uuid")
    samples = setup.samples()
    outcomes = {dict(labels)["type"] for (name, labels) in samples
                if name == "collectd_onenet_commands_total"}
    assert outcomes == {"created", "accepted", "refused", "unknown", "expired",
                        "superseded", "unchanged", "dropped", "cancelled"}
    for identifier in ("onenet-fan/pending_operations",
                       "onenet-fan/latency-accept-average",
                       "onenet-fan/latency-accept-upper",
                       "onenet-fan/latency-accept-percentile-99",
                       "onenet-fan/duration-overheat",
                       "onenet-cloud/current_connections",
                       "onenet-cloud/bool-circuit_open",
                       "onenet-agent/queue_length-inbox",
                       "onenet-agent/records-pending",
                       "onenet-agent/file_size-ledger",
                       "onenet-agent/errors-ledger",
                       "onenet-agent/count-skipped_lines",
                       "onenet-agent/count-series",
                       "onenet-agent/derive-series_forgotten",
                       "onenet-agent/derive-unreported"):
        wait_until(lambda: setup.metric(identifier) is not None, 10, identifier)
    wait_until(lambda: setup.metric("onenet-agent/file_size-ledger") > 0)


def filter_chain_of_the_manual():
    manual = (ROOT / "doc" / "collectd-onenet.5").read_text()
    return re.search(r"^\.EX\n(LoadPlugin match_regex\n.*?)^\.EE$", manual,
                     re.M | re.S)[1]


@pytest.mark.parametrize("has_chain", [False, True])
def test_the_filter_chain_of_the_manual_keeps_commands_from_being_files(
        setup, folder, has_chain):
    setup.start(setup.block(more="CommandSeries true\n"), interval=1,
                extra='LoadPlugin csv\n<Plugin csv>\n'
                f'  DataDir "{folder}/csv"\n</Plugin>\n'
                + (filter_chain_of_the_manual() if has_chain else ""))
    notify_until(setup, 1)
    uuid = setup.sim.received(FAN_ID)[0]["uuid"]
    wait_until(lambda: setup.metric(f"onenet-fan/gauge-{uuid}") == 1, 20,
               "the series of the uuid")
    files = folder / "csv" / HOST / "onenet-fan"

    def lines():
        return sum(len(file.read_text().splitlines())
                   for file in files.glob("pending_operations-*"))

    before = lines()
    wait_until(lambda: lines() >= before + 2, 20, "two intervals of other series")
    assert bool(list(files.glob(f"gauge-{uuid}-*"))) != has_chain


def test_the_manual_and_the_sample_warn_of_files_for_each_command():
    for name in ("doc/collectd-onenet.5", "collectd.conf.d/onenet.conf"):
        text = re.sub(r"[\s#]+", " ", (ROOT / name).read_text())
        assert re.search(r"rrdtool or csv is loaded.{1,60}file of its own", text), name
        assert re.search(r"type gauge of plugin onenet from them with a filter chain",
                         text), name


class Receiver(LocalServer):
    """Takes what write_http posts; `values` is every value list, as a dict."""

    def __init__(self):
        receiver = self
        self.values = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["Content-Length"])
                receiver.values += json.loads(self.rfile.read(size))
                self.send_response(200)
                self.end_headers()

        super().__init__(Handler)

    def durations(self):
        return [v for v in self.values
                if v.get("plugin") == "onenet" and v.get("type") == "duration"]


def test_write_http_delivers_the_cmd_uuid_of_each_command(setup):
    with Receiver() as receiver:
        setup.start(extra=f"""
LoadPlugin write_http
<Plugin write_http>
  <Node "here">
    URL "{receiver.url}/"
    Format "JSON"
    BufferSize 4096
  </Node>
</Plugin>
""")
        for count, severity in enumerate(("failure", "okay", "failure"), 1):
            notify_until(setup, count, severity)

        def all_delivered():
            setup.daemon.ask("FLUSH")
            return len(receiver.durations()) >= 3
        wait_until(all_delivered, 20, "3 durations")
        setup.daemon.stop()
    received = setup.sim.received(FAN_ID)
    # collectd's write threads may overtake each other.
    durations = sorted(receiver.durations(), key=lambda v: v["time"])
    assert len({v["time"] for v in durations}) == len(durations)
    assert [v["meta"]["cmd_uuid"] for v in durations] == [
        c["uuid"] for c in received]
    for value in durations:
        assert value["plugin_instance"] == "fan"
        assert value["type_instance"] == "overheat"
        assert value["meta"] == {"cmd_uuid": value["meta"]["cmd_uuid"],
                                 "outcome": "accepted", "errno": 0,
                                 "device_id": FAN_ID, "rule": "overheat",
                                 "attempts": 1, "http_code": 200}


def outcome_notifications(setup):
    """Returns (severity, message) of the notifications of outcomes."""
    return re.findall(r"Notification: severity = (\w+), host = \w+, "
                      r"plugin = onenet, plugin_instance = fan, type = commands, "
                      r"type_instance = overheat, message = (.*)",
                      setup.daemon.log())


@pytest.mark.parametrize("wanted, expected", [
    ("all", ["OKAY", "FAILURE", "OKAY", "OKAY"]),
    ("failures", ["FAILURE", "OKAY"]),
    ("none", []),
])
def test_outcomes_are_notified_as_far_as_one_wants(setup, wanted, expected):
    setup.start(setup.block(
        more=f"NotifyOutcomes {wanted}\n", fan=setup.fan("Timeout 0"),
        rule=setup.rule('OnFailure "on"\nOnOkay "off"\nRepeat 0')))
    for count, (severity, online) in enumerate(
            (("failure", True), ("okay", False), ("failure", True),
             ("okay", True)), 1):
        setup.sim.put_device(FAN_ID, online=online)
        notify_until(setup, count, severity)
        wait_until(lambda n=count: setup.metric("onenet-fan/commands-created")
                   == n and not setup.metric("onenet-fan/pending_operations"))
    wait_until(lambda: len(outcome_notifications(setup)) >= len(expected), 20)
    setup.daemon.stop()
    assert [s for s, _ in outcome_notifications(setup)] == expected


def test_a_failure_before_a_restart_is_cleared_by_the_first_acceptance(setup):
    setup.sim.put_device(FAN_ID, online=False)
    setup.start(setup.block(fan=setup.fan("Timeout 0")))
    notify_until(setup, 1)
    wait_until(lambda: len(outcome_notifications(setup)) == 1, 20)
    setup.daemon.stop()
    setup.sim.put_device(FAN_ID, online=True)
    setup.daemon.start()
    notify_until(setup, 2)
    wait_until(lambda: [s for s, _ in outcome_notifications(setup)]
               == ["FAILURE", "OKAY"], 20, "the OKAY")


def test_a_notification_of_an_acceptance_holds_the_uuid(setup):
    setup.start(setup.block(more="NotifyOutcomes all\n"))
    notify_until(setup, 1)
    wait_until(lambda: outcome_notifications(setup), 20, "the notification")
    uuid = setup.sim.received(FAN_ID)[0]["uuid"]
    assert outcome_notifications(setup) == [
        ("OKAY", f"command overheat for device fan ({FAN_ID}) accepted: "
                 f"cmd_uuid {uuid}")]


def test_a_body_of_64k_is_never_sent(setup):
    setup.start(setup.block(rule=setup.rule(
        'OnFailure "' + "%{message}" * 300 + '"')))
    setup.notify(message="m" * 250)
    setup.wait_for_outcomes(created=1, refused=1)
    assert setup.sim.requests() == []
    assert "a body of 75000 bytes: must be 1..65535" in setup.daemon.log()
    setup.daemon.stop()
    assert setup.query("SELECT finished_at >= created_at FROM commands") == [(1,)]


def test_the_key_is_in_no_log_ledger_or_metric(setup):
    setup.sim.fault(body='{"errno":3,"error":"auth failed"}')
    setup.start()
    notify_until(setup, 1)
    wait_until(lambda: "credentials were refused" in setup.daemon.log())
    setup.daemon.stop()
    for path in setup.folder.iterdir():
        if path.is_file() and path != setup.key_file:
            assert API_KEY.encode() not in path.read_bytes(), path
    assert API_KEY not in setup.daemon.output


def test_the_ledger_holds_the_command_for_sql(setup):
    setup.start()
    notify_until(setup, 1)
    setup.wait_for_outcomes(created=1, accepted=1)
    rows = setup.query(
        "SELECT rule, device, device_id, endpoint, slot, series, severity, "
        "body, content_type, timeout_s, state, outcome, attempts, "
        "http_code, errno, cmd_uuid FROM commands")
    assert rows == [("overheat", "fan", FAN_ID, "cloud", "overheat/fan",
                     f"{HOST}/sensors/temperature", "failure", "on",
                     "text/plain; charset=utf-8", 3600, "finished", "accepted",
                     1, 200, 0, setup.sim.received(FAN_ID)[0]["uuid"])]
