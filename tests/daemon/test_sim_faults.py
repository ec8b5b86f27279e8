# SPDX-License-Identifier: MIT
"""Faults that the simulator is asked for, and its control interface."""

import http.client
import os
import time

import pytest

from sim_calls import DEVICE, KEY, accepted, begin, code, post
from simulator import wait_until


def descriptors(sim):
    return len(os.listdir(f"/proc/{sim.pid}/fd"))


def test_fault_spoils_as_many_calls_as_it_was_asked_to(sim):
    sim.fault("<html>", {"Retry-After": "7", "Content-Type": "text/html"},
              count=2, status=503)
    for _ in range(2):
        answer = post(sim)
        assert (answer.status, answer.body) == (503, b"<html>")
        assert answer.headers["Retry-After"] == "7"
        assert answer.headers.get_all("Content-Type") == ["text/html"]
    accepted(post(sim))
    assert [r["executed"] for r in sim.requests()] == [False, False, True]
    assert [r["status"] for r in sim.requests()] == [503, 503, 200]
    assert sim.bodies() == ["on"]


def test_fault_for_one_device_leaves_the_others_alone(sim):
    sim.put_device("other")
    sim.fault(status=500, device_id="other")
    assert post(sim).status == 200
    assert post(sim, device_id="other").status == 500
    assert post(sim, device_id="other").status == 200


def test_faults_are_used_in_the_order_in_which_they_were_asked_for(sim):
    sim.fault(status=500)
    sim.fault(status=502)
    assert [post(sim).status for _ in range(3)] == [500, 502, 200]


def test_fault_with_count_minus_1_lasts_until_it_is_cleared(sim):
    sim.fault(status=502, count=-1)
    assert {post(sim).status for _ in range(10)} == {502}
    assert [f["count"] for f in sim.control("GET", "faults")] == [-1]
    sim.clear_faults()
    assert post(sim).status == 200


def test_fault_with_a_body_alone_answers_it_with_200(sim):
    sim.fault(b'{"errno":15,"error":"api freq out of limit"}')
    answer = post(sim)
    assert (answer.status, code(answer)) == (200, 15)
    assert sim.received() == []


def test_fault_with_a_header_alone_adds_it_to_the_real_answer(sim):
    sim.fault(headers={"X-More": "1"})
    answer = post(sim)
    accepted(answer)
    assert answer.headers["X-More"] == "1"


def test_executing_fault_answers_otherwise_but_executes(sim):
    sim.fault("gone", status=504, execute=True)
    assert post(sim).status == 504
    assert sim.bodies() == ["on"]
    assert sim.requests()[0]["executed"] is True


def test_close_before_gives_no_answer_and_executes_nothing(sim):
    sim.fault(close="before")
    with begin(sim) as connection:
        assert connection.recv(1000) == b""
    assert sim.received() == []
    [request] = sim.requests()
    assert (request["ending"], request["status"], request["executed"]) == (
        "closed", None, False)


def test_close_after_gives_no_answer_and_executes(sim):
    sim.fault(close="after")
    with begin(sim) as connection:
        assert connection.recv(1000) == b""
    assert sim.bodies() == ["on"]


def test_close_on_a_kept_connection_closes_after_the_earlier_answers(sim):
    connection = sim.connect()
    assert post(sim, connection=connection)[0] == 200
    sim.fault(close="after")
    with pytest.raises(http.client.RemoteDisconnected):
        post(sim, connection=connection)
    connection.close()
    assert sim.bodies() == ["on", "on"]


def test_delayed_answer_holds_nobody_else_up(sim):
    sim.fault(delay_ms=3600000, device_id=DEVICE)
    sim.put_device("other")
    with begin(sim) as late:
        wait_until(lambda: sim.requests())
        for _ in range(20):
            accepted(post(sim, device_id="other"))
        late.settimeout(0.05)
        with pytest.raises(TimeoutError):
            late.recv(1)
    assert sim.bodies() == ["on"]


def test_delayed_answers_come_when_they_are_due_whoever_asked_first(sim):
    delays_ms = (3600000, 30, 3000000, 10)
    for delay_ms in delays_ms:
        sim.fault(delay_ms=delay_ms, status=599, body=str(delay_ms))
    sockets = []
    for _ in delays_ms:
        sockets.append(begin(sim))
        wait_until(lambda: len(sim.requests()) == len(sockets))
    for i in (3, 1):
        assert sockets[i].recv(1000).endswith(str(delays_ms[i]).encode())
    for i in (0, 2):
        sockets[i].settimeout(0.05)
        with pytest.raises(TimeoutError):
            sockets[i].recv(1)
    for connection in sockets:
        connection.close()


def test_delay_lasts_at_least_as_long_as_asked_for(sim):
    sim.fault(delay_ms=100)
    start = time.monotonic()
    accepted(post(sim))
    assert time.monotonic() - start >= 0.099


def test_hanging_call_is_not_answered_and_holds_nobody_else_up(sim):
    sim.fault(hang=True)
    with begin(sim) as connection:
        wait_until(lambda: sim.requests())
        accepted(post(sim))
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        [hanging, answered] = sim.requests()
        assert (hanging["ending"], hanging["executed"]) == ("hanging", False)
        assert answered["ending"] == "answered"


def test_hanging_call_with_execute_executes(sim):
    sim.fault(hang=True, execute=True)
    with begin(sim):
        wait_until(lambda: sim.received())
    assert sim.bodies() == ["on"]


def test_hanging_call_is_let_go_when_its_client_gives_up(sim):
    before = descriptors(sim)
    sim.fault(hang=True, count=10)
    connections = [begin(sim) for _ in range(10)]
    wait_until(lambda: len(sim.requests()) == 10)
    assert descriptors(sim) >= before + 10
    for connection in connections:
        connection.close()
    wait_until(lambda: descriptors(sim) <= before)


def test_simulator_ends_cleanly_with_delayed_and_hanging_calls(sim):
    sim.fault(hang=True, count=3)
    sim.fault(delay_ms=3600000, count=3)
    connections = [begin(sim) for _ in range(6)]
    wait_until(lambda: len(sim.requests()) == 6)
    assert sim.stop() == 0
    assert sim.errors == ""
    for connection in connections:
        assert connection.recv(1) == b""
        connection.close()


def test_faults_in_force_are_listed(sim):
    sim.fault(status=503, count=2, headers={"Retry-After": "1"})
    post(sim)
    [fault] = sim.control("GET", "faults")
    assert fault == {"count": 1, "device_id": None, "status": 503,
                     "headers": [["Retry-After", "1"]], "body": "",
                     "delay_ms": 0, "close": None, "execute": False,
                     "hang": False}
    post(sim)
    assert sim.control("GET", "faults") == []


def test_fault_spoils_only_calls_of_post_cmds(sim):
    sim.fault(status=500)
    assert sim.http("GET", "/cmds", headers=KEY).status == 405
    assert sim.http("GET", "/cmds/x", headers=KEY).status == 200
    assert post(sim).status == 500


@pytest.mark.parametrize("method, path, http_status, words", [
    ("GET", "bogus", 404, "'/sim/bogus'"),
    ("PUT", "stats", 405, "allowed: GET"),
    ("PUT", "devices/", 404, "unknown"),
    ("PUT", "devices/1/received", 405, "allowed: GET"),
    ("PUT", "devices/1/2/3", 404, "unknown"),
    ("PUT", "devices/1?online=2", 400, "online '2'"),
    ("PUT", "devices/1?online=", 400, "online ''"),
    ("PUT", "devices/1?onlin=1", 400, "'onlin'"),
    ("GET", "devices/404", 404, "no such device"),
    ("GET", "devices/404/received", 404, "no such device"),
    ("DELETE", "devices/404", 404, "no such device"),
    ("POST", f"devices/{DEVICE}/answer", 400, "'uuid' is missing"),
    ("POST", f"devices/{DEVICE}/answer?uuid=x", 404, "no such command"),
    ("POST", "faults?status=99", 400, "status '99'"),
    ("POST", "faults?status=5xx", 400, "status '5xx'"),
    ("POST", "faults?count=0", 400, "count=0"),
    ("POST", "faults?count=-2", 400, "count '-2'"),
    ("POST", "faults?delay_ms=-1", 400, "delay_ms '-1'"),
    ("POST", "faults?close=now", 400, "close 'now'"),
    ("POST", "faults?header=x", 400, "header 'x'"),
    ("POST", "faults?header=a%20b:c", 400, "header"),
    ("POST", "faults?header=a:b%0d%0ac:d", 400, "header"),
    ("POST", "faults?header=content-length:3", 400, "HTTP library"),
    ("POST", "faults?hang=1&close=after", 400, "exclude"),
    ("POST", "faults?hang=1&delay_ms=5", 400, "exclude"),
    ("POST", "faults?hang=1&status=500", 400, "no answer"),
    ("POST", "faults?close=before&execute=1", 400, "exclude"),
    ("POST", "faults?statuss=500", 400, "'statuss'"),
    ("POST", "clock?advance=soon", 400, "advance 'soon'"),
])
def test_control_mistake_is_told_in_plain_text_and_changes_nothing(
        sim, method, path, http_status, words):
    answer = sim.http(method, f"/sim/{path}")
    assert answer.status == http_status
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert words in answer.body.decode()
    assert sim.control("GET", "faults") == []
    assert list(sim.devices()) == [DEVICE]


def test_control_body_above_1_mib_is_refused(sim):
    assert sim.http("POST", "/sim/faults", b"x" * ((1 << 20) + 1)).status == 413


def test_control_interface_explains_itself(sim):
    text = sim.control("GET", "")
    for path in ("/sim/devices", "/sim/faults", "/sim/requests", "/sim/stats"):
        assert path in text
