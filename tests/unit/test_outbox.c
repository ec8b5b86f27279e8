/* SPDX-License-Identifier: MIT */

#include "agent/outbox.h"

#include "basics.h"

#include <stdlib.h>
#include <string.h>

static void put(struct outbox *f, int attempts, bool *ret_gave_way) {
  const struct news one = {.attempts = attempts, .reply = strdup("done")};
  *ret_gave_way = outbox_put(f, &one);
}

static void what_is_put_first_is_taken_first(void **state) {
  (void)state;
  struct outbox *f = outbox_new();
  struct news one;
  bool gave_way;
  assert_false(outbox_take(f, &one));
  put(f, 1, &gave_way);
  put(f, 2, &gave_way);
  assert_true(outbox_take(f, &one));
  assert_int_equal(one.attempts, 1);
  assert_string_equal(one.reply, "done");
  free(one.reply);
  assert_true(outbox_take(f, &one));
  assert_int_equal(one.attempts, 2);
  free(one.reply);
  assert_false(outbox_take(f, &one));
  outbox_free(f);
}

static void what_is_left_at_the_end_is_freed(void **state) {
  (void)state;
  struct outbox *f = outbox_new();
  bool gave_way;
  put(f, 1, &gave_way); /* a leak is found by the sanitizers */
  outbox_free(f);
}

static void when_it_is_full_the_oldest_gives_way(void **state) {
  (void)state;
  struct outbox *f = outbox_new();
  struct news one;
  bool gave_way;
  for (int i = 0; i < OUTBOX_MAX; i++) {
    put(f, i, &gave_way);
    assert_false(gave_way);
  }
  put(f, OUTBOX_MAX, &gave_way);
  assert_true(gave_way);
  for (int i = 1; i <= OUTBOX_MAX; i++) {
    assert_true(outbox_take(f, &one));
    assert_int_equal(one.attempts, i);
    free(one.reply);
  }
  assert_false(outbox_take(f, &one));
  outbox_free(f);
}

static void all_that_failed_earlier_is_handed_over(void **state) {
  (void)state;
  static const struct device devices[3 * OUTBOX_MAX];
  static bool is_taken[3 * OUTBOX_MAX];
  struct outbox *f = outbox_new();
  struct earlier earlier;
  assert_false(outbox_take_earlier(f, &earlier));
  for (size_t i = 0; i < 3 * OUTBOX_MAX; i++)
    assert_int_equal(
        outbox_put_earlier(f, &(struct earlier){.device = &devices[i]}), 0);
  for (size_t i = 0; i < 3 * OUTBOX_MAX - 1; i++) {
    assert_true(outbox_take_earlier(f, &earlier));
    assert_false(is_taken[earlier.device - devices]);
    is_taken[earlier.device - devices] = true;
  }
  outbox_free(f); /* with the one that is left */
}

static void what_is_lost_adds_up_until_it_is_taken(void **state) {
  (void)state;
  struct outbox *f = outbox_new();
  struct ledger_loss loss;
  assert_false(outbox_take_loss(f, &loss));
  outbox_put_loss(f, &(struct ledger_loss){.commands = 3});
  outbox_put_loss(f, &(struct ledger_loss){.commands = 4, .uncounted = 1});
  assert_true(outbox_take_loss(f, &loss));
  assert_int_equal(loss.commands, 7);
  assert_int_equal(loss.uncounted, 1);
  assert_false(outbox_take_loss(f, &loss));
  outbox_put_loss(f, &(struct ledger_loss){.uncounted = 1});
  assert_true(outbox_take_loss(f, &loss));
  outbox_free(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_put_first_is_taken_first),
      cmocka_unit_test(when_it_is_full_the_oldest_gives_way),
      cmocka_unit_test(what_is_left_at_the_end_is_freed),
      cmocka_unit_test(all_that_failed_earlier_is_handed_over),
      cmocka_unit_test(what_is_lost_adds_up_until_it_is_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
