# SPDX-License-Identifier: MIT
"""tests/fresh: what it refuses, in words. That it works is seen by running it, which
takes minutes and a network."""

import os
import subprocess

import pytest

from simulator import ROOT


def fresh(*words, path="/usr/bin:/bin"):
    done = subprocess.run([ROOT / "tests" / "fresh", *words], text=True, check=False,
                          capture_output=True, env=dict(os.environ, PATH=path))
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("words, said", [
    ([], "which release?"),
    (["bookworm", "demos"], "demos: there are demo, readme, tests and package"),
    (["bookworm", "demo", "x"], "one word too many: x"),
    (["bookworm", "--as", "nobody"], "--as nobody: must be root, user or both"),
    (["bookworm", "package", "--as", "user"], "package: only --as root"),
    (["bookworm", "--as"], "--as needs a value"),
    (["bookworm", "--fast"], "unknown option --fast"),
])
def test_wrong_words_are_refused(words, said):
    status, text = fresh(*words)
    assert status == 1
    assert text.startswith("tests/fresh: ") and said in text


def test_who_is_not_root_is_told_so(tmp_path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    status, text = fresh("bookworm", path=f"{tmp_path}:/usr/bin:/bin")
    assert status == 1
    assert "this takes root" in text


def test_the_help_names_all_that_can_be_tried():
    status, text = fresh("--help")
    assert status == 0
    assert all(word in text for word in ("bookworm", "trixie", "demo", "readme",
                                         "tests", "package", "--as", "--folder", "--mirror"))
