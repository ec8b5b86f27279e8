/* SPDX-License-Identifier: MIT
 *
 * The event that a user describes.
 */
#include "given.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1700000000000)

static struct given g;
static struct event e;
static char why[GIVEN_WHY_BYTES];

static int set_up(void **state) {
  (void)state;
  given_init(&g, NOW_MS);
  why[0] = '\0';
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  given_free(&g);
  return 0;
}

#define SITUATION(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void set(const char *name, const char *text) {
  assert_int_equal(given_set(&g, name, text, why), 0);
}

static void refuses(const char *name, const char *text, const char *expected) {
  assert_int_equal(given_set(&g, name, text, why), -EINVAL);
  assert_string_equal(why, expected);
}

static int read_line(const char *text) {
  char line[1024];
  snprintf(line, sizeof line, "%s", text);
  return given_read_line(&g, line, why);
}

static void refuses_line(const char *text, const char *expected) {
  tear_down(NULL);
  set_up(NULL);
  assert_int_equal(read_line(text), -EINVAL);
  assert_string_equal(why, expected);
}

static void is_event(void) { assert_int_equal(given_event(&g, &e, why), 0); }

static void has_meta(const char *name, const char *text) {
  struct buf out;
  buf_init(&out, 1024);
  assert_int_equal(e.find_meta(e.meta, name, &out), text != NULL ? 0 : -ENOENT);
  assert_string_equal(buf_text(&out), text != NULL ? text : "");
  buf_free(&out);
}

/* ---- options ---- */

static void what_is_not_given_is_empty_and_a_failure_now(void **state) {
  (void)state;
  is_event();
  assert_int_equal(e.source, EVENT_NOTIFICATION);
  assert_int_equal(e.severity, SEVERITY_FAILURE);
  assert_int_equal(e.wall_time_ms, NOW_MS);
  assert_string_equal(e.host, "");
  assert_string_equal(e.data_source, "");
  assert_false(e.has_value);
}

static void each_field_is_set_by_its_name(void **state) {
  (void)state;
  static const char *const names[] = {
      "host",          "plugin",      "plugin_instance", "type",
      "type_instance", "data_source", "message"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    set(names[i], names[i]);
  set("severity", "Warning");
  set("time", "1700000001.5");
  is_event();
  const char *const fields[] = {e.host,   e.plugin,        e.plugin_instance,
                                e.type,   e.type_instance, e.data_source,
                                e.message};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    assert_string_equal(fields[i], names[i]);
  assert_int_equal(e.severity, SEVERITY_WARNING);
  assert_int_equal(e.wall_time_ms, 1700000001500);
}

static void a_value_is_a_number_and_what_threshold_adds(void **state) {
  (void)state;
  set("value", "91.5");
  set("data_source", "value");
  set("meta", "rack=a=b");
  is_event();
  assert_true(e.has_value && e.value == 91.5);
  has_meta("CurrentValue", "91.5");
  has_meta("DataSource", "value");
  has_meta("rack", "a=b");
  has_meta("row", NULL);
  set("value", "nan");
  is_event();
  assert_true(e.has_value && isnan(e.value));
}

static void a_value_of_a_value_list_has_no_severity(void **state) {
  (void)state;
  set("source", "value");
  assert_int_equal(given_event(&g, &e, why), -EINVAL);
  assert_string_equal(why, "source value: value is lacking");
  set("value", "7");
  is_event();
  assert_int_equal(e.source, EVENT_VALUE);
  assert_int_equal(e.severity, SEVERITY_VALUE);
  assert_string_equal(e.data_source, "value");
  has_meta("CurrentValue", NULL);
  set("severity", "okay");
  assert_int_equal(given_event(&g, &e, why), -EINVAL);
}

static void a_name_is_cut_as_collectd_cuts_it(void **state) {
  (void)state;
  char name[200];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  set("host", name);
  is_event();
  assert_int_equal(strlen(e.host), 127);
}

static void what_is_wrong_is_told_with_what_is_allowed(void **state) {
  (void)state;
  refuses("severity", "bad",
          "severity \"bad\": must be failure, warning or okay");
  refuses("source", "bad", "source \"bad\": must be notification or value");
  refuses("value", "1x", "value \"1x\": must be a number, or nan");
  refuses("value", "", "value \"\": must be a number, or nan");
  refuses("time", "nan", "time \"nan\": must be seconds since 1970");
  refuses("time", "-1", "time \"-1\": must be seconds since 1970");
  refuses("time", "1e300", "time \"1e300\": must be seconds since 1970");
  refuses("meta", "rack", "meta \"rack\": must be NAME=TEXT");
  refuses("meta", "=7", "meta \"=7\": must be NAME=TEXT");
  refuses("rack", "7", "rack \"7\": is not known");
}

/* ---- a line of PUTNOTIF ---- */

static void a_line_is_read_as_collectd_reads_it(void **state) {
  (void)state;
  assert_int_equal(
      read_line("  putnotif Severity=FAILURE\ttime=1700000002 host=rack1 "
                "message=\"too \\\"hot\\\" \\\\ \\n\" plugin=sensors "
                "type_instance=\"\" s:DataSource=core s:rack=\"7 b\" \r\n"),
      0);
  is_event();
  assert_int_equal(e.severity, SEVERITY_FAILURE);
  assert_int_equal(e.wall_time_ms, 1700000002000);
  assert_string_equal(e.host, "rack1");
  assert_string_equal(e.message, "too \"hot\" \\ n");
  assert_string_equal(e.plugin, "sensors");
  assert_string_equal(e.data_source, "core");
  assert_false(e.has_value);
  has_meta("rack", "7 b");
  has_meta("DataSource", "core");
}

static void a_text_can_not_be_a_current_value(void **state) {
  (void)state;
  assert_int_equal(read_line("PUTNOTIF severity=okay time=1 message=m "
                             "s:CurrentValue=5"),
                   0);
  is_event();
  assert_false(e.has_value);
  has_meta("CurrentValue", "5");
}

static void what_collectd_refuses_is_refused(void **state) {
  (void)state;
  refuses_line("PUTVAL a/b/c N:1", "the line must begin with PUTNOTIF");
  refuses_line("", "the line must begin with PUTNOTIF");
  refuses_line("PUTNOTIF time=1 message=m",
               "severity is lacking: collectd refuses the line");
  refuses_line("PUTNOTIF severity=okay message=m",
               "time is lacking: collectd refuses the line");
  refuses_line("PUTNOTIF severity=okay time=1",
               "message is lacking: collectd refuses the line");
  refuses_line("PUTNOTIF severity=okay value=5",
               "value: collectd does not know it");
  refuses_line("PUTNOTIF d:rack=5", "d:rack \"5\": is not known");
}

static void what_is_not_quoted_right_is_shown(void **state) {
  (void)state;
  static const char *const wrong[] = {"message=\"no end",
                                      "message=\"no end\\",
                                      "message=\"a\"b",
                                      "message",
                                      "message= m",
                                      "message=",
                                      "=m",
                                      "my-name=m"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    char line[128];
    snprintf(line, sizeof line, "PUTNOTIF %s", wrong[i]);
    tear_down(NULL);
    set_up(NULL);
    assert_int_equal(read_line(line), -EINVAL);
    assert_non_null(strstr(why, "no NAME=TEXT, quoted as collectd reads it"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(what_is_not_given_is_empty_and_a_failure_now),
      SITUATION(each_field_is_set_by_its_name),
      SITUATION(a_value_is_a_number_and_what_threshold_adds),
      SITUATION(a_value_of_a_value_list_has_no_severity),
      SITUATION(a_name_is_cut_as_collectd_cuts_it),
      SITUATION(what_is_wrong_is_told_with_what_is_allowed),
      SITUATION(a_line_is_read_as_collectd_reads_it),
      SITUATION(a_text_can_not_be_a_current_value),
      SITUATION(what_collectd_refuses_is_refused),
      SITUATION(what_is_not_quoted_right_is_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
