/* SPDX-License-Identifier: MIT */
#include "base/systime.h"

#include "basics.h"

static int64_t ms_of(struct timespec t) {
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whatever part of a second it is now, one of ten waits crosses its end. */
static void a_deadline_lies_as_far_ahead_as_the_wait(void **state) {
  (void)state;
  for (int64_t wait_ms = 0; wait_ms < 2000; wait_ms += 100) {
    int64_t before_ms = systime_ms(CLOCK_MONOTONIC);
    struct timespec deadline = systime_deadline(wait_ms);
    int64_t after_ms = systime_ms(CLOCK_MONOTONIC);
    assert_in_range(deadline.tv_nsec, 0, 999999999);
    assert_in_range(ms_of(deadline), before_ms + wait_ms, after_ms + wait_ms);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_deadline_lies_as_far_ahead_as_the_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
