# SPDX-License-Identifier: MIT
"""Rules in full, in the real daemon: values, fleets, credentials, TLS, dry runs."""

import subprocess

import pytest

from collectd import HOST, Collectd
from conftest import FAN_ID
from simulator import API_KEY, Simulator, wait_until

ACCESS_KEY = "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE="


def bodies(sim, device=FAN_ID):
    return [command["body"] for command in sim.received(device)]


def value_rule(more, name="setpoint"):
    return (f'<Rule "{name}">\nSource value\nPlugin "sensors"\nDevice "fan"\n'
            f'{more}\n</Rule>\n')


def notify(setup, severity="failure", **fields):
    setup.daemon.putnotif(severity, **{"plugin": "sensors",
                                       "type": "temperature", **fields})


# ---- values ----

def test_a_value_becomes_a_command_and_one_within_the_deadband_does_not(setup):
    setup.start(setup.block(rule=value_rule(
        'Type "temperature"\nOnValue "%{value}"\nDeadband 0.5')), threshold="")
    for at, value, expected in ((1, 20, ["20"]), (2, 20.4, ["20"]),
                                (3, 21.25, ["20", "21.25"])):
        setup.daemon.putval("sensors/temperature", value, at=at)
        setup.wait_for_outcomes(
            created=at, accepted=len(expected),
            **({"unchanged": at - len(expected)} if at > len(expected) else {}))
        assert bodies(setup.sim) == expected


def test_each_data_source_of_a_value_is_an_event_of_its_own(setup):
    setup.start(setup.block(rule=value_rule(
        'Type "load"\nOnValue "%{data_source}=%{value}"')), threshold="")
    setup.daemon.putval("sensors/load", "0.5:0.25:nan")
    setup.wait_for_outcomes(created=2, accepted=2)
    assert sorted(bodies(setup.sim)) == ["midterm=0.25", "shortterm=0.5"]
    assert setup.metric("onenet-fan/derive-ignored_nan") == 1


def test_a_rule_may_ask_for_one_data_source(setup):
    setup.start(setup.block(rule=value_rule(
        'DataSource "midterm"\nOnValue "%{value}"')), threshold="")
    setup.daemon.putval("sensors/load", "0.5:0.25:0.75")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert bodies(setup.sim) == ["0.25"]


def test_the_value_of_what_counts_is_its_rate(setup):
    setup.start(setup.block(rule=value_rule(
        'Type "derive"\nOnValue "%{value}"')), threshold="")
    setup.daemon.putval("sensors/derive", 1000, at=1000)
    setup.daemon.putval("sensors/derive", 1500, at=1010)
    setup.wait_for_outcomes(created=1, accepted=1)
    assert bodies(setup.sim) == ["50"]
    assert setup.metric("onenet-fan/derive-ignored_nan") == 1


def test_a_filter_chain_can_choose_the_values(setup):
    setup.start(setup.block(rule=value_rule('OnValue "%{value}"')
                            .replace('Plugin "sensors"\n', "")),
                threshold="", extra="""
LoadPlugin match_regex
PostCacheChain "PostCache"
<Chain "PostCache">
  <Rule "chosen">
    <Match "regex">
      Plugin "^chosen$"
    </Match>
    <Target "write">
      Plugin "onenet"
    </Target>
    Target "stop"
  </Rule>
  <Target "write">
    Plugin "write_prometheus"
  </Target>
</Chain>
""")
    setup.daemon.putval("sensors/temperature", 1)
    setup.daemon.putval("chosen/temperature", 2)
    wait_until(lambda: bodies(setup.sim) == ["2"], 20, "the chosen value")
    setup.wait_for_outcomes(created=1, accepted=1)


def test_a_chain_in_front_of_the_cache_can_choose_the_values(setup):
    setup.start(setup.block(rule=value_rule('OnValue "%{value}"')),
                threshold="", extra="""
PreCacheChain "PreCache"
<Chain "PreCache">
  <Target "write">
    Plugin "onenet"
  </Target>
  Target "stop"
</Chain>
""")
    setup.daemon.putval("sensors/temperature", 2)
    wait_until(lambda: bodies(setup.sim) == ["2"], 20, "the value")


def test_values_from_many_threads_at_once_are_all_taken(setup):
    names = [f"v{number}" for number in range(50)]
    setup.start(setup.block(rule=value_rule(
        'Type "gauge"\nOnValue "%{type_instance}=%{value}"')), threshold="")
    for value in (1, 2):
        for name in names:
            setup.daemon.putval(f"sensors/gauge-{name}", value, at=value)
    wait_until(lambda: {f"{name}=2" for name in names} <= set(bodies(setup.sim)),
               30, "the last value of each")
    wait_until(lambda: setup.outcomes().get("created") == 100
               and "pending" not in setup.outcomes())


# ---- matching ----

def test_one_rule_commands_a_fleet_of_ten_thousand(folder, make_setup):
    fleet = folder / "devices.csv"
    fleet.write_text("# name,device_id\n" + "".join(
        f"host{number},{10**6 + number}\n" for number in range(10_000)))
    with Simulator("--auto-create", "--rate", "0") as sim:
        setup = make_setup(sim)
        setup.start(setup.endpoint() + f'DeviceFile "{fleet}"\n'
                    '<Rule "all">\nDevice "%{host}"\nPlugin "sensors"\n'
                    'OnFailure "%{device}/%{device_id}"\n</Rule>\n')
        for number in (0, 4711, 9999):
            notify(setup, host=f"host{number}")
        notify(setup, host="nobody")
        wait_until(lambda: sorted(c["body"] for c in sim.received()) == [
            "host0/1000000", "host4711/1004711", "host9999/1009999"], 20,
            "the three")
        wait_until(lambda: setup.metric("onenet-agent/derive-ignored_no_device")
                   == 1)
        assert 'no device bears the name "nobody"' in setup.daemon.log()
        wait_until(lambda: setup.metric("onenet-host4711/commands-accepted") == 1)
        assert setup.metric("onenet-host1/commands-accepted") is None
        setup.daemon.stop()


def test_each_unknown_name_is_told_once(setup):
    setup.start(setup.block(rule='<Rule "all">\nDevice "%{host}"\n'
                            'Plugin "sensors"\nOnFailure "on"\n</Rule>\n'))
    for _ in range(3):
        for number in range(50):
            notify(setup, host=f"nobody{number}")
    wait_until(lambda: setup.metric("onenet-agent/derive-ignored_no_device")
               == 150, 20)
    assert setup.daemon.log().count("no device bears the name") == 50


def test_several_rules_and_several_devices_all_act(setup):
    setup.sim.put_device("2")
    setup.start(setup.block(
        '<Device "lamp">\nDeviceID "2"\n</Device>\n'
        '<Rule "both">\nPlugin "sensors"\nDevice "fan"\nDevice "lamp"\n'
        'OnFailure "both %{device}"\n</Rule>\n'))
    notify(setup)
    wait_until(lambda: sorted(bodies(setup.sim)) == ["both fan", "on"]
               and bodies(setup.sim, "2") == ["both lamp"], 20, "all three")


def test_the_message_can_be_matched_and_meta_data_rendered(setup):
    setup.start(setup.block(rule=setup.rule(
        'Message "/door [0-9]+ open/"\nOnFailure "%{meta:floor}: %{message}"')))
    notify(setup, message="door closed")
    notify(setup, message="door 7 open", s_floor="3rd")
    wait_until(lambda: bodies(setup.sim) == ["3rd: door 7 open"], 20)


# ---- credentials ----

@pytest.mark.parametrize("method", ["md5", "sha1", "sha256"])
def test_a_token_is_made_from_an_access_key(folder, make_setup, method):
    key = folder / "access.key"
    key.write_text(ACCESS_KEY + "\n")
    key.chmod(0o600)
    with Simulator("--device", FAN_ID, "--access-key", ACCESS_KEY) as sim:
        setup = make_setup(sim)
        setup.start(setup.block(endpoint=f"""
<Endpoint "cloud">
  URL "{sim.url}/cmds"
  AccessKeyFile "{key}"
  Resource "products/123123"
  TokenMethod {method}
</Endpoint>
"""))
        notify(setup)
        wait_until(lambda: bodies(sim) == ["on"], 20, "the command")
        headers = dict(sim.requests()[0]["headers"])
        assert "api-key" not in headers
        assert "Authorization" in headers
        setup.daemon.stop()


def test_a_key_can_be_a_credential_of_systemd(setup):
    credentials = setup.folder / "credentials"
    credentials.mkdir()
    setup.key_file.rename(credentials / "onenet.key")
    setup.start(setup.block(endpoint=setup.endpoint().replace(
        str(setup.key_file), "onenet.key")),
        environment={"CREDENTIALS_DIRECTORY": str(credentials)})
    notify(setup)
    wait_until(lambda: bodies(setup.sim) == ["on"], 20, "the command")


def test_two_endpoints_have_a_key_each(setup):
    other_key = "Other0nlyKey=NotASecret0000="
    with Simulator("--device", "2", "--api-key", other_key) as other:
        more = (f'<Endpoint "other">\nURL "{other.url}/cmds"\n'
                f'APIKey "{other_key}"\n</Endpoint>\n<Device "lamp">\n'
                'DeviceID "2"\nEndpoint "other"\n</Device>\n'
                '<Rule "light">\nPlugin "sensors"\nDevice "lamp"\n'
                'OnFailure "red"\n</Rule>\n')
        setup.start(setup.block(more, fan=setup.fan('Endpoint "cloud"')))
        notify(setup)
        wait_until(lambda: bodies(setup.sim) == ["on"]
                   and bodies(other, "2") == ["red"], 20, "both")


# ---- TLS ----

def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True,
                   capture_output=True)


def make_certificate(folder, name, subject_names, days=2, issuer="ca"):
    """Makes NAME.key and NAME.pem, signed by the test's own CA."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout",
            f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / "ext").write_text(f"subjectAltName={subject_names}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem",
            "-CAkey", f"{issuer}.key", "-CAcreateserial", "-days", str(days),
            "-extfile", "ext", "-out", f"{name}.pem")


@pytest.fixture(name="tls")
def certificates(tmp_path):
    for name in ("ca", "stranger"):
        openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN=test {name}")
    make_certificate(tmp_path, "good", "IP:127.0.0.1")
    make_certificate(tmp_path, "expired", "IP:127.0.0.1", days=-1)
    make_certificate(tmp_path, "wrong_name", "DNS:elsewhere.example")
    make_certificate(tmp_path, "client", "DNS:client")
    return tmp_path


def tls_setup(make_setup, tls, certificate, more="", *options):
    sim = Simulator("--device", FAN_ID, "--tls-cert", tls / f"{certificate}.pem",
                    "--tls-key", tls / f"{certificate}.key", *options,
                    ssl_context=__import__("ssl")._create_unverified_context())
    sim.start()
    setup = make_setup(sim)
    url = f"https://127.0.0.1:{sim.port}/cmds"
    setup.start(setup.block(endpoint=setup.endpoint(
        url, f'CACert "{tls}/ca.pem"\n{more}')))
    notify(setup)
    return setup


def test_a_certificate_of_a_known_authority_is_trusted(make_setup, tls):
    setup = tls_setup(make_setup, tls, "good")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert bodies(setup.sim) == ["on"]
    setup.daemon.stop()
    setup.sim.stop()


@pytest.mark.parametrize("certificate", ["expired", "wrong_name", "stranger"])
def test_a_bad_certificate_gets_no_command_and_no_plain_text(make_setup, tls,
                                                             certificate):
    setup = tls_setup(make_setup, tls, certificate)
    wait_until(lambda: (setup.metric("onenet-fan/errors-curl_60") or 0) >= 1, 20,
               "the certificate to be refused")
    assert setup.outcomes() == {"created": 1, "pending": 1}
    assert setup.sim.requests() == []
    setup.daemon.stop()
    setup.sim.stop()


def test_a_client_certificate_is_shown(make_setup, tls):
    setup = tls_setup(make_setup, tls, "good",
                      f'ClientCert "{tls}/client.pem"\n'
                      f'ClientKey "{tls}/client.key"\n',
                      "--tls-client-ca", tls / "ca.pem")
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.daemon.stop()
    setup.sim.stop()


# ---- a dry run ----

def test_a_dry_run_says_what_it_would_do_and_does_nothing(setup):
    secret = "X-Token: N0tForTheLog"
    setup.start(setup.block("DryRun true\n", endpoint=setup.endpoint(
        more=f'Header "{secret}"')))
    notify(setup)
    setup.wait_for_outcomes(created=1, cancelled=1)
    notify(setup)
    setup.wait_for_outcomes(created=2, cancelled=1, unchanged=1)
    notify(setup, "okay", host="elsewhere")
    setup.wait_for_outcomes(created=3, cancelled=1, unchanged=2)
    log = setup.daemon.log()
    assert (f'dry run: rule "overheat", device "fan" ({FAN_ID}), series '
            f"{HOST}/sensors/temperature, failure:") in log
    assert f"dry run: POST {setup.sim.url}/cmds?device_id={FAN_ID}&timeout=3600" in log
    assert "dry run: api-key: ***" in log
    assert "dry run: body (2 bytes): on" in log
    assert "dry run: X-Token: ***" in log
    assert API_KEY not in log and "N0tForTheLog" not in log
    assert setup.sim.requests() == []
    assert not (setup.folder / "onenet.db").exists()
    assert not (setup.folder / "onenet.db.lock").exists()


def test_a_dry_run_says_why_it_would_send_nothing(setup):
    setup.start(setup.block("DryRun true\n"))
    notify(setup, "okay")
    wait_until(lambda: 'dry run: rule "overheat", device "fan": the event is '
               "ignored: first_okay" in setup.daemon.log(), 20, "the reason")


def test_a_test_of_the_configuration_sends_nothing_and_writes_nothing(setup):
    daemon = Collectd(setup.folder, setup.block(rule=(
        '<Rule "busy">\nPlugin "load"\nDevice "fan"\nOnFailure "%{value}"\n'
        '</Rule>\n')), extra='LoadPlugin load\n', threshold="""
<Type "load">
  FailureMin 1000000
</Type>""")
    def decided():
        """collectd stops at once, and may not come to look at the value."""
        status, said = daemon.test()
        assert status == 0, said
        return "dry run: POST " in said
    wait_until(decided, 30, "a decision")
    assert setup.sim.requests() == []
    assert not list(setup.folder.glob("onenet.db*"))
