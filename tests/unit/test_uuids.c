/* SPDX-License-Identifier: MIT */
#include "agent/uuids.h"

#include "basics.h"

#include <stdio.h>
#include <string.h>

static struct uuids *u;
static const struct device lamp = {.name = "lamp"};

static int set_up(void **state) {
  (void)state;
  u = uuids_new();
  return u != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  uuids_free(u);
  return 0;
}

static struct news news_of(enum news_kind kind, const char *cmd_uuid,
                           enum tracked_status status) {
  struct news one = {.kind = kind,
                     .device = &lamp,
                     .outcome = OUTCOME_ACCEPTED,
                     .status = status};
  snprintf(one.verdict.cmd_uuid, sizeof one.verdict.cmd_uuid, "%s", cmd_uuid);
  return one;
}

static void accept(const char *cmd_uuid, int64_t now_ms) {
  struct news one = news_of(NEWS_OUTCOME, cmd_uuid, TRACKED_CREATED);
  uuids_note(u, &one, now_ms);
}

static void change(enum news_kind kind, const char *cmd_uuid,
                   enum tracked_status status, int64_t now_ms) {
  struct news one = news_of(kind, cmd_uuid, status);
  uuids_note(u, &one, now_ms);
}

/* Appends "DEVICE/UUID=STATUS ". */
static void append(void *context, const struct device *device,
                   const char *cmd_uuid, enum tracked_status status) {
  char one[VERDICT_UUID_BYTES + 32];
  snprintf(one, sizeof one, "%s/%s=%d ", device->name, cmd_uuid, (int)status);
  strcat(context, one);
}

static void assert_series(int64_t now_ms, const char *expected) {
  char text[512] = "";
  uuids_each(u, now_ms, append, text);
  assert_string_equal(text, expected);
}

static void an_accepted_command_begins_as_created(void **state) {
  (void)state;
  accept("a", 0);
  assert_series(0, "lamp/a=1 ");
}

static void a_status_and_an_end_change_the_series_of_their_command(void **s) {
  (void)s;
  accept("a", 0);
  accept("b", 0);
  change(NEWS_STATUS, "a", TRACKED_SENT, 1);
  change(NEWS_END, "b", TRACKED_ANSWERED, 2);
  assert_series(2, "lamp/a=2 lamp/b=4 ");
}

static void a_status_begins_the_series_of_a_command_before_a_restart(void **s) {
  (void)s;
  change(NEWS_STATUS, "a", TRACKED_SENT, 0);
  change(NEWS_END, "a", TRACKED_ANSWERED, 1);
  assert_series(1, "lamp/a=4 ");
}

static void what_was_not_accepted_or_has_no_uuid_has_no_series(void **state) {
  (void)state;
  struct news refused = news_of(NEWS_OUTCOME, "a", TRACKED_NOT_ONLINE);
  refused.outcome = OUTCOME_REFUSED;
  uuids_note(u, &refused, 0);
  accept("", 0);
  assert_int_equal(uuids_count(u), 0);
}

static void a_series_is_over_some_time_after_its_last_change(void **state) {
  (void)state;
  accept("a", 0);
  change(NEWS_STATUS, "a", TRACKED_SENT, 1000);
  assert_series(1000 + UUIDS_KEPT_MS, "lamp/a=2 ");
  assert_series(1001 + UUIDS_KEPT_MS, "");
  assert_int_equal(uuids_count(u), 0);
}

static void a_series_may_be_over_before_one_that_began_earlier(void **state) {
  (void)state;
  accept("a", 0);
  accept("b", 0);
  change(NEWS_STATUS, "a", TRACKED_SENT, 1000);
  assert_series(1 + UUIDS_KEPT_MS, "lamp/a=2 ");
  change(NEWS_STATUS, "b", TRACKED_SENT, 1 + UUIDS_KEPT_MS);
  assert_series(1 + UUIDS_KEPT_MS, "lamp/a=2 lamp/b=2 ");
}

static void of_too_many_the_first_gives_way(void **state) {
  (void)state;
  char name[VERDICT_UUID_BYTES];
  accept("first", 10);
  accept("second", 10);
  for (int i = 2; i < UUIDS_MAX; i++) {
    snprintf(name, sizeof name, "%d", i);
    accept(name, 0);
  }
  accept("last", 10);
  assert_int_equal(uuids_count(u), UUIDS_MAX);
  assert_series(5 + UUIDS_KEPT_MS, "lamp/second=1 lamp/last=1 ");
}

#define situation(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      situation(an_accepted_command_begins_as_created),
      situation(a_status_and_an_end_change_the_series_of_their_command),
      situation(a_status_begins_the_series_of_a_command_before_a_restart),
      situation(what_was_not_accepted_or_has_no_uuid_has_no_series),
      situation(a_series_is_over_some_time_after_its_last_change),
      situation(a_series_may_be_over_before_one_that_began_earlier),
      situation(of_too_many_the_first_gives_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
