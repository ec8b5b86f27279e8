/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

static void nothing_appended_reads_as_an_empty_text(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 10);
  assert_null(b.data);
  assert_string_equal(buf_text(&b), "");
  buf_free(&b);
}

static void appended_pieces_follow_each_other(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100);
  assert_int_equal(buf_append(&b, "a\0b", 3), 0);
  assert_int_equal(buf_append_text(&b, "text"), 0);
  assert_int_equal(buf_append_byte(&b, '!'), 0);
  assert_int_equal(buf_append_format(&b, "%d-%s", 7, "x"), 0);
  assert_int_equal(b.size, 11);
  assert_memory_equal(b.data, "a\0btext!7-x", 12);
  buf_free(&b);
}

static void a_buffer_can_be_filled_to_its_maximum_and_no_further(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 4);
  assert_int_equal(buf_append_text(&b, "1234"), 0);
  assert_int_equal(buf_append(&b, "", 0), 0);
  assert_int_equal(buf_append_byte(&b, '5'), -E2BIG);
  assert_string_equal(buf_text(&b), "1234");
  buf_free(&b);
}

static void
a_failed_append_leaves_what_was_there_and_is_remembered(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 4);
  buf_append_text(&b, "12");
  assert_int_equal(buf_append_format(&b, "%s", "345"), -E2BIG);
  assert_int_equal(buf_append_text(&b, "3"), -E2BIG);
  assert_int_equal(buf_append_percent(&b, "3"), -E2BIG);
  assert_int_equal(buf_append_json(&b, "3", 1), -E2BIG);
  assert_int_equal(b.error, -E2BIG);
  assert_string_equal(buf_text(&b), "12");
  buf_free(&b);
}

static void
clearing_forgets_content_and_error_but_keeps_the_room(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 4);
  buf_append_text(&b, "1234");
  buf_append_byte(&b, '5');
  size_t capacity = b.capacity;
  buf_clear(&b);
  assert_string_equal(buf_text(&b), "");
  assert_int_equal(b.capacity, capacity);
  assert_int_equal(buf_append_text(&b, "abcd"), 0);
  assert_string_equal(buf_text(&b), "abcd");
  buf_free(&b);
}

static void freeing_leaves_an_empty_buffer_with_the_same_maximum(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 3);
  buf_append_text(&b, "123");
  buf_free(&b);
  assert_null(b.data);
  assert_int_equal(b.size, 0);
  assert_int_equal(buf_append_text(&b, "1234"), -E2BIG);
  assert_int_equal(b.max, 3);
}

static void many_small_appends_grow_the_buffer(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100000);
  for (int i = 0; i < 100000; i++)
    assert_int_equal(buf_append_byte(&b, (char)('a' + i % 26)), 0);
  assert_int_equal(b.size, 100000);
  for (int i = 0; i < 100000; i++)
    assert_int_equal(b.data[i], 'a' + i % 26);
  assert_int_equal(b.data[b.size], '\0');
  buf_free(&b);
}

static void all_but_unreserved_bytes_are_percent_encoded(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 1000);
  buf_append_percent(&b, "AZaz09-._~");
  buf_append_percent(&b, " +/=&%#?\r\n\xC3\xA9\x7F");
  assert_string_equal(buf_text(&b), "AZaz09-._~"
                                    "%20%2B%2F%3D%26%25%23%3F%0D%0A%C3%A9%7F");
  buf_free(&b);
}

struct pair {
  const char *in;
  const char *out;
};

typedef int append_fn(struct buf *b, const void *data, size_t size);

static void assert_appends(append_fn *append, const struct pair *pair) {
  struct buf b;
  buf_init(&b, 1000);
  assert_int_equal(append(&b, pair->in, strlen(pair->in)), 0);
  assert_string_equal(buf_text(&b), pair->out);
  buf_free(&b);
}

static void json_strings_are_escaped(void **state) {
  (void)state;
  static const struct pair pairs[] = {
      {"plain /", "plain /"},
      {"\"\\", "\\\"\\\\"},
      {"\b\f\n\r\t", "\\b\\f\\n\\r\\t"},
      {"\x01\x1F\x7F", "\\u0001\\u001f\x7F"},
      {"\xE6\xB8\xA9", "\xE6\xB8\xA9"},
      {"half \xE6\xB8\"", "half \xEF\xBF\xBD\\\""},
  };
  for (size_t i = 0; i < COUNT(pairs); i++)
    assert_appends(buf_append_json, &pairs[i]);
}

static void a_nul_byte_in_a_json_string_is_escaped(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100);
  buf_append_json(&b, "a\0b", 3);
  assert_string_equal(buf_text(&b), "a\\u0000b");
  buf_free(&b);
}

#define R "\xEF\xBF\xBD"

static void each_broken_utf8_sequence_becomes_one_replacement(void **state) {
  (void)state;
  static const struct pair pairs[] = {
      {"\x7F\xC2\x80\xDF\xBF", "\x7F\xC2\x80\xDF\xBF"},
      {"\xE0\xA0\x80\xED\x9F\xBF\xEF\xBF\xBF",
       "\xE0\xA0\x80\xED\x9F\xBF\xEF\xBF\xBF"},
      {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
      {"\x80", R},                   /* a continuation alone */
      {"\xC0\x80", R R},             /* overlong NUL */
      {"\xC1\xBF", R R},             /* overlong */
      {"\xE0\x9F\xBF", R R R},       /* overlong */
      {"\xED\xA0\x80", R R R},       /* a surrogate */
      {"\xF0\x8F\xBF\xBF", R R R R}, /* overlong */
      {"\xF4\x90\x80\x80", R R R R}, /* beyond U+10FFFF */
      {"\xF5\x80\x80\x80", R R R R}, /* no such lead */
      {"\xFF", R},                   /* likewise */
      {"\xC3", R},                   /* cut */
      {"\xE6\xB8", R},               /* cut */
      {"\xF0\x9F\x98", R},           /* cut */
      {"\xF0\x9F\x98x", R "x"},      /* broken off */
      {"\xE6\xE6\xB8\xA9", R "\xE6\xB8\xA9"},
  };
  for (size_t i = 0; i < COUNT(pairs); i++)
    assert_appends(buf_append_utf8, &pairs[i]);
  for (size_t i = 0; i < COUNT(pairs); i++)
    assert_int_equal(buf_is_utf8(pairs[i].in, strlen(pairs[i].in)),
                     strcmp(pairs[i].in, pairs[i].out) == 0);
}

static void a_sequence_at_the_very_end_is_not_read_beyond(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100);
  buf_append_utf8(&b, "\xE6\xB8\xA9", 2);
  assert_string_equal(buf_text(&b), R);
  buf_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_appended_reads_as_an_empty_text),
      cmocka_unit_test(appended_pieces_follow_each_other),
      cmocka_unit_test(a_buffer_can_be_filled_to_its_maximum_and_no_further),
      cmocka_unit_test(a_failed_append_leaves_what_was_there_and_is_remembered),
      cmocka_unit_test(clearing_forgets_content_and_error_but_keeps_the_room),
      cmocka_unit_test(freeing_leaves_an_empty_buffer_with_the_same_maximum),
      cmocka_unit_test(many_small_appends_grow_the_buffer),
      cmocka_unit_test(all_but_unreserved_bytes_are_percent_encoded),
      cmocka_unit_test(json_strings_are_escaped),
      cmocka_unit_test(a_nul_byte_in_a_json_string_is_escaped),
      cmocka_unit_test(each_broken_utf8_sequence_becomes_one_replacement),
      cmocka_unit_test(a_sequence_at_the_very_end_is_not_read_beyond),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
