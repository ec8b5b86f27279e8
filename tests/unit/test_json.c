/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "basics.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

static void assert_not_json(const char *text, size_t size, const char *why) {
  char said[128] = "";
  assert_int_equal(json_read(text, size, 64, NULL, NULL, said, sizeof(said)),
                   -EINVAL);
  assert_string_equal(said, why);
}

static void any_one_value_is_json(void **state) {
  (void)state;
  const char *texts[] = {"{\"fan\":\"on\",\"t\":0}",
                         "[]",
                         " 17 ",
                         "-0",
                         "\"on\"",
                         "true",
                         "null",
                         "{}\n"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    char why[128] = "untouched";
    assert_int_equal(
        json_read(texts[i], strlen(texts[i]), 64, NULL, NULL, why, sizeof(why)),
        0);
    assert_string_equal(why, "untouched");
  }
}

static void what_is_not_json_is_refused_with_its_place(void **state) {
  (void)state;
  assert_not_json(BYTES(""), "not JSON at byte 0: unfinished");
  assert_not_json(BYTES("{\"a\":"), "not JSON at byte 5: unfinished");
  assert_not_json(BYTES("nul"), "not JSON at byte 3: unfinished");
  assert_not_json(BYTES("{}\"x"), "not JSON at byte 4: unfinished");
  assert_not_json(BYTES("{} {}"),
                  "not JSON at byte 4: parse error: trailing garbage");
  assert_not_json(BYTES("[1,]"), "not JSON at byte 4: parse error: unallowed "
                                 "token at this point in JSON text");
  assert_not_json(BYTES("[\"\xed\xa0\x80\"]"),
                  "not JSON at byte 2: invalid UTF-8");
  assert_not_json(BYTES("\"\xef\xbf"), "not JSON at byte 3: invalid UTF-8");
  assert_not_json(BYTES("[\v]"), "not JSON at byte 1: a control character");
  assert_not_json(BYTES("on"), "not JSON at byte 1: lexical error: invalid "
                               "char in json text.");
}

static void depth_is_bounded_where_json_is_checked(void **state) {
  (void)state;
  char why[128];
  char *deep = repeat("", "[", 64, "");
  char *text = repeat(deep, "]", 64, "");
  assert_int_equal(
      json_read(text, strlen(text), 64, NULL, NULL, why, sizeof(why)), 0);
  free(text);
  free(deep);
  deep = repeat("", "[", 1000000, "");
  assert_not_json(deep, strlen(deep), "not JSON at byte 65: nested too deeply");
  free(deep);
}

static void a_message_is_cut_to_the_room_there_is(void **state) {
  (void)state;
  char why[8];
  assert_int_equal(json_read("", 0, 64, NULL, NULL, why, sizeof(why)), -EINVAL);
  assert_string_equal(why, "not JSO");
}

/* ---- members ---- */

/* Writes a line for each member: its parent's key, a dot, its key, its type as
 * a letter, and its text. */
static void write_member(void *context, const struct json_member *m) {
  struct buf *seen = context;
  if (m->is_nested)
    buf_append_format(seen, "%.*s.", (int)m->parent.size, m->parent.text);
  buf_append_format(seen, "%.*s %c %.*s\n", (int)m->key.size, m->key.text,
                    "0bns{["[m->type], (int)m -> size,
                    m -> text != NULL ? m -> text : "");
}

static void assert_members(const char *text, const char *expected) {
  struct buf seen;
  char why[128] = "";
  buf_init(&seen, 4096);
  json_read(text, strlen(text), 16, write_member, &seen, why, sizeof(why));
  assert_string_equal(buf_text(&seen), expected);
  buf_free(&seen);
}

static void the_members_of_two_levels_are_shown_in_their_order(void **state) {
  (void)state;
  assert_members("{\"b\":1,\"a\":{\"x\":\"y\",\"z\":null},\"c\":true}",
                 "b n 1\na { \na.x s y\na.z 0 \nc b true\n");
}

static void what_is_deeper_or_in_an_array_is_no_member(void **state) {
  (void)state;
  assert_members("{\"a\":{\"b\":{\"c\":1},\"d\":2}}",
                 "a { \na.b { \na.d n 2\n");
  assert_members("{\"a\":[1,{\"b\":2}],\"c\":3}", "a [ \nc n 3\n");
  assert_members("[{\"a\":1}]", "");
  assert_members("\"a\"", "");
}

static void members_before_an_error_have_been_shown(void **state) {
  (void)state;
  assert_members("{\"a\":1,\"b\":", "a n 1\n");
}

static void a_string_is_shown_without_its_escapes(void **state) {
  (void)state;
  assert_members("{\"\\u0061\":\"x\\ty\"}", "a s x\ty\n");
}

static void count_match(void *context, const struct json_member *m) {
  static const char long_key[] = "a_key_of_more_than_32_characters_x";
  int *found = context;
  *found += json_member_is(m, NULL, "a") ? 1 : 0;
  *found += json_member_is(m, "p", "a") ? 10 : 0;
  *found += json_member_is(m, NULL, long_key) ? 100 : 0;
}

static void assert_found(const char *text, int expected) {
  int found = 0;
  char why[128];
  assert_int_equal(
      json_read(text, strlen(text), 16, count_match, &found, why, sizeof(why)),
      0);
  assert_int_equal(found, expected);
}

static void a_member_is_known_by_its_whole_path(void **state) {
  (void)state;
  assert_found("{\"a\":1}", 1);
  assert_found("{\"p\":{\"a\":1}}", 10);
  assert_found("{\"q\":{\"a\":1},\"ab\":1,\"\":1}", 0);
  assert_found("{\"a\\u0000\":1}", 0);
  assert_found("{\"p.a\":1}", 0);
  assert_found("{\"a_key_of_more_than_32_characters_x\":1}", 0);
}

static void keep_integer(void *context, const struct json_member *m) {
  int32_t *kept = context;
  if (!json_member_int32(m, kept))
    *kept = -7;
}

static int32_t integer_of(const char *value) {
  char text[64], why[128];
  int32_t kept = 0;
  int size = snprintf(text, sizeof(text), "{\"a\":%s}", value);
  assert_int_equal(
      json_read(text, (size_t)size, 16, keep_integer, &kept, why, sizeof(why)),
      0);
  return kept;
}

static void only_an_integer_of_32_bits_is_one(void **state) {
  (void)state;
  assert_int_equal(integer_of("0"), 0);
  assert_int_equal(integer_of("2147483647"), 2147483647);
  assert_int_equal(integer_of("-2147483648"), INT32_MIN);
  const char *others[] = {
      "2147483648", "-2147483649", "4294967296", "1.0",
      "1e0",        "-0",          "\"1\"",      "null",
      "true",       "[1]",         "{}",         "1000000000000000000000"};
  for (size_t i = 0; i < COUNT(others); i++)
    assert_int_equal(integer_of(others[i]), -7);
}

static void assert_value(const char *text, const char *expected) {
  const char *value = NULL;
  size_t size = 0;
  bool is_found = json_find_value(text, strlen(text), "data", &value, &size);
  assert_true(is_found == (expected != NULL));
  if (is_found) {
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
  }
}

static void a_value_is_found_as_it_is_written(void **state) {
  (void)state;
  assert_value("{\"data\":1}", "1");
  assert_value(" {\n\"a\" : -1.5e3 , \"data\" : [1, {\"x\": 2}] }",
               "[1, {\"x\": 2}]");
  assert_value("{\"a\":{\"data\":1},\"data\":{\"b\":\"}\\\"]\"},\"c\":0}",
               "{\"b\":\"}\\\"]\"}");
  assert_value("{\"a\":\"\\\\\",\"data\":\"x\\\"y\"}", "\"x\\\"y\"");
  assert_value("{\"data\":null,\"data\":1}", "null");
  assert_value("{\"a\":[],\"b\":true\t,\"data\":false\r}", "false");
}

static void a_value_that_is_not_there_is_not_found(void **state) {
  (void)state;
  assert_value("{}", NULL);
  assert_value("{ }", NULL);
  assert_value("{\"a\":{\"data\":1}}", NULL);
  assert_value("{\"dat\":1,\"datas\":2,\"\":3}", NULL);
  assert_value("{\"a\":\"\\\"data\\\":1\"}", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_one_value_is_json),
      cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
      cmocka_unit_test(depth_is_bounded_where_json_is_checked),
      cmocka_unit_test(a_message_is_cut_to_the_room_there_is),
      cmocka_unit_test(the_members_of_two_levels_are_shown_in_their_order),
      cmocka_unit_test(what_is_deeper_or_in_an_array_is_no_member),
      cmocka_unit_test(members_before_an_error_have_been_shown),
      cmocka_unit_test(a_string_is_shown_without_its_escapes),
      cmocka_unit_test(a_member_is_known_by_its_whole_path),
      cmocka_unit_test(only_an_integer_of_32_bits_is_one),
      cmocka_unit_test(a_value_is_found_as_it_is_written),
      cmocka_unit_test(a_value_that_is_not_there_is_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
