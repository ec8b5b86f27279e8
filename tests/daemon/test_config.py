# SPDX-License-Identifier: MIT
"""A bad configuration stops the start with one line that says what to mend; the
configurations that are shown to users load."""

import os
import re
import subprocess

import pytest

from collectd import BUILD_DIR, Collectd, sanitizer_environment
from conftest import FAN_ID
from simulator import API_KEY, ROOT, wait_until


def faults(setup, block):
    """Returns what `collectd -T` says of it, and that it refused; onenetctl check
    says the same, with a place in the file."""
    daemon = Collectd(setup.folder, block)
    status, said = daemon.test()
    assert status != 0, said
    assert API_KEY not in said
    lines = re.findall(r"onenet plugin: (.*)", said)
    status, found = daemon.check()
    assert status == 1
    assert API_KEY not in str(found)
    told = {one["text"] for one in found if one["level"] == "fault"}
    assert told <= set(lines) <= {one["text"] for one in found}
    text = daemon.config.read_text().splitlines()
    for one in found:
        if one["level"] == "fault":
            assert one["file"] == str(daemon.config)
            assert text[one["line"] - 1].strip(), one
    return lines


@pytest.mark.parametrize("parts, fault", [
    ({"endpoint": '<Endpoint "cloud">\nAPIKey "x"\n</Endpoint>\n'},
     'Endpoint "cloud": URL'),
    ({"endpoint": '<Endpoint "cloud">\nURL "http://127.0.0.1/cmds"\n'
                  "</Endpoint>\n"}, 'Endpoint "cloud": APIKeyFile'),
    ({"endpoint": '<Endpoint "cloud">\nURL "ftp://127.0.0.1/cmds"\n'
                  'APIKey "x"\n</Endpoint>\n'},
     'Endpoint "cloud": URL "ftp://127.0.0.1/cmds"'),
    ({"endpoint": '<Endpoint "cloud">\nURL "https://api.heclouds.com"\n'
                  'APIKey "x"\n</Endpoint>\n'},
     'Endpoint "cloud": URL "https://api.heclouds.com": its path must end in '
     '/cmds, as in https://api.heclouds.com/cmds'),
    ({"endpoint": '<Endpoint "cloud">\nURL "https://127.0.0.1/cmds"\n'
                  'APIKey "x "\n</Endpoint>\n'},
     'Endpoint "cloud": APIKey "...": must not begin or end with a blank'),
    ({"endpoint": '<Endpoint "cloud">\nURL "http://127.0.0.1/cmds"\n'
                  'APIKeyFile "/nowhere/key"\n</Endpoint>\n'},
     'Endpoint "cloud": APIKeyFile "/nowhere/key"'),
    ({"endpoint": '<Endpoint "cloud">\nURL "http://127.0.0.1/cmds"\n'
                  f'APIKeyFile "{API_KEY}="\n</Endpoint>\n'},
     'Endpoint "cloud": APIKeyFile "...": must be the path of a file'),
    ({"more": 'APIKey "x"\n'},
     'Plugin "onenet": APIKey: unknown option here, it goes into <Endpoint>'),
    ({"fan": '<Device "fan">\n</Device>\n'}, 'Device "fan": DeviceID'),
    ({"fan": f'<Device "fan">\nDeviceID "{FAN_ID}"\nTimeout -1\n</Device>\n'},
     'Device "fan": Timeout -1: must be 0..2678400'),
    ({"fan": f'<Device "fan">\nDeviceID "{FAN_ID}"\nTimeout 2678401\n</Device>\n'},
     'Device "fan": Timeout 2678401: must be 0..2678400'),
    ({"rule": '<Rule "overheat">\nOnFailure "on"\n</Rule>\n'},
     'Rule "overheat": Device'),
    ({"rule": '<Rule "overheat">\nDevice "fun"\nOnFailure "on"\n</Rule>\n'},
     'Rule "overheat": Device "fun"'),
    ({"rule": '<Rule "overheat">\nDevice "fan"\nOnFailur "on"\n</Rule>\n'},
     'Rule "overheat": OnFailur'),
    ({"more": "Ledgr true\n"}, "Ledgr"),
    ({"more": 'Ledger "/nowhere/onenet.db"\n'},
     'Ledger "/nowhere/onenet.db": the directory /nowhere does not exist'),
])
def test_a_bad_configuration_stops_the_start_with_one_line(setup, parts, fault):
    said = faults(setup, setup.block(**parts))
    assert any(fault in line for line in said), said


@pytest.mark.parametrize("lines, words", [
    (r'OnFailure "{"fan":"on"}"', r"put \ before each inner quote, as in "
     r'OnFailure "{\"fan\":\"on\"}"'),
    (r'OnFailure "{"fan":1,"at":{"rack":"7"}}"',
     r"put \ before each inner quote"),
    (r'OnFailure "{\"host\":%{host}}"',
     r'%{host} is a text outside the quotes of JSON: must be "%{host}" (within '
     r'the quotes of an option: \"%{host}\")'),
    (r'OnFailure "{\"t\":%{value|none}}"', "a default outside the quotes of "
     "JSON must be a number, true, false or null"),
    ('OnFailure "1"\nMissing fire',
     'Missing "fire": is not an option any more: leave it out, and missing '
     'values change nothing; or write OnMissing "..."'),
    ("", "OnFailure: missing, must be a template, or OnWarning, OnMissing or "
     "OnOkay"),
])
def test_a_wrong_body_is_answered_with_what_to_write(setup, lines, words):
    said = faults(setup, setup.block(rule=setup.rule("Format json\n" + lines)))
    assert any(words in line for line in said), said


def test_a_misspelt_option_is_answered_with_the_nearest_one(setup):
    said = faults(setup, setup.block(rule=setup.rule('OnFailur "on"')))
    assert any("OnFailure?" in line for line in said), said


def test_all_faults_are_reported_in_one_start(setup):
    said = faults(setup, setup.block(
        fan=f'<Device "fan">\nDeviceID "{FAN_ID}"\nTimeout -1\nQoS 2\n</Device>\n',
        rule=setup.rule('OnFailure "%{hosst}"\nCooldown soon')))
    text = "\n".join(said)
    for part in ("Timeout -1", "QoS 2", "hosst", "Cooldown"):
        assert part in text


def test_the_daemon_does_not_start_either(setup):
    daemon = Collectd(setup.folder, setup.block(fan=setup.fan("Timeout -1")))
    daemon.start(ready=False)
    assert daemon.wait() != 0
    assert "Timeout -1: must be 0..2678400" in daemon.output + daemon.log()


def test_a_directory_for_the_ledger_is_not_made(setup):
    place = setup.folder / "not-mounted"
    daemon = Collectd(setup.folder, setup.block(f'Ledger "{place}/onenet.db"\n'))
    status, said = daemon.test()
    assert status != 0, said
    daemon.start(ready=False)
    assert daemon.wait() != 0
    assert f"the directory {place} does not exist" in daemon.output + daemon.log()
    assert not place.exists()


class Fleet:
    """A configuration with a DeviceFile, which has worked once."""

    def __init__(self, setup, rule_device="%{host}"):
        self.setup = setup
        self.file = setup.folder / "devices.csv"
        self.file.write_text("\ufeff# the fleet\nrack1,8029377\nrack2,8029378\n")
        self.block = (setup.endpoint() + f'DeviceFile "{self.file}"\n'
                      + f"""
<Rule "overheat">
  Plugin "sensors"
  Device "rack1"
  Device "{rule_device}"
  OnFailure "on"
</Rule>
""")

    def break_a_line(self):
        self.file.write_text("rack1,8029377\nrack2,8029378,,1h\nrack3,1\n")

    def restart(self):
        self.setup.daemon.stop()
        self.setup.daemon.start()
        return self.setup.daemon.log()


def test_a_bad_line_of_a_device_file_stops_the_first_start(setup):
    fleet = Fleet(setup)
    fleet.break_a_line()
    daemon = Collectd(setup.folder, fleet.block)
    daemon.start(ready=False)
    assert daemon.wait() != 0
    assert (f'DeviceFile "{fleet.file}" line 2: timeout "1h": must be '
            "0..2678400\n") in daemon.output + daemon.log()


def test_at_a_restart_a_bad_line_is_skipped_logged_and_counted(setup):
    fleet = Fleet(setup, rule_device="rack2")
    setup.start(fleet.block)
    wait_until(lambda: setup.metric("onenet-agent/count-skipped_lines") == 0,
               20, "the metric")
    fleet.break_a_line()
    log = fleet.restart()
    assert re.search(rf'\[error\] onenet plugin: DeviceFile "{fleet.file}" line '
                     r'2: timeout "1h": must be 0..2678400; this line is skipped',
                     log), log
    assert 'Rule "overheat": Device "rack2": no such device' in log
    wait_until(lambda: setup.metric("onenet-agent/count-skipped_lines") == 1,
               20, "the count")
    setup.daemon.putnotif("failure", plugin="sensors")
    setup.wait_for_outcomes("rack1", created=1, accepted=1)
    # A second restart is no stricter, until the file is right again.
    fleet.restart()
    wait_until(lambda: setup.metric("onenet-agent/count-skipped_lines") == 1,
               20, "the count")
    fleet.file.write_text("rack1,8029377\nrack2,8029378\n")
    fleet.restart()
    wait_until(lambda: setup.metric("onenet-agent/count-skipped_lines") == 0,
               20, "no count")


def test_a_check_of_a_file_that_worked_is_as_strict_as_ever(setup):
    fleet = Fleet(setup)
    setup.start(fleet.block)
    setup.daemon.stop()
    marker = setup.folder / "onenet.db.devices"
    known = marker.read_text()
    assert known.splitlines()[-1] == str(fleet.file)
    fleet.break_a_line()
    status, said = setup.daemon.test()
    assert status != 0
    assert f'DeviceFile "{fleet.file}" line 2: timeout "1h"' in said
    assert marker.read_text() == known
    assert "skipped" not in said


@pytest.mark.parametrize("more", ["DryRun true\n", 'Ledger ":memory:"\n'])
def test_without_a_file_for_the_ledger_nothing_is_remembered(setup, more):
    fleet = Fleet(setup)
    setup.start(fleet.block + more)
    setup.daemon.stop()
    assert not list(setup.folder.glob("*.devices*"))
    fleet.break_a_line()
    setup.daemon.start(ready=False)
    assert setup.daemon.wait() != 0


def test_collectd_s_own_checks_are_as_the_manual_says(setup):
    """-t looks into no block; -T runs the other plugins; with syslog in front of
    the plugin, it is not said what is wrong."""
    wrong = setup.block(fan=setup.fan("Timeout -1"))
    daemon = Collectd(setup.folder, wrong)
    assert subprocess.run(daemon.command("-t"), check=False).returncode == 0
    text = daemon.config.read_text()
    daemon.config.write_text("LoadPlugin syslog\n" + re.sub(
        r"LoadPlugin logfile\n<Plugin logfile>.*?</Plugin>\n", "", text,
        flags=re.S))
    status, said = daemon.test()
    assert status != 0
    assert "Timeout" not in said
    data = setup.folder / "csv"
    daemon.configure(setup.block(), extra=(
        f'LoadPlugin load\nLoadPlugin csv\n<Plugin csv>\nDataDir "{data}"\n'
        "</Plugin>\n"))
    def writes():  # mostly: it may end before
        assert daemon.test()[0] == 0
        return list(data.glob("**/load*"))
    wait_until(writes, 20, "a file of csv")
    assert not (setup.folder / "onenet.db").exists()
    for page in ("collectd-onenet.5", "operators.md"):
        words = (ROOT / "doc" / page).read_text().replace("\\", "")
        for word in ("collectd -T", "collectd -t", "journalctl -t collectd",
                     "write_http posts", "exec runs", "rrdtool"):
            assert word in words, (page, word)


def test_the_plugin_s_own_file_can_be_checked_alone(setup):
    alone = setup.folder / "alone.conf"
    sample = (ROOT / "collectd.conf.d" / "onenet.conf").read_text().replace(
        "/etc/collectd/onenet.key", str(setup.key_file))
    for wrong, status in (("", 0), ("QoS 2\n", 1)):
        alone.write_text(
            f'PluginDir "{BUILD_DIR}/.libs"\nBaseDir "{setup.folder}"\n'
            + sample.replace('DeviceID "8029377"\n',
                             f'DeviceID "8029377"\n{wrong}'))
        done = subprocess.run(["collectd", "-T", "-C", str(alone)], text=True,
                              capture_output=True, check=False,
                              env={**os.environ, **sanitizer_environment()})
        assert done.returncode == status, done.stderr
        assert ('Device "fan": QoS 2' in done.stderr) == bool(status)


def test_without_a_block_it_says_so(setup):
    status, said = Collectd(setup.folder, None).test()
    assert status != 0
    assert "no <Plugin onenet> block" in said


def shown_configurations():
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    return [part for part in shown if "<Plugin onenet>" in part]


def content_of_block(text):
    return re.search(r"^<Plugin onenet>\n(.*)^</Plugin>", text, re.M | re.S)[1]


def test_what_is_shown_to_users_loads(setup):
    sample = (ROOT / "collectd.conf.d" / "onenet.conf").read_text()
    shown = shown_configurations()
    assert shown, "the README shows no configuration"
    for text in [sample, *shown]:
        block = content_of_block(text).replace("/etc/collectd/onenet.key",
                                               str(setup.key_file))
        status, said = Collectd(setup.folder, block).test()
        assert status == 0, said


def test_the_second_rule_that_is_shown_loads_beside_the_first(setup):
    text = (ROOT / "README.md").read_text()
    shown = [part for part in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
             if part.startswith("<Device")]
    assert len(shown) == 1
    block = content_of_block(shown_configurations()[0]) + shown[0]
    status, said = Collectd(setup.folder, block.replace(
        "/etc/collectd/onenet.key", str(setup.key_file))).test()
    assert status == 0, said
    assert "After 600" in shown[0]


def test_the_thresholds_that_are_shown_fire_the_rule_that_is_shown(setup):
    readme = (ROOT / "README.md").read_text()
    threshold = re.search(r"^<Plugin threshold>\n(.*?)^</Plugin>", readme,
                          re.M | re.S)[1]
    block = content_of_block(shown_configurations()[0])
    block = block.replace("https://api.heclouds.com/cmds", setup.sim.url + "/cmds")
    block = block.replace("/etc/collectd/onenet.key", str(setup.key_file))
    setup.start(block, threshold=threshold)
    def commanded():
        setup.daemon.putval("sensors/temperature", 31.5)
        return setup.sim.received(FAN_ID)
    received = wait_until(commanded, 20, "the command")
    assert received[0]["body"] == '{"fan":"on","t":31.5}'


def test_the_manual_page_is_well_formed():
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8",
                           str(ROOT / "doc" / "collectd-onenet.5")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)  # Debian 13 underlines it
    assert "COLLECTD-ONENET(5)" in text.upper()
