/* SPDX-License-Identifier: MIT */
#include "http_fixture.h"

#include "cloud/api.h"

#include "base/systime.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct http *http;
struct raw_server *server;
char url[64];

/* ---- requests and replies ---- */

static const char *const no_headers[] = {NULL};
const struct tls_options verifying = {.verify_peer = true, .verify_host = true};

struct http_request make_get(void) {
  return (struct http_request){.url = url,
                               .headers = no_headers,
                               .connect_timeout_ms = LONG_MS,
                               .timeout_ms = LONG_MS,
                               .tls = &verifying};
}

struct http_request make_post(const char *body) {
  struct http_request r = make_get();
  r.is_post = true;
  r.body = body;
  r.body_size = strlen(body);
  return r;
}

struct http_request make_short_post(void) {
  struct http_request r = make_post("on");
  r.timeout_ms = SHORT_MS;
  return r;
}

int64_t now_ms(void) { return systime_monotonic_ms(); }

struct http_reply await_reply(void) {
  struct http_reply reply;
  int64_t end_ms = now_ms() + 2 * LONG_MS;
  while (!http_next_reply(http, &reply)) {
    assert_true(now_ms() < end_ms);
    http_wait(http, 100);
  }
  return reply;
}

struct http_reply exchange(const struct http_request *r) {
  assert_int_equal(http_start(http, r), 0);
  assert_int_equal(http_in_flight(http), 1);
  struct http_reply reply = await_reply();
  assert_int_equal(http_in_flight(http), 0);
  return reply;
}

struct http_reply exchange_post(void) {
  struct http_request r = make_post("on");
  return exchange(&r);
}

struct http_reply exchange_short_post(void) {
  struct http_request r = make_short_post();
  return exchange(&r);
}

void assert_ok(const struct http_reply *reply, const char *answer) {
  assert_string_equal(reply->curl_error, "");
  assert_int_equal(reply->curl_code, CURLE_OK);
  assert_int_equal(reply->http_code, 200);
  assert_true(reply->sent);
  assert_string_equal(reply->answer, answer);
  assert_int_equal(reply->answer_size, strlen(answer));
}

void assert_not_sent(const struct http_reply *reply) {
  assert_int_not_equal(reply->curl_code, CURLE_OK);
  assert_string_not_equal(reply->curl_error, "");
  assert_int_equal(reply->http_code, 0);
  assert_false(reply->sent);
}

void assert_sent_but(const struct http_reply *reply, int curl_code) {
  assert_int_equal(reply->curl_code, curl_code);
  assert_string_not_equal(reply->curl_error, "");
  assert_true(reply->sent);
}

void point_at(const char *scheme, int port) {
  snprintf(url, sizeof(url), "%s://127.0.0.1:%d/cmds?device_id=1", scheme,
           port);
}

void start_server(raw_script_fn *script, void *context) {
  server = raw_server_start(script, context);
  point_at("http", raw_server_port(server));
}

int fixture_begin(void **state) {
  (void)state;
  http = http_new(16);
  return http == NULL ? -1 : 0;
}

void stop_server(void) {
  if (server != NULL)
    raw_server_stop(server);
  server = NULL;
}

int fixture_end(void **state) {
  (void)state;
  http_free(http);
  stop_server();
  return 0;
}

/* ---- scripts ---- */

void answer_all(struct raw_connection *c, size_t number, void *answer) {
  (void)number;
  while (raw_read_request(c) && raw_send_ok(c, answer))
    ;
}

void answer_raw(struct raw_connection *c, size_t number, void *answer) {
  (void)number;
  if (raw_read_request(c) && raw_send(c, answer))
    raw_hang(c);
}

void answer_then_close(struct raw_connection *c, size_t number, void *answer) {
  (void)number;
  if (raw_read_request(c))
    raw_send(c, answer);
}

void hang(struct raw_connection *c, size_t number, void *context) {
  (void)number;
  (void)context;
  raw_hang(c);
}

void fixture_isolate(void) { signal(SIGPIPE, SIG_IGN); }

void judge_reply(const struct http_reply *reply, struct verdict *ret_verdict) {
  struct buf said;
  buf_init(&said, API_REPLY_MAX_BYTES);
  cmds_api.judge(reply, ret_verdict, &said);
  assert_int_equal(said.size, 0);
  buf_free(&said);
}
