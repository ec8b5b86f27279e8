# SPDX-License-Identifier: MIT
"""What is measured: one experiment a function, which makes one round of its rows.

An experiment runs what it measures and what that is compared with right after each
other, so that whatever disturbs the machine disturbs both, and returns a pair (ours,
the other's) for each of its rows.
"""

import collections

from parties import Agent, Far, onenet, run_bare

Row = collections.namedtuple("Row", "name unit than compare target")
Row.__doc__ = """name     what is measured
unit     of both numbers
than     what it is compared with; "" if it stands for itself
compare  how both become the number that is judged: RATIO, INVERSE, DIFFERENCE, ALONE
target   (bound, number) to reach: (">=", 0.7), or None"""

RATIO, INVERSE, DIFFERENCE, ALONE = "ratio", "inverse", "difference", "alone"

EXPERIMENTS = []  # (word, rows, function), in the order of the table


def experiment(word, *rows):
    """Enters a function of a Scale, which returns the pairs of these rows."""
    def enter(function):
        EXPERIMENTS.append((word, rows, function))
        return function
    return enter


class Scale:
    """How much is measured: all of it, or, with --quick, so little that it only
    shows that everything works."""

    def __init__(self, is_quick):
        self.is_quick = is_quick

    def pick(self, full, quick):
        return quick if self.is_quick else full


# ---- against libcurl alone ----

Run = collections.namedtuple("Run", "per_s cpu_us")


def run_loop(count, in_flight):
    """Returns a Run of the bare loop."""
    with Far() as far:
        run_bare(far, count, in_flight=in_flight)
        return Run(count / far.span_s(), far.board.BARE_CPU_NS / count / 1000)


def run_agent(count, in_flight, *, devices=1000, **of_plugin):
    """Returns a Run of the plugin. Half as many events as there are devices are
    unanswered at most, so that none takes the place of one that waits."""
    with Far() as far:
        plugins = onenet(far, devices=devices, in_flight=in_flight, **of_plugin)
        with Agent(far, plugins) as agent:
            return run_burst(agent, count, devices=devices, window=devices // 2)


def run_burst(agent, count, **how):
    """Returns a Run of what the load plugin dispatches now. Its own CPU time between
    two calls does not count, the calls do."""
    begun_ns = agent.cpu_ns()
    agent.begin(count, **how)
    agent.far.wait_for_answers(count)
    agent.wait_for_burst()
    used_ns = agent.cpu_ns() - begun_ns - agent.board.LOAD_WAIT_CPU_NS
    agent.far.check_once(count)
    return Run(count / agent.far.span_s(), used_ns / count / 1000)


BARE = "bare libcurl loop"


def rate_row(ledger, in_flight, target):
    return Row(f"{ledger}, {in_flight} in flight", "commands/s", BARE, RATIO,
               (">=", target))


@experiment("full-64", rate_row("ledger on disk", 64, 0.7),
            Row("CPU per command, on disk, 64 in flight", "us", BARE, RATIO,
                ("<=", 1.7)))
def full_64(scale):
    count = scale.pick(50000, 1000)
    ours, bare = run_agent(count, 64), run_loop(count, 64)
    return [(ours.per_s, bare.per_s), (ours.cpu_us, bare.cpu_us)]


def compare_rates(scale, in_flight, **of_plugin):
    count = scale.pick(50000, 1000)
    return [(run_agent(count, in_flight, **of_plugin).per_s,
             run_loop(count, in_flight).per_s)]


@experiment("full-256", rate_row("ledger on disk", 256, 0.7))
def full_256(scale):
    return compare_rates(scale, 256)


@experiment("full-16", rate_row("ledger on disk", 16, 0.45))
def full_16(scale):
    return compare_rates(scale, 16)


IN_MEMORY = 'Ledger ":memory:"\n'


@experiment("memory-64", rate_row('Ledger ":memory:"', 64, 0.9))
def memory_64(scale):
    return compare_rates(scale, 64, options=IN_MEMORY)


@experiment("memory-16", rate_row('Ledger ":memory:"', 16, 0.8))
def memory_16(scale):
    return compare_rates(scale, 16, options=IN_MEMORY)
