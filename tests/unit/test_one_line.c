/* SPDX-License-Identifier: MIT */
#include "base/one_line.h"

#include "basics.h"

#include <string.h>

static void a_text_that_fits_is_kept_whole(void **state) {
  (void)state;
  assert_int_equal(one_line_cut("abc", 3, 3), 3);
  assert_int_equal(one_line_cut("abc", 3, 100), 3);
  assert_int_equal(one_line_cut("", 0, 0), 0);
}

static void no_character_is_cut(void **state) {
  (void)state;
  static const char text[] = "a\u00e9\u8bbe\U0001f600z"; /* 1, 2, 3, 4, 1 */
  static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
  for (size_t max = 0; max < COUNT(kept); max++)
    assert_int_equal(one_line_cut(text, strlen(text), max), kept[max]);
}

static void what_is_no_utf8_is_cut_all_the_same(void **state) {
  (void)state;
  assert_int_equal(one_line_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 2);
  assert_int_equal(one_line_cut("\x80\x80\x80", 3, 1), 0);
}

static void blanked(const char *text, size_t size, const char *expected) {
  char line[64];
  memcpy(line, text, size);
  line[size] = '\0';
  one_line_blank(line, size);
  assert_string_equal(line, expected);
}

static void what_could_make_another_line_becomes_a_blank(void **state) {
  (void)state;
  blanked("a\nb\r\0\x1b[1m\x7f", 10, "a b  \x20[1m ");
  blanked("a\xc2\x85z\xc2\x80\xc2\x9f", 8, "a z  ");
  blanked("\u2028\u2029", 6, "  ");
  blanked("\u202a\u202b\u202c\u202d\u202e", 15, "     ");
  blanked("\u2066\u2067\u2068\u2069", 12, "    ");
}

static void their_neighbours_stay(void **state) {
  (void)state;
  const char neighbours[] = "\u00a0\u2027\u202f\u2065\u206a\u8bbe \x7e";
  blanked(neighbours, strlen(neighbours), neighbours);
}

static void a_character_that_is_cut_short_stays(void **state) {
  (void)state;
  blanked("a\xc2", 2, "a\xc2");
  blanked("a\xe2\x80", 3, "a\xe2\x80");
  blanked("a\xe2", 2, "a\xe2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_text_that_fits_is_kept_whole),
      cmocka_unit_test(no_character_is_cut),
      cmocka_unit_test(what_is_no_utf8_is_cut_all_the_same),
      cmocka_unit_test(what_could_make_another_line_becomes_a_blank),
      cmocka_unit_test(their_neighbours_stay),
      cmocka_unit_test(a_character_that_is_cut_short_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
