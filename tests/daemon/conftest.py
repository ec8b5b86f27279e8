# SPDX-License-Identifier: MIT
"""What the tests against the real daemon share."""

import contextlib
import http.server
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading

import pytest

from collectd import HOST, Collectd, free_port, parse_prometheus
from questions import WITNESS, Scene
from simulator import API_KEY, FAN_ID, Simulator, wait_until

# In the background of a script SIGINT is ignored, also by the children. Tests that
# press Ctrl-C need children that do not.
signal.signal(signal.SIGINT, signal.default_int_handler)

# For tests of how much memory there is, and of programs that start a collectd of
# their own.
without_sanitizers = pytest.mark.skipif(
    "ONENET_PRELOAD" in os.environ, reason="sanitizers need memory of their own, and "
    "a collectd that they are loaded into")

THRESHOLD = """
  <Plugin "sensors">
    <Type "temperature">
      WarningMax 27
      FailureMax 30
    </Type>
  </Plugin>
"""


@pytest.fixture(name="folder")
def private_folder():
    """A short path: the name of a socket may be at most 107 bytes long."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="onenet-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(name="sim")
def simulator():
    with Simulator("--device", FAN_ID, "--rate", "0") as sim:
        yield sim


class LocalServer:
    """Serves HTTP at `url` on loopback with a handler's class, within `with`."""

    def __init__(self, handler):
        handler.log_message = lambda *_: None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Setup:
    """A simulated cloud, and a collectd whose metrics Prometheus could scrape."""

    def __init__(self, folder, sim):
        self.folder = folder
        self.sim = sim
        self.port = free_port()
        self.daemon = None
        self.key_file = folder / "onenet.key"
        self.key_file.write_text(API_KEY + "\n")
        self.key_file.chmod(0o600)

    def endpoint(self, url=None, more=""):
        return (f'<Endpoint "cloud">\n  URL "{url or self.sim.url + "/cmds"}"\n'
                f'  APIKeyFile "{self.key_file}"\n{more}\n</Endpoint>\n')

    def fan(self, more="Timeout 3600"):
        return f'<Device "fan">\n  DeviceID "{FAN_ID}"\n  {more}\n</Device>\n'

    def rule(self, more='OnFailure "on"\nOnOkay "off"', name="overheat"):
        return (f'<Rule "{name}">\n  Plugin "sensors"\n  Type "temperature"\n'
                f'  Device "fan"\n{more}\n</Rule>\n')

    def block(self, more="", rule=None, fan=None, endpoint=None):
        return ((endpoint or self.endpoint()) + (fan or self.fan())
                + (rule or self.rule()) + more)

    def start(self, block=None, threshold=THRESHOLD, extra="", **options):
        """Starts collectd and returns it; it is stopped after the test."""
        extra += (f'LoadPlugin write_prometheus\n<Plugin write_prometheus>\n'
                  f'  Host "127.0.0.1"\n  Port "{self.port}"\n</Plugin>\n')
        self.daemon = Collectd(self.folder, block or self.block(),
                               threshold=threshold, extra=extra, **options)
        return self.daemon.start()

    def notify(self, severity="failure", **fields):
        """Sends a notification of the thermometer of rule(); fields: others
        than those that the rule asks for."""
        self.daemon.putnotif(severity, **{"plugin": "sensors",
                                          "type": "temperature", **fields})

    def query(self, sql, row_factory=None):
        """Returns the rows that the ledger answers, as tuples or as told."""
        with contextlib.closing(sqlite3.connect(
                self.folder / "onenet.db")) as ledger:
            ledger.row_factory = row_factory
            return ledger.execute(sql).fetchall()

    # ---- what Prometheus would see ----

    def samples(self):
        answer = Simulator.http(_At(self.port), "GET", "/metrics")
        return parse_prometheus(answer.body.decode())

    def metric(self, identifier):
        """Returns the value of PLUGIN-INSTANCE/TYPE-INSTANCE as
        write_prometheus serves it, or None."""
        plugin, kind = identifier.split("/")
        instance = plugin.split("-", 1)[1]
        kind, _, of_kind = kind.partition("-")
        labels = {"instance": HOST, "onenet": instance}
        if of_kind:
            labels["type"] = of_kind
        for (name, items), value in self.samples().items():
            if (re.fullmatch(f"collectd_onenet_{kind}(_total|_seconds)?", name)
                    and dict(items) == labels):
                return value
        return None

    def wait_for_metric(self, identifier, wanted, timeout=10):
        """The series of one report arrive one by one: what a reader sees of
        one says nothing of the next."""
        wait_until(lambda: self.metric(identifier) == wanted, timeout,
                   f"{identifier} of {wanted}")

    def outcomes(self, device="fan"):
        """Returns {outcome: count} of all that are not 0, created and pending
        included."""
        names = ["created", "accepted", "refused", "unknown", "expired",
                 "superseded", "unchanged", "dropped", "cancelled"]
        counts = {n: self.metric(f"onenet-{device}/commands-{n}") for n in names}
        counts["pending"] = self.metric(f"onenet-{device}/pending_operations")
        return {name: int(count) for name, count in counts.items() if count}

    def wait_for_outcomes(self, device="fan", timeout=20, **wanted):
        try:
            wait_until(lambda: self.outcomes(device) == wanted, timeout)
        except AssertionError:
            assert self.outcomes(device) == wanted


# ---- certificates ----

def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True,
                   capture_output=True)


def make_certificate(folder, name, subject_names, days=2, issuer="ca"):
    """Makes NAME.key and NAME.pem, signed by the test's own CA."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout",
            f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / "ext").write_text(f"subjectAltName={subject_names}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem",
            "-CAkey", f"{issuer}.key", "-CAcreateserial", "-days", str(days),
            "-extfile", "ext", "-out", f"{name}.pem")


@pytest.fixture(name="tls")
def certificates(tmp_path):
    for name in ("ca", "stranger"):
        openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN=test {name}")
    make_certificate(tmp_path, "good", "IP:127.0.0.1")
    # It ends in the second in which it begins: openssl 3.5 takes no -days -1.
    make_certificate(tmp_path, "expired", "IP:127.0.0.1", days=0)
    make_certificate(tmp_path, "wrong_name", "DNS:elsewhere.example")
    make_certificate(tmp_path, "client", "DNS:client")
    return tmp_path


class _At:
    """Enough of a Simulator for its http method: any address on loopback."""

    def __init__(self, port):
        self.port, self.ssl_context = port, None

    def connect(self, timeout):
        return Simulator.connect(self, timeout)


@pytest.fixture(name="make_setup")
def setup_factory(folder):
    """Returns a function of a simulator; what it starts is stopped afterwards."""
    made = []

    def make(sim):
        made.append(Setup(folder, sim))
        return made[-1]

    yield make
    for setup in made:
        if setup.daemon is not None and setup.daemon.is_running():
            setup.daemon.stop()
        if setup.sim.is_running():
            setup.sim.stop()


@pytest.fixture(name="setup")
def setup_of_sim(make_setup, sim):
    return make_setup(sim)


@pytest.fixture(name="scene")
def scene_of_setup(setup):
    """The daemon of `setup`, which all of the seven questions can be asked."""
    with Simulator("--device", WITNESS, "--rate", "0") as healthy:
        yield Scene(setup, healthy)
        if setup.daemon is not None and setup.daemon.is_running():
            setup.daemon.stop()
