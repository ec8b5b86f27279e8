/* SPDX-License-Identifier: MIT */

#include "delivery/tracker.h"

#include "basics.h"

#include <stdio.h>
#include <string.h>

#define MAX 3

static struct {
  struct directory *directory;
  struct endpoint *cloud;
  struct endpoint *edge;
  struct device *fan;
  struct device *pump;
  struct policy policy;
  struct journal journal;
  struct tracker *tracker;
  struct moment now;
} t;

static int set_up(void **state) {
  (void)state;
  t.directory = directory_new();
  directory_add_endpoint(t.directory, "cloud", &t.cloud);
  directory_add_endpoint(t.directory, "edge", &t.edge);
  directory_add_device(t.directory, "fan", &t.fan);
  directory_add_device(t.directory, "pump", &t.pump);
  t.fan->endpoint = t.cloud;
  t.pump->endpoint = t.edge;
  t.policy = (struct policy){.rule = "overheat", .track = true};
  journal_init(&t.journal);
  t.tracker = tracker_new(2, MAX, &t.journal);
  t.now = (struct moment){.ms = 5000, .wall_ms = INT64_C(1700000000000)};
  return t.tracker != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  journal_clear(&t.journal);
  tracker_free(t.tracker);
  directory_free(t.directory);
  return 0;
}

/* ---- words ---- */

static void passes(int64_t ms) {
  t.now.ms += ms;
  t.now.wall_ms += ms;
}

/* A command that was accepted just now, of which OneNET keeps so much. */
static struct tracked *follow_at(const struct device *device, int64_t id,
                                 int timeout_s) {
  struct command c = {.id = id,
                      .policy = &t.policy,
                      .device = device,
                      .slot_key = (char *)"overheat/fan",
                      .timeout_s = timeout_s,
                      .created = t.now,
                      .valid_from_ms = t.now.ms,
                      .finished = t.now,
                      .attempt =
                          &(struct attempt){.verdict = {.cmd_uuid = "u-1"}}};
  struct tracked *one = tracked_new_of(&c);
  assert_non_null(one);
  assert_int_equal(tracker_add(t.tracker, one, t.now), 0);
  return one;
}

static struct tracked *follow(int64_t id, int timeout_s) {
  return follow_at(t.fan, id, timeout_s);
}

static int64_t wait_ms(void) {
  return tracker_wait_ms(t.tracker, t.cloud, t.now.ms);
}

/* The next poll is due in so many ms, and ends so. */
static void is_polled_after(int64_t ms, struct poll poll) {
  assert_int_equal(wait_ms(), ms);
  passes(ms);
  struct tracked *one = tracker_begin(t.tracker, t.cloud);
  tracker_end(t.tracker, one, &poll, t.now);
}

static struct poll status(enum tracked_status value) {
  return (struct poll){.class = POLL_STATUS, .status = value};
}

static struct poll nothing(enum poll_class class) {
  return (struct poll){.class = class, .cause = "http_500"};
}

static struct poll answer(const char *text) {
  return (struct poll){
      .class = POLL_ANSWER, .answer = text, .answer_size = strlen(text)};
}

static void is_concluded(const struct tracked *one, enum tracked_status value) {
  assert_true(one->concluded);
  assert_true(one->has_news);
  assert_int_equal(one->status, value);
  assert_int_equal(wait_ms(), COMMAND_NEVER_MS);
}

/* ---- when ---- */

static void nothing_is_due_while_nothing_is_followed(void **state) {
  (void)state;
  assert_int_equal(wait_ms(), COMMAND_NEVER_MS);
  assert_null(t.journal.first);
  assert_int_equal(tracker_in_flight(t.tracker), 0);
}

static void waits_double_up_to_ten_minutes(void **state) {
  (void)state;
  static const int64_t waits_s[] = {1,  2,   4,   8,   16,  32,
                                    64, 128, 256, 512, 600, 600};
  follow(1, 7200);
  for (size_t i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++)
    is_polled_after(waits_s[i] * 1000, status(TRACKED_CREATED));
}

static void a_poll_that_tells_nothing_is_repeated_as_any_other(void **state) {
  (void)state;
  const struct tracked *one = follow(1, 7200);
  is_polled_after(1000, nothing(POLL_AGAIN));
  assert_string_equal(one->cause, "http_500");
  is_polled_after(2000, status(TRACKED_SENT));
  assert_string_equal(one->cause, "");
  is_polled_after(4000, nothing(POLL_AGAIN));
  assert_int_equal(one->status, TRACKED_SENT);
}

static void what_the_server_asks_for_is_waited(void **state) {
  (void)state;
  struct poll busy = nothing(POLL_AGAIN);
  busy.retry_after_ms = 30000;
  follow(1, 7200);
  is_polled_after(1000, busy);
  is_polled_after(30000, busy);
  busy.retry_after_ms = 10;
  is_polled_after(30000, busy);
  is_polled_after(8000, nothing(POLL_AGAIN));
}

static void the_last_poll_is_at_the_end_of_validity_and_a_minute(void **state) {
  (void)state;
  const struct tracked *one = follow(1, 10);
  static const int64_t waits_s[] = {1, 2, 4, 8, 16, 32};
  for (size_t i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++)
    is_polled_after(waits_s[i] * 1000, status(TRACKED_CREATED));
  assert_false(one->concluded);
  is_polled_after(70000 - 63000, nothing(POLL_AGAIN));
  is_concluded(one, TRACKED_CREATED);
}

static void a_long_wait_that_is_asked_for_ends_at_the_last_poll(void **state) {
  (void)state;
  struct poll busy = nothing(POLL_AGAIN);
  busy.retry_after_ms = 3600000;
  const struct tracked *one = follow(1, 0);
  is_polled_after(1000, busy);
  is_polled_after(59000, status(TRACKED_SENT));
  is_concluded(one, TRACKED_SENT);
}

static void what_remained_of_the_validity_counts(void **state) {
  (void)state;
  struct command c = {.policy = &t.policy,
                      .device = t.fan,
                      .slot_key = (char *)"overheat/fan",
                      .timeout_s = 100,
                      .valid_from_ms = t.now.ms - 70000,
                      .finished = t.now};
  struct tracked *one = tracked_new_of(&c);
  assert_int_equal(one->until_ms, t.now.ms + 30000 + 60000);
  tracked_free(one);
}

static void what_is_restored_late_is_followed_for_a_minute(void **state) {
  (void)state;
  struct tracked *one = tracked_new("overheat/fan");
  one->device = t.fan;
  one->until_ms = t.now.ms - 3600000;
  assert_int_equal(tracker_add(t.tracker, one, t.now), 0);
  is_polled_after(1000, nothing(POLL_AGAIN));
  assert_false(one->concluded);
  assert_int_equal(one->until_ms, t.now.ms + 59000);
}

static void endpoints_do_not_wait_for_each_other(void **state) {
  (void)state;
  follow_at(t.fan, 1, 0);
  passes(500);
  const struct tracked *other = follow_at(t.pump, 2, 0);
  assert_int_equal(wait_ms(), 500);
  assert_int_equal(tracker_wait_ms(t.tracker, t.edge, t.now.ms), 1000);
  passes(1000);
  assert_ptr_equal(tracker_begin(t.tracker, t.edge), other);
  assert_int_equal(tracker_in_flight(t.tracker), 1);
  assert_int_equal(wait_ms(), 0);
}

static void the_one_that_is_due_first_is_polled_first(void **state) {
  (void)state;
  const struct tracked *first = follow(2, 0);
  passes(1);
  const struct tracked *second = follow(1, 0);
  passes(1000);
  assert_ptr_equal(tracker_begin(t.tracker, t.cloud), first);
  assert_ptr_equal(tracker_begin(t.tracker, t.cloud), second);
}

/* ---- ends ---- */

static void each_final_status_ends_it_as_documented(void **state) {
  (void)state;
  static const struct {
    enum tracked_status status;
    const char *end;
  } cases[] = {{TRACKED_NOT_ONLINE, "undelivered"},
               {TRACKED_FAILED, "undelivered"},
               {TRACKED_NOT_ANSWERED, "unanswered"},
               {TRACKED_TOO_LARGE, "unanswered"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct tracked *one = follow(1, 3600);
    is_polled_after(1000, status(cases[i].status));
    is_concluded(one, cases[i].status);
    assert_string_equal(tracked_end_name(tracked_end_of(one)), cases[i].end);
    journal_clear(&t.journal);
  }
}

static void what_has_no_final_status_ends_as_the_last_poll_says(void **state) {
  (void)state;
  static const struct {
    enum tracked_status status;
    enum tracked_end end;
  } cases[] = {{TRACKED_CREATED, TRACKED_END_UNDELIVERED},
               {TRACKED_SENT, TRACKED_END_UNANSWERED}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct tracked *one = follow(1, 0);
    one->until_ms = t.now.ms + 1000;
    is_polled_after(1000, status(cases[i].status));
    is_concluded(one, cases[i].status);
    assert_int_equal(tracked_end_of(one), cases[i].end);
    journal_clear(&t.journal);
  }
}

static void what_the_last_poll_does_not_tell_is_not_known(void **state) {
  (void)state;
  struct tracked *one = follow(1, 0);
  one->until_ms = t.now.ms + 1000;
  is_polled_after(1000, nothing(POLL_AGAIN));
  is_concluded(one, TRACKED_CREATED);
  assert_int_equal(tracked_end_of(one), TRACKED_END_NOT_KNOWN);
  assert_string_equal(tracked_end_name(tracked_end_of(one)), "not known");
}

static void after_a_definite_no_it_is_not_known(void **state) {
  (void)state;
  const struct tracked *one = follow(1, 3600);
  is_polled_after(1000, status(TRACKED_SENT));
  is_polled_after(2000, nothing(POLL_NEVER));
  is_concluded(one, TRACKED_SENT);
  assert_string_equal(one->cause, "http_500");
  assert_int_equal(tracked_end_of(one), TRACKED_END_NOT_KNOWN);
}

static void an_answer_is_fetched_at_once_and_ends_it(void **state) {
  (void)state;
  struct tracked *one = follow(1, 3600);
  is_polled_after(1000, status(TRACKED_ANSWERED));
  assert_false(one->concluded);
  assert_true(tracker_wants_answer(one));
  int64_t answered_ms = t.now.ms;
  is_polled_after(0, nothing(POLL_AGAIN));
  is_polled_after(2000, answer("done"));
  is_concluded(one, TRACKED_ANSWERED);
  assert_int_equal(one->status_ms, answered_ms);
  assert_int_equal(one->answer->size, 4);
  assert_memory_equal(one->answer->data, "done", 4);
}

static void an_answer_that_does_not_come_is_done_without(void **state) {
  (void)state;
  const struct tracked *one = follow(1, 3600);
  is_polled_after(1000, status(TRACKED_ANSWERED));
  is_polled_after(0, nothing(POLL_AGAIN));
  is_polled_after(2000, nothing(POLL_AGAIN));
  is_polled_after(4000, nothing(POLL_AGAIN));
  is_concluded(one, TRACKED_ANSWERED);
  assert_null(one->answer);
  assert_int_equal(tracked_end_of(one), TRACKED_END_ANSWERED);
}

static void an_answer_that_onenet_does_not_have_is_done_without(void **state) {
  (void)state;
  const struct tracked *one = follow(1, 3600);
  is_polled_after(1000, status(TRACKED_ANSWERED));
  is_polled_after(0, nothing(POLL_NEVER));
  is_concluded(one, TRACKED_ANSWERED);
}

static void beyond_the_limit_the_oldest_is_not_known(void **state) {
  (void)state;
  const struct tracked *one = follow(1, 3600);
  is_polled_after(1000, status(TRACKED_SENT));
  for (int64_t id = 2; id <= MAX; id++)
    follow(id, 3600);
  assert_false(one->concluded);
  follow(MAX + 1, 3600);
  assert_true(one->concluded);
  assert_int_equal(one->status, TRACKED_SENT);
  assert_string_equal(one->cause, "too many are tracked");
  assert_int_equal(tracked_end_of(one), TRACKED_END_NOT_KNOWN);
}

static void beyond_the_limit_what_is_being_polled_stays(void **state) {
  (void)state;
  const struct poll sent = status(TRACKED_SENT);
  struct tracked *one = follow(1, 3600);
  const struct tracked *second = follow(2, 3600);
  passes(1000);
  assert_ptr_equal(tracker_begin(t.tracker, t.cloud), one);
  follow(3, 3600);
  follow(4, 3600);
  assert_false(one->concluded);
  assert_true(second->concluded);
  tracker_end(t.tracker, one, &sent, t.now);
  assert_false(one->concluded);
}

/* ---- what changed ---- */

static size_t count_changed(void) {
  size_t count = 0;
  for (const struct change *c = t.journal.first; c != NULL; c = c->next)
    count++;
  return count;
}

static void a_status_is_news_only_when_it_is_new(void **state) {
  (void)state;
  struct tracked *one = follow(1, 3600);
  assert_int_equal(count_changed(), 1);
  assert_false(one->has_news);
  assert_int_equal(one->status, TRACKED_CREATED);
  journal_clear(&t.journal);
  is_polled_after(1000, status(TRACKED_CREATED));
  assert_int_equal(count_changed(), 0);
  is_polled_after(2000, status(TRACKED_SENT));
  assert_int_equal(count_changed(), 1);
  assert_true(one->has_news);
  assert_int_equal(one->status_ms, t.now.ms);
  one->has_news = false;
  is_polled_after(4000, status(TRACKED_SENT));
  assert_false(one->has_news);
  assert_int_equal(count_changed(), 1);
}

static void
what_is_concluded_is_kept_until_the_journal_is_cleared(void **state) {
  (void)state;
  follow(1, 3600);
  is_polled_after(1000, status(TRACKED_FAILED));
  tracker_note_all(t.tracker);
  assert_int_equal(count_changed(), 1);
  journal_clear(&t.journal);
  assert_int_equal(count_changed(), 0);
  tracker_note_all(t.tracker);
  assert_int_equal(count_changed(), 0);
}

static void all_can_be_noted_as_changed(void **state) {
  (void)state;
  follow(1, 3600);
  follow(2, 3600);
  journal_clear(&t.journal);
  passes(1000);
  tracker_begin(t.tracker, t.cloud);
  tracker_note_all(t.tracker);
  assert_int_equal(count_changed(), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(nothing_is_due_while_nothing_is_followed),
      TEST(waits_double_up_to_ten_minutes),
      TEST(a_poll_that_tells_nothing_is_repeated_as_any_other),
      TEST(what_the_server_asks_for_is_waited),
      TEST(the_last_poll_is_at_the_end_of_validity_and_a_minute),
      TEST(a_long_wait_that_is_asked_for_ends_at_the_last_poll),
      TEST(what_remained_of_the_validity_counts),
      TEST(what_is_restored_late_is_followed_for_a_minute),
      TEST(endpoints_do_not_wait_for_each_other),
      TEST(the_one_that_is_due_first_is_polled_first),
      TEST(each_final_status_ends_it_as_documented),
      TEST(what_has_no_final_status_ends_as_the_last_poll_says),
      TEST(what_the_last_poll_does_not_tell_is_not_known),
      TEST(after_a_definite_no_it_is_not_known),
      TEST(an_answer_is_fetched_at_once_and_ends_it),
      TEST(an_answer_that_does_not_come_is_done_without),
      TEST(an_answer_that_onenet_does_not_have_is_done_without),
      TEST(beyond_the_limit_the_oldest_is_not_known),
      TEST(beyond_the_limit_what_is_being_polled_stays),
      TEST(a_status_is_news_only_when_it_is_new),
      TEST(what_is_concluded_is_kept_until_the_journal_is_cleared),
      TEST(all_can_be_noted_as_changed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
