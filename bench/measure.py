# SPDX-License-Identifier: MIT
"""Runs the experiments of rows.py, in rounds, and prints the table. bench/run calls
it once all is built."""

import argparse
import datetime
import json
import os
import platform
import sys

import table
from parties import ARRIVED
from rows import EXPERIMENTS, Scale


def read_arguments():
    """bench/run --help tells what they are."""
    parser = argparse.ArgumentParser(prog="bench/run", add_help=False,
                                     usage="see bench/run --help")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: must be 1 or more")
    return arguments


def chosen(only):
    """Returns the experiments whose words begin with one of those of --only."""
    found = [e for e in EXPERIMENTS
             if not only or any(e[0].startswith(word) for word in only)]
    if not found:
        words = ", ".join(word for word, _, _ in EXPERIMENTS)
        sys.exit(f"bench/run: --only {' '.join(only)}: there are {words}")
    return found


def measure(experiments, rounds, scale):
    """Returns the results of all rows. One that fails is tried no more."""
    pairs = {word: [] for word, _, _ in experiments}
    failures = {}
    for number in range(rounds):
        for word, _, function in experiments:
            if word in failures:
                continue
            print(f"round {number + 1} of {rounds}: {word}", file=sys.stderr)
            try:
                pairs[word].append(function(scale))
            except Exception as failure:  # pylint: disable=broad-except
                failures[word] = f"{type(failure).__name__}: {failure}"
    return [table.failure(row, failures[word]) if word in failures
            else table.result(row, [one[i] for one in pairs[word]])
            for word, rows, _ in experiments for i, row in enumerate(rows)]


def machine():
    return {"cores": os.cpu_count(), "kernel": platform.release(),
            "machine": platform.machine()}


def main():
    arguments = read_arguments()
    rounds = 1 if arguments.quick else arguments.rounds
    results = measure(chosen(arguments.only), rounds, Scale(arguments.quick))
    print(table.text(results))
    if arguments.quick:
        print("\nThese counts are tiny: the numbers only show that it works.")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"date": datetime.date.today().isoformat(),
                       "machine": machine(), "rounds": rounds,
                       "is_quick": arguments.quick, "arrived": dict(ARRIVED),
                       "rows": results}, file, indent=1)
    sys.exit(any(one["why_not"] for one in results))


if __name__ == "__main__":
    main()
