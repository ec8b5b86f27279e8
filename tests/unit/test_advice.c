/* SPDX-License-Identifier: MIT */
#include "cloud/advice.h"

#include "basics.h"
#include "cloud/api.h"

#include <errno.h>
#include <string.h>

#define WALL_NOW_S 1700000000

static const struct endpoint file_endpoint = {
    .url = "https://me:secret@h.example:8/cmds?token=secret",
    .api = &cmds_api,
    .credential = {.kind = CREDENTIAL_KEY_FILE, .text = "/etc/key"}};

static const char *text_of(void (*append)(struct buf *, const struct verdict *,
                                          const struct endpoint *),
                           const struct verdict *v, const struct endpoint *e) {
  static char text[1024];
  struct buf out;
  buf_init(&out, sizeof(text) - 1);
  append(&out, v, e);
  strcpy(text, buf_text(&out));
  buf_free(&out);
  return text;
}

static void append_advice(struct buf *out, const struct verdict *v,
                          const struct endpoint *e) {
  advice_append(out, v, e, WALL_NOW_S);
}

static const struct {
  struct verdict verdict;
  const char *cause;
  const char *advice; /* some of it */
} cases[] = {
    {{VERDICT_NOT_SENT, .cause = "curl_7", .error = "Connection refused"},
     "Connection refused (curl_7)",
     "are host and port of URL \"https://h.example:8/cmds\" right"},
    {{VERDICT_NOT_SENT, .cause = "curl_6", .error = "no such host"},
     "no such host (curl_6)",
     "is the host of URL \"https://h.example:8/cmds\" right"},
    {{VERDICT_NOT_SENT, .cause = "curl_5", .error = "no proxy"},
     "no proxy (curl_5)",
     "Proxy"},
    {{VERDICT_DOUBTFUL, .cause = "curl_28", .error = "Timed out"},
     "Timed out (curl_28)",
     "RequestTimeout"},
    {{VERDICT_NOT_SENT, .cause = "curl_35", .error = "wrong version"},
     "wrong version (curl_35)",
     "SSLVersion"},
    {{VERDICT_NOT_SENT, .cause = "curl_58", .error = "could not load PEM"},
     "could not load PEM (curl_58)",
     "ClientKey"},
    {{VERDICT_NOT_SENT, .cause = "curl_60",
      .error = "SSL certificate problem: self-signed certificate"},
     "SSL certificate problem: self-signed certificate (curl_60)",
     "CACert"},
    {{VERDICT_NOT_SENT, .cause = "curl_60",
      .error = "SSL certificate problem: certificate has expired"},
     "SSL certificate problem: certificate has expired (curl_60)",
     "clock"},
    {{VERDICT_NOT_SENT, .cause = "curl_60",
      .error = "SSL: no alternative certificate subject name matches"},
     "SSL: no alternative certificate subject name matches (curl_60)",
     "must name the host"},
    {{VERDICT_NOT_SENT, .cause = "curl_77", .error = "error setting file"},
     "error setting file (curl_77)",
     "ca-certificates"},
    {{VERDICT_DOUBTFUL, .cause = "curl_52", .error = "Empty reply"},
     "Empty reply (curl_52)",
     "what listens at URL \"https://h.example:8/cmds\""},
    {{VERDICT_CREDENTIALS, .cause = "local",
      .error = "/etc/key: No such file or directory", .local_errno = ENOENT},
     "/etc/key: No such file or directory",
     "create the file with the key alone in it, and chmod 600 /etc/key"},
    {{VERDICT_CREDENTIALS, .cause = "local",
      .error = "/etc/key: Permission denied", .local_errno = EACCES},
     "/etc/key: Permission denied",
     "let the user that collectd runs as read it"},
    {{VERDICT_CREDENTIALS, .cause = "local",
      .error = "/etc/key: others may write to it: chmod go-w",
      .local_errno = EPERM},
     "/etc/key: others may write to it: chmod go-w",
     "none but root and the user that collectd runs as"},
    {{VERDICT_CREDENTIALS, .cause = "local",
      .error = "/etc/key: blanks around the key", .local_errno = EINVAL},
     "/etc/key: blanks around the key",
     "APIKeyFile /etc/key must hold the key alone, on one line"},
    {{VERDICT_NOT_SENT, .cause = "local", .error = "no memory"},
     "no memory",
     "memory"},
    {{VERDICT_CREDENTIALS, .cause = "errno_3", .error = "auth failed",
      .has_errno = true, .errno_value = 3},
     "errno 3, \"auth failed\"",
     "compare the key in APIKeyFile /etc/key with"},
    /* Where OneNET gives no text, its documented one. */
    {{VERDICT_CREDENTIALS, .cause = "errno_2", .has_errno = true,
      .errno_value = 2},
     "errno 2, \"api-key required\"",
     "OneNET's console"},
    {{VERDICT_REFUSED, .cause = "errno_99", .has_errno = true,
      .errno_value = 99},
     "errno 99",
     "compare DeviceID"},
    {{VERDICT_OFFLINE, .cause = "errno_10", .error = "device not online",
      .has_errno = true, .errno_value = 10},
     "errno 10, \"device not online\"",
     "switched on"},
    {{VERDICT_CREDENTIALS, .cause = "http_401", .http_code = 401},
     "HTTP status 401",
     "compare the key"},
    {{VERDICT_NOT_EXECUTED, .cause = "http_429", .http_code = 429},
     "HTTP status 429",
     "lower RateLimit"},
    {{VERDICT_DOUBTFUL, .cause = "errno_1", .has_errno = true,
      .errno_value = 1},
     "errno 1, \"internal server error\"",
     "has a fault of its own"},
    {{VERDICT_DOUBTFUL, .cause = "http_502", .http_code = 502},
     "HTTP status 502",
     "waited for"},
    {{VERDICT_DOUBTFUL, .cause = "unreadable", .error = "not JSON at byte 0",
      .http_code = 200},
     "an answer that can not be read: not JSON at byte 0",
     "that of OneNET's /cmds?"},
};

static void each_cause_reads_differently_and_says_what_to_do(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct verdict *v = &cases[i].verdict;
    assert_string_equal(text_of(advice_append_cause, v, &file_endpoint),
                        cases[i].cause);
    const char *advice = text_of(append_advice, v, &file_endpoint);
    if (strstr(advice, cases[i].advice) == NULL)
      fail_msg("%s: \"%s\" is missing in \"%s\"", v->cause, cases[i].advice,
               advice);
  }
}

static void no_secret_of_the_configuration_is_said(void **state) {
  (void)state;
  const struct endpoint inline_key = {
      .url = "https://a@b:secret@h/cmds",
      .api = &cmds_api,
      .credential = {.kind = CREDENTIAL_KEY, .text = "secret"}};
  const struct endpoint *const endpoints[] = {&file_endpoint, &inline_key};
  for (size_t i = 0; i < COUNT(cases); i++)
    for (size_t j = 0; j < COUNT(endpoints); j++)
      assert_null(strstr(
          text_of(append_advice, &cases[i].verdict, endpoints[j]), "secret"));
}

static void connections_to_a_proxy_are_not_those_of_the_url(void **state) {
  (void)state;
  char proxy[] = "http://user:secret@p:3128";
  struct endpoint e = file_endpoint;
  const struct verdict v = {VERDICT_NOT_SENT, .cause = "curl_7"};
  e.proxy = proxy;
  const char *advice = text_of(append_advice, &v, &e);
  assert_non_null(strstr(advice, "are host and port of Proxy right"));
  assert_null(strstr(advice, "secret"));
}

static void an_access_key_has_a_resource_and_a_clock(void **state) {
  (void)state;
  const struct endpoint e = {.url = "https://h/cmds",
                             .api = &cmds_api,
                             .credential = {.kind = CREDENTIAL_ACCESS_KEY_FILE,
                                            .text = "/etc/access"}};
  const struct verdict v = {VERDICT_CREDENTIALS, .cause = "http_403",
                            .http_code = 403};
  const char *advice = text_of(append_advice, &v, &e);
  assert_non_null(strstr(advice, "AccessKeyFile /etc/access"));
  assert_non_null(strstr(advice, "check Resource"));
  assert_non_null(strstr(advice, "clock"));
}

static const struct endpoint platform_endpoint = {
    .url = "https://h/thingmodel/set-device-property",
    .api = &property_api,
    .credential = {.kind = CREDENTIAL_ACCESS_KEY_FILE,
                   .text = "/etc/access",
                   .resource = "products/AbC12345xy"}};

static const struct {
  struct verdict verdict;
  const char *cause;
  const char *advice; /* some of it */
} platform_cases[] = {
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403,
      .error = "x:request has expired:expire=1700000100,now=1700003700"},
     "errno 10403, \"x:request has expired:expire=1700000100,now=1700003700\"",
     "ended 3600 s ago, and this machine's clock is 3700 s behind: set it"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403,
      .error = "request has expired:expire=1699990000,now=1699999000"},
     "errno 10403, \"request has expired:expire=1699990000,now=1699999000\"",
     "ended 9000 s ago, and this machine's clock is 1000 s ahead: set it"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403,
      .error = "request has expired:expire=1699999000,now=1699999971"},
     "errno 10403, \"request has expired:expire=1699999000,now=1699999971\"",
     "this machine's clock is right: raise TokenLifetime"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403, .error = "request has expired:expire=,now="},
     "errno 10403, \"request has expired:expire=,now=\"",
     "see whether this machine's clock is right"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403,
      .error = "request has expired:expire=-1,now=9223372036854775807"},
     "errno 10403, \"request has expired:expire=-1,now=9223372036854775807\"",
     "see whether this machine's clock is right"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403,
      .error = "request has expired:expire=1,now=1700000000000"},
     "errno 10403, \"request has expired:expire=1,now=1700000000000\"",
     "see whether this machine's clock is right"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403,
      .error = "request has expired:expire=1,now=999999999999"},
     "errno 10403, \"request has expired:expire=1,now=999999999999\"",
     "ended 999999999998 s ago, and this machine's clock is 998299999999 s "
     "behind"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403,
      .error = "token expire is too long,max expire limit 10 years"},
     "errno 10403, \"token expire is too long,max expire limit 10 years\"",
     "clock is far ahead"},
    {{VERDICT_CREDENTIALS, .cause = "errno_10403", .has_errno = true,
      .errno_value = 10403, .error = "x:invalid authorization"},
     "errno 10403, \"x:invalid authorization\"",
     "the key in AccessKeyFile /etc/access must be the one of Resource "
     "\"products/AbC12345xy\""},
    {{VERDICT_DOUBTFUL, .cause = "errno_500", .has_errno = true,
      .errno_value = 500, .error = "x"},
     "errno 500, \"x\"",
     "has a fault of its own"},
    {{VERDICT_DOUBTFUL, .cause = "http_502", .has_errno = true,
      .http_code = 502, .error = "succ"},
     "HTTP status 502",
     "has a fault of its own"},
    {{VERDICT_DOUBTFUL, .cause = "errno_10411", .has_errno = true,
      .errno_value = 10411, .error = "x:timeout", .is_of_device = true},
     "errno 10411, \"x:timeout\"",
     "does the device's program reply?"},
    {{VERDICT_REFUSED, .cause = "errno_10500", .has_errno = true,
      .errno_value = 10500, .error = "device not subscribed"},
     "errno 10500, \"device not subscribed\"",
     "API must fit the product"},
    {{VERDICT_REFUSED, .cause = "errno_10410", .has_errno = true,
      .errno_value = 10410},
     "errno 10410, \"no such device\"",
     "compare ProductID, DeviceID"},
    {{VERDICT_REFUSED, .cause = "reply_500", .has_errno = true,
      .error = "too hot", .is_of_device = true},
     "the device replied with code 500, \"too hot\"",
     "the device itself says no"},
    {{VERDICT_REFUSED, .cause = "reply_-1", .has_errno = true,
      .is_of_device = true},
     "the device replied with code -1",
     "the device itself says no"},
    {{VERDICT_DOUBTFUL, .cause = "reply_unreadable", .has_errno = true,
      .error = "e", .is_of_device = true},
     "the device's reply can not be understood, \"e\"",
     "the code in its reply must be an integer"},
    {{VERDICT_REFUSED, .cause = "http_404", .http_code = 404},
     "HTTP status 404",
     "URL \"https://h/thingmodel/set-device-property\""},
    {{VERDICT_DOUBTFUL, .cause = "unreadable", .error = "e", .http_code = 200},
     "an answer that can not be read: e",
     "that of OneNET's /thingmodel/set-device-property?"},
    {{VERDICT_REFUSED, .cause = "local", .error = "body: must be a JSON object",
      .local_errno = EINVAL},
     "body: must be a JSON object",
     "mend the rule: its endpoint has API \"set-device-property\""},
};

static void the_current_platform_tells_more(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(platform_cases); i++) {
    const struct verdict *v = &platform_cases[i].verdict;
    assert_string_equal(text_of(advice_append_cause, v, &platform_endpoint),
                        platform_cases[i].cause);
    const char *advice = text_of(append_advice, v, &platform_endpoint);
    if (strstr(advice, platform_cases[i].advice) == NULL)
      fail_msg("%s: \"%s\" is missing in \"%s\"", v->cause,
               platform_cases[i].advice, advice);
  }
}

static void what_was_accepted_needs_no_advice(void **state) {
  (void)state;
  const struct verdict v = {.class = VERDICT_ACCEPTED};
  assert_string_equal(text_of(append_advice, &v, &file_endpoint), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_cause_reads_differently_and_says_what_to_do),
      cmocka_unit_test(no_secret_of_the_configuration_is_said),
      cmocka_unit_test(connections_to_a_proxy_are_not_those_of_the_url),
      cmocka_unit_test(an_access_key_has_a_resource_and_a_clock),
      cmocka_unit_test(the_current_platform_tells_more),
      cmocka_unit_test(what_was_accepted_needs_no_advice),
  };
  return cmocka_run_group_tests_name("advice", tests, NULL, NULL);
}
