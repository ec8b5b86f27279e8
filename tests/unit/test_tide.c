/* SPDX-License-Identifier: MIT */
#include "agent/tide.h"

#include "basics.h"

#define NOW_MS 1000000

static struct tide tide;

static int set_up(void **state) {
  (void)state;
  tide = (struct tide){.next_ms = 0};
  return 0;
}

static void note(size_t in_inbox, size_t in_lanes) {
  tide_note(&tide, (const size_t[]){in_inbox, in_lanes});
}

static bool is_out(size_t in_inbox, size_t in_lanes, int64_t now_ms) {
  return tide_is_out(&tide, (const size_t[]){in_inbox, in_lanes}, now_ms);
}

static void memory_goes_back_when_three_of_four_have_gone(void **state) {
  (void)state;
  note(0, 100000);
  assert_false(is_out(0, 25001, NOW_MS));
  assert_true(is_out(0, 25000, NOW_MS));
}

static void it_goes_back_once_for_each_ebb(void **state) {
  (void)state;
  note(0, 100000);
  assert_true(is_out(0, 0, NOW_MS));
  note(0, 0);
  assert_false(is_out(0, 0, NOW_MS + TIDE_PAUSE_MS));
  note(0, TIDE_LEAST);
  assert_true(is_out(0, 0, NOW_MS + TIDE_PAUSE_MS));
}

static void little_that_goes_is_not_worth_it(void **state) {
  (void)state;
  note(0, TIDE_LEAST - 1);
  assert_false(is_out(0, 0, NOW_MS));
}

static void there_is_a_pause_in_between(void **state) {
  (void)state;
  note(0, 100000);
  assert_true(is_out(0, 20000, NOW_MS));
  assert_false(is_out(0, 0, NOW_MS + TIDE_PAUSE_MS - 1));
  assert_true(is_out(0, 0, NOW_MS + TIDE_PAUSE_MS));
}

/* A burst that is taken out of the inbox waits in the lanes: its firings have
 * gone all the same. */
static void each_place_has_its_own_tide(void **state) {
  (void)state;
  note(10000, 0);
  note(0, 10000);
  assert_true(is_out(0, 10000, NOW_MS));
  assert_false(is_out(0, 10000, NOW_MS + TIDE_PAUSE_MS));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
  const struct CMUnitTest tests[] = {
      TEST(memory_goes_back_when_three_of_four_have_gone),
      TEST(it_goes_back_once_for_each_ebb),
      TEST(little_that_goes_is_not_worth_it),
      TEST(there_is_a_pause_in_between),
      TEST(each_place_has_its_own_tide),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
