/* SPDX-License-Identifier: MIT
 *
 * What the answers of OneNET's current platform mean.
 */
#include "cloud/api.h"

#include "basics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "a25087f46df04b69b29e90ef0acfd115"
#define NOT_ONLINE "设备不在线"
#define TIMED_OUT "设备响应超时"
#define LIMITED "限流"
#define SET_FAILED "设置设备属性失败"

static struct {
  struct verdict verdict;
  char reply[API_REPLY_MAX_BYTES + 1];
} t;

static void judge_reply(const struct api *api, const struct http_reply *reply) {
  struct buf said;
  buf_init(&said, API_REPLY_MAX_BYTES);
  memset(&t, 0x55, sizeof(t)); /* all of it must be written */
  api->judge(reply, &t.verdict, &said);
  strcpy(t.reply, buf_text(&said));
  buf_free(&said);
}

static void judge(const struct api *api, int http_code, const char *answer) {
  size_t size = strlen(answer);
  /* A copy of exactly that size shows reads beyond its end to a sanitizer. */
  char *copy = malloc(size + 1);
  assert_non_null(copy);
  memcpy(copy, answer, size + 1);
  const struct http_reply reply = {.sent = true,
                                   .http_code = http_code,
                                   .answer = copy,
                                   .answer_size = size};
  judge_reply(api, &reply);
  free(copy);
}

static void assert_verdict(enum verdict_class class, const char *cause) {
  assert_string_equal(t.verdict.cause, cause);
  assert_int_equal(t.verdict.class, class);
}

static void assert_failure(int code, const char *msg,
                           enum verdict_class class) {
  char answer[1024], cause[24];
  snprintf(answer, sizeof(answer), "{\"code\":%d,\"msg\":\"%s\"}", code, msg);
  snprintf(cause, sizeof(cause), "errno_%d", code);
  judge(&property_api, 200, answer);
  if (t.verdict.class != class)
    fail_msg("%s: %d and not %d", answer, (int)t.verdict.class, (int)class);
  assert_string_equal(t.verdict.cause, cause);
  assert_true(t.verdict.has_errno);
  assert_int_equal(t.verdict.errno_value, code);
  assert_string_equal(t.verdict.cmd_uuid, "");
  assert_string_equal(t.reply, "");
}

/* ---- success ---- */

static void
a_property_that_was_set_is_accepted_with_the_devices_reply(void **state) {
  (void)state;
  judge(&property_api, 200,
        "{\"code\":0,\"data\":{\"code\":200,\"id\":\"3\","
        "\"msg\":\"success\"},\"msg\":\"succ\",\"request_id\":\"" ID "\"}");
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_true(t.verdict.has_errno);
  assert_int_equal(t.verdict.errno_value, 0);
  assert_string_equal(t.verdict.error, "succ");
  assert_string_equal(t.verdict.cmd_uuid, ID);
  assert_string_equal(t.reply,
                      "{\"code\":200,\"id\":\"3\",\"msg\":\"success\"}");
}

static void
a_service_that_was_called_is_accepted_with_its_outputs(void **state) {
  (void)state;
  judge(&service_api, 200,
        "{\"data\":{\"result1\":\"1\"},\"request_id\":\"" ID "\","
        "\"msg\":\"succ\",\"code\":0}");
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_string_equal(t.reply, "{\"result1\":\"1\"}");
  assert_string_equal(t.verdict.cmd_uuid, ID);
}

static void
a_synchronous_command_is_accepted_with_what_the_device_answered(void **state) {
  (void)state;
  judge(&sync_api, 200,
        "{\"data\":{\"cmd_uuid\":\"f911-22\",\"cmd_resp\":\"ZG9uZQ==\"},"
        "\"request_id\":\"" ID "\",\"msg\":\"succ\",\"code\":0}");
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_string_equal(t.verdict.cmd_uuid, "f911-22");
  assert_string_equal(t.reply, "done");
}

static void data_that_is_absent_or_null_is_no_reply(void **state) {
  (void)state;
  const struct api *const apis[] = {&property_api, &service_api, &sync_api};
  for (size_t i = 0; i < COUNT(apis); i++) {
    judge(apis[i], 200, "{\"code\":0}");
    assert_verdict(VERDICT_ACCEPTED, "");
    assert_string_equal(t.reply, "");
    assert_string_equal(t.verdict.cmd_uuid, "");
    judge(apis[i], 200, "{\"msg\":\"succ\",\"data\":null,\"code\":0}");
    assert_verdict(VERDICT_ACCEPTED, "");
    assert_string_equal(t.reply, "");
  }
  judge(&service_api, 200, "{\"code\":0,\"data\":[1,2]}");
  assert_string_equal(t.reply, "[1,2]");
}

static void a_request_id_that_is_none_is_not_kept(void **state) {
  (void)state;
  judge(&property_api, 200, "{\"code\":0,\"request_id\":\"a/../b\"}");
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_string_equal(t.verdict.cmd_uuid, "");
}

static void what_the_device_says_becomes_one_line_of_1_kib(void **state) {
  (void)state;
  char answer[4096] = "{\"code\":0,\"data\":[\n\"\\u0007\",";
  char *end = answer + strlen(answer);
  for (int i = 0; i < 600; i++)
    end += sprintf(end, "%s1,", i % 2 == 0 ? "\r\n" : "\t");
  sprintf(end, "1]}");
  judge(&service_api, 200, answer);
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_int_equal(strlen(t.reply), API_REPLY_MAX_BYTES);
  assert_null(strpbrk(t.reply, "\r\n\t"));
  judge(&sync_api, 200,
        "{\"code\":0,\"data\":{\"cmd_resp\":\"YQpiAMKFY/9k\"}}");
  assert_string_equal(t.reply, "a b  c\xef\xbf\xbd"
                               "d");
}

static void what_the_device_says_can_not_forge_a_line_of_the_log(void **state) {
  (void)state;
  static const char *const odd[] = {"\u2028", "\u2029", "\u202a", "\u202b",
                                    "\u202c", "\u202d", "\u202e", "\u2066",
                                    "\u2067", "\u2068", "\u2069"};
  for (size_t i = 0; i < COUNT(odd); i++) {
    char answer[64];
    snprintf(answer, sizeof(answer), "{\"code\":0,\"data\":{\"a\":\"x%sy\"}}",
             odd[i]);
    judge(&service_api, 200, answer);
    assert_string_equal(t.reply, "{\"a\":\"x y\"}");
  }
  judge(&service_api, 200,
        "{\"code\":0,\"data\":\"\u2027\u202f\u2065\u206a\u2128\"}");
  assert_string_equal(t.reply, "\"\u2027\u202f\u2065\u206a\u2128\"");
}

static void a_response_that_is_not_base64_is_kept_as_it_is(void **state) {
  (void)state;
  judge(&sync_api, 200, "{\"code\":0,\"data\":{\"cmd_resp\":\"done!\"}}");
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_string_equal(t.reply, "done!");
}

/* ---- only code 0 is success ---- */

static void without_one_integer_code_nothing_is_believed(void **state) {
  (void)state;
  const char *answers[] = {"{}",
                           "[]",
                           "0",
                           "",
                           "{\"code\":\"0\"}",
                           "{\"code\":0.0}",
                           "{\"code\":null}",
                           "{\"code\":false}",
                           "{\"code\":4294967296}",
                           "{\"code\":0,\"code\":0}",
                           "{\"code\":0,\"code\":10411}",
                           "{\"data\":{\"code\":0}}",
                           "{\"errno\":0}",
                           "{\"code\":0",
                           "{\"code\":0}{\"code\":0}",
                           "<html>code: 0</html>"};
  for (size_t i = 0; i < COUNT(answers); i++) {
    judge(&property_api, 200, answers[i]);
    if (t.verdict.class != VERDICT_DOUBTFUL)
      fail_msg("%s", answers[i]);
    assert_string_equal(t.verdict.cause, "unreadable");
    assert_false(t.verdict.has_errno);
    assert_string_equal(t.reply, "");
  }
}

static void code_0_without_a_2xx_is_doubtful(void **state) {
  (void)state;
  const char answer[] = "{\"code\":0,\"data\":{\"code\":200},"
                        "\"request_id\":\"" ID "\"}";
  const int http_codes[] = {400, 404, 429, 500, 502};
  for (size_t i = 0; i < COUNT(http_codes); i++) {
    judge(&property_api, http_codes[i], answer);
    assert_int_equal(t.verdict.class, VERDICT_DOUBTFUL);
    assert_string_equal(t.verdict.cmd_uuid, "");
    assert_string_equal(t.reply, "");
  }
}

static void of_a_failure_no_reply_is_kept(void **state) {
  (void)state;
  judge(&sync_api, 502, "{\"code\":0,\"data\":{\"cmd_resp\":\"ZG9uZQ==\"}}");
  assert_verdict(VERDICT_DOUBTFUL, "http_502");
  assert_string_equal(t.reply, "");
  judge(&sync_api, 200,
        "{\"data\":{\"cmd_resp\":\"ZG9uZQ==\"},\"code\":10500}");
  assert_verdict(VERDICT_DOUBTFUL, "errno_10500");
  assert_string_equal(t.reply, "");
}

/* ---- the device refuses ---- */

static void a_device_that_refuses_is_refused_with_its_own_code(void **state) {
  (void)state;
  const char answer[] =
      "{\"code\":0,\"msg\":\"succ\",\"data\":{\"code\":500,\"id\":\"1\","
      "\"msg\":\"too\\nhot\"},\"request_id\":\"" ID "\"}";
  judge(&property_api, 200, answer);
  assert_verdict(VERDICT_REFUSED, "reply_500");
  assert_true(t.verdict.is_of_device);
  assert_string_equal(t.verdict.error, "too hot");
  assert_int_equal(t.verdict.errno_value, 0);
  assert_non_null(strstr(t.reply, "\"code\":500"));
  assert_string_equal(t.verdict.cmd_uuid, ID);
  judge(&property_api, 200,
        "{\"code\":0,\"msg\":\"succ\",\"data\":{\"code\":-1}}");
  assert_verdict(VERDICT_REFUSED, "reply_-1");
  assert_string_equal(t.verdict.error, "");
  assert_string_equal(t.verdict.cmd_uuid, "");
}

static void a_reply_whose_code_is_null_has_none(void **state) {
  (void)state;
  judge(&property_api, 200, "{\"code\":0,\"data\":{\"code\":null}}");
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_string_equal(t.reply, "{\"code\":null}");
}

static void a_reply_whose_code_is_no_integer_leaves_doubt(void **state) {
  (void)state;
  const char *replies[] = {"{\"code\":\"200\"}",
                           "{\"code\":200.0}",
                           "{\"code\":true}",
                           "{\"code\":[200]}",
                           "{\"code\":{}}",
                           "{\"code\":4294967296}",
                           "{\"code\":200,\"code\":1}",
                           "{\"code\":\"1\",\"code\":200}"};
  for (size_t i = 0; i < COUNT(replies); i++) {
    char answer[128];
    snprintf(answer, sizeof(answer),
             "{\"code\":0,\"msg\":\"succ\",\"data\":%s}", replies[i]);
    judge(&property_api, 200, answer);
    assert_verdict(VERDICT_DOUBTFUL, "reply_unreadable");
    assert_true(t.verdict.is_of_device);
    assert_true(t.verdict.has_errno);
    assert_int_equal(t.verdict.errno_value, 0);
    assert_string_equal(t.reply, replies[i]);
  }
  judge(&property_api, 502, "{\"code\":0,\"data\":{\"code\":\"200\"}}");
  assert_verdict(VERDICT_DOUBTFUL, "http_502");
  assert_false(t.verdict.is_of_device);
}

static void outputs_may_have_the_names_of_a_devices_reply(void **state) {
  (void)state;
  judge(&service_api, 200, "{\"code\":0,\"data\":{\"code\":7}}");
  assert_verdict(VERDICT_ACCEPTED, "");
  judge(&service_api, 200, "{\"code\":0,\"data\":{\"code\":\"a\"}}");
  assert_verdict(VERDICT_ACCEPTED, "");
  judge(&service_api, 200,
        "{\"code\":0,\"data\":{\"code\":0,\"id\":\"1\",\"msg\":\"ok\"}}");
  assert_verdict(VERDICT_ACCEPTED, "");
  assert_string_equal(t.reply, "{\"code\":0,\"id\":\"1\",\"msg\":\"ok\"}");
  judge(&sync_api, 200, "{\"code\":0,\"data\":{\"code\":7,\"msg\":\"x\"}}");
  assert_verdict(VERDICT_ACCEPTED, "");
}

/* ---- failures ---- */

static void each_code_has_its_class(void **state) {
  (void)state;
  static const struct {
    int code;
    enum verdict_class class;
  } cases[] = {{500, VERDICT_DOUBTFUL},      {10001, VERDICT_REFUSED},
               {10403, VERDICT_CREDENTIALS}, {10407, VERDICT_REFUSED},
               {10408, VERDICT_REFUSED},     {10409, VERDICT_REFUSED},
               {10410, VERDICT_REFUSED},     {10411, VERDICT_DOUBTFUL},
               {10412, VERDICT_REFUSED},     {10413, VERDICT_DOUBTFUL},
               {10415, VERDICT_DOUBTFUL},    {10416, VERDICT_DOUBTFUL},
               {10417, VERDICT_DOUBTFUL},    {10421, VERDICT_OFFLINE},
               {10500, VERDICT_DOUBTFUL},    {1, VERDICT_DOUBTFUL},
               {-1, VERDICT_DOUBTFUL},       {99999, VERDICT_DOUBTFUL}};
  for (size_t i = 0; i < COUNT(cases); i++)
    assert_failure(cases[i].code, "x", cases[i].class);
}

static void behind_the_colon_stands_what_10411_and_10415_mean(void **state) {
  (void)state;
  static const struct {
    const char *msg;
    enum verdict_class class;
  } cases[] = {
      {SET_FAILED ":identifier: X, error: identifier not exist",
       VERDICT_REFUSED},
      {SET_FAILED ":identifier: X, error: bool type error", VERDICT_REFUSED},
      {SET_FAILED ":identifier: X, error: string length error, limit 10",
       VERDICT_REFUSED},
      {SET_FAILED ":required value", VERDICT_REFUSED},
      {SET_FAILED ":" NOT_ONLINE, VERDICT_OFFLINE},
      {SET_FAILED "：" NOT_ONLINE, VERDICT_OFFLINE},
      {SET_FAILED ":Device not Online", VERDICT_OFFLINE},
      {SET_FAILED ":device offline", VERDICT_OFFLINE},
      {NOT_ONLINE, VERDICT_OFFLINE},
      {SET_FAILED ":" TIMED_OUT, VERDICT_DOUBTFUL},
      {SET_FAILED ":Timeout", VERDICT_DOUBTFUL},
      {SET_FAILED ":timeout, limit 5 s", VERDICT_DOUBTFUL},
      {"error:" TIMED_OUT, VERDICT_DOUBTFUL},
      {"offline command:x", VERDICT_DOUBTFUL},
      {SET_FAILED ":x", VERDICT_DOUBTFUL},
      {SET_FAILED ":", VERDICT_DOUBTFUL},
      {"", VERDICT_DOUBTFUL},
      {SET_FAILED ":" LIMITED, VERDICT_NOT_EXECUTED},
      {SET_FAILED ":value above the upper limit", VERDICT_DOUBTFUL},
      {SET_FAILED ":device reply: unlimited", VERDICT_DOUBTFUL},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_failure(10411, cases[i].msg, cases[i].class);
    assert_failure(10415, cases[i].msg, cases[i].class);
  }
}

static void an_internal_error_tells_of_products_and_devices(void **state) {
  (void)state;
  assert_failure(10500, "device not subscribed", VERDICT_REFUSED);
  assert_failure(10500, "x:device not subscribed", VERDICT_REFUSED);
  assert_failure(10500, "device not online: fan", VERDICT_OFFLINE);
  assert_failure(10500, "internal error", VERDICT_DOUBTFUL);
  assert_failure(10500, "error: not online, not subscribed", VERDICT_REFUSED);
}

static void a_silent_device_is_no_fault_of_the_endpoint(void **state) {
  (void)state;
  assert_failure(10411, SET_FAILED ":" TIMED_OUT, VERDICT_DOUBTFUL);
  assert_true(t.verdict.is_of_device);
  assert_failure(10415, "", VERDICT_DOUBTFUL);
  assert_true(t.verdict.is_of_device);
  assert_failure(10500, "x:" TIMED_OUT, VERDICT_DOUBTFUL);
  assert_true(t.verdict.is_of_device);
  assert_failure(10500, "device Timeout", VERDICT_DOUBTFUL);
  assert_true(t.verdict.is_of_device);
  assert_failure(10500, "x", VERDICT_DOUBTFUL);
  assert_false(t.verdict.is_of_device);
  assert_failure(500, "timeout", VERDICT_DOUBTFUL);
  assert_false(t.verdict.is_of_device);
  assert_failure(10411, SET_FAILED ":" NOT_ONLINE, VERDICT_OFFLINE);
  assert_false(t.verdict.is_of_device);
}

static void a_limit_means_that_nothing_was_executed(void **state) {
  (void)state;
  assert_failure(500, "call limit", VERDICT_NOT_EXECUTED);
  assert_failure(10407, LIMITED, VERDICT_NOT_EXECUTED);
  assert_failure(77, "x:" LIMITED, VERDICT_NOT_EXECUTED);
  assert_failure(500, "timeout limit", VERDICT_DOUBTFUL);
  assert_failure(10001, "limit of a text", VERDICT_REFUSED);
  assert_failure(10403, "token expire is too long,max expire limit 10 years",
                 VERDICT_CREDENTIALS);
  judge(&property_api, 429, "{\"code\":500,\"msg\":\"x\"}");
  assert_verdict(VERDICT_NOT_EXECUTED, "errno_500");
  judge(&property_api, 429, "{\"code\":10411,\"msg\":\"x:limit\"}");
  assert_verdict(VERDICT_NOT_EXECUTED, "errno_10411");
  assert_failure(10500, "x:call limit", VERDICT_NOT_EXECUTED);
  judge(&property_api, 429, "{\"code\":10411,\"msg\":\"x:timeout\"}");
  assert_verdict(VERDICT_DOUBTFUL, "errno_10411");
  judge(&property_api, 429, "{\"code\":10001,\"msg\":\"x\"}");
  assert_verdict(VERDICT_REFUSED, "errno_10001");
}

static void without_a_code_the_status_decides(void **state) {
  (void)state;
  static const struct {
    int http_code;
    enum verdict_class class;
    const char *cause;
  } cases[] = {{404, VERDICT_REFUSED, "http_404"},
               {403, VERDICT_CREDENTIALS, "http_403"},
               {429, VERDICT_NOT_EXECUTED, "http_429"},
               {302, VERDICT_REFUSED, "http_302"},
               {500, VERDICT_DOUBTFUL, "http_500"},
               {502, VERDICT_DOUBTFUL, "http_502"},
               {200, VERDICT_DOUBTFUL, "unreadable"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    judge(&service_api, cases[i].http_code, "<html>Bad Gateway</html>");
    assert_verdict(cases[i].class, cases[i].cause);
  }
}

static void an_end_after_sending_is_doubtful(void **state) {
  (void)state;
  const struct http_reply broken = {
      .sent = true, .curl_code = 56, .curl_error = "reset", .answer = ""};
  const struct http_reply unsent = {
      .curl_code = 7, .curl_error = "refused", .answer = ""};
  judge_reply(&sync_api, &broken);
  assert_verdict(VERDICT_DOUBTFUL, "curl_56");
  judge_reply(&sync_api, &unsent);
  assert_verdict(VERDICT_NOT_SENT, "curl_7");
}

static void the_documented_codes_have_words(void **state) {
  (void)state;
  assert_string_equal(property_api.errno_text(10421), "device not online");
  assert_null(property_api.errno_text(424242));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(
          a_property_that_was_set_is_accepted_with_the_devices_reply),
      cmocka_unit_test(a_service_that_was_called_is_accepted_with_its_outputs),
      cmocka_unit_test(
          a_synchronous_command_is_accepted_with_what_the_device_answered),
      cmocka_unit_test(data_that_is_absent_or_null_is_no_reply),
      cmocka_unit_test(a_request_id_that_is_none_is_not_kept),
      cmocka_unit_test(what_the_device_says_becomes_one_line_of_1_kib),
      cmocka_unit_test(what_the_device_says_can_not_forge_a_line_of_the_log),
      cmocka_unit_test(a_response_that_is_not_base64_is_kept_as_it_is),
      cmocka_unit_test(without_one_integer_code_nothing_is_believed),
      cmocka_unit_test(code_0_without_a_2xx_is_doubtful),
      cmocka_unit_test(of_a_failure_no_reply_is_kept),
      cmocka_unit_test(a_device_that_refuses_is_refused_with_its_own_code),
      cmocka_unit_test(a_reply_whose_code_is_null_has_none),
      cmocka_unit_test(a_reply_whose_code_is_no_integer_leaves_doubt),
      cmocka_unit_test(outputs_may_have_the_names_of_a_devices_reply),
      cmocka_unit_test(each_code_has_its_class),
      cmocka_unit_test(behind_the_colon_stands_what_10411_and_10415_mean),
      cmocka_unit_test(an_internal_error_tells_of_products_and_devices),
      cmocka_unit_test(a_silent_device_is_no_fault_of_the_endpoint),
      cmocka_unit_test(a_limit_means_that_nothing_was_executed),
      cmocka_unit_test(without_a_code_the_status_decides),
      cmocka_unit_test(an_end_after_sending_is_doubtful),
      cmocka_unit_test(the_documented_codes_have_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
