# SPDX-License-Identifier: MIT
"""A small file system for a ledger, in a mount namespace of the test's own.

    with SmallDisk(folder, "2m") as disk:
        disk.wrapper                      # words in front of a command that sees it
        disk.path                         # where that command sees it
        disk.fill(); disk.empty(); disk.remount("ro")
        disk.query("SELECT 1")            # of the ledger onenet.db on it

It needs the right to make namespaces: NoDisk says what is missing.
"""

import ast
import os
import pathlib
import subprocess
import sys

HOLD = """mount -t tmpfs -o size={size},mode=0755 disk '{path}' &&
echo ready && read end"""
QUERY = """import sqlite3, sys
print(sqlite3.connect(sys.argv[1], timeout=5).execute(sys.argv[2]).fetchall())"""


class NoDisk(Exception):
    """Why there is none."""


class SmallDisk:
    """See above. A process holds the namespace, and the disk goes with it."""

    def __init__(self, folder, size):
        self.path, self.size = folder / "disk", size

    def __enter__(self):
        self.path.mkdir()
        own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
        self.holder = subprocess.Popen(
            ["unshare", *own_user, "--mount", "sh", "-c",
             HOLD.format(size=self.size, path=self.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise NoDisk(self.holder.communicate()[1].strip())
        user = ["--user", "--preserve-credentials"] if own_user else []
        self.wrapper = ["nsenter", "-t", str(self.holder.pid), *user, "--mount",
                        f"--wd={self.path.parent}"]
        self.seen = pathlib.Path(f"/proc/{self.holder.pid}/root{self.path}")
        return self

    def __exit__(self, *_):
        self.holder.communicate("end\n")

    def remount(self, how):
        subprocess.run([*self.wrapper, "mount", "-o", f"remount,{how}", self.path],
                       check=True)

    def fill(self):
        """Leaves not a byte."""
        with (self.seen / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                return

    def empty(self):
        (self.seen / "filler").unlink()

    def query(self, sql):
        done = subprocess.run(
            [*self.wrapper, sys.executable, "-c", QUERY, self.path / "onenet.db", sql],
            check=True, stdout=subprocess.PIPE, text=True)
        return ast.literal_eval(done.stdout)
