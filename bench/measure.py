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
from rows import EXPERIMENTS, Scale


def read_arguments():
    words = ", ".join(word for word, _, _ in EXPERIMENTS)
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Measures the plugin side by side with what "
        "it is compared with, on loopback. bench/README.md explains each row.",
        epilog=f"Words of rows: {words}.")
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="how often each row is measured (5)")
    parser.add_argument("--only", action="append", default=[], metavar="WORD",
                        help="only the rows whose word begins so; may be repeated")
    parser.add_argument("--quick", action="store_true",
                        help="tiny counts and one round: shows that it works, and "
                        "measures nothing")
    parser.add_argument("--json", metavar="FILE", help="writes all numbers there")
    return parser.parse_args()


def chosen(only):
    found = [e for e in EXPERIMENTS
             if not only or any(e[0].startswith(word) for word in only)]
    if not found:
        sys.exit(f"bench/run: no row has a word that begins with {' or '.join(only)}")
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
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"date": datetime.date.today().isoformat(),
                       "machine": machine(), "rounds": rounds,
                       "is_quick": arguments.quick, "rows": results}, file, indent=1)
    sys.exit(any(one["why_not"] for one in results))


if __name__ == "__main__":
    main()
