# SPDX-License-Identifier: MIT
"""demo/run --keep: what it says that there is, is there, and Ctrl-C ends it."""

import os
import re
import selectors
import signal
import subprocess
import time
import urllib.request

import pytest

from collectd import BUILD_DIR
from simulator import ROOT, wait_until

LAST_LINE = "Ctrl-C ends it"


def read_until(process, wanted, timeout):
    """Returns what the process wrote on stdout, up to the line with `wanted`."""
    text, deadline = "", time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while wanted not in text:
            assert selector.select(deadline - time.monotonic()), text
            part = os.read(process.stdout.fileno(), 65536)
            assert part, text
            text += part.decode()
    return text


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return children.read().split()


@pytest.fixture(name="demo")
def kept_demo():
    """Yields the process and what it said."""
    process = subprocess.Popen([ROOT / "demo" / "run", "--keep"],
                               stdout=subprocess.PIPE, start_new_session=True,
                               env=dict(os.environ, ONENET_BUILDDIR=BUILD_DIR))
    try:
        yield process, read_until(process, LAST_LINE, 180)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
        process.stdout.close()


def press_ctrl_c(process):
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does


@pytest.mark.parametrize("end", [press_ctrl_c, subprocess.Popen.terminate])
def test_what_is_kept_can_be_looked_at_until_it_is_ended(demo, end):
    process, text = demo
    addresses = dict(re.findall(r"^   (the page|Prometheus|metrics|simulator) +"
                                r"(http\S+)", text, re.M))
    query = re.search(r"^   the ledger +(sqlite3 .*)$", text, re.M)[1]
    rows = subprocess.run(query, shell=True, capture_output=True, text=True,
                          check=True).stdout.splitlines()
    assert len(rows) == 2
    uuids = {row.split("|")[-1] for row in rows}
    page = get(addresses["the page"])
    assert 'data-instance="demo"' in page
    commands = get(addresses["Prometheus"] + "/user/onenet-demo.json")
    assert all(uuid in commands for uuid in uuids)
    assert "Ready" in get(addresses["Prometheus"] + "/-/ready")
    assert 'commands_total{onenet="fan",type="accepted"' in get(
        addresses["metrics"])
    assert "devices" in get(addresses["simulator"])

    heat, degrees_file = re.search(r"^   (echo 35 >(.*))$", text, re.M).groups()
    subprocess.run(heat, shell=True, check=True)
    wait_until(lambda: len(subprocess.run(
        query, shell=True, capture_output=True, text=True,
        check=True).stdout.splitlines()) == 3, 20, "the room to be hot")

    children = children_of(process.pid)
    assert len(children) >= 3
    end(process)
    assert process.wait(30) == 0
    assert not os.path.exists(os.path.dirname(degrees_file))
    # what remains of them is at most the second that the demo slept
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children),
               5, "all of it to end")
