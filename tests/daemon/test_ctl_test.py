# SPDX-License-Identifier: MIT
"""onenetctl test: what it says of a way that is right, and of each that is not; and
that nothing it asks has an effect. No collectd runs."""

import http.server
import json
import shutil
import socket
import ssl
import time

import pytest

from collectd import Collectd, free_port
from conftest import LocalServer, Setup
from ctl import GROUP, NOBODY, TOOL, Ctl, is_root
from sim_calls import ACCESS_KEY, PRODUCT
from simulator import FAN_ID, Simulator

QUICK = "ConnectTimeout 1\nRequestTimeout 1"
UNVERIFIED = ssl._create_unverified_context()


class Way(Setup):
    """A configuration, and onenetctl for it."""

    def __init__(self, folder, sim=None):
        super().__init__(folder, sim)
        self.ctl = Ctl(folder)

    def steps(self, name="fan", status=0, **parts):
        """Returns {step: (result, what, advice)} of the way to that device or
        endpoint; parts: of block()."""
        Collectd(self.folder, self.block(**parts))
        done = self.ctl("--json", "test", name)
        assert done.returncode == status, done
        assert done.stderr == ""
        return {row["step"]: (row["result"], row["what"], row["advice"])
                for row in json.loads(done.stdout)}

    def fails_at(self, step, what, advice, name="fan", **parts):
        """The way ends at that step, which is told with these words."""
        steps = self.steps(name, status=1, **parts)
        wrong = {key: rest for key, rest in steps.items() if rest[0] == "wrong"}
        assert list(wrong) == [step], steps
        assert what in wrong[step][1], wrong
        assert advice in wrong[step][2], wrong
        return steps

    def url_fails_at(self, url, step, what, advice, more=QUICK):
        return self.fails_at(step, what, advice,
                             endpoint=self.endpoint(url, more))


@pytest.fixture(name="way")
def way_to_the_simulator(folder, sim):
    return Way(folder, sim)


@pytest.fixture(name="alone")
def way_without_a_cloud(folder):
    return Way(folder)


# ---- a way that is right ----

def test_all_steps_are_told_and_nothing_is_sent(way):
    steps = way.steps()
    assert [(step, rest[0]) for step, rest in steps.items()] == [
        ("key", "ok"), ("name", "ok"), ("connection", "ok"), ("answer", "ok"),
        ("device", "ok")]
    assert steps["device"][1] == f"{FAN_ID} is known, and online"
    assert way.sim.requests() == [] and way.sim.received() == []
    text = way.ctl.text("test", "fan")
    assert text.startswith(f'device "fan" ({FAN_ID}) at endpoint "cloud"')
    assert text.endswith("All right: a command can go this way.\n")
    assert way.key_file.read_text().strip() not in text


def test_an_endpoint_is_tested_without_a_device(way):
    assert "device" not in way.steps("cloud")


def test_a_device_that_is_offline_is_no_fault_of_the_way(way):
    way.sim.put_device(FAN_ID, online=False)
    assert way.steps()["device"][0] == "note"
    assert "no fault" in way.steps()["device"][1]


def test_the_certificate_is_looked_at(folder, tls):
    for certificate, what, advice in (
            ("good", None, None),
            ("expired", "has expired", "a new certificate"),
            ("wrong_name", "for another name", "URL must name the host"),
            ("stranger", "not of an authority", "CACert")):
        with Simulator("--device", FAN_ID,
                       "--tls-cert", tls / f"{certificate}.pem",
                       "--tls-key", tls / f"{certificate}.key",
                       ssl_context=UNVERIFIED) as sim:
            way = Way(folder, sim)
            endpoint = way.endpoint(f"https://127.0.0.1:{sim.port}/cmds",
                                    f'CACert "{tls}/ca.pem"')
            if what is None:
                assert way.steps(endpoint=endpoint)["TLS"][0] == "ok"
            else:
                way.fails_at("TLS", what, advice, endpoint=endpoint)


# ---- the key ----

def test_a_key_file_that_is_wrong_is_told_and_the_way_is_gone_all_the_same(way):
    way.key_file.write_text("two words\n")
    way.key_file.chmod(0o600)
    assert "answer" not in way.fails_at("key", "", "on one line")
    way.key_file.unlink()
    steps = way.fails_at("key", "No such file", "create the file")
    assert steps["connection"][0] == "ok"


@pytest.mark.skipif(not is_root(), reason="root alone can be another user")
def test_a_user_who_may_not_read_the_key_is_told_so(way):
    way.steps()
    stranger = Ctl(way.folder, NOBODY, GROUP)
    shutil.copy(TOOL.parent / "onenet-probe", way.folder)
    done = stranger("test", "fan")
    assert "test as root, or as the user that collectd runs as" in done.stdout


def test_a_key_that_is_refused_is_told(way):
    way.key_file.write_text("another-key\n")
    way.fails_at("answer", "the key is refused", "compare the key")


# ---- the device ----

def test_a_device_that_onenet_does_not_know_is_told(way):
    way.sim.delete_device(FAN_ID)
    way.fails_at("device", f"knows no device {FAN_ID}", "compare DeviceID")


def test_a_name_that_is_none_is_told(way):
    way.steps()
    assert 'no device and no endpoint has the name "lamp"' in way.ctl.fails(
        "test", "lamp")
    assert "DEVICE or ENDPOINT" in way.ctl.fails("test", status=2)


# ---- the way ----

def test_a_name_that_is_not_resolved_is_told(alone):
    alone.url_fails_at("https://nowhere.invalid/cmds", "name",
                       "nowhere.invalid is not resolved", "resolve names")


def test_a_closed_port_is_told_with_its_address(alone):
    alone.url_fails_at(f"http://127.0.0.1:{free_port()}/cmds", "connection",
                       "127.0.0.1: Connection refused", "firewall")


def test_a_proxy_is_on_the_way(alone):
    steps = alone.url_fails_at("http://api.test/cmds", "connection",
                               "Connection refused", "firewall",
                               f'Proxy "http://127.0.0.1:{free_port()}"')
    assert "(the proxy)" in steps["name"][1]


def test_a_server_that_hangs_is_told_by_where_it_does(alone):
    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        alone.url_fails_at(f"http://127.0.0.1:{port}/cmds", "answer",
                           "no answer of OneNET", "RequestTimeout")
        alone.url_fails_at(f"https://127.0.0.1:{port}/cmds", "TLS",
                           "there is no TLS", "ConnectTimeout")
    assert time.monotonic() - begun < 20


def test_a_server_without_tls_is_told(way):
    way.url_fails_at(f"https://127.0.0.1:{way.sim.port}/cmds", "TLS",
                     "there is no TLS", "speak TLS")


def answering(status, body, headers=()):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    return Handler


@pytest.mark.parametrize("status, body, what, advice", [
    (401, b"", "the key is refused", "compare the key"),
    (429, b"", "OneNET asks to wait", "lower RateLimit"),
    (404, b"<html>", "the call is refused", "look at URL"),
    (502, b"<html>", "no answer of OneNET", "waited for"),
    (200, b"<html>", "no answer of OneNET", "that of OneNET's")])
def test_what_is_answered_instead_is_told(alone, status, body, what, advice):
    with LocalServer(answering(status, body)) as server:
        alone.url_fails_at(server.url + "/cmds", "answer", what, advice)


def test_a_cloud_that_tells_nothing_of_devices_is_no_fault(alone):
    class Handler(answering(200, b'{"errno":8,"error":"not found"}')):
        def do_GET(self):
            if self.path.startswith("/devices/"):
                self.send_error(404)
            else:
                super().do_GET()
    with LocalServer(Handler) as server:
        steps = alone.steps(endpoint=alone.endpoint(server.url + "/cmds"))
    assert steps["device"][0] == "note"
    assert "could not be asked" in steps["device"][1]


# ---- the current platform ----

def test_the_current_platform_is_asked_for_the_device_s_detail(folder):
    with Simulator("--device", "vent 1", "--access-key", ACCESS_KEY,
                   "--rate", "0") as sim:
        way = Way(folder, sim)
        way.key_file.write_text(ACCESS_KEY + "\n")

        def endpoint(product=PRODUCT):
            return (f'<Endpoint "cloud">\nAPI "set-device-property"\n'
                    f'URL "{sim.url}/thingmodel/set-device-property"\n'
                    f'ProductID "{product}"\nAccessKeyFile "{way.key_file}"\n'
                    f'Resource "products/{PRODUCT}"\n</Endpoint>\n')

        parts = {"endpoint": endpoint(), "rule": way.rule(
            r'OnFailure "{\"on\":true}"')}
        fan = '<Device "fan">\nDeviceID "{}"\n</Device>\n'.format
        assert way.steps(fan=fan("vent 1"), **parts)["device"][1] == (
            "vent 1 is known, and online")
        sim.put_device("vent 1", online=False)
        assert way.steps(fan=fan("vent 1"), **parts)["device"][0] == "note"
        assert way.steps("cloud", **parts)["answer"][0] == "ok"
        way.fails_at("device", "knows no device lamp", "compare DeviceID",
                     fan=fan("lamp"), **parts)
        way.fails_at("answer", "the call is refused", "ProductID",
                     **{**parts, "endpoint": endpoint("Other12345")})
        way.key_file.write_text("YW5vdGhlci1rZXk=\n")
        way.fails_at("answer", "the key is refused", "Resource", **parts)
        assert sim.received() == [] and sim.requests() == []
