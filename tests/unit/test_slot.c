/* SPDX-License-Identifier: MIT */
#include "words/slot.h"

#include "basics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1000000)

struct fixture {
  struct policy policy;
  struct device device;
  struct slot *slot;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->policy = (struct policy){.rule = "heat",
                              .timeout_s = POLICY_DEFAULT,
                              .expire_s = POLICY_DEFAULT,
                              .repeat_s = POLICY_DEFAULT};
  f->device.name = "fan";
  f->slot = slot_new(&f->policy, &f->device, "heat/fan");
  assert_non_null(f->slot);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  slot_free(f->slot);
  free(f);
  return 0;
}

/* ---- keys ---- */

static void a_slot_is_named_after_its_rule_and_device(void **state) {
  struct fixture *f = *state;
  char key[SLOT_KEY_BYTES];
  slot_format_key(&f->policy, &f->device, "rack1/a/b", key);
  assert_string_equal(key, "heat/fan");
}

static void with_combine_none_it_is_named_after_the_series_too(void **state) {
  struct fixture *f = *state;
  char key[SLOT_KEY_BYTES];
  f->policy.per_series = true;
  slot_format_key(&f->policy, &f->device, "rack1/a/b", key);
  assert_string_equal(key, "heat/fan/rack1/a/b");
}

static void the_longest_names_fit_a_key(void **state) {
  (void)state;
  char rule[DEVICE_NAME_BYTES], series[EVENT_SERIES_BYTES];
  char key[SLOT_KEY_BYTES];
  memset(rule, 'r', sizeof rule - 1);
  rule[sizeof rule - 1] = '\0';
  memset(series, 's', sizeof series - 1);
  series[sizeof series - 1] = '\0';
  const struct policy p = {.rule = rule, .per_series = true};
  struct device d = {.timeout_s = 0};
  d.name = rule;
  slot_format_key(&p, &d, series, key);
  assert_int_equal(strlen(key), 2 * strlen(rule) + strlen(series) + 2);
}

/* ---- states ---- */

static struct series *series_called(struct slot *s, const char *name) {
  struct series *series = slot_find_series(s, name);
  if (series == NULL)
    series = slot_add_series(s, name);
  assert_non_null(series);
  return series;
}

static void note(struct slot *s, const char *name, enum severity severity,
                 const char *body) {
  struct firing *f = firing_new(
      name, (struct firing_body){body, body != NULL ? strlen(body) : 0},
      (struct firing_body){BYTES("silent")});
  assert_non_null(f);
  f->severity = severity;
  assert_int_equal(slot_note_firing(series_called(s, name), f), 0);
  firing_free(f);
}

static void speaks(const struct slot *s, const char *body) {
  const struct series *speaker = slot_speaker(s);
  assert_non_null(speaker);
  const struct asked asked = slot_asks(s);
  assert_int_equal(slot_asks_nothing(&asked), body == NULL);
  if (body == NULL)
    return;
  assert_int_equal(speaker->body->size, strlen(body));
  assert_memory_equal(speaker->body->data, body, strlen(body));
}

static void a_new_slot_has_no_speaker(void **state) {
  struct fixture *f = *state;
  assert_null(slot_speaker(f->slot));
}

static void series_are_found_by_name(void **state) {
  struct fixture *f = *state;
  struct series *rack1 = series_called(f->slot, "rack1");
  assert_null(slot_find_series(f->slot, "rack2"));
  struct series *rack2 = series_called(f->slot, "rack2");
  assert_ptr_equal(slot_find_series(f->slot, "rack1"), rack1);
  slot_take_out(rack1);
  slot_free_series(rack1);
  assert_null(slot_find_series(f->slot, "rack1"));
  assert_ptr_equal(slot_find_series(f->slot, "rack2"), rack2);
}

static void a_body_is_copied_once_while_it_is_the_same(void **state) {
  struct fixture *f = *state;
  struct series *series = series_called(f->slot, "a");
  note(f->slot, "a", SEVERITY_OKAY, "on");
  struct body *kept = series->body;
  note(f->slot, "a", SEVERITY_FAILURE, "on");
  assert_ptr_equal(series->body, kept);
  assert_body(series->body, "on");
  note(f->slot, "a", SEVERITY_OKAY, "off");
  assert_body(series->body, "off");
}

static void one_of_many_series_is_found_as_one_of_few(void **state) {
  struct fixture *f = *state;
  char names[20][16];
  struct series *many[20];
  for (int i = 0; i < 20; i++) {
    snprintf(names[i], sizeof names[i], "s%d", i);
    many[i] = slot_add_series(f->slot, names[i]);
    for (int j = 0; j <= i; j++)
      assert_ptr_equal(slot_find_series(f->slot, names[j]), many[j]);
  }
  for (int i = 0; i < 20; i++) {
    slot_take_out(many[i]);
    slot_free_series(many[i]);
    for (int j = 0; j < 20; j++)
      assert_ptr_equal(slot_find_series(f->slot, names[j]),
                       j > i ? many[j] : NULL);
  }
}

static void the_worst_state_speaks(void **state) {
  struct fixture *f = *state;
  note(f->slot, "rack1", SEVERITY_OKAY, "off");
  speaks(f->slot, "off");
  note(f->slot, "rack2", SEVERITY_FAILURE, "fast");
  note(f->slot, "rack3", SEVERITY_WARNING, "slow");
  speaks(f->slot, "fast");
  note(f->slot, "rack2", SEVERITY_OKAY, "off");
  speaks(f->slot, "slow");
}

static void of_equal_states_the_newest_event_speaks(void **state) {
  struct fixture *f = *state;
  note(f->slot, "rack1", SEVERITY_FAILURE, "1");
  note(f->slot, "rack2", SEVERITY_FAILURE, "2");
  note(f->slot, "rack3", SEVERITY_FAILURE, "3");
  speaks(f->slot, "3");
  note(f->slot, "rack1", SEVERITY_FAILURE, "1 again");
  speaks(f->slot, "1 again");
  note(f->slot, "rack1", SEVERITY_OKAY, "off");
  speaks(f->slot, "3");
  struct series *rack3 = slot_find_series(f->slot, "rack3");
  slot_take_out(rack3);
  slot_free_series(rack3);
  speaks(f->slot, "2");
}

static void a_state_without_a_body_asks_for_nothing(void **state) {
  struct fixture *f = *state;
  note(f->slot, "rack1", SEVERITY_OKAY, NULL);
  speaks(f->slot, NULL);
}

static void a_silent_series_is_okay_with_its_okay_body(void **state) {
  struct fixture *f = *state;
  note(f->slot, "rack1", SEVERITY_FAILURE, "on");
  slot_note_silence(slot_find_series(f->slot, "rack1"), NOW_MS);
  assert_int_equal(slot_speaker(f->slot)->severity, SEVERITY_OKAY);
  assert_int_equal(slot_speaker(f->slot)->arrived_ms, NOW_MS);
  speaks(f->slot, "silent");
}

static void note_at(struct slot *s, enum severity severity, int64_t ms) {
  struct firing *f =
      firing_new("rack1", (struct firing_body){0}, (struct firing_body){0});
  assert_non_null(f);
  f->severity = severity;
  f->arrived.ms = ms;
  assert_int_equal(slot_note_firing(series_called(s, "rack1"), f), 0);
  firing_free(f);
}

static void the_age_of_a_state_is_that_of_its_first_event(void **state) {
  struct fixture *f = *state;
  note_at(f->slot, SEVERITY_OKAY, NOW_MS);
  const struct series *rack1 = slot_find_series(f->slot, "rack1");
  assert_int_equal(rack1->since_ms, NOW_MS);
  note_at(f->slot, SEVERITY_FAILURE, NOW_MS + 10);
  note_at(f->slot, SEVERITY_FAILURE, NOW_MS + 20); /* threshold's Persist */
  assert_int_equal(rack1->since_ms, NOW_MS + 10);
  assert_int_equal(rack1->arrived_ms, NOW_MS + 20);
  slot_note_silence(series_called(f->slot, "rack1"), NOW_MS + 30);
  assert_int_equal(rack1->since_ms, NOW_MS + 30);
}

static void each_value_is_a_state_of_its_own(void **state) {
  struct fixture *f = *state;
  note_at(f->slot, SEVERITY_VALUE, NOW_MS);
  note_at(f->slot, SEVERITY_VALUE, NOW_MS + 10);
  assert_int_equal(slot_find_series(f->slot, "rack1")->since_ms, NOW_MS + 10);
}

static void count_series(void *context, struct series *series) {
  (void)series;
  ++*(int *)context;
}

static void
series_that_are_restored_are_each_in_their_state_once(void **state) {
  struct fixture *f = *state;
  const enum severity severities[] = {SEVERITY_FAILURE, SEVERITY_OKAY,
                                      SEVERITY_FAILURE, SEVERITY_OKAY};
  const char *const names[] = {"a", "b", "c", "d"};
  for (size_t i = 0; i < 4; i++) {
    struct series *series = series_called(f->slot, names[i]);
    series->severity = severities[i];
    series->body = body_new(names[i], 1);
    slot_place_series(series);
  }
  int count = 0;
  slot_each_series(f->slot, count_series, &count);
  assert_int_equal(count, 4);
  speaks(f->slot, "c");
  note(f->slot, "c", SEVERITY_OKAY, "off");
  speaks(f->slot, "a");
  note(f->slot, "a", SEVERITY_OKAY, "last");
  speaks(f->slot, "last");
}

/* ---- late and doubled events ---- */

struct arrival {
  const char *situation;
  enum severity severity; /* the last one was a FAILURE of 10 s, arrived at 0 */
  bool has_value;
  int64_t wall_event_ms;
  int64_t arrived_ms;
  enum ignored expected;
  int64_t clock_set_ms; /* by how much the wall clock was set in between */
};

static const struct arrival arrivals[] = {
    {"newer", SEVERITY_OKAY, true, 10001, 0, IGNORED_NOT, 0},
    {"older", SEVERITY_OKAY, true, 9999, 0, IGNORED_LATE, 0},
    {"older, same state", SEVERITY_FAILURE, true, 9999, 5000, IGNORED_LATE, 0},
    {"older, after 5 s", SEVERITY_OKAY, true, 9999, 5001, IGNORED_NOT, 0},
    {"older, without a value", SEVERITY_OKAY, false, 9999, 0, IGNORED_NOT, 0},
    {"same time, same state", SEVERITY_FAILURE, true, 10000, 5000,
     IGNORED_DUPLICATE, 0},
    {"same time, other state", SEVERITY_OKAY, true, 10000, 0, IGNORED_NOT, 0},
    {"same, after 5 s", SEVERITY_FAILURE, true, 10000, 5001, IGNORED_NOT, 0},
    {"same, without a value", SEVERITY_FAILURE, false, 10000, 5000,
     IGNORED_DUPLICATE, 0},
    {"same time, other state, without a value", SEVERITY_OKAY, false, 10000, 0,
     IGNORED_NOT, 0},
    {"same, the clock was set back", SEVERITY_FAILURE, true, 10000, 1000,
     IGNORED_NOT, -SLOT_CLOCK_STEP_MS - 1},
    {"same, without a value, the clock was set on", SEVERITY_FAILURE, false,
     10000, 1000, IGNORED_NOT, SLOT_CLOCK_STEP_MS + 1},
    {"same, the clock was hardly set", SEVERITY_FAILURE, false, 10000, 1000,
     IGNORED_DUPLICATE, SLOT_CLOCK_STEP_MS},
    {"older, the clock was set back", SEVERITY_OKAY, true, 9999, 1000,
     IGNORED_NOT, -SLOT_CLOCK_STEP_MS - 1},
    {"older, the clock was set on", SEVERITY_OKAY, true, 9999, 1000,
     IGNORED_NOT, SLOT_CLOCK_STEP_MS + 1},
    {"older, the clock was hardly set", SEVERITY_OKAY, true, 9999, 1000,
     IGNORED_LATE, -SLOT_CLOCK_STEP_MS},
};

static struct firing *arrival_of(const struct arrival *a) {
  struct firing *f =
      firing_new("rack1", (struct firing_body){0}, (struct firing_body){0});
  assert_non_null(f);
  f->severity = a->severity;
  f->has_value = a->has_value;
  f->wall_event_ms = a->wall_event_ms;
  f->arrived.ms = NOW_MS + a->arrived_ms;
  f->arrived.wall_ms = 10000 + a->arrived_ms + a->clock_set_ms;
  return f;
}

static void note_arrival(struct slot *s, const struct arrival *a) {
  struct firing *f = arrival_of(a);
  assert_int_equal(slot_note_firing(series_called(s, "rack1"), f), 0);
  firing_free(f);
}

static void judges(const struct slot *s, const struct arrival *a) {
  struct firing *f = arrival_of(a);
  if (slot_judge_arrival(slot_find_series(s, "rack1"), f) != a->expected)
    fail_msg("%s", a->situation);
  firing_free(f);
}

static const struct arrival failure_of_10_s = {
    "", SEVERITY_FAILURE, true, 10000, 0, IGNORED_NOT, 0};

static void events_are_judged_by_the_last_one_of_their_series(void **state) {
  struct fixture *f = *state;
  judges(f->slot, &failure_of_10_s); /* nothing was seen yet */
  note_arrival(f->slot, &failure_of_10_s);
  for (size_t i = 0; i < sizeof arrivals / sizeof arrivals[0]; i++)
    judges(f->slot, &arrivals[i]);
}

static void the_last_event_is_that_of_any_series_and_state(void **state) {
  struct fixture *f = *state;
  assert_int_equal(slot_last_event_ms(f->slot), 0);
  note_at(f->slot, SEVERITY_FAILURE, 1000);
  assert_int_equal(slot_last_event_ms(f->slot), 1000);
  slot_add_series(f->slot, "okay")->arrived_ms = 500;
  assert_int_equal(slot_last_event_ms(f->slot), 1000);
  slot_add_series(f->slot, "okay since")->arrived_ms = 3000;
  assert_int_equal(slot_last_event_ms(f->slot), 3000);
}

static void what_is_late_is_told_by_the_last_event_with_a_value(void **state) {
  struct fixture *f = *state;
  const struct arrival missing = {"",   SEVERITY_OKAY, false, 99999,
                                  1000, IGNORED_NOT,   0};
  const struct arrival newer = {"newer than the last one with a value",
                                SEVERITY_FAILURE,
                                true,
                                10001,
                                1500,
                                IGNORED_NOT,
                                0};
  const struct arrival older = {
      "older than that", SEVERITY_FAILURE, true, 9999, 1500, IGNORED_LATE, 0};
  note_arrival(f->slot, &failure_of_10_s);
  note_arrival(f->slot, &missing);
  judges(f->slot, &newer);
  judges(f->slot, &older);
}

static void what_is_doubled_is_told_by_the_last_event_of_all(void **state) {
  struct fixture *f = *state;
  const struct arrival by_hand = {"",   SEVERITY_OKAY, false, 12000,
                                  1000, IGNORED_NOT,   0};
  const struct arrival again = {"again, by another path",
                                SEVERITY_OKAY,
                                false,
                                12000,
                                6000,
                                IGNORED_DUPLICATE,
                                0};
  const struct arrival first_again = {"no more the last one",
                                      SEVERITY_FAILURE,
                                      true,
                                      10000,
                                      1500,
                                      IGNORED_NOT,
                                      0};
  note_arrival(f->slot, &failure_of_10_s);
  note_arrival(f->slot, &by_hand);
  judges(f->slot, &again);
  judges(f->slot, &first_again);
}

static void an_event_is_doubled_though_silence_came_between(void **state) {
  struct fixture *f = *state;
  const struct arrival again = {"again, after ForgetAfter 1",
                                SEVERITY_FAILURE,
                                false,
                                10000,
                                2000,
                                IGNORED_DUPLICATE,
                                0};
  note_arrival(f->slot, &failure_of_10_s);
  slot_note_silence(slot_find_series(f->slot, "rack1"), NOW_MS + 1000);
  judges(f->slot, &again);
}

static void a_time_in_the_future_counts_as_its_arrival(void **state) {
  struct fixture *f = *state;
  const struct arrival ahead = {"", SEVERITY_FAILURE, true, 99999,
                                0,  IGNORED_NOT,      0};
  const struct arrival cases[] = {
      {"newer than its arrival", SEVERITY_OKAY, true, 10001, 10, IGNORED_NOT,
       0},
      {"older than its arrival", SEVERITY_OKAY, true, 9999, 10, IGNORED_LATE,
       0},
      {"the same, by another path", SEVERITY_FAILURE, false, 99999, 10,
       IGNORED_DUPLICATE, 0},
      {"ahead, too", SEVERITY_OKAY, true, 99998, 10, IGNORED_NOT, 0},
  };
  note_arrival(f->slot, &ahead);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    judges(f->slot, &cases[i]);
}

static void of_values_the_same_time_is_enough_to_be_doubled(void **state) {
  struct fixture *f = *state;
  const struct arrival first = {"", SEVERITY_VALUE, true, 10000,
                                0,  IGNORED_NOT,    0};
  const struct arrival again = {"a value of the same time",
                                SEVERITY_VALUE,
                                true,
                                10000,
                                10,
                                IGNORED_DUPLICATE,
                                0};
  note_arrival(f->slot, &first);
  judges(f->slot, &again);
}

/* ---- memory ---- */

static struct command *command_of(const char *body) {
  struct command *c = command_new();
  assert_non_null(c);
  c->body = body_new(body, strlen(body));
  assert_non_null(c->body);
  return c;
}

static bool remembers(const struct slot *s, const char *body,
                      uint64_t attempts_begun, int64_t now_ms) {
  struct command *c = command_of(body);
  bool yes = slot_remembers(s, c, attempts_begun, now_ms);
  command_free(c);
  return yes;
}

/* An attempt at NOW_MS, from this attempts_begun to the next. */
static void attempt_with(struct slot *s, const char *body, struct verdict v,
                         uint64_t attempts_begun) {
  struct command *c = command_of(body);
  slot_begin_attempt(s, attempts_begun);
  slot_end_attempt(s, c, &v, attempts_begun + 1, NOW_MS);
  command_free(c);
}

static void attempt(struct slot *s, const char *body, enum verdict_class class,
                    uint64_t attempts_begun) {
  attempt_with(s, body, (struct verdict){.class = class}, attempts_begun);
}

static void what_was_accepted_is_remembered(void **state) {
  struct fixture *f = *state;
  assert_false(remembers(f->slot, "on", 0, NOW_MS));
  attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
  assert_true(remembers(f->slot, "on", 1, NOW_MS));
  assert_false(remembers(f->slot, "off", 1, NOW_MS));
}

static void nothing_is_remembered_while_an_attempt_is_under_way(void **state) {
  struct fixture *f = *state;
  attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
  slot_begin_attempt(f->slot, 1);
  assert_false(remembers(f->slot, "on", 2, NOW_MS));
}

static void
after_attempts_that_did_nothing_the_memory_comes_back(void **state) {
  struct fixture *f = *state;
  const enum verdict_class harmless[] = {VERDICT_REFUSED, VERDICT_OFFLINE,
                                         VERDICT_NOT_SENT, VERDICT_CREDENTIALS,
                                         VERDICT_NOT_EXECUTED};
  uint64_t attempts_begun = 0;
  attempt(f->slot, "on", VERDICT_ACCEPTED, attempts_begun++);
  for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
    assert_true(verdict_meaning(harmless[i])->surely_unexecuted);
    attempt(f->slot, "off", harmless[i], attempts_begun++);
    assert_true(remembers(f->slot, "on", attempts_begun, NOW_MS));
  }
}

static void after_a_doubtful_attempt_nothing_comes_back(void **state) {
  struct fixture *f = *state;
  assert_false(verdict_meaning(VERDICT_DOUBTFUL)->surely_unexecuted);
  attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
  attempt(f->slot, "off", VERDICT_DOUBTFUL, 1);
  assert_false(remembers(f->slot, "on", 2, NOW_MS));
  assert_false(remembers(f->slot, "off", 2, NOW_MS));
  attempt(f->slot, "off", VERDICT_NOT_SENT, 2);
  assert_false(remembers(f->slot, "on", 3, NOW_MS));
}

static void a_device_that_said_no_itself_may_have_done_a_part(void **state) {
  struct fixture *f = *state;
  const struct verdict no = {.class = VERDICT_REFUSED, .is_of_device = true};
  attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
  attempt_with(f->slot, "off", no, 1);
  assert_false(remembers(f->slot, "on", 2, NOW_MS));
  assert_false(remembers(f->slot, "off", 2, NOW_MS));
}

static void what_another_slot_did_to_the_device_voids_the_memory(void **state) {
  struct fixture *f = *state;
  attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
  assert_false(remembers(f->slot, "on", 2, NOW_MS));
  attempt(f->slot, "off", VERDICT_REFUSED, 2);
  assert_false(remembers(f->slot, "on", 3, NOW_MS));
}

static void what_is_forgotten_under_way_is_not_remembered(void **state) {
  struct fixture *f = *state;
  const struct verdict ends[] = {{.class = VERDICT_ACCEPTED},
                                 {.class = VERDICT_REFUSED}};
  for (size_t i = 0; i < 2; i++) {
    attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
    struct command *c = command_of("on");
    slot_begin_attempt(f->slot, 1);
    slot_forget(f->slot);
    slot_end_attempt(f->slot, c, &ends[i], 2, NOW_MS);
    command_free(c);
    assert_false(remembers(f->slot, "on", 2, NOW_MS));
  }
}

static void
what_is_forgotten_at_rest_does_not_matter_to_the_next_attempt(void **state) {
  struct fixture *f = *state;
  slot_forget(f->slot);
  attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
  assert_true(remembers(f->slot, "on", 1, NOW_MS));
}

static void the_memory_is_as_old_as_repeat_allows(void **state) {
  struct fixture *f = *state;
  attempt(f->slot, "on", VERDICT_ACCEPTED, 0);
  assert_true(remembers(f->slot, "on", 1, INT64_MAX / 2)); /* Timeout 0 */
  f->device.timeout_s = 60;
  assert_true(remembers(f->slot, "on", 1, NOW_MS + 59999));
  assert_false(remembers(f->slot, "on", 1, NOW_MS + 60000));
  f->policy.repeat_s = 10;
  assert_true(remembers(f->slot, "on", 1, NOW_MS + 9999));
  assert_false(remembers(f->slot, "on", 1, NOW_MS + 10000));
  f->policy.repeat_s = 0;
  assert_false(remembers(f->slot, "on", 1, NOW_MS));
}

struct nearness {
  double deadband;
  double accepted;
  double wanted;
  bool is_near;
};

static const struct nearness nearnesses[] = {
    {0.5, 20, 20.5, true},    {0.5, 20, 19.5, true}, {0.5, 20, 20.6, false},
    {0.5, 20, 19.4, false},   {0, 20, 20, false}, /* the bodies differ */
    {0.5, 20, NAN, false},    {0.5, NAN, 20, false}, {0.5, 20, INFINITY, false},
    {INFINITY, 20, 99, true},
};

static void a_value_within_the_deadband_counts_as_equal(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof nearnesses / sizeof nearnesses[0]; i++) {
    const struct nearness *n = &nearnesses[i];
    struct command *accepted = command_of("a"), *wanted = command_of("b");
    accepted->has_value = wanted->has_value = true;
    accepted->value = n->accepted;
    wanted->value = n->wanted;
    f->policy.deadband = n->deadband;
    slot_begin_attempt(f->slot, 0);
    slot_end_attempt(f->slot, accepted,
                     &(struct verdict){.class = VERDICT_ACCEPTED}, 1, NOW_MS);
    assert_int_equal(slot_remembers(f->slot, wanted, 1, NOW_MS), n->is_near);
    command_free(accepted);
    command_free(wanted);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_slot_is_named_after_its_rule_and_device),
      TEST(with_combine_none_it_is_named_after_the_series_too),
      TEST(the_longest_names_fit_a_key),
      TEST(a_new_slot_has_no_speaker),
      TEST(series_are_found_by_name),
      TEST(a_body_is_copied_once_while_it_is_the_same),
      TEST(one_of_many_series_is_found_as_one_of_few),
      TEST(the_worst_state_speaks),
      TEST(of_equal_states_the_newest_event_speaks),
      TEST(a_state_without_a_body_asks_for_nothing),
      TEST(a_silent_series_is_okay_with_its_okay_body),
      TEST(the_age_of_a_state_is_that_of_its_first_event),
      TEST(each_value_is_a_state_of_its_own),
      TEST(series_that_are_restored_are_each_in_their_state_once),
      TEST(events_are_judged_by_the_last_one_of_their_series),
      TEST(the_last_event_is_that_of_any_series_and_state),
      TEST(what_is_late_is_told_by_the_last_event_with_a_value),
      TEST(what_is_doubled_is_told_by_the_last_event_of_all),
      TEST(an_event_is_doubled_though_silence_came_between),
      TEST(a_time_in_the_future_counts_as_its_arrival),
      TEST(of_values_the_same_time_is_enough_to_be_doubled),
      TEST(what_was_accepted_is_remembered),
      TEST(nothing_is_remembered_while_an_attempt_is_under_way),
      TEST(after_attempts_that_did_nothing_the_memory_comes_back),
      TEST(after_a_doubtful_attempt_nothing_comes_back),
      TEST(a_device_that_said_no_itself_may_have_done_a_part),
      TEST(what_another_slot_did_to_the_device_voids_the_memory),
      TEST(what_is_forgotten_under_way_is_not_remembered),
      TEST(what_is_forgotten_at_rest_does_not_matter_to_the_next_attempt),
      TEST(the_memory_is_as_old_as_repeat_allows),
      TEST(a_value_within_the_deadband_counts_as_equal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
