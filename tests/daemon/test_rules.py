# SPDX-License-Identifier: MIT
"""Rules in full, in the real daemon: values, fleets, credentials, TLS, dry runs."""

import re
import time

import pytest

from collectd import HOST, Collectd, free_port, in_front
from conftest import FAN_ID
from simulator import API_KEY, Simulator, wait_until

ACCESS_KEY = "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE="


def value_rule(more, name="setpoint"):
    return (f'<Rule "{name}">\nSource value\nPlugin "sensors"\nDevice "fan"\n'
            f'{more}\n</Rule>\n')


# ---- thresholds ----

def test_the_fan_stops_when_its_sensor_fails(setup):
    setup.start()
    setup.daemon.putval("sensors/temperature", 35)
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.daemon.putval("sensors/temperature", "nan")
    setup.wait_for_outcomes(created=2, accepted=2)
    assert setup.sim.bodies() == ["on", "off"]


def test_a_rule_with_a_data_source_hears_the_okay_of_another(setup):
    # All data sources of a value list have one state: the OKAY names the first.
    setup.start(setup.block(rule=setup.rule(
        'DataSource "midterm"\nOnFailure "on"\nOnOkay "off"').replace(
            '"temperature"', '"load"')), threshold="""
  <Type "load">
    FailureMax 30
    Hits 1
  </Type>
""")
    setup.daemon.putval("sensors/load", "1:40:1")
    setup.daemon.putval("sensors/load", "1:40:1")
    setup.daemon.putval("sensors/load", "1:40:1")
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.daemon.putval("sensors/load", "1:1:1")
    setup.wait_for_outcomes(created=2, accepted=2)
    assert setup.sim.bodies() == ["on", "off"]


def test_an_okay_of_another_data_source_is_unmatched_where_nothing_is(setup):
    setup.start(setup.block(rule=setup.rule(
        'DataSource "midterm"\nOnFailure "on"\nOnOkay "off"')), threshold="")
    setup.notify("okay", **{"s:DataSource": "shortterm"})
    wait_until(lambda: setup.metric("onenet-agent/derive-ignored_unmatched")
               == 1, 20, "it to be counted")
    assert setup.outcomes() == {}


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
        assert setup.sim.bodies() == expected


def test_each_data_source_of_a_value_is_an_event_of_its_own(setup):
    setup.start(setup.block(rule=value_rule(
        'Type "load"\nOnValue "%{data_source}=%{value}"')), threshold="")
    setup.daemon.putval("sensors/load", "0.5:0.25:nan")
    setup.wait_for_outcomes(created=2, accepted=2)
    assert sorted(setup.sim.bodies()) == ["midterm=0.25", "shortterm=0.5"]
    setup.wait_for_metric("onenet-fan/derive-ignored_nan", 1)


def test_a_rule_may_ask_for_one_data_source(setup):
    setup.start(setup.block(rule=value_rule(
        'DataSource "midterm"\nOnValue "%{value}"')), threshold="")
    setup.daemon.putval("sensors/load", "0.5:0.25:0.75")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.sim.bodies() == ["0.25"]


def test_the_value_of_what_counts_is_its_rate(setup):
    setup.start(setup.block(rule=value_rule(
        'Type "derive"\nOnValue "%{value}"')), threshold="")
    setup.daemon.putval("sensors/derive", 1000, at=1000)
    setup.daemon.putval("sensors/derive", 1500, at=1010)
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.sim.bodies() == ["50"]
    setup.wait_for_metric("onenet-fan/derive-ignored_nan", 1)


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
    wait_until(lambda: setup.sim.bodies() == ["2"], 20, "the chosen value")
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
    wait_until(lambda: setup.sim.bodies() == ["2"], 20, "the value")


def test_values_from_many_threads_at_once_are_all_taken(setup):
    names = [f"v{number}" for number in range(50)]
    setup.start(setup.block(rule=value_rule(
        'Type "gauge"\nOnValue "%{type_instance}=%{value}"')), threshold="")
    for value in (1, 2):
        for name in names:
            setup.daemon.putval(f"sensors/gauge-{name}", value, at=value)
    wait_until(lambda: {f"{name}=2" for name in names} <= set(setup.sim.bodies()),
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
            setup.notify(host=f"host{number}")
        setup.notify(host="nobody")
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
            setup.notify(host=f"nobody{number}")
    wait_until(lambda: setup.metric("onenet-agent/derive-ignored_no_device")
               == 150, 20)
    assert setup.daemon.log().count("no device bears the name") == 50


def test_several_rules_and_several_devices_all_act(setup):
    setup.sim.put_device("2")
    setup.start(setup.block(
        '<Device "lamp">\nDeviceID "2"\n</Device>\n'
        '<Rule "both">\nPlugin "sensors"\nDevice "fan"\nDevice "lamp"\n'
        'OnFailure "both %{device}"\n</Rule>\n'))
    setup.notify()
    wait_until(lambda: sorted(setup.sim.bodies()) == ["both fan", "on"]
               and setup.sim.bodies("2") == ["both lamp"], 20, "all three")


def test_the_message_can_be_matched_and_meta_data_rendered(setup):
    setup.start(setup.block(rule=setup.rule(
        'Message "/door [0-9]+ open/"\nOnFailure "%{meta:floor}: %{message}"')))
    setup.notify(message="door closed")
    setup.notify(message="door 7 open", s_floor="3rd")
    wait_until(lambda: setup.sim.bodies() == ["3rd: door 7 open"], 20)


def test_a_host_s_first_name_finds_the_device_if_the_whole_one_does_not(setup):
    setup.sim.put_device("1")
    setup.start(setup.block('<Device "rack1">\nDeviceID "1"\n</Device>\n',
                            rule='<Rule "all">\nDevice "%{host}"\n'
                            'Plugin "sensors"\nOnFailure "on"\n</Rule>\n'))
    setup.notify(host="rack1.example.org")
    wait_until(lambda: setup.sim.bodies("1") == ["on"], 20, "the command")
    setup.notify(host="rack2.example.org")
    wait_until(lambda: 'no device bears the name "rack2.example.org"'
               in setup.daemon.log(), 20, "the name")


# ---- events that make no command ----

def test_a_body_that_can_not_be_rendered_is_not_sent(setup):
    setup.start(setup.block(rule=setup.rule(
        'Format json\nOnFailure "{\\"fan\\":\\"on\\",\\"t\\":%{value}}"\n'
        'OnOkay "{\\"fan\\":\\"off\\"}"')))
    for count in (1, 2):
        setup.notify()
        wait_until(lambda: setup.metric("onenet-fan/derive-ignored_no_value")
                   == count, 20, "the event to be ignored")
    log = setup.daemon.log()
    assert log.count('rule "overheat": OnFailure needs %{value}') == 1
    assert "as in %{value|0}" in log
    # It has left no state behind: this is still the first OKAY.
    setup.notify("okay")
    wait_until(lambda: setup.metric("onenet-fan/derive-ignored_first_okay") == 1,
               20, "the first OKAY")
    assert setup.outcomes() == {}
    setup.daemon.putval("sensors/temperature", 31.5)
    wait_until(lambda: setup.sim.bodies() == ['{"fan":"on","t":31.5}'], 20,
               "the command that has its value")


def test_what_can_not_be_rendered_supersedes_nothing(setup):
    setup.start(setup.block(rule=setup.rule('OnFailure "%{meta:speed}"\n'
                                            'OnOkay "%{meta:speed}"')))
    setup.sim.fault("busy", {"Retry-After": "2"}, status=503)
    setup.notify(s_speed="max")
    setup.wait_for_outcomes(created=1, pending=1)
    setup.notify("okay")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.sim.bodies() == ["max"]


def test_a_default_takes_the_place_of_what_an_event_lacks(setup):
    setup.start(setup.block(rule=setup.rule(
        'Format json\nOnFailure "[%{value|0},\\"%{meta:rack|none}\\"]"')))
    setup.notify()
    wait_until(lambda: setup.sim.bodies() == ['[0,"none"]'], 20, "the defaults")
    setup.notify(s_rack="7")
    wait_until(lambda: setup.sim.bodies()[1:] == ['[0,"7"]'], 20, "the rack")


def lose_values(setup):
    """A value in range, one above it, and no more: threshold notices both."""
    for value in (20, 31.5):
        setup.daemon.putval("sensors/temperature", value, interval=1)
    wait_until(lambda: "has not been updated for" in setup.daemon.log()
               or setup.metric("onenet-fan/derive-ignored_missing")
               or "lost" in setup.sim.bodies(), 20, "the value to be missed")


def test_values_that_stop_coming_change_nothing(setup):
    setup.start()
    lose_values(setup)
    wait_until(lambda: setup.metric("onenet-fan/derive-ignored_missing") == 1,
               20, "the missing value to be ignored")
    assert setup.sim.bodies() == ["on"]
    setup.wait_for_outcomes(created=1, accepted=1)


def test_values_that_stop_coming_may_have_a_body_of_their_own(setup):
    setup.start(setup.block(rule=setup.rule(
        'OnFailure "on"\nOnMissing "lost"\nOnOkay "off"')))
    lose_values(setup)
    setup.wait_for_outcomes(created=2, accepted=2)
    assert setup.sim.bodies() == ["on", "lost"]
    assert setup.metric("onenet-fan/derive-ignored_missing") is None
    setup.daemon.putval("sensors/temperature", 20)
    wait_until(lambda: setup.sim.bodies()[2:] == ["off"], 20, "the OKAY")


def test_the_same_notification_again_makes_no_command(setup):
    setup.start(setup.block(rule=setup.rule('OnFailure "%{message}"\nRepeat 0')))
    now = time.time()
    setup.notify(at=now, message="first")
    setup.wait_for_outcomes(created=1, accepted=1)
    setup.notify(at=now, message="again")
    wait_until(lambda: setup.metric("onenet-fan/derive-ignored_duplicate") == 1,
               20, "the duplicate")
    setup.notify(at=now - 1, message="another time")
    setup.wait_for_outcomes(created=2, accepted=2)
    assert setup.sim.bodies() == ["first", "another time"]


def test_one_notification_over_two_paths_makes_one_command(setup):
    """The network plugin brings back what it has sent, without meta data."""
    port = free_port()
    setup.start(setup.block(rule=setup.rule('OnFailure "on"\nRepeat 0')),
                extra=f"""
LoadPlugin network
<Plugin network>
  Listen "127.0.0.1" "{port}"
  Server "127.0.0.1" "{port}"
</Plugin>
""")
    setup.daemon.putval("sensors/temperature", 31.5)
    wait_until(lambda: setup.metric("onenet-fan/derive-ignored_duplicate") == 1,
               20, "the notification to come back")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.sim.bodies() == ["on"]


def test_what_fires_no_rule_is_counted(setup):
    setup.start(setup.block("NotifyOutcomes all\n"))
    setup.daemon.putval("memory/memory-free", 1)  # No rule is for values.
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.metric("onenet-agent/derive-ignored_unmatched") is None
    setup.notify(type="humidity")
    setup.notify("warning")  # There is no OnWarning.
    wait_until(lambda: setup.metric("onenet-agent/derive-ignored_unmatched")
               == 2, 20, "both to be counted")
    assert "no rule fires" not in setup.daemon.log()


def test_values_that_fire_no_rule_are_counted_where_a_rule_is_for_values(setup):
    setup.start(setup.block(rule=value_rule('OnValue "%{value}"')), threshold="")
    setup.daemon.putval("memory/memory-free", 1)
    wait_until(lambda: (setup.metric("onenet-agent/derive-ignored_unmatched")
                        or 0) >= 1, 20, "the value to be counted")
    assert setup.sim.requests() == []


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
        setup.notify()
        wait_until(lambda: sim.bodies() == ["on"], 20, "the command")
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
    setup.notify()
    wait_until(lambda: setup.sim.bodies() == ["on"], 20, "the command")


def test_two_endpoints_have_a_key_each(setup):
    other_key = "Other0nlyKey=NotASecret0000="
    with Simulator("--device", "2", "--api-key", other_key) as other:
        more = (f'<Endpoint "other">\nURL "{other.url}/cmds"\n'
                f'APIKey "{other_key}"\n</Endpoint>\n<Device "lamp">\n'
                'DeviceID "2"\nEndpoint "other"\n</Device>\n'
                '<Rule "light">\nPlugin "sensors"\nDevice "lamp"\n'
                'OnFailure "red"\n</Rule>\n')
        setup.start(setup.block(more, fan=setup.fan('Endpoint "cloud"')))
        setup.notify()
        wait_until(lambda: setup.sim.bodies() == ["on"]
                   and other.bodies("2") == ["red"], 20, "both")


# ---- TLS ----

def tls_setup(make_setup, tls, certificate, more="", *options):
    sim = Simulator("--device", FAN_ID, "--tls-cert", tls / f"{certificate}.pem",
                    "--tls-key", tls / f"{certificate}.key", *options,
                    ssl_context=__import__("ssl")._create_unverified_context())
    sim.start()
    setup = make_setup(sim)
    url = f"https://127.0.0.1:{sim.port}/cmds"
    setup.start(setup.block(endpoint=setup.endpoint(
        url, f'CACert "{tls}/ca.pem"\n{more}')))
    setup.notify()
    return setup


def test_a_certificate_of_a_known_authority_is_trusted(make_setup, tls):
    setup = tls_setup(make_setup, tls, "good")
    setup.wait_for_outcomes(created=1, accepted=1)
    assert setup.sim.bodies() == ["on"]
    setup.daemon.stop()
    setup.sim.stop()


@pytest.mark.parametrize("certificate", ["expired", "wrong_name", "stranger"])
def test_a_bad_certificate_gets_no_command_and_no_plain_text(make_setup, tls,
                                                             certificate):
    setup = tls_setup(make_setup, tls, certificate)
    wait_until(lambda: (setup.metric("onenet-fan/errors-curl_60") or 0) >= 1, 20,
               "the certificate to be refused")
    setup.wait_for_outcomes(created=1, pending=1)
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


# ---- an hour of sleep ----

CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The kernel's clock: a sanitizer asks for the time before dlsym works. */
int clock_gettime(clockid_t clock, struct timespec *now) {
  int status = (int)syscall(SYS_clock_gettime, clock, now);
  const char *flag = getenv("CLOCK_FLAG");
  if (clock == THE_CLOCK && flag != NULL && access(flag, F_OK) == 0)
    now->tv_sec += THE_STEP_S;
  return status;
}
"""


def clock_in_front(folder, flag, clock="CLOCK_BOOTTIME", step_s=3600):
    """Returns words for a command line: once the file `flag` is there, that
    clock of the command makes a step. By default the machine seems to have been
    suspended for an hour."""
    source = (f"#define THE_CLOCK {clock}\n#define THE_STEP_S {step_s}\n" + CLOCK)
    return in_front(folder, "clock", source, CLOCK_FLAG=flag)


def test_a_rule_that_matches_nothing_for_an_hour_is_named_once(setup):
    flag = setup.folder / "an hour of sleep"
    setup.start(setup.block(rule=setup.rule(name="busy") + value_rule(
        'Type "humidity"\nOnValue "%{value}"', name="idle")),
        wrapper=clock_in_front(setup.folder, flag))
    setup.notify()
    setup.wait_for_outcomes(created=1, accepted=1)
    assert "has matched nothing" not in setup.daemon.log()
    flag.touch()
    wait_until(lambda: "has matched nothing" in setup.daemon.log(), 20, "the line")
    setup.daemon.stop()
    lines = [line for line in setup.daemon.log().splitlines()
             if "has matched nothing" in line]
    assert len(lines) == 1
    assert 'rule "idle" has matched nothing in the hour since the start' in lines[0]


def test_a_deadline_passes_while_the_machine_sleeps(setup):
    flag = setup.folder / "an hour of sleep"
    setup.sim.fault(count=-1, status=503, headers={"Retry-After": "1800"})
    setup.start(setup.block(rule=setup.rule('OnFailure "on"\nExpire 3000'),
                            fan=setup.fan("Timeout 0")), threshold="",
                wrapper=clock_in_front(setup.folder, flag))
    setup.notify()
    wait_until(lambda: len(setup.sim.requests()) == 1, 20, "the attempt")
    setup.wait_for_outcomes(created=1, pending=1)
    flag.touch()
    setup.wait_for_outcomes(created=1, expired=1)
    assert len(setup.sim.requests()) == 1


def test_the_series_of_a_uuid_ends_by_the_time_that_passed(setup):
    """And not by the wall clock, which stays as it is."""
    flag = setup.folder / "an hour of sleep"
    setup.start(setup.block("CommandSeries true\n"),
                wrapper=clock_in_front(setup.folder, flag))
    setup.notify()
    wait_until(lambda: setup.sim.received(), 20, "the command")
    uuid = setup.sim.received()[0]["uuid"]
    wait_until(lambda: setup.metric(f"onenet-fan/gauge-{uuid}") == 1, 20,
               "the series")
    flag.touch()
    wait_until(lambda: setup.metric(f"onenet-fan/gauge-{uuid}") is None, 20,
               "the end of the series")


# ---- a clock that was ahead ----

def duration_time(setup):
    """Returns the time of the last duration that collectd has, or None."""
    for line in setup.daemon.ask("LISTVAL"):
        at, name = line.split(" ", 1)
        if name.endswith("/onenet-fan/duration-overheat"):
            return float(at)
    return None


def test_durations_return_to_the_present_when_the_clock_goes_back(setup):
    flag = setup.folder / "an hour back"
    setup.start(setup.block(rule=setup.rule('OnFailure "on"\nRepeat 0')),
                threshold="", wrapper=clock_in_front(
                    setup.folder, flag, "CLOCK_REALTIME", -3600))
    setup.notify()
    wait_until(lambda: duration_time(setup), 20, "the first duration")
    assert duration_time(setup) > time.time() - 60
    flag.touch()
    def is_in_the_present():
        setup.notify(at=time.time() - 3600)
        at = duration_time(setup)
        return at and abs(at - (time.time() - 3600)) < 60
    wait_until(is_in_the_present, 20, "a duration of an hour ago")


# ---- a dry run ----

def test_a_dry_run_says_what_it_would_do_and_does_nothing(setup):
    secret = "X-Token: N0tForTheLog"
    setup.start(setup.block("DryRun true\n", endpoint=setup.endpoint(
        more=f'Header "{secret}"')))
    setup.notify()
    setup.wait_for_outcomes(created=1, cancelled=1)
    setup.notify()
    setup.wait_for_outcomes(created=2, cancelled=1, unchanged=1)
    setup.notify("okay", host="elsewhere")
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
    setup.notify("okay")
    wait_until(lambda: 'dry run: rule "overheat", device "fan": the event is '
               "ignored: first_okay" in setup.daemon.log(), 20, "the reason")


def test_a_dry_run_says_why_no_rule_fires(setup):
    setup.start(setup.block("DryRun true\n"
                            + value_rule('Type "power"\nOnValue "%{value}"')),
                threshold="")
    setup.notify(type="temp")
    setup.notify("warning", host="rack1")
    for at in (1, 2):
        setup.daemon.putval("sensors/voltage", 230, at=at)
    wait_until(lambda: setup.daemon.log().count(
        "dry run: no rule fires for ") >= 3, 20, "the reasons")
    log = setup.daemon.log()
    assert (f'dry run: no rule fires for {HOST}/sensors/temp, failure: the '
            'nearest is rule "overheat": Type must be "temperature", and is '
            '"temp"') in log
    assert ('dry run: no rule fires for rack1/sensors/temperature, warning: the '
            'nearest is rule "overheat": it has no OnWarning') in log
    assert log.count(
        f'dry run: no rule fires for {HOST}/sensors/voltage/value, value: the '
        'nearest is rule "setpoint": Type must be "power", and is "voltage"'
    ) == 1
    assert "/onenet-" not in "".join(
        line for line in log.splitlines() if "no rule fires" in line)


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


def test_a_dry_run_has_no_command_wait_for_the_one_before_it(setup):
    rules = ["first", "second", "third"]
    daemon = Collectd(setup.folder, setup.block(rule="".join(
        f'<Rule "{rule}">\nPlugin "load"\nDevice "fan"\nOnFailure "{rule}"\n'
        '</Rule>\n' for rule in rules)), extra='LoadPlugin load\n', threshold="""
<Type "load">
  FailureMin 1000000
</Type>""")
    said = ""

    def decided():
        nonlocal said
        _, said = daemon.test()
        return "dry run: POST " in said
    wait_until(decided, 30, "a decision")
    assert re.findall(r"dry run: body \(\d bytes\): (\w+)", said) == rules
    assert "waits for its cooldown" not in said
