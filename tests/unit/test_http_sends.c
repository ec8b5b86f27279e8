/* SPDX-License-Identifier: MIT
 *
 * What is known of a short POST, which leaves in one piece, if the kernel takes
 * less than all of it.
 */
#include "basics.h"
#include "http_fixture.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- what libcurl gets instead of libc's send ---- */

/* The bounds of the test's own thread; the server has none. */
static _Thread_local struct {
  bool is_on;
  int calls;
  int refusals; /* so often nothing is taken at first */
  size_t room;  /* then so many bytes, and no more */
} narrow;

static ssize_t take_nothing(void) {
  errno = EAGAIN;
  return -1;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
  narrow.calls++;
  if (!narrow.is_on)
    return sendto(fd, bytes, size, flags, NULL, 0);
  if (narrow.refusals > 0 || narrow.room == 0) {
    narrow.refusals--;
    return take_nothing();
  }
  size_t taken = size < narrow.room ? size : narrow.room;
  narrow.room -= taken;
  return sendto(fd, bytes, taken, flags, NULL, 0);
}

static void make_narrow(int refusals, size_t room) {
  narrow.is_on = true;
  narrow.refusals = refusals;
  narrow.room = room;
}

static void make_wide(void) { narrow.is_on = false; }

/* Returns the size of the head of a POST with the body "on". */
static void count_head(struct raw_connection *c, size_t number, void *context) {
  (void)number;
  if (raw_read_request(c)) {
    *(size_t *)context = raw_request_size(c) - strlen("on");
    raw_send_ok(c, "{}");
  }
}

static size_t size_of_head(void) {
  static size_t size;
  start_server(count_head, &size);
  struct http_reply reply = exchange_post();
  assert_ok(&reply, "{}");
  stop_server();
  return size;
}

/* ---- tests ---- */

static void a_short_post_is_sent_in_one_piece(void **state) {
  (void)state;
  make_wide();
  start_server(answer_all, "{}");
  for (int i = 0; i < 3; i++) {
    narrow.calls = 0;
    struct http_reply reply = exchange_post();
    assert_ok(&reply, "{}");
    assert_int_equal(narrow.calls, 1);
  }
}

static void assert_ends_as_sent(size_t room, bool is_sent) {
  start_server(hang, NULL);
  make_narrow(0, room);
  struct http_reply reply = exchange_short_post();
  make_wide();
  assert_int_equal(reply.curl_code, CURLE_OPERATION_TIMEDOUT);
  assert_int_equal(reply.sent, is_sent);
  stop_server();
}

static void a_post_of_which_no_body_has_left_is_not_sent(void **state) {
  (void)state;
  size_t head = size_of_head();
  assert_ends_as_sent(0, false);
  assert_ends_as_sent(1, false);
  assert_ends_as_sent(head - 1, false);
  assert_ends_as_sent(head, false);
  assert_ends_as_sent(head + 1, true);
  assert_ends_as_sent(head + 2, true);
}

/* The second request is read, and the connection ends. */
static void answer_once(struct raw_connection *c, size_t number,
                        void *context) {
  (void)number;
  (void)context;
  if (raw_read_request(c) && raw_send_ok(c, "{}"))
    raw_read_request(c);
}

static void a_post_that_leaves_late_executes_once(void **state) {
  (void)state;
  make_wide();
  start_server(answer_once, NULL);
  struct http_reply reply = exchange_post();
  assert_ok(&reply, "{}");
  make_narrow(1, SIZE_MAX);
  reply = exchange_post();
  make_wide();
  assert_sent_but(&reply, CURLE_SEND_FAIL_REWIND);
  assert_int_equal(raw_server_requests(server), 2);
}

static void
a_post_that_leaves_late_over_a_fresh_connection_is_sent(void **state) {
  (void)state;
  static char nothing[] = "";
  start_server(answer_then_close, nothing);
  make_narrow(1, SIZE_MAX);
  struct http_reply reply = exchange_post();
  make_wide();
  assert_sent_but(&reply, CURLE_GOT_NOTHING);
  assert_int_equal(raw_server_requests(server), 1);
}

static void answer_early(struct raw_connection *c, size_t number,
                         void *context) {
  (void)number;
  if (raw_read_some(c, 1) && raw_send(c, context))
    raw_hang(c);
}

/* The rest could not be held back but by ending the transfer. */
static void
an_early_answer_to_a_post_in_one_piece_is_not_believed(void **state) {
  (void)state;
  static char no[] = "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n";
  struct verdict v;
  start_server(answer_early, no);
  make_narrow(0, 100);
  struct http_reply reply = exchange_post();
  make_wide();
  assert_not_sent(&reply);
  assert_true(reply.is_early);
  judge_reply(&reply, &v);
  assert_int_equal(v.class, VERDICT_NOT_SENT);
  assert_true(v.is_early);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_short_post_is_sent_in_one_piece),
      TEST(a_post_of_which_no_body_has_left_is_not_sent),
      TEST(a_post_that_leaves_late_executes_once),
      TEST(a_post_that_leaves_late_over_a_fresh_connection_is_sent),
      TEST(an_early_answer_to_a_post_in_one_piece_is_not_believed),
  };
  fixture_isolate();
  if (http_global_init() != 0)
    return 1;
  int failed =
      cmocka_run_group_tests_name("http: what has left", tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
