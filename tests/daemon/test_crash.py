# SPDX-License-Identifier: MIT
"""kill -9 at any moment: nothing that was recorded is lost, and nothing is executed
twice where that was not allowed.

ONENET_SEED repeats a run; ONENET_CRASHES sets how many kills (default 200).
"""

import collections
import os
import random
import sqlite3
import time

from simulator import Simulator, wait_until

CRASHES = int(os.environ.get("ONENET_CRASHES", "200"))
SEED = int(os.environ.get("ONENET_SEED", str(time.time_ns() % 2**32)))
DEVICES = 4  # of each kind

OUTCOMES = ("accepted", "refused", "unknown", "expired", "superseded",
            "unchanged", "dropped", "cancelled")


def devices(kind):
    return [f"{kind}{number}" for number in range(DEVICES)]


def block_for(setup):
    """Every event is a command of its own, in order; its body tells which."""
    block = setup.endpoint()
    for kind in ("never", "retry"):
        for name in devices(kind):
            block += f'<Device "{name}">\nDeviceID "{name}"\n</Device>\n'
        block += (f'<Rule "{kind}">\nDevice "{kind}%{{type_instance}}"\n'
                  f'Plugin "{kind}"\nOnFailure "%{{message}}"\n'
                  f'OnUnknown {kind}\nSupersede false\nRepeat 0\n</Rule>\n')
    return block


def read_ledger(path):
    """Returns ({body: outcome or None}, {device: balance is right})."""
    with sqlite3.connect(path) as ledger:
        commands = dict(ledger.execute("SELECT body, outcome FROM commands"))
        pending = dict(ledger.execute("SELECT device, count(*) FROM commands "
                                      "WHERE state <> 'finished' "
                                      "GROUP BY device"))
        balance = {row[0]: row[1] == sum(row[2:]) + pending.get(row[0], 0)
                   for row in ledger.execute(
                       f"SELECT device, created, {', '.join(OUTCOMES)} "
                       "FROM totals")}
    ledger.close()
    return commands, balance


def notify_some(daemon, chance, sent):
    """Sends events to random devices, until a random moment."""
    for _ in range(chance.randint(1, 12)):
        kind = chance.choice(("never", "retry"))
        body = f"{kind}-{len(sent)}"
        sent.append(body)
        daemon.putnotif("failure", message=body, plugin=kind, type="gauge",
                        type_instance=chance.randrange(DEVICES))
    time.sleep(chance.uniform(0, 0.03))  # the moment, not a condition


def test_no_crash_loses_or_repeats_a_command(folder, make_setup, capsys):
    with capsys.disabled():
        print(f"\nONENET_SEED={SEED} ONENET_CRASHES={CRASHES}")
    chance = random.Random(SEED)
    log = folder / "executions"
    names = devices("never") + devices("retry")
    options = [word for name in names for word in ("--device", name)]
    recorded, sent = set(), []
    with Simulator(*options, "--rate", "0", "--execution-log", log) as sim:
        setup = make_setup(sim)
        daemon = setup.start(block_for(setup), threshold="", interval=10)
        for _ in range(CRASHES):
            if chance.random() < 0.5:
                sim.fault(count=chance.randint(1, 8),
                          delay_ms=chance.randint(1, 40))
            if chance.random() < 0.3:
                sim.fault(count=1, close=chance.choice(("before", "after")))
            notify_some(daemon, chance, sent)
            daemon.stop(kill=True)
            commands, balance = read_ledger(folder / "onenet.db")
            assert all(balance.values()), balance
            recorded |= set(commands)
            daemon.start()
        sim.clear_faults()

        def all_finished():
            commands, _ = read_ledger(folder / "onenet.db")
            return all(commands.values()) and commands
        commands = wait_until(all_finished, 60, "every command to finish")
        daemon.stop()
        _, balance = read_ledger(folder / "onenet.db")
        executed = collections.Counter(c["body"] for c in sim.received())

    assert all(balance.values()), balance
    assert recorded <= set(commands), recorded - set(commands)
    assert len(recorded) > CRASHES, "the crashes came too early to mean anything"
    for body, outcome in commands.items():
        if body.startswith("never"):
            assert executed[body] <= 1, (body, outcome, executed[body])
            assert outcome in ("accepted", "unknown"), (body, outcome)
        else:
            assert executed[body] >= 1, (body, outcome)
            assert outcome == "accepted", (body, outcome)
        if outcome == "accepted":
            assert executed[body] >= 1, body
    assert sum(outcome == "unknown" for outcome in commands.values()) > 0
    assert set(executed) <= set(commands), "sent before it was recorded"
