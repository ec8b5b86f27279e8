# SPDX-License-Identifier: MIT
"""A greenhouse with a command of nearly every fate, for the tests of what shows
them: dashboards, console page, SQL.

    with Simulator(*SIM_OPTIONS) as sim:
        greenhouse = Greenhouse(folder, sim)
        greenhouse.start()
        greenhouse.play()              # then the counts are those of COUNTS
"""

import sqlite3

from collectd import free_port
from conftest import Setup
from simulator import wait_until

HOST = "greenhouse"
DEVICES = {"fan": "8029377", "lamp": "8029378", "pump": "8029379",
           "siren": "8029380"}
SIM_OPTIONS = ["--rate", "0", *(word for number in DEVICES.values()
                                for word in ("--device", number))]

# What is left of each device when the story has been told; the rest is 0.
COUNTS = {
    "fan": {"created": 4, "accepted": 3, "unchanged": 1},
    "lamp": {"created": 2, "refused": 2},
    "pump": {"created": 2, "accepted": 1, "unknown": 1},
    "siren": {"created": 1, "pending": 1},
}
# Told by hand: a device that no rule of the greenhouse tracks.
TRACKED = {"answered": 5, "delivered": 7, "unanswered": 2, "undelivered": 1}
ANSWERED_WITHIN_S = 1.5
OUTCOMES = ("accepted", "refused", "unknown", "expired", "superseded",
            "unchanged", "dropped", "cancelled")


def total(name):
    """Returns how many commands of all devices had this fate."""
    return sum(counts.get(name, 0) for counts in COUNTS.values())


class Greenhouse(Setup):
    """fan and pump are online, lamp is not, and nothing listens where the
    endpoint of siren should be. Each device has a rule of its name for a sensor of
    its name."""

    def start(self):
        self.sim.put_device(DEVICES["lamp"], online=False)
        block = "CommandSeries true\n" + self.endpoint() + f"""
<Endpoint "backup">
  URL "http://127.0.0.1:{free_port()}/cmds"
  APIKeyFile "{self.key_file}"
  BreakerThreshold 1
</Endpoint>
"""
        for name, number in DEVICES.items():
            endpoint = "backup" if name == "siren" else "cloud"
            block += f"""
<Device "{name}">
  DeviceID "{number}"
  Endpoint "{endpoint}"
</Device>
<Rule "{name}-rule">
  PluginInstance "{name}"
  Device "{name}"
  OnFailure "{name} on"
  OnOkay "{name} off"
</Rule>
"""
        # collectd forgets a series that is silent for two intervals.
        return super().start(block, threshold="", interval=1,
                             extra=f'Hostname "{HOST}"\n')

    def play(self):
        """Tells the story; returns when the ledger knows all of it."""
        self.notify("fan", "failure", accepted=1)
        self.notify("fan", "okay", accepted=2)
        self.notify("fan", "failure", accepted=3)
        self.notify("fan", "failure", unchanged=1)
        self.putnotif("lamp", "okay")  # ignored: nothing is recorded of it
        self.notify("lamp", "failure", refused=1)
        self.notify("lamp", "failure", refused=2)
        self.sim.fault(device_id=DEVICES["pump"], status=503,
                       headers={"Retry-After": "1"})
        self.notify("pump", "failure", accepted=1)
        self.sim.fault(device_id=DEVICES["pump"], status=500)
        self.notify("pump", "okay", unknown=1)
        self.notify("siren", "failure", pending=1)
        assert self.counts() == COUNTS
        for name, count in TRACKED.items():
            self.daemon.putval(f"{HOST}/onenet-valve/commands-{name}", count,
                               interval=600)
        self.daemon.putval(f"{HOST}/onenet-valve/latency-answer-average",
                           ANSWERED_WITHIN_S, interval=600)

    def putnotif(self, device, severity):
        self.daemon.putnotif(severity, host=HOST, plugin="sensors",
                             plugin_instance=device, type="temperature")

    def notify(self, device, severity, **wanted):
        """A notification, and what it must lead to."""
        self.putnotif(device, severity)
        wait_until(lambda: wanted.items() <= self.counts().get(
            device, {}).items(), 20, f"{device}: {wanted}")

    def counts(self):
        """Returns {device: {fate: count}} of the ledger, without what is 0."""
        ledger = sqlite3.connect(self.folder / "onenet.db")
        try:
            ledger.row_factory = sqlite3.Row
            return {row["device"]: {name: row[name] for name in row.keys()
                                    if name != "device" and row[name]}
                    for row in ledger.execute("SELECT * FROM by_device")}
        finally:
            ledger.close()

    def uuids(self):
        """Returns {cmd_uuid: device} of what devices received."""
        return {command["uuid"]: name for name, number in DEVICES.items()
                for command in self.sim.received(number)}
