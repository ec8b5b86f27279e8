# SPDX-License-Identifier: MIT
"""A greenhouse with a command of nearly every fate, for the tests of what shows
them: dashboards, console page, SQL, onenetctl.

    with running_greenhouse() as greenhouse:
        greenhouse.play()              # then the counts are those of COUNTS
"""

import contextlib
import pathlib
import shutil
import socket
import sqlite3
import tempfile

from conftest import Setup
from simulator import Simulator, wait_until

HOST = "greenhouse"
DEVICES = {"fan": "8029377", "heater": "8029378", "lamp": "8029379",
           "pump": "8029380", "siren": "8029381", "valve": "8029382"}
SIM_OPTIONS = ["--rate", "0", "--answer-timeout", "1",
               *(word for number in DEVICES.values()
                 for word in ("--device", number))]

# What is left of each device when the story has been told; the rest is 0.
COUNTS = {
    "fan": {"created": 4, "accepted": 3, "unchanged": 1},
    "heater": {"created": 1, "accepted": 1},
    "lamp": {"created": 2, "refused": 2},
    "pump": {"created": 2, "accepted": 1, "unknown": 1},
    "siren": {"created": 1, "pending": 1},
    "valve": {"created": 1, "accepted": 1},
}
# OneNET's last word on the commands of the devices that are tracked.
STATUSES = {"fan": 4, "heater": 5, "valve": 0}
TRACKED = {"answered": 3, "delivered": 4, "unanswered": 1, "undelivered": 1}
OUTCOMES = ("accepted", "refused", "unknown", "expired", "superseded",
            "unchanged", "dropped", "cancelled")


def total(name):
    """Returns how many commands of all devices had this fate."""
    return sum(counts.get(name, 0) for counts in COUNTS.values())


class Greenhouse(Setup):
    """fan is online and answers, heater and pump are online and do not, lamp and
    valve are offline, of which valve's commands may wait a while, and nothing
    listens where the endpoint of siren should be. Each device has a rule of its
    name for a sensor of its name."""

    def start(self):
        self.deaf = socket.socket()  # has a port, and does not listen
        self.deaf.bind(("127.0.0.1", 0))
        self.sim.put_device(DEVICES["fan"], answer="done")
        self.sim.put_device(DEVICES["lamp"], online=False)
        self.sim.put_device(DEVICES["valve"], online=False)
        block = "CommandSeries true\n" + self.endpoint() + f"""
<Endpoint "backup">
  URL "http://127.0.0.1:{self.deaf.getsockname()[1]}/cmds"
  APIKeyFile "{self.key_file}"
  BreakerThreshold 1
</Endpoint>
"""
        for name, number in DEVICES.items():
            endpoint = "backup" if name == "siren" else "cloud"
            timeout_s = 30 if name == "valve" else 0
            tracked = "true" if name in STATUSES else "false"
            block += f"""
<Device "{name}">
  DeviceID "{number}"
  Endpoint "{endpoint}"
  Timeout {timeout_s}
</Device>
<Rule "{name}-rule">
  PluginInstance "{name}"
  Device "{name}"
  OnFailure "{name} on"
  OnOkay "{name} off"
  Track {tracked}
</Rule>
"""
        # collectd forgets a series that is silent for two intervals.
        return super().start(block, threshold="", interval=1,
                             extra=f'Hostname "{HOST}"\n')

    def play(self):
        """Tells the story; returns when the ledger knows all of it."""
        self.lead("fan", "failure", accepted=1)
        self.lead("fan", "okay", accepted=2)
        self.lead("fan", "failure", accepted=3)
        self.lead("fan", "failure", unchanged=1)
        self.putnotif("lamp", "okay")  # ignored: nothing is recorded of it
        self.lead("lamp", "failure", refused=1)
        self.lead("lamp", "failure", refused=2)
        self.sim.fault(device_id=DEVICES["pump"], status=503,
                       headers={"Retry-After": "1"})
        self.lead("pump", "failure", accepted=1)
        self.sim.fault(device_id=DEVICES["pump"], status=500)
        self.lead("pump", "okay", unknown=1)
        self.lead("siren", "failure", pending=1)
        self.lead("heater", "failure", accepted=1)
        self.lead("valve", "failure", accepted=1)
        self.sim.advance(60)
        wait_until(lambda: self.statuses() == set(STATUSES.items()), 20,
                   "the statuses")
        assert self.counts() == COUNTS

    def putnotif(self, device, severity):
        self.daemon.putnotif(severity, host=HOST, plugin="sensors",
                             plugin_instance=device, type="temperature")

    def lead(self, device, severity, **wanted):
        """Sends a notification, and waits for what it must lead to."""
        self.putnotif(device, severity)
        wait_until(lambda: wanted.items() <= self.counts().get(
            device, {}).items(), 20, f"{device}: {wanted}")

    def query(self, sql, row_factory=sqlite3.Row):
        """Returns the rows that the ledger answers, by name or as told."""
        return super().query(sql, row_factory)

    def counts(self):
        """Returns {device: {fate: count}} of the ledger, without what is 0."""
        return {row["device"]: {name: row[name] for name in row.keys()
                                if name != "device" and row[name]}
                for row in self.query("SELECT * FROM by_device")}

    def statuses(self):
        """Returns (device, status) of each command that is tracked, as a set."""
        return {tuple(row) for row in self.query(
            "SELECT device, status FROM commands WHERE status IS NOT NULL")}

    def uuids(self):
        """Returns {cmd_uuid: device} of what was accepted."""
        return {row["cmd_uuid"]: row["device"] for row in self.query(
            "SELECT cmd_uuid, device FROM commands WHERE outcome = 'accepted'")}


@contextlib.contextmanager
def running_greenhouse():
    """A greenhouse that has been started, in a folder of its own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="onenet-"))
    try:
        with Simulator(*SIM_OPTIONS) as sim:
            greenhouse = Greenhouse(folder, sim)
            greenhouse.start()
            try:
                yield greenhouse
            finally:
                greenhouse.daemon.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
