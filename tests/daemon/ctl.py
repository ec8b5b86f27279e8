# SPDX-License-Identifier: MIT
"""Runs onenetctl, the operator's tool, for a test.

    ctl = Ctl(folder)                    # for the collectd.conf in that folder
    rows = ctl.rows("history", "--device", "fan")       # what --json says
    done = ctl("send", "fan", "on")                     # status, stdout, stderr
    assert ctl.fails("retry", "99") == "order 3 is refused: ..."

Standard library only.
"""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess

from collectd import BUILD_DIR

NOBODY = 65534
GROUP = 100  # that every system has: users, on Debian
TOOL = BUILD_DIR / "tool" / "onenetctl"


class Ctl:
    """onenetctl for one configuration; as another user if there is one.

    user    uid to run it as, or None; group: the one group of that user
    """

    def __init__(self, folder, user=None, group=None):
        self.folder = pathlib.Path(folder)
        self.who = {}
        self.tool = TOOL
        if user is not None:
            self.who = {"user": user, "group": group, "extra_groups": [group]}
            # Others may not enter the folder of the build.
            self.tool = self.folder / "onenetctl"
            shutil.copy(TOOL, self.tool)
            self.folder.chmod(0o755)

    def command(self, *words):
        return [str(self.tool), "-C", str(self.folder / "collectd.conf"),
                *map(str, words)]

    def start(self, *words, **options):
        return subprocess.Popen(self.command(*words), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, cwd="/", text=True,
                                **self.who, **options)

    def __call__(self, *words, **options):
        return subprocess.run(self.command(*words), capture_output=True, cwd="/",
                              text=True, timeout=60, check=False, **self.who,
                              **options)

    def text(self, *words, **options):
        """Returns what it writes; it must succeed."""
        done = self(*words, **options)
        assert (done.returncode, done.stderr) == (0, ""), (words, done)
        return done.stdout

    def rows(self, *words, **options):
        """Returns what it writes with --json, as a list of dicts."""
        return json.loads(self.text("--json", *words, **options))

    def fails(self, *words, status=1, **options):
        """Returns the one line that it fails with, without its name."""
        done = self(*words, **options)
        assert (done.returncode, done.stdout) == (status, ""), (words, done)
        (line,) = done.stderr.splitlines()
        assert line.startswith("onenetctl: "), done
        return line.removeprefix("onenetctl: ")


def is_root():
    return os.geteuid() == 0


def copy_ledger(greenhouse, folder):
    """Makes a folder with the configuration and a copy of the ledger of that
    setup: no agent has it open."""
    folder.mkdir()
    text = greenhouse.daemon.config.read_text()
    (folder / "collectd.conf").write_text(
        text.replace(str(greenhouse.folder), str(folder)))
    shutil.copy(greenhouse.key_file, folder)
    source = sqlite3.connect(greenhouse.folder / "onenet.db")
    copy = sqlite3.connect(folder / "onenet.db")
    source.backup(copy)
    copy.close()
    source.close()
    return folder
