/* SPDX-License-Identifier: MIT */
#include "http_fixture.h"

#include "basics.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void a_redirect_is_an_answer_and_is_not_followed(void **state) {
  (void)state;
  static const int codes[] = {301, 302, 303, 307, 308};
  struct raw_server *elsewhere = raw_server_start(answer_all, "{}");
  for (size_t i = 0; i < LENGTH(codes); i++) {
    static char answer[160];
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 %d Moved\r\nLocation: http://127.0.0.1:%d/cmds\r\n"
             "Content-Length: 0\r\n\r\n",
             codes[i], raw_server_port(elsewhere));
    start_server(answer_raw, answer);
    struct http_reply reply = exchange_post();
    assert_int_equal(reply.curl_code, CURLE_OK);
    assert_int_equal(reply.http_code, codes[i]);
    assert_int_equal(raw_server_requests(server), 1);
    stop_server();
  }
  assert_int_equal(raw_server_connections(elsewhere), 0);
  raw_server_stop(elsewhere);
}

static void a_status_that_is_no_number_of_three_digits_is_none(void **state) {
  (void)state;
  static const char *const statuses[] = {"HTTP/2 2400", "HTTP/2 20"};
  for (size_t i = 0; i < LENGTH(statuses); i++) {
    static char answer[160];
    snprintf(answer, sizeof(answer), "%s OK\r\n\r\n{\"errno\":0}", statuses[i]);
    start_server(answer_then_close, answer);
    struct http_reply reply = exchange_post();
    struct verdict v;
    judge_reply(&reply, &v);
    assert_int_equal(reply.http_code, 0);
    assert_int_equal(v.class, VERDICT_DOUBTFUL);
    stop_server();
  }
}

static void a_compressed_answer_is_not_decoded(void **state) {
  (void)state;
  static char answer[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                         "Content-Length: 6\r\n\r\n\x1f\x8b\x08xyz";
  start_server(answer_raw, answer);
  struct http_reply reply = exchange_post();
  assert_ok(&reply, "\x1f\x8b\x08xyz");
}

static void send_without_end(struct raw_connection *c, size_t number,
                             void *context) {
  const char *const *texts = context; /* once, then again and again */
  (void)number;
  if (raw_read_request(c) && raw_send(c, texts[0]))
    while (raw_send(c, texts[1]))
      ;
}

static void an_answer_without_end_is_cut_off(void **state) {
  (void)state;
  static const char *texts[] = {"HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxxxxxxxxxx"};
  start_server(send_without_end, texts);
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, CURLE_WRITE_ERROR);
  assert_true(reply.answer_too_large);
  assert_string_equal(reply.curl_error, "the answer is too large");
  assert_int_equal(reply.http_code, 200);
  assert_true(reply.answer_size <= HTTP_ANSWER_MAX_BYTES);
}

static void headers_without_end_are_cut_off(void **state) {
  (void)state;
  static const char *texts[] = {"HTTP/1.1 200 OK\r\n", "X-Filler: xxxxxxx\r\n"};
  start_server(send_without_end, texts);
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, CURLE_WRITE_ERROR);
  assert_true(reply.answer_too_large);
}

static void a_header_line_without_end_is_cut_off(void **state) {
  (void)state;
  static const char *texts[] = {"HTTP/1.1 200 OK\r\nX-Filler: ", "xxxxxxxxxx"};
  start_server(send_without_end, texts);
  struct http_reply reply = exchange_post();
  assert_int_not_equal(reply.curl_code, CURLE_OK);
  assert_true(reply.sent);
}

static void a_flood_of_100_continue_is_cut_off(void **state) {
  (void)state;
  static const char *texts[] = {"", "HTTP/1.1 100 Continue\r\n\r\n"};
  start_server(send_without_end, texts);
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, CURLE_WRITE_ERROR);
  assert_true(reply.answer_too_large);
  assert_int_equal(reply.http_code, 0);
}

static void drip(struct raw_connection *c, size_t number, void *context) {
  const char *const *texts = context;
  (void)number;
  if (raw_read_request(c) && raw_send(c, texts[0]))
    while (raw_pause(c, SHORT_MS / 10) && raw_send(c, texts[1]))
      ;
}

static void an_answer_that_drips_ends_with_the_timeout(void **state) {
  (void)state;
  static const char *drips[][2] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"},
      {"HTTP/1.1 200 OK\r\nX-Filler: ", "x"},
      {"", "HTTP/1.1 100 Continue\r\n\r\n"}};
  for (size_t i = 0; i < LENGTH(drips); i++) {
    start_server(drip, drips[i]);
    struct http_reply reply = exchange_short_post();
    assert_sent_but(&reply, CURLE_OPERATION_TIMEDOUT);
    assert_int_not_equal(reply.http_code, 100);
    stop_server();
  }
}

static void answer_of_size(struct raw_connection *c, size_t number,
                           void *context) {
  static char body[HTTP_ANSWER_MAX_BYTES + 2];
  const size_t *size = context;
  (void)number;
  memset(body, 'x', *size);
  body[*size] = '\0';
  if (raw_read_request(c) && raw_send_ok(c, body))
    raw_hang(c);
}

static void an_answer_of_64_kib_is_whole_and_a_byte_more_is_not(void **state) {
  (void)state;
  static size_t size;
  size = HTTP_ANSWER_MAX_BYTES;
  start_server(answer_of_size, &size);
  struct http_reply reply = exchange_post();
  assert_int_equal(reply.curl_code, CURLE_OK);
  assert_int_equal(reply.answer_size, HTTP_ANSWER_MAX_BYTES);
  assert_int_equal(strlen(reply.answer), HTTP_ANSWER_MAX_BYTES);
  assert_false(reply.answer_too_large);
  stop_server();

  size = HTTP_ANSWER_MAX_BYTES + 1;
  start_server(answer_of_size, &size);
  reply = exchange_post();
  assert_int_not_equal(reply.curl_code, CURLE_OK);
  assert_true(reply.answer_too_large);
}

static int64_t retry_after_of(const char *value) {
  static char answer[160];
  snprintf(answer, sizeof(answer),
           "HTTP/1.1 429 Slow down\r\nRetry-After: %s\r\n"
           "Content-Length: 0\r\n\r\n",
           value);
  start_server(answer_raw, answer);
  struct http_reply reply = exchange_post();
  assert_int_equal(reply.curl_code, CURLE_OK);
  assert_int_equal(reply.http_code, 429);
  assert_true(reply.has_retry_after);
  stop_server();
  return reply.retry_after_ms;
}

static void retry_after_is_told_in_milliseconds(void **state) {
  (void)state;
  assert_int_equal(retry_after_of("2"), 2000);
  assert_int_equal(retry_after_of("3600"), 3600000);
}

static void
retry_after_of_an_announcement_is_not_that_of_the_answer(void **state) {
  (void)state;
  static char answer[] = "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                         "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
  start_server(answer_raw, answer);
  struct http_reply reply = exchange_post();
  assert_int_equal(reply.http_code, 503);
  assert_false(reply.has_retry_after);
  assert_int_equal(reply.retry_after_ms, 0);
}

static void retry_after_that_makes_no_sense_is_0(void **state) {
  (void)state;
  static const char *const values[] = {
      "0", "-5",   "-99999999999999999999",        "soon",
      "",  "\x01", "Fri, 01 Jan 1971 00:00:00 GMT"};
  for (size_t i = 0; i < LENGTH(values); i++)
    assert_int_equal(retry_after_of(values[i]), 0);
}

static void retry_after_of_ages_is_at_most_366_days(void **state) {
  (void)state;
  static const char *const values[] = {"99999999999", "9223372036854775807",
                                       "99999999999999999999999"};
  for (size_t i = 0; i < LENGTH(values); i++)
    assert_in_range(retry_after_of(values[i]), 0,
                    INT64_C(366) * 24 * 3600 * 1000);
}

static void retry_after_may_be_a_date(void **state) {
  (void)state;
  time_t in_an_hour = time(NULL) + 3600;
  struct tm tm;
  char date[64];
  gmtime_r(&in_an_hour, &tm);
  strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
  assert_in_range(retry_after_of(date), 3500000, 3600000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_redirect_is_an_answer_and_is_not_followed),
      TEST(a_status_that_is_no_number_of_three_digits_is_none),
      TEST(a_compressed_answer_is_not_decoded),
      TEST(an_answer_without_end_is_cut_off),
      TEST(headers_without_end_are_cut_off),
      TEST(a_header_line_without_end_is_cut_off),
      TEST(a_flood_of_100_continue_is_cut_off),
      TEST(an_answer_that_drips_ends_with_the_timeout),
      TEST(an_answer_of_64_kib_is_whole_and_a_byte_more_is_not),
      TEST(retry_after_is_told_in_milliseconds),
      TEST(retry_after_of_an_announcement_is_not_that_of_the_answer),
      TEST(retry_after_that_makes_no_sense_is_0),
      TEST(retry_after_of_ages_is_at_most_366_days),
      TEST(retry_after_may_be_a_date),
  };
  fixture_isolate();
  if (http_global_init() != 0)
    return 1;
  int failed = cmocka_run_group_tests_name("http: answers", tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
