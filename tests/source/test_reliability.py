# SPDX-License-Identifier: MIT
"""doc/reliability.md has each case of the catalogue of faults, and the tests that it
names are there."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
TEXT = (TOP / "doc" / "reliability.md").read_text()
CASES = 43
NAMED = re.compile(r"`(test_\w+\.(?:py|c))`: ((?:`\w+`(?:, )?)+)")


def rows(text):
    """Returns {number: tests, as they are written}."""
    return {int(number): tests for number, tests
            in re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", text, re.M)}


def named_tests(text):
    """Yields (file, test) of what is written as `FILE`: `TEST`, `TEST`; ..."""
    for file, tests in NAMED.findall(text):
        for test in re.findall(r"`(\w+)`", tests):
            yield file, test


def exists(file, test):
    folder = "daemon" if file.endswith(".py") else "unit"
    path = TOP / "tests" / folder / file
    text = path.read_text() if path.exists() else ""
    if folder == "daemon":
        return re.search(rf"^def {test}\(", text, re.M) is not None
    before, _, main = text.partition("int main(")
    return f" {test}(" in before and re.search(rf"\b{test}\b", main) is not None


def test_every_case_of_the_catalogue_is_there_with_a_test():
    assert sorted(rows(TEXT)) == list(range(1, CASES + 1))
    assert [number for number, tests in rows(TEXT).items()
            if NAMED.sub("", tests).strip("; ") or not list(named_tests(tests))] == []


def test_every_test_that_is_named_is_there_and_runs():
    assert len(list(named_tests(TEXT))) > CASES
    assert [name for name in named_tests(TEXT) if not exists(*name)] == []


def test_a_test_that_is_not_there_would_be_found():
    text = ("| 1 | a | b | `test_log.c`: `a_long_line_is_cut`, `no_such`; `test_no.py`: "
            "`test_x` |\n| 3 | a | b | c |\n")
    assert rows(text)[3] == "c"
    assert [name for name in named_tests(text) if not exists(*name)] == [
        ("test_log.c", "no_such"), ("test_no.py", "test_x")]


def test_every_file_of_fault_tests_is_named():
    files = {path.name for path in (TOP / "tests" / "daemon").glob("test_fault_*.py")}
    assert files - {file for file, _ in named_tests(TEXT)} == set()


def files_named():
    return set(re.findall(r"`(test_\w+\.(?:py|c))`|`tests/daemon/(\w+\.py)`", TEXT))


def test_every_file_that_is_named_is_there():
    names = {name for pair in files_named() for name in pair if name}
    assert [name for name in names if not list((TOP / "tests").glob(f"*/{name}"))] == []
