/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "base/json.h"
#include "basics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

/* How wide the terminal is that stdout is; 0: it is none. Linked with
 * --wrap=isatty,ioctl. */
static unsigned short terminal_columns;

int __wrap_isatty(int fd);
int __wrap_ioctl(int fd, unsigned long request, struct winsize *size);

int __wrap_isatty(int fd) {
  (void)fd;
  return terminal_columns > 0;
}

int __wrap_ioctl(int fd, unsigned long request, struct winsize *size) {
  (void)fd;
  (void)request;
  size->ws_col = terminal_columns;
  return 0;
}

static const char *const two[] = {"ID", "BODY"};
static const char *const three[] = {"BODY", "ID", "@CREATED"};
static const char *const names[] = {"id", "body"};

/* Ends the listing; it must look like that. */
static void looks(struct listing *l, const char *expected) {
  struct buf out;
  buf_init(&out, 1 << 20);
  assert_int_equal(listing_append(l, &out), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
}

static struct listing *begin(bool is_json) {
  struct listing *l = listing_begin(is_json, is_json ? names : two, 2);
  assert_non_null(l);
  return l;
}

static void columns_stand_in_line_and_numbers_on_the_right(void **state) {
  (void)state;
  struct listing *l = begin(false);
  listing_integer(l, 7);
  listing_text(l, "on");
  listing_integer(l, -123);
  listing_text(l, "off");
  looks(l, "  ID  BODY\n   7  on\n-123  off\n");
}

static void without_a_row_there_is_none(void **state) {
  (void)state;
  looks(begin(false), "(none)\n");
  looks(begin(true), "[]\n");
}

static void
an_empty_field_is_nothing_and_an_empty_column_is_left_out(void **state) {
  (void)state;
  struct listing *l = begin(false);
  listing_null(l);
  listing_text(l, "on");
  listing_integer(l, 1);
  listing_text(l, NULL);
  looks(l, "ID  BODY\n    on\n 1\n");
  l = begin(false);
  listing_integer(l, 1);
  listing_text(l, "");
  looks(l, "ID\n 1\n");
}

static void objects_have_the_names_of_the_columns(void **state) {
  (void)state;
  struct listing *l = begin(true);
  listing_integer(l, INT64_MIN);
  listing_text(l, "say \"on\"\n");
  listing_null(l);
  listing_text(l, NULL);
  looks(l, "[\n{\"id\": -9223372036854775808, \"body\": "
           "\"say \\\"on\\\"\\n\"},\n"
           "{\"id\": null, \"body\": null}\n]\n");
}

static void numbers_come_back_exactly_from_json(void **state) {
  (void)state;
  struct listing *l = begin(true);
  listing_real(l, 1764073200.125);
  listing_real(l, 0.1);
  listing_real(l, 1764073200.332);
  listing_real(l, 1.0 / 3);
  listing_real(l, NAN);
  listing_real(l, INFINITY);
  looks(l, "[\n{\"id\": 1764073200.125, \"body\": 0.1},\n"
           "{\"id\": 1764073200.332, \"body\": 0.3333333333333333},\n"
           "{\"id\": null, \"body\": null}\n]\n");
}

static void people_read_local_times(void **state) {
  (void)state;
  setenv("TZ", "EST5", 1);
  tzset();
  char text[LISTING_TIME_BYTES];
  listing_format_time(1764073200.9, text);
  assert_string_equal(text, "2025-11-25 07:20:00");
}

/* A ledger that was changed by hand may hold any number. */
static void what_is_no_time_is_shown_as_a_number(void **state) {
  (void)state;
  char text[LISTING_TIME_BYTES];
  listing_format_time(1e12, text);
  assert_string_equal(text, "1000000000000");
  listing_format_time(-1e300, text);
  assert_memory_equal(text, "-1", 2);
  listing_format_time(NAN, text);
  assert_string_equal(text, "nan");
}

static void bytes_that_are_no_text_are_hex(void **state) {
  (void)state;
  struct listing *l = begin(true);
  listing_bytes(l, BYTES("\x00\xff"));
  listing_bytes(l, BYTES("caf\xc3\xa9"));
  listing_bytes(l, BYTES("a\0b"));
  listing_bytes(l, NULL, 0);
  looks(l, "[\n{\"id\": {\"hex\": \"00FF\"}, \"body\": \"caf\xc3\xa9\"},\n"
           "{\"id\": {\"hex\": \"610062\"}, \"body\": \"\"}\n]\n");
  l = begin(false);
  listing_bytes(l, BYTES("\xff"));
  listing_bytes(l, BYTES("\xff"
                         "1234567890123456"));
  looks(l, "ID     BODY\n"
           "x'FF'  x'FF313233343536373839303132333435..\n");
}

static void
nothing_from_outside_breaks_a_line_or_moves_the_cursor(void **state) {
  (void)state;
  struct listing *l = begin(false);
  listing_text(l, "a\x1b[2Jb\nc");
  listing_text(l, "\xff\xe2\x80\xae.");
  looks(l, "ID        BODY\na [2Jb c  \xef\xbf\xbd .\n");
}

static void wide_characters_take_two_columns(void **state) {
  (void)state;
  struct listing *l = begin(false);
  listing_text(l, "\u8bbe\u5907");
  listing_text(l, "x");
  listing_text(l, "e\u0301");
  listing_text(l, "y");
  looks(l, "ID    BODY\n\u8bbe\u5907  x\ne\u0301     y\n");
}

/* Ends the listing; writes how wide its widest line is. */
static size_t widest(struct listing *l, struct buf *out) {
  size_t width = 0;
  buf_init(out, 1 << 20);
  assert_int_equal(listing_append(l, out), 0);
  for (const char *at = buf_text(out); *at != '\0'; at += strcspn(at, "\n") + 1)
    if (strcspn(at, "\n") > width)
      width = strcspn(at, "\n");
  return width;
}

static struct listing *two_long_texts(void) {
  struct listing *l = begin(false);
  char *text = repeat("<", "0123456789", 30, ">");
  listing_text(l, text);
  listing_text(l, text);
  free(text);
  return l;
}

static void long_texts_are_cut_where_there_is_no_room(void **state) {
  (void)state;
  struct buf out;
  assert_int_equal(widest(two_long_texts(), &out), LISTING_COLUMNS);
  assert_non_null(strstr(buf_text(&out), "..  <01234"));
  assert_null(strchr(buf_text(&out), '>'));
  buf_free(&out);
}

static void a_wider_terminal_has_more_room(void **state) {
  (void)state;
  struct buf out;
  terminal_columns = 200;
  assert_int_equal(widest(two_long_texts(), &out), 200);
  buf_free(&out);
  terminal_columns = 50;
  assert_int_equal(widest(two_long_texts(), &out), 50);
  buf_free(&out);
  terminal_columns = 0;
}

/* What is short and matters is whole while others have room to give. */
static void some_columns_are_cut_last(void **state) {
  (void)state;
  struct buf out;
  terminal_columns = 40;
  struct listing *l = listing_begin(false, three, 3);
  listing_text(l, "0123456789012345678");
  listing_integer(l, 1);
  listing_text(l, "2026-03-01 07:05:09");
  assert_int_equal(widest(l, &out), 40);
  assert_string_equal(buf_text(&out),
                      "BODY             ID  CREATED\n"
                      "0123456789012..   1  2026-03-01 07:05:09\n");
  buf_free(&out);
  l = listing_begin(false, three, 3);
  listing_text(l, "0123456789012345678");
  listing_integer(l, INT64_MIN);
  listing_text(l, "2026-03-01 07:05:09");
  assert_int_equal(widest(l, &out), 40);
  assert_non_null(strstr(buf_text(&out), "012345..  -9223372036854775808  "
                                         "2026-0.."));
  buf_free(&out);
  terminal_columns = 0;
}

static void numbers_are_never_cut(void **state) {
  (void)state;
  struct buf out;
  terminal_columns = 40;
  struct listing *l = listing_begin(false, three, 3);
  char *text = repeat("", "x", 100, "");
  listing_text(l, text);
  listing_integer(l, INT64_MIN);
  listing_null(l);
  free(text);
  widest(l, &out);
  assert_non_null(strstr(buf_text(&out), "xx..  -9223372036854775808\n"));
  buf_free(&out);
  terminal_columns = 0;
}

static void any_bytes_make_valid_json(void **state) {
  (void)state;
  struct listing *l = begin(true);
  char bytes[256], why[128];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)i;
  for (size_t i = 0; i + 3 < sizeof bytes; i++)
    listing_bytes(l, bytes + i, i % 4);
  listing_null(l); /* the end of the last row */
  struct buf out;
  buf_init(&out, 1 << 20);
  assert_int_equal(listing_append(l, &out), 0);
  assert_int_equal(
      json_read(out.data, out.size, 4, NULL, NULL, why, sizeof why), 0);
  buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_stand_in_line_and_numbers_on_the_right),
      cmocka_unit_test(without_a_row_there_is_none),
      cmocka_unit_test(
          an_empty_field_is_nothing_and_an_empty_column_is_left_out),
      cmocka_unit_test(objects_have_the_names_of_the_columns),
      cmocka_unit_test(numbers_come_back_exactly_from_json),
      cmocka_unit_test(people_read_local_times),
      cmocka_unit_test(what_is_no_time_is_shown_as_a_number),
      cmocka_unit_test(bytes_that_are_no_text_are_hex),
      cmocka_unit_test(nothing_from_outside_breaks_a_line_or_moves_the_cursor),
      cmocka_unit_test(wide_characters_take_two_columns),
      cmocka_unit_test(long_texts_are_cut_where_there_is_no_room),
      cmocka_unit_test(a_wider_terminal_has_more_room),
      cmocka_unit_test(some_columns_are_cut_last),
      cmocka_unit_test(numbers_are_never_cut),
      cmocka_unit_test(any_bytes_make_valid_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
