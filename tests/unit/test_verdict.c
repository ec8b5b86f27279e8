/* SPDX-License-Identifier: MIT */
#include "words/verdict.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

static void each_class_is_found_by_its_name(void **state) {
  (void)state;
  for (int i = 0; i < VERDICT_CLASSES; i++) {
    enum verdict_class class = VERDICT_CLASSES;
    const char *name = verdict_meaning((enum verdict_class)i)->name;
    assert_non_null(name);
    assert_int_equal(verdict_parse_class(name, &class), 0);
    assert_int_equal(class, i);
  }
}

static void a_name_that_is_none_leaves_the_class_as_it_was(void **state) {
  (void)state;
  enum verdict_class class = VERDICT_OFFLINE;
  assert_int_equal(verdict_parse_class("", &class), -EINVAL);
  assert_int_equal(verdict_parse_class("Accepted", &class), -EINVAL);
  assert_int_equal(class, VERDICT_OFFLINE);
}

static void
only_what_was_accepted_or_is_doubtful_may_be_executed(void **state) {
  (void)state;
  for (int i = 0; i < VERDICT_CLASSES; i++) {
    bool may_be = i == VERDICT_ACCEPTED || i == VERDICT_DOUBTFUL;
    assert_int_equal(verdict_meaning((enum verdict_class)i)->surely_unexecuted,
                     !may_be);
  }
}

static void what_a_device_had_is_not_surely_unexecuted(void **state) {
  (void)state;
  for (int i = 0; i < VERDICT_CLASSES; i++) {
    struct verdict v = {.class = (enum verdict_class)i};
    assert_int_equal(verdict_surely_unexecuted(&v),
                     verdict_meaning(v.class)->surely_unexecuted);
    v.is_of_device = true;
    assert_false(verdict_surely_unexecuted(&v));
  }
}

static void
what_was_not_executed_is_tried_again_and_a_doubt_only_on_demand(void **state) {
  (void)state;
  assert_int_equal(verdict_meaning(VERDICT_NOT_SENT)->retry, RETRY_ALWAYS);
  assert_int_equal(verdict_meaning(VERDICT_NOT_EXECUTED)->retry, RETRY_ALWAYS);
  assert_int_equal(verdict_meaning(VERDICT_CREDENTIALS)->retry, RETRY_ALWAYS);
  assert_int_equal(verdict_meaning(VERDICT_OFFLINE)->retry, RETRY_IF_OFFLINE);
  assert_int_equal(verdict_meaning(VERDICT_DOUBTFUL)->retry, RETRY_IF_UNKNOWN);
  assert_int_equal(verdict_meaning(VERDICT_ACCEPTED)->retry, RETRY_NEVER);
  assert_int_equal(verdict_meaning(VERDICT_REFUSED)->retry, RETRY_NEVER);
}

static void an_early_answer_leaves_the_circuit_as_it_is(void **state) {
  (void)state;
  for (int i = 0; i < VERDICT_CLASSES; i++) {
    struct verdict v = {.class = (enum verdict_class)i};
    assert_int_equal(verdict_circuit(&v), verdict_meaning(v.class)->circuit);
    v.is_early = true;
    assert_int_equal(verdict_circuit(&v), CIRCUIT_STAYS);
  }
}

static void what_could_not_be_tried_leaves_the_circuit_as_it_is(void **state) {
  (void)state;
  const struct verdict v = {.class = VERDICT_NOT_SENT, .cause = "local"};
  assert_int_equal(verdict_circuit(&v), CIRCUIT_STAYS);
}

static void a_silent_device_does_not_open_the_circuit(void **state) {
  (void)state;
  struct verdict v = {.class = VERDICT_DOUBTFUL, .is_of_device = true};
  assert_int_equal(verdict_circuit(&v), CIRCUIT_CLOSES);
  v.is_early = true;
  assert_int_equal(verdict_circuit(&v), CIRCUIT_STAYS);
}

static void a_doubt_that_is_of_the_device_is_its_trouble(void **state) {
  (void)state;
  struct verdict v = {.class = VERDICT_DOUBTFUL, .has_errno = true};
  assert_int_equal(verdict_trouble(&v), TROUBLE_NO_ANSWER);
  v.is_of_device = true;
  assert_int_equal(verdict_trouble(&v), TROUBLE_DEVICE);
}

static void what_counts_for_the_circuit_is_the_endpoints_trouble(void **state) {
  (void)state;
  for (int i = 0; i < 2 * VERDICT_CLASSES; i++) {
    const struct verdict v = {.class = (enum verdict_class)(i / 2),
                              .has_errno = true,
                              .is_of_device = i % 2 == 1};
    assert_int_equal(verdict_circuit(&v) == CIRCUIT_COUNTS,
                     verdict_trouble(&v) == TROUBLE_NO_ANSWER);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_class_is_found_by_its_name),
      cmocka_unit_test(a_name_that_is_none_leaves_the_class_as_it_was),
      cmocka_unit_test(only_what_was_accepted_or_is_doubtful_may_be_executed),
      cmocka_unit_test(what_a_device_had_is_not_surely_unexecuted),
      cmocka_unit_test(
          what_was_not_executed_is_tried_again_and_a_doubt_only_on_demand),
      cmocka_unit_test(an_early_answer_leaves_the_circuit_as_it_is),
      cmocka_unit_test(what_could_not_be_tried_leaves_the_circuit_as_it_is),
      cmocka_unit_test(a_silent_device_does_not_open_the_circuit),
      cmocka_unit_test(a_doubt_that_is_of_the_device_is_its_trouble),
      cmocka_unit_test(what_counts_for_the_circuit_is_the_endpoints_trouble),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
