# SPDX-License-Identifier: MIT
"""bench/run with tiny counts: that each row is measured, and what the table and the
JSON look like. Never how fast anything is."""

import http.client
import json
import os
import re
import subprocess
import sys

import pytest

from collectd import BUILD_DIR
from conftest import without_sanitizers
from simulator import ROOT

sys.path.insert(0, str(ROOT / "bench"))
# pylint: disable=wrong-import-position
import parties  # noqa: E402
import table  # noqa: E402
from rows import ALONE, DIFFERENCE, INVERSE, RATIO, Row  # noqa: E402


pytestmark = without_sanitizers


def bench(*words):
    """Returns how bench/run ended, and all that it printed."""
    done = subprocess.run([ROOT / "bench" / "run", *words], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120,
                          env=dict(os.environ, ONENET_BUILDDIR=str(BUILD_DIR)))
    return done


@pytest.fixture(name="quick", scope="module")
def quick_run(tmp_path_factory):
    """Returns what a quick run printed, and its JSON."""
    path = tmp_path_factory.mktemp("bench") / "quick.json"
    done = bench("--quick", "--json", path)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(path.read_text())


def test_each_row_is_measured_in_a_quick_run(quick):
    rows = quick[1]["rows"]
    assert len(rows) >= 20
    assert {row["name"]: row["why_not"] for row in rows if row["why_not"]} == {}
    assert all(row["ours"]["median"] for row in rows)
    assert all(len(row["ours"]["rounds"]) == quick[1]["rounds"] == 1 for row in rows)
    assert all((row["other"] is None) == (row["than"] == "") for row in rows)


def test_all_requests_of_a_quick_run_arrived_exactly_once(quick):
    arrived = quick[1]["arrived"]
    assert arrived["sent"] == arrived["distinct"] > 10000
    assert arrived["repeated"] == 0


def test_the_table_has_one_line_for_each_row(quick):
    lines = [line for line in quick[0].splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == table.HEAD
    assert [line[0] for line in cells[2:]] == [row["name"] for row in quick[1]["rows"]]
    assert {len(line) for line in cells} == {len(table.HEAD)}
    assert len({len(line) for line in lines}) == 1


def test_the_readme_explains_each_row():
    text = (ROOT / "bench" / "README.md").read_text()
    source = (ROOT / "bench" / "rows.py").read_text()
    words = re.findall(r'^@experiment\("([^"]+)"', source, re.M)
    assert len(words) >= 15
    assert [word for word in words if f"`{word}`" not in text] == []


def test_a_word_of_no_row_is_refused_with_those_that_there_are():
    done = bench("--only", "nonsense")
    assert done.returncode == 1
    assert "--only nonsense: there are full-64, " in done.stderr


@pytest.mark.parametrize("compare, judged, is_reached", [
    (RATIO, 2, True), (INVERSE, 0.5, False), (DIFFERENCE, 3, True), (ALONE, 6, True)])
def test_the_median_of_the_rounds_is_judged(compare, judged, is_reached):
    row = Row("a row", "us", "another", compare, (">=", 2))
    found = table.result(row, [(1, 10), (6, 3), (100, 1), (6, 3), (6, 3)])
    assert found["judged"]["median"] == judged
    assert found["is_reached"] is is_reached


def test_a_row_that_could_not_be_measured_says_why():
    row = Row("a row", "us", "another", RATIO, ("<=", 2))
    text = table.text([table.failure(row, "there is no curl")])
    assert "not measured" in text and text.endswith("\na row: there is no curl")


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/cmds", body)
    return json.loads(connection.getresponse().read())


def test_a_command_that_comes_twice_is_noticed_by_the_far_side():
    with parties.Far() as far:
        answers = [post(far.board.FAR_PORT, '{"n":%d}' % n) for n in (0, 1)]
        far.check_once(2)
        answers.append(post(far.board.FAR_PORT, '{"n":1}'))
        with pytest.raises(AssertionError, match="1 again"):
            far.check_once(2)
    assert [answer["errno"] for answer in answers] == [0, 0, 0]
    assert len({answer["data"]["cmd_uuid"] for answer in answers}) == 3
