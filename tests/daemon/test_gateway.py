# SPDX-License-Identifier: MIT
"""A gateway in front of the cloud that answers at the head of a request, without
a look at its body: a real nginx."""

import contextlib
import shutil
import socket
import subprocess

import pytest

from collectd import free_port
from simulator import SLOWER, wait_until

COMMANDS = 1000

NGINX_CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{
}}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  proxy_temp_path {folder}/nginx-proxy;
  scgi_temp_path {folder}/nginx-scgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  server {{
    listen 127.0.0.1:{port};
    {header}
    return {status};
  }}
}}
"""


def is_listening(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


@contextlib.contextmanager
def nginx(folder, status, header=""):
    """Runs one that answers everything so; gives the URL."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, port=port, header=header,
                                      status=status))
    process = subprocess.Popen([binary, "-p", folder, "-c", conf,
                                "-e", folder / "nginx.log"])
    try:
        wait_until(lambda: is_listening(port), 20, "nginx")
        yield f"http://127.0.0.1:{port}/cmds"
    finally:
        process.terminate()
        process.wait(20)


def start(setup, url, body_bytes):
    """One device for each command, and an endpoint that gives up at the first
    failure."""
    devices = setup.folder / "devices.csv"
    devices.write_text("".join(f"d{n},{n}\n" for n in range(COMMANDS)))
    body = setup.folder / "body"
    body.write_text("x" * body_bytes)
    setup.start(setup.endpoint(url, "BreakerThreshold 1\nRateLimit 100000 1\n"
                               f"RequestTimeout {10 * SLOWER:.0f}")
                + f'DeviceFile "{devices}"\n<Rule "heat">\n  Plugin "sensors"\n'
                f'  Device "%{{host}}"\n  OnFailureFile "{body}"\n</Rule>\n')


def verdicts(setup):
    """Returns {(outcome or state, http_code): how many commands}."""
    return {(fate, http_code): count for fate, http_code, count
            in setup.query("SELECT coalesce(outcome, state), http_code, count(*)"
                           " FROM commands GROUP BY 1, 2")}


RETRY_AFTER = 'add_header Retry-After 100 always;'


@pytest.mark.parametrize("body_bytes", [2, 60 * 1024])
@pytest.mark.parametrize("status, header, fate", [
    (401, "", "waiting"), (413, "", "refused"),
    (429, RETRY_AFTER, "waiting"), (503, RETRY_AFTER, "waiting")])
def test_a_gateway_that_answers_at_the_head_opens_no_circuit(
        setup, status, header, fate, body_bytes):
    with nginx(setup.folder, status, header) as url:
        start(setup, url, body_bytes)
        for number in range(COMMANDS):
            setup.notify(host=f"d{number}")
        wait_until(lambda: verdicts(setup) == {(fate, status): COMMANDS}, 60,
                   "a verdict for each command")
        assert "the circuit is" not in setup.daemon.log()
        setup.daemon.stop()
