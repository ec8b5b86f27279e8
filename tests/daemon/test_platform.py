# SPDX-License-Identifier: MIT
"""Commands for devices of OneNET's current platform, by each of its calls."""

import base64
import json
import re
import time

import pytest

from conftest import Setup
from sim_calls import ACCESS_KEY, PRODUCT
from simulator import Simulator, wait_until

PATHS = {"set-device-property": "/thingmodel/set-device-property",
         "call-service": "/thingmodel/call-service",
         "synccmds": "/datapoint/synccmds"}
APIS = list(PATHS)
THINGS = APIS[:2]
FAILURES = {"set-device-property": 10411, "call-service": 10415,
            "synccmds": 10500}
VENT = "vent 1"


class Platform(Setup):
    """A setup with a device of the current platform that one call commands."""

    def __init__(self, folder, sim, api):
        super().__init__(folder, sim)
        self.api = api
        self.key_file.write_text(ACCESS_KEY + "\n")

    def endpoint(self, url=None, more=""):
        path = PATHS[self.api]
        return (f'<Endpoint "cloud">\n  API "{self.api}"\n'
                f'  URL "{url or self.sim.url + path}"\n'
                f'  ProductID "{PRODUCT}"\n  AccessKeyFile "{self.key_file}"\n'
                f'  Resource "products/{PRODUCT}"\n{more}\n</Endpoint>\n')

    def fan(self, more="Timeout 3600"):
        return f'<Device "fan">\n  DeviceID "{VENT}"\n  {more}\n</Device>\n'

    def rule(self, more="", name="overheat"):
        service = 'Service "power"\n' if self.api == "call-service" else ""
        bodies = (r'OnFailure "{\"on\":true}"' "\n" r'OnOkay "{\"on\":false}"'
                  "\n") if "On" not in more.replace("OnUnknown", "") else ""
        return super().rule(f"{service}{bodies}{more}", name)

    def row(self, columns):
        """Returns what the ledger has of the newest command."""
        return self.query(f"SELECT {columns} FROM commands ORDER BY id DESC")[0]

    def wait_for_row(self, columns, wanted):
        def look():
            rows = self.query(f"SELECT {columns} FROM commands ORDER BY id DESC")
            return rows and rows[0] == wanted
        try:
            wait_until(look, 20)
        except AssertionError:
            assert self.row(columns) == wanted

    def wait_for_log(self, pattern):
        return wait_until(lambda: re.search(pattern, self.daemon.log()), 20,
                          pattern)

    def bodies(self):
        return self.sim.bodies(VENT)


@pytest.fixture(name="start")
def starter(folder):
    """Returns a function of an API, of options of the simulator, and of what
    goes into the rule, the device and the endpoint."""
    made = []

    def start(api, *options, rule="", device="Timeout 3600", endpoint="",
              plugin=""):
        if api == "synccmds":
            options = ("--data-stream", *options)
        sim = Simulator("--device", VENT, "--access-key", ACCESS_KEY, *options)
        sim.start()
        setup = Platform(folder, sim, api)
        made.append(setup)
        setup.start(setup.endpoint(more=endpoint) + setup.fan(device)
                    + setup.rule(rule) + plugin)
        return setup

    yield start
    for setup in made:
        if setup.daemon is not None and setup.daemon.is_running():
            setup.daemon.stop()
        setup.sim.stop()


# ---- accepted ----

@pytest.mark.parametrize("api", APIS)
def test_an_acceptance_is_the_devices_own_answer(start, api):
    setup = start(api, plugin="NotifyOutcomes all\nCommandSeries true\n")
    setup.sim.put_device(VENT, answer='it is\non', wait_ms=300)
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    request, = setup.sim.requests()
    headers = {name.lower(): value for name, value in request["headers"]}
    assert "api-key" not in headers and "authorization" in headers
    if api == "synccmds":
        assert request["url"] == (f"{PATHS[api]}?product_id={PRODUCT}"
                                  "&device_name=vent%201&timeout=10")
        assert request["body"] == '{"on":true}'
        reply = "it is on"
        uuid = json.loads(request["answer"])["data"]["cmd_uuid"]
    else:
        assert request["url"] == PATHS[api]
        assert headers["content-type"] == "application/json"
        service = {"identifier": "power"} if api == "call-service" else {}
        assert json.loads(request["body"]) == {
            "product_id": PRODUCT, "device_name": VENT, "params": {"on": True},
            **service}
        answer = json.loads(request["answer"])
        uuid = answer["request_id"]
        reply = json.dumps(answer["data"], separators=(",", ":"))
    assert setup.bodies() == ['{"on":true}']
    assert setup.row("outcome, errno, cmd_uuid, reply, error") == (
        "accepted", 0, uuid, reply, "succ")
    assert setup.query("SELECT cmd_uuid, reply FROM recent") == [
        (uuid, reply[:40])]
    assert setup.daemon.log().count(f"cmd_uuid {uuid}, attempts 1, reply {reply}")
    setup.wait_for_metric("onenet-fan/commands-answered", 1)
    setup.wait_for_metric("onenet-fan/commands-delivered", 1)
    setup.wait_for_metric(f"onenet-fan/gauge-{uuid}", 4)
    setup.wait_for_log("command overheat for device fan .* accepted: cmd_uuid")


def test_the_latency_of_an_answer_is_that_of_its_device(start):
    setup = start("set-device-property", plugin="")
    setup.sim.put_device(VENT, wait_ms=700)
    setup.notify()

    def latency():
        value = setup.metric("onenet-fan/latency-answer-average")
        return value if value == value else None
    assert 0.7 <= wait_until(latency, 20, "the latency") < 10


@pytest.mark.parametrize("shift", range(3))
def test_a_long_answer_is_shortened_in_the_log(start, shift):
    setup = start("synccmds", rule='OnFailure "on"\n')
    answer = "a" * shift + "\u8bbe" * 400
    setup.sim.put_device(VENT, answer=answer)
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.wait_for_log(r"attempts 1, reply \(shortened\) a*\u8bbe{200,}\n")
    (reply,), = setup.query("SELECT reply FROM commands")
    assert reply == answer.encode()[:1024].decode(errors="ignore")


# ---- offline ----

@pytest.mark.parametrize("api", APIS)
def test_a_device_that_is_offline_gets_the_newest_state_once(start, api):
    setup = start(api)
    setup.sim.put_device(VENT, online=False)
    setup.notify()
    wait_until(lambda: len(setup.sim.requests()) >= 2, 20, "another attempt")
    setup.notify("okay")
    setup.notify()
    setup.notify("okay", message="again")
    assert setup.metric("onenet-fan/commands-accepted") == 0
    setup.sim.put_device(VENT, online=True)
    wait_until(lambda: setup.bodies() == ['{"on":false}'], 40, "the last state")
    wait_until(lambda: setup.row("outcome") == ("accepted",), 20)
    setup.wait_for_log(r"the next attempt is in \d+ s \(Timeout\)")
    assert setup.bodies() == ['{"on":false}']


@pytest.mark.parametrize("api", APIS)
def test_what_is_kept_for_a_device_has_its_end(start, api):
    setup = start(api, device="Timeout 2")
    setup.sim.put_device(VENT, online=False)
    setup.notify()
    setup.wait_for_outcomes(created=1, expired=1)
    setup.sim.put_device(VENT, online=True)
    assert setup.bodies() == []


@pytest.mark.parametrize("api", APIS)
def test_without_a_timeout_nothing_is_kept_for_a_device(start, api):
    setup = start(api, device="")
    setup.sim.put_device(VENT, online=False)
    setup.notify()
    setup.wait_for_outcomes(created=1, refused=1)
    code = 10421 if api == "synccmds" else FAILURES[api]
    assert setup.row("errno, cause, class") == (code, f"errno_{code}", "offline")


# ---- in doubt ----

@pytest.mark.parametrize("api", APIS)
def test_a_device_that_is_silent_may_have_acted(start, api):
    setup = start(api)
    setup.sim.put_device(VENT, silent=True, wait_ms=100)
    setup.notify()
    setup.wait_for_outcomes(created=1, unknown=1)
    code = FAILURES[api]
    assert setup.row("errno, cause, class, reply") == (
        code, f"errno_{code}", "doubtful", None)
    assert setup.bodies() == ['{"on":true}']
    setup.wait_for_log("does the device's program reply")


def test_what_may_run_twice_is_sent_until_the_device_answers(start):
    setup = start("set-device-property", rule="OnUnknown retry\n")
    setup.sim.put_device(VENT, silent=True, wait_ms=100)
    setup.notify()
    wait_until(lambda: setup.bodies() == ['{"on":true}'], 20, "the first")
    setup.sim.put_device(VENT, silent=False)
    setup.wait_for_outcomes(created=1, accepted=1)
    assert len(setup.bodies()) >= 2


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault, wanted", [
    ({"close": "after"}, ("unknown", "curl_52", 1)),
    ({"body": "<html>Bad Gateway</html>", "status": 502, "execute": 1},
     ("unknown", "http_502", 1)),
    ({"body": '{"code":0,"data":{', "execute": 1}, ("unknown", "unreadable", 1)),
    ({"status": 200, "execute": 1}, ("unknown", "unreadable", 1)),
    ({"status": 404, "body": '{"status":404,"error":"Not Found"}'},
     ("refused", "http_404", 0)),
])
def test_each_odd_end_of_a_call_has_its_fate(start, api, fault, wanted):
    setup = start(api)
    setup.sim.fault(**fault)
    setup.notify()
    outcome, cause, executed = wanted
    setup.wait_for_row("outcome, cause", (outcome, cause))
    assert len(setup.bodies()) == executed
    assert len(setup.sim.requests()) == 1


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault", [
    {"status": 429, "body": "<html>slow down</html>"},
    {"body": '{"code":500,"msg":"x:调用限流"}'.encode()},
])
def test_too_many_calls_are_tried_again(start, api, fault):
    setup = start(api)
    setup.sim.fault(**fault)
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.bodies() == ['{"on":true}']
    assert setup.row("attempts") == (2,)


def test_a_slow_first_byte_is_waited_for(start):
    setup = start("call-service", endpoint="RequestTimeout 15\n")
    setup.sim.fault(delay_ms=3000)
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)


def test_a_fault_of_the_platform_is_told_of_the_endpoint(start):
    setup = start("synccmds", endpoint="BreakerThreshold 2\n",
                  rule='OnFailure "on"\nCombine none\n', device="Timeout 0")
    setup.sim.put_device(VENT, failure="internal error")
    for i in range(2):
        setup.notify(host=f"h{i}", at=time.time() + i)
    setup.wait_for_log('endpoint "cloud": an attempt failed: errno 10500, '
                       '"[^"]*internal error": OneNET, or a gateway before it')
    setup.wait_for_log("the circuit is open, since several attempts in a row "
                       "failed, the last with: errno 10500, \"[^\"]*internal")
    assert 'device "fan" (vent 1): errno' not in setup.daemon.log()


def test_a_reply_of_an_earlier_attempt_is_not_that_of_the_last(start):
    setup = start("set-device-property", rule="OnUnknown retry\n")
    setup.sim.put_device(VENT, failure="required value")
    setup.sim.fault(body='{"code":0,"data":{"code":"x"}}', execute=1)
    setup.notify()
    setup.wait_for_row("outcome, attempts, cause, reply",
                       ("unknown", 2, "errno_10411", None))
    setup.wait_for_log("the device's reply can not be understood")


# ---- refused ----

def test_a_device_that_says_no_is_told_with_its_words(start):
    setup = start("set-device-property")
    setup.sim.put_device(VENT, reply_code=500, answer="too hot")
    setup.notify()
    setup.wait_for_outcomes(created=1, refused=1)
    outcome, errno, cause, error, reply, uuid = setup.row(
        "outcome, errno, cause, error, reply, cmd_uuid")
    request, = setup.sim.requests()
    assert (outcome, errno, cause, error, uuid) == (
        "refused", 0, "reply_500", "too hot",
        json.loads(request["answer"])["request_id"])
    assert json.loads(reply)["code"] == 500
    setup.wait_for_log("the device replied with code 500, \"too hot\": "
                       "the device itself says no")
    setup.wait_for_log(r"command overheat for device fan \(vent 1\) refused: "
                       "reply_500: too hot")
    setup.wait_for_metric("onenet-fan/errors-reply_500", 1)


def test_a_service_may_call_its_outputs_code_and_msg(start):
    setup = start("call-service")
    setup.sim.put_device(VENT, answer='{"code":0,"msg":"ok"}')
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.row("cause, reply") == (None, '{"code":0,"msg":"ok"}')


def test_a_device_that_says_no_may_have_done_a_part(start):
    setup = start("set-device-property")
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.notify("okay")
    setup.wait_for_outcomes(created=2, accepted=2)
    setup.sim.put_device(VENT, reply_code=500)
    setup.notify(at=time.time() + 1)
    setup.wait_for_outcomes(created=3, accepted=2, refused=1)
    setup.sim.put_device(VENT, reply_code=0)
    setup.notify("okay", at=time.time() + 2)
    setup.wait_for_outcomes(created=4, accepted=3, refused=1)
    assert setup.bodies()[-1] == '{"on":false}'


@pytest.mark.parametrize("api", THINGS)
@pytest.mark.parametrize("reason", ["identifier: on, error: bool type error",
                                    "required value"])
def test_a_body_that_does_not_fit_the_product_is_refused(start, api, reason):
    setup = start(api)
    setup.sim.put_device(VENT, failure=reason)
    setup.notify()
    code = FAILURES[api]
    setup.wait_for_row("outcome, cause", ("refused", f"errno_{code}"))
    setup.wait_for_log(reason)


def test_the_wrong_call_for_a_product_is_told(start):
    setup = start("set-device-property", "--data-stream")
    setup.notify()
    setup.wait_for_row("outcome, cause", ("refused", "errno_10500"))
    setup.wait_for_log("API must fit the product")


@pytest.mark.parametrize("api", THINGS)
def test_a_body_that_turns_out_to_be_no_object_is_not_sent(start, api):
    setup = start(api, rule='OnFailure "%{message}"\n')
    setup.notify(message="hot")
    setup.wait_for_row("outcome, cause", ("refused", "local"))
    assert setup.row("error")[0].startswith(
        "body: must be a JSON object, {...}: not JSON")
    assert setup.sim.requests() == []
    setup.wait_for_metric("onenet-cloud/bool-circuit_open", 0)
    setup.notify(message=r"{\"on\":true}", at=time.time() + 1)
    setup.wait_for_row("outcome", ("accepted",))


# ---- credentials ----

@pytest.mark.parametrize("api", APIS)
def test_an_expired_token_tells_how_far_the_clock_is_off(start, api):
    setup = start(api, "--clock", int(time.time()) + 7200)
    setup.notify()
    found = setup.wait_for_log(r"by OneNET's clock the token ended (\d+) s ago, "
                               r"and this machine's clock is (\d+) s behind")
    assert 3590 <= int(found[1]) <= 3630
    assert 7190 <= int(found[2]) <= 7230
    setup.wait_for_row("state, cause", ("waiting", "errno_10403"))


@pytest.mark.parametrize("api", APIS)
def test_a_token_that_is_too_long_tells_of_the_clock(start, api):
    setup = start(api, "--clock", int(time.time()) - 11 * 365 * 86400)
    setup.notify()
    setup.wait_for_log("max expire limit 10 years.*this machine's clock is far "
                       "ahead")


@pytest.mark.parametrize("api", APIS)
def test_a_wrong_key_is_replaced_while_the_command_waits(start, api):
    setup = start(api)
    setup.key_file.write_text(base64.b64encode(b"another key").decode() + "\n")
    setup.notify()
    setup.wait_for_log("invalid authorization.*must be the one of Resource "
                       f'"products/{PRODUCT}"')
    setup.key_file.write_text(ACCESS_KEY + "\n")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.bodies() == ['{"on":true}']


# ---- dry runs, and checks ----

def test_a_dry_run_shows_what_would_be_sent(start):
    setup = start("call-service", plugin="DryRun true\n")
    setup.notify()
    setup.wait_for_log(r"dry run: POST .*/thingmodel/call-service\n")
    log = setup.daemon.log()
    assert "dry run: Authorization: ***" in log
    assert "dry run: Content-Type: application/json" in log
    assert r"\"identifier\":\"power\",\"params\":{\"on\":true}}" in log
    assert setup.sim.requests() == []


def test_one_rule_commands_a_device_of_each_generation(start, folder):
    with Simulator("--device", "8") as old:
        key = folder / "old.key"
        key.write_text("Demo0nlyKey=NotASecret00000=\n")
        key.chmod(0o600)
        setup = start("set-device-property", device='Endpoint "cloud"',
                      rule='Device "lamp"\nFormat json\n',
                      plugin=f'<Endpoint "old">\nURL "{old.url}/cmds"\n'
                             f'APIKeyFile "{key}"\n</Endpoint>\n'
                             '<Device "lamp">\nDeviceID "8"\nEndpoint "old"\n'
                             "</Device>\n")
        setup.notify()
        wait_until(lambda: setup.bodies() == old.bodies("8") == ['{"on":true}'],
                   20, "both")
        setup.daemon.stop()
