/* SPDX-License-Identifier: MIT */
#include "cloud/token.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

#define KEY "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE="
#define TOKEN_START "version=2018-10-31&res=products%2F123123&et=1537255523"
#define TOKEN_SHA256_TEXT                                                      \
  TOKEN_START                                                                  \
  "&method=sha256&sign=tubIK4QeecNj9UHSUJL5MFbuLB82Ypro5n7BkjBDnbQ%3D"

static int append(struct buf *out, const char *key) {
  buf_init(out, 1024);
  return token_append(out, key, "products/123123", TOKEN_SHA256,
                      TOKEN_2018_10_31, 1537255523);
}

static void assert_key_makes_the_token(const char *key) {
  struct buf out;
  assert_int_equal(append(&out, key), 0);
  assert_string_equal(buf_text(&out), TOKEN_SHA256_TEXT);
  buf_free(&out);
}

static void each_method_makes_the_token_of_its_vector(void **state) {
  (void)state;
  const struct {
    enum token_method method;
    const char *token;
  } cases[] = {
      {TOKEN_MD5,
       TOKEN_START "&method=md5&sign=H9FByNcskwhgX5M4cIIe%2BA%3D%3D"},
      {TOKEN_SHA1,
       TOKEN_START "&method=sha1&sign=MP6bAVIgPerSOyW0kAVOsjP1zRQ%3D"},
      {TOKEN_SHA256, TOKEN_SHA256_TEXT},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct buf out;
    buf_init(&out, 1024);
    assert_int_equal(token_append(&out, KEY, "products/123123", cases[i].method,
                                  TOKEN_2018_10_31, 1537255523),
                     0);
    assert_string_equal(buf_text(&out), cases[i].token);
    buf_free(&out);
  }
}

static void each_version_makes_the_signature_of_its_vector(void **state) {
  (void)state;
  const struct {
    enum token_version version;
    const char *resource;
    enum token_method method;
    const char *start, *sign;
  } cases[] = {
      {TOKEN_2022_05_01, "products/AbC12345xy", TOKEN_MD5,
       "version=2022-05-01&res=products%2FAbC12345xy&et=1893456000&method=md5",
       "JiNqM60epUucQ1Au08jKVw%3D%3D"},
      {TOKEN_2022_05_01, "products/AbC12345xy", TOKEN_SHA1,
       "version=2022-05-01&res=products%2FAbC12345xy&et=1893456000&method=sha1",
       "knDkcvRAc2HZ4v2iCJj0w6bIQSA%3D"},
      {TOKEN_2022_05_01, "products/AbC12345xy", TOKEN_SHA256,
       "version=2022-05-01&res=products%2FAbC12345xy&et=1893456000"
       "&method=sha256",
       "wqvsAq1WxZQKCgABzJX%2BoWNEz%2BrBx56niPkihvH4CaQ%3D"},
      {TOKEN_2022_05_01, "userid/123456", TOKEN_SHA1,
       "version=2022-05-01&res=userid%2F123456&et=1893456000&method=sha1",
       "98qZaD1qN%2BRaC%2FSkGKOqTvTyZxo%3D"},
      {TOKEN_2018_10_31, "products/AbC12345xy", TOKEN_SHA256,
       "version=2018-10-31&res=products%2FAbC12345xy&et=1893456000"
       "&method=sha256",
       "cgx6Ss6XJ%2BfhT2edn8BS9PiNiKhSKye06NDYvbbNuTg%3D"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct buf out, expected;
    buf_init(&out, 1024);
    buf_init(&expected, 1024);
    buf_append_format(&expected, "%s&sign=%s", cases[i].start, cases[i].sign);
    assert_int_equal(token_append(&out, KEY, cases[i].resource, cases[i].method,
                                  cases[i].version, 1893456000),
                     0);
    assert_string_equal(buf_text(&out), buf_text(&expected));
    buf_free(&out);
    buf_free(&expected);
  }
}

static void a_token_is_appended_to_what_is_there(void **state) {
  (void)state;
  struct buf out;
  buf_init(&out, 1024);
  buf_append_text(&out, "Authorization: ");
  assert_int_equal(token_append(&out, KEY, "products/123123", TOKEN_SHA256,
                                TOKEN_2018_10_31, 1537255523),
                   0);
  assert_string_equal(buf_text(&out), "Authorization: " TOKEN_SHA256_TEXT);
  buf_free(&out);
}

static void every_value_is_percent_encoded(void **state) {
  (void)state;
  struct buf out;
  buf_init(&out, 1024);
  assert_int_equal(token_append(&out, KEY, "a+b c/d?e%f#g&h=i", TOKEN_SHA256,
                                TOKEN_2018_10_31, 60),
                   0);
  const char start[] = "version=2018-10-31&res=a%2Bb%20c%2Fd%3Fe%25f%23g%26h%"
                       "3Di&et=60&method=sha256&sign=";
  assert_memory_equal(buf_text(&out), start, sizeof(start) - 1);
  assert_null(strpbrk(buf_text(&out) + sizeof(start) - 1, "+/= ?#&"));
  buf_free(&out);
}

static void white_space_around_the_access_key_is_ignored(void **state) {
  (void)state;
  assert_key_makes_the_token(" \t" KEY "\r\n");
  assert_key_makes_the_token("\n\n" KEY "  ");
}

static void an_access_key_without_padding_is_decoded_whole(void **state) {
  (void)state;
  struct buf two, three;
  assert_int_equal(append(&two, "AAA="), 0);
  assert_int_equal(append(&three, "AAAB"), 0);
  assert_string_not_equal(buf_text(&two), buf_text(&three));
  buf_free(&two);
  buf_free(&three);
}

static void padding_is_no_part_of_the_key(void **state) {
  (void)state;
  /* HMAC fills a short key up with NULs: only a key longer than the digest's
   * block, which is hashed first, shows bytes that are too many. */
  const char one_byte_too_many[] =
      "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
      "QUFBQUFBQUFBQUFBQUEA";
  const char exact[] =
      "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
      "QUFBQUFBQUFBQUFBQUE=";
  struct buf a, b;
  assert_int_equal(append(&a, one_byte_too_many), 0);
  assert_int_equal(append(&b, exact), 0);
  assert_string_not_equal(buf_text(&a), buf_text(&b));
  buf_free(&a);
  buf_free(&b);
}

static void an_access_key_that_is_not_base64_is_refused(void **state) {
  (void)state;
  const char *keys[] = {"",         " ",        "\n",   "A",     "AA",
                        "AAA",      "AAAAA",    "A===", "====",  "=AAA",
                        "AA=A",     "AAAA====", "AA-_", "AA A",  "AA\nA",
                        "AA==AA==", "AA=\n=",   "AAA.", "AAAA=", "AA\xc3\xa4"};
  for (size_t i = 0; i < COUNT(keys); i++) {
    struct buf out;
    assert_int_equal(append(&out, keys[i]), -EINVAL);
    assert_string_equal(buf_text(&out), "");
    buf_free(&out);
  }
}

static void an_access_key_may_have_4096_characters_and_no_more(void **state) {
  (void)state;
  char key[TOKEN_ACCESS_KEY_MAX_CHARS + 5] = "";
  struct buf out;
  memset(key, 'A', TOKEN_ACCESS_KEY_MAX_CHARS);
  assert_int_equal(append(&out, key), 0);
  buf_free(&out);
  memset(key, 'A', TOKEN_ACCESS_KEY_MAX_CHARS + 4);
  assert_int_equal(append(&out, key), -EINVAL);
  buf_free(&out);
}

static void a_token_that_does_not_fit_is_an_error(void **state) {
  (void)state;
  for (size_t max = 0; max < strlen(TOKEN_SHA256_TEXT); max++) {
    struct buf out;
    buf_init(&out, max);
    assert_int_equal(token_append(&out, KEY, "products/123123", TOKEN_SHA256,
                                  TOKEN_2018_10_31, 1537255523),
                     -E2BIG);
    buf_free(&out);
  }
}

static void a_resource_without_end_is_an_error(void **state) {
  (void)state;
  char resource[5000] = "";
  struct buf out;
  memset(resource, 'r', sizeof(resource) - 1);
  buf_init(&out, 100000);
  assert_int_equal(
      token_append(&out, KEY, resource, TOKEN_MD5, TOKEN_2018_10_31, 1),
      -E2BIG);
  buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_method_makes_the_token_of_its_vector),
      cmocka_unit_test(each_version_makes_the_signature_of_its_vector),
      cmocka_unit_test(a_token_is_appended_to_what_is_there),
      cmocka_unit_test(every_value_is_percent_encoded),
      cmocka_unit_test(white_space_around_the_access_key_is_ignored),
      cmocka_unit_test(an_access_key_without_padding_is_decoded_whole),
      cmocka_unit_test(padding_is_no_part_of_the_key),
      cmocka_unit_test(an_access_key_that_is_not_base64_is_refused),
      cmocka_unit_test(an_access_key_may_have_4096_characters_and_no_more),
      cmocka_unit_test(a_token_that_does_not_fit_is_an_error),
      cmocka_unit_test(a_resource_without_end_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
