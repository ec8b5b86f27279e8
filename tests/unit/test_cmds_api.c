/* SPDX-License-Identifier: MIT */
#include "cloud/api.h"

#include "basics.h"
#include "cloud/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID "81572aae-fc34-5deb-8f06-ab45d73cb12b"
#define SUCCESS "{\"errno\":0,\"error\":\"succ\"}"

struct bytes {
  const char *data;
  size_t size;
};

static struct verdict judge(const struct http_reply *reply) {
  struct verdict v;
  memset(&v, 0x55, sizeof(v)); /* all of it must be written */
  struct buf said;
  buf_init(&said, API_REPLY_MAX_BYTES);
  cmds_api.judge(reply, &v, &said);
  assert_int_equal(said.size, 0); /* what the device says is asked for later */
  return v;
}

static struct http_reply reply_of(int http_code, const char *answer,
                                  size_t size) {
  return (struct http_reply){.sent = true,
                             .http_code = http_code,
                             .answer = answer,
                             .answer_size = size};
}

static struct verdict judge_bytes(int http_code, const char *answer,
                                  size_t size) {
  /* A copy of exactly that size shows reads beyond its end to a sanitizer. */
  char *copy = malloc(size + 1);
  assert_non_null(copy);
  memcpy(copy, answer, size);
  copy[size] = '\0';
  const struct http_reply reply = reply_of(http_code, copy, size);
  const struct verdict v = judge(&reply);
  free(copy);
  return v;
}

static struct verdict judge_text(int http_code, const char *answer) {
  return judge_bytes(http_code, answer, strlen(answer));
}

static struct verdict judge_errno(int http_code, const char *errno_text) {
  char answer[512];
  snprintf(answer, sizeof(answer), "{\"errno\":%s,\"error\":\"e\"}",
           errno_text);
  return judge_text(http_code, answer);
}

static void assert_verdict(struct verdict v, enum verdict_class class,
                           const char *cause) {
  assert_string_equal(v.cause, cause);
  assert_int_equal(v.class, class);
}

static void assert_unreadable(const char *answer, size_t size) {
  const struct verdict v = judge_bytes(200, answer, size);
  assert_verdict(v, VERDICT_DOUBTFUL, "unreadable");
  assert_false(v.has_errno);
  assert_string_equal(v.cmd_uuid, "");
  assert_string_not_equal(v.error, "");
  assert_string_not_equal(v.error, "out of memory");
}

/* ---- an errno decides ---- */

static void errno_0_with_a_2xx_is_accepted_with_its_uuid(void **state) {
  (void)state;
  const int codes[] = {200, 201, 220, 221, 299};
  for (size_t i = 0; i < COUNT(codes); i++) {
    const struct verdict v = judge_text(
        codes[i], "{\"errno\":0,\"data\":{\"cmd_uuid\":\"" UUID "\"},"
                  "\"error\":\"succ\"}");
    assert_verdict(v, VERDICT_ACCEPTED, "");
    assert_true(v.has_errno);
    assert_int_equal(v.errno_value, 0);
    assert_int_equal(v.http_code, codes[i]);
    assert_string_equal(v.error, "succ");
    assert_string_equal(v.cmd_uuid, UUID);
  }
}

static void the_order_of_the_keys_does_not_matter(void **state) {
  (void)state;
  const struct verdict v = judge_text(
      200, " {\n\"error\" : \"succ\",\t\"more\":[{\"errno\":3}],"
           "\"data\":{\"x\":{\"y\":[1,{}]},\"cmd_uuid\":\"" UUID "\"},"
           "\"errno\"\r\n:0 } \n");
  assert_verdict(v, VERDICT_ACCEPTED, "");
  assert_string_equal(v.cmd_uuid, UUID);
}

static void errno_0_without_a_2xx_is_doubtful(void **state) {
  (void)state;
  const struct {
    int http_code;
    const char *cause;
  } cases[] = {{199, "http_199"}, {400, "http_400"}, {401, "http_401"},
               {429, "http_429"}, {500, "http_500"}, {503, "http_503"},
               {0, "http_0"},     {100, "http_100"}, {600, "http_600"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct verdict v =
        judge_text(cases[i].http_code,
                   "{\"errno\":0,\"data\":{\"cmd_uuid\":\"" UUID "\"}}");
    assert_verdict(v, VERDICT_DOUBTFUL, cases[i].cause);
    assert_true(v.has_errno);
    assert_string_equal(v.cmd_uuid, "");
  }
}

static enum verdict_class expected_class(int errno_value) {
  static const enum verdict_class classes[] = {
      [1] = VERDICT_DOUBTFUL,    [2] = VERDICT_CREDENTIALS,
      [3] = VERDICT_CREDENTIALS, [10] = VERDICT_OFFLINE,
      [14] = VERDICT_DOUBTFUL,   [15] = VERDICT_NOT_EXECUTED,
      [16] = VERDICT_DOUBTFUL,   [17] = VERDICT_DOUBTFUL,
      [18] = VERDICT_DOUBTFUL};
  if (errno_value < 0 || (size_t)errno_value >= COUNT(classes) ||
      classes[errno_value] == VERDICT_ACCEPTED)
    return VERDICT_REFUSED;
  return classes[errno_value];
}

static void every_other_errno_decides_whatever_the_status(void **state) {
  (void)state;
  const int codes[] = {200, 400, 401, 403, 404, 408, 429, 500, 503};
  for (int value = 1; value <= 40; value++) {
    for (size_t i = 0; i < COUNT(codes); i++) {
      char text[16], cause[24];
      snprintf(text, sizeof(text), "%d", value);
      snprintf(cause, sizeof(cause), "errno_%d", value);
      const struct verdict v = judge_errno(codes[i], text);
      assert_verdict(v, expected_class(value), cause);
      assert_int_equal(v.errno_value, value);
      assert_true(v.has_errno);
    }
  }
}

static void an_unknown_errno_is_refused_up_to_32_bits(void **state) {
  (void)state;
  const char *texts[] = {"-1", "24", "2147483647", "-2147483648"};
  const int32_t values[] = {-1, 24, INT32_MAX, INT32_MIN};
  const char *causes[] = {"errno_-1", "errno_24", "errno_2147483647",
                          "errno_-2147483648"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    const struct verdict v = judge_errno(200, texts[i]);
    assert_verdict(v, VERDICT_REFUSED, causes[i]);
    assert_int_equal(v.errno_value, values[i]);
  }
}

static void
an_errno_that_is_no_integer_of_32_bits_does_not_count(void **state) {
  (void)state;
  const char *texts[] = {"\"0\"",
                         "0.0",
                         "0e0",
                         "1e0",
                         "1E1",
                         "0.5",
                         "-0",
                         "-0.0",
                         "null",
                         "true",
                         "false",
                         "[0]",
                         "[]",
                         "{}",
                         "{\"errno\":0}",
                         "[[0]]",
                         "\"\"",
                         "00",
                         "+0",
                         "0x0",
                         "4294967296",
                         "2147483648",
                         "-2147483649",
                         "18446744073709551616",
                         "100000000000000000000000000000",
                         "1.0",
                         " ",
                         "NaN",
                         "Infinity"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    char answer[128];
    snprintf(answer, sizeof(answer), "{\"errno\":%s,\"error\":\"succ\"}",
             texts[i]);
    assert_unreadable(answer, strlen(answer));
    assert_verdict(judge_text(500, answer), VERDICT_DOUBTFUL, "http_500");
    assert_verdict(judge_text(404, answer), VERDICT_REFUSED, "http_404");
  }
}

static void an_errno_that_is_not_at_the_top_does_not_count(void **state) {
  (void)state;
  const char *answers[] = {"{}",
                           "{\"data\":{\"errno\":0}}",
                           "{\"error\":\"succ\"}",
                           "{\"data\":[{\"errno\":0}]}",
                           "[{\"errno\":0}]",
                           "{\"a\":{\"b\":{\"errno\":0}},\"c\":0}",
                           "{\"Errno\":0}",
                           "{\"errno \":0}",
                           "{\"errn\":0}",
                           "{\"errnos\":0}",
                           "{\"errno\\u0000\":0}",
                           "{\"a\":\"errno\",\"b\":0}",
                           "0",
                           "\"errno\"",
                           "null"};
  for (size_t i = 0; i < COUNT(answers); i++)
    assert_unreadable(answers[i], strlen(answers[i]));
}

static void two_errnos_are_none(void **state) {
  (void)state;
  const char *answers[] = {
      "{\"errno\":0,\"errno\":0}", "{\"errno\":10,\"error\":\"x\",\"errno\":0}",
      "{\"errno\":0,\"errno\":\"x\"}", "{\"errno\":null,\"errno\":0}",
      "{\"errno\":0,\"\\u0065rrno\":0}"};
  for (size_t i = 0; i < COUNT(answers); i++)
    assert_unreadable(answers[i], strlen(answers[i]));
}

static void an_errno_with_escapes_in_its_name_counts(void **state) {
  (void)state;
  assert_verdict(judge_text(200, "{\"\\u0065rrn\\u006f\":10}"), VERDICT_OFFLINE,
                 "errno_10");
}

static void an_errno_beside_one_in_the_data_counts(void **state) {
  (void)state;
  assert_verdict(judge_text(200, "{\"data\":{\"errno\":0},\"errno\":8}"),
                 VERDICT_REFUSED, "errno_8");
}

/* ---- the status decides ---- */

static void without_an_errno_the_status_decides(void **state) {
  (void)state;
  const struct {
    int http_code;
    enum verdict_class class;
    const char *cause;
  } cases[] = {
      {0, VERDICT_DOUBTFUL, "http_0"},
      {100, VERDICT_DOUBTFUL, "http_100"},
      {199, VERDICT_DOUBTFUL, "http_199"},
      {200, VERDICT_DOUBTFUL, "unreadable"},
      {204, VERDICT_DOUBTFUL, "unreadable"},
      {299, VERDICT_DOUBTFUL, "unreadable"},
      {400, VERDICT_REFUSED, "http_400"},
      {401, VERDICT_CREDENTIALS, "http_401"},
      {402, VERDICT_REFUSED, "http_402"},
      {403, VERDICT_CREDENTIALS, "http_403"},
      {404, VERDICT_REFUSED, "http_404"},
      {407, VERDICT_REFUSED, "http_407"},
      {408, VERDICT_DOUBTFUL, "http_408"},
      {409, VERDICT_REFUSED, "http_409"},
      {413, VERDICT_REFUSED, "http_413"},
      {425, VERDICT_NOT_EXECUTED, "http_425"},
      {429, VERDICT_NOT_EXECUTED, "http_429"},
      {499, VERDICT_REFUSED, "http_499"},
      {500, VERDICT_DOUBTFUL, "http_500"},
      {502, VERDICT_DOUBTFUL, "http_502"},
      {503, VERDICT_DOUBTFUL, "http_503"},
      {504, VERDICT_DOUBTFUL, "http_504"},
      {599, VERDICT_DOUBTFUL, "http_599"},
      {600, VERDICT_DOUBTFUL, "http_600"},
      {999, VERDICT_DOUBTFUL, "http_999"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct verdict v =
        judge_text(cases[i].http_code, "<html><h1>no</h1></html>");
    assert_verdict(v, cases[i].class, cases[i].cause);
    assert_int_equal(v.http_code, cases[i].http_code);
    assert_false(v.has_errno);
    assert_verdict(judge_bytes(cases[i].http_code, "", 0), cases[i].class,
                   cases[i].cause);
  }
}

static void a_3xx_is_refused_whatever_the_body(void **state) {
  (void)state;
  for (int code = 300; code < 400; code++) {
    char cause[24];
    snprintf(cause, sizeof(cause), "http_%d", code);
    assert_verdict(judge_text(code, SUCCESS), VERDICT_REFUSED, cause);
    assert_verdict(judge_text(code, "{\"errno\":15}"), VERDICT_REFUSED, cause);
    assert_verdict(judge_text(code, ""), VERDICT_REFUSED, cause);
  }
}

static void a_503_with_a_retry_after_was_not_executed(void **state) {
  (void)state;
  struct http_reply reply = reply_of(503, BYTES("busy"));
  reply.has_retry_after = true;
  reply.retry_after_ms = 2000;
  const struct verdict v = judge(&reply);
  assert_verdict(v, VERDICT_NOT_EXECUTED, "http_503");
  assert_int_equal(v.retry_after_ms, 2000);
  reply.retry_after_ms = 0;
  assert_verdict(judge(&reply), VERDICT_NOT_EXECUTED, "http_503");
}

static void a_retry_after_changes_no_other_5xx(void **state) {
  (void)state;
  for (int code = 500; code < 600; code++) {
    struct http_reply reply = reply_of(code, BYTES("busy"));
    reply.has_retry_after = true;
    reply.retry_after_ms = 1;
    if (code != 503)
      assert_int_equal(judge(&reply).class, VERDICT_DOUBTFUL);
  }
}

static void an_errno_goes_before_a_retry_after(void **state) {
  (void)state;
  struct http_reply reply = reply_of(503, BYTES("{\"errno\":1}"));
  reply.has_retry_after = true;
  reply.retry_after_ms = 5000;
  const struct verdict v = judge(&reply);
  assert_verdict(v, VERDICT_DOUBTFUL, "errno_1");
  assert_int_equal(v.retry_after_ms, 5000);
}

/* ---- the transfer broke ---- */

static void a_transfer_that_ended_before_the_body_was_not_sent(void **state) {
  (void)state;
  const struct http_reply reply = {.curl_code = 7,
                                   .curl_error = "connection\r\nrefused"};
  const struct verdict v = judge(&reply);
  assert_verdict(v, VERDICT_NOT_SENT, "curl_7");
  assert_string_equal(v.error, "connection  refused");
  assert_int_equal(v.http_code, 0);
  assert_false(v.has_errno);
}

static void a_transfer_that_broke_after_the_body_is_doubtful(void **state) {
  (void)state;
  const int codes[] = {0, 100, 200, 400, 401, 429, 500, 503};
  for (size_t i = 0; i < COUNT(codes); i++) {
    struct http_reply reply = reply_of(codes[i], BYTES(SUCCESS));
    reply.curl_code = 56;
    reply.has_retry_after = true;
    reply.retry_after_ms = 1000;
    const struct verdict v = judge(&reply);
    assert_verdict(v, VERDICT_DOUBTFUL, "curl_56");
    assert_false(v.has_errno);
    assert_int_equal(v.http_code, codes[i]);
  }
}

static void a_3xx_is_refused_even_if_its_body_broke(void **state) {
  (void)state;
  struct http_reply reply = reply_of(302, BYTES("<ht"));
  reply.curl_code = 18;
  assert_verdict(judge(&reply), VERDICT_REFUSED, "http_302");
}

static void a_rewind_that_was_refused_is_doubtful(void **state) {
  (void)state;
  const struct http_reply reply = {.curl_code = 65, .sent = true};
  assert_verdict(judge(&reply), VERDICT_DOUBTFUL, "curl_65");
}

static void
an_answer_before_the_body_was_asked_for_leaves_no_doubt(void **state) {
  (void)state;
  const struct {
    int http_code;
    const char *answer;
    enum verdict_class class;
    const char *cause;
  } cases[] = {
      {500, "", VERDICT_NOT_SENT, "http_500"},
      {408, "", VERDICT_NOT_SENT, "http_408"},
      {200, "", VERDICT_NOT_SENT, "unreadable"},
      {200, SUCCESS, VERDICT_NOT_SENT, "http_200"},
      {200, "{\"errno\":1}", VERDICT_NOT_SENT, "errno_1"},
      {401, "", VERDICT_CREDENTIALS, "http_401"},
      {413, "", VERDICT_REFUSED, "http_413"},
      {301, "", VERDICT_REFUSED, "http_301"},
      {429, "", VERDICT_NOT_EXECUTED, "http_429"},
      {200, "{\"errno\":10}", VERDICT_OFFLINE, "errno_10"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct http_reply reply =
        reply_of(cases[i].http_code, cases[i].answer, strlen(cases[i].answer));
    reply.sent = false;
    assert_verdict(judge(&reply), cases[i].class, cases[i].cause);
  }
}

static void an_early_answer_that_broke_is_judged_by_its_status(void **state) {
  (void)state;
  const struct {
    int http_code;
    enum verdict_class class;
    const char *cause;
  } cases[] = {{401, VERDICT_CREDENTIALS, "http_401"},
               {413, VERDICT_REFUSED, "http_413"},
               {429, VERDICT_NOT_EXECUTED, "http_429"},
               {503, VERDICT_NOT_SENT, "http_503"},
               {0, VERDICT_NOT_SENT, "curl_56"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct http_reply reply = reply_of(cases[i].http_code, BYTES("{\"err"));
    reply.curl_code = 56;
    reply.sent = false;
    reply.is_early = true;
    assert_verdict(judge(&reply), cases[i].class, cases[i].cause);
    assert_true(judge(&reply).is_early);
  }
}

/* ---- hostile answers ---- */

static void what_is_not_exactly_one_json_object_is_unreadable(void **state) {
  (void)state;
  const struct bytes answers[] = {
      {BYTES("")},
      {BYTES(" ")},
      {BYTES("<html></html>")},
      {BYTES("\xef\xbb\xbf" SUCCESS)},
      {BYTES("\0" SUCCESS)},
      {BYTES(SUCCESS "\0")},
      {BYTES("{\"errno\":0,\0\"a\":1}")},
      {BYTES("{\"errno\":0,\"a\":\"\0\"}")},
      {BYTES(SUCCESS SUCCESS)},
      {BYTES(SUCCESS "x")},
      {BYTES(SUCCESS "tru")},
      {BYTES(SUCCESS "1")},
      {BYTES(SUCCESS "\"")},
      {BYTES(SUCCESS "\"abc")},
      {BYTES(SUCCESS " \"abc}")},
      {BYTES(SUCCESS "\"\\")},
      {BYTES(SUCCESS ",")},
      {BYTES(SUCCESS "}")},
      {BYTES(SUCCESS "/**/")},
      {BYTES("/**/" SUCCESS)},
      {BYTES(SUCCESS "\v")},
      {BYTES("\f" SUCCESS)},
      {BYTES("{\"errno\":0")},
      {BYTES("{\"errno\":0,")},
      {BYTES("{\"errno\":0,\"error\":\"su")},
      {BYTES("{\"errno\":0,}")},
      {BYTES("{\"errno\":0 \"a\":1}")},
      {BYTES("{errno:0}")},
      {BYTES("{'errno':0}")},
      {BYTES("{\"errno\":0,\"a\":\"\n\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\\x\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\\u12\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\xff\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\xc3\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\xc0\x80\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\xed\xa0\x80\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\xf5\x80\x80\x80\"}")},
      {BYTES("{\"errno\":0,\"a\":\"\xe2\x82\"}")},
      {BYTES(SUCCESS "\xef\xbf")},
      {BYTES(SUCCESS "\xef\xbf\xbd")},
      {BYTES("{\"errno\":0,\"a\":01}")},
      {BYTES("{\"errno\":0,\"a\":1.}")},
      {BYTES("{\"errno\":0,\"a\":-}")},
      {BYTES("{\"errno\":0,\"a\":NaN}")},
  };
  for (size_t i = 0; i < COUNT(answers); i++)
    assert_unreadable(answers[i].data, answers[i].size);
}

static void every_cut_of_a_good_answer_is_unreadable(void **state) {
  (void)state;
  const char answer[] =
      "{\"errno\":0,\"data\":{\"cmd_uuid\":\"" UUID "\"},\"error\":\"succ\"}";
  for (size_t size = 0; size < sizeof(answer) - 1; size++)
    assert_unreadable(answer, size);
}

static void assert_repeated(enum verdict_class class, const char *prefix,
                            const char *piece, size_t count,
                            const char *suffix) {
  char *text = repeat(prefix, piece, count, suffix);
  const struct verdict v = judge_text(200, text);
  assert_int_equal(v.class, class);
  assert_string_not_equal(v.error, "out of memory");
  free(text);
}

static void sixteen_levels_are_read_and_seventeen_are_not(void **state) {
  (void)state;
  const char good[] = "{\"errno\":0,\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}";
  const char bad[] = "{\"errno\":0,\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}";
  assert_verdict(judge_text(200, good), VERDICT_ACCEPTED, "");
  assert_unreadable(BYTES(bad));
  assert_string_equal(judge_text(200, bad).error,
                      "not JSON at byte 31: nested too deeply");
}

static void nesting_without_end_stops_the_parser(void **state) {
  (void)state;
  const size_t counts[] = {60000 / 5, 1000000};
  for (size_t i = 0; i < COUNT(counts); i++) {
    assert_repeated(VERDICT_DOUBTFUL, "{\"errno\":0,\"a\":", "[", counts[i],
                    "");
    assert_repeated(VERDICT_DOUBTFUL,
                    "{\"errno\":0,\"a\":", "{\"a\":", counts[i], "");
    assert_repeated(VERDICT_DOUBTFUL, "", "[", counts[i], "");
  }
}

static void many_keys_are_read_up_to_64_kib(void **state) {
  (void)state;
  assert_repeated(VERDICT_ACCEPTED, "{", "\"a\":1,", 10000, "\"errno\":0}");
  assert_repeated(VERDICT_DOUBTFUL, "{", "\"errno\":0,", 5000, "\"errno\":0}");
  assert_repeated(VERDICT_DOUBTFUL, "{", "\"a\":1,", 1000000, "\"errno\":0}");
}

static void a_number_of_many_digits_is_no_errno(void **state) {
  (void)state;
  const size_t counts[] = {10, 20, 400, 60000, 1000000};
  for (size_t i = 0; i < COUNT(counts); i++) {
    assert_repeated(VERDICT_DOUBTFUL, "{\"errno\":1", "0", counts[i], "}");
    assert_repeated(VERDICT_DOUBTFUL, "{\"errno\":0", "0", counts[i], "}");
    assert_repeated(VERDICT_DOUBTFUL, "{\"errno\":0.0", "0", counts[i], "}");
    assert_repeated(VERDICT_DOUBTFUL, "{\"errno\":0e0", "0", counts[i], "}");
  }
  assert_repeated(VERDICT_ACCEPTED, "{\"errno\":0,\"a\":1", "0", 60000, "}");
}

static void long_texts_fit_into_the_parsers_memory(void **state) {
  (void)state;
  const struct {
    const char *piece;
    size_t count;
  } cases[] = {{"x", 65000},
               {"\\n", 32000},
               {"\\u4e2d", 10000},
               {"x\\u4e2d", 9000},
               {"\xe4\xb8\xad", 21000}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *piece = cases[i].piece;
    const size_t count = cases[i].count;
    assert_repeated(VERDICT_ACCEPTED, "{\"errno\":0,\"a\":\"", piece, count,
                    "\"}");
    assert_repeated(VERDICT_ACCEPTED, "{\"errno\":0,\"", piece, count, "\":1}");
    assert_repeated(VERDICT_DOUBTFUL, "{\"errno\":0,\"a\":\"", piece, count,
                    "");
    assert_repeated(VERDICT_DOUBTFUL, SUCCESS "\"", piece, count, "");
  }
}

static void the_64th_kib_is_read_and_not_one_byte_more(void **state) {
  (void)state;
  char *answer = repeat(SUCCESS, " ", ANSWER_MAX_BYTES, "");
  assert_verdict(judge_bytes(200, answer, ANSWER_MAX_BYTES), VERDICT_ACCEPTED,
                 "");
  assert_unreadable(answer, ANSWER_MAX_BYTES + 1);
  free(answer);
}

static void an_answer_that_was_cut_off_is_judged_by_its_status(void **state) {
  (void)state;
  const struct {
    int http_code;
    enum verdict_class class;
    const char *cause;
  } cases[] = {{200, VERDICT_DOUBTFUL, "unreadable"},
               {301, VERDICT_REFUSED, "http_301"},
               {403, VERDICT_CREDENTIALS, "http_403"},
               {404, VERDICT_REFUSED, "http_404"},
               {429, VERDICT_NOT_EXECUTED, "http_429"},
               {500, VERDICT_DOUBTFUL, "http_500"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct http_reply reply = reply_of(cases[i].http_code, BYTES(SUCCESS));
    reply.curl_code = 23;
    reply.answer_too_large = true;
    assert_verdict(judge(&reply), cases[i].class, cases[i].cause);
  }
}

/* ---- texts of the answer ---- */

static void assert_uuid(const char *expected, const char *data) {
  char answer[512];
  snprintf(answer, sizeof(answer), "{\"errno\":0,%s}", data);
  const struct verdict v = judge_text(200, answer);
  assert_verdict(v, VERDICT_ACCEPTED, "");
  assert_string_equal(v.cmd_uuid, expected);
}

static void a_uuid_that_is_not_one_is_not_kept(void **state) {
  (void)state;
  const char *data[] = {"\"data\":{}",
                        "\"data\":null",
                        "\"data\":\"" UUID "\"",
                        "\"data\":[\"" UUID "\"]",
                        "\"data\":[{\"cmd_uuid\":\"" UUID "\"}]",
                        "\"data\":{\"x\":{\"cmd_uuid\":\"" UUID "\"}}",
                        "\"cmd_uuid\":\"" UUID "\"",
                        "\"other\":{\"cmd_uuid\":\"" UUID "\"}",
                        "\"data\":{\"cmd_uuid\":17}",
                        "\"data\":{\"cmd_uuid\":null}",
                        "\"data\":{\"cmd_uuid\":[\"" UUID "\"]}",
                        "\"data\":{\"cmd_uuid\":{\"cmd_uuid\":\"a\"}}",
                        "\"data\":{\"cmd_uuid\":\"\"}",
                        "\"data\":{\"cmd_uuid\":\"a\\r\\nb\"}",
                        "\"data\":{\"cmd_uuid\":\"a/../?&#\"}",
                        "\"data\":{\"cmd_uuid\":\"a\\u0000\"}",
                        "\"data\":{\"cmd_uuid\":\"a%2e\"}",
                        "\"data\":{\"cmd_uuid\":\"..\"}",
                        "\"data\":{\"cmd_uuid\":\"\xc3\xa4\"}"};
  for (size_t i = 0; i < COUNT(data); i++)
    assert_uuid("", data[i]);
  assert_uuid("a.-_Z9", "\"data\":{\"cmd_uuid\":\"a.-_Z9\"}");
  assert_uuid("a", "\"data\":{\"cmd_uuid\":\"\\u0061\"}");
  assert_uuid("b", "\"data\":{\"cmd_uuid\":\"aaaa\",\"cmd_uuid\":\"b\"}");
}

static void a_uuid_is_kept_up_to_64_characters(void **state) {
  (void)state;
  const size_t counts[] = {64, 65, 60000};
  for (size_t i = 0; i < COUNT(counts); i++) {
    char *answer = repeat("{\"errno\":0,\"data\":{\"cmd_uuid\":\"", "a",
                          counts[i], "\"}}");
    const struct verdict v = judge_text(200, answer);
    assert_verdict(v, VERDICT_ACCEPTED, "");
    assert_int_equal(strlen(v.cmd_uuid), counts[i] == 64 ? 64 : 0);
    free(answer);
  }
}

static void a_uuid_without_errno_0_is_not_kept(void **state) {
  (void)state;
  const struct verdict v =
      judge_text(200, "{\"errno\":10,\"data\":{\"cmd_uuid\":\"" UUID "\"}}");
  assert_verdict(v, VERDICT_OFFLINE, "errno_10");
  assert_string_equal(v.cmd_uuid, "");
}

static void the_error_text_becomes_one_line(void **state) {
  (void)state;
  const struct {
    const char *text;
    const char *line;
  } cases[] = {
      {"\"device not online: 8029377\"", "device not online: 8029377"},
      {"\"a\\r\\nb\\u0000c\\u007fd\\u0085e\\u001b[0m\"", "a  b c d e [0m"},
      {"\"\\u4e2d\xe6\x96\x87\"", "\xe4\xb8\xad\xe6\x96\x87"},
      {"\"\\udc00\"", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"17", ""},
      {"null", ""},
      {"{\"error\":\"x\"}", ""},
      {"[\"x\"]", ""},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char answer[256];
    snprintf(answer, sizeof(answer), "{\"error\":%s,\"errno\":10}",
             cases[i].text);
    assert_string_equal(judge_text(200, answer).error, cases[i].line);
  }
}

static void a_long_error_text_is_cut_between_characters(void **state) {
  (void)state;
  const size_t room = VERDICT_ERROR_BYTES - 1;
  for (size_t lead = 0; lead < 4; lead++) {
    char prefix[64];
    snprintf(prefix, sizeof(prefix), "{\"errno\":10,\"error\":\"%.*s",
             (int)lead, "abc");
    char *answer = repeat(prefix, "\xe4\xb8\xad", 100, "\"}");
    const struct verdict v = judge_text(200, answer);
    assert_int_equal(strlen(v.error), lead + (room - lead) / 3 * 3);
    assert_memory_equal(v.error + lead, "\xe4\xb8\xad", 3);
    free(answer);
  }
  char *answer = repeat("{\"errno\":10,\"error\":\"", "x", room + 1, "\"}");
  assert_int_equal(strlen(judge_text(200, answer).error), room);
  free(answer);
}

/* ---- the other functions ---- */

static void an_attempt_that_could_not_be_made_says_why(void **state) {
  (void)state;
  struct verdict v;
  memset(&v, 0x55, sizeof(v));
  answer_judge_unsent(VERDICT_CREDENTIALS, "key: Permission\ndenied", &v);
  assert_verdict(v, VERDICT_CREDENTIALS, "local");
  assert_string_equal(v.error, "key: Permission denied");
  assert_false(v.has_errno);
  assert_int_equal(v.http_code, 0);
  assert_int_equal(v.retry_after_ms, 0);
  assert_string_equal(v.cmd_uuid, "");
}

static void the_documented_errnos_have_words(void **state) {
  (void)state;
  assert_string_equal(cmds_api.errno_text(0), "succ");
  assert_string_equal(cmds_api.errno_text(3), "auth failed");
  assert_string_equal(cmds_api.errno_text(10), "device not online");
  assert_string_equal(cmds_api.errno_text(15), "api freq out of limit");
  assert_string_equal(cmds_api.errno_text(23), "contain sensitive words");
  assert_null(cmds_api.errno_text(24));
  assert_null(cmds_api.errno_text(-1));
  assert_null(cmds_api.errno_text(INT32_MIN));
}

static void only_the_allowed_characters_make_a_uuid(void **state) {
  (void)state;
  for (int c = 0; c < 256; c++) {
    const char text[] = {'a', (char)c};
    const bool expected = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                          (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
                          c == '-';
    assert_int_equal(answer_uuid_is_valid(text, 2), expected);
  }
  assert_false(answer_uuid_is_valid("", 0));
}

static void a_uuid_that_would_leave_its_path_is_none(void **state) {
  (void)state;
  assert_false(answer_uuid_is_valid(".", 1));
  assert_false(answer_uuid_is_valid("..", 2));
  assert_true(answer_uuid_is_valid("...", 3));
  assert_true(answer_uuid_is_valid("..a", 3));
}

/* Appends the URL of a command that came just now. */
static int append_url(struct buf *out, const char *base, const char *device_id,
                      int timeout_s, int qos) {
  char url[128], id[DEVICE_ID_BYTES];
  snprintf(url, sizeof(url), "%s", base);
  snprintf(id, sizeof(id), "%s", device_id);
  const struct endpoint e = {.url = url};
  const struct device d = {.endpoint = &e, .device_id = id, .qos = qos};
  const struct command c = {
      .device = &d, .timeout_s = timeout_s, .valid_from_ms = 1000};
  return cmds_api.append_url(out, &c, 1000);
}

static void assert_url(const char *expected, const char *base,
                       const char *device_id, int timeout_s, int qos) {
  struct buf out;
  buf_init(&out, 1024);
  assert_int_equal(append_url(&out, base, device_id, timeout_s, qos), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
}

static void the_url_has_its_parameters_in_order(void **state) {
  (void)state;
  const char *base = "http://api.heclouds.com/cmds";
  assert_url("http://api.heclouds.com/cmds?device_id=8029377", base, "8029377",
             0, -1);
  assert_url("http://api.heclouds.com/cmds?device_id=8029377&timeout=3600",
             base, "8029377", 3600, -1);
  assert_url("http://api.heclouds.com/cmds?device_id=8&timeout=1&qos=0", base,
             "8", 1, 0);
  assert_url("http://api.heclouds.com/cmds?device_id=8&qos=1", base, "8", 0, 1);
}

static void a_device_id_can_not_add_to_the_url(void **state) {
  (void)state;
  assert_url("http://x/cmds?device_id=a%26timeout%3D1%23%20%2F%3F%25%2B",
             "http://x/cmds", "a&timeout=1# /?%+", 0, -1);
}

static void a_base_with_a_query_is_continued(void **state) {
  (void)state;
  assert_url("http://x/cmds?a=1&device_id=8&qos=0", "http://x/cmds?a=1", "8", 0,
             0);
  assert_url("http://x/cmds?device_id=8", "http://x/cmds?", "8", 0, -1);
  assert_url("http://x/cmds?a=1&device_id=8", "http://x/cmds?a=1&", "8", 0, -1);
}

static void a_url_that_does_not_fit_is_an_error(void **state) {
  (void)state;
  for (size_t max = 0; max < strlen("http://x/?device_id=8&timeout=5&qos=1");
       max++) {
    struct buf out;
    buf_init(&out, max);
    assert_int_equal(append_url(&out, "http://x/", "8", 5, 1), -E2BIG);
    buf_free(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errno_0_with_a_2xx_is_accepted_with_its_uuid),
      cmocka_unit_test(the_order_of_the_keys_does_not_matter),
      cmocka_unit_test(errno_0_without_a_2xx_is_doubtful),
      cmocka_unit_test(every_other_errno_decides_whatever_the_status),
      cmocka_unit_test(an_unknown_errno_is_refused_up_to_32_bits),
      cmocka_unit_test(an_errno_that_is_no_integer_of_32_bits_does_not_count),
      cmocka_unit_test(an_errno_that_is_not_at_the_top_does_not_count),
      cmocka_unit_test(two_errnos_are_none),
      cmocka_unit_test(an_errno_with_escapes_in_its_name_counts),
      cmocka_unit_test(an_errno_beside_one_in_the_data_counts),
      cmocka_unit_test(without_an_errno_the_status_decides),
      cmocka_unit_test(a_3xx_is_refused_whatever_the_body),
      cmocka_unit_test(a_503_with_a_retry_after_was_not_executed),
      cmocka_unit_test(a_retry_after_changes_no_other_5xx),
      cmocka_unit_test(an_errno_goes_before_a_retry_after),
      cmocka_unit_test(a_transfer_that_ended_before_the_body_was_not_sent),
      cmocka_unit_test(a_transfer_that_broke_after_the_body_is_doubtful),
      cmocka_unit_test(a_3xx_is_refused_even_if_its_body_broke),
      cmocka_unit_test(a_rewind_that_was_refused_is_doubtful),
      cmocka_unit_test(an_answer_before_the_body_was_asked_for_leaves_no_doubt),
      cmocka_unit_test(an_early_answer_that_broke_is_judged_by_its_status),
      cmocka_unit_test(what_is_not_exactly_one_json_object_is_unreadable),
      cmocka_unit_test(every_cut_of_a_good_answer_is_unreadable),
      cmocka_unit_test(sixteen_levels_are_read_and_seventeen_are_not),
      cmocka_unit_test(nesting_without_end_stops_the_parser),
      cmocka_unit_test(many_keys_are_read_up_to_64_kib),
      cmocka_unit_test(a_number_of_many_digits_is_no_errno),
      cmocka_unit_test(long_texts_fit_into_the_parsers_memory),
      cmocka_unit_test(the_64th_kib_is_read_and_not_one_byte_more),
      cmocka_unit_test(an_answer_that_was_cut_off_is_judged_by_its_status),
      cmocka_unit_test(a_uuid_that_is_not_one_is_not_kept),
      cmocka_unit_test(a_uuid_is_kept_up_to_64_characters),
      cmocka_unit_test(a_uuid_without_errno_0_is_not_kept),
      cmocka_unit_test(the_error_text_becomes_one_line),
      cmocka_unit_test(a_long_error_text_is_cut_between_characters),
      cmocka_unit_test(an_attempt_that_could_not_be_made_says_why),
      cmocka_unit_test(the_documented_errnos_have_words),
      cmocka_unit_test(only_the_allowed_characters_make_a_uuid),
      cmocka_unit_test(a_uuid_that_would_leave_its_path_is_none),
      cmocka_unit_test(the_url_has_its_parameters_in_order),
      cmocka_unit_test(a_device_id_can_not_add_to_the_url),
      cmocka_unit_test(a_base_with_a_query_is_continued),
      cmocka_unit_test(a_url_that_does_not_fit_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
