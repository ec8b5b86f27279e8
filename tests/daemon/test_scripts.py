# SPDX-License-Identifier: MIT
"""install-packages: the names of a release, and no right where nothing is missing;
dpkg and apt are pretended: they say what is installed, and record what is asked.
build-in: the options of configure, which is pretended, too."""

import os
import shutil
import subprocess

import pytest

from simulator import ROOT

BOOKWORM = {"libmicrohttpd12", "libclang-rt-14-dev"}
TRIXIE = {"libmicrohttpd12t64", "libclang-rt-19-dev"}


class Debian:
    """A folder of pretended commands.

    installed  names of packages
    known      names that apt has
    """

    def __init__(self, folder):
        self.folder = folder
        self.asked = folder / "asked"
        self.script("dpkg-query", 'grep -qx "$4" "$HERE/installed" && echo installed')
        self.script("apt-cache", 'grep -x "$2" "$HERE/known"')
        self.script("apt-get", 'echo "$@" >>"$HERE/asked"')
        self.script("sudo", 'echo sudo >>"$HERE/asked"; "$@"')
        self.script("id", "echo 1000")
        self.set(installed=(), known=())

    def script(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\nHERE={self.folder}\n{text}\n")
        path.chmod(0o755)

    def set(self, **lists):
        for name, packages in lists.items():
            (self.folder / name).write_text("\n".join(packages) + "\n")

    def install(self, *words):
        """Returns how install-packages ended, and what it printed."""
        done = subprocess.run([ROOT / "install-packages", *words], check=False,
                              capture_output=True, text=True,
                              env=dict(os.environ, PATH=f"{self.folder}:/usr/bin:/bin"))
        return done.returncode, done.stdout

    def what_was_asked(self):
        return self.asked.read_text().splitlines() if self.asked.exists() else []


@pytest.fixture(name="debian")
def pretended_debian(tmp_path):
    return Debian(tmp_path)


def missing(debian, *groups):
    status, text = debian.install("--missing", *groups)
    assert status == 0
    return text.split()


def test_what_is_missing_is_only_printed(debian):
    names = missing(debian, "build", "demo")
    assert "collectd-core" in names and "jq" in names
    assert debian.what_was_asked() == []


@pytest.mark.parametrize("release", [BOOKWORM, TRIXIE])
def test_names_are_those_of_the_release(debian, release):
    debian.set(known=release)
    assert debian.install("demo", "test")[0] == 0
    assert debian.what_was_asked()[:2] == ["sudo", "-q update"]
    asked = set(debian.what_was_asked()[-1].split())
    assert asked & (BOOKWORM | TRIXIE) == release
    assert not [name for name in asked if "|" in name]


@pytest.mark.parametrize("release", [BOOKWORM, TRIXIE])
def test_with_nothing_to_install_nobody_is_asked(debian, release):
    groups = ["build", "run", "demo", "dashboards", "test"]
    plain = [name for name in missing(debian, *groups) if "|" not in name]
    debian.set(installed=[*plain, *release])
    assert debian.install(*groups) == (0, "")
    assert debian.what_was_asked() == []


def test_an_unknown_group_is_refused(debian):
    assert debian.install("tests")[0] == 2


@pytest.fixture(name="source")
def source_with_a_pretended_configure(tmp_path):
    (tmp_path / "configure.ac").touch()
    shutil.copy(ROOT / "build-in", tmp_path)
    configure = tmp_path / "configure"
    configure.write_text('#!/bin/sh\necho "$@" >>configured\n'
                         'touch config.status\necho all: >Makefile\n')
    configure.chmod(0o755)
    os.utime(tmp_path / "configure.ac", (0, 0))
    os.utime(configure, (1, 1))
    return tmp_path


def test_options_of_configure_hold_until_others_come(source):
    for options in ([], ["--prefix=/usr"], [], ["--prefix=/usr"], ["--prefix=/opt"]):
        subprocess.run([source / "build-in", source / "build", *options], check=True)
    assert (source / "build" / "configured").read_text().splitlines() == [
        "", "--prefix=/usr", "--prefix=/opt"]
