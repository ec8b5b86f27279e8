/* SPDX-License-Identifier: MIT */
#include "base/secret.h"
#include "http_fixture.h"
#include "memory_walk.h"

#include "basics.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- what a request looks like ---- */

struct capture {
  char bytes[70000];
  size_t size;
};

static void keep(struct capture *capture, struct raw_connection *c) {
  capture->size = raw_request_size(c);
  memcpy(capture->bytes, raw_request(c), capture->size);
  capture->bytes[capture->size] = '\0';
}

static void capture_one(struct raw_connection *c, size_t number,
                        void *context) {
  (void)number;
  if (!raw_read_request(c))
    return;
  keep(context, c);
  raw_send_ok(c, "{}");
}

static const struct capture *capture_request(const struct http_request *r) {
  static struct capture capture;
  memset(&capture, 0, sizeof(capture));
  start_server(capture_one, &capture);
  assert_int_equal(http_start(http, r), 0);
  struct http_reply reply = await_reply();
  assert_ok(&reply, "{}");
  stop_server();
  return &capture;
}

static void assert_head(const struct capture *capture,
                        const char *const *lines) {
  const char *head_end = strstr(capture->bytes, "\r\n\r\n");
  assert_non_null(head_end);
  assert_memory_equal(capture->bytes, lines[0], strlen(lines[0]));
  size_t wanted = 0, found = 0;
  for (; lines[wanted] != NULL; wanted++) {
    char line[128];
    snprintf(line, sizeof(line), "%s%s\r\n", wanted > 0 ? "\r\n" : "",
             lines[wanted]);
    if (strstr(capture->bytes, line) == NULL)
      fail_msg("%s is missing in %s", lines[wanted], capture->bytes);
  }
  for (const char *at = capture->bytes; at <= head_end; found++)
    at = strstr(at, "\r\n") + 2;
  assert_int_equal(found, wanted);
}

static const char *body_of(const struct capture *capture) {
  return strstr(capture->bytes, "\r\n\r\n") + 4;
}

static void a_post_arrives_as_the_documented_bytes(void **state) {
  (void)state;
  static const char *const headers[] = {
      "api-key: l2aH*BRtAo=", "Content-Type: application/json", NULL};
  struct http_request r = make_post("{\"fan\":1}");
  r.headers = headers;
  r.user_agent = "golden/1";
  const struct capture *capture = capture_request(&r);

  char host[64];
  snprintf(host, sizeof(host), "Host: %.*s",
           (int)strcspn(url + strlen("http://"), "/"), url + strlen("http://"));
  const char *const lines[] = {"POST /cmds?device_id=1 HTTP/1.1",
                               host,
                               "User-Agent: golden/1",
                               "Accept: */*",
                               "api-key: l2aH*BRtAo=",
                               "Content-Type: application/json",
                               "Content-Length: 9",
                               NULL};
  assert_head(capture, lines);
  assert_string_equal(body_of(capture), "{\"fan\":1}");
}

static void a_get_arrives_without_a_body(void **state) {
  (void)state;
  struct http_request r = make_get();
  const struct capture *capture = capture_request(&r);
  assert_memory_equal(capture->bytes, "GET /cmds", 9);
  assert_null(strstr(capture->bytes, "Content-"));
  assert_non_null(strstr(capture->bytes, "\r\nUser-Agent: collectd-onenet/"));
  assert_string_equal(body_of(capture), "");
}

static void a_body_with_nul_bytes_arrives_unchanged(void **state) {
  (void)state;
  static const char body[] = "\0a\0\r\n\r\n\xff\0";
  struct http_request r = make_post("");
  r.body = body;
  r.body_size = sizeof(body) - 1;
  const struct capture *capture = capture_request(&r);
  assert_non_null(strstr(capture->bytes, "\r\nContent-Length: 9\r\n"));
  assert_memory_equal(body_of(capture), body, sizeof(body) - 1);
}

static void a_body_of_65535_bytes_arrives_at_once(void **state) {
  (void)state;
  static char body[65535];
  memset(body, 'x', sizeof(body));
  struct http_request r = make_post("");
  r.body = body;
  r.body_size = sizeof(body);
  const struct capture *capture = capture_request(&r);
  assert_non_null(strstr(capture->bytes, "\r\nContent-Length: 65535\r\n"));
  assert_null(strstr(capture->bytes, "chunked"));
  assert_null(strstr(capture->bytes, "Expect"));
  assert_memory_equal(body_of(capture), body, sizeof(body));
}

static void what_was_borrowed_may_change_after_the_start(void **state) {
  (void)state;
  static char answer[] = "fine", body[] = "on", header[] = "api-key: k";
  const char *headers[] = {header, NULL};
  static struct capture capture;
  start_server(capture_one, &capture);
  struct http_request r = make_post(body);
  r.headers = headers;
  assert_int_equal(http_start(http, &r), 0);
  memset(body, 'X', strlen(body));
  memset(header, 'X', strlen(header));
  url[0] = '\0';
  memset(&r, 0xff, sizeof(r));
  memset(answer, 'X', strlen(answer));
  await_reply();
  stop_server();
  assert_non_null(strstr(capture.bytes, "\r\napi-key: k\r\n"));
  assert_string_equal(body_of(&capture), "on");
}

/* ---- sent or not ---- */

static void a_refused_connection_is_not_sent(void **state) {
  (void)state;
  start_server(hang, NULL);
  stop_server();
  struct http_reply reply = exchange_post();
  assert_not_sent(&reply);
  assert_int_equal(reply.curl_code, CURLE_COULDNT_CONNECT);
}

/* Returns a listener with room for one connection that nobody accepts. */
static int listen_only(void) {
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(a);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
  assert_int_equal(listen(fd, 0), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
  point_at("http", ntohs(a.sin_port));
  return fd;
}

static int connect_without_waiting(int listener) {
  struct sockaddr_in a;
  socklen_t size = sizeof(a);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &size), 0);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  connect(fd, (struct sockaddr *)&a, sizeof(a));
  return fd;
}

/* The short time-out is that of the connection, the long one that of all. */
static void assert_connection_times_out(struct http_request r) {
  int64_t start_ms = now_ms();
  r.connect_timeout_ms = SHORT_MS;
  struct http_reply reply = exchange(&r);
  assert_not_sent(&reply);
  assert_int_equal(reply.curl_code, CURLE_OPERATION_TIMEDOUT);
  assert_true(now_ms() - start_ms < LONG_MS / 2);
}

static void a_full_backlog_times_out_as_not_sent(void **state) {
  (void)state;
  int listener = listen_only();
  int waiting[4];
  for (size_t i = 0; i < LENGTH(waiting); i++)
    waiting[i] = connect_without_waiting(listener);
  assert_connection_times_out(make_post("on"));
  for (size_t i = 0; i < LENGTH(waiting); i++)
    close(waiting[i]);
  close(listener);
}

static void a_listener_that_never_accepts_was_sent_to(void **state) {
  (void)state;
  int listener = listen_only();
  struct http_reply reply = exchange_short_post();
  assert_sent_but(&reply, CURLE_OPERATION_TIMEDOUT);
  close(listener);
}

static void an_answer_that_never_comes_times_out_as_sent(void **state) {
  (void)state;
  start_server(hang, NULL);
  struct http_reply reply = exchange_short_post();
  assert_sent_but(&reply, CURLE_OPERATION_TIMEDOUT);
  assert_int_equal(reply.http_code, 0);

  struct http_request r = make_get();
  r.timeout_ms = SHORT_MS;
  reply = exchange(&r);
  assert_sent_but(&reply, CURLE_OPERATION_TIMEDOUT);
}

static void a_tls_handshake_that_hangs_is_not_sent(void **state) {
  (void)state;
  start_server(hang, NULL);
  point_at("https", raw_server_port(server));
  assert_connection_times_out(make_post("on"));
  assert_connection_times_out(make_get());
}

/* Starts a proxy that answers so; the request is never to be its own. */
static struct http_request make_post_by_proxy(char *answer) {
  static char proxy[64];
  start_server(answer_raw, answer);
  snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d",
           raw_server_port(server));
  struct http_request r = make_post("on");
  r.url = "https://127.0.0.1:1/cmds";
  r.proxy = proxy;
  return r;
}

/* Once libcurl has put the head of the request together there is its copy. */
static void a_header_that_waits_to_be_sent_is_in_no_core_dump(void **state) {
  memory_walk_skip_if_sanitized();
  (void)state;
  char *key = secret_copy("api-key: 0123456789abcdef");
  size_t name_size = strlen("api-key: ");
  const char *const headers[] = {key, NULL};
  struct http_request r = make_post("on");
  for (char *digit = key + name_size; *digit != '\0'; digit++) {
    unsigned char byte;
    assert_int_equal(getentropy(&byte, 1), 0);
    *digit = (char)('a' + byte % 16);
  }
  start_server(answer_all, "{}");
  r.headers = headers;
  assert_int_equal(http_start(http, &r), 0);
  assert_false(memory_walk_finds(key + name_size, strlen(key + name_size)));
  struct http_reply reply = await_reply();
  assert_ok(&reply, "{}");
  secret_free(key);
}

static void set_in_environment(const char *const *names, const char *value) {
  for (; *names != NULL; names++)
    assert_int_equal(setenv(*names, value, 1), 0);
}

static void forget_in_environment(const char *const *names) {
  for (; *names != NULL; names++)
    unsetenv(*names);
}

static void no_proxy_of_the_environment_sees_a_request(void **state) {
  (void)state;
  static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY",
                                      NULL};
  char proxy[64];
  struct raw_server *spy = raw_server_start(answer_all, "spy");
  snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", raw_server_port(spy));
  start_server(answer_all, "{}");
  set_in_environment(names, proxy);
  struct http_reply reply = exchange_post();
  forget_in_environment(names);
  assert_ok(&reply, "{}");
  assert_int_equal(raw_server_requests(spy), 0);
  raw_server_stop(spy);
}

static void no_word_of_the_environment_leads_past_the_proxy(void **state) {
  (void)state;
  static const char *const names[] = {"no_proxy", "NO_PROXY", NULL};
  static char answer[] = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
  struct http_request r = make_post_by_proxy(answer);
  set_in_environment(names, "*");
  struct http_reply reply = exchange(&r);
  forget_in_environment(names);
  assert_not_sent(&reply);
  assert_int_equal(raw_server_requests(server), 1);
}

static void a_proxy_that_refuses_the_tunnel_is_not_sent(void **state) {
  (void)state;
  static char answer[] = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
  struct http_request r = make_post_by_proxy(answer);
  struct http_reply reply = exchange(&r);
  assert_not_sent(&reply);
  assert_int_equal(raw_server_requests(server), 1);
}

static void a_handshake_that_hangs_in_a_tunnel_is_not_sent(void **state) {
  (void)state;
  static char answer[] = "HTTP/1.1 200 Go on\r\n\r\n";
  assert_connection_times_out(make_post_by_proxy(answer));
  assert_int_equal(raw_server_requests(server), 1);
}

static void reset_at_once(struct raw_connection *c, size_t number,
                          void *context) {
  (void)number;
  (void)context;
  raw_reset(c);
}

static void a_reset_before_the_request_was_read_is_no_success(void **state) {
  (void)state;
  start_server(reset_at_once, NULL);
  struct http_reply reply = exchange_post();
  assert_int_not_equal(reply.curl_code, CURLE_OK);
  assert_int_equal(reply.http_code, 0);
  assert_int_equal(raw_server_requests(server), 0);
}

static void execute_and_reset(struct raw_connection *c, size_t number,
                              void *answer) {
  (void)number;
  if (raw_read_request(c))
    raw_send(c, answer);
  raw_reset(c);
}

static void a_reset_after_the_request_was_read_is_sent(void **state) {
  (void)state;
  start_server(execute_and_reset, "");
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, CURLE_RECV_ERROR);
  assert_int_equal(reply.http_code, 0);
  assert_int_equal(raw_server_requests(server), 1);
}

static void a_close_after_the_request_was_read_is_sent(void **state) {
  (void)state;
  start_server(answer_then_close, "");
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, CURLE_GOT_NOTHING);
  assert_int_equal(raw_server_requests(server), 1);
}

static char cut_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"errno\":0}";

static void a_reset_in_mid_body_is_no_complete_answer(void **state) {
  (void)state;
  start_server(execute_and_reset, cut_answer);
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, CURLE_RECV_ERROR);
  assert_int_equal(reply.http_code, 200);
}

static void a_close_in_mid_body_is_no_complete_answer(void **state) {
  (void)state;
  start_server(answer_then_close, cut_answer);
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, CURLE_PARTIAL_FILE);
  assert_int_equal(reply.http_code, 200);
}

static void an_answer_that_is_not_http_is_no_answer(void **state) {
  (void)state;
  start_server(answer_then_close, "{\"errno\":0}\n");
  struct http_reply reply = exchange_post();
  assert_int_not_equal(reply.curl_code, CURLE_OK);
  assert_int_equal(reply.http_code, 0);
  assert_true(reply.sent);
}

/* ---- pooled connections ---- */

static void requests_one_after_another_share_a_connection(void **state) {
  (void)state;
  start_server(answer_all, "{}");
  for (int i = 0; i < 10; i++) {
    struct http_reply reply = exchange_post();
    assert_ok(&reply, "{}");
  }
  assert_int_equal(raw_server_connections(server), 1);
}

/* What the server saw last; each answer is another one. */
static struct capture last;

static void capture_all(struct raw_connection *c, size_t number,
                        void *context) {
  (void)number;
  (void)context;
  while (raw_read_request(c)) {
    keep(&last, c);
    if (!raw_send_ok(c, body_of(&last)))
      return;
  }
}

/* The answer is the body, as the server saw it. */
static void assert_arrives(const struct http_request *r, const char *agent) {
  char line[64];
  struct http_reply reply = exchange(r);
  assert_ok(&reply, r->is_post ? r->body : "");
  snprintf(line, sizeof(line), "\r\nUser-Agent: %s\r\n", agent);
  assert_non_null(strstr(last.bytes, line));
  assert_memory_equal(last.bytes, r->is_post ? "POST" : "GET ", 4);
  assert_int_equal(strstr(last.bytes, "Content-") != NULL, r->is_post);
  assert_int_equal(strstr(last.bytes, "api-key: k") != NULL,
                   r->headers[0] != NULL);
}

static void requests_of_all_kinds_follow_one_another(void **state) {
  (void)state;
  static const char *const headers[] = {"api-key: k", NULL};
  static char long_body[32 * 1024];
  memset(long_body, 'x', sizeof(long_body) - 1);
  start_server(capture_all, NULL);
  struct http_request kinds[] = {make_post("on"), make_get(),
                                 make_post(long_body), make_post("off")};
  kinds[0].headers = kinds[2].headers = headers;
  for (size_t i = 0; i < 3 * LENGTH(kinds) * LENGTH(kinds); i++) {
    struct http_request r = kinds[i * 7 / 3 % LENGTH(kinds)];
    r.user_agent = i % 3 > 0 ? "one/1" : "other/1";
    assert_arrives(&r, r.user_agent);
  }
  assert_int_equal(raw_server_connections(server), 1);
}

static void assert_asks_for(const char *rest, const char *target) {
  char line[64], text[128];
  struct http_request r = make_get();
  snprintf(text, sizeof(text), "http://127.0.0.1:%d%s", raw_server_port(server),
           rest);
  r.url = text;
  struct http_reply reply = exchange(&r);
  assert_ok(&reply, "");
  snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n",
           target, raw_server_port(server));
  assert_memory_equal(last.bytes, line, strlen(line));
}

static void what_is_asked_for_is_the_rest_of_the_url(void **state) {
  (void)state;
  static const char *const rests[][2] = {
      {"/cmds?device_id=1", "/cmds?device_id=1"},
      {"/a/b%20c", "/a/b%20c"},
      {"", "/"},
      {"?a=b", "/?a=b"},
      {"/x/../y", "/y"},
      {"/cmds/u-1/resp", "/cmds/u-1/resp"},
      {"/./z?q", "/z?q"},
      {"/", "/"}};
  start_server(capture_all, NULL);
  for (size_t i = 0; i < 2 * LENGTH(rests); i++)
    assert_asks_for(rests[i * 3 % LENGTH(rests)][0],
                    rests[i * 3 % LENGTH(rests)][1]);
}

static void each_site_gets_its_own_requests(void **state) {
  (void)state;
  struct raw_server *other = raw_server_start(answer_all, "other");
  char other_url[64];
  start_server(answer_all, "{}");
  snprintf(other_url, sizeof(other_url), "http://127.0.0.1:%d/cmds",
           raw_server_port(other));
  struct http_request r = make_post("on");
  for (int i = 0; i < 12; i++) {
    bool is_other = i % 4 > 1;
    r.url = is_other ? other_url : url;
    struct http_reply reply = exchange(&r);
    assert_ok(&reply, is_other ? "other" : "{}");
  }
  raw_server_stop(other);
}

static void a_proxy_for_http_gets_the_whole_url(void **state) {
  (void)state;
  static char proxy[64];
  start_server(capture_all, NULL);
  snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d",
           raw_server_port(server));
  struct http_request r = make_get();
  r.url = "http://somewhere.invalid/cmds?device_id=1";
  r.proxy = proxy;
  struct http_reply reply = exchange(&r);
  assert_ok(&reply, "");
  static const char line[] =
      "GET http://somewhere.invalid/cmds?device_id=1 HTTP/1.1\r\n"
      "Host: somewhere.invalid\r\n";
  assert_memory_equal(last.bytes, line, strlen(line));
}

#define POOL 8

/* How a connection of the pool dies when its second request has arrived. */
struct death {
  size_t pool_size;
  bool is_reset;
  bool is_of_server; /* nothing listens any more */
};

/* Its first answer waits until every connection of the pool has a request. */
static void execute_and_die(struct raw_connection *c, size_t number,
                            void *context) {
  const struct death *death = context;
  (void)number;
  if (!raw_read_request(c))
    return;
  raw_await_requests(c, death->pool_size);
  raw_send_ok(c, "{}");
  raw_read_request(c);
  if (death->is_of_server)
    raw_stop_listening(c);
  if (death->is_reset)
    raw_reset(c);
}

static void start_posts(size_t count) {
  struct http_request r = make_post("on");
  for (size_t i = 0; i < count; i++)
    assert_int_equal(http_start(http, &r), 0);
}

static void start_server_with_pool(struct death *death) {
  start_server(execute_and_die, death);
  start_posts(death->pool_size);
  for (size_t i = 0; i < death->pool_size; i++) {
    struct http_reply reply = await_reply();
    assert_ok(&reply, "{}");
  }
  assert_int_equal(raw_server_connections(server), death->pool_size);
  assert_int_equal(raw_server_requests(server), death->pool_size);
}

static void assert_executes_once(struct death *death, int curl_code) {
  start_server_with_pool(death);
  struct http_reply reply = exchange_post();
  assert_sent_but(&reply, curl_code);
  assert_int_equal(reply.http_code, 0);
  assert_int_equal(raw_server_requests(server), death->pool_size + 1);
  stop_server();
}

static void a_pooled_connection_that_dies_executes_once(void **state) {
  (void)state;
  static struct death close = {1, false, false}, reset = {1, true, false};
  assert_executes_once(&close, CURLE_SEND_FAIL_REWIND);
  assert_executes_once(&reset, CURLE_SEND_FAIL_REWIND);
}

static void one_of_8_pooled_connections_that_dies_executes_once(void **state) {
  (void)state;
  static struct death close = {POOL, false, false}, reset = {POOL, true, false};
  assert_executes_once(&close, CURLE_SEND_FAIL_REWIND);
  assert_executes_once(&reset, CURLE_SEND_FAIL_REWIND);
}

/* libcurl is kept from the second try only once it has a connection for that.
 */
static void
a_pooled_connection_that_dies_with_its_server_was_sent_to(void **state) {
  (void)state;
  static struct death death = {1, true, true};
  assert_executes_once(&death, CURLE_COULDNT_CONNECT);
}

/* The second try that is refused to one may cost another its connection: that
 * one goes over a fresh connection then. */
static void all_of_8_pooled_connections_that_die_execute_once(void **state) {
  (void)state;
  static struct death death = {POOL, false, false};
  size_t died = 0;
  start_server_with_pool(&death);
  start_posts(POOL);
  for (size_t i = 0; i < POOL; i++) {
    struct http_reply reply = await_reply();
    if (reply.curl_code == CURLE_OK) {
      assert_ok(&reply, "{}");
      continue;
    }
    assert_sent_but(&reply, CURLE_SEND_FAIL_REWIND);
    died++;
  }
  assert_true(died >= POOL / 2);
  assert_int_equal(raw_server_requests(server), 2 * POOL);
}

static atomic_bool may_speak, has_spoken;

static void speak_unasked(struct raw_connection *c, size_t number,
                          void *unasked) {
  if (!raw_read_request(c) || !raw_send_ok(c, "asked"))
    return;
  while (number == 0 && !may_speak && raw_pause(c, 1))
    ;
  if (number == 0)
    raw_send(c, unasked);
  has_spoken = true;
  answer_all(c, number, "asked");
}

/* Nobody waits for such a connection to fail: there is a fresh one. */
static void assert_not_taken_for_an_answer(char *unasked,
                                           const struct http_request *r) {
  may_speak = has_spoken = false;
  start_server(speak_unasked, unasked);
  struct http_reply reply = exchange_post();
  assert_ok(&reply, "asked");
  may_speak = true;
  while (!has_spoken)
    poll(NULL, 0, 1);

  struct http_request again = *r;
  again.url = url;
  reply = exchange(&again);
  assert_ok(&reply, "asked");
  assert_false(reply.is_early);
  assert_int_equal(raw_server_requests(server), 2);
  reply = exchange_post();
  assert_ok(&reply, "asked");
  assert_int_equal(raw_server_connections(server), 2);
  stop_server();
}

static void what_comes_unasked_is_not_taken_for_an_answer(void **state) {
  (void)state;
  static char yes[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  static char no[] = "HTTP/1.1 408 Idle\r\nContent-Length: 0\r\n\r\n";
  static char garbage[] = "{\"errno\":0}\n";
  static char long_body[32 * 1024];
  memset(long_body, 'x', sizeof(long_body) - 1);
  struct http_request posts[] = {make_post("on"), make_post(long_body)};
  for (size_t i = 0; i < LENGTH(posts); i++) {
    assert_not_taken_for_an_answer(yes, &posts[i]);
    assert_not_taken_for_an_answer(no, &posts[i]);
    assert_not_taken_for_an_answer(garbage, &posts[i]);
  }
}

/* ---- what can not be made ---- */

static void a_request_that_can_not_be_made_is_refused(void **state) {
  (void)state;
  static const char *const injected[] = {"api-key: k\r\nX: y", NULL};
  static const struct tls_options unknown = {.ssl_version = 9};
  start_server(answer_all, "{}");
  struct http_request r = make_post("");
  assert_int_equal(http_start(http, &r), -EINVAL);
  r = make_post("on");
  r.headers = injected;
  assert_int_equal(http_start(http, &r), -EINVAL);
  r = make_post("on");
  r.tls = &unknown;
  assert_int_equal(http_start(http, &r), -EINVAL);
  r = make_post("on");
  r.url = "file:///etc/passwd";
  assert_int_equal(http_start(http, &r), -EINVAL);

  struct http_reply reply;
  assert_int_equal(http_in_flight(http), 0);
  http_wait(http, 0);
  assert_false(http_next_reply(http, &reply));
  assert_int_equal(raw_server_connections(server), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_post_arrives_as_the_documented_bytes),
      TEST(a_get_arrives_without_a_body),
      TEST(a_body_with_nul_bytes_arrives_unchanged),
      TEST(a_body_of_65535_bytes_arrives_at_once),
      TEST(what_was_borrowed_may_change_after_the_start),
      TEST(a_refused_connection_is_not_sent),
      TEST(a_full_backlog_times_out_as_not_sent),
      TEST(a_listener_that_never_accepts_was_sent_to),
      TEST(an_answer_that_never_comes_times_out_as_sent),
      TEST(a_tls_handshake_that_hangs_is_not_sent),
      TEST(a_header_that_waits_to_be_sent_is_in_no_core_dump),
      TEST(no_proxy_of_the_environment_sees_a_request),
      TEST(no_word_of_the_environment_leads_past_the_proxy),
      TEST(a_proxy_that_refuses_the_tunnel_is_not_sent),
      TEST(a_handshake_that_hangs_in_a_tunnel_is_not_sent),
      TEST(a_reset_before_the_request_was_read_is_no_success),
      TEST(a_reset_after_the_request_was_read_is_sent),
      TEST(a_close_after_the_request_was_read_is_sent),
      TEST(a_reset_in_mid_body_is_no_complete_answer),
      TEST(a_close_in_mid_body_is_no_complete_answer),
      TEST(an_answer_that_is_not_http_is_no_answer),
      TEST(requests_one_after_another_share_a_connection),
      TEST(requests_of_all_kinds_follow_one_another),
      TEST(what_is_asked_for_is_the_rest_of_the_url),
      TEST(each_site_gets_its_own_requests),
      TEST(a_proxy_for_http_gets_the_whole_url),
      TEST(a_pooled_connection_that_dies_executes_once),
      TEST(one_of_8_pooled_connections_that_dies_executes_once),
      TEST(all_of_8_pooled_connections_that_die_execute_once),
      TEST(a_pooled_connection_that_dies_with_its_server_was_sent_to),
      TEST(what_comes_unasked_is_not_taken_for_an_answer),
      TEST(a_request_that_can_not_be_made_is_refused),
  };
  fixture_isolate();
  if (http_global_init() != 0)
    return 1;
  int failed = cmocka_run_group_tests_name("http", tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
