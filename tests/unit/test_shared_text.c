/* SPDX-License-Identifier: MIT */
#include "base/shared_text.h"

#include "basics.h"

#include <string.h>

static void a_shared_text_is_a_copy(void **state) {
  (void)state;
  char original[] = "rack1/sensors";
  const char *shared = shared_text_new(original);
  original[0] = 'x';
  assert_string_equal(shared, "rack1/sensors");
  shared_text_unref(shared);
}

static void a_text_lives_until_the_last_lets_go(void **state) {
  (void)state;
  const char *first = shared_text_new("a");
  const char *second = shared_text_ref(first);
  assert_ptr_equal(first, second);
  shared_text_unref(first);
  assert_string_equal(second, "a");
  shared_text_unref(second);
}

static void two_of_the_same_text_become_one(void **state) {
  (void)state;
  const char *kept = shared_text_new("a"), *merged = shared_text_new("a");
  shared_text_merge(&merged, kept);
  assert_ptr_equal(merged, kept);
  shared_text_unref(kept);
  assert_string_equal(merged, "a");
  shared_text_unref(merged);
}

static void different_texts_stay_two(void **state) {
  (void)state;
  const char *a = shared_text_new("a"), *b = shared_text_new("b");
  shared_text_merge(&b, a);
  assert_string_equal(b, "b");
  shared_text_unref(a);
  shared_text_unref(b);
}

static void no_text_can_be_held(void **state) {
  (void)state;
  assert_null(shared_text_ref(NULL));
  shared_text_unref(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_shared_text_is_a_copy),
      cmocka_unit_test(a_text_lives_until_the_last_lets_go),
      cmocka_unit_test(two_of_the_same_text_become_one),
      cmocka_unit_test(different_texts_stay_two),
      cmocka_unit_test(no_text_can_be_held),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
