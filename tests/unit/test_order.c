/* SPDX-License-Identifier: MIT */
#include "words/order.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

static const struct moment later = {.ms = 5000, .wall_ms = 1700000005000};

static void each_verb_has_a_name_by_which_it_is_found(void **state) {
  static const char *const names[] = {"send", "retry", "cancel", "silence"};
  (void)state;
  for (size_t i = 0; i < COUNT(names); i++) {
    enum order_verb found = ORDER_SEND;
    assert_int_equal(order_verb_parse(names[i], &found), 0);
    assert_int_equal(found, i);
    assert_string_equal(order_verb_name(found), names[i]);
  }
  enum order_verb untouched = ORDER_CANCEL;
  assert_int_equal(order_verb_parse("Send", &untouched), -EINVAL);
  assert_int_equal(order_verb_parse("", &untouched), -EINVAL);
  assert_int_equal(untouched, ORDER_CANCEL);
}

static void each_state_has_a_name_by_which_it_is_found(void **state) {
  static const char *const names[] = {"given", "obeyed", "refused"};
  (void)state;
  for (size_t i = 0; i < COUNT(names); i++) {
    enum order_state found = ORDER_GIVEN;
    assert_int_equal(order_state_parse(names[i], &found), 0);
    assert_int_equal(found, i);
    assert_string_equal(order_state_name(found), names[i]);
  }
  assert_int_equal(order_state_parse("done", &(enum order_state){0}), -EINVAL);
}

static void a_new_order_is_given_and_expires_as_usual(void **state) {
  (void)state;
  struct order *o = order_new();
  assert_non_null(o);
  assert_int_equal(o->change.kind, CHANGE_ORDER);
  assert_int_equal(o->state, ORDER_GIVEN);
  assert_int_equal(o->expire_s, ORDER_EXPIRE_DEFAULT);
  assert_int_equal(o->was, OUTCOME_COUNT);
  order_free(o);
}

static void an_order_is_obeyed_or_refused_at_a_time(void **state) {
  (void)state;
  struct order *o = order_new();
  order_obey(o, later);
  assert_int_equal(o->state, ORDER_OBEYED);
  assert_int_equal(o->ended.ms, later.ms);
  assert_string_equal(o->why, "");
  order_refuse(o, later, "no device \"%s\"", "lamp");
  assert_int_equal(o->state, ORDER_REFUSED);
  assert_int_equal(o->ended.wall_ms, later.wall_ms);
  assert_string_equal(o->why, "no device \"lamp\"");
  order_free(o);
}

static void a_reason_that_is_too_long_is_cut(void **state) {
  char reason[2 * ORDER_WHY_BYTES];
  (void)state;
  struct order *o = order_new();
  memset(reason, 'x', sizeof reason);
  reason[sizeof reason - 1] = '\0';
  order_refuse(o, later, "%s", reason);
  assert_int_equal(strlen(o->why), ORDER_WHY_BYTES - 1);
  order_free(o);
}

/* Whoever may write the ledger may write anything for a name. */
static void a_reason_is_one_line_of_whole_characters(void **state) {
  char reason[2 * ORDER_WHY_BYTES] = "";
  (void)state;
  struct order *o = order_new();
  order_refuse(o, later, "no \"%s\"", "a\n\x1b[2Jb");
  assert_string_equal(o->why, "no \"a  [2Jb\"");
  for (size_t i = 0; i < 60; i++)
    strcat(reason, "\xe9\xa3\x8e");
  order_refuse(o, later, "%s", reason);
  assert_int_equal(strlen(o->why), (ORDER_WHY_BYTES - 1) / 3 * 3);
  order_refuse(o, later, ".%s", reason);
  assert_int_equal(strlen(o->why), 1 + (ORDER_WHY_BYTES - 2) / 3 * 3);
  order_free(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_verb_has_a_name_by_which_it_is_found),
      cmocka_unit_test(each_state_has_a_name_by_which_it_is_found),
      cmocka_unit_test(a_new_order_is_given_and_expires_as_usual),
      cmocka_unit_test(an_order_is_obeyed_or_refused_at_a_time),
      cmocka_unit_test(a_reason_that_is_too_long_is_cut),
      cmocka_unit_test(a_reason_is_one_line_of_whole_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
