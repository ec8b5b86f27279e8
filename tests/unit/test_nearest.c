/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include "basics.h"

#include <string.h>

static const char *nearest_of_two(const char *word, const char *a,
                                  const char *b) {
  struct nearest n = {.word = word};
  nearest_try(&n, a);
  nearest_try(&n, b);
  return n.best;
}

static void the_nearer_of_two_words_is_found(void **state) {
  (void)state;
  assert_string_equal(nearest_of_two("OnFailur", "OnFailureFile", "OnFailure"),
                      "OnFailure");
  assert_string_equal(nearest_of_two("Timeout", "Timeouts", "timeout"),
                      "timeout");
}

static void of_words_equally_near_the_first_is_found(void **state) {
  (void)state;
  assert_string_equal(nearest_of_two("TokenM", "TokenA", "TokenB"), "TokenA");
}

static void two_edits_of_any_kind_are_near(void **state) {
  (void)state;
  static const char *const words[] = {"endpoint", "Endpnt",   "Endppoiint",
                                      "Enxpoimt", "Endpiont", "nEdpiont",
                                      "Endpoints"};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    assert_string_equal(nearest_of_two(words[i], "Endpoint", ""), "Endpoint");
}

static void three_edits_are_too_many(void **state) {
  (void)state;
  assert_null(nearest_of_two("Endpointxyz", "Endpoint", "Device"));
}

static void half_of_a_word_is_too_much(void **state) {
  (void)state;
  assert_null(nearest_of_two("Foo", "QoS", ""));
  assert_null(nearest_of_two("Rate", "Rule", ""));
  assert_null(nearest_of_two("", "a", ""));
  assert_string_equal(nearest_of_two("hots", "host", ""), "host");
}

static void a_word_that_is_cut_short_is_near(void **state) {
  (void)state;
  assert_string_equal(nearest_of_two("onok", "OnUnknown", "OnOkay"), "OnOkay");
  assert_string_equal(nearest_of_two("OnFail", "OnFailure", "OnFailureFile"),
                      "OnFailure");
  assert_string_equal(nearest_of_two("rack", "rack1.example", "pack"), "pack");
  assert_null(nearest_of_two("URI", "URIX.example", "x"));
}

static void words_of_any_length_may_be_asked_for(void **state) {
  (void)state;
  char of_64[65];
  char of_65[66];
  memset(of_64, 'x', sizeof(of_64));
  memset(of_65, 'x', sizeof(of_65));
  of_64[64] = of_65[65] = '\0';
  assert_ptr_equal(nearest_of_two(of_64, of_65, of_64), of_64);
  assert_null(nearest_of_two(of_65, of_64, of_65));
}

static void the_hint_names_the_word_or_is_empty(void **state) {
  (void)state;
  char hint[NEAREST_HINT_BYTES];
  nearest_write_hint(&(struct nearest){.word = "x"}, hint);
  assert_string_equal(hint, "");
  nearest_write_hint(&(struct nearest){.word = "x", .best = "URL"}, hint);
  assert_string_equal(hint, ", did you mean URL?");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_nearer_of_two_words_is_found),
      cmocka_unit_test(of_words_equally_near_the_first_is_found),
      cmocka_unit_test(two_edits_of_any_kind_are_near),
      cmocka_unit_test(three_edits_are_too_many),
      cmocka_unit_test(half_of_a_word_is_too_much),
      cmocka_unit_test(a_word_that_is_cut_short_is_near),
      cmocka_unit_test(words_of_any_length_may_be_asked_for),
      cmocka_unit_test(the_hint_names_the_word_or_is_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
