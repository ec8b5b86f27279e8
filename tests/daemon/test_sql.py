# SPDX-License-Identifier: MIT
"""Every query of doc/sql.md, asked of the ledger of a real collectd after a story
of which the end is known, as a user would: with the sqlite3 of the shell."""

import json
import re
import subprocess
import time

import pytest

from prometheus import ROOT
from scenario import COUNTS, DEVICES, OUTCOMES, running_greenhouse, total

# {heading: query}
QUERIES = dict(re.findall(r"^## (.*?)$[^#]*?^```sql\n(.*?)^```$",
                          (ROOT / "doc" / "sql.md").read_text(), re.M | re.S))


class Ledger:
    """The ledger of the greenhouse after its story."""

    def __init__(self, path, uuids):
        self.path = path
        self.uuids = uuids  # {cmd_uuid: device}

    def shell(self, query, *options):
        return subprocess.run(["sqlite3", *options, str(self.path), query],
                              capture_output=True, text=True, timeout=30,
                              check=True).stdout

    def rows(self, query):
        """Returns one dict per row."""
        return json.loads(self.shell(query, "-json") or "[]")


@pytest.fixture(name="ledger", scope="module")
def ledger_of_a_greenhouse():
    with running_greenhouse() as greenhouse:
        greenhouse.play()
        yield Ledger(greenhouse.folder / "onenet.db", greenhouse.uuids())


def picked(rows, *names):
    """Returns the values of these columns, row by row."""
    return [tuple(row[name] for name in names) for row in rows]


def failed(counts):
    return sum(counts.get(name, 0)
               for name in ("refused", "unknown", "expired", "dropped"))


def in_order_of_devices(function):
    return [function(device, counts) for device, counts in sorted(COUNTS.items())]


def check_recent(rows, ledger):
    assert picked(rows, "device", "outcome", "cause") == [
        ("valve", "accepted", ""), ("heater", "accepted", ""),
        ("siren", "", "curl_7"), ("pump", "unknown", "http_500"),
        ("pump", "accepted", ""), ("lamp", "refused", "errno_10"),
        ("lamp", "refused", "errno_10"), ("fan", "accepted", ""),
        ("fan", "accepted", ""), ("fan", "accepted", "")]
    assert {row["cmd_uuid"]: row["device"] for row in rows
            if row["outcome"] == "accepted"} == ledger.uuids
    assert {row["cmd_uuid"] for row in rows
            if row["outcome"] != "accepted"} == {""}
    assert {row["error"].split(":")[0] for row in rows
            if row["device"] == "lamp"} == {"device not online"}
    assert {row["error"] for row in rows
            if row["outcome"] == "accepted"} == {""}
    assert rows[0]["created"].startswith(time.strftime("%Y-%m-%d "))


def check_pending(rows, _):
    assert picked(rows, "rule", "device", "state", "cause", "body") == [
        ("siren-rule", "siren", "waiting", "curl_7", "siren on")]
    assert rows[0]["expires"] > rows[0]["created"]
    assert "onnect" in rows[0]["error"] and rows[0]["cmd_uuid"] == ""


def check_states(rows, _):
    assert picked(rows, "rule", "series", "state", "decides", "asks_for",
                  "accepted") == [
        ("fan-rule", "greenhouse/sensors-fan/temperature", "failure", "yes",
         "fan on", "fan on")]
    assert rows[0]["since"].startswith(time.strftime("%Y-%m-%d "))
    assert re.fullmatch(r"00:0\d:\d\d", rows[0]["age"])


def check_by_device(rows, _):
    names = ("device", "created", *OUTCOMES, "pending")
    assert picked(rows, *names) == in_order_of_devices(
        lambda device, counts: (device, *(counts.get(n, 0) for n in names[1:])))


def check_success(rows, _):
    assert picked(rows, "device", "accepted", "failed", "percent") == [
        ("fan", 3, 0, 100.0), ("heater", 1, 0, 100.0), ("lamp", 0, 2, 0.0),
        ("pump", 1, 1, 50.0), ("valve", 1, 0, 100.0)]


def check_days(rows, _):
    assert picked(rows, "day", "commands", "accepted", "failed") == [
        (time.strftime("%Y-%m-%d"), total("created") - total("unchanged"),
         total("accepted"), sum(map(failed, COUNTS.values())))]


def check_errors(rows, _):
    assert sorted(picked(rows, "cause", "device", "commands")) == [
        ("curl_7", "siren", 1), ("errno_10", "lamp", 2), ("http_500", "pump", 1)]
    (offline,) = [row for row in rows if row["cause"] == "errno_10"]
    assert offline["error"].startswith("device not online")


def check_failed(rows, _):
    assert picked(rows, "device", "outcome", "cause") == [
        ("lamp", "refused", "errno_10"), ("lamp", "refused", "errno_10"),
        ("pump", "unknown", "http_500")]


def check_latency(rows, _):
    assert picked(rows, "device", "accepted") == [
        (device, counts["accepted"]) for device, counts in sorted(COUNTS.items())
        if "accepted" in counts]
    assert 0 <= rows[0]["average"] <= rows[0]["slowest"] < 0.9
    (pump,) = [row for row in rows if row["device"] == "pump"]
    assert 1 <= pump["slowest"] < 5  # after Retry-After: 1


def check_offline(rows, _):
    assert picked(rows, "device", "device_id") == [("lamp", DEVICES["lamp"])]
    assert rows[0]["asked"].startswith(time.strftime("%Y-%m-%d "))


def check_without_success(rows, _):
    assert picked(rows, "device", "commands") == [("lamp", 2), ("siren", 1)]


def check_one_command(rows, ledger):
    assert picked(rows, "rule", "device", "device_id", "outcome", "attempts",
                  "http_code", "errno", "body") == [
        ("valve-rule", "valve", DEVICES["valve"], "accepted", 1, 200, 0,
         "valve on")]
    assert ledger.uuids[rows[0]["cmd_uuid"]] == "valve"


def check_statuses(rows, _):
    assert picked(rows, "device", "at_onenet", "commands") == [
        ("fan", "answered", 3), ("heater", "no answer in time", 1),
        ("pump", "not followed", 1), ("valve", "device not online", 1)]


def check_balance(rows, _):
    assert rows == []


CHECKS = {
    "What happened lately": check_recent,
    "What waits, and for what": check_pending,
    "Which rack keeps the fan on": check_states,
    "How many commands had which outcome": check_by_device,
    "How much of it worked": check_success,
    "How many commands there were on each day": check_days,
    "Which errors there were": check_errors,
    "Which commands failed today": check_failed,
    "How long commands took": check_latency,
    "Which devices are offline": check_offline,
    "Which devices have had no success": check_without_success,
    "What became of one command": check_one_command,
    "What OneNET says of accepted commands": check_statuses,
    "Does it add up": check_balance,
}


@pytest.mark.parametrize("heading", QUERIES)
def test_a_query_of_the_documentation_tells_what_happened(ledger, heading):
    assert heading in CHECKS, "a new query needs a check"
    CHECKS[heading](ledger.rows(QUERIES[heading]), ledger)


def test_there_is_a_query_for_each_check_and_each_block_is_found():
    assert set(QUERIES) == set(CHECKS)
    assert (ROOT / "doc" / "sql.md").read_text().count("```sql") == len(CHECKS)


def test_recent_reads_well_in_a_terminal_as_it_is(ledger):
    """One command a line, with its day, its outcome and what the cloud said."""
    lines = ledger.shell("select * from recent").splitlines()
    assert len(lines) == total("created") - total("unchanged")
    for uuid, device in ledger.uuids.items():
        (line,) = [line for line in lines if uuid in line]
        assert device in line and "accepted" in line
        assert time.strftime("%Y-%m-%d ") in line
        assert len(line) < 120


def test_the_views_that_are_documented_are_those_that_there_are(ledger):
    text = (ROOT / "doc" / "sql.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    views = {row["name"] for row in ledger.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'view'")}
    assert documented == views - {"readable"} | {"commands"}
