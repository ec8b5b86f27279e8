/* SPDX-License-Identifier: MIT */
#include "words/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct command *new_command(void) {
  struct command *c = command_new();
  assert_non_null(c);
  return c;
}

static void each_change_is_named_once_in_the_order_of_the_first(void **state) {
  (void)state;
  struct journal j;
  struct command *c = new_command();
  struct account a = {.change = {.kind = CHANGE_ACCOUNT}};
  journal_init(&j);
  journal_note(&j, &c->change);
  journal_note(&j, &a.change);
  journal_note(&j, &c->change);
  assert_ptr_equal(journal_command(j.first), c);
  assert_ptr_equal(journal_account(j.first->next), &a);
  assert_null(j.first->next->next);
  journal_clear(&j);
  assert_null(j.first);
  command_free(c);
}

static void a_change_is_only_of_its_own_kind(void **state) {
  (void)state;
  struct account a = {.change = {.kind = CHANGE_ACCOUNT}};
  assert_null(journal_command(&a.change));
  assert_null(journal_slot(&a.change));
  assert_null(journal_series(&a.change));
  assert_null(journal_tracked(&a.change));
  assert_ptr_equal(journal_account(&a.change), &a);
}

/* A sanitizer sees what is freed twice, or never. */
static void what_is_over_is_freed_when_the_journal_is_cleared(void **state) {
  (void)state;
  struct policy policy = {.rule = "overheat"};
  struct device fan = {.name = "fan"};
  struct journal j;
  struct command *c = new_command();
  struct slot *s = slot_new(&policy, &fan, "overheat/fan");
  struct tracked *t = tracked_new("overheat/fan");
  assert_true(s != NULL && t != NULL);
  struct series *gone = slot_add_series(s, "gone");
  assert_true(gone != NULL && slot_add_series(s, "there") != NULL);
  journal_init(&j);
  journal_note(&j, &c->change);
  journal_note_last(&j, &c->change);
  journal_note_last(&j, &s->change);
  slot_take_out(gone);
  journal_note_last(&j, &gone->change);
  journal_note_last(&j, &t->change);
  journal_clear(&j);
  assert_null(j.first);
}

static void what_goes_on_can_be_noted_again_and_counts_as_told(void **state) {
  (void)state;
  struct journal j;
  struct command *c = new_command();
  journal_init(&j);
  c->has_ended_attempt = true;
  journal_note(&j, &c->change);
  assert_false(c->change.is_told);
  journal_clear(&j);
  assert_true(c->change.is_told);
  assert_false(c->has_ended_attempt);
  journal_note(&j, &c->change);
  assert_ptr_equal(journal_command(j.first), c);
  journal_clear(&j);
  command_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_change_is_named_once_in_the_order_of_the_first),
      cmocka_unit_test(a_change_is_only_of_its_own_kind),
      cmocka_unit_test(what_is_over_is_freed_when_the_journal_is_cleared),
      cmocka_unit_test(what_goes_on_can_be_noted_again_and_counts_as_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
