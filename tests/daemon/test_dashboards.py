# SPDX-License-Identifier: MIT
"""Everything in dashboards/ is asked of a real Prometheus that scrapes a real
collectd, after a story of which the end is known."""

import contextlib
import html.parser
import http.server
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

import pytest

from prometheus import DASHBOARDS, Prometheus
from scenario import (COUNTS, DEVICES, HOST, OUTCOMES, STATUSES, TRACKED,
                      running_greenhouse, total)
from simulator import wait_until

DASHBOARD = json.loads((DASHBOARDS / "grafana-onenet.json").read_text())
PANELS = [p for p in DASHBOARD["panels"] if p["type"] != "row"]
CONSOLE = (DASHBOARDS / "console" / "onenet.html").read_text()
RECENT = DASHBOARDS / "onenet-recent"
RATE_INTERVAL_S = 600  # longer than all the tests here

# OneNET's documentation.
ERRNO_TEXTS = """internal server error
api-key required
auth failed
invalid JSON
request entity too large
invalid parameter
parameter required
not found
entity data required
device not online
datastream already exists
already exists
system limit
network latency
api freq out of limit
unsuccess
nbiot server error
hs server error
device count limit by account policy
max device count limit is 1000 for one time
device field constraint violation
invalid protocol
contain sensitive words""".splitlines()


# What tells a device from an endpoint.
OF_DEVICES = "and on (instance, onenet) collectd_onenet_pending_operations"
OF_ENDPOINTS = "and on (instance, onenet) collectd_onenet_total_requests_total"


class World:
    """What the tests here ask: the greenhouse after its story, and Prometheus."""

    def __init__(self, greenhouse, prometheus):
        self.greenhouse = greenhouse
        self.prometheus = prometheus
        self.begun = time.time()

    def write_recent(self, ledger=None):
        """As an operator would who wants to see the commands of a ledger, which
        is the greenhouse's."""
        recent(ledger or self.greenhouse.folder / "onenet.db",
               self.prometheus.user_assets, "--host", HOST)

    def settle(self):
        """Waits until Prometheus has scraped all that the story led to."""
        for expression, wanted in (
                *(('sum(collectd_onenet_commands_total{type="created"} '
                   f'{of_which})', total("created"))
                  for of_which in (OF_DEVICES, OF_ENDPOINTS)),
                ('sum(collectd_onenet_pending_operations)', total("pending")),
                ('count(collectd_onenet_gauge)', total("accepted")),
                ('sum(collectd_onenet_commands_total{type="answered"})',
                 TRACKED["answered"]),
                ('sum(collectd_onenet_bool{type="circuit_open"})', 1),
                ('count(ALERTS{alertstate="firing"})', 3)):
            wait_until(lambda: self.prometheus.number(expression) == wanted,
                       20, f"{expression} == {wanted}")
        time.sleep(1)  # a few samples more, for what is a rate


@pytest.fixture(name="world", scope="module")
def greenhouse_after_its_story():
    with running_greenhouse() as greenhouse, Prometheus(
            greenhouse.folder, f"127.0.0.1:{greenhouse.port}") as prom:
        world = World(greenhouse, prom)
        wait_until(lambda: prom.number(
            'sum(collectd_onenet_commands_total{type="created"} '
            f'{OF_DEVICES})') == 0, 20, "the counters to be seen at 0")
        greenhouse.play()
        world.settle()
        yield world


# ---- the dashboard of Grafana ----


def about(value):
    """An increase, as Prometheus extrapolates it."""
    return pytest.approx(value, rel=0.3)


class Between:
    """Equal to every number from low to high."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __eq__(self, other):
        return self.low <= other <= self.high

    def __repr__(self):
        return f"{self.low}..{self.high}"


def expectations(world):
    """Returns {title of a panel: one dict for each of its queries}. The key of a
    value is its labels' values, in the order of the labels' names, without that
    of the host."""
    uuids = world.greenhouse.uuids()
    tries = Between(1, 20)  # every 5 s, as long as the other tests take
    outcomes = {name: total(name) for name in OUTCOMES}
    failed = sum(total(n) for n in ("refused", "unknown", "expired", "dropped"))
    devices = {f"{device} {name}": counts.get(name, 0)
               for device, counts in COUNTS.items()
               for name in ("created", *OUTCOMES, "pending")}
    errors = {"lamp errno_10": 2, "pump http_503": 1, "pump http_500": 1,
              "siren curl_7": tries}
    quick = Between(0, 0.9)
    after_the_503 = Between(1, 5)
    within_polls = Between(0.5, 10)
    return {
        "Success ratio": [
            {"": pytest.approx(total("accepted") / (total("accepted") + failed))}],
        "Failed": [{"": failed}],
        "Pending": [{"": total("pending")}],
        "Open circuits": [{"": 1}],
        "Ledger errors": [{"": 0}],
        "Unreported": [{"": 0}],
        "Commands by outcome": [outcomes],
        "Commands per minute, by outcome": [
            {name: about(count * 60 / RATE_INTERVAL_S)
             for name, count in outcomes.items()}],
        "Devices": [devices],
        "Pending by device": [{name: Between(c.get("pending", 0), 1)
                               for name, c in COUNTS.items()}],
        "Recent commands": [
            {f"{device} {uuid}": STATUSES.get(device, 1)
             for uuid, device in uuids.items()},
            {f"{device} {uuid}": Between(1000 * world.begun, 1000 * time.time())
             for uuid, device in uuids.items()}],
        "Tracked commands": [TRACKED],
        "Errors by cause": [{f"{cause.split()[1]} {cause}": count
                             for cause, count in errors.items()}],
        "Errors over time": [{cause.split()[1]: count
                              for cause, count in errors.items()}],
        "From event to acceptance": [
            {"accept-average": after_the_503, "accept-upper": after_the_503,
             "accept-percentile-99": after_the_503}],
        "From event to outcome, by rule": [
            {f"{device} {device}-rule": Between(0, 5) if device == "pump"
             else quick for device in DEVICES if device != "siren"}],
        "From event to the device's answer": [
            {"answer-average": within_polls, "answer-upper": within_polls,
             "answer-percentile-99": within_polls}],
        "Requests per minute": [
            {"cloud": about(10 * 60 / RATE_INTERVAL_S),
             "backup": Between(0.05, 2)}],
        "Answers by HTTP status": [
            {"cloud 200": 8, "cloud 500": 1, "cloud 503": 1}],
        "Connections": [{"cloud": Between(0, 3), "backup": Between(0, 1)}],
        "Breaker": [{"cloud": 0, "backup": 1}],
        "Waiting in the plugin": [{"": Between(1, 3)}, {"": Between(0, 5)}],
        "Ignored events": [{"lamp ignored_first_okay": 1}],
        "Size of the ledger": [{"": Between(4096, 10**7)}],
    }


def substituted(expression, instance=".*", device=".*"):
    """Returns the query as Grafana sends it; `All` is the variables' allValue."""
    for name, value in (("$instance", instance), ("$device", device),
                        ("$__rate_interval", f"{RATE_INTERVAL_S}s")):
        expression = expression.replace(name, value)
    assert "$" not in expression.replace('"$1"', ""), expression
    return expression


def samples_of(world, target, **variables):
    """Returns (labels, value): of now, or of a graph of gauges the peaks."""
    expression = substituted(target["expr"], **variables)
    if target["instant"] or "$__rate_interval" in target["expr"]:
        return world.prometheus.query(expression)
    return world.prometheus.peaks(expression, time.time() - world.begun)


def key_of(labels):
    return " ".join(value for name, value in sorted(labels.items())
                    if name != "instance")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_query_of_the_dashboard_gives_the_numbers_of_the_story(world,
                                                                    panel):
    expected = expectations(world)
    assert panel["title"] in expected, "a new panel needs an expectation"
    got = []
    for target in panel["targets"]:
        samples = samples_of(world, target)
        assert {labels.get("instance", HOST) for labels, _ in samples} <= {HOST}
        got.append({key_of(labels): value for labels, value in samples})
        assert len(got[-1]) == len(samples), samples
    assert got == expected[panel["title"]]


def test_there_is_a_panel_for_each_expectation(world):
    assert {p["title"] for p in PANELS} == set(expectations(world))
    assert len({p["title"] for p in PANELS}) == len(PANELS)


def test_a_device_that_is_chosen_is_the_only_one_shown(world):
    for panel in PANELS:
        for target in panel["targets"]:
            if "$device" in target["expr"]:
                shown = {labels["onenet"] for labels, _
                         in samples_of(world, target, device="lamp")
                         if "onenet" in labels}
                assert shown <= {"lamp"}, panel["title"]


def test_a_host_that_is_not_there_shows_nothing(world):
    for panel in PANELS:
        for target in panel["targets"]:
            assert samples_of(world, target, instance="elsewhere") == [], panel


@pytest.mark.parametrize("name, values", [("instance", [HOST]),
                                          ("device", sorted(DEVICES))])
def test_the_variables_of_the_dashboard_offer_what_is_there(world, name, values):
    (variable,) = [v for v in DASHBOARD["templating"]["list"]
                   if v["name"] == name]
    assert variable["allValue"] == ".*"
    query = variable["query"]["query"]
    assert query == variable["definition"]
    selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
    assert world.prometheus.api(f"label/{label}/values", **{
        "match[]": substituted(selector)}) == values


def test_a_series_that_collectd_has_ended_is_not_shown_any_more(world):
    """The duration of a command is one value: collectd forgets it soon."""
    wait_until(lambda: world.prometheus.query(
        "collectd_onenet_duration_seconds") == [], 20, "the end of the series")


def test_each_alert_is_explained():
    alerts = re.findall(r"- alert: (\w+)",
                        (DASHBOARDS / "prometheus-alerts.yml").read_text())
    explained = re.findall(r"^\| `(Onenet\w+)` \|",
                           (DASHBOARDS / "README.md").read_text(), re.M)
    assert explained == alerts


def everything_in(thing):
    """Yields each dict in a JSON thing."""
    if isinstance(thing, dict):
        yield thing
        thing = list(thing.values())
    if isinstance(thing, list):
        for part in thing:
            yield from everything_in(part)


def test_the_dashboard_names_nobody_s_data_source():
    sources = [d["datasource"] for d in everything_in(DASHBOARD)
               if "datasource" in d]
    assert len(sources) > len(PANELS)
    assert all(s == {"type": "prometheus", "uid": "${datasource}"}
               for s in sources)
    assert DASHBOARD["templating"]["list"][0]["name"] == "datasource"
    assert DASHBOARD["templating"]["list"][0]["current"] == {}
    assert DASHBOARD["id"] is None


def test_every_query_is_in_a_panel_that_the_tests_see():
    expressions = [d for d in everything_in(DASHBOARD) if "expr" in d]
    assert len(expressions) == sum(len(p["targets"]) for p in PANELS)


def test_no_two_panels_overlap_or_share_an_id():
    cells = [(x, y) for p in DASHBOARD["panels"]
             for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
             for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({p["id"] for p in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_created_and_tracked_commands_are_never_summed_with_the_outcomes():
    """Each query that counts commands names the types that it counts."""
    for panel in PANELS:
        for target in panel["targets"]:
            for selector in re.findall(r"commands_total\{(.*?)\}",
                                       target["expr"]):
                assert re.search(r'[,{]type=~?"[a-z|]+"', selector), target
                if "created" in selector:
                    assert "by (onenet, type)" in target["expr"], target


def mapped_texts(panel_title, field):
    """Returns {value: text} of the value mappings of a field of a table."""
    (panel,) = [p for p in PANELS if p["title"] == panel_title]
    (override,) = [o for o in panel["fieldConfig"]["overrides"]
                   if o["matcher"]["options"] == field]
    (mappings,) = [p["value"] for p in override["properties"]
                   if p["id"] == "mappings"]
    return {value: result["text"] for mapping in mappings
            if mapping["type"] == "value"
            for value, result in mapping["options"].items()}


def test_errors_and_statuses_have_the_names_of_the_documentation():
    causes = mapped_texts("Errors by cause", "meaning")
    for number, text in enumerate(ERRNO_TEXTS, 1):
        assert causes[f"errno_{number}"] == text
    for cause, text in causes.items():
        assert f'{{{{- else if eq . "{cause}" }}}}{text}\n' in CONSOLE or \
            f'{{{{- if eq . "{cause}" }}}}{text}\n' in CONSOLE, cause
    statuses = mapped_texts("Recent commands", "status")
    assert sorted(statuses) == [str(number) for number in range(7)]
    for text in statuses.values():
        assert f'"{text}"' in CONSOLE, text


# ---- alerts ----


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True,
                          timeout=120, cwd=DASHBOARDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_wrong():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "prometheus-alerts.yml")


def test_the_alerts_fire_when_they_must_and_only_then():
    promtool("test", "rules", "prometheus-alerts-test.yml")


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_not():
    alerts = set(re.findall(r"- alert: (\w+)",
                            (DASHBOARDS / "prometheus-alerts.yml").read_text()))
    cases = re.findall(r"alertname: (\w+)\s+exp_alerts:( \[\])?\n",
                       (DASHBOARDS / "prometheus-alerts-test.yml").read_text())
    assert len(alerts) >= 7
    assert {name for name, none in cases if none} == alerts
    assert {name for name, none in cases if not none} == alerts


def test_prometheus_evaluates_each_rule_and_tells_of_what_failed(world):
    rules = [rule for group in world.prometheus.api("rules")["groups"]
             for rule in group["rules"]]
    assert [rule["lastError"] for rule in rules if "lastError" in rule] == []
    assert {rule["health"] for rule in rules} == {"ok"}
    firing = world.prometheus.query('ALERTS{alertstate="firing"}')
    assert {(labels["alertname"], labels["onenet"]) for labels, _ in firing} == {
        ("OnenetCommandsFailing", "lamp"), ("OnenetCommandsFailing", "pump"),
        ("OnenetCommandsUndelivered", "valve")}
    pending = world.prometheus.query('ALERTS{alertstate="pending"}')
    assert ("OnenetBreakerOpen", "backup") in {
        (labels["alertname"], labels["onenet"]) for labels, _ in pending}


# ---- the console page ----


def recent(*arguments):
    """Runs onenet-recent; returns what it wrote on stderr."""
    return subprocess.run([RECENT, *arguments], capture_output=True, text=True,
                          timeout=30, check=True).stderr


class Page(html.parser.HTMLParser):
    """What a browser has made of a page. tables: {id: [[text of each cell] of
    each row]}, that of the recent commands as "recent"; text: all of it; outcomes:
    {outcome: total} of the curve; tags: all that there are."""

    def __init__(self, dom):
        super().__init__()
        self.tables, self.text, self._row, self._cell = {}, "", [], None
        self.outcomes, self.tags, self._in_script = {}, set(), False
        self.feed(dom)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        self._in_script = tag in ("script", "style")
        if tag == "table":
            self._rows = self.tables[attrs.get("id", "recent")] = []
        elif tag == "tr":
            self._row = []
            self._rows.append(self._row)
        elif tag in ("td", "th"):
            self._row.append("")
            self._cell = len(self._row) - 1
        elif tag == "path":
            assert attrs["d"].startswith("M") and "NaN" not in attrs["d"]
            self.outcomes[attrs["data-outcome"]] = int(attrs["data-total"])

    def handle_endtag(self, tag):
        self._in_script = False
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._in_script:
            return
        self.text += data
        if self._cell is not None:
            self._row[self._cell] = (self._row[self._cell] + " " + data).strip()

    def recent(self, *names):
        """Returns these columns of the recent commands."""
        header, *rows = self.tables["recent"]
        return [tuple(row[header.index(name)] for name in names) for row in rows]


def chromium(folder, url, *options):
    """Lets a real browser, without a window, open the page, until its scripts
    have nothing to wait for; returns its stdout."""
    profile = tempfile.mkdtemp(dir=folder, prefix="chromium-")
    return subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
         "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         f"--user-data-dir={profile}", "--window-size=1200,1080",
         "--virtual-time-budget=8000", *options, url],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120,
        check=True).stdout


def page_of(prometheus):
    return Page(chromium(prometheus.folder, prometheus.url
                         + "/consoles/onenet.html", "--dump-dom"))


def test_the_console_page_shows_devices_counts_and_errors(world):
    page = page_of(world.prometheus)
    header, *rows = page.tables["devices"]
    assert {row[0] for row in rows} == set(DEVICES)
    for row in rows:
        shown = dict(zip(header, row))
        for name in ("created", *OUTCOMES, "pending"):
            assert shown[name] == str(COUNTS[row[0]].get(name, 0)), shown
        assert bool(re.fullmatch(r"[0-9.]+m?s", shown["accepted within"])) == \
            ("accepted" in COUNTS[row[0]]), shown
    errors = page.tables["errors"][1:]
    assert ["errno_10", "device not online", "lamp", "2"] in errors
    assert ["http_503", "HTTP status 503", "pump", "1"] in errors
    assert ["http_500", "HTTP status 500", "pump", "1"] in errors
    assert [row[:3] for row in errors if row[0] == "curl_7"] == [
        ["curl_7", "no connection", "siren"]]
    assert len(errors) == 4
    assert [row[:2] for row in page.tables["endpoints"][1:]] == [
        ["backup", "open"], ["cloud", "closed"]]
    assert page.tables["endpoints"][2][3] == "10"
    assert dict(zip(*page.tables["tracked"])) == {
        name: str(count) for name, count in TRACKED.items()}
    text = re.sub(r"\s+", " ", page.text)
    assert "OnenetCommandsFailing on greenhouse: lamp pump" in text
    assert "66.67% accepted" in text.replace("%accepted", "% accepted")


def test_the_console_page_shows_each_recent_command_the_refused_ones_too(world):
    world.write_recent()
    page = page_of(world.prometheus)
    assert [row[:2] for row in page.recent("device", "rule", "body")] == [
        (device, f"{device}-rule") for device in
        ("valve", "heater", "siren", "pump", "pump", "lamp", "lamp", "fan", "fan",
         "fan")]
    assert [body for (body,) in page.recent("body")][:5] == [
        "valve on", "heater on", "siren on", "pump off", "pump on"]
    outcomes = [outcome for (outcome,) in page.recent("outcome")]
    assert outcomes[:2] == ["accepted", "accepted"]
    assert outcomes[2].startswith("waiting curl_7: ")
    assert outcomes[3].startswith("unknown http_500")
    assert outcomes[5].startswith("refused errno_10: device not online")
    assert {uuid: device for device, uuid in page.recent("device", "cmd_uuid")
            if uuid != "\u2013"} == world.greenhouse.uuids()
    (at,) = page.recent("time")[0]
    assert re.fullmatch(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d", at)


def test_a_command_that_nobody_asks_for_is_not_followed(world):
    world.write_recent()
    assert page_of(world.prometheus).recent("device", "at OneNET") == [
        ("valve", "0 device not online"), ("heater", "5 no answer in time"),
        ("siren", "\u2013"), ("pump", "\u2013"), ("pump", "not followed"),
        ("lamp", "\u2013"), ("lamp", "\u2013"), ("fan", "4 answered"),
        ("fan", "4 answered"), ("fan", "4 answered")]


def test_the_curve_of_the_console_page_has_the_outcomes_of_the_last_hour(world):
    assert page_of(world.prometheus).outcomes == {
        name: total(name) for name in OUTCOMES if total(name)}


def test_the_console_page_says_what_to_run_to_see_recent_commands(world):
    for file in world.prometheus.user_assets.glob("onenet-*"):
        file.unlink()
    page = page_of(world.prometheus)
    assert "recent" not in page.tables
    assert f"onenet-recent --every 10 --host '{HOST}' /var/lib/collectd/onenet.db" \
        in page.text
    assert "--web.user-assets=FOLDER" in page.text


def test_recent_commands_that_are_not_recent_any_more_are_called_old(world):
    world.write_recent()
    assert "This is old" not in page_of(world.prometheus).text
    (file,) = world.prometheus.user_assets.glob("onenet-*.json")
    content = json.loads(file.read_text())
    content["written_at"] -= 600
    file.write_text(json.dumps(content))
    page = page_of(world.prometheus)
    assert "as of 10 min ago" in page.text and "This is old" in page.text
    assert len(page.recent("device")) == 10


HOSTILE = ("<img src=x onerror=\"document.body.textContent='owned'\">"
           "<script>document.body.textContent='owned'</script>"
           "\"quoted\" 'quoted' \\ \n\t{{ . }} " + 100 * "long")


@pytest.fixture(name="hostile_ledger")
def ledger_with_hostile_texts(world, folder):
    """A copy of the greenhouse's in which all that others write is HTML."""
    path = folder / "hostile.db"
    with contextlib.closing(sqlite3.connect(
            world.greenhouse.folder / "onenet.db")) as ledger, \
            contextlib.closing(sqlite3.connect(path)) as copy:
        ledger.backup(copy)
        copy.execute("UPDATE commands SET body = ?, error = ?, cause = ?",
                     (HOSTILE, HOSTILE, HOSTILE))
        copy.execute("UPDATE commands SET cmd_uuid = ? WHERE cmd_uuid IS NOT NULL",
                     (HOSTILE,))
        copy.execute("UPDATE commands SET body = x'00ff3c' WHERE id = 1")
        copy.commit()
    return path


def test_a_body_that_is_html_is_shown_as_text(world, hostile_ledger):
    world.write_recent(hostile_ledger)
    page = page_of(world.prometheus)
    assert "img" not in page.tags and "owned" != page.text.strip()
    *texts, blob = [body for (body,) in page.recent("body")]
    assert texts == 9 * [HOSTILE[:400].strip() + " \u2026"]
    assert blob == "x'00FF3C'"
    (refused,) = {outcome for device, outcome in page.recent("device", "outcome")
                  if device == "lamp"}
    assert refused == f"refused {HOSTILE}: {HOSTILE}"


# Of the page in a frame of that width: what is wider than what it is in.
PHONE = """<!DOCTYPE html><html><body><iframe width="390" height="800"
src="/consoles/onenet.html"></iframe><pre id="answer"></pre><script>
addEventListener("load", () => setTimeout(() => {
  const page = document.querySelector("iframe").contentDocument;
  const width = page.defaultView.innerWidth;
  const wide = [...page.querySelectorAll("body *")].filter(one =>
    one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1 ||
    one.getBoundingClientRect().right > width + 1);
  document.querySelector("#answer").textContent = JSON.stringify({
    width: width, scrollWidth: page.documentElement.scrollWidth,
    commands: page.querySelectorAll(".recent-commands tr").length,
    paths: page.querySelectorAll("path").length,
    wide: wide.map(one => one.tagName + "." + one.className)});
}, 3000));
</script></body></html>"""


@pytest.mark.parametrize("is_hostile", [False, True])
def test_nothing_of_the_console_page_is_cut_off_on_a_phone(world, hostile_ledger,
                                                           is_hostile):
    world.write_recent(hostile_ledger if is_hostile else None)
    (world.prometheus.user_assets / "phone.html").write_text(PHONE)
    dom = chromium(world.greenhouse.folder,
                   world.prometheus.url + "/user/phone.html", "--dump-dom")
    answer = json.loads(html.unescape(
        re.search(r'<pre id="answer">(.*?)</pre>', dom, re.S)[1]))
    assert answer == {"width": 390, "scrollWidth": 390, "commands": 11,
                      "paths": 4, "wide": []}


def painted(world, name, *options):
    image = world.greenhouse.folder / name
    chromium(world.greenhouse.folder,
             world.prometheus.url + "/consoles/onenet.html", *options,
             f"--screenshot={image}")
    content = image.read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) > 20000
    return content


def test_the_console_page_is_painted_light_and_dark_and_needs_nobody_else(world):
    """$ONENET_SCREENSHOT names a file to keep what was painted."""
    assert not re.search(r"""(src|href)="?(https?:|/)|url\(|@import|<script\s""",
                         CONSOLE)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|"
                         r"eval\(|createContextualFragment", CONSOLE)
    world.write_recent()
    light = painted(world, "console.png", "--blink-settings=preferredColorScheme=1")
    dark = painted(world, "dark.png", "--blink-settings=preferredColorScheme=0")
    assert light != dark
    if os.environ.get("ONENET_SCREENSHOT"):
        pathlib.Path(os.environ["ONENET_SCREENSHOT"]).write_bytes(light)


FLEET = """
collectd_onenet_records{onenet="agent",type="pending",instance="plant"} 7
collectd_onenet_total_requests_total{onenet="cloud",instance="plant"} 5000
collectd_onenet_bool{onenet="cloud",type="circuit_open",instance="plant"} 0
collectd_onenet_commands_total{onenet="cloud",type="created",instance="plant"} 5007
collectd_onenet_commands_total{onenet="cloud",type="accepted",instance="plant"} 4500
collectd_onenet_commands_total{onenet="cloud",type="refused",instance="plant"} 500
collectd_onenet_pending_operations{onenet="fan",instance="plant"} 1
collectd_onenet_commands_total{onenet="fan",type="created",instance="plant"} 3
collectd_onenet_commands_total{onenet="fan",type="accepted",instance="plant"} 1
collectd_onenet_commands_total{onenet="fan",type="refused",instance="plant"} 1
"""


@pytest.fixture(name="plant")
def prometheus_of_a_plant(folder):
    """A Prometheus that scrapes a fleet of which one device is reported by itself,
    and the totals of all by their endpoint."""

    class Metrics(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(FLEET.encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with Prometheus(folder, f"127.0.0.1:{server.server_port}") as prom:
                wait_until(lambda: prom.query("collectd_onenet_records"), 20,
                           "the first scrape")
                yield prom
        finally:
            server.shutdown()


def test_the_totals_of_a_fleet_are_those_of_its_endpoints(plant):
    page = page_of(plant)
    header, *rows = page.tables["devices"]
    assert [row[0] for row in rows] == ["fan"]
    shown = dict(zip(header, rows[0], strict=True))
    assert (shown["created"], shown["accepted"], shown["refused"],
            shown["expired"], shown["pending"]) == ("3", "1", "1", "0", "1")
    assert [row[0] for row in page.tables["endpoints"][1:]] == ["cloud"]
    text = re.sub(r"\s+", " ", page.text)
    assert "90%accepted" in text
    assert "500failed" in text
    assert "7pending" in text


@pytest.mark.parametrize("device, ratio, failed, pending, accepted", [
    (".*", 0.9, 500, 7, 4500), ("fan", 0.5, 1, 1, 1)])
def test_the_dashboard_shows_totals_of_a_fleet_or_of_the_device_that_is_chosen(
        plant, device, ratio, failed, pending, accepted):
    def shown(title):
        (panel,) = [p for p in PANELS if p["title"] == title]
        return {key_of(labels): value for labels, value in plant.query(
            substituted(panel["targets"][0]["expr"], device=device))}

    assert shown("Success ratio") == {"": ratio}
    assert shown("Failed") == {"": failed}
    assert shown("Pending") == {"": pending}
    assert shown("Commands by outcome") == {"accepted": accepted,
                                            "refused": failed}
    assert shown("Devices") == {"fan created": 3, "fan accepted": 1,
                                "fan refused": 1, "fan pending": 1}


def test_what_needs_a_series_for_each_command_says_so():
    for panel in PANELS:
        if any("onenet_gauge" in target["expr"] for target in panel["targets"]):
            assert "Needs CommandSeries true" in panel["description"]
            assert "CommandSeries" in panel["fieldConfig"]["defaults"]["noValue"]


def test_the_console_page_says_what_is_missing_while_there_is_nothing(folder):
    with Prometheus(folder, "127.0.0.1:9") as prometheus:
        answer = prometheus.get("/consoles/onenet.html")
    assert answer.status == 200
    assert b"knows no metrics of collectd-onenet yet" in answer.body


# ---- onenet-recent ----


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_recent_commands_are_written_with_their_texts_as_they_are(world, folder,
                                                                  hostile_ledger):
    assert recent(hostile_ledger, folder, "--host", "h") == ""
    assert (folder / "onenet-h.json").stat().st_mode & 0o777 == 0o644
    content = json.loads((folder / "onenet-h.json").read_text())
    assert time.time() - 10 < content["written_at"] < time.time() + 1
    assert {c["body"] for c in content["commands"]} == {HOSTILE[:400], "x'00FF3C'"}
    assert [c["outcome"] for c in content["commands"]][2:4] == [None, "unknown"]
    assert world.greenhouse.daemon.is_running()


def test_what_can_not_be_read_leaves_what_was_written_before(folder):
    assets = folder / "assets"
    assets.mkdir()
    (assets / "onenet-h.json").write_text("before")
    (folder / "junk.db").write_text("no database, but long enough to look at")
    for ledger in ("junk.db", "missing.db"):
        done = subprocess.run([RECENT, folder / ledger, assets, "--host", "h"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"onenet-recent: {folder / ledger}: ")
    assert files_in(assets) == ["onenet-h.json"]
    assert (assets / "onenet-h.json").read_text() == "before"
    assert not (folder / "missing.db").exists()


@pytest.mark.parametrize("arguments, complaint", [
    ([], "a LEDGER and a FOLDER are needed"),
    (["onenet.db"], "a LEDGER and a FOLDER are needed"),
    (["onenet.db", ".", "more"], '"more" is one argument too many'),
    (["--evry", "onenet.db", "."], "unknown option --evry"),
    (["onenet.db", ".", "--every"], "--every needs a value"),
    (["onenet.db", ".", "--every", "0"], "--every 0: must be 1..86400"),
    (["onenet.db", ".", "--every", "86401"], "--every 86401: must be 1..86400"),
    (["onenet.db", ".", "--every", "1s"], "--every 1s: must be 1..86400"),
    (["onenet.db", ".", "--host", "../h"], '--host "../h": must be a name')])
def test_onenet_recent_says_what_is_wrong_with_its_options(folder, arguments,
                                                           complaint):
    done = subprocess.run([RECENT, *arguments], capture_output=True, text=True,
                          check=False, cwd=folder)
    assert done.returncode == 2 and complaint in done.stderr
    assert files_in(folder) == []


def test_recent_commands_are_written_again_and_again_until_it_is_ended(world,
                                                                       folder):
    process = subprocess.Popen([RECENT, "--every", "1", "--host", "h",
                                world.greenhouse.folder / "onenet.db", folder])
    try:
        file = folder / "onenet-h.json"
        wait_until(file.exists, 10, "the file")
        first = json.loads(file.read_text())
        assert first["every_s"] == 1
        file.unlink()
        wait_until(file.exists, 10, "the file again")
        again = json.loads(file.read_text())
        assert again["written_at"] > first["written_at"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    assert files_in(folder) == ["onenet-h.json"]
