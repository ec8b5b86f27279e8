/* SPDX-License-Identifier: MIT */
#include "base/url.h"

#include "basics.h"

#include <string.h>

static void a_url_that_is_not_http_with_a_host_is_invalid(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "api.heclouds.com/cmds",
      "//api.heclouds.com/cmds",
      "ftp://h/cmds",
      "file:///cmds",
      "http:",
      "http://",
      "http:/h/cmds",
      "http:///cmds",
      "http://:80/cmds",
      "http://user:pw@h/cmds",
      "https://h:99999/",
      "https://h:0/",
      "https://h:/",
      "http://h:x/",
      "http://[::1/",
      "http://[]/",
      "http://[2:1]:80/",
      "http://[::1::]/",
      "http://[127.0.0.1]/",
      "http://h /cmds",
      "http://h/c mds",
      "http://h/\tx",
      "http://h/\r\nX: y",
      "http://h/\x7f",
      "http://h/\xc3\xa4",
      "http://h/cmds#part",
  };
  struct url url;
  for (size_t i = 0; i < COUNT(bad); i++)
    if (url_parse(bad[i], &url))
      fail_msg("%s", bad[i]);
}

static void only_this_machine_is_loopback(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool is_loopback;
  } good[] = {
      {"https://api.heclouds.com/cmds", false},
      {"HTTPS://127.0.0.1", true},
      {"http://api.heclouds.com/cmds", false},
      {"HTTP://h:8080/cmds?a=b", false},
      {"http://127.0.0.1:8080/cmds", true},
      {"http://127.3.2.1/", true},
      {"http://128.0.0.1/", false},
      {"http://127.1/", true},
      {"http://127.evil.example/", false},
      {"http://127.999.1.1/", false},
      {"http://127.0.0.1.1/", false},
      {"http://127./", false},
      {"http://LocalHost:1/", true},
      {"http://localhost.evil.example/", false},
      {"http://[::1]:80/", true},
      {"http://[::2]:80/", false},
  };
  for (size_t i = 0; i < COUNT(good); i++) {
    struct url url;
    if (!url_parse(good[i].text, &url) ||
        url_is_loopback(&url) != good[i].is_loopback)
      fail_msg("%s", good[i].text);
  }
}

static void a_url_falls_into_its_parts(void **state) {
  (void)state;
  struct url url;
  assert_true(url_parse("https://[::1]:8443/a/cmds?b=c", &url));
  assert_true(url.is_https);
  assert_int_equal(url.host_size, strlen("[::1]"));
  assert_memory_equal(url.host, "[::1]", url.host_size);
  assert_string_equal(url.path, "/a/cmds?b=c");
  assert_true(url_parse("http://h", &url));
  assert_false(url.is_https);
  assert_string_equal(url.path, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_url_that_is_not_http_with_a_host_is_invalid),
      cmocka_unit_test(only_this_machine_is_loopback),
      cmocka_unit_test(a_url_falls_into_its_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
