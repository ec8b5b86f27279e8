# SPDX-License-Identifier: MIT
"""What the documents name is there: files, pictures, addresses, and the same once
they are installed."""

import os
import pathlib
import pty
import re
import subprocess

import pytest

from collectd import BUILD_DIR, TOOL, Collectd
from simulator import ROOT

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md",
             "bench/README.md", "demo/README.md", "dashboards/README.md",
             *sorted(str(path.relative_to(ROOT))
                     for path in (ROOT / "doc").glob("*.md"))]
TEXTS = DOCUMENTS + ["doc/collectd-onenet.5", "doc/onenetctl.1",
                     "collectd.conf.d/onenet.conf",
                     "demo/run", "tests/fresh"]
LINK = re.compile(r"\]\(([^)]+)\)")
ADDRESS = re.compile(r"https?:(?:\\?/){2}([^\s/:`\"'<>(){}\\|]+)")
KNOWN_HOSTS = re.compile(r"127\.0\.0\.1|localhost|(.*\.)?example(\.(org|com))?|"
                         r"collectd\.org|(iot-)?api\.heclouds\.com|www\.w3\.org")


def broken_links(path):
    """Returns the links of a Markdown file that lead to no file."""
    links = [link.partition("#")[0] for link in LINK.findall(path.read_text())
             if not link.startswith("http")]
    return [link for link in links if link and not (path.parent / link).exists()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_link_leads_to_a_missing_file(name):
    assert broken_links(ROOT / name) == []


def test_a_missing_file_would_be_found(tmp_path):
    (tmp_path / "page.md").write_text("[a](b.md) ![c](d.png) [e](page.md#f)")
    assert broken_links(tmp_path / "page.md") == ["b.md", "d.png"]


@pytest.mark.parametrize("name", TEXTS)
def test_no_address_is_named_that_nobody_knows(name):
    # In a manual page a hyphen that is meant is written with a backslash.
    text = (ROOT / name).read_text().replace(r"\-", "-")
    hosts = set(ADDRESS.findall(text))
    assert [host for host in hosts if host[:1] != "$"
            and not KNOWN_HOSTS.fullmatch(host)] == []


@pytest.fixture(name="installed", scope="module")
def everything_installed(tmp_path_factory):
    """Yields the folder of what `make install` brings, and the one of documents."""
    destination = tmp_path_factory.mktemp("installed")
    subprocess.run(["make", "-C", BUILD_DIR, "install", f"DESTDIR={destination}"],
                   capture_output=True, check=True)
    readme = min(destination.rglob("README.md"), key=lambda path: len(path.parts))
    return destination, readme.parent


def test_no_link_of_an_installed_document_is_broken(installed):
    _, documents = installed
    pages = sorted(documents.rglob("*.md"))
    assert {str(page.relative_to(documents)) for page in pages} == set(DOCUMENTS)
    assert {str(page): broken_links(page) for page in pages
            if broken_links(page)} == {}


def test_plugin_manual_sample_and_simulator_are_installed(installed):
    destination, documents = installed
    names = {path.name for path in destination.rglob("*") if path.is_file()}
    assert {"onenet.so", "collectd-onenet.5", "onenet-sim", "onenetctl",
            "onenetctl.1"} <= names
    completion, = destination.rglob("bash-completion/completions/onenetctl")
    assert "complete" in completion.read_text()
    assert (documents / "examples" / "onenet.conf").exists()
    simulator, = destination.rglob("bin/onenet-sim")
    done = subprocess.run([simulator, "--version"], capture_output=True, text=True,
                          check=True)
    assert done.stdout


def indented_lines(text):
    return re.findall(r"^    (.*)$", text, re.M)


def test_the_first_screen_of_readme_shows_the_commands_and_a_picture():
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:26])
    assert indented_lines(screen) == ["demo/run", "tests/run"]
    picture, = re.findall(r"!\[[^]]+\]\(([^)]+)\)", screen)
    assert pathlib.Path(picture).suffix == ".svg"


def test_a_check_is_never_advised_without_its_dangers():
    """`collectd -T` runs the other plugins for real."""
    readme = (ROOT / "README.md").read_text()
    assert "sudo collectd -T" not in [
        line.partition(" &&")[0] for line in indented_lines(readme)]
    for word in ("write_http", "exec", "rrdtool", "syslog", "collectd -t",
                 "journalctl -t collectd"):
        assert word in readme


def section_of_the_manual(name):
    """Returns the words of a section, without the markup of man."""
    manual = (ROOT / "doc" / "collectd-onenet.5").read_text()
    text, = re.findall(rf"^\.SH {name}\n(.*?)^\.SH ", manual, re.M | re.S)
    return re.sub(r"\s+", " ", re.sub(r"^\.[A-Z]+ ?", "", text, flags=re.M))


@pytest.mark.parametrize("words", [
    "libcurl's copy of the head of a request", "the TLS library", "OpenSSL",
    "APIKey and ClientKeyPass", "So a core dump may hold a key"])
def test_the_manual_says_where_a_key_is_that_we_do_not_wipe(words):
    assert words in section_of_the_manual("KEYS")


@pytest.mark.parametrize("words", ["LimitCORE=0", "core_pattern"])
def test_the_manual_says_how_to_have_no_core_dumps(words):
    assert words in section_of_the_manual("KEYS")


@pytest.mark.parametrize("words", [
    "libcurl", "`systemctl edit collectd`", "`LimitCORE=0` forbids core dumps"])
def test_operators_are_told_of_core_dumps_too(words):
    operators = (ROOT / "doc" / "operators.md").read_text()
    section, = re.findall(r"^## Keys and core dumps\n(.*?)^## ", operators, re.M | re.S)
    assert words in section


# ---- onenetctl: its manual page, its usage, its completion ----

OF_ALL = {"--json", "--help"}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def said(*words):
    return subprocess.run([TOOL, *words], capture_output=True, text=True,
                          check=True).stdout


def commands():
    return re.findall(r"^  ([a-z]+) ", said("--help"), re.M)


def usage(command):
    """Returns the line that shows all that may stand behind the command."""
    first = said(command, "--help").splitlines()[0]
    assert first.startswith(f"usage: onenetctl {command}"), first
    return first


def options_of(command):
    return set(OPTION.findall(usage(command)))


def options_in_the_source():
    """Returns the long options that the commands' tables of getopt hold."""
    texts = [path.read_text() for path in (ROOT / "tool").glob("*.c")
             if path.name not in ("onenetctl.c", "onenet_probe.c")]
    return {f"--{name}" for text in texts for name in re.findall(
        r'(?:\{ ?|VALUE\(|FLAG\()"([a-z-]+)", (?:required|optional|no_arg|[A-Z_]+\))',
        text)}


def sections_of_the_tool_s_manual():
    """Returns {command: text} of the page, without the markup of hyphens."""
    manual = (ROOT / "doc" / "onenetctl.1").read_text().replace(r"\-", "-")
    return manual, dict(re.findall(r"^\.SS ([a-z]+)\b(.*?)(?=^\.S[SH] )", manual,
                                   re.M | re.S))


def test_usage_names_every_option_that_a_command_takes():
    shown = set().union(*map(options_of, commands()))
    assert options_in_the_source() == shown
    assert len(shown) > 20


def test_the_manual_names_every_command_and_option_and_no_other_one():
    manual, sections = sections_of_the_tool_s_manual()
    assert list(sections) == commands()
    for command, text in sections.items():
        lists = re.search(r"^\.SS Options of the lists(.*?)^\.SH", manual,
                          re.M | re.S)[1]
        orders = re.search(r"^\.SH GIVING ORDERS(.*?)^\.SS", manual,
                           re.M | re.S)[1]
        around = {"pending": lists, "history": lists, "states": lists,
                  "orders": lists, "send": orders, "retry": orders,
                  "cancel": orders, "silence": orders}.get(command, "")
        assert options_of(command) <= set(OPTION.findall(text + around)), command
        assert re.search(rf"^\$ (sudo )?onenetctl {command}\b", text, re.M), command
    known = set().union(OF_ALL, {"--version"}, *map(options_of, commands()))
    assert set(OPTION.findall(manual)) == known


def test_the_manual_of_the_tool_is_well_formed():
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8",
                           str(ROOT / "doc" / "onenetctl.1")],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def completed(*words):
    """Returns what bash offers for the last word of the command line."""
    script = (f"source '{ROOT}/tool/onenetctl.bash'\nCOMP_WORDS=(\"$@\")\n"
              "COMP_CWORD=$(($# - 1))\n_onenetctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash", TOOL, *map(str, words)],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_the_completion_offers_what_there_is(setup):
    config = Collectd(setup.folder, setup.block()).config
    assert completed("") == set(commands())
    assert completed("-") == {"-C", "--version", *OF_ALL}
    for command in commands():
        assert completed(command, "--") == options_of(command) | OF_ALL, command
    assert completed("--json", "hi") == {"history"}
    assert completed("-C", config, "send", "f") == {"fan"}
    assert completed("-C", config, "test", "") == {"fan", "cloud"}
    assert completed("-C", config, "states", "--rule", "o") == {"overheat"}
    assert completed("-C", config, "cancel", "--device", "") == {"fan"}
    assert completed("history", "--outcome", "ac") == {"accepted"}
    assert completed("names", "r") == {"rules"}


def test_a_word_is_completed_beside_a_directory_of_its_name(tmp_path):
    """Only bash that reads keys adds what stands behind a word."""
    (tmp_path / "test").mkdir()
    keys, terminal = pty.openpty()
    with subprocess.Popen(["bash", "--norc", "-i"], stdin=terminal, cwd=tmp_path,
                          stdout=subprocess.PIPE, stderr=terminal) as bash:
        os.write(keys, f"source '{ROOT}/tool/onenetctl.bash'\n".encode()
                 + b"onenetctl() { printf '<%s>' \"$@\"; }\n"
                 + b"onenetctl te\tend\nonenetctl check te\tend\nexit\n")
        assert bash.communicate(timeout=20)[0] == b"<test><end><check><test/end>"
    os.close(terminal)
    os.close(keys)
