# SPDX-License-Identifier: MIT
"""The schedule of tests/soak. That all holds meanwhile is seen by running it."""

import itertools

import soak_faults
from soak_faults import CLOUD, KEY, KILL, LEDGER, NOTHING, STOP, describe, plan


def steps(seed, count, **options):
    return list(itertools.islice(plan(seed, **options), count))


def test_the_same_seed_makes_the_same_schedule():
    told = [[describe(step) for step in steps(seed, 200)] for seed in (7, 7, 8)]
    assert told[0] == told[1] != told[2]


def test_a_time_without_restarts_changes_nothing_else():
    for calm, usual in zip(steps(7, 200, is_calm=lambda: True), steps(7, 200)):
        assert (calm.end, calm.variant) == (NOTHING, None)
        usual = usual._replace(end=NOTHING, variant=None)
        assert describe(calm) == describe(usual)


def test_each_fault_comes_in_a_long_run(monkeypatch):
    begun = set()

    def noting(kind):
        return lambda chance: begun.add(kind) or kind(chance)

    for name in ("CLOUD", "KEY", "LEDGER"):
        kinds = getattr(soak_faults, name)
        monkeypatch.setattr(soak_faults, name, [noting(kind) for kind in kinds])
    ends = {step.end for step in steps(7, 200)}
    assert begun == {*CLOUD, *KEY, *LEDGER}
    assert ends == {NOTHING, KILL, STOP}
