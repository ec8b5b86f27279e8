/* SPDX-License-Identifier: MIT
 *
 * Answers that come before the whole body was asked for.
 */
#include "basics.h"
#include "http_fixture.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define LONG_BODY_BYTES (60 * 1024)
#define LONG_HEAD_BYTES (100 * 1024)

/* An early answer, and what it must come to. */
struct answer {
  const char *status; /* with further header lines */
  const char *body;
  int http_code;
  bool has_retry_after;
  int64_t retry_after_ms;
  enum verdict_class class;
  const char *cause;
};

static const struct answer answers[] = {
    {"401 No", "", 401, false, 0, VERDICT_CREDENTIALS, "http_401"},
    {"401 No", "{\"errno\":3,\"error\":\"auth failed\"}", 401, false, 0,
     VERDICT_CREDENTIALS, "errno_3"},
    {"413 Too much", "", 413, false, 0, VERDICT_REFUSED, "http_413"},
    {"429 Slow down\r\nRetry-After: 7", "", 429, true, 7000,
     VERDICT_NOT_EXECUTED, "http_429"},
    {"503 Busy\r\nRetry-After: 7", "", 503, true, 7000, VERDICT_NOT_EXECUTED,
     "http_503"},
    {"302 Elsewhere\r\nLocation: http://127.0.0.1:1/", "", 302, false, 0,
     VERDICT_REFUSED, "http_302"},
    /* These would be doubtful if the body had left. */
    {"503 Busy", "", 503, false, 0, VERDICT_NOT_SENT, "http_503"},
    {"408 Idle", "", 408, false, 0, VERDICT_NOT_SENT, "http_408"},
    {"500 Oops", "{\"errno\":1}", 500, false, 0, VERDICT_NOT_SENT, "errno_1"},
    {"400 Oops", "{\"errno\":0}", 400, false, 0, VERDICT_NOT_SENT, "http_400"},
    /* These are not believed. */
    {"200 OK", "{\"errno\":0}", 0, false, 0, VERDICT_NOT_SENT, "curl_23"},
    {"204 OK\r\nRetry-After: 7", "", 0, false, 0, VERDICT_NOT_SENT, "curl_23"},
};

/* How the server behaves. */
struct scene {
  const struct answer *answer;
  const char *more_headers;
  bool is_reused;     /* the connection: one request was answered before */
  bool is_after_head; /* some of the body has come, else not even the head */
  bool is_cut;        /* the connection is reset behind the answer's head */
  bool is_small;      /* the body */
};

static void answer_early(struct raw_connection *c, size_t number,
                         void *context) {
  struct scene *scene = context;
  const struct answer *a = scene->answer;
  char text[512];
  if (number == 0 && scene->is_reused &&
      (!raw_read_request(c) || !raw_send_ok(c, "{}")))
    return;
  if (!(scene->is_after_head ? raw_read_until(c, "\r\n\r\nx")
                             : raw_read_some(c, 1)))
    return;
  snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s",
           a->status, scene->is_cut ? 1000 : strlen(a->body),
           scene->more_headers, a->body);
  raw_send(c, text);
  if (scene->is_cut)
    raw_reset(c);
  else
    raw_read_request(c);
}

static void start_scene(struct scene *scene) {
  server = raw_server_start_narrow(answer_early, scene);
  point_at("http", raw_server_port(server));
  if (!scene->is_reused)
    return;
  struct http_reply reply = exchange_post();
  assert_ok(&reply, "{}");
  assert_false(reply.is_early);
}

/* Neither its head, if that is long, nor its body fits into the connection. */
static struct http_reply exchange_long_post(const struct scene *scene) {
  static char long_body[LONG_BODY_BYTES + 1], head[LONG_HEAD_BYTES];
  static const char *headers[] = {head, NULL};
  memset(long_body, 'x', LONG_BODY_BYTES);
  memset(head, 'x', sizeof(head) - 1);
  memcpy(head, "X-Filler: ", strlen("X-Filler: "));
  struct http_request r = make_post(scene->is_small ? "on" : long_body);
  if (!scene->is_after_head)
    r.headers = headers;
  return exchange(&r);
}

static void assert_early(const struct http_reply *reply,
                         const struct answer *a) {
  struct verdict v;
  judge_reply(reply, &v);
  assert_true(reply->is_early);
  assert_false(reply->sent);
  assert_int_equal(reply->http_code, a->http_code);
  assert_int_equal(reply->has_retry_after, a->has_retry_after);
  assert_int_equal(reply->retry_after_ms, a->retry_after_ms);
  assert_string_equal(v.cause, a->cause);
  assert_int_equal(v.class, a->class);
  assert_true(v.is_early);
}

static void play(struct scene scene) {
  start_scene(&scene);
  struct http_reply reply = exchange_long_post(&scene);
  assert_early(&reply, scene.answer);
  /* So that the server has seen all that there is to see. */
  http_free(http);
  http = http_new(16);
  raw_server_drain(server);
  assert_int_equal(raw_server_requests(server), scene.is_reused ? 1 : 0);
  assert_int_equal(raw_server_connections(server), 1);
  stop_server();
}

static void play_all(struct scene scene) {
  static const char *const more[] = {"", "Connection: close\r\n"};
  for (size_t i = 0; i < LENGTH(answers); i++) {
    scene.answer = &answers[i];
    for (size_t j = 0; j < LENGTH(more); j++) {
      scene.more_headers = more[j];
      scene.is_reused = false;
      play(scene);
      scene.is_reused = true;
      play(scene);
    }
  }
}

static void
an_answer_before_the_body_is_judged_and_the_body_stays(void **state) {
  (void)state;
  play_all((struct scene){.is_small = true});
  play_all((struct scene){.is_small = false});
}

static void
an_answer_within_the_body_is_judged_and_the_rest_stays(void **state) {
  (void)state;
  play_all((struct scene){.is_after_head = true});
}

static void
an_early_answer_of_which_the_rest_is_lost_is_that_answer(void **state) {
  (void)state;
  for (size_t i = 0; i < LENGTH(answers); i++)
    if (answers[i].body[0] == '\0')
      play((struct scene){.answer = &answers[i],
                          .more_headers = "",
                          .is_after_head = true,
                          .is_cut = true});
}

static void answer_slowly(struct raw_connection *c, size_t number,
                          void *context) {
  (void)number;
  (void)context;
  if (raw_read_some(c, 1) &&
      raw_send(c, "HTTP/1.1 503 Busy\r\nConnection: close\r\n"
                  "Content-Length: 2\r\n\r\n") &&
      raw_read_request(c))
    raw_send(c, "{}");
}

/* libcurl would go on to send, since the connection is closed anyhow. */
static void the_body_stays_where_an_early_answer_is_slow(void **state) {
  (void)state;
  static const struct answer busy = {
      "", "", 503, false, 0, VERDICT_NOT_SENT, "http_503"};
  struct scene scene = {.is_small = true};
  server = raw_server_start_narrow(answer_slowly, NULL);
  point_at("http", raw_server_port(server));
  struct http_reply reply = exchange_long_post(&scene);
  assert_early(&reply, &busy);
  raw_server_drain(server);
  assert_int_equal(raw_server_requests(server), 0);
}

static void announce_and_answer(struct raw_connection *c, size_t number,
                                void *context) {
  (void)number;
  (void)context;
  if (raw_read_some(c, 1) && raw_send(c, "HTTP/1.1 100 Continue\r\n\r\n") &&
      raw_read_request(c))
    raw_send_ok(c, "{}");
}

static void an_early_announcement_is_no_answer(void **state) {
  (void)state;
  struct scene scene = {.is_after_head = false};
  server = raw_server_start_narrow(announce_and_answer, NULL);
  point_at("http", raw_server_port(server));
  struct http_reply reply = exchange_long_post(&scene);
  assert_ok(&reply, "{}");
  assert_false(reply.is_early);
}

static void an_answer_to_the_whole_body_is_not_early(void **state) {
  (void)state;
  static char busy[] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
  struct scene scene = {.is_after_head = true};
  start_server(answer_raw, busy);
  struct http_reply reply = exchange_long_post(&scene);
  assert_true(reply.sent);
  assert_false(reply.is_early);
  struct verdict v;
  judge_reply(&reply, &v);
  assert_int_equal(v.class, VERDICT_DOUBTFUL);
  assert_false(v.is_early);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_answer_before_the_body_is_judged_and_the_body_stays),
      TEST(an_answer_within_the_body_is_judged_and_the_rest_stays),
      TEST(an_early_answer_of_which_the_rest_is_lost_is_that_answer),
      TEST(the_body_stays_where_an_early_answer_is_slow),
      TEST(an_early_announcement_is_no_answer),
      TEST(an_answer_to_the_whole_body_is_not_early),
  };
  fixture_isolate();
  if (http_global_init() != 0)
    return 1;
  int failed =
      cmocka_run_group_tests_name("http: early answers", tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
