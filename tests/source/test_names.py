# SPDX-License-Identifier: MIT
"""What one file says of others: documents name files that are there, the manual page
every option, and Makefile.am every file of tests and documents."""

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = "plugin|tool|tests|demo|bench|doc|dashboards|debian|packaging|collectd\\.conf\\.d"
PATH = re.compile(rf"(?<![\w/.-])(?:{FOLDERS})/[\w./*-]*[\w*/]")

# Files that a build makes, or that stand for others.
NOT_IN_THE_SOURCE = {"tests/unit/test_slot", "tests/unit/test_NAME.c",
                     "tests/fuzz/corpus/NAME/"}


def missing_paths(text):
    """Returns the paths of a document at which there is nothing."""
    return [path for path in PATH.findall(text)
            if path not in NOT_IN_THE_SOURCE and not list(TOP.glob(path))]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "doc/architecture.md"])
def test_every_path_of_a_document_exists(name):
    text = (TOP / name).read_text()
    assert PATH.findall(text)
    assert missing_paths(text) == []


def test_a_path_that_does_not_exist_would_be_found():
    text = ("`plugin/words/event.h`, `plugin/no/such.c`, plugin/options*.c,\n"
            "tests/run, (tests/no_run), `build-tests/tests/unit/x`, doc/sql.md.")
    assert missing_paths(text) == ["plugin/no/such.c", "plugin/options*.c",
                                   "tests/no_run"]


def options():
    """Yields the names of all options that do anything."""
    for path in sorted((TOP / "plugin").rglob("options*.c")):
        for name, reader in re.findall(r'^    \{"([A-Z]\w+)", (\w+)',
                                       path.read_text(), re.M):
            if not reader.startswith("refuse_"):
                yield name


def test_the_manual_names_every_option():
    manual = (TOP / "doc" / "collectd-onenet.5").read_text()
    names = list(options())
    assert "Cooldown" in names
    assert [n for n in names if not re.search(rf"\b{n}\b", manual)] == []


def test_every_file_is_distributed():
    makefile = (TOP / "Makefile.am").read_text()
    words = {word for line in makefile.splitlines() for word in line.split()}
    files = [path.relative_to(TOP) for pattern in
             ("*.md", "doc/*", "demo/*.[ch]", "bench/*.[ch]", "bench/*.py",
              "plugin/**/*.[ch]", "tool/*", "tests/unit/*.[ch]",
              "tests/fuzz/*.[ch]", "tests/*/*.py", "debian/*", "debian/tests/*",
              "packaging/*", "packaging/*/*", ".github/*/*") for path in TOP.glob(pattern)
             if path.is_file() and not path.name.endswith((".log", ".substvars", "-stamp", "files"))]
    assert len(files) > 100
    # A program of tests/unit is a word without .c: its source follows from that.
    assert [str(path) for path in sorted(files) if str(path) not in words
            and str(path.with_suffix("")) not in words] == []
