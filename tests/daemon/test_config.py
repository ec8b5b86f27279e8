# SPDX-License-Identifier: MIT
"""A bad configuration stops the start with one line that says what to mend; the
configurations that are shown to users load."""

import re
import subprocess

import pytest

from collectd import Collectd
from conftest import FAN_ID
from simulator import API_KEY, ROOT, wait_until


def faults(setup, block):
    """Returns what `collectd -T` says of it, and that it refused."""
    status, said = Collectd(setup.folder, block).test()
    assert status != 0, said
    assert API_KEY not in said
    return re.findall(r"onenet plugin: (.*)", said)


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
    assert "COLLECTD-ONENET(5)" in done.stdout.upper()
