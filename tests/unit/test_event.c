/* SPDX-License-Identifier: MIT */
#include "words/event.h"

#include "basics.h"
#include "event_fixture.h"

#include <errno.h>
#include <string.h>

static void assert_series(const struct event *event, const char *expected) {
  char series[EVENT_SERIES_BYTES];
  event_format_series(event, series);
  assert_string_equal(series, expected);
}

static void
the_series_of_a_notification_is_that_of_its_value_list(void **state) {
  (void)state;
  struct event e = an_event();
  assert_series(&e, EVENT_SERIES);
}

static void the_series_of_a_value_names_its_data_source(void **state) {
  (void)state;
  struct event e = a_value();
  assert_series(&e, EVENT_SERIES "/value");
}

static void empty_instances_leave_no_dash_behind(void **state) {
  (void)state;
  struct event e = an_event();
  e.plugin_instance = "";
  e.type_instance = "";
  assert_series(&e, "rack1/sensors/temperature");
}

static void the_longest_names_fit(void **state) {
  (void)state;
  char name[128];
  memset(name, 'n', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  struct event e = {.source = EVENT_VALUE,
                    .host = name,
                    .plugin = name,
                    .plugin_instance = name,
                    .type = name,
                    .type_instance = name,
                    .data_source = name};
  char series[EVENT_SERIES_BYTES];
  event_format_series(&e, series);
  assert_int_equal(strlen(series), 6 * 127 + 5);
}

static void names_that_run_into_each_other_are_cut(void **state) {
  (void)state;
  char names[2 * EVENT_SERIES_BYTES];
  memset(names, 'n', sizeof(names) - 1);
  names[sizeof(names) - 1] = '\0';
  struct event e = an_event();
  char series[EVENT_SERIES_BYTES + 1];
  series[EVENT_SERIES_BYTES] = '#';
  for (size_t more = 0; more < 200; more++) {
    e.host = names + EVENT_SERIES_BYTES + more;
    event_format_series(&e, series);
    assert_in_range(strlen(series), 1, EVENT_SERIES_BYTES - 1);
    assert_int_equal(series[EVENT_SERIES_BYTES], '#');
  }
  assert_memory_equal(series, e.host, strlen(e.host));
}

static void each_severity_is_found_by_its_name(void **state) {
  (void)state;
  for (int s = 0; s < SEVERITY_COUNT; s++) {
    enum severity parsed = SEVERITY_COUNT;
    assert_int_equal(
        event_parse_severity(event_severity_name((enum severity)s), &parsed),
        0);
    assert_int_equal(parsed, s);
  }
  assert_string_equal(event_severity_name(SEVERITY_OKAY), "okay");
  assert_string_equal(event_severity_name(SEVERITY_WARNING), "warning");
  assert_string_equal(event_severity_name(SEVERITY_FAILURE), "failure");
  assert_string_equal(event_severity_name(SEVERITY_VALUE), "value");
}

static void a_severity_of_another_name_is_refused(void **state) {
  (void)state;
  enum severity parsed = SEVERITY_COUNT;
  assert_int_equal(event_parse_severity("FAILURE", &parsed), -EINVAL);
  assert_int_equal(event_parse_severity("", &parsed), -EINVAL);
  assert_int_equal(parsed, SEVERITY_COUNT);
}

static void a_missing_value_is_known_by_its_message(void **state) {
  (void)state;
  struct event e = a_missing_value();
  assert_true(event_is_missing_value(&e));
  e.message = "something else";
  assert_false(event_is_missing_value(&e));
}

static void
what_carries_a_value_or_is_no_failure_is_no_missing_value(void **state) {
  (void)state;
  struct event e = a_missing_value();
  e.has_value = true;
  assert_false(event_is_missing_value(&e));
  e = a_missing_value();
  e.severity = SEVERITY_OKAY;
  assert_false(event_is_missing_value(&e));
  e = a_missing_value();
  e.source = EVENT_VALUE;
  assert_false(event_is_missing_value(&e));
}

static void
only_a_full_message_of_threshold_may_hide_a_broken_identity(void **state) {
  (void)state;
  char message[257];
  memset(message, 'm', sizeof(message));
  message[255] = '\0';
  struct event e = an_event();
  e.message = message;
  assert_true(event_is_truncated(&e));
  e.data_source = "";
  assert_false(event_is_truncated(&e));
  e.data_source = "value";
  e.source = EVENT_VALUE;
  assert_false(event_is_truncated(&e));
  e.source = EVENT_NOTIFICATION;
  message[254] = '\0';
  assert_false(event_is_truncated(&e));
  message[254] = 'm';
  message[255] = 'm';
  message[256] = '\0';
  assert_false(event_is_truncated(&e));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_series_of_a_notification_is_that_of_its_value_list),
      cmocka_unit_test(the_series_of_a_value_names_its_data_source),
      cmocka_unit_test(empty_instances_leave_no_dash_behind),
      cmocka_unit_test(the_longest_names_fit),
      cmocka_unit_test(names_that_run_into_each_other_are_cut),
      cmocka_unit_test(each_severity_is_found_by_its_name),
      cmocka_unit_test(a_severity_of_another_name_is_refused),
      cmocka_unit_test(a_missing_value_is_known_by_its_message),
      cmocka_unit_test(
          what_carries_a_value_or_is_no_failure_is_no_missing_value),
      cmocka_unit_test(
          only_a_full_message_of_threshold_may_hide_a_broken_identity),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
