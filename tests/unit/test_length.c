/* SPDX-License-Identifier: MIT */
#include "length.h"

#include "basics.h"

#include <errno.h>

#define YEAR_S (INT64_C(365) * 86400)

static void a_length_is_a_number_and_a_unit(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t seconds;
  } cases[] = {{"0s", 0},    {"90s", 90},       {"15m", 900},
               {"2h", 7200}, {"1d", 86400},     {"365d", YEAR_S},
               {"007s", 7},  {"8760h", YEAR_S}, {"31536000s", YEAR_S}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t seconds = -1;
    assert_int_equal(length_parse(cases[i].text, YEAR_S, &seconds), 0);
    assert_int_equal(seconds, cases[i].seconds);
  }
}

static void anything_else_is_none(void **state) {
  (void)state;
  static const char *const cases[] = {"",
                                      "2",
                                      "h",
                                      "2 h",
                                      "2h ",
                                      " 2h",
                                      "-2h",
                                      "+2h",
                                      "1.5h",
                                      "2hh",
                                      "2h30m",
                                      "2H",
                                      "2w",
                                      "0x2s",
                                      "366d",
                                      "31536001s",
                                      "8761h",
                                      "99999999999999999999s",
                                      "9223372036854775807d",
                                      "213503982334602d"};
  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t seconds = -1;
    assert_int_equal(length_parse(cases[i], YEAR_S, &seconds), -EINVAL);
    assert_int_equal(seconds, -1);
  }
}

static void people_read_two_units_at_most(void **state) {
  (void)state;
  static const struct {
    int64_t seconds;
    const char *text;
  } cases[] = {
      {-5, "0s"},    {0, "0s"},         {45, "45s"},
      {60, "1m"},    {61, "1m 1s"},     {3599, "59m 59s"},
      {3600, "1h"},  {7500, "2h 5m"},   {7259, "2h"},
      {86400, "1d"}, {273600, "3d 4h"}, {INT64_MAX, "106751991167300d 15h"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[LENGTH_BYTES];
    length_format(cases[i].seconds, text);
    assert_string_equal(text, cases[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_length_is_a_number_and_a_unit),
      cmocka_unit_test(anything_else_is_none),
      cmocka_unit_test(people_read_two_units_at_most),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
