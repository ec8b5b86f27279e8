# SPDX-License-Identifier: MIT
"""What became of accepted commands: OneNET is asked, as `Track true` says."""

import http.server
import itertools
import json
import math
import re
import sqlite3
import threading

import pytest

from conftest import FAN_ID, LocalServer, Setup
from simulator import wait_until

ENDS = ("delivered", "answered", "unanswered", "undelivered", "not_known")


class Tracking(Setup):
    """A setup whose rule tracks its commands."""

    def block(self, more="", rule=None, fan=None, endpoint=None):
        rule = rule or self.rule('OnFailure "on"\nOnOkay "off"\nTrack true')
        return super().block(more, rule, fan, endpoint)

    def ends(self):
        """Returns {end: count}, or None if nothing was ever tracked."""
        counts = {e: self.metric(f"onenet-fan/commands-{e}") for e in ENDS}
        return None if None in counts.values() else {
            e: int(count) for e, count in counts.items() if count}

    def wait_for_ends(self, timeout=20, **wanted):
        try:
            wait_until(lambda: self.ends() == wanted, timeout)
        except AssertionError:
            assert self.ends() == wanted

    def rows(self, columns="status, answer, track_until"):
        return self.query(f"SELECT {columns} FROM commands ORDER BY id")

    def notifications(self):
        """Returns (severity, message) of the notifications of the rule."""
        return re.findall(
            r"Notification: severity = (\w+), host = \w+, plugin = onenet, "
            r"plugin_instance = fan, type = commands, "
            r"type_instance = overheat, message = (.*)", self.daemon.log())


@pytest.fixture(name="track")
def tracking(folder, sim):
    setup = Tracking(folder, sim)
    yield setup
    if setup.daemon is not None and setup.daemon.is_running():
        setup.daemon.stop()


def test_a_command_that_is_answered_is_delivered_and_its_answer_is_kept(track):
    track.sim.put_device(FAN_ID, answer="done")
    track.start(interval=2)
    track.notify()
    def latency():
        value = track.metric("onenet-fan/latency-answer-average")
        return value if value and not math.isnan(value) else None
    average = wait_until(latency, 20, "the latency of the answer")
    assert 1 <= average < 10
    for of_what in ("upper", "percentile-99"):
        value = track.metric(f"onenet-fan/latency-answer-{of_what}")
        assert value == pytest.approx(average)
    track.wait_for_ends(delivered=1, answered=1)
    assert track.rows() == [(4, "done", None)]
    created_at, status_at = track.rows("created_at, status_at")[0]
    assert status_at - created_at == pytest.approx(average, abs=0.01)
    uuid = track.sim.received(FAN_ID)[0]["uuid"]
    assert re.search(r'command 1: rule "overheat", device "fan" \(\d+\): '
                     r"answered, status 4 \(command response received\), "
                     f"cmd_uuid {uuid}", track.daemon.log())
    track.wait_for_outcomes(created=1, accepted=1)
    track.wait_for_metric("onenet-cloud/total_requests", 1)
    assert track.sim.stats()["follow_ups"] == 2
    assert track.notifications() == []


def test_the_series_of_a_uuid_goes_from_status_to_status(track):
    track.start(track.block(more="CommandSeries true\n"),
                extra=f'LoadPlugin csv\n<Plugin csv>\n'
                      f'  DataDir "{track.folder}/csv"\n</Plugin>\n')
    track.notify()
    wait_until(lambda: track.rows("status") == [(2,)], 20, "status 2")
    uuid = track.sim.received(FAN_ID)[0]["uuid"]

    def statuses():
        for path in track.folder.glob(f"csv/*/onenet-fan/gauge-{uuid}-*"):
            lines = path.read_text().splitlines()[1:]
            return [float(line.split(",")[1]) for line in lines]
        return []
    wait_until(lambda: statuses()[-1:] == [2], 20, "the series at 2")
    track.sim.answer(FAN_ID, uuid, "done")
    wait_until(lambda: statuses()[-2:] == [4, 4], 20, "the series at 4")
    assert [status for status, _ in itertools.groupby(statuses())] == [1, 2, 4]


def test_a_rule_that_does_not_track_asks_nothing(track):
    track.sim.put_device(FAN_ID, answer="done")
    track.start(track.block(rule=track.rule()))
    track.notify()
    track.wait_for_outcomes(created=1, accepted=1)
    track.daemon.stop()
    assert track.sim.stats()["follow_ups"] == 0
    assert track.rows("status, status_at, track_until") == [(None, None, None)]


def test_no_series_of_tracking_appears_before_a_command_is_tracked(track):
    track.start()
    wait_until(lambda: track.metric("onenet-fan/commands-created") == 0)
    assert track.ends() is None
    assert track.metric("onenet-fan/latency-answer-average") is None
    track.notify()
    track.wait_for_ends()


def test_a_device_that_comes_online_is_followed_until_it_answers(track):
    track.sim.put_device(FAN_ID, online=False, answer="on it")
    track.start(track.block(more="CommandSeries true\n"), interval=1)
    track.notify()
    track.wait_for_outcomes(created=1, accepted=1)
    wait_until(lambda: track.sim.stats()["follow_ups"] >= 1)
    assert track.rows("status") == [(1,)]
    assert track.ends() == {}
    track.sim.put_device(FAN_ID, online=True)
    track.wait_for_ends(delivered=1, answered=1)
    assert track.rows() == [(4, "on it", None)]


def test_a_command_that_ran_out_is_undelivered_and_sent_again(track):
    track.sim.put_device(FAN_ID, online=False)
    track.start(track.block(fan=track.fan("Timeout 3600")))
    track.notify()
    wait_until(lambda: track.sim.stats()["follow_ups"] >= 1)
    track.notify()
    track.wait_for_outcomes(created=2, accepted=1, unchanged=1)
    track.sim.advance(3601)
    track.wait_for_ends(undelivered=1)
    wait_until(track.notifications, 20, "the notification")
    uuid = track.rows("cmd_uuid")[0][0]
    assert track.notifications() == [
        ("FAILURE", f"command overheat for device fan ({FAN_ID}) undelivered: "
                    f"status 0 (device not online), cmd_uuid {uuid}")]
    assert "is undelivered: status 0 (device not online)" in track.daemon.log()

    track.sim.put_device(FAN_ID, online=True, answer="done")
    track.notify()
    track.wait_for_outcomes(created=3, accepted=2, unchanged=1)
    track.wait_for_ends(undelivered=1, delivered=1, answered=1)
    wait_until(lambda: len(track.notifications()) == 2, 20, "the OKAY")
    assert track.notifications()[1][0] == "OKAY"
    assert "answered: status 4" in track.notifications()[1][1]
    assert track.rows("status, track_until") == [(0, None), (4, None)]


def test_a_device_that_does_not_answer_in_time_is_a_warning(track):
    track.sim.stop()
    track.sim.start("--answer-timeout", "1")
    track.start()
    track.notify()
    track.wait_for_ends(delivered=1, unanswered=1)
    wait_until(track.notifications, 20, "the notification")
    assert track.notifications()[0][0] == "WARNING"
    assert "unanswered: status 5 (command response timeout)" in (
        track.notifications()[0][1])


def test_a_restart_goes_on_following(track):
    track.start()
    track.notify()
    wait_until(lambda: track.rows("status") == [(2,)], 20, "status 2")
    uuid = track.sim.received(FAN_ID)[0]["uuid"]
    track.daemon.stop()
    track.sim.answer(FAN_ID, uuid, "at last")
    track.daemon.start()
    track.wait_for_ends(delivered=1, answered=1)
    assert track.rows() == [(4, "at last", None)]
    assert track.outcomes() == {}


def test_a_rule_that_tracks_no_more_follows_nothing_after_a_restart(track):
    track.start()
    track.notify()
    wait_until(lambda: track.rows("status") == [(2,)], 20, "status 2")
    track.daemon.stop(kill=True)
    follow_ups = track.sim.stats()["follow_ups"]
    track.daemon.configure(track.block(rule=track.rule()))
    track.daemon.start()
    wait_until(lambda: track.rows("track_until") == [(None,)])
    track.daemon.stop()
    assert track.sim.stats()["follow_ups"] == follow_ups


class Cloud(LocalServer):
    """Answers each POST with that uuid; `paths` are those of all GETs, `headers`
    those of the last, and get(path) -> (HTTP status, body) answers them."""

    def __init__(self, uuid, get=lambda path: (500, "")):
        cloud = self
        self.paths = []
        self.headers = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, json.dumps(
                    {"errno": 0, "data": {"cmd_uuid": uuid}, "error": "succ"}))

            def do_GET(self):
                cloud.headers = dict(self.headers)
                cloud.paths.append(self.path)
                self.answer(*get(self.path))

        super().__init__(Handler)
        self.url += "/cmds"


@pytest.mark.parametrize("uuid", ["../x", "..", "a/b", "a?b=c", "a#b", "a%2fb",
                                  "a b", "a\r\nX: y", "", 7, "u" * 65])
def test_a_uuid_with_odd_characters_is_never_put_into_a_url(track, uuid):
    with Cloud(uuid) as cloud:
        track.start(track.block(endpoint=track.endpoint(cloud.url)))
        track.notify()
        track.wait_for_outcomes(created=1, accepted=1)
        assert track.rows("cmd_uuid, track_until") == [(None, None)]
        assert track.ends() is None
        assert cloud.paths == []


def test_polls_go_on_until_the_status_can_be_read(track):
    answers = iter([(500, "<html>"), (200, '{"errno":15,"error":"x"}'),
                    (200, '{"errno":0,"data":{"status":6}}')])
    with Cloud("u-1", lambda path: next(answers)) as cloud:
        track.start(track.block(endpoint=track.endpoint(cloud.url + "?k=v")))
        track.notify()
        track.wait_for_ends(delivered=1, unanswered=1)
        assert cloud.paths == ["/cmds/u-1?k=v"] * 3
        assert track.rows("status") == [(6,)]


def test_what_onenet_does_not_tell_is_not_known_and_not_sent_again(track):
    with Cloud("u-1", lambda path: (404, '{"errno":8,"error":"not found"}')
               ) as cloud:
        track.start(track.block(endpoint=track.endpoint(cloud.url)))
        track.notify()
        track.wait_for_ends(not_known=1)
        assert cloud.paths == ["/cmds/u-1"]
        assert "not known, status 1 (command created), cmd_uuid u-1: errno_8" in (
            track.daemon.log())
        assert "but what became of it is not known: errno_8" in track.daemon.log()
        track.notify()
        track.wait_for_outcomes(created=2, accepted=1, unchanged=1)
        assert track.notifications() == []


def test_an_answer_of_bytes_is_kept_as_they_are_up_to_4_kib(track):
    track.start()
    track.notify()
    track.wait_for_outcomes(created=1, accepted=1)
    uuid = track.sim.received(FAN_ID)[0]["uuid"]
    track.sim.answer(FAN_ID, uuid, b"\0\xff" * 3000)
    track.wait_for_ends(delivered=1, answered=1)
    assert track.rows() == [(4, b"\0\xff" * 2048, None)]


def test_a_status_is_recorded_once_the_ledger_works_again(track):
    track.start()
    track.notify()
    wait_until(lambda: track.rows("status") == [(2,)], 20, "status 2")
    uuid = track.sim.received(FAN_ID)[0]["uuid"]
    with sqlite3.connect(track.folder / "onenet.db") as ledger:
        ledger.execute("BEGIN IMMEDIATE")
        track.sim.answer(FAN_ID, uuid, "done")
        track.wait_for_ends(delivered=1, answered=1)
        assert track.rows("status, answer") == [(2, None)]
    wait_until(lambda: track.rows() == [(4, "done", None)], 20, "the record")


def test_a_dry_run_asks_nothing(track):
    track.start(track.block(more="DryRun true\n"))
    track.notify()
    track.wait_for_outcomes(created=1, cancelled=1)
    track.daemon.stop()
    assert track.sim.stats()["follow_ups"] == 0


def test_a_shutdown_does_not_wait_for_polls(track):
    with Cloud("u-1", lambda path: threading.Event().wait(8) or (500, "")
               ) as cloud:
        track.start(track.block(endpoint=track.endpoint(cloud.url)))
        track.notify()
        wait_until(lambda: cloud.paths, 20, "a poll")
        status, seconds = track.daemon.stop()
        assert status == 0
        assert seconds < 3
        assert track.rows("state, outcome, status") == [
            ("finished", "accepted", 1)]


def test_polls_carry_the_key_and_no_body(track):
    with Cloud("u-1") as cloud:
        track.start(track.block(endpoint=track.endpoint(cloud.url,
                                                        'Header "X-Own: 1"')))
        track.notify()
        wait_until(lambda: cloud.paths, 20, "a poll")
        headers = cloud.headers
    assert headers["api-key"] == track.key_file.read_text().strip()
    assert headers["X-Own"] == "1"
    assert "Content-Type" not in headers
    assert "Content-Length" not in headers
