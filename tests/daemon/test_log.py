# SPDX-License-Identifier: MIT
"""What the log tells of a start, of failures, and of their end."""

import re
import subprocess

from conftest import FAN_ID
from simulator import API_KEY, Simulator, wait_until

OFFLINE_RETRY = 'OnFailure "on"\nOnOkay "off"\nOnOffline retry\n'


def lines(setup, word):
    return [line for line in setup.daemon.log().splitlines() if word in line]


def wait_for_line(setup, word):
    """Returns the one line of the log that holds the word."""
    wait_until(lambda: lines(setup, word), 20, f"a line with {word!r}")
    assert len(lines(setup, word)) == 1
    return lines(setup, word)[0]


def attempts(setup, count, device="fan"):
    """Waits until so many attempts have failed."""
    wait_until(lambda: sum(value for (name, labels), value
                           in setup.samples().items()
                           if name == "collectd_onenet_errors_total"
                           and ("onenet", device) in labels) >= count,
               40, f"{count} failures")


# ---- the start ----

def test_one_line_at_the_start_says_what_runs(setup):
    setup.start()
    line = wait_for_line(setup, "started")
    assert re.search(
        r'\[info\] onenet plugin: version \S+ started: ledger "'
        + re.escape(f"{setup.folder}/onenet.db") + r'", 0 commands pending, '
        r'1 endpoint \(cloud\), 1 device \(fan\), 1 rule \(overheat\)$', line)


def test_the_line_at_the_start_counts_what_is_pending(setup):
    setup.sim.stop()
    setup.start()
    setup.notify()
    wait_until(lambda: setup.outcomes().get("pending") == 1, 20)
    setup.daemon.stop()
    setup.daemon.start()
    wait_until(lambda: len(lines(setup, "started")) == 2, 20)
    assert "1 command pending" in lines(setup, "started")[1]


def test_the_line_at_the_start_names_only_few(setup):
    devices = "".join(f'<Device "d{n}">\nDeviceID "{n}"\n</Device>\n'
                      for n in range(5))
    setup.start(setup.block(devices))
    assert "6 devices, 1 rule (overheat)" in wait_for_line(setup, "started")


# ---- an endpoint ----

def test_an_outage_is_a_line_at_its_begin_and_one_at_its_end(setup):
    port = setup.sim.port
    setup.sim.stop()
    setup.start(setup.block(endpoint=setup.endpoint(
        f"http://127.0.0.1:{port}/cmds", "BreakerThreshold 1000")))
    setup.notify()
    attempts(setup, 3)
    line = wait_for_line(setup, "an attempt failed")
    assert "[warning]" in line
    assert 'endpoint "cloud": an attempt failed: ' in line
    assert "onnect" in line and "(curl_7)" in line  # libcurl's own words
    assert f'are host and port of URL "http://127.0.0.1:{port}/cmds" right' in line
    assert re.search(r"; the next attempt is in 1 s$", line)
    assert "works again" not in setup.daemon.log()

    setup.sim.start("--port", port)
    setup.wait_for_outcomes(created=1, accepted=1, timeout=40)
    wait_for_line(setup, 'endpoint "cloud": it works again')
    assert len(lines(setup, 'endpoint "cloud"')) == 2


def test_an_open_circuit_says_why_and_when_it_tries_again(setup):
    port = setup.sim.port
    setup.sim.stop()
    setup.start(setup.block(endpoint=setup.endpoint(
        f"http://127.0.0.1:{port}/cmds", "BreakerThreshold 1")))
    setup.notify()
    line = wait_for_line(setup, "the circuit is open")
    assert "(curl_7); commands wait; the next attempt is in 5 s" in line
    setup.sim.start("--port", port)
    wait_for_line(setup, "the circuit is closed: it works again")
    assert len(lines(setup, "works again")) == 1


def test_a_server_that_fails_is_named_by_its_status(setup):
    setup.sim.fault(status=502)
    setup.start(setup.block(rule=setup.rule(
        'OnFailure "on"\nOnOkay "off"\nOnUnknown retry\n')))
    setup.notify()
    line = wait_for_line(setup, "an attempt failed")
    assert "HTTP status 502: OneNET, or a gateway" in line
    assert "; the next attempt is in 1 s" in line
    wait_for_line(setup, "it works again")


def test_a_failure_that_is_not_tried_again_says_so(setup):
    setup.sim.fault(status=502)
    setup.start()
    setup.notify()
    line = wait_for_line(setup, "an attempt failed")
    assert line.endswith("; this command is not tried again")


def test_a_busy_cloud_is_told_once(setup):
    setup.sim.fault(count=3,
                    body='{"errno":15,"error":"api freq out of limit"}')
    setup.start()
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    line = wait_for_line(setup, "it asks for fewer attempts")
    assert 'errno 15, "api freq out of limit"' in line
    assert "RateLimit" in line


# ---- credentials and certificates: each reads differently ----

def test_a_wrong_key_is_to_be_compared(setup):
    setup.key_file.write_text("Wrong0nlyKey=NotASecret0000=\n")
    setup.start()
    setup.notify()
    line = wait_for_line(setup, "the credentials were refused")
    assert "[error]" in line
    assert 'errno 3, "auth failed"' in line
    assert f"compare the key in APIKeyFile {setup.key_file} with" in line
    assert line.endswith(
        "; attempt 2 is as soon as that file changes, else in 60 s")
    setup.key_file.write_text("Wrong0nlyKey=NotASecret1111=\n")
    wait_until(lambda: len(lines(setup, "credentials were refused")) == 2, 20,
               "the same of the next key")
    setup.key_file.write_text(API_KEY)
    setup.wait_for_outcomes(created=1, accepted=1)
    wait_for_line(setup, 'endpoint "cloud": it works again')


def test_a_missing_key_file_is_to_be_created(setup):
    setup.start()
    setup.key_file.unlink()
    setup.notify()
    line = wait_for_line(setup, "the credentials can not be read")
    assert f"{setup.key_file}: No such file or directory: create the file" in line
    assert f"chmod 600 {setup.key_file}" in line
    assert line.endswith(
        "; attempt 2 is as soon as that file changes, else in 60 s")
    setup.key_file.write_text(API_KEY)
    setup.wait_for_outcomes(created=1, accepted=1)


def test_a_key_that_every_user_may_write_to_is_not_sent_until_they_may_not(setup):
    setup.key_file.chmod(0o602)
    setup.start()
    assert f"{setup.key_file}: every user may write to it: chmod o-w; commands " \
        "wait until this file is put right" in setup.daemon.log()
    setup.notify()
    line = wait_for_line(setup, "the credentials can not be read")
    assert f"{setup.key_file}: every user may write to it: chmod o-w: none but " \
        "root and the user that collectd runs as" in line
    assert setup.sim.requests() == []
    setup.key_file.chmod(0o660)
    setup.wait_for_outcomes(created=1, accepted=1)


def test_a_key_with_blanks_around_it_is_not_sent(setup):
    setup.key_file.write_text(f" {API_KEY} \n")
    setup.start()
    setup.notify()
    line = wait_for_line(setup, "the credentials can not be read")
    assert f"{setup.key_file}: blanks around the key: APIKeyFile" in line
    assert "must hold the key alone, on one line" in line
    assert API_KEY not in setup.daemon.log()
    assert setup.sim.requests() == []
    wait_until(lambda: setup.metric("onenet-fan/errors-local") == 1, 20)


def test_a_self_signed_certificate_is_to_be_named(make_setup, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
                    "-subj", "/CN=test", "-addext",
                    "subjectAltName=IP:127.0.0.1"],
                   cwd=tmp_path, check=True, capture_output=True)
    with Simulator("--device", FAN_ID, "--tls-cert", tmp_path / "cert.pem",
                   "--tls-key", tmp_path / "key.pem") as sim:
        setup = make_setup(sim)
        setup.start(setup.block(endpoint=setup.endpoint(
            f"https://127.0.0.1:{sim.port}/cmds")))
        setup.notify()
        line = wait_for_line(setup, "an attempt failed")
        assert "(curl_60)" in line and "self-signed certificate" in line
        assert "CACert" in line
        setup.daemon.stop()


# ---- a device ----

def test_an_offline_device_is_told_once_and_so_is_its_return(setup):
    setup.sim.put_device(FAN_ID, online=False)
    setup.start(setup.block(rule=setup.rule(OFFLINE_RETRY),
                            fan=setup.fan("Timeout 0")))
    setup.notify()
    attempts(setup, 3)
    line = wait_for_line(setup, 'device "fan"')
    assert f'device "fan" ({FAN_ID}): errno 10, "device not online' in line
    assert line.endswith("; the next attempt is in 1 s (OnOffline retry)")
    setup.sim.put_device(FAN_ID, online=True)
    setup.wait_for_outcomes(created=1, accepted=1, timeout=40)
    wait_for_line(setup, f'device "fan" ({FAN_ID}): it accepts commands again')
    assert lines(setup, 'endpoint "cloud"') == []


def test_a_device_that_is_refused_is_told_with_what_to_do(setup):
    word = "HTTP status 404"
    setup.sim.fault(count=2, status=404)
    setup.start()
    setup.notify()
    line = wait_for_line(setup, f'device "fan" ({FAN_ID}): {word}')
    assert "compare DeviceID" in line
    assert line.endswith("; this command is not tried again")
    setup.notify()
    setup.wait_for_outcomes(created=2, refused=2)
    setup.notify()
    setup.wait_for_outcomes(created=3, refused=2, accepted=1)
    wait_for_line(setup, "it accepts commands again")
    assert len(lines(setup, f"({FAN_ID}): {word}")) == 1
