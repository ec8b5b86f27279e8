# SPDX-License-Identifier: MIT
"""What packages say of the program: one version everywhere, a configuration that does
nothing until it is edited, manual pages with all options, and files that are there."""

import pathlib
import re
import shlex

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = TOP / "packaging"


def text_of(name):
    return (TOP / name).read_text()


def version():
    return re.search(r"^AC_INIT\(\[collectd-onenet\], \[([^]]+)\]\)",
                     text_of("configure.ac"), re.M).group(1)


@pytest.mark.parametrize("name, pattern", [
    ("debian/changelog", r"\Acollectd-onenet \(([^)]+)\) "),
    ("packaging/collectd-onenet.spec", r"^Version: +(\S+)$"),
    ("packaging/collectd-onenet.spec", r"^%changelog\n\* .* - (\S+)-\d+$"),
    ("CHANGELOG.md", r"^## (\d\S*)"),
])
def test_the_version_is_that_of_configure(name, pattern):
    assert re.search(pattern, text_of(name), re.M).group(1) == version()


def test_the_installed_configuration_does_nothing():
    lines = [line.strip() for line in text_of("packaging/onenet.conf").splitlines()]
    assert "#LoadPlugin onenet" in lines
    assert [line for line in lines if line and line[0] != "#"] == []


def usage_options(name):
    """Returns the options that the help of a program names, in its source."""
    return set(re.findall(r'^[ "]*(?:--[\w-]+, )?(--[a-z][\w-]*)', text_of(name), re.M)
               + re.findall(r'^[ "]*(--[a-z][\w-]*),', text_of(name), re.M))


def manual_options(name):
    """Returns the options that a manual page describes: those of its entries."""
    entries = re.findall(r"^\.TP\n(.*)$", text_of(name).replace(r"\-", "-"), re.M)
    return {word for entry in entries for word in re.findall(r"--[a-z][\w-]*", entry)}


@pytest.mark.parametrize("manual, program, one", [
    ("doc/onenet-sim.1", "demo/sim_options.c", "--tls-client-ca"),
    ("doc/onenet-recent.1", "dashboards/onenet-recent", "--every"),
])
def test_the_manual_has_the_options_of_the_help(manual, program, one):
    options = usage_options(program)
    assert one in options
    assert manual_options(manual) == options


def test_what_the_container_copies_is_there():
    copied = [word for line in text_of("packaging/container/Containerfile").splitlines()
              if line.startswith("COPY ") and "--from" not in line
              for word in shlex.split(line)[1:-1]]
    assert len(copied) > 2
    assert [name for name in copied if not (TOP / name).exists()] == []


def test_what_debian_installs_of_the_source_is_there():
    words = [line.split()[0] for path in sorted((TOP / "debian").glob("*.install"))
             for line in path.read_text().splitlines()]
    ours = [word for word in words if not word.startswith("usr/")]
    assert ours
    assert [word for word in ours if not (TOP / word).is_file()] == []


def test_both_supported_releases_are_tested_by_the_forge():
    workflow = text_of(".github/workflows/ci.yml")
    assert all(f'"{image}"' in workflow for image in ("debian:12", "debian:13"))
    assert re.search(r"run: \.ci/run$", workflow, re.M)
