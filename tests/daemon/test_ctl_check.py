# SPDX-License-Identifier: MIT
"""onenetctl check says what collectd and the plugin would say, with file and line,
and runs nothing. (test_config asks both about each wrong configuration.)"""

import json
import os
import pathlib
import re
import subprocess

import pytest

from collectd import BUILD_DIR, TOOL, Collectd
from simulator import API_KEY, ROOT

COLLECTD = ["collectd", "-T", "-C"]
HEAD = 'Hostname "x"\nFQDNLookup false\n'


def ctl(*words, **options):
    return subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True,
                          timeout=30, check=False, **options)


def found_in(path, **options):
    """Returns what check finds in the file: (file's name, line, level, text)."""
    done = ctl("check", "--json", path, **options)
    found = [(pathlib.Path(one["file"]).name, one["line"], one["level"],
              one["text"]) for one in json.loads(done.stdout)]
    assert done.returncode == ("fault" in [level for _, _, level, _ in found])
    return found


def warnings_of(path):
    """Returns the warnings, of a file without a fault: [(line, text)]."""
    found = found_in(path)
    assert {level for _, _, level, _ in found} <= {"warning"}, found
    return [(line, text) for _, line, _, text in found]


def place_of(text, words):
    """Returns the line in which the text has these words first."""
    return text[:text.index(words)].count("\n") + 1


# ---- the grammar: collectd's, exactly ----

ODD_TEXTS = [
    "A 1", "A", "A\n", "\n", "# a\n", "# a", "A 1 # b", "A # b\n", "1 A\n",
    "true A\n", "TRUE A\n", '"A" 1\n', "::1 A\n", "1.2.3.4 A\n", "A /x\n",
    "A x/y\n", "A <\n", "A > 1\n", "A 1 2 x yes\n", "A = 1\n", "= A 1\n", "=\n",
    "A -\n", "A -x\n", "A - 1\n", "A \\\n1\n", "A \\\r\n1\n", "A \\ 1\n",
    "A 1 \\\n", "A 1 \\", "A 1\r\n", "A 1\r", "A\t1\n", "\b A 1\n", "A\b1\n",
    'A "x\n', 'A "x" "\n', 'A "x\ny"\n', 'A "x\\\ny"\n', 'A "x\\\r\ny"\n',
    'A "x\\"\n', 'A "x\\\n', 'A 1\n"x\\\n', 'A 1\n"x\\\ny', '"x\\\ny"\n',
    'A "\\\n"\n', 'A "\\\n" "\n', 'A "\\\n\\"\n', 'A "\\\n\n"\n', 'A "x""y"\n',
    'A "x\\\r\n\\"\n', 'A "x\\\r\ny\\\nz"\n', 'A "x\\\r\n"\n', 'A ""\n', 'A "#"\n', "A '\n",
    "<A>\n</A>\n", "<A>\n</A>", "<A>\n</a>\n", "<A>\n", "</A>\n", "<A>\nB 1\n",
    "<A>\nB 1\n</A>\n", "<A> B 1\n</A>\n", "<A>\nB 1 </A>\n", "<A>B</A>\n",
    "<A x>\n</A>\n", "<A x y 1>\n</A>\n", "<A x>\n</A x>\n", "< A >\n< / A >\n",
    "<A\n>\n</A>\n", "<A \\\n>\n</A>\n", "<>\n</>\n", "<A>\n<B>\n</A>\n</B>\n",
    "<A>\n<B>\n</B>\n</A>\n", "<1>\n</1>\n", "<yes>\n</yes>\n", "<::1>\n</::1>\n",
    '<"A">\n</"A">\n', "<A>\n# x\n</A>\n", "<A>\n</A> # x\n", "\xff A 1\n",
    "A {x}\n", "A 1;\n", "A 0x\n", "A 1.\n", "A .\n", "A 1.2.3.4.5\n",
    "A [::1\n", "A [::1]:99999\n", "A ::::\n", "A 1:2:3:4:5:6:7:8:9\n",
]


def test_the_language_is_exactly_what_collectd_takes(folder):
    path = folder / "odd.conf"
    differ = []
    for text in ODD_TEXTS:
        path.write_text(f'{HEAD}BaseDir "{folder}"\n{text}', encoding="latin-1",
                        newline="")
        taken = subprocess.run([*COLLECTD, path], capture_output=True, timeout=30,
                               check=False).returncode == 0
        if taken != (ctl("check", path).returncode == 0):
            differ.append((text, taken))
    assert differ == []


VALUES = r"""
Ledger "x\
   y" "a\"b\\c\d" 0x1F 012 -5 +5 .5 -.5 1.5 1.5e+2 1.5e2 1e+5 5-3 12abc -0x1F
Ledger yes no on off true false Yes offs "true" a_b a-b a=b {c}
Ledger 1.2.3.4 1.2.3.4:65535 1.2.3.256 1.2.3.4:70000 255.255.255.255 1.2.3
Ledger ::1 fe80::1 1:2:3:4:5:6:7:8 [::1]:25826 ::ffff:1.2.3.4 1::2::3 ffff1::2 a:b
Ledger "a
b" "\
" c" \
  "d"
<Ledger x "y z" 1>
  DryRun true
</Ledger>
<Device 1.5 x>
  DeviceID "1" "2"
</Device>
<Device ::1>
</Device>
"""


def test_values_arrive_as_collectd_hands_them_over(setup):
    daemon = Collectd(setup.folder, VALUES)
    _, said = daemon.test()
    lines = set(re.findall(r"onenet plugin: (.*)", said))
    assert len(lines) >= 9
    found = {one["text"] for one in daemon.check()[1]}
    assert {one for one in found if "collectd passes over it" not in one} == lines


# ---- files and lines ----

def test_faults_of_included_files_are_told_where_they_are(setup):
    folder = setup.folder
    (folder / "conf.d").mkdir()
    cloud = (f"LoadPlugin unixsock\n<Plugin onenet>\n{setup.endpoint()}"
             f'  DeviceFile "{folder}/devices.csv"\n\n  Colour "red"\n</Plugin>\n')
    (folder / "conf.d" / "10-cloud.conf").write_text(cloud)
    (folder / "conf.d" / "20-note.txt").write_text("<broken\n")
    (folder / "devices.csv").write_text("# fleet\nrack1,1\nrack2,2,,1h\n")
    main = folder / "main.conf"
    main.write_text(f'BaseDir "{folder}"\nLoadPlugin onenet\n'
                    f'<Include "{folder}/conf.d">\n  Filter "*.conf"\n</Include>\n'
                    "Include \"missing.conf\"\n")
    found = found_in(main)
    assert [one for one in found if one[2] == "fault"] == [
        ("devices.csv", 3, "fault", f'DeviceFile "{folder}/devices.csv" line 3: '
         'timeout "1h": must be 0..2678400'),
        ("10-cloud.conf", place_of(cloud, "Colour"), "fault",
         'Plugin "onenet": Colour: unknown option')]
    assert ("main.conf", 6, "warning",
            "missing.conf: can not be read: No such file or directory") in found


def test_syntax_faults_are_told_all_at_once(folder):
    path = folder / "main.conf"
    path.write_text("A\n<B>\nC /\n")
    done = ctl("check", path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{path}:1: the end of the line: must be a value of the option",
        f"{path}:2: <B> is not closed: </B> is missing before line 4",
        f"{path}:3: /: must be a value of the option",
        f"{path}: 3 faults, no warning"]


def test_a_block_is_checked_though_another_file_is_broken(setup):
    path, other = setup.folder / "main.conf", setup.folder / "other.conf"
    wrong = "<Plugin onenet>\nColour red\n</Plugin>\n"
    path.write_text(f'LoadPlugin onenet\nInclude "{other}"\n{wrong}')
    other.write_text("A\n")
    fault = ("main.conf", 4, "fault", 'Plugin "onenet": Colour: unknown option')
    assert [one for one in found_in(path) if one[2] == "fault"] == [
        ("other.conf", 1, "fault",
         "the end of the line: must be a value of the option"), fault]
    path.write_text(f"LoadPlugin onenet\nA\n{wrong}")
    assert found_in(path)[1:] == [
        ("main.conf", 3, "warning",
         "this block is checked once its file can be read")]


# ---- what is around the block ----

def right_block(setup):
    return f"<Plugin onenet>\n{setup.block()}</Plugin>\n"


def test_the_order_of_loadplugin_and_block_is_judged_as_by_collectd(setup):
    path = setup.folder / "order.conf"
    head = (f'{HEAD}BaseDir "{setup.folder}"\nPluginDir "{BUILD_DIR}/.libs"\n'
            f'PIDFile "{setup.folder}/pid"\n')
    block, load = right_block(setup), "LoadPlugin onenet\n"
    for text, is_right, words in (
            (load + block, True, ""),
            ("<LoadPlugin ONENET>\nInterval 5\n</LoadPlugin>\n" + block, True, ""),
            ("AutoLoadPlugin true\n" + block, True, ""),
            ('AutoLoadPlugin "false"\n' + block, True, "LoadPlugin onenet is mis"),
            (block, True, "LoadPlugin onenet is missing"),
            ("A 1\n", True, "no <Plugin onenet> block in the configuration"),
            (load, False, "no <Plugin onenet> block in the configuration"),
            (block + load, False, "no <Plugin onenet> block in the configuration"),
            (block + load, False, "stands before LoadPlugin onenet"),
            (load + block + block, False, "<Plugin onenet>: given twice: ")):
        path.write_text(head + text)
        collectd = subprocess.run([*COLLECTD, path], capture_output=True, text=True,
                                  timeout=30, check=False)
        assert (collectd.returncode == 0) == is_right, (text, collectd.stderr)
        found = found_in(path)
        assert any(words in text for _, _, _, text in found), (text, found)
        assert is_right == ("fault" not in [level for _, _, level, _ in found])
        for _, _, level, line in found:
            assert level == "warning" or line in collectd.stderr


def test_relative_paths_are_looked_up_in_the_basedir_that_holds(setup):
    (setup.folder / "key").write_text("k3y\n")
    (setup.folder / "key").chmod(0o600)
    path = setup.folder / "base.conf"
    block = right_block(setup).replace(str(setup.key_file), "key")
    path.write_text(f'LoadPlugin onenet\nBaseDir "/nowhere"\n'
                    f'BaseDir "{setup.folder}"\n{block}BaseDir "/elsewhere"\n')
    assert "fault" not in [level for _, _, level, _ in found_in(path)]


def test_a_rule_that_nothing_can_match_is_warned_of(setup):
    path = setup.folder / "company.conf"

    def warned(loads, old="", new=""):
        text = (f'BaseDir "{setup.folder}"\nLoadPlugin onenet\n{loads}'
                + right_block(setup).replace(old, new))
        path.write_text(text)
        return [one for one in warnings_of(path) if "URL" not in one[1]], text

    both, text = warned("LoadPlugin cpu\n")
    assert [line for line, _ in both] == [place_of(text, "<Rule"),
                                          place_of(text, 'Plugin "sensors"')]
    assert "LoadPlugin threshold is perhaps missing" in both[0][1]
    assert 'Rule "overheat": Plugin "sensors": no plugin of that' in both[1][1]
    assert len(warned("LoadPlugin threshold\n")[0]) == 1
    assert len(warned("LoadPlugin sensors\n")[0]) == 1
    for loads in ("LoadPlugin threshold\nLoadPlugin Sensors\n",
                  "<LoadPlugin sensors>\nInterval 5\n</LoadPlugin>\n"
                  'LoadPlugin "threshold"\n',
                  "AutoLoadPlugin true\n<Plugin sensors>\nA 1\n</Plugin>\n"
                  "LoadPlugin threshold\n",
                  "LoadPlugin network\n", "LoadPlugin exec\n",
                  "LoadPlugin unixsock\n", "LoadPlugin python\n"):
        assert warned(loads)[0] == [], loads
    threshold = "LoadPlugin threshold\n"
    assert warned(threshold, 'Plugin "sensors"', 'Plugin "/sen/"')[0] == []
    assert warned(threshold, 'Plugin "sensors"\n', "")[0] == []
    (_, words), = warned(threshold, 'Plugin "sensors"', 'Plugin "threshold"')[0]
    assert "write that one" in words
    values = ('<Rule "show">\nSource value\nPlugin "cpu"\nDevice "fan"\n'
              'OnValue "%{value}"\n</Rule>\n')
    rule = setup.rule()
    assert warned("LoadPlugin cpu\n", rule, values)[0] == []


def test_a_key_that_others_can_read_is_warned_of_and_never_shown(setup):
    setup.key_file.chmod(0o644)
    path = setup.folder / "key.conf"
    path.write_text(f'BaseDir "{setup.folder}"\nLoadPlugin onenet\n'
                    f"LoadPlugin unixsock\n{right_block(setup)}")
    done = ctl("check", path)
    line = place_of(path.read_text(), "APIKeyFile")
    assert (f'{path}:{line}: warning: Endpoint "cloud": APIKeyFile: '
            f"{setup.key_file}: every user of this machine can read the key"
            ) in done.stdout
    assert API_KEY not in done.stdout + done.stderr


# ---- the command ----

def test_the_sample_configuration_has_no_fault(setup):
    sample = (ROOT / "collectd.conf.d" / "onenet.conf").read_text().replace(
        "/etc/collectd/onenet.key", str(setup.key_file))
    path = setup.folder / "sample.conf"
    path.write_text(f'BaseDir "{setup.folder}"\nLoadPlugin unixsock\n{sample}')
    assert found_in(path) == []
    done = ctl("check", path)
    assert (done.returncode, done.stdout) == (0, f"{path}: no fault, no warning\n")


def test_it_touches_nothing(setup):
    devices = setup.folder / "devices.csv"
    devices.write_text("rack1,8029379\n")
    daemon = Collectd(setup.folder,
                      setup.block(f'DeviceFile "{devices}"\nDryRun false\n'))
    before = sorted(os.listdir(setup.folder))
    assert daemon.check()[0] == 0
    assert sorted(os.listdir(setup.folder)) == before


def test_a_configuration_that_is_not_there_is_a_fault(folder):
    missing = folder / "no.conf"
    assert found_in(missing) == [("no.conf", None, "fault",
                                  "can not be read: No such file or directory")]
    assert ctl("-C", missing, "check").stdout.startswith(f"{missing}: can not")


@pytest.mark.parametrize("words", [[], ["chek"], ["check", "a", "b"],
                                   ["check", "--colour"], ["--colour"],
                                   ["names", "things"]])
def test_what_is_used_wrongly_ends_with_2(words):
    done = ctl(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_names_are_listed_and_a_wrong_configuration_is_said_in_short(setup):
    config = Collectd(setup.folder, setup.block()).config
    assert ctl("-C", config, "names", "devices").stdout == "fan\n"
    assert json.loads(ctl("-C", config, "names", "--json").stdout) == [
        {"kind": "endpoint", "name": "cloud"}, {"kind": "device", "name": "fan"},
        {"kind": "rule", "name": "overheat"}]
    config.write_text(config.read_text().replace("Timeout 3600", "Timeout -1"))
    done = ctl("-C", config, "names")
    line = place_of(config.read_text(), "Timeout -1")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f'onenetctl: {config}:{line}: Device "fan": Timeout -1: must be '
        "0..2678400",
        f"onenetctl: for all that is wrong: onenetctl -C {config} check"]
    config.write_text("A 1\n")
    assert "no <Plugin onenet> block" in ctl("-C", config, "names").stderr
    config.write_text('"\x1b[2J\x7f" 1\n')
    assert '1: " [2J ": must be' in ctl("-C", config, "names").stderr


def test_words_behind_two_hyphens_are_no_options(folder):
    (folder / "-x").write_text("A 1\n")
    done = subprocess.run([TOOL, "check", "--", "-x"], cwd=folder,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\n-x: no fault, 1 warning\n")
    assert ctl("names", "--", "fans").stderr == (
        "onenetctl: names fans: must be one of endpoints, devices and rules\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_right_to_the_key_may_look(setup):
    config = Collectd(setup.folder, setup.block()).config
    setup.folder.chmod(0o755)
    tool = setup.folder / "onenetctl"
    tool.write_bytes(TOOL.read_bytes())
    tool.chmod(0o755)
    nobody = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/",
              "capture_output": True, "text": True, "check": False}
    looked = subprocess.run([tool, "-C", config, "names", "rules"], **nobody)
    assert (looked.stdout, looked.stderr) == ("overheat\n", "")
    checked = subprocess.run([tool, "check", config], **nobody)
    assert checked.returncode == 1
    assert "Permission denied" in checked.stdout
