/* SPDX-License-Identifier: MIT */
#include "cloud/cmds_api.h"

#include "basics.h"

#include <errno.h>
#include <string.h>

static struct http_reply reply_of(int http_code, const char *answer) {
  return (struct http_reply){.sent = true,
                             .http_code = http_code,
                             .answer = answer,
                             .answer_size = strlen(answer)};
}

static struct poll status_of(const struct http_reply *reply) {
  struct poll p;
  memset(&p, 0x55, sizeof(p)); /* all of it must be written */
  cmds_api_judge_status(reply, &p);
  return p;
}

static struct poll answer_of(const struct http_reply *reply) {
  struct poll p;
  memset(&p, 0x55, sizeof(p));
  cmds_api_judge_answer(reply, &p);
  return p;
}

/* ---- the status ---- */

static void each_documented_status_is_read(void **state) {
  (void)state;
  char text[] = "{\"errno\":0,\"data\":{\"status\":N,\"desc\":\"x\"},"
                "\"error\":\"succ\"}";
  char *number = strchr(text, 'N');
  for (int status = 0; status < TRACKED_STATUSES; status++) {
    *number = (char)('0' + status);
    const struct http_reply reply = reply_of(200, text);
    const struct poll p = status_of(&reply);
    assert_int_equal(p.class, POLL_STATUS);
    assert_int_equal(p.status, status);
    assert_string_equal(p.cause, "");
  }
}

static void a_status_that_is_none_is_asked_for_again(void **state) {
  (void)state;
  static const char *const answers[] = {
      "{\"errno\":0,\"data\":{\"status\":7}}",
      "{\"errno\":0,\"data\":{\"status\":-1}}",
      "{\"errno\":0,\"data\":{\"status\":4294967298}}",
      "{\"errno\":0,\"data\":{\"status\":\"2\"}}",
      "{\"errno\":0,\"data\":{\"status\":2.0}}",
      "{\"errno\":0,\"data\":{\"status\":null}}",
      "{\"errno\":0,\"data\":{\"status\":[2]}}",
      "{\"errno\":0,\"data\":{\"status\":1,\"status\":2}}",
      "{\"errno\":0,\"data\":{\"status\":1,\"status\":\"x\"}}",
      "{\"errno\":0,\"data\":{\"x\":{\"status\":2}}}",
      "{\"errno\":0,\"data\":{}}",
      "{\"errno\":0,\"data\":null}",
      "{\"errno\":0,\"status\":2}",
      "{\"errno\":0,\"x\":{\"status\":2}}",
      "{\"errno\":0}",
      "{\"data\":{\"status\":2}}",
      "{\"errno\":\"0\",\"data\":{\"status\":2}}",
      "{\"errno\":0,\"data\":{\"status\":2}} x",
      "{\"errno\":0,\"data\":{\"status\":2}",
      "<html>",
      ""};
  for (size_t i = 0; i < COUNT(answers); i++) {
    const struct http_reply reply = reply_of(200, answers[i]);
    const struct poll p = status_of(&reply);
    assert_int_equal(p.class, POLL_AGAIN);
    assert_string_equal(p.cause, "unreadable");
  }
}

static void what_is_doubtful_or_busy_is_asked_again(void **state) {
  (void)state;
  static const struct {
    int http_code;
    const char *answer;
    const char *cause;
  } cases[] = {
      {200, "{\"errno\":1}", "errno_1"},
      {200, "{\"errno\":2}", "errno_2"},
      {200, "{\"errno\":3}", "errno_3"},
      {200, "{\"errno\":10}", "errno_10"},
      {200, "{\"errno\":15}", "errno_15"},
      {401, "", "http_401"},
      {408, "", "http_408"},
      {429, "", "http_429"},
      {500, "<html>", "http_500"},
      {503, "", "http_503"},
      {500, "{\"errno\":0,\"data\":{\"status\":4}}", "http_500"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct http_reply reply =
        reply_of(cases[i].http_code, cases[i].answer);
    const struct poll p = status_of(&reply);
    assert_string_equal(p.cause, cases[i].cause);
    assert_int_equal(p.class, POLL_AGAIN);
  }
}

static void a_definite_no_is_not_asked_again(void **state) {
  (void)state;
  static const struct {
    int http_code;
    const char *answer;
  } cases[] = {{200, "{\"errno\":8,\"error\":\"not found\"}"},
               {404, "{\"errno\":8}"},
               {200, "{\"errno\":6,\"error\":\"e\"}"},
               {404, "<html>"},
               {302, ""}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct http_reply reply =
        reply_of(cases[i].http_code, cases[i].answer);
    assert_int_equal(status_of(&reply).class, POLL_NEVER);
    assert_int_equal(answer_of(&reply).class, POLL_NEVER);
  }
}

static void a_transfer_that_broke_is_asked_again(void **state) {
  (void)state;
  struct http_reply reply =
      reply_of(200, "{\"errno\":0,\"data\":{\"status\":4}}");
  reply.curl_code = 56;
  assert_int_equal(status_of(&reply).class, POLL_AGAIN);
  assert_string_equal(status_of(&reply).cause, "curl_56");
  assert_int_equal(answer_of(&reply).class, POLL_AGAIN);
  reply = (struct http_reply){.curl_code = 7, .answer = ""};
  assert_int_equal(status_of(&reply).class, POLL_AGAIN);
  assert_int_equal(answer_of(&reply).class, POLL_AGAIN);
}

static void a_retry_after_is_passed_on(void **state) {
  (void)state;
  struct http_reply reply = reply_of(429, "");
  reply.retry_after_ms = 7000;
  assert_int_equal(status_of(&reply).retry_after_ms, 7000);
  assert_int_equal(answer_of(&reply).retry_after_ms, 7000);
}

/* ---- the device's answer ---- */

static void any_bytes_are_an_answer(void **state) {
  (void)state;
  static const char *const answers[] = {
      "done",       "",       "{\"errno\":0,\"error\":\"e\"}", "{\"errno\":0}",
      "{\"errno\"", "<html>", "{\"errno\":0,\"a\":{}}",        "{\"errno\":5}"};
  for (size_t i = 0; i < COUNT(answers); i++) {
    const struct http_reply reply = reply_of(200, answers[i]);
    const struct poll p = answer_of(&reply);
    assert_int_equal(p.class, POLL_ANSWER);
    assert_ptr_equal(p.answer, reply.answer);
    assert_int_equal(p.answer_size, strlen(answers[i]));
    assert_string_equal(p.cause, "");
  }
}

static void an_error_of_onenet_is_no_answer(void **state) {
  (void)state;
  const struct http_reply reply =
      reply_of(200, "{\"errno\":15,\"error\":\"api freq out of limit\"}");
  const struct poll p = answer_of(&reply);
  assert_int_equal(p.class, POLL_AGAIN);
  assert_string_equal(p.cause, "errno_15");
}

static void an_answer_is_cut_at_4_kib(void **state) {
  (void)state;
  static char text[TRACKED_ANSWER_MAX_BYTES + 2];
  memset(text, 'x', sizeof(text) - 1);
  struct http_reply reply = reply_of(200, text);
  assert_int_equal(answer_of(&reply).answer_size, TRACKED_ANSWER_MAX_BYTES);
  reply.answer_size = TRACKED_ANSWER_MAX_BYTES - 1;
  assert_int_equal(answer_of(&reply).answer_size, TRACKED_ANSWER_MAX_BYTES - 1);
}

static void an_answer_of_which_only_a_part_was_taken_is_kept(void **state) {
  (void)state;
  struct http_reply reply = reply_of(200, "and so on");
  reply.curl_code = 23;
  reply.answer_too_large = true;
  assert_int_equal(answer_of(&reply).class, POLL_ANSWER);
  assert_int_equal(status_of(&reply).class, POLL_AGAIN);
}

/* ---- URLs ---- */

static void assert_urls(const char *base, const char *status_url,
                        const char *answer_url) {
  struct buf url;
  buf_init(&url, 1000);
  assert_int_equal(cmds_api_append_status_url(&url, base, "u-1.A_"), 0);
  assert_string_equal(buf_text(&url), status_url);
  buf_free(&url);
  buf_init(&url, 1000);
  assert_int_equal(cmds_api_append_answer_url(&url, base, "u-1.A_"), 0);
  assert_string_equal(buf_text(&url), answer_url);
  buf_free(&url);
}

static void the_uuid_is_the_last_part_of_the_path(void **state) {
  (void)state;
  assert_urls("http://a/cmds", "http://a/cmds/u-1.A_",
              "http://a/cmds/u-1.A_/resp");
  assert_urls("http://a/cmds/", "http://a/cmds/u-1.A_",
              "http://a/cmds/u-1.A_/resp");
}

static void the_query_of_the_base_stays_behind_the_path(void **state) {
  (void)state;
  assert_urls("http://a/cmds?tenant=x/y", "http://a/cmds/u-1.A_?tenant=x/y",
              "http://a/cmds/u-1.A_/resp?tenant=x/y");
}

static void a_uuid_with_odd_characters_makes_no_url(void **state) {
  (void)state;
  static const char *const uuids[] = {"",    "..",   ".",       "../x", "a/b",
                                      "a?b", "a#b",  "a%2fb",   "a b",  "a\nb",
                                      "a@b", "a\\b", "\xc3\xa4"};
  for (size_t i = 0; i < COUNT(uuids); i++) {
    struct buf url;
    buf_init(&url, 1000);
    assert_int_equal(
        cmds_api_append_status_url(&url, "http://a/cmds", uuids[i]), -EINVAL);
    assert_int_equal(
        cmds_api_append_answer_url(&url, "http://a/cmds", uuids[i]), -EINVAL);
    assert_int_equal(url.size, 0);
    buf_free(&url);
  }
}

static void a_url_that_does_not_fit_is_an_error(void **state) {
  (void)state;
  struct buf url;
  buf_init(&url, 10);
  assert_int_equal(cmds_api_append_status_url(&url, "http://a/cmds", "u"),
                   -E2BIG);
  buf_free(&url);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_documented_status_is_read),
      cmocka_unit_test(a_status_that_is_none_is_asked_for_again),
      cmocka_unit_test(what_is_doubtful_or_busy_is_asked_again),
      cmocka_unit_test(a_definite_no_is_not_asked_again),
      cmocka_unit_test(a_transfer_that_broke_is_asked_again),
      cmocka_unit_test(a_retry_after_is_passed_on),
      cmocka_unit_test(any_bytes_are_an_answer),
      cmocka_unit_test(an_error_of_onenet_is_no_answer),
      cmocka_unit_test(an_answer_is_cut_at_4_kib),
      cmocka_unit_test(an_answer_of_which_only_a_part_was_taken_is_kept),
      cmocka_unit_test(the_uuid_is_the_last_part_of_the_path),
      cmocka_unit_test(the_query_of_the_base_stays_behind_the_path),
      cmocka_unit_test(a_uuid_with_odd_characters_makes_no_url),
      cmocka_unit_test(a_url_that_does_not_fit_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
