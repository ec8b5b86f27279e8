/* SPDX-License-Identifier: MIT */
#include "words/command.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

static const char *const words[OUTCOME_COUNT] = {
    "accepted",   "refused",   "unknown", "expired",
    "superseded", "unchanged", "dropped", "cancelled"};

static void the_eight_outcomes_have_the_words_of_the_interface(void **state) {
  (void)state;
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    enum outcome parsed = OUTCOME_COUNT;
    assert_string_equal(outcome_name((enum outcome)i), words[i]);
    assert_int_equal(outcome_parse(words[i], &parsed), 0);
    assert_int_equal(parsed, i);
  }
}

static void another_word_is_no_outcome(void **state) {
  (void)state;
  enum outcome untouched = OUTCOME_DROPPED;
  assert_int_equal(outcome_parse("failed", &untouched), -EINVAL);
  assert_int_equal(outcome_parse("Accepted", &untouched), -EINVAL);
  assert_int_equal(outcome_parse("", &untouched), -EINVAL);
  assert_int_equal(untouched, OUTCOME_DROPPED);
}

static void
only_what_is_superseded_before_it_is_told_is_fleeting(void **state) {
  (void)state;
  struct command c = {.state = COMMAND_FINISHED, .outcome = OUTCOME_SUPERSEDED};
  assert_true(command_is_fleeting(&c));
  c.change.is_told = true;
  assert_false(command_is_fleeting(&c));
  c = (struct command){.state = COMMAND_WAITING, .outcome = OUTCOME_SUPERSEDED};
  assert_false(command_is_fleeting(&c));
  c = (struct command){.state = COMMAND_FINISHED, .outcome = OUTCOME_EXPIRED};
  assert_false(command_is_fleeting(&c));
}

static void a_body_keeps_bytes_of_any_value(void **state) {
  (void)state;
  struct body *b = body_new("a\0b", 3);
  assert_non_null(b);
  assert_int_equal(b->size, 3);
  assert_memory_equal(b->data, "a\0b", 3);
  assert_ptr_equal(body_ref(b), b);
  body_unref(b);
  assert_int_equal(b->references, 1);
  body_unref(b);
}

static void no_body_is_allowed_everywhere(void **state) {
  (void)state;
  assert_null(body_ref(NULL));
  body_unref(NULL);
  command_free(NULL);
  firing_free(NULL);
  assert_true(body_equals(NULL, NULL));
}

static void bodies_are_shared_if_their_bytes_are_equal(void **state) {
  (void)state;
  struct body *on = body_new("on", 2), *also_on = body_new("on", 2);
  struct body *off = body_new("off", 3), *none = NULL;
  body_share(&also_on, on);
  assert_ptr_equal(also_on, on);
  body_share(&also_on, on);
  assert_int_equal(on->references, 2);
  body_share(&off, on);
  assert_memory_equal(off->data, "off", 3);
  body_share(&off, NULL);
  body_share(&none, on);
  assert_null(none);
  body_share(&none, NULL);
  assert_null(none);
  assert_int_equal(on->references, 2);
  body_unref(on);
  body_unref(also_on);
  body_unref(off);
}

static void bodies_are_equal_if_their_bytes_are(void **state) {
  (void)state;
  struct body *on = body_new("on", 2), *also_on = body_new("on", 2);
  struct body *off = body_new("off", 3), *no = body_new("no", 2);
  assert_true(body_equals(on, also_on));
  assert_false(body_equals(on, off));
  assert_false(body_equals(on, no));
  assert_false(body_equals(on, NULL));
  assert_false(body_equals(NULL, on));
  body_unref(on);
  body_unref(also_on);
  body_unref(off);
  body_unref(no);
}

struct lifetimes {
  int rule_timeout_s, rule_expire_s, rule_repeat_s, device_timeout_s;
  int timeout_s, expire_s, repeat_s;
};

#define UNSET POLICY_DEFAULT

/* clang-format off */
static const struct lifetimes table[] = {
    /* the rule's             device  effective */
    {UNSET, UNSET, UNSET,          0,    0, 3600, UNSET},
    {UNSET, UNSET, UNSET,         60,   60,   60,    60},
    {   30, UNSET, UNSET,         60,   30,   30,    30},
    {    0, UNSET, UNSET,         60,    0, 3600, UNSET},
    {UNSET,    10, UNSET,         60,   60,   10,    60},
    {UNSET,    10,     5,          0,    0,   10,     5},
    {UNSET,     0, UNSET,          0,    0,    0, UNSET},
    {UNSET,     0,     0,         60,   60,   60,     0},
    {UNSET,   600, UNSET,         60,   60,   60,    60},
};
/* clang-format on */

static void
timeout_expire_and_repeat_follow_from_rule_and_device(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    const struct lifetimes *t = &table[i];
    const struct policy p = {.timeout_s = t->rule_timeout_s,
                             .expire_s = t->rule_expire_s,
                             .repeat_s = t->rule_repeat_s};
    const struct device d = {.timeout_s = t->device_timeout_s};
    assert_int_equal(policy_timeout_s(&p, &d), t->timeout_s);
    assert_int_equal(policy_expire_s(&p, &d), t->expire_s);
    assert_int_equal(policy_repeat_s(&p, &d), t->repeat_s);
  }
}

static void what_remains_of_the_validity_is_rounded_up(void **state) {
  (void)state;
  const struct command c = {.timeout_s = 60, .valid_from_ms = 5000};
  const struct {
    int64_t now_ms;
    int remaining_s;
  } moments[] = {{4000, 60}, {5000, 60}, {5999, 60}, {6000, 59}, {6001, 59},
                 {63999, 2}, {64000, 1}, {64999, 1}, {65000, 1}, {1000000, 1}};
  for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++)
    assert_int_equal(command_remaining_timeout_s(&c, moments[i].now_ms),
                     moments[i].remaining_s);
}

static void a_command_without_validity_sends_none(void **state) {
  (void)state;
  const struct command c = {.timeout_s = 0, .valid_from_ms = 5000};
  assert_int_equal(command_remaining_timeout_s(&c, 5000), 0);
  assert_int_equal(command_remaining_timeout_s(&c, 90000), 0);
}

static void a_new_firing_has_its_series_and_nothing_else(void **state) {
  (void)state;
  const struct firing_body nothing = {0};
  struct firing *f = firing_new("rack1/sensors/temperature", nothing, nothing);
  assert_non_null(f);
  assert_string_equal(f->series, "rack1/sensors/temperature");
  assert_null(f->body);
  assert_null(f->okay_body);
  assert_false(f->has_unsendable);
  firing_free(f);
}

static void a_firing_has_copies_of_its_bodies(void **state) {
  (void)state;
  char on[] = "on", off[] = "off";
  struct firing *f = firing_new("rack1", (struct firing_body){on, 2},
                                (struct firing_body){off, 3});
  on[0] = off[0] = 'x';
  assert_body(f->body, "on");
  assert_body(f->okay_body, "off");
  assert_string_equal(f->series, "rack1");
  firing_free(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_eight_outcomes_have_the_words_of_the_interface),
      cmocka_unit_test(another_word_is_no_outcome),
      cmocka_unit_test(only_what_is_superseded_before_it_is_told_is_fleeting),
      cmocka_unit_test(a_body_keeps_bytes_of_any_value),
      cmocka_unit_test(no_body_is_allowed_everywhere),
      cmocka_unit_test(bodies_are_equal_if_their_bytes_are),
      cmocka_unit_test(bodies_are_shared_if_their_bytes_are_equal),
      cmocka_unit_test(timeout_expire_and_repeat_follow_from_rule_and_device),
      cmocka_unit_test(what_remains_of_the_validity_is_rounded_up),
      cmocka_unit_test(a_command_without_validity_sends_none),
      cmocka_unit_test(a_new_firing_has_its_series_and_nothing_else),
      cmocka_unit_test(a_firing_has_copies_of_its_bodies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
