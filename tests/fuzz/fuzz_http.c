/* SPDX-License-Identifier: MIT
 *
 * fuzz_http owns the fuzz target of answers as they come over the wire, and of
 * Retry-After above all. Whatever comes: one reply is made of it, within the
 * bounds; a wait is asked for by the header alone, and one in digits is what it
 * says; and a command is accepted only if HTTP says 2xx.
 *
 * The first byte chooses: the rest is the value of a Retry-After of a 503, or
 * all that the server sends.
 */
#include "base/buf.h"
#include "cloud/api.h"
#include "cloud/http.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 10000
#define WAITS_MAX 20000
#define RETRY_AFTER_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

/* ---- the server, on the thread of the client ---- */

static int listener = -1;
static char url[64];

static void listen_once(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (listener >= 0)
    return;
  signal(SIGPIPE, SIG_IGN);
  must(http_global_init() == 0);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  must(bind(listener, (struct sockaddr *)&address, size) == 0);
  must(listen(listener, 16) == 0);
  must(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
  snprintf(url, sizeof url, "http://127.0.0.1:%d/cmds?device_id=1",
           ntohs(address.sin_port));
}

/* A connection, and what it is answered. */
struct server {
  int fd; /* -1: nobody has come */
  bool is_answered;
  const struct buf *answer;
};

static void serve(struct server *s) {
  char request[4096];
  if (s->fd < 0)
    s->fd = accept(listener, NULL, NULL);
  struct pollfd ready = {.fd = s->fd, .events = POLLIN};
  if (s->fd < 0 || s->is_answered || poll(&ready, 1, 0) != 1)
    return;
  if (recv(s->fd, request, sizeof request, 0) > 0)
    send(s->fd, buf_text(s->answer), s->answer->size, MSG_NOSIGNAL);
  shutdown(s->fd, SHUT_WR);
  s->is_answered = true;
}

/* Ends the connection by a reset, which leaves the kernel nothing to keep. */
static void hang_up(struct server *s) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (s->fd < 0)
    return;
  setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(s->fd);
}

/* ---- what must hold ---- */

static void check_reply(const struct http_reply *reply) {
  must(reply->retry_after_ms >= 0);
  must(reply->retry_after_ms <= RETRY_AFTER_MAX_MS);
  must(reply->has_retry_after || reply->retry_after_ms == 0);
  must(reply->answer_size <= HTTP_ANSWER_MAX_BYTES);
  must(reply->answer[reply->answer_size] == '\0');
  must(strpbrk(reply->curl_error, "\r\n") == NULL);
  must((reply->curl_code == 0) == (reply->curl_error[0] == '\0'));
  must(reply->http_code == 0 ||
       (reply->http_code >= 100 && reply->http_code <= 999));
}

static void check_verdict(const struct http_reply *reply) {
  struct verdict v;
  struct buf said;
  buf_init(&said, API_REPLY_MAX_BYTES);
  cmds_api.judge(reply, &v, &said);
  buf_free(&said);
  if (v.class == VERDICT_ACCEPTED)
    must(reply->http_code / 100 == 2 && reply->curl_code == 0 && reply->sent &&
         strstr(reply->answer, "rrno") != NULL);
  must(v.class != VERDICT_NOT_SENT || !reply->sent);
}

/* Returns whether the text is a number of few digits, and writes it. */
static bool is_seconds(const char *text, size_t size, int64_t *ret_s) {
  char digits[9] = "";
  if (size == 0 || size >= sizeof digits)
    return false;
  memcpy(digits, text, size);
  *ret_s = strtoll(digits, NULL, 10);
  return strspn(digits, "0123456789") == size;
}

static void check_wait(const struct http_reply *reply, const char *value,
                       size_t size) {
  int64_t s;
  if (!is_seconds(value, size, &s))
    return;
  must(reply->http_code == 503 && reply->has_retry_after);
  int64_t ms = s * 1000 < RETRY_AFTER_MAX_MS ? s * 1000 : RETRY_AFTER_MAX_MS;
  must(reply->retry_after_ms == ms);
}

/* ---- one exchange ---- */

static void exchange(struct http *http, const struct buf *answer,
                     struct http_reply *ret_reply) {
  static const char *const no_headers[] = {NULL};
  static const struct tls_options tls = {.verify_peer = true};
  const struct http_request request = {.url = url,
                                       .is_post = true,
                                       .body = "on",
                                       .body_size = 2,
                                       .headers = no_headers,
                                       .connect_timeout_ms = TIMEOUT_MS,
                                       .timeout_ms = TIMEOUT_MS,
                                       .tls = &tls};
  struct server s = {.fd = -1, .answer = answer};
  int waits = 0;
  must(http_start(http, &request) == 0);
  while (!http_next_reply(http, ret_reply)) {
    must(++waits < WAITS_MAX);
    http_wait(http, 1);
    serve(&s);
  }
  must(http_in_flight(http) == 0);
  hang_up(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct buf answer;
  struct http_reply reply;
  if (size < 1)
    return 0;
  const char *text = (const char *)data + 1;
  bool is_value = (data[0] & 1) != 0;
  listen_once();
  struct http *http = http_new(1);
  if (http == NULL)
    return 0;
  buf_init(&answer, size + 128);
  if (is_value)
    buf_append_text(&answer, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n"
                             "Retry-After: ");
  buf_append(&answer, text, size - 1);
  if (is_value)
    buf_append_text(&answer, "\r\n\r\n");
  exchange(http, &answer, &reply);
  check_reply(&reply);
  check_verdict(&reply);
  if (is_value)
    check_wait(&reply, text, size - 1);
  http_free(http);
  buf_free(&answer);
  return 0;
}
