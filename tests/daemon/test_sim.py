# SPDX-License-Identifier: MIT
"""The simulator is what the other tests measure with: it is tested first."""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import uuid

import pytest

from sim_calls import (ACCESS_KEY, DEVICE, KEY, VECTOR_TIME, accepted, begin, code,
                       post, token)
from simulator import API_KEY, Simulator, find_binary, wait_until

# From the API facts: computed by the documented algorithm.
VECTORS = {
    "md5": "H9FByNcskwhgX5M4cIIe%2BA%3D%3D",
    "sha1": "MP6bAVIgPerSOyW0kAVOsjP1zRQ%3D",
    "sha256": "tubIK4QeecNj9UHSUJL5MFbuLB82Ypro5n7BkjBDnbQ%3D",
}


def status(sim, cmd_uuid):
    answer = sim.http("GET", f"/cmds/{cmd_uuid}", headers=KEY)
    return json.loads(answer.body)["data"]["status"]


# ---- answers ---------------------------------------------------------------

def test_accepted_command_is_answered_byte_for_byte_as_on_the_wire(sim):
    answer = post(sim)
    cmd_uuid = accepted(answer)
    assert answer.body == (b'{"errno":0,"data":{"cmd_uuid":"' +
                           cmd_uuid.encode() + b'"},"error":"succ"}')
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Server"] == "Apache-Coyote/1.1"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_documented_order_is_errno_error_data():
    with Simulator("--documented-order", "--device", DEVICE) as sim:
        answer = post(sim)
    assert answer.body == (b'{"errno":0,"error":"succ","data":{"cmd_uuid":"' +
                           accepted(answer).encode() + b'"}}')


def test_uuids_are_of_version_5_and_no_two_alike(sim):
    uuids = [uuid.UUID(accepted(post(sim))) for _ in range(100)]
    assert {u.version for u in uuids} == {5}
    assert {u.variant for u in uuids} == {uuid.RFC_4122}
    assert len(set(uuids)) == 100


def test_two_processes_give_different_uuids():
    first = []
    for _ in range(2):
        with Simulator("--device", DEVICE) as sim:
            first.append(accepted(post(sim)))
    assert first[0] != first[1]


def test_offline_device_without_timeout_is_errno_10_and_executes_nothing(sim):
    sim.put_device(DEVICE, online=False)
    answer = post(sim)
    assert answer.body == b'{"errno":10,"error":"device not online: 8029377"}'
    sim.put_device(DEVICE, online=True)
    assert sim.received(DEVICE) == []


@pytest.mark.parametrize("query, errno, text", [
    ({"device_id": None}, 7, "parameter required: device_id"),
    ({"device_id": ""}, 7, "parameter required: device_id"),
    ({"device_id": '4"2'}, 8, 'not found: 4"2'),
    ({"timeout": "-1"}, 6, "invalid parameter: timeout"),
    ({"timeout": "2678401"}, 6, "invalid parameter: timeout"),
    ({"timeout": "99999999999999999999"}, 6, "invalid parameter: timeout"),
    ({"timeout": "1.5"}, 6, "invalid parameter: timeout"),
    ({"timeout": ""}, 6, "invalid parameter: timeout"),
    ({"qos": "2"}, 6, "invalid parameter: qos"),
    ({"qos": "x"}, 6, "invalid parameter: qos"),
    ({"type": "2"}, 6, "invalid parameter: type"),
])
def test_wrong_parameter_is_refused_and_executes_nothing(sim, query, errno,
                                                         text):
    answer = post(sim, **query)
    assert (answer.status, json.loads(answer.body)) == (
        200, {"errno": errno, "error": text})
    assert sim.received() == []


def test_parameters_at_their_limits_are_accepted(sim):
    accepted(post(sim, timeout=2678400, qos=1, type=1))
    accepted(post(sim, timeout=0, qos=0, type=0))
    assert [(r["timeout"], r["qos"]) for r in sim.received()] == [
        (2678400, 1), (0, 0)]


def test_empty_body_is_errno_9(sim):
    assert code(post(sim, b"")) == 9
    assert sim.received() == []


def test_body_below_64k_is_delivered_whole(sim):
    accepted(post(sim, b"x" * 65535))
    assert sim.bodies() == ["x" * 65535]


@pytest.mark.parametrize("size", [65536, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_body_of_64k_or_more_is_errno_5(sim, size):
    answer = post(sim, b"x" * size)
    assert answer.body == b'{"errno":5,"error":"request entity too large"}'
    assert sim.received() == []
    assert sim.requests()[0]["body_bytes"] == size


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_method_than_post_is_refused(sim, method):
    answer = sim.http(method, f"/cmds?device_id={DEVICE}", headers=KEY)
    assert (answer.status, code(answer)) == (405, 6)
    assert answer.headers["Allow"] == "POST"
    assert sim.received() == []


def test_unknown_path_is_404_with_errno_8(sim):
    answer = sim.http("GET", "/devices", headers=KEY)
    assert (answer.status, code(answer)) == (404, 8)


def test_auto_create_makes_unknown_devices_appear():
    with Simulator("--auto-create") as sim:
        accepted(post(sim, device_id="new"))
        assert sim.bodies("new") == ["on"]


def test_device_id_with_special_characters_is_one_device(sim):
    name = 'a/b c%&ü"'
    sim.put_device(name)
    accepted(post(sim, device_id=name))
    assert sim.received(name)[0]["device_id"] == name


def test_chunked_body_is_put_together(sim):
    answer = sim.http("POST", f"/cmds?device_id={DEVICE}",
                      iter([b"one ", b"two"]), KEY)
    accepted(answer)
    assert sim.bodies() == ["one two"]


# ---- credentials -----------------------------------------------------------

def test_missing_credentials_are_errno_2(sim):
    answer = post(sim, headers={})
    assert (answer.status, answer.body) == (
        200, b'{"errno":2,"error":"api-key required"}')
    assert sim.received() == []


@pytest.mark.parametrize("key", ["", "wrong", API_KEY[:-1], API_KEY + "="])
def test_wrong_api_key_is_errno_3(sim, key):
    answer = post(sim, headers={"api-key": key})
    assert (answer.status, answer.body) == (
        200, b'{"errno":3,"error":"auth failed"}')
    assert sim.received() == []


def test_auth_status_is_the_http_status_of_refused_credentials():
    with Simulator("--auth-status", "401", "--device", DEVICE) as sim:
        for headers in ({}, {"api-key": "wrong"}, {"Authorization": "no"}):
            assert post(sim, headers=headers).status == 401
        assert post(sim).status == 200


def test_every_given_api_key_is_accepted_and_the_default_is_not():
    keys = ["first=key=of=28=characters==", "second"]
    with Simulator("--device", DEVICE, "--api-key", keys[0], "--api-key",
                   keys[1]) as sim:
        for key in keys:
            accepted(post(sim, headers={"api-key": key}))
        assert code(post(sim)) == 3


@pytest.fixture(name="token_sim", scope="module")
def token_simulator():
    """Its clock begins 1000 s before the vectors expire."""
    with Simulator("--device", DEVICE, "--access-key", ACCESS_KEY, "--rate",
                   "0", "--clock", VECTOR_TIME - 1000) as sim:
        yield sim


@pytest.mark.parametrize("method", VECTORS)
def test_token_of_the_documented_algorithm_is_accepted(token_sim, method):
    header = (f"version=2018-10-31&res=products%2F123123&et={VECTOR_TIME}"
              f"&method={method}&sign={VECTORS[method]}")
    assert header == token(method)
    accepted(post(token_sim, headers={"Authorization": header}))


@pytest.mark.parametrize("header", [
    token(et=VECTOR_TIME - 1001),
    token(et=VECTOR_TIME - 1000 - 86400),
    token(et=""),
    token(et="-1"),
    token(et=str(VECTOR_TIME) + "x"),
    token(key=base64.b64encode(b"another key").decode()),
    token(sign="tubIK4QeecNj9UHSUJL5MFbuLB82Ypro5n7BkjBDnbR="),
    token(sign=""),
    token(version="2018-10-30"),
    token(res="123123"),
    token("sha512"),
    token().replace("et=1", "et=2"),
    token().replace("%2F", "/"),
    token().replace("%3D", "="),
    token().replace("%2F", "%2"),
    "Bearer " + token(),
    token() + "&more=1",
    token().rpartition("&")[0],
    "&".join(reversed(token().split("&"))),
    "",
], ids=lambda header: header[:150] or "empty")
def test_bad_token_is_errno_3(token_sim, header):
    answer = post(token_sim, headers={"Authorization": header})
    assert code(answer) == 3
    assert "auth failed" in json.loads(answer.body)["error"]


def test_token_stops_being_accepted_when_it_expires():
    header = {"Authorization": token()}
    with Simulator("--device", DEVICE, "--access-key", ACCESS_KEY, "--clock",
                   VECTOR_TIME - 1000) as sim:
        accepted(post(sim, headers=header))
        sim.advance(1000)
        answer = post(sim, headers=header)
    assert answer.body == b'{"errno":3,"error":"auth failed: token expired"}'


def test_token_without_an_access_key_to_check_it_is_errno_3(sim):
    et = 4102444800  # 2100
    assert code(post(sim, headers={"Authorization": token(et=et)})) == 3


# ---- rate ------------------------------------------------------------------

def test_calls_beyond_the_rate_are_errno_15_until_the_next_second():
    with Simulator("--rate", "5", "--device", DEVICE) as sim:
        answers = [post(sim) for _ in range(5)]
        assert [code(answer) for answer in answers] == [0] * 5
        last = wait_until(lambda: (a := post(sim)) and code(a) and a)
        assert last.body == b'{"errno":15,"error":"api freq out of limit"}'
        sim.advance(1)
        accepted(post(sim))
        assert len(sim.received()) == sim.stats()["answers"]["0"]


# ---- offline, status, answers ----------------------------------------------

def test_offline_device_with_timeout_receives_when_it_comes_online(sim):
    sim.put_device(DEVICE, online=False)
    uuids = [accepted(post(sim, f"{i}".encode(), timeout=60))
             for i in range(3)]
    assert sim.received(DEVICE) == []
    assert [status(sim, u) for u in uuids] == [1, 1, 1]
    assert sim.devices()[DEVICE]["waiting"] == 3
    sim.put_device(DEVICE, online=True)
    assert sim.bodies() == ["0", "1", "2"]
    assert [record["uuid"] for record in sim.received()] == uuids
    assert [status(sim, u) for u in uuids] == [2, 2, 2]
    assert sim.devices()[DEVICE]["waiting"] == 0


def test_kept_command_that_ran_out_is_never_delivered(sim):
    sim.put_device(DEVICE, online=False)
    short = accepted(post(sim, b"short", timeout=60))
    long = accepted(post(sim, b"long", timeout=120))
    sim.advance(60)
    assert (status(sim, short), status(sim, long)) == (0, 1)
    assert sim.devices()[DEVICE]["waiting"] == 1
    sim.put_device(DEVICE, online=True)
    assert sim.bodies() == ["long"]
    assert status(sim, short) == 0


def test_command_is_delivered_once_however_often_the_device_logs_in(sim):
    sim.put_device(DEVICE, online=False)
    accepted(post(sim, timeout=60))
    for online in (True, False, True, False, True):
        sim.put_device(DEVICE, online=online)
    assert sim.bodies() == ["on"]


def test_qos_1_is_resent_at_the_next_login_until_the_device_answers(sim):
    cmd_uuid = accepted(post(sim, timeout=60, qos=1))
    sim.put_device(DEVICE, online=False)
    sim.put_device(DEVICE, online=True)
    assert [r["uuid"] for r in sim.received()] == [cmd_uuid] * 2
    sim.answer(DEVICE, cmd_uuid, b"done")
    sim.put_device(DEVICE, online=False)
    sim.put_device(DEVICE, online=True)
    assert len(sim.received()) == 2


def test_removed_device_fails_what_waited_for_it(sim):
    sim.put_device(DEVICE, online=False)
    cmd_uuid = accepted(post(sim, timeout=60))
    sim.delete_device(DEVICE)
    assert status(sim, cmd_uuid) == 3
    assert code(post(sim)) == 8
    sim.put_device(DEVICE)
    assert sim.received() == []


def test_status_of_a_created_command_is_byte_for_byte_as_documented(sim):
    sim.put_device(DEVICE, online=False)
    cmd_uuid = accepted(post(sim, timeout=60))
    answer = sim.http("GET", f"/cmds/{cmd_uuid}", headers=KEY)
    assert answer.body == (b'{"errno":0,"data":{"status":1,'
                           b'"desc":"command created"},"error":"succ"}')


def test_answer_of_the_device_comes_back_as_raw_bytes(sim):
    cmd_uuid = accepted(post(sim))
    target = f"/cmds/{cmd_uuid}/resp"
    assert status(sim, cmd_uuid) == 2
    assert code(sim.http("GET", target, headers=KEY)) == 8
    raw = bytes(range(256))
    sim.answer(DEVICE, cmd_uuid, raw)
    assert status(sim, cmd_uuid) == 4
    assert sim.http("GET", target, headers=KEY).body == raw


def test_device_with_an_answer_set_answers_by_itself_until_it_is_taken_away(
        sim):
    sim.put_device(DEVICE, answer="ok ✓")
    cmd_uuid = accepted(post(sim))
    assert status(sim, cmd_uuid) == 4
    answer = sim.http("GET", f"/cmds/{cmd_uuid}/resp", headers=KEY)
    assert answer.body.decode() == "ok ✓"
    sim.put_device(DEVICE, answer="")
    assert status(sim, accepted(post(sim))) == 2


def test_too_large_answer_of_a_device_is_status_6(sim):
    cmd_uuid = accepted(post(sim))
    sim.answer(DEVICE, cmd_uuid, b"x" * 65536)
    assert status(sim, cmd_uuid) == 6
    answer = sim.http("GET", f"/cmds/{cmd_uuid}/resp", headers=KEY)
    assert code(answer) == 8


def test_answer_timeout_is_status_5_and_final():
    with Simulator("--device", DEVICE, "--answer-timeout", "10") as sim:
        cmd_uuid = accepted(post(sim))
        sim.advance(9)
        assert status(sim, cmd_uuid) == 2
        sim.advance(1)
        assert status(sim, cmd_uuid) == 5
        with pytest.raises(RuntimeError, match="409 .*wait for an answer"):
            sim.answer(DEVICE, cmd_uuid, b"late")


NEVER_GIVEN = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


@pytest.mark.parametrize("path", [NEVER_GIVEN, NEVER_GIVEN + "/resp", "x", "",
                                  "x/resp", "x/y"])
def test_unknown_uuid_is_errno_8(sim, path):
    assert code(sim.http("GET", f"/cmds/{path}", headers=KEY)) == 8


def test_following_a_command_needs_credentials(sim):
    cmd_uuid = accepted(post(sim))
    for path in (f"/cmds/{cmd_uuid}", f"/cmds/{cmd_uuid}/resp"):
        assert code(sim.http("GET", path)) == 2
        assert code(sim.http("GET", path, headers={"api-key": "no"})) == 3


def test_a_devices_detail_tells_whether_it_is_online(sim):
    sim.put_device("a b", online=False)
    for device, online in ((DEVICE, True), ("a%20b", False)):
        answer = json.loads(sim.http("GET", f"/devices/{device}",
                                     headers=KEY).body)
        assert answer["errno"] == 0
        assert answer["data"]["online"] is online
    assert code(sim.http("GET", "/devices/nobody", headers=KEY)) == 8
    assert code(sim.http("GET", f"/devices/{DEVICE}")) == 2
    assert sim.requests() == []


def test_device_cannot_answer_another_devices_command(sim):
    sim.put_device("other")
    cmd_uuid = accepted(post(sim))
    with pytest.raises(RuntimeError, match="404 .*no such command"):
        sim.answer("other", cmd_uuid, b"mine")


# ---- what is recorded ------------------------------------------------------

def test_execution_record_says_what_the_device_got(sim):
    headers = {**KEY, "Content-Type": "text/x-test"}
    cmd_uuid = accepted(post(sim, "ein \"Ü\"\0\n".encode(), headers,
                             timeout=7, qos=1))
    [record] = sim.received(DEVICE)
    assert record.pop("at") > 1.7e9
    assert record == {
        "uuid": cmd_uuid, "device_id": DEVICE, "body": "ein \"Ü\"\0\n",
        "body_base64": base64.b64encode("ein \"Ü\"\0\n".encode()).decode(),
        "content_type": "text/x-test", "qos": 1, "timeout": 7}


@pytest.mark.parametrize("raw", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80",
                                 b"\xf4\x90\x80\x80", b"a\x80", b"\xe0\x80\x80"])
def test_body_that_is_not_utf8_is_recorded_in_base64_only(sim, raw):
    accepted(post(sim, raw))
    [record] = sim.received(DEVICE)
    assert record["body"] is None
    assert base64.b64decode(record["body_base64"]) == raw


def test_each_device_has_its_own_record(sim):
    sim.put_device("other")
    accepted(post(sim, b"a"))
    accepted(post(sim, b"b", device_id="other"))
    assert (sim.bodies(), sim.bodies("other")) == (["a"], ["b"])
    assert [r["device_id"] for r in sim.received()] == [DEVICE, "other"]


def test_request_is_recorded_as_it_arrived_with_its_key_masked(sim):
    answer = post(sim, b"on", {"X-Odd": "a  b", **KEY}, timeout=5)
    [request] = sim.requests()
    assert request["method"] == "POST"
    assert request["url"] == f"/cmds?device_id={DEVICE}&timeout=5"
    assert ["X-Odd", "a  b"] in request["headers"]
    assert ["api-key", "*" * 24 + API_KEY[-4:]] in request["headers"]
    names = [name for name, _ in request["headers"]]
    assert names.index("X-Odd") < names.index("api-key")
    assert (request["body"], request["status"], request["executed"]) == (
        "on", 200, True)
    assert request["answer"].encode() == answer.body
    assert request["ending"] == "answered"


def test_no_part_of_the_simulator_shows_a_whole_credential(token_sim):
    post(token_sim)
    post(token_sim, headers={"Authorization": token()})
    shown = "".join(token_sim.http("GET", f"/sim/{path}").body.decode()
                    for path in ("requests", "received", "stats", "faults"))
    assert API_KEY not in shown
    assert VECTORS["sha256"][:-4] not in shown
    assert "*" in shown


def test_clear_forgets_records_and_keeps_totals(sim):
    post(sim)
    sim.clear()
    assert (sim.requests(), sim.received()) == ([], [])
    stats = sim.stats()
    assert (stats["requests"], stats["executed"]) == (1, 1)
    post(sim)
    assert (len(sim.requests()), len(sim.received())) == (1, 1)


def test_keep_limits_what_is_remembered_oldest_first():
    with Simulator("--device", DEVICE, "--keep", "3") as sim:
        uuids = [accepted(post(sim, str(i).encode())) for i in range(5)]
        assert sim.bodies() == ["2", "3", "4"]
        assert [r["body"] for r in sim.requests()] == ["2", "3", "4"]
        answers = [code(sim.http("GET", f"/cmds/{u}", headers=KEY))
                   for u in uuids]
        assert answers == [8, 8, 0, 0, 0]
        assert sim.stats()["executed"] == 5


def test_too_many_waiting_commands_are_errno_13():
    with Simulator("--device", DEVICE, "--keep", "2") as sim:
        sim.put_device(DEVICE, online=False)
        assert [code(post(sim, timeout=t)) for t in (5, 60, 60)] == [0, 0, 13]
        sim.advance(5)  # the first ran out, so there is room
        assert code(post(sim, timeout=60)) == 0


def test_execution_log_has_the_line_when_the_answer_comes(tmp_path):
    log = tmp_path / "executions"
    with Simulator("--device", DEVICE, "--execution-log", log) as sim:
        for i in range(20):
            cmd_uuid = accepted(post(sim, str(i).encode()))
            last = json.loads(log.read_text().splitlines()[-1])
            assert (last["uuid"], last["body"]) == (cmd_uuid, str(i))
        assert sim.stop(kill=True) == -signal.SIGKILL
    assert len(log.read_text().splitlines()) == 20


def test_execution_log_is_appended_to_by_the_next_process(tmp_path):
    log = tmp_path / "executions"
    for body in (b"first", b"second"):
        with Simulator("--device", DEVICE, "--execution-log", log) as sim:
            accepted(post(sim, body))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["body"] for line in lines] == ["first", "second"]


def test_execution_log_has_no_line_for_what_was_not_executed(tmp_path):
    log = tmp_path / "executions"
    with Simulator("--device", DEVICE, "--execution-log", log) as sim:
        sim.put_device(DEVICE, online=False)
        post(sim)
        post(sim, timeout=5)
        post(sim, headers={})
        assert log.read_text() == ""


# ---- connections -----------------------------------------------------------

def test_connection_is_kept_for_further_requests(sim):
    connection = sim.connect()
    before = sim.stats()["connections"]
    for _ in range(5):
        assert post(sim, connection=connection)[0] == 200
    connection.close()
    # The five came on one connection, and stats asks on one of its own each.
    assert sim.stats()["connections"] == before + 2


def test_expect_100_continue_is_granted(sim):
    with socket.create_connection(("127.0.0.1", sim.port), 10) as connection:
        connection.sendall(
            f"POST /cmds?device_id={DEVICE} HTTP/1.1\r\nHost: sim\r\n"
            f"api-key: {API_KEY}\r\nExpect: 100-continue\r\n"
            "Content-Length: 2\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"on")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_two_hundred_connections_at_once_are_all_answered(sim):
    sim.fault(delay_ms=50, count=200)
    connections = [begin(sim, str(i)) for i in range(200)]
    for connection in connections:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        connection.close()
    assert sorted(sim.bodies(), key=int) == [str(i) for i in range(200)]


@pytest.mark.parametrize("raw", [
    b"GARBAGE\r\n\r\n", b"\0" * 100, b"POST /cmds HTTP/1.1\r\n",
    b"POST /cmds HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nabc",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    ids=["garbage", "zeros", "half a head", "half a body", "long target"])
def test_broken_request_leaves_the_simulator_working(sim, raw):
    with socket.create_connection(("127.0.0.1", sim.port), 10) as connection:
        connection.sendall(raw)
    accepted(post(sim))
    assert sim.bodies() == ["on"]
    assert sim.stop() == 0
    assert sim.errors == ""


def test_listens_on_one_loopback_address_only(sim):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", sim.port), 10)


def run(*args):
    return subprocess.run([find_binary(), *args], capture_output=True,
                          text=True, timeout=10, check=False)


def openssl(directory, *args):
    subprocess.run(["openssl", *args], cwd=directory, check=True, timeout=60,
                   capture_output=True)


@pytest.fixture(name="certs", scope="module")
def certificates(tmp_path_factory):
    """A directory with a self-signed server and client certificate."""
    directory = tmp_path_factory.mktemp("certs")
    for name in ("server", "client"):
        openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj",
                f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
    return directory


def test_https_serves_the_same(certs):
    trusting = ssl.create_default_context(cafile=str(certs / "server.pem"))
    with Simulator("--device", DEVICE, "--tls-cert", certs / "server.pem",
                   "--tls-key", certs / "server.key",
                   ssl_context=trusting) as sim:
        assert sim.url == f"https://127.0.0.1:{sim.port}"
        accepted(post(sim, b"x" * 60000))
        sim.fault(delay_ms=50)
        accepted(post(sim))
        assert len(sim.received()) == 2


def test_https_with_a_client_ca_refuses_clients_without_a_certificate(certs):
    stranger = ssl.create_default_context(cafile=str(certs / "server.pem"))
    known = ssl.create_default_context(cafile=str(certs / "server.pem"))
    known.load_cert_chain(certs / "client.pem", certs / "client.key")
    wrong = ssl.create_default_context(cafile=str(certs / "server.pem"))
    wrong.load_cert_chain(certs / "server.pem", certs / "server.key")
    with Simulator("--device", DEVICE, "--tls-cert", certs / "server.pem",
                   "--tls-key", certs / "server.key", "--tls-client-ca",
                   certs / "client.pem", ssl_context=known) as sim:
        accepted(post(sim, b"known"))
        for context in (stranger, wrong):
            sim.ssl_context = context
            with pytest.raises(OSError):
                post(sim, b"stranger")
        sim.ssl_context = known
        assert sim.bodies() == ["known"]


# ---- options and life ------------------------------------------------------

def test_port_file_has_the_port_when_the_simulator_is_ready(tmp_path):
    with Simulator("--port-file", tmp_path / "port") as sim:
        assert (tmp_path / "port").read_text() == f"{sim.port}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_status_0(number):
    sim = Simulator().start()
    os.kill(sim.pid, number)
    wait_until(lambda: open(f"/proc/{sim.pid}/stat").read().split()[2] == "Z")
    assert sim.stop() == 0


def test_port_can_be_used_again_at_once():
    with Simulator("--device", DEVICE) as sim:
        with begin(sim) as connection:
            connection.recv(1000)
            sim.stop()
        again = Simulator("--port", sim.port).start()
    assert again.stop() == 0


def test_port_in_use_is_told_and_ends_with_status_1(sim):
    result = run("--port", str(sim.port))
    assert result.returncode == 1
    assert f"127.0.0.1 port {sim.port}: Address already in use" in result.stderr


def test_help_names_every_option_and_the_default_key():
    result = run("--help")
    assert result.returncode == 0
    for word in ("--port", "--port-file", "--device", "--auto-create",
                 "--api-key", "--access-key", "--auth-status",
                 "--documented-order", "--rate", "--answer-timeout",
                 "--execution-log", "--keep", "--clock", "--tls-cert",
                 "--tls-key", "--tls-client-ca", API_KEY):
        assert word in result.stdout
    assert run("--version").stdout.startswith("onenet-sim ")


@pytest.mark.parametrize("args, words", [
    (["--port", "65536"], ["--port", "'65536'", "0 to 65535"]),
    (["--port", "x"], ["--port", "'x'", "0 to 65535"]),
    (["--port", "-1"], ["--port", "'-1'", "0 to 65535"]),
    (["--port", ""], ["--port", "''"]),
    (["--port"], ["--port", "needs a value"]),
    (["--rate", "1.5"], ["--rate", "'1.5'", "integer"]),
    (["--keep", "0"], ["--keep", "'0'", "1 to"]),
    (["--auth-status", "500"], ["--auth-status", "'500'", "401"]),
    (["--answer-timeout", "-1"], ["--answer-timeout", "'-1'"]),
    (["--access-key", "***"], ["--access-key", "base64"]),
    (["--access-key", "abc"], ["--access-key", "base64"]),
    (["--access-key", " YWJj"], ["--access-key", "base64"]),
    (["--api-key", "a b"], ["--api-key", "visible ASCII"]),
    (["--device", ""], ["--device", "not empty"]),
    (["--bogus"], ["--bogus", "unknown option"]),
    (["--help=1"], ["--help"]),
    (["extra"], ["'extra'", "no arguments"]),
    (["--tls-cert", "x"], ["--tls-cert", "--tls-key"]),
    (["--tls-client-ca", "x"], ["--tls-client-ca"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) else value)
def test_wrong_option_is_named_in_one_line_with_status_2(args, words):
    result = run(*args)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("args", [
    ["--execution-log", "/nowhere/log"], ["--port-file", "/nowhere/port"],
    ["--tls-cert", "/nowhere/cert", "--tls-key", "/nowhere/key"],
    ["--tls-cert", "/dev/null", "--tls-key", "/dev/null"]],
    ids=" ".join)
def test_file_that_cannot_be_used_is_named_with_status_1(args):
    result = run(*args)
    assert (result.returncode, result.stdout) == (1, "")
    assert args[1] in result.stderr
