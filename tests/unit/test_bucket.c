/* SPDX-License-Identifier: MIT */
#include "delivery/bucket.h"

#include "basics.h"

#define TAKES 5000

static struct bucket bucket_of(uint32_t count, uint32_t seconds) {
  struct bucket b;
  assert_int_equal(
      bucket_init(&b, (struct rate_limit){.count = count, .seconds = seconds}),
      0);
  return b;
}

static void a_limit_of_zero_is_none(void **state) {
  (void)state;
  struct bucket b = bucket_of(0, 0);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(bucket_wait_ms(&b, 0), 0);
    bucket_take(&b, 0);
  }
  bucket_free(&b);
}

static void a_full_bucket_gives_all_its_tokens_at_once(void **state) {
  (void)state;
  struct bucket b = bucket_of(3, 10);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(bucket_wait_ms(&b, 0), 0);
    bucket_take(&b, 0);
  }
  assert_int_equal(bucket_wait_ms(&b, 0), 10000);
  bucket_free(&b);
}

static void
each_token_comes_back_when_the_period_after_it_is_over(void **state) {
  (void)state;
  struct bucket b = bucket_of(2, 10);
  bucket_take(&b, 1000);
  bucket_take(&b, 4000);
  assert_int_equal(bucket_wait_ms(&b, 4000), 7000);
  assert_int_equal(bucket_wait_ms(&b, 10999), 1);
  assert_int_equal(bucket_wait_ms(&b, 11000), 0);
  bucket_take(&b, 11000);
  assert_int_equal(bucket_wait_ms(&b, 11000), 3000);
  bucket_free(&b);
}

static void never_more_than_the_count_within_the_period(void **state) {
  (void)state;
  static int64_t taken_ms[TAKES];
  struct bucket b = bucket_of(7, 3);
  unsigned int random = 1;
  int64_t now_ms = 0;
  for (size_t i = 0; i < TAKES; i++) {
    random = random * 1103515245 + 12345;
    now_ms += (random >> 16) % 500;
    now_ms += bucket_wait_ms(&b, now_ms);
    bucket_take(&b, now_ms);
    taken_ms[i] = now_ms;
    if (i >= 7)
      assert_true(now_ms - taken_ms[i - 7] >= 3000);
  }
  bucket_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_limit_of_zero_is_none),
      cmocka_unit_test(a_full_bucket_gives_all_its_tokens_at_once),
      cmocka_unit_test(each_token_comes_back_when_the_period_after_it_is_over),
      cmocka_unit_test(never_more_than_the_count_within_the_period),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
