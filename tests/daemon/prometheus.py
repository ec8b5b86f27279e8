# SPDX-License-Identifier: MIT
"""Runs a private Prometheus with what dashboards/ ships, for a test.

    with Prometheus(folder, "127.0.0.1:9103") as prometheus:
        prometheus.query("sum(collectd_onenet_records)")   # [({}, 0.0)]

It is Debian's, with dashboards/prometheus.yml for its configuration: only the
address to scrape, the intervals and the folder of the rules are replaced.
Standard library only.
"""

import json
import math
import pathlib
import signal
import subprocess
import time
import urllib.parse

from collectd import free_port
from simulator import ROOT, Simulator, wait_until

DASHBOARDS = ROOT / "dashboards"
SCRAPE_INTERVAL_S = 0.5


def config_text(target):
    """Returns dashboards/prometheus.yml for a target and a test's patience."""
    text = (DASHBOARDS / "prometheus.yml").read_text()
    for old, new in (("localhost:9103", target),
                     ("scrape_interval: 15s",
                      f"scrape_interval: {int(SCRAPE_INTERVAL_S * 1000)}ms"),
                     ("evaluation_interval: 15s", "evaluation_interval: 1s"),
                     ("- prometheus-alerts.yml",
                      f"- {DASHBOARDS}/prometheus-alerts.yml")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class Prometheus:
    """One process. url: where it answers; port, an int."""

    def __init__(self, folder, target):
        """Its files are in `folder`, what it serves as /user/ in user_assets.
        Nothing runs before start()."""
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ssl_context = None  # for Simulator.connect
        self.user_assets = self.folder / "user"
        self.user_assets.mkdir(exist_ok=True)
        self.config = self.folder / "prometheus.yml"
        self.config.write_text(config_text(target))
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._log = (self.folder / "prometheus.log").open("w")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={self.config}",
             f"--web.listen-address=127.0.0.1:{self.port}",
             f"--storage.tsdb.path={self.folder}/prometheus",
             f"--web.console.templates={DASHBOARDS}/console",
             f"--web.console.libraries={DASHBOARDS}/console",
             f"--web.user-assets={self.user_assets}"],
            stdout=self._log, stderr=subprocess.STDOUT)
        wait_until(self._is_ready, 30, "Prometheus to start")
        return self

    def _is_ready(self):
        if self._process.poll() is not None:
            raise RuntimeError("Prometheus ended: " + self.log())
        try:
            return self.get("/-/ready").status == 200
        except OSError:
            return False

    def stop(self):
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self._log.close()

    def log(self):
        return (self.folder / "prometheus.log").read_text()

    # ---- its HTTP interface ----

    def connect(self, timeout):
        return Simulator.connect(self, timeout)

    def get(self, path):
        return Simulator.http(self, "GET", path)

    def api(self, path, **parameters):
        """Returns the `data` of an answer; AssertionError with what Prometheus
        says if it is none. A parameter may be a list."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        answer = self.get(f"/api/v1/{path}?{query}")
        content = json.loads(answer.body)
        assert content["status"] == "success", f"{parameters}: {content}"
        return content["data"]

    def query(self, expression):
        """Returns the samples of now as (labels, value)."""
        data = self.api("query", query=expression)
        assert data["resultType"] == "vector", data
        return [(s["metric"], float(s["value"][1])) for s in data["result"]]

    def peaks(self, expression, seconds):
        """Returns (labels, the highest value that is a number) of each series of
        the last seconds."""
        now = time.time()
        data = self.api("query_range", query=expression, start=now - seconds,
                        end=now, step=SCRAPE_INTERVAL_S)
        peaks = []
        for series in data["result"]:
            values = [float(value) for _, value in series["values"]]
            peaks.append((series["metric"],
                          max(v for v in values + [-math.inf]
                              if not math.isnan(v))))
        return peaks

    def number(self, expression):
        """Returns the value of a query that gives one sample, or None."""
        samples = self.query(expression)
        return samples[0][1] if len(samples) == 1 else None
