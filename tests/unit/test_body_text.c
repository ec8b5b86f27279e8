/* SPDX-License-Identifier: MIT */
#include "body_text.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

static void becomes(enum body_format format, const char *text, size_t size,
                    const char *bytes, size_t byte_count) {
  char why[BODY_TEXT_WHY_BYTES];
  struct buf out;
  buf_init(&out, BODY_TEXT_MAX_BYTES);
  assert_int_equal(body_text_read(format, text, size, &out, why), 0);
  assert_int_equal(out.size, byte_count);
  assert_memory_equal(buf_text(&out), bytes, byte_count);
  buf_free(&out);
}

static void is_refused(enum body_format format, const char *text, size_t size,
                       const char *expected) {
  char why[BODY_TEXT_WHY_BYTES] = "";
  struct buf out;
  buf_init(&out, BODY_TEXT_MAX_BYTES);
  assert_int_equal(body_text_read(format, text, size, &out, why), -EINVAL);
  if (strstr(why, expected) == NULL)
    fail_msg("why: %s", why);
  buf_free(&out);
}

static void text_and_json_are_sent_as_they_stand(void **state) {
  (void)state;
  becomes(BODY_TEXT, BYTES("on\n"), BYTES("on\n"));
  becomes(BODY_TEXT, BYTES(""), BYTES(""));
  becomes(BODY_JSON, BYTES(" {\"a\": 1}\n"), BYTES(" {\"a\": 1}\n"));
  becomes(BODY_JSON, BYTES("1"), BYTES("1"));
}

static void hex_and_base64_are_decoded(void **state) {
  (void)state;
  becomes(BODY_HEX, BYTES("00fFa0"), BYTES("\x00\xff\xa0"));
  becomes(BODY_HEX, BYTES("00 ff\na0\n"), BYTES("\x00\xff\xa0"));
  becomes(BODY_BASE64, BYTES("AP8=\n"), BYTES("\x00\xff"));
  becomes(BODY_BASE64, BYTES("b2\nZm"), BYTES("off"));
}

static void what_is_not_of_the_format_is_refused(void **state) {
  (void)state;
  is_refused(BODY_TEXT, BYTES("\xff"), "--format hex or base64");
  is_refused(BODY_JSON, BYTES("{"), "no JSON");
  is_refused(BODY_JSON, BYTES("{} x"), "no JSON");
  is_refused(BODY_JSON, BYTES(""), "no JSON");
  is_refused(BODY_HEX, BYTES("0"), "no hex");
  is_refused(BODY_HEX, BYTES("0g"), "no hex");
  is_refused(BODY_HEX, BYTES("0\0"), "no hex");
  is_refused(BODY_HEX, BYTES("0x00"), "no hex");
  is_refused(BODY_BASE64, BYTES("AP8"), "no base64");
  is_refused(BODY_BASE64, BYTES("AP8=="), "no base64");
}

static void each_format_has_its_content_type(void **state) {
  (void)state;
  static const struct {
    const char *name, *content_type;
  } cases[] = {{"text", "text/plain; charset=utf-8"},
               {"json", "application/json"},
               {"hex", "application/octet-stream"},
               {"base64", "application/octet-stream"}};
  enum body_format format;
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_int_equal(body_format_parse(cases[i].name, &format), 0);
    assert_string_equal(body_format_content_type(format),
                        cases[i].content_type);
  }
  assert_int_equal(body_format_parse("Text", &format), -EINVAL);
  assert_int_equal(body_format_parse("", &format), -EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_and_json_are_sent_as_they_stand),
      cmocka_unit_test(hex_and_base64_are_decoded),
      cmocka_unit_test(what_is_not_of_the_format_is_refused),
      cmocka_unit_test(each_format_has_its_content_type),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
