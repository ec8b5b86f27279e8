/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

static void each_length_of_the_last_group_is_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *bytes;
  } cases[] = {{"", ""},
               {"Zg==", "f"},
               {"Zm8=", "fo"},
               {"Zm9v", "foo"},
               {"Zm9vYg==", "foob"},
               {"Zm9vYmE=", "fooba"},
               {"+/+/", "\xfb\xff\xbf"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct buf out;
    buf_init(&out, 16);
    assert_int_equal(base64_append(&out, cases[i].text, strlen(cases[i].text)),
                     0);
    assert_string_equal(buf_text(&out), cases[i].bytes);
    buf_free(&out);
  }
}

static void what_is_not_base64_is_refused(void **state) {
  (void)state;
  const char *texts[] = {"Z",    "Zg",   "Zg=",  "Z===", "====",     "Zm9v=",
                         "Zm-_", "Zm 9", "=Zm9", "Z=m9", "Zg==Zm9v", "Zm9v\n"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct buf out;
    buf_init(&out, 16);
    if (base64_append(&out, texts[i], strlen(texts[i])) != -EINVAL)
      fail_msg("%s", texts[i]);
    buf_free(&out);
  }
}

static void bytes_that_do_not_fit_are_an_error(void **state) {
  (void)state;
  struct buf out;
  buf_init(&out, 2);
  assert_int_equal(base64_append(&out, "Zm9v", 4), -E2BIG);
  buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_length_of_the_last_group_is_read),
      cmocka_unit_test(what_is_not_base64_is_refused),
      cmocka_unit_test(bytes_that_do_not_fit_are_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
