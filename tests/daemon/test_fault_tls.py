# SPDX-License-Identifier: MIT
"""TLS that fails in each way, an endpoint each, in one daemon: no command and no key
leaves before the other side has shown who it is, and never in plain text."""

import contextlib
import re
import ssl

import pytest

from odd_clouds import TlsCloud
from questions import KEY
from simulator import wait_until
from test_delivery import send_lines

# What fails; its cause, and the words that the log has for it.
CERTIFICATES = {
    "expired": ("curl_60", "certificate has expired"),
    "stranger": ("curl_60", "self-signed certificate"),
    "wrong_name": ("curl_60", "no alternative certificate subject name matches"),
}
HANDSHAKES = {
    "hanging": ("curl_28", "SSL connection timeout"),
    "no_client_certificate": ("curl_(35|55|56)", "certificate required|handshake failure"
                              "|bad certificate"),
}
KNOWN = CERTIFICATES | HANDSHAKES
DOUBTFUL = "no_client_certificate_of_1_3"


def context_of(tls, certificate, client_ca=False, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / f"{certificate}.pem", tls / f"{certificate}.key")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(tls / "ca.pem")
    if version:
        context.maximum_version = version
    return context


@pytest.fixture(name="clouds")
def clouds_with_bad_tls(tls):
    contexts = {
        **{name: context_of(tls, name) for name in CERTIFICATES},
        "hanging": None,
        "no_client_certificate": context_of(tls, "good", True,
                                            ssl.TLSVersion.TLSv1_2),
        DOUBTFUL: context_of(tls, "good", True)}
    good = context_of(tls, "good")
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(TlsCloud(context, good))
               for name, context in contexts.items()}


class Listed:
    """What all of these clouds executed."""

    def __init__(self, clouds):
        self.clouds = clouds

    @property
    def executed(self):
        return [body for cloud in self.clouds.values() for body in cloud.executed]


def block(setup, tls, clouds):
    return "".join(
        setup.endpoint(cloud.url, f'CACert "{tls}/ca.pem"\nConnectTimeout 1\n'
                       "RequestTimeout 2\nBreakerThreshold 1000").replace(
                           '"cloud"', f'"{name}"')
        + f'<Device "{name}-device">\nDeviceID "{name}"\nEndpoint "{name}"\n</Device>\n'
        for name, cloud in clouds.items()) + (
            '<Rule "all">\nPlugin "sensors"\nDevice "%{host}"\nRepeat 0\n'
            'OnFailure "%{message}"\n</Rule>\n')


def send(setup, names, word, at):
    send_lines(setup, "".join(
        f"PUTNOTIF severity=failure time={at} message={name}-{word} "
        f"host={name}-device plugin=sensors type=temperature\n" for name in names))


def fates(setup, word):
    return {body[:-len(word) - 1]: fate for body, *fate in setup.query(
        "SELECT CAST(body AS TEXT), coalesce(outcome, state), cause FROM commands "
        f"WHERE CAST(body AS TEXT) LIKE '%-{word}'")}


def have_failed(setup, names):
    found = fates(setup, "first")
    return all(found.get(name, [None, None])[1] for name in names)


def lines_of(setup, name):
    return [line for line in setup.daemon.log().splitlines()
            if f'endpoint "{name}": an attempt failed' in line]


def test_tls_that_fails_sends_nothing_and_names_the_cause(setup, scene, tls, clouds):
    scene.start(block(setup, tls, clouds), threshold="")
    send(setup, clouds, "first", 1000)
    wait_until(lambda: have_failed(setup, clouds), 30, "each to fail")
    scene.look()
    found = fates(setup, "first")
    for name, (cause, words) in KNOWN.items():
        assert found[name][0] in ("waiting", "in_flight"), (name, found[name])
        assert re.fullmatch(cause, found[name][1]), (name, found[name])
        assert re.search(words, " ".join(lines_of(setup, name))), lines_of(setup, name)
    assert Listed(clouds).executed == []
    assert_nothing_in_plain_text(clouds)

    for cloud in clouds.values():
        cloud.be_well()
    sent = {name: "accepted" for name in KNOWN}
    wait_until(lambda: {name: fate for name, (fate, _) in fates(setup, "first").items()
                        if name in sent} == sent, 40, "what waited")
    send(setup, clouds, "second", 1001)
    wait_until(lambda: [fate for fate, _ in fates(setup, "second").values()]
               == ["accepted"] * len(clouds), 40, "fresh commands")
    scene.ask(Listed(clouds), fresh=None, connections=32)
    assert_nothing_in_plain_text(clouds)
    for name in KNOWN:
        assert clouds[name].executed == [f"{name}-first", f"{name}-second"]
    assert found[DOUBTFUL][0] in ("unknown", "waiting", "in_flight")


def assert_nothing_in_plain_text(clouds):
    """Each connection begins with the record of a handshake."""
    begun = [data for cloud in clouds.values() for data in cloud.first_bytes if data]
    assert len(begun) >= len(clouds)
    assert {data[:1] for data in begun} == {b"\x16"}
    assert not any(KEY in data for data in begun)
