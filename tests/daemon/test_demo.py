# SPDX-License-Identifier: MIT
"""demo/run: a page that shows all of it, words where it fails, and with --keep what
it says that there is, is there, until Ctrl-C."""

import os
import re
import selectors
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from collectd import BUILD_DIR
from conftest import without_sanitizers
from simulator import API_KEY, ROOT, Simulator, wait_until

pytestmark = without_sanitizers

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


def run_demo(*options, **environment):
    """Returns how it ended, with all that it said. PATH is that of an ordinary
    user."""
    return subprocess.run(
        [ROOT / "demo" / "run", *options], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        env={**os.environ, "ONENET_BUILDDIR": str(BUILD_DIR),
             "PATH": "/usr/bin:/bin", **environment})


@pytest.fixture(name="page", scope="module")
def page_of_the_demo():
    done = run_demo()
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_demo_is_one_page(page):
    lines = page.splitlines()
    assert len(lines) <= 60, page
    assert [line for line in lines if len(line) > 80] == []


def test_totals_are_whole_numbers(page):
    assert "nan" not in page.lower()
    totals = page[page.index("== Totals"):page.index("== The ledger")]
    numbers = re.findall(r"-[a-z_0-9]+ ([^\s,]+)", totals)
    assert len(numbers) >= 4
    assert all(number.isdecimal() for number in numbers), totals
    assert "commands-accepted 2, commands-answered 2" in totals


def test_what_the_device_received_and_answered_is_seen(page):
    assert 'received {"fan":"on","t":35}, answered "done"' in page
    assert 'received {"fan":"off"}, answered "done"' in page


def test_nothing_is_left_of_it(page):
    assert "All of it worked" in page
    assert list(BUILD_DIR.glob("demo.*")) == []


@pytest.mark.parametrize("api", ["set-device-property", "call-service",
                                 "synccmds"])
def test_each_call_of_the_current_platform_has_its_page(api):
    done = run_demo("--api", api)
    page = done.stdout
    assert done.returncode == 0, page
    lines = page.splitlines()
    assert len(lines) <= 76, page
    assert [line for line in lines if len(line) > 80] == []
    assert f"/{api}" in page
    assert f'<Endpoint "cloud">\n' in page and f'API "{api}"\n' in page
    assert "authorization:" in page.lower()
    assert 'received {"fan":"on","t":35}, answered' in page
    assert "commands-accepted 2, commands-answered 2" in page
    assert list(BUILD_DIR.glob("demo.*")) == []


@pytest.mark.parametrize("options, words", [
    (["--api", "cmd"], "--api cmd: must be cmds, set-device-property"),
    (["--product", "1"], "--product goes with --url"),
    (["--api", "synccmds", "--url", "u", "--key-file", "/etc/passwd", "--device",
      "1"], "--api synccmds needs --product, too"),
])
def test_options_that_do_not_fit_are_refused(options, words):
    done = run_demo(*options)
    assert done.returncode == 1
    assert words in done.stdout


@pytest.fixture(name="key_file")
def file_with_the_key(tmp_path):
    path = tmp_path / "key"
    path.write_text(API_KEY)
    path.chmod(0o600)
    return path


def test_commands_that_are_not_accepted_are_a_failure(key_file):
    with Simulator() as sim:  # which has no device
        done = run_demo("--url", sim.url + "/cmds", "--key-file", key_file,
                        "--device", "1")
    assert done.returncode == 1
    assert "2 commands should have been accepted, not 0" in done.stdout
    assert "refused, errno 8" in done.stdout


def test_what_collectd_itself_says_is_shown_when_it_does_not_start(key_file):
    done = run_demo("--url", 'http://127.0.0.1/"cmds', "--key-file", key_file,
                    "--device", "1")
    assert done.returncode == 1
    assert "collectd ended" in done.stdout
    assert "Parse error in file" in done.stdout
    assert list(BUILD_DIR.glob("demo.*")) == []


def test_what_the_plugin_refuses_is_shown(key_file):
    done = run_demo("--url", "ftp://127.0.0.1/cmds", "--key-file", key_file,
                    "--device", "1")
    assert done.returncode == 1
    assert 'Endpoint "cloud": URL "ftp://127.0.0.1/cmds"' in done.stdout


def test_a_build_that_fails_names_its_log(tmp_path):
    done = run_demo(ONENET_BUILDDIR=str(tmp_path), CC="/nonexistent/cc")
    assert done.returncode == 1
    log = tmp_path / "build-in.log"
    assert f"building failed; all of it is in {log}" in done.stdout
    assert "/nonexistent/cc" in log.read_text() + (tmp_path / "build.log").read_text()


def ignores_sigint(status):
    """status: the text of /proc/PID/status."""
    mask = int(re.search(r"SigIgn:\s*([0-9a-f]+)", status)[1], 16)
    return bool(mask >> (signal.SIGINT - 1) & 1)


def ignore_sigint():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_in_the_background_the_tests_can_press_ctrl_c():
    script = ("import conftest, subprocess\n"
              "subprocess.run(['cat', '/proc/self/status'], check=True)\n")
    done = subprocess.run([sys.executable, "-c", script], check=True, text=True,
                          cwd=ROOT / "tests" / "daemon", preexec_fn=ignore_sigint,
                          stdout=subprocess.PIPE)
    assert not ignores_sigint(done.stdout)


@pytest.fixture(name="demo")
def kept_demo(request):
    """Yields the process and what it said. With the parameter True it begins as in
    the background of a script."""
    process = subprocess.Popen([ROOT / "demo" / "run", "--keep"],
                               stdout=subprocess.PIPE, start_new_session=True,
                               preexec_fn=ignore_sigint if request.param else None,
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


@pytest.mark.parametrize("demo, end", [
    (False, press_ctrl_c), (True, press_ctrl_c),
    (False, subprocess.Popen.terminate)], indirect=["demo"])
def test_what_is_kept_can_be_looked_at_until_it_is_ended(demo, end):
    process, text = demo
    for address in re.findall(r"http://\S+", text[text.index("where to look"):]):
        assert get(address), address
    addresses = dict(re.findall(r"^   (the page|alerts|Prometheus|metrics|simulator) +"
                                r"(http\S+)", text, re.M))
    query = re.search(r"^   the ledger +(sqlite3 .*)$", text, re.M)[1]
    rows = subprocess.run(query, shell=True, capture_output=True, text=True,
                          check=True).stdout.splitlines()
    assert len(rows) == 2
    uuids = {row.split("|")[-1] for row in rows}
    page = get(addresses["the page"])
    assert 'data-instance="demo"' in page
    recent = addresses["Prometheus"].split("/api/")[0] + "/user/onenet-demo.json"
    assert all(uuid in get(recent) for uuid in uuids)
    assert '"success"' in get(addresses["Prometheus"])
    assert '"alerts"' in get(addresses["alerts"])
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
