# SPDX-License-Identifier: MIT
"""Each of the seven questions notices what it is there for."""

import collections
import sqlite3

import pytest

import questions
from questions import KEY, files_with_the_key, times_in_a_core


class Listed:
    """A far side that says that it has executed these bodies."""

    def __init__(self, *bodies):
        self.executed = list(bodies)


def start(scene):
    scene.start(scene.setup.block(rule=scene.setup.rule('OnFailure "%{message}"')))


def test_where_nothing_is_wrong_all_questions_are_answered_well(scene):
    start(scene)
    scene.look()
    scene.ask()


@pytest.mark.parametrize("executed", [
    ["fresh", "fresh"], [], ["fresh", "what no ledger knows"]])
def test_a_command_that_is_executed_otherwise_than_the_ledger_says(scene, executed):
    start(scene)
    scene.fresh(scene.setup.sim, "fresh")
    scene.setup.wait_for_outcomes(created=1, accepted=1)
    scene.ask_of_executions(collections.Counter({"fresh": 1}))
    with pytest.raises(AssertionError):
        scene.ask_of_executions(collections.Counter(executed))
    with pytest.raises(AssertionError):
        scene.ask_of_totals(collections.Counter(executed))


def test_a_fresh_command_that_does_not_come_and_one_of_the_witness_that_came_twice(
        scene, monkeypatch):
    start(scene)
    monkeypatch.setattr(questions, "wait_until", once)
    with pytest.raises(AssertionError):
        scene.fresh(Listed(), "fresh")
    monkeypatch.undo()
    scene.look()
    monkeypatch.setattr(questions, "wait_until", once)
    scene.healthy = Listed(*(str(number) for number in range(scene.events)), "0")
    with pytest.raises(AssertionError):
        scene.wait_for_witness()


def once(condition, *_):
    assert condition()


def test_a_callback_that_is_slow_and_resources_that_leak(scene, monkeypatch):
    start(scene)
    monkeypatch.setattr(questions, "FAST_NS", 10)
    with pytest.raises(AssertionError, match="callback"):
        scene.look()
    monkeypatch.setattr(questions, "IS_SANITIZED", False)
    with pytest.raises(AssertionError):
        scene.ask_of_resources(connections=16, mebibytes=-64)
    monkeypatch.setattr(questions, "wait_until", once)
    with pytest.raises(AssertionError):
        scene.ask_of_resources(connections=-3, mebibytes=64)


def test_a_balance_that_does_not_hold_and_a_key_in_a_file(scene):
    start(scene)
    scene.fresh(scene.setup.sim, "fresh")
    scene.setup.wait_for_outcomes(created=1, accepted=1)
    assert times_in_a_core(scene.setup.daemon.pid, b"testhost") > 0
    (scene.setup.folder / "leak").write_bytes(b"api-key: " + KEY)
    assert files_with_the_key(scene.setup.folder) == [scene.setup.folder / "leak"]
    with pytest.raises(AssertionError):
        scene.ask_of_secrecy()
    scene.setup.daemon.stop()
    scene.ask_of_balance()
    with sqlite3.connect(scene.setup.folder / "onenet.db") as ledger:
        ledger.execute("UPDATE totals SET accepted = accepted + 1")
    with pytest.raises(AssertionError):
        scene.ask_of_balance()
