/* SPDX-License-Identifier: MIT
 *
 * What becomes of a configuration that is right. In all texts ' stands for ".
 */
#include "options_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void make_directory(const struct options_fixture *f, const char *name) {
  char path[128];
  snprintf(path, sizeof(path), "%s/%s", f->directory, name);
  assert_int_equal(mkdir(path, 0700), 0);
}

/* ---- defaults ---- */

static void an_empty_block_has_the_documented_defaults(void **state) {
  struct options_fixture *f = *state;
  const struct options *o = read_lines(f, "");
  assert_expands_to(f, o->ledger_path, "$DIR/onenet.db");
  assert_int_equal(o->ledger_sync, LEDGER_SYNC_FULL);
  assert_int_equal(o->history_days, 30);
  assert_int_equal(o->history_max, 100000);
  assert_int_equal(o->queue_limit, 100000);
  assert_int_equal(o->queue_bytes, 67108864);
  assert_int_equal(o->series_max, 100000);
  assert_int_equal(o->shutdown_timeout_s, 5);
  assert_false(o->dry_run);
  assert_int_equal(o->notify_outcomes, NOTIFY_FAILURES);
  assert_false(o->command_series);
  assert_int_equal(o->device_metrics, 1000);
  assert_int_equal(directory_endpoint_count(o->directory), 0);
  assert_int_equal(directory_device_count(o->directory), 0);
  assert_int_equal(rule_book_count(o->rules), 0);
  assert_string_equal(f->warnings,
                      "Plugin \"onenet\": there is no Rule in it: nothing "
                      "will be sent");
}

static void the_least_configuration_has_the_documented_defaults(void **state) {
  struct options_fixture *f = *state;
  const struct options *o = read_lines(
      f, CLOUD FAN "<Rule overheat>\nDevice fan\nOnFailure 'on'\n</Rule>");
  assert_string_equal(f->warnings, "");
  const struct endpoint *e = directory_endpoint(o->directory, 0);
  assert_string_equal(e->name, "cloud");
  assert_int_equal(e->credential.kind, CREDENTIAL_KEY);
  assert_int_equal(e->credential.method, TOKEN_SHA256);
  assert_int_equal(e->credential.token_lifetime_s, 3600);
  assert_int_equal(e->connect_timeout_s, 5);
  assert_int_equal(e->request_timeout_s, 10);
  assert_int_equal(e->max_in_flight, 16);
  assert_int_equal(e->rate.count, 250);
  assert_int_equal(e->rate.seconds, 1);
  assert_int_equal(e->breaker_threshold, 5);
  assert_true(e->tls.verify_peer);
  assert_true(e->tls.verify_host);
  assert_int_equal(e->tls.ssl_version, 0);
  assert_null(e->headers);
  const struct device *d = directory_device(o->directory, 0);
  assert_ptr_equal(d->endpoint, e);
  assert_int_equal(d->timeout_s, 0);
  assert_int_equal(d->qos, -1);
  assert_int_equal(d->rate.count, 0);
  assert_true(d->declared);
  struct rule *r = rule_book_rule(o->rules, 0);
  const struct policy *p = rule_policy(r);
  assert_string_equal(p->rule, "overheat");
  assert_int_equal(rule_source(r), EVENT_NOTIFICATION);
  assert_string_equal(p->content_type, "text/plain; charset=utf-8");
  assert_false(p->per_series);
  assert_true(p->supersede);
  assert_false(p->track);
  assert_false(p->retry_offline);
  assert_false(p->retry_unknown);
  assert_int_equal(p->first_okay, FIRST_OKAY_DEFAULT);
  assert_int_equal(p->forget_after_s, 0);
  assert_int_equal(p->after_s, 0);
  assert_int_equal(p->until_s, 0);
  assert_int_equal(p->cooldown_s, 0);
  assert_int_equal(p->timeout_s, POLICY_DEFAULT);
  assert_int_equal(p->expire_s, POLICY_DEFAULT);
  assert_int_equal(p->repeat_s, POLICY_DEFAULT);
  assert_true(p->deadband == 0);
}

/* ---- every option ---- */

static void every_option_of_the_plugin_is_read(void **state) {
  struct options_fixture *f = *state;
  make_directory(f, "ledger");
  const struct options *o = read_lines(f, "Ledger 'ledger/x.db'\n"
                                          "LedgerSync Normal\n"
                                          "LedgerGroup 'root'\n"
                                          "HistoryDays 3650\n"
                                          "HistoryMax 100000000\n"
                                          "QueueLimit 10000000\n"
                                          "QueueBytes 1099511627776\n"
                                          "SeriesMax 10000000\n"
                                          "ShutdownTimeout 60\n"
                                          "DryRun true\n"
                                          "NotifyOutcomes all\n"
                                          "CommandSeries 'Yes'\n"
                                          "DeviceMetrics 1000000\n");
  assert_expands_to(f, o->ledger_path, "$DIR/ledger/x.db");
  assert_int_equal(o->ledger_sync, LEDGER_SYNC_NORMAL);
  assert_true(o->has_ledger_group);
  assert_int_equal(o->ledger_group, 0);
  assert_int_equal(o->history_days, 3650);
  assert_int_equal(o->history_max, 100000000);
  assert_int_equal(o->queue_limit, 10000000);
  assert_true(o->queue_bytes == (size_t)1 << 40);
  assert_int_equal(o->series_max, 10000000);
  assert_int_equal(o->shutdown_timeout_s, 60);
  assert_true(o->dry_run);
  assert_int_equal(o->notify_outcomes, NOTIFY_ALL);
  assert_true(o->command_series);
  assert_int_equal(o->device_metrics, 1000000);
  o = read_lines(f, "HistoryMax 0\nNotifyOutcomes none\nLedger '/l.db'\n"
                    "DryRun 'off'\nCommandSeries false\n");
  assert_int_equal(o->history_max, 0);
  assert_false(o->has_ledger_group);
  assert_int_equal(o->notify_outcomes, NOTIFY_NONE);
  assert_string_equal(o->ledger_path, "/l.db");
  assert_false(o->dry_run);
  assert_false(o->command_series);
  /* What is wrong with it may be right again later. */
  o = read_lines(f, "Ledger 'key/x.db'");
  assert_expands_to(f, o->ledger_path, "$DIR/key/x.db");
  o = read_lines(f, "Ledger ':memory:'");
  assert_string_equal(o->ledger_path, ":memory:");
}

static void every_option_of_an_endpoint_is_read(void **state) {
  struct options_fixture *f = *state;
  const struct options *o =
      read_lines(f, "<Endpoint cloud>\n"
                    "  URL 'HTTPS://[::1]:8443/cmds?v=1'\n"
                    "  AccessKeyFile 'access'\n"
                    "  Resource 'products/123123'\n"
                    "  TokenMethod MD5\n"
                    "  TokenLifetime 60\n"
                    "  ConnectTimeout 300\n"
                    "  RequestTimeout 1\n"
                    "  MaxInFlight 1024\n"
                    "  RateLimit 1000000 86400\n"
                    "  BreakerThreshold 1000000\n"
                    "  VerifyPeer true\n"
                    "  VerifyHost true\n"
                    "  CACert 'ca.pem'\n"
                    "  CAPath '/'\n"
                    "  ClientCert '$DIR/client.pem'\n"
                    "  ClientKey 'client.key'\n"
                    "  ClientKeyPass 'p4ss'\n"
                    "  SSLVersion tlsv1_2\n"
                    "  Proxy 'http://u:p@proxy.test'\n"
                    "  Header 'X-Site: 7'\n"
                    "  Header 'Hos:x'\n"
                    "  UserAgent 'fan/1'\n"
                    "</Endpoint>\n");
  const struct endpoint *e = directory_endpoint(o->directory, 0);
  assert_string_equal(e->url, "HTTPS://[::1]:8443/cmds?v=1");
  assert_int_equal(e->credential.kind, CREDENTIAL_ACCESS_KEY_FILE);
  assert_expands_to(f, e->credential.text, "$DIR/access");
  assert_string_equal(e->credential.resource, "products/123123");
  assert_int_equal(e->credential.method, TOKEN_MD5);
  assert_int_equal(e->credential.token_lifetime_s, 60);
  assert_int_equal(e->connect_timeout_s, 300);
  assert_int_equal(e->request_timeout_s, 1);
  assert_int_equal(e->max_in_flight, 1024);
  assert_int_equal(e->rate.count, 1000000);
  assert_int_equal(e->rate.seconds, 86400);
  assert_int_equal(e->breaker_threshold, 1000000);
  assert_expands_to(f, e->tls.ca_cert, "$DIR/ca.pem");
  assert_string_equal(e->tls.ca_path, "/");
  assert_expands_to(f, e->tls.client_cert, "$DIR/client.pem");
  assert_expands_to(f, e->tls.client_key, "$DIR/client.key");
  assert_string_equal(e->tls.client_key_pass, "p4ss");
  assert_int_equal(e->tls.ssl_version, 12);
  assert_string_equal(e->proxy, "http://u:p@proxy.test");
  assert_string_equal(e->headers[0], "X-Site: 7");
  assert_string_equal(e->headers[1], "Hos:x");
  assert_null(e->headers[2]);
  assert_string_equal(e->user_agent, "fan/1");
  assert_string_equal(f->warnings, "Plugin \"onenet\": there is no Rule in it: "
                                   "nothing will be sent");
}

static void every_option_of_a_device_is_read(void **state) {
  const struct options *o = read_lines(
      *state, CLOUD
      "<Endpoint lab>\nURL 'http://localhost:8080/cmds'\nAPIKey "
      "'l4b'\n</Endpoint>\n"
      "<Device 'fan.1-a_B'>\n"
      "  DeviceID ' ~8029377'\n"
      "  Endpoint 'LAB'\n"
      "  Timeout 2678400\n"
      "  QoS 0\n"
      "  RateLimit 1 60\n"
      "</Device>\n"
      "<Device display>\n  DeviceID 'x'\n  Endpoint cloud\n  QoS 1\n</Device>");
  const struct device *d = directory_find_device(o->directory, "FAN.1-A_b");
  assert_non_null(d);
  assert_string_equal(d->name, "fan.1-a_B");
  assert_string_equal(d->device_id, " ~8029377");
  assert_string_equal(d->endpoint->name, "lab");
  assert_int_equal(d->timeout_s, 2678400);
  assert_int_equal(d->qos, 0);
  assert_int_equal(d->rate.count, 1);
  assert_int_equal(d->rate.seconds, 60);
  d = directory_find_device(o->directory, "display");
  assert_string_equal(d->endpoint->name, "cloud");
  assert_int_equal(d->qos, 1);
}

static void every_setting_of_a_rule_is_read(void **state) {
  const struct options *o =
      read_lines(*state, CLOUD FAN "<Rule all>\n"
                                   "  Device fan\n"
                                   "  OnOkay '1'\n"
                                   "  Format json\n"
                                   "  ContentType 'a/b'\n"
                                   "  Combine none\n"
                                   "  ForgetAfter 31536000\n"
                                   "  After 31535999\n"
                                   "  Until 31536000\n"
                                   "  Cooldown 30\n"
                                   "  Expire 7200\n"
                                   "  Repeat 0\n"
                                   "  Timeout 2678400\n"
                                   "  Supersede false\n"
                                   "  Track true\n"
                                   "  OnOffline retry\n"
                                   "  OnUnknown Retry\n"
                                   "  FirstOkay ignore\n"
                                   "</Rule>\n"
                                   "<Rule send>\n"
                                   "  Device fan\n"
                                   "  OnOkay '1'\n"
                                   "  Expire 0\n"
                                   "  FirstOkay send\n"
                                   "</Rule>\n");
  const struct policy *p = rule_policy(rule_book_find(o->rules, "ALL"));
  assert_string_equal(p->rule, "all");
  assert_int_equal(p->index, 0);
  assert_string_equal(p->content_type, "a/b");
  assert_true(p->per_series);
  assert_int_equal(p->forget_after_s, 31536000);
  assert_int_equal(p->after_s, 31535999);
  assert_int_equal(p->until_s, 31536000);
  assert_int_equal(p->cooldown_s, 30);
  assert_int_equal(p->expire_s, 7200);
  assert_int_equal(p->repeat_s, 0);
  assert_int_equal(p->timeout_s, 2678400);
  assert_false(p->supersede);
  assert_true(p->track);
  assert_true(p->retry_offline);
  assert_true(p->retry_unknown);
  assert_int_equal(p->first_okay, FIRST_OKAY_IGNORE);
  p = rule_policy(rule_book_find(o->rules, "send"));
  assert_int_equal(p->index, 1);
  assert_int_equal(p->expire_s, 0);
  assert_int_equal(p->first_okay, FIRST_OKAY_SEND);
}

static void a_value_rule_keeps_each_series_apart(void **state) {
  const struct options *o = read_lines(
      *state, CLOUD FAN "<Rule set>\nSource value\nDevice fan\n"
                        "OnValue '%{value}'\nDeadband 0.5\n</Rule>\n"
                        "<Rule same>\nSource VALUE\nCombine none\nDevice fan\n"
                        "OnValue '%{value}'\nDeadband 2\n</Rule>\n");
  struct rule *r = rule_book_rule(o->rules, 0);
  assert_int_equal(rule_source(r), EVENT_VALUE);
  assert_true(rule_policy(r)->per_series);
  assert_true(rule_policy(r)->deadband == 0.5);
  r = rule_book_rule(o->rules, 1);
  assert_true(rule_policy(r)->per_series);
  assert_true(rule_policy(r)->deadband == 2);
}

static void a_rule_fires_for_what_it_matches(void **state) {
  const struct options *o = read_lines(
      *state, CLOUD FAN
      "<Device rack7>\nDeviceID '7'\n</Device>\n"
      "<Rule match>\n"
      "  Host 'x'\n"
      "  Host '/^rack/'\n"
      "  Plugin 'sensors'\n"
      "  PluginInstance 0\n"
      "  Type 'temperature'\n"
      "  TypeInstance ''\n"
      "  DataSource value\n"
      "  Message '/hot$/'\n"
      "  Device 'FAN'\n"
      "  Device '%{host}'\n"
      "  OnFailure 'on %{value} 100%%'\n"
      "</Rule>\n"
      "<Rule other>\nTypeInstance 'x'\nDevice fan\nOnFailure 'x'\n</Rule>\n");
  assert_fires(o, &HOT,
               "match fan text/plain; charset=utf-8 on 41.5 100%\n"
               "match rack7 text/plain; charset=utf-8 on 41.5 100%\n");
  struct event missing = HOT;
  missing.has_value = false;
  missing.message = "x has not been updated for 9 seconds, hot";
  assert_fires(o, &missing, "");
}

static void a_missing_value_has_a_body_of_its_own(void **state) {
  const struct options *o =
      read_lines(*state, CLOUD FAN
                 "<Rule lost>\nDevice fan\nOnMissing 'full speed'\n</Rule>\n"
                 "<Rule both>\nDevice fan\nOnFailure '{}'\nFormat json\n"
                 "OnMissingFile 'okay.json'\n</Rule>\n");
  struct event missing = HOT;
  missing.has_value = false;
  missing.message = "x has not been updated for 9 seconds";
  assert_fires(o, &missing,
               "lost fan text/plain; charset=utf-8 full speed\n"
               "both fan application/json {\"fan\":\"off\"}\n\n");
}

static void a_body_is_read_by_its_format(void **state) {
  const struct options *o = read_lines(
      *state, CLOUD FAN
      "<Rule json>\nDevice fan\nOnFailure '{\\'t\\':%{value}}'\nFormat json\n"
      "OnOkayFile 'okay.json'\n</Rule>\n"
      "<Rule hex>\nDevice fan\nFormat hex\nOnFailure '6f 4E'\n</Rule>\n"
      "<Rule base64>\nFormat base64\nDevice fan\nOnFailure 'b24='\n</Rule>\n"
      "<Rule number>\nDevice fan\nOnFailure 1\nOnWarning 2\n</Rule>\n");
  assert_fires(o, &HOT,
               "json fan application/json {\"t\":41.5}\n"
               "hex fan application/octet-stream oN\n"
               "base64 fan application/octet-stream on\n"
               "number fan text/plain; charset=utf-8 1\n");
  struct event cool = HOT;
  cool.severity = SEVERITY_OKAY;
  assert_fires(o, &cool,
               "json fan application/json {\"fan\":\"off\"}\n\n"
               "hex fan application/octet-stream \n"
               "base64 fan application/octet-stream \n"
               "number fan text/plain; charset=utf-8 \n");
  struct event warm = HOT;
  warm.severity = SEVERITY_WARNING;
  assert_fires(o, &warm, "number fan text/plain; charset=utf-8 2\n");
}

static void a_body_of_65535_bytes_can_be_sent(void **state) {
  char body[65535 + 10];
  memset(body, 'x', 65535);
  options_fixture_write(*state, "long", body, 65535, 0600);
  /* How long this one will be is not known before there is an event. */
  memcpy(body + 65535, "%{message}", 10);
  options_fixture_write(*state, "open", body, sizeof(body), 0600);
  read_lines(*state, CLOUD FAN "<Rule long>\nDevice fan\n"
                               "OnFailureFile 'long'\nOnOkayFile 'open'\n"
                               "</Rule>");
}

/* ---- how it is written ---- */

static void names_of_options_may_be_written_in_any_case(void **state) {
  const struct options *o =
      read_lines(*state, "HISTORYDAYS 7\n<endpoint cloud>\nurl "
                         "'http://127.0.0.1/cmds'\napikey 'k'\n</endpoint>\n"
                         "<DEVICE fan>\ndeviceid 'x'\nqos 1\n</DEVICE>");
  assert_int_equal(o->history_days, 7);
  assert_int_equal(directory_device(o->directory, 0)->qos, 1);
}

static void
names_and_numbers_of_devices_may_be_written_without_quotes(void **state) {
  const struct options *o = read_lines(
      *state,
      "<Endpoint 1>\nURL 'http://localhost/cmds'\nAPIKey 12\n</Endpoint>\n"
      "<Device 2>\nDeviceID 9007199254740991\nEndpoint 1\n</Device>\n"
      "<Rule 3>\nDevice 2\nOnFailure 'x'\n</Rule>");
  const struct device *d = directory_find_device(o->directory, "2");
  assert_string_equal(d->device_id, "9007199254740991");
  assert_string_equal(d->endpoint->name, "1");
  assert_string_equal(d->endpoint->credential.text, "12");
  assert_fires(o, &HOT, "3 2 text/plain; charset=utf-8 x\n");
}

static void the_order_in_the_file_does_not_matter(void **state) {
  const struct options *o = read_lines(
      *state, "<Rule overheat>\nDevice fan\nOnFailure 'on'\n</Rule>\n" FAN CLOUD
              "Ledger 'x'");
  assert_fires(o, &HOT, "overheat fan text/plain; charset=utf-8 on\n");
}

static void two_names_may_share_a_device_id(void **state) {
  const struct options *o = read_lines(
      *state, CLOUD FAN "<Device lamp>\nDeviceID '8029377'\n</Device>\n");
  assert_int_equal(directory_device_count(o->directory), 2);
}

static void a_url_may_have_every_part_that_is_needed(void **state) {
  static const char *const urls[] = {
      "http://localhost/cmds",      "http://127.0.0.1:1/cmds",
      "http://[::1]:65535/cmds",    "https://a-b.c_d.test:8443/x/cmds?v=1&w=@",
      "https://[2001:db8::1]/cmds", "https://api.heclouds.com/cmds?x",
      "https://cmds/cmds?",         "https://a.test/cmds?qos_1=2&x=device_id"};
  for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
    char lines[256];
    snprintf(lines, sizeof(lines),
             "<Endpoint cloud>\nURL '%s'\nAPIKey 'k'\n</Endpoint>", urls[i]);
    const struct options *o = read_lines(*state, lines);
    assert_string_equal(directory_endpoint(o->directory, 0)->url, urls[i]);
  }
}

/* ---- warnings ---- */

static void what_is_unsafe_is_warned_about(void **state) {
  struct options_fixture *f = *state;
  static const struct {
    const char *lines;
    const char *warning;
  } cases[] = {
      {"URL 'http://cloud.test/cmds'\nAPIKey 's3cret'",
       "URL 'http://cloud.test/cmds': the key and all commands go through the "
       "network in plain text; use https"},
      {"URL 'HTTP://127.0.0.1.cloud.test/cmds'\nAPIKey 's3cret'",
       "URL 'HTTP://127.0.0.1.cloud.test/cmds': the key and all commands go "
       "through the network in plain text; use https"},
      {"URL 'http://LocalHost/cmds'\nAPIKey 's3cret'", NULL},
      {"URL 'http://127.1.2.3:80/cmds'\nAPIKey 's3cret'", NULL},
      {"URL 'http://[::1]/cmds'\nAPIKey 's3cret'", NULL},
      {"URL 'https://cloud.test/cmds'\nAPIKeyFile 'key'", NULL},
      {"URL 'https://cloud.test/cmds'\nAPIKeyFile 'open'",
       "APIKeyFile: $DIR/open: every user of this machine can read the key; "
       "take their right to read this file away"},
      {"URL 'https://cloud.test/cmds'\nAPIKey 's3cret'\nVerifyPeer false",
       "VerifyPeer false: anyone on the way can read and change all commands"},
      {"URL 'https://cloud.test/cmds'\nAPIKey 's3cret'\nVerifyHost false",
       "VerifyHost false: any server with a certificate can pass for the "
       "cloud"},
  };
  options_fixture_write(f, "open", "s3cret\n", 7, 0644);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char lines[512];
    char warnings[512] = "";
    snprintf(lines, sizeof(lines),
             "<Endpoint cloud>\n%s\n</Endpoint>\n" FAN
             "<Rule r>\nDevice fan\nOnFailure '1'\n</Rule>",
             cases[i].lines);
    if (cases[i].warning != NULL)
      snprintf(warnings, sizeof(warnings), "Endpoint 'cloud': %s",
               cases[i].warning);
    read_lines(f, lines);
    assert_expands_to(f, f->warnings, warnings);
  }
}

static void what_looks_like_a_regular_expression_is_warned_about(void **state) {
  struct options_fixture *f = *state;
  read_lines(f, CLOUD FAN "<Rule r>\nDevice fan\nOnFailure '1'\n"
                          "Host '^rack'\nHost '/^rack/'\nPlugin 'a.b'\n"
                          "TypeInstance 'core*'\nMessage 'is 3 * 2^7'\n"
                          "PluginInstance '/a*b'\n</Rule>");
  assert_expands_to(
      f, f->warnings,
      "Rule 'r': Host '^rack' is compared as it stands: a regular expression "
      "is written between slashes, '/^rack/'\n"
      "Rule 'r': TypeInstance 'core*' is compared as it stands: a regular "
      "expression is written between slashes, '/core*/'");
}

static void an_okay_that_needs_a_value_is_warned_about(void **state) {
  struct options_fixture *f = *state;
  read_lines(f, CLOUD FAN "<Rule r>\nDevice fan\nOnFailure 'on %{value}'\n"
                          "OnOkay 'off %{value}'\n</Rule>\n"
                          "<Rule s>\nDevice fan\n"
                          "OnOkay 'off %{value|0} %{host}'\n</Rule>");
  assert_expands_to(
      f, f->warnings,
      "Rule 'r': OnOkay needs %{value}: an OKAY whose value is not a number, "
      "as of a sensor that has failed, would make no command; give it a "
      "default, as in %{value|0}, or leave it out");
}

static void a_key_file_that_holds_no_key_is_warned_about(void **state) {
  struct options_fixture *f = *state;
  static const struct {
    const char *bytes;
    const char *credential;
    const char *why;
  } cases[] = {
      {"", "APIKeyFile", "the key is empty"},
      {"s3\x01cret\n", "APIKeyFile", "control characters in the key"},
      {" s3cret\n", "APIKeyFile", "blanks around the key"},
      {"s3cret\n", "Resource 'r'\nAccessKeyFile",
       "the access key is not base64"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char lines[512];
    char warning[512];
    options_fixture_write(f, "wrong", cases[i].bytes, strlen(cases[i].bytes),
                          0600);
    snprintf(lines, sizeof(lines),
             "<Endpoint cloud>\nURL 'https://cloud.test/cmds'\n%s 'wrong'\n"
             "</Endpoint>\n" FAN "<Rule r>\nDevice fan\nOnFailure '1'\n</Rule>",
             cases[i].credential);
    snprintf(warning, sizeof(warning),
             "Endpoint 'cloud': %s: $DIR/wrong: %s; commands wait until this "
             "file is put right",
             i == 3 ? "AccessKeyFile" : "APIKeyFile", cases[i].why);
    read_lines(f, lines);
    assert_expands_to(f, f->warnings, warning);
  }
}

/* ---- the sample that is installed ---- */

/* Copies a line, with the fixture's directory for /etc/collectd. */
static void copy_line(FILE *out, const char *line, const char *directory) {
  const char *etc = strstr(line, "/etc/collectd/");
  if (etc == NULL)
    fputs(line, out);
  else
    fprintf(out, "%.*s%s/%s", (int)(etc - line), line, directory,
            etc + strlen("/etc/collectd/"));
}

/* Returns the sample, with what is commented out in use if asked for. The
 * caller frees it. */
static char *load_sample(const struct options_fixture *f, bool use_all) {
  const char *source = getenv("srcdir");
  char path[512];
  char line[256];
  char *sample = NULL;
  size_t size = 0;
  snprintf(path, sizeof(path), "%s/collectd.conf.d/onenet.conf",
           source == NULL ? "." : source);
  FILE *in = fopen(path, "r");
  FILE *out = open_memstream(&sample, &size);
  assert_non_null(in);
  assert_non_null(out);
  while (fgets(line, sizeof(line), in) != NULL) {
    char *mark = line + strspn(line, " ");
    if (use_all && *mark == '#' && strchr(" \n", mark[1]) == NULL)
      *mark = ' ';
    copy_line(out, line, f->directory);
  }
  fclose(in);
  assert_int_equal(fclose(out), 0);
  return sample;
}

static void read_sample(struct options_fixture *f, bool use_all) {
  char *sample = load_sample(f, use_all);
  int status = options_fixture_read_all(f, sample);
  free(sample);
  assert_string_equal(f->faults, "");
  assert_string_equal(f->warnings, "");
  assert_int_equal(status, 0);
}

static void the_sample_works_as_soon_as_there_is_a_key(void **state) {
  struct options_fixture *f = *state;
  options_fixture_write(f, "onenet.key", "k3y\n", 4, 0600);
  read_sample(f, false);
  const struct endpoint *e = directory_endpoint(f->options->directory, 0);
  assert_string_equal(e->url, "https://api.heclouds.com/cmds");
  assert_int_equal(directory_endpoint_count(f->options->directory), 1);
  assert_int_equal(directory_device_count(f->options->directory), 1);
  assert_fires(f->options, &HOT,
               "overheat fan application/json {\"fan\":\"on\",\"t\":41.5}\n");
}

static void all_that_the_sample_shows_can_be_used_at_once(void **state) {
  static const char *const files[][2] = {
      {"onenet.key", "k3y\n"},
      {"access.key", "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE=\n"},
      {"devices.csv", "rack7,7,cloud\n"}};
  struct options_fixture *f = *state;
  for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
    options_fixture_write(f, files[i][0], files[i][1], strlen(files[i][1]),
                          0600);
  make_directory(f, "certs");
  read_sample(f, true);
  const struct options *o = f->options;
  assert_int_equal(directory_endpoint_count(o->directory), 5);
  assert_int_equal(directory_device_count(o->directory), 5);
  assert_int_equal(rule_book_count(o->rules), 6);
  const struct policy *p =
      rule_policy(rule_book_find(o->rules, "still_too_hot"));
  assert_int_equal(p->after_s, 600);
  assert_int_equal(p->until_s, 7200);
  /* What the sample calls defaults are the defaults. */
  assert_expands_to(f, o->ledger_path, "$DIR/onenet.db");
  assert_int_equal(o->history_days, 30);
  assert_int_equal(o->queue_limit, 100000);
  assert_int_equal(o->queue_bytes, 67108864);
  assert_int_equal(o->shutdown_timeout_s, 5);
  const struct endpoint *e = directory_endpoint(o->directory, 0);
  assert_int_equal(e->connect_timeout_s, 5);
  assert_int_equal(e->request_timeout_s, 10);
  assert_int_equal(e->max_in_flight, 16);
  assert_int_equal(e->rate.count, 250);
  assert_int_equal(e->breaker_threshold, 5);
}

/* ---- many ---- */

static void ten_thousand_devices_are_read_and_found(void **state) {
  struct options_fixture *f = *state;
  char *csv = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&csv, &size);
  assert_non_null(out);
  for (int i = 0; i < 10000; i++)
    fprintf(out, "host%d,%d\n", i, 8000000 + i);
  assert_int_equal(fclose(out), 0);
  options_fixture_write(f, "devices.csv", csv, size, 0600);
  free(csv);
  const struct options *o = read_lines(
      f, CLOUD "DeviceFile 'devices.csv'\n"
               "<Rule one>\nDevice '%{host}'\nOnFailure '%{device_id}'\n"
               "</Rule>");
  struct event event = HOT;
  event.host = "host9999";
  assert_int_equal(directory_device_count(o->directory), 10000);
  assert_fires(o, &event, "one host9999 text/plain; charset=utf-8 8009999\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_empty_block_has_the_documented_defaults),
      TEST(the_least_configuration_has_the_documented_defaults),
      TEST(every_option_of_the_plugin_is_read),
      TEST(every_option_of_an_endpoint_is_read),
      TEST(every_option_of_a_device_is_read),
      TEST(every_setting_of_a_rule_is_read),
      TEST(a_value_rule_keeps_each_series_apart),
      TEST(a_rule_fires_for_what_it_matches),
      TEST(a_missing_value_has_a_body_of_its_own),
      TEST(a_body_is_read_by_its_format),
      TEST(a_body_of_65535_bytes_can_be_sent),
      TEST(names_of_options_may_be_written_in_any_case),
      TEST(names_and_numbers_of_devices_may_be_written_without_quotes),
      TEST(the_order_in_the_file_does_not_matter),
      TEST(two_names_may_share_a_device_id),
      TEST(a_url_may_have_every_part_that_is_needed),
      TEST(what_is_unsafe_is_warned_about),
      TEST(what_looks_like_a_regular_expression_is_warned_about),
      TEST(an_okay_that_needs_a_value_is_warned_about),
      TEST(a_key_file_that_holds_no_key_is_warned_about),
      TEST(the_sample_works_as_soon_as_there_is_a_key),
      TEST(all_that_the_sample_shows_can_be_used_at_once),
      TEST(ten_thousand_devices_are_read_and_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
