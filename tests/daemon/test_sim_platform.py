# SPDX-License-Identifier: MIT
"""The simulator's calls of OneNET's current platform: it is tested first."""

import base64
import json
import time
import urllib.parse

import pytest

from sim_calls import ACCESS_KEY, PRODUCT, token
from simulator import API_KEY, Simulator

NOW = 1893456000
PATHS = {"set-device-property": "/thingmodel/set-device-property",
         "call-service": "/thingmodel/call-service",
         "synccmds": "/datapoint/synccmds"}
THINGS = ["set-device-property", "call-service"]


class Caller:
    """A client of one call."""

    def __init__(self, sim, api):
        self.sim, self.api = sim, api
        self.failure = {"set-device-property": 10411, "call-service": 10415,
                        "synccmds": 10500}[api]

    def token(self, **changes):
        return token(**{"et": NOW + 60, "res": f"products/{PRODUCT}",
                        "version": "2022-05-01", **changes})

    def send(self, body=None, header=None, **changes):
        """Calls; returns an Answer. A None in the changes leaves out."""
        headers = {"Authorization": header or self.token()}
        target = PATHS[self.api]
        if self.api == "synccmds":
            query = {"product_id": PRODUCT, "device_name": "fan", "timeout": 10,
                     **changes}
            target += "?" + urllib.parse.urlencode(
                {k: v for k, v in query.items() if v is not None})
            body = body or "on"
        else:
            headers["Content-Type"] = changes.pop("content_type",
                                                  "application/json")
            content = {"product_id": PRODUCT, "device_name": "fan",
                       "identifier": "reboot", "params": {"power": True},
                       **changes}
            body = body or json.dumps(
                {k: v for k, v in content.items() if v is not None})
        return self.sim.http("POST", target, body, headers)

    def ask(self, **changes):
        answer = self.send(**changes)
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"] == "application/json"
        return json.loads(answer.body)

    def reason(self, **changes):
        """Returns code and reason of a failure."""
        answer = self.ask(**changes)
        assert "data" not in answer
        return answer["code"], answer["msg"].partition(":")[2]


@pytest.fixture(name="call", params=PATHS)
def caller(request):
    options = ["--data-stream"] if request.param == "synccmds" else []
    with Simulator("--device", "fan", "--access-key", ACCESS_KEY, "--clock", NOW,
                   *options) as sim:
        yield Caller(sim, request.param)


@pytest.fixture(name="thing", params=THINGS)
def thing_caller(request):
    with Simulator("--device", "fan", "--access-key", ACCESS_KEY, "--clock",
                   NOW) as sim:
        yield Caller(sim, request.param)


# ---- success ----

def test_what_an_online_device_receives_and_replies(call):
    call.sim.put_device("fan", answer="done")
    answer = call.ask()
    assert list(answer) == ["code", "msg", "data", "request_id"]
    assert (answer["code"], answer["msg"]) == (0, "succ")
    assert len(answer["request_id"]) == 32
    received, = call.sim.received("fan")
    if call.api == "set-device-property":
        assert answer["data"]["code"] == 200
        assert answer["data"]["msg"] == "done"
    elif call.api == "call-service":
        assert answer["data"] == {"result": "done"}
    else:
        assert base64.b64decode(answer["data"]["cmd_resp"]) == b"done"
        assert answer["data"]["cmd_uuid"] == received["uuid"]
    assert received["body"] == ("on" if call.api == "synccmds"
                                else '{"power": true}')
    request, = call.sim.requests()
    assert request["executed"]
    assert dict(request["headers"])["Authorization"].count("*") > 0


def test_a_devices_detail_tells_whether_it_is_online(thing):
    def ask(name="fan", product=PRODUCT, authorization=None):
        query = urllib.parse.urlencode({"product_id": product,
                                        "device_name": name})
        return json.loads(thing.sim.http(
            "GET", f"/device/detail?{query}",
            headers={"Authorization": authorization or thing.token()}).body)

    assert ask()["data"]["status"] == 1
    thing.sim.put_device("fan", online=False)
    assert ask()["data"]["status"] == 0
    assert ask("nobody")["code"] == 10410
    assert ask(product="Other12345")["code"] == 10408
    assert ask(authorization="none")["code"] == 10403
    assert thing.sim.requests() == []


def test_outputs_of_a_service_are_json(thing):
    thing.sim.put_device("fan", answer='{"result1":"1"}')
    if thing.api == "call-service":
        assert thing.ask()["data"] == {"result1": "1"}
        thing.sim.put_device("fan", answer="")
        assert thing.ask()["data"] == {}


@pytest.mark.parametrize("code_last, data, request_id, keys", [
    (0, "there", 1, ["code", "msg", "data", "request_id"]),
    (1, "there", 1, ["data", "msg", "code", "request_id"]),
    (1, "absent", 0, ["msg", "code"]),
    (0, "null", 0, ["code", "msg", "data"]),
])
def test_the_envelope_can_be_altered(call, code_last, data, request_id, keys):
    call.sim.envelope(code_last=code_last, data=data, request_id=request_id)
    answer = call.ask()
    assert list(answer) == keys
    assert answer["code"] == 0
    if data == "null":
        assert answer["data"] is None


def test_a_device_that_refuses_replies_another_code(thing):
    thing.sim.put_device("fan", reply_code=500, answer="too hot")
    data = thing.ask()["data"]
    if thing.api == "call-service":
        assert data == {"result": "too hot"}
    else:
        assert (data["code"], data["msg"]) == (500, "too hot")
    assert len(thing.sim.received("fan")) == 1


# ---- the device ----

def test_a_device_that_is_offline_or_unknown_gets_nothing(call):
    call.sim.put_device("fan", online=False)
    wanted = 10421 if call.api == "synccmds" else call.failure
    assert call.reason() == (wanted, "设备不在线")
    assert call.reason(device_name="other")[0] == 10410
    assert call.sim.received() == []
    assert [r["executed"] for r in call.sim.requests()] == [False, False]


def test_a_silent_device_has_done_it_all_the_same(call):
    call.sim.put_device("fan", silent=True, wait_ms=300)
    begun = time.monotonic()
    assert call.reason() == (call.failure, "设备响应超时")
    assert 0.3 <= time.monotonic() - begun < 5
    assert len(call.sim.received("fan")) == 1


def test_the_failure_of_a_device_is_told_in_its_words(call):
    for text in ("identifier: X, error: identifier not exist", "required value"):
        call.sim.put_device("fan", failure=text)
        assert call.reason() == (call.failure, text)
    call.sim.put_device("fan", failure="")
    assert call.ask()["code"] == 0


def test_values_that_are_not_bare_are_refused(thing):
    for value in ({"value": True}, [1]):
        assert thing.reason(params={"LED": value}) == (
            thing.failure, "identifier: LED, error: bool type error")
    assert thing.ask(params={})["code"] == 0


# ---- the request ----

def test_the_wrong_kind_of_product_fails_always(call):
    other = "call-service" if call.api == "synccmds" else "synccmds"
    assert Caller(call.sim, other).reason() == (10500, "device not subscribed")
    assert call.sim.received() == []


@pytest.mark.parametrize("changes", [
    {"product_id": None}, {"device_name": None}, {"params": None},
    {"params": [1]}, {"params": "on"}, {"body": "on"}, {"body": '{"a":1'},
    {"body": '{"a":1}x'}, {"content_type": "text/plain"}])
def test_a_request_that_is_not_whole_is_a_parameter_error(thing, changes):
    assert thing.reason(**changes)[0] == 10001


@pytest.mark.parametrize("changes", [
    {"product_id": None}, {"device_name": None}, {"timeout": None},
    {"timeout": 4}, {"timeout": 31}, {"timeout": "x"}, {"body": "x" * 20481}])
def test_a_synchronous_command_has_its_limits(changes):
    with Simulator("--device", "fan", "--access-key", ACCESS_KEY, "--clock", NOW,
                   "--data-stream") as sim:
        assert Caller(sim, "synccmds").reason(**changes)[0] == 10001
        assert Caller(sim, "synccmds").ask(body="x" * 20480)["code"] == 0


def test_a_service_needs_its_identifier(thing):
    wanted = 10001 if thing.api == "call-service" else 0
    assert thing.ask(identifier=None)["code"] == wanted


def test_another_product_and_another_path_are_not_known(call):
    assert call.reason(product_id="Other")[0] == 10408
    assert call.sim.http("POST", "/thingmodel/other", "{}").status == 404
    assert call.sim.http("GET", PATHS[call.api]).status == 405


@pytest.mark.parametrize("changes", [
    {"key": base64.b64encode(b"another key").decode()}, {"version": "2023-01-01"},
    {"res": "products/other"}, {"res": PRODUCT}, {"et": ""}])
def test_a_token_that_is_wrong_is_an_invalid_authorization(call, changes):
    assert call.reason(header=call.token(**changes)) == (
        10403, "invalid authorization")
    answer = call.sim.http("POST", PATHS[call.api], "{}", {"api-key": API_KEY})
    assert json.loads(answer.body)["code"] == 10403


@pytest.mark.parametrize("changes", [
    {"version": "2018-10-31"}, {"version": "2020-05-29"}, {"method": "md5"},
    {"res": "userid/123456"}, {"res": "projects/7"},
    {"et": NOW + 10 * 365 * 86400}])
def test_a_token_may_be_of_several_kinds(call, changes):
    assert call.ask(header=call.token(**changes))["code"] == 0


def test_a_token_may_be_too_old_and_too_long(call):
    code, reason = call.reason(header=call.token(et=NOW - 100))
    assert code == 10403
    assert reason.startswith(f"request has expired:expire={NOW - 100},now={NOW}"[:-2])
    assert call.reason(header=call.token(et=NOW + 11 * 365 * 86400)) == (
        10403, "token expire is too long,max expire limit 10 years")


def test_faults_find_their_device(call):
    call.sim.fault(device_id="other", status=502)
    call.sim.fault("<html>", device_id="fan", status=502)
    answer = call.send()
    assert (answer.status, answer.body) == (502, b"<html>")
    assert call.sim.received() == []
    assert call.ask()["code"] == 0
