/* SPDX-License-Identifier: MIT
 *
 * http_fixture owns what the tests of http share: one struct http and one
 * server for each test, requests with sane values, and what is asserted of
 * replies.
 */
#ifndef ONENET_HTTP_FIXTURE_H
#define ONENET_HTTP_FIXTURE_H

#include "cloud/http.h"
#include "raw_server.h"
#include "words/verdict.h"

#include <stdbool.h>
#include <stdint.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define SHORT_MS 200  /* a time-out that is meant to come */
#define LONG_MS 20000 /* and one that is not */

extern struct http *http;
extern struct raw_server *server;
extern char url[64]; /* where requests go */
extern const struct tls_options verifying;

/* Runs a test with a new struct http, which is freed behind it, as is the
 * server. */
#define TEST(name)                                                             \
  cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
int fixture_begin(void **state);
int fixture_end(void **state);

/* Ignores SIGPIPE. */
void fixture_isolate(void);

/* Starts the server and points the url at it; context is borrowed until it
 * stops. */
void start_server(raw_script_fn *script, void *context);
void stop_server(void);
void point_at(const char *scheme, int port);

/* Scripts whose context is an answer. answer_all: its body, to each request;
 * answer_raw: its bytes, once, and no close; answer_then_close: the same, but
 * with it. hang has no context and never answers. */
raw_script_fn answer_all, answer_raw, answer_then_close, hang;

/* Return requests for the url; the long time-outs, but for the short one. */
struct http_request make_get(void);
struct http_request make_post(const char *body);
struct http_request make_short_post(void);

int64_t now_ms(void);

/* Waits for the next reply. */
struct http_reply await_reply(void);

/* Makes one request and waits for its reply. */
struct http_reply exchange(const struct http_request *r);
struct http_reply exchange_post(void);
struct http_reply exchange_short_post(void);

void assert_ok(const struct http_reply *reply, const char *answer);
void assert_not_sent(const struct http_reply *reply);
void assert_sent_but(const struct http_reply *reply, int curl_code);

/* Writes what the reply to an attempt at /cmds comes to. */
void judge_reply(const struct http_reply *reply, struct verdict *ret_verdict);

#endif
