/* SPDX-License-Identifier: MIT */
#include "agent/watch.h"

#include "base/log.h"
#include "basics.h"
#include "event_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS INT64_C(5000)

/* The lines of the log. */
static char logged[65536];
static size_t line_count;

static struct directory *directory;
static struct rule_book *book;
static struct watch *watch;

static void keep_line(enum log_level level, const char *line) {
  size_t length = strlen(logged);
  snprintf(logged + length, sizeof(logged) - length, "%s%s\n",
           level == LOG_LEVEL_WARNING ? "WARNING " : "", line);
  line_count++;
}

/* Time flies, so that no line counts as a repeat of the one before. */
static int64_t flying_ms(void) {
  static int64_t now_ms;
  return now_ms += 2 * LOG_REPEAT_MS;
}

/* Returns the lines that were logged since the last call. */
static const char *take_log(void) {
  static char taken[sizeof(logged)];
  memcpy(taken, logged, sizeof(logged));
  logged[0] = '\0';
  line_count = 0;
  return taken;
}

static struct rule *add_rule(const char *name, enum event_source source) {
  char why[64];
  struct rule *r = rule_book_add(book, name, source);
  assert_non_null(r);
  assert_int_equal(rule_add_pattern(r, RULE_PLUGIN, "cpu", why, sizeof(why)),
                   0);
  return r;
}

static int set_up(void **state) {
  (void)state;
  directory = directory_new();
  book = rule_book_new(directory);
  assert_non_null(book);
  take_log();
  log_install(keep_line, flying_ms);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  watch_free(watch);
  rule_book_free(book);
  directory_free(directory);
  log_install(NULL, NULL);
  return 0;
}

static void begin(void) {
  assert_int_equal(rule_book_seal(book), 0);
  watch = watch_new(book, START_MS);
  assert_non_null(watch);
}

static const struct policy *policy_of(size_t index) {
  return rule_policy(rule_book_rule(book, index));
}

/* ---- rules that match nothing ---- */

static void
a_rule_that_matches_nothing_for_an_hour_is_named_once(void **state) {
  (void)state;
  add_rule("busy", EVENT_NOTIFICATION);
  add_rule("idle", EVENT_NOTIFICATION);
  begin();
  watch_note_match(watch, policy_of(0));
  watch_note_match(watch, policy_of(0));
  watch_tell_idle(watch, START_MS);
  watch_tell_idle(watch, START_MS + 3599999);
  assert_string_equal(take_log(), "");
  watch_tell_idle(watch, START_MS + 3600000);
  assert_string_equal(
      take_log(), "WARNING rule \"idle\" has matched nothing in the hour since "
                  "the start: DryRun true logs what keeps events from it\n");
  watch_tell_idle(watch, START_MS + 7200000);
  assert_string_equal(take_log(), "");
}

static void of_many_idle_rules_a_hundred_are_named(void **state) {
  (void)state;
  for (int i = 0; i < 103; i++) {
    char name[16];
    snprintf(name, sizeof(name), "r%d", i);
    add_rule(name, EVENT_NOTIFICATION);
  }
  begin();
  watch_note_match(watch, policy_of(7));
  watch_tell_idle(watch, START_MS + WATCH_IDLE_MS);
  assert_int_equal(line_count, 101);
  const char *log = take_log();
  assert_null(strstr(log, "\"r7\""));
  assert_non_null(strstr(log, "\"r100\""));
  assert_null(strstr(log, "\"r101\""));
  assert_non_null(strstr(log, "and 2 more rules have matched nothing\n"));
}

/* ---- what an event lacks ---- */

static void lack(size_t rule, const char *option, const char *field,
                 bool is_for_silence) {
  struct event e = an_event();
  e.has_value = false;
  watch_tell_lack(watch, &(struct rule_lack){.policy = policy_of(rule),
                                             .option = option,
                                             .field = field,
                                             .event = &e,
                                             .is_for_silence = is_for_silence});
}

static void what_an_event_lacks_is_told_once_per_rule(void **state) {
  (void)state;
  add_rule("overheat", EVENT_NOTIFICATION);
  add_rule("other", EVENT_NOTIFICATION);
  begin();
  lack(0, "OnFailure", "value", false);
  assert_string_equal(
      take_log(),
      "WARNING rule \"overheat\": OnFailure needs %{value}, and an event "
      "of " EVENT_SERIES " has none that fits: it is ignored (no_value), as "
      "all like it will be. Give it a default, as in %{value|0}; notifications "
      "have neither value nor meta data left when they come through the "
      "network plugin: evaluate thresholds where the values arrive\n");
  lack(0, "OnWarning", "meta:rack", false);
  assert_string_equal(take_log(), "");
  lack(1, "Device", "meta:rack", false);
  assert_non_null(strstr(take_log(), "rule \"other\": Device needs "
                                     "%{meta:rack}, "));
}

static void that_silence_will_ask_for_nothing_is_told_for_itself(void **state) {
  (void)state;
  add_rule("overheat", EVENT_NOTIFICATION);
  begin();
  lack(0, "OnFailure", "value", false);
  take_log();
  lack(0, "OnOkay", "meta:rack", true);
  lack(0, "OnOkay", "meta:rack", true);
  assert_int_equal(line_count, 1);
  const char *log = take_log();
  assert_non_null(strstr(log, "OnOkay needs %{meta:rack}"));
  assert_non_null(strstr(log, "when that series falls silent (ForgetAfter), "
                              "or is taken back (Until), nothing will be sent. "
                              "Give it a default, as in "
                              "%{meta:rack|none}"));
}

static void a_missing_value_is_known_to_have_nothing(void **state) {
  (void)state;
  add_rule("overheat", EVENT_NOTIFICATION);
  begin();
  struct event e = a_missing_value();
  watch_tell_lack(watch, &(struct rule_lack){.policy = policy_of(0),
                                             .option = "OnMissing",
                                             .field = "value",
                                             .event = &e});
  assert_non_null(strstr(take_log(), "%{value|0}; a missing value has neither "
                                     "value nor meta data\n"));
}

static void a_value_that_is_nan_is_told_as_such(void **state) {
  (void)state;
  add_rule("overheat", EVENT_NOTIFICATION);
  begin();
  struct event e = an_event();
  e.severity = SEVERITY_OKAY;
  e.has_value = true;
  e.value = NAN;
  watch_tell_lack(watch, &(struct rule_lack){.policy = policy_of(0),
                                             .option = "OnOkay",
                                             .field = "value",
                                             .event = &e});
  assert_non_null(strstr(take_log(), "%{value|0}; its CurrentValue is no "
                                     "finite number\n"));
}

/* ---- names ---- */

static void each_name_that_no_device_bears_is_told_once(void **state) {
  (void)state;
  char name[300];
  begin();
  for (int times = 0; times < 2; times++) {
    for (int i = 0; i < WATCH_NAMES_MAX + 10; i++) {
      snprintf(name, sizeof(name), "nobody%d", i);
      watch_tell_no_device(watch, name);
    }
    assert_int_equal(line_count, times == 0 ? WATCH_NAMES_MAX : 0);
    take_log();
  }
}

static void a_name_of_any_length_is_told(void **state) {
  (void)state;
  char name[300];
  begin();
  memset(name, 'n', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  watch_tell_no_device(watch, name);
  watch_tell_no_device(watch, name);
  assert_int_equal(line_count, 1);
  assert_non_null(strstr(take_log(), name));
}

/* ---- what fires no rule ---- */

static void each_notification_that_fires_no_rule_is_explained(void **state) {
  (void)state;
  add_rule("overheat", EVENT_NOTIFICATION);
  begin();
  struct event e = an_event();
  for (int times = 0; times < 2; times++) {
    watch_tell_unmatched(watch, &e);
    assert_string_equal(
        take_log(),
        "dry run: no rule fires for " EVENT_SERIES ", failure: the "
        "nearest is rule \"overheat\": Plugin must be \"cpu\", and is "
        "\"sensors\"; it has no OnFailure\n");
  }
}

static void
each_series_of_values_that_fires_no_rule_is_explained_once(void **state) {
  (void)state;
  add_rule("setpoint", EVENT_VALUE);
  begin();
  struct event e = a_value();
  watch_tell_unmatched(watch, &e);
  assert_non_null(
      strstr(take_log(), "no rule fires for " EVENT_SERIES "/value, value: "));
  watch_tell_unmatched(watch, &e);
  assert_string_equal(take_log(), "");
  e.host = "rack2";
  watch_tell_unmatched(watch, &e);
  assert_int_equal(line_count, 1);
}

static void freeing_no_watch_is_allowed(void **state) {
  (void)state;
  watch_free(NULL);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_rule_that_matches_nothing_for_an_hour_is_named_once),
      TEST(of_many_idle_rules_a_hundred_are_named),
      TEST(what_an_event_lacks_is_told_once_per_rule),
      TEST(that_silence_will_ask_for_nothing_is_told_for_itself),
      TEST(a_missing_value_is_known_to_have_nothing),
      TEST(a_value_that_is_nan_is_told_as_such),
      TEST(each_name_that_no_device_bears_is_told_once),
      TEST(a_name_of_any_length_is_told),
      TEST(each_notification_that_fires_no_rule_is_explained),
      TEST(each_series_of_values_that_fires_no_rule_is_explained_once),
      cmocka_unit_test(freeing_no_watch_is_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
