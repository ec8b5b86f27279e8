# SPDX-License-Identifier: MIT
"""A name that does not resolve, and a resolver that hangs: nothing is sent, nobody else
waits, and collectd ends in time."""

import pytest

from collectd import in_front
from simulator import wait_until

NAME = "cloud.example"

# The resolver hangs while there is a file with the name of one flag, and knows no name
# while there is one with that of the other. Else NAME is this machine.
RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int resolve_fn(const char *, const char *, const struct addrinfo *,
                       struct addrinfo **);

static int is_there(const char *name) {
  const char *flag = getenv(name);
  return flag != NULL && access(flag, F_OK) == 0;
}

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
                struct addrinfo **found) {
  resolve_fn *resolve = (resolve_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
  if (name == NULL || strcmp(name, "cloud.example") != 0)
    return resolve(name, port, hints, found);
  while (is_there("RESOLVER_HANGS"))
    usleep(10000);
  if (is_there("NO_SUCH_NAME"))
    return EAI_NONAME;
  return resolve("127.0.0.1", port, hints, found);
}
"""


@pytest.fixture(name="flags")
def files_that_spoil_the_resolver(setup):
    """Returns (hangs, no_name): while such a file is there, that is so."""
    return setup.folder / "the resolver hangs", setup.folder / "no such name"


def start(scene, flags, more=""):
    setup = scene.setup
    hangs, no_name = flags
    url = f"http://{NAME}:{setup.sim.port}/cmds"
    scene.start(
        setup.block(more, endpoint=setup.endpoint(
            url, "ConnectTimeout 1\nRequestTimeout 2\nBreakerThreshold 1000"),
            rule=setup.rule('OnFailure "%{message}"\nRepeat 0')),
        threshold="", wrapper=in_front(setup.folder, "resolver", RESOLVER,
                                       RESOLVER_HANGS=hangs, NO_SUCH_NAME=no_name))


def wait_for_a_failure(setup, cause):
    wait_until(lambda: setup.query("SELECT state, cause FROM commands WHERE "
                                   "rule = 'overheat'") == [("waiting", cause)], 20,
               cause)


@pytest.mark.parametrize("flag, cause", [(0, "curl_28"), (1, "curl_6")])
def test_what_is_addressed_to_an_unknown_name_is_sent_once_it_is_known(
        setup, scene, flags, flag, cause):
    flags[flag].touch()
    start(scene, flags)
    setup.notify(message="first")
    wait_for_a_failure(setup, cause)
    scene.look()
    assert f"({cause})" in setup.daemon.log()
    flags[flag].unlink()
    setup.wait_for_outcomes(created=1, accepted=1)
    scene.ask()
    assert setup.sim.bodies() == ["first", "fresh"]


def test_a_resolver_that_hangs_does_not_delay_the_end(setup, scene, flags):
    flags[0].touch()
    start(scene, flags, "ShutdownTimeout 1\n")
    setup.notify(message="first")
    wait_until(lambda: setup.query("SELECT 1 FROM commands WHERE state = 'in_flight'"),
               20, "an attempt")
    status, seconds = setup.daemon.stop()
    assert status == 0
    assert seconds < 1 + 1 + 1  # the last: collectd's own, and this machine's
    flags[0].unlink()
    setup.daemon.start()
    scene.began()
    wait_until(lambda: setup.sim.bodies() == ["first"], 20, "what was left")
    scene.ask()
