# SPDX-License-Identifier: MIT
"""Odd clouds, one endpoint each, all at the same time in one daemon: what becomes of a
command there, how often it is executed, and whether the next one gets through once the
cloud is well."""

import contextlib
import pathlib
import shutil
import tempfile

import pytest

from conftest import Setup
from odd_clouds import (BUSY, DOUBTFUL, TOO_LATE, UNFIT_UUIDS, ClosedPort, Cloud,
                        FullBacklog, redirections)
from questions import WITNESS, Scene
from simulator import Simulator, wait_until
from test_delivery import send_lines

PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
           "ALL_PROXY")
NAMES_OF_REDIRECTIONS = list(redirections("trap"))
UNREACHABLE = {"port-closed": ClosedPort, "backlog-full": FullBacklog}

# A rule for each kind: how long its commands wait, and whether they may run twice.
RULES = "".join(
    f'<Rule "{name}">\nPlugin "{name}"\nDevice "%{{host}}"\n'
    f'OnFailure "%{{message}}"\nRepeat 0\n{more}\n</Rule>\n'
    for name, more in (("patient", ""), ("hasty", "Expire 2"),
                       ("again", "OnUnknown retry")))


class Day:
    """All odd clouds of a day: {name: Cloud} by the rule that commands them, and what
    became of the first command and of the second."""

    def __init__(self, scene, trap):
        self.scene, self.setup = scene, scene.setup
        no = {"executes": False}
        self.clouds = {
            "patient": {
                **{name: Cloud(play) for name, play
                   in (DOUBTFUL | UNFIT_UUIDS).items()},
                **{name: Cloud(play, **no) for name, play
                   in (BUSY | redirections(trap)).items()},
                **{name: make() for name, make in UNREACHABLE.items()}},
            "hasty": {name: Cloud(play, **no) for name, play in TOO_LATE.items()},
            "again": {f"again-{name}": Cloud(play) for name, play
                      in DOUBTFUL.items() if name.startswith("storm")}}
        self.all = {name: cloud for clouds in self.clouds.values()
                    for name, cloud in clouds.items()}
        self.first, self.second = {}, {}

    @property
    def executed(self):
        return [body for cloud in self.all.values() for body in cloud.executed]

    def block(self):
        return RULES + "".join(
            self.setup.endpoint(cloud.url, "ConnectTimeout 1\nRequestTimeout 2\n"
                                "BreakerThreshold 1000").replace(
                                    '"cloud"', f'"{name}"')
            + f'<Device "{name}-device">\nDeviceID "{name}"\nEndpoint "{name}"\n'
            "</Device>\n" for name, cloud in self.all.items())

    def send(self, word, but=()):
        """One notification for each device, all at once."""
        send_lines(self.setup, "".join(
            f"PUTNOTIF severity=failure time={time_of(word)} message={name}-{word} "
            f"host={name}-device plugin={rule} type=gauge\n"
            for rule, clouds in self.clouds.items() for name in clouds
            if name not in but))

    def wait_for(self, word, but=()):
        """Waits until that command of each has ended, and returns
        {name: (outcome, cause, cmd_uuid, attempts)}; what does not end is told by the
        test that asks for it."""
        wanted = {name for name in self.all if name not in but}
        with contextlib.suppress(AssertionError):
            wait_until(lambda: wanted <= set(self.fates(word)), 30)
        return self.fates(word)

    def fates(self, word):
        return {body[:-len(word) - 1]: fate for body, *fate in self.setup.query(
            "SELECT CAST(body AS TEXT), outcome, cause, cmd_uuid, attempts FROM "
            "commands WHERE outcome IS NOT NULL") if body.endswith(f"-{word}")}

    def run(self):
        """Sends a command to each odd cloud, and another one once all are well."""
        late = [*BUSY, *UNREACHABLE, *self.clouds["again"]]
        self.send("first")
        self.scene.look()
        self.wait_for("first", but=late)
        self.scene.look()
        for cloud in self.all.values():
            cloud.be_well()
        self.first = self.wait_for("first")
        self.send("second")
        self.second = self.wait_for("second")


def time_of(word):
    return {"first": "1000000000", "second": "1000000001"}[word]


class Trap(Cloud):
    """Must see nobody."""

    def take(self, connection, body):
        self.executed.append(body)
        return False

    @property
    def address(self):
        return "{}:{}".format(*self.server.getsockname())


@pytest.fixture(name="trap", scope="module")
def where_nobody_may_go():
    trap = Trap().start()
    yield trap
    trap.stop()


@pytest.fixture(name="day", scope="module")
def day_of_all_odd_clouds(trap):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="onenet-"))
    with Simulator("--device", WITNESS, "--rate", "0") as healthy:
        setup = Setup(folder, healthy)
        day = Day(Scene(setup, healthy), trap.address)
        for cloud in day.all.values():
            cloud.start()
        day.scene.start(day.block(), threshold="", environment=dict.fromkeys(
            PROXIES, f"http://{trap.address}"))
        day.run()
        yield day
        for cloud in day.all.values():
            cloud.stop()
        if setup.daemon.is_running():
            setup.daemon.stop()
    shutil.rmtree(folder)


def fate(day, name):
    """Returns (outcome, cmd_uuid, how often it was executed) of the first command."""
    outcome, _, cmd_uuid, _ = day.first[name]
    return outcome, cmd_uuid, day.all[name].executed.count(f"{name}-first")


@pytest.mark.parametrize("name", list(DOUBTFUL))
def test_an_answer_that_says_no_success_leaves_it_unknown_and_sent_once(day, name):
    assert fate(day, name) == ("unknown", None, 1)


@pytest.mark.parametrize("name", list(UNFIT_UUIDS))
def test_a_success_with_an_unfit_uuid_is_accepted_without_it(day, name):
    assert fate(day, name) == ("accepted", None, 1)


@pytest.mark.parametrize("name", [*BUSY, *UNREACHABLE])
def test_what_was_surely_not_executed_is_sent_once_that_is_possible(day, name):
    assert fate(day, name) == ("accepted", "u-1", 1)
    assert name == "backlog-full" or day.first[name][3] >= 2


@pytest.mark.parametrize("name", list(TOO_LATE))
def test_a_wait_that_the_cloud_asks_for_ends_with_the_deadline(day, name):
    assert fate(day, name) == ("expired", None, 0)


@pytest.mark.parametrize("name", NAMES_OF_REDIRECTIONS)
def test_a_redirection_is_refused(day, name):
    assert fate(day, name) == ("refused", None, 0)
    assert day.first[name][1] == "http_" + name[:3]


def test_nobody_follows_a_redirection_or_a_proxy_of_the_environment(day, trap):
    assert day.first
    assert trap.executed == []


@pytest.mark.parametrize("name", [f"again-{name}" for name in DOUBTFUL
                                  if name.startswith("storm")])
def test_a_storm_is_answered_with_few_attempts(day, name):
    outcome, _, _, attempts = day.first[name]
    assert outcome == "accepted"
    assert 2 <= attempts <= 8  # waits of up to 1, 2, 4 s with full jitter
    assert day.all[name].executed.count(f"{name}-first") == attempts


def test_a_fresh_command_gets_through_to_each_once_it_is_well(day):
    assert {name for name, (outcome, *_) in day.second.items()
            if outcome == "accepted"} == set(day.all)
    assert {name: day.all[name].executed.count(f"{name}-second")
            for name in day.all} == dict.fromkeys(day.all, 1)


def test_the_other_questions_are_answered_well(day):
    day.scene.ask(day, fresh=None, may_repeat=("again",),
                  connections=2 * len(day.all))
