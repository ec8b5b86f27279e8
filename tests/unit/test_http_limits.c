/* SPDX-License-Identifier: MIT */
#include "http_fixture.h"

#include "basics.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- what libcurl gets instead of libc: a clock that can be set ahead, a
 * resolver that can hang, an epoll that can fail or be late ---- */

static _Atomic time_t ahead_s;

int clock_gettime(clockid_t id, struct timespec *now) {
  long err = syscall(SYS_clock_gettime, id, now);
  now->tv_sec += ahead_s;
  return (int)err;
}

static pthread_mutex_t resolver = PTHREAD_MUTEX_INITIALIZER;
static atomic_int resolving;

/* Knows no name; hangs while the test holds the mutex. */
int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **addresses) {
  (void)name;
  (void)service;
  (void)hints;
  (void)addresses;
  resolving++;
  pthread_mutex_lock(&resolver);
  pthread_mutex_unlock(&resolver);
  resolving--;
  return EAI_NONAME;
}

static void (*after_wait)(void); /* called once, when events were taken */

int epoll_wait(int epoll_fd, struct epoll_event *events, int max,
               int timeout_ms) {
  void (*call)(void) = after_wait;
  long count =
      syscall(SYS_epoll_pwait, epoll_fd, events, max, timeout_ms, NULL, 0);
  after_wait = NULL;
  if (call != NULL)
    call();
  return (int)count;
}

static bool watching_fails;
static int watchings, writings;

int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event) {
  watchings++;
  if (watching_fails && operation != EPOLL_CTL_DEL) {
    errno = ENOMEM;
    return -1;
  }
  return (int)syscall(SYS_epoll_ctl, epoll_fd, operation, fd, event);
}

ssize_t write(int fd, const void *bytes, size_t size) {
  writings++;
  return syscall(SYS_write, fd, bytes, size);
}

/* ---- and a memory that can fail once ---- */

static long allocations_left = -1; /* the one that fails; -1: none */

static bool allocation_fails(void) {
  return allocations_left >= 0 && allocations_left-- == 0;
}

static void *scarce_malloc(size_t size) {
  return allocation_fails() ? NULL : malloc(size);
}

static void *scarce_calloc(size_t count, size_t size) {
  return allocation_fails() ? NULL : calloc(count, size);
}

static void *scarce_realloc(void *old, size_t size) {
  return allocation_fails() ? NULL : realloc(old, size);
}

static char *scarce_strdup(const char *text) {
  return allocation_fails() ? NULL : strdup(text);
}

static void a_connection_idle_for_more_than_15_s_is_not_used(void **state) {
  (void)state;
  start_server(answer_all, "{}");
  exchange_post();
  ahead_s = 14;
  exchange_post();
  assert_int_equal(raw_server_connections(server), 1);
  ahead_s = 14 + 17;
  exchange_post();
  ahead_s = 0;
  assert_int_equal(raw_server_connections(server), 2);
}

/* ---- many at once ---- */

static void answer_with_the_body(struct raw_connection *c, size_t number,
                                 void *context) {
  (void)number;
  (void)context;
  while (raw_read_request(c))
    if (!raw_send_ok(c, strstr(raw_request(c), "\r\n\r\n") + 4))
      return;
}

static void each_of_100_parallel_requests_gets_its_own_answer(void **state) {
  (void)state;
  static char bodies[100][16];
  start_server(answer_with_the_body, NULL);
  for (size_t i = 0; i < LENGTH(bodies); i++) {
    snprintf(bodies[i], sizeof(bodies[i]), "body %zu", i);
    struct http_request r = make_post(bodies[i]);
    r.tag = bodies[i];
    assert_int_equal(http_start(http, &r), 0);
  }
  assert_int_equal(http_in_flight(http), LENGTH(bodies));
  for (size_t i = 0; i < LENGTH(bodies); i++) {
    struct http_reply reply = await_reply();
    assert_ok(&reply, reply.tag);
    ((char *)reply.tag)[0] = 'B'; /* no second reply would equal its answer */
  }
  struct http_reply reply;
  assert_false(http_next_reply(http, &reply));
  assert_int_equal(raw_server_requests(server), LENGTH(bodies));
}

static void hang_first(struct raw_connection *c, size_t number, void *answer) {
  if (number == 0)
    raw_hang(c);
  else
    answer_all(c, number, answer);
}

static void a_server_that_hangs_does_not_hold_up_other_requests(void **state) {
  (void)state;
  static char tags[2];
  start_server(hang_first, "{}");
  struct http_request r = make_post("on");
  r.tag = &tags[0];
  assert_int_equal(http_start(http, &r), 0);
  while (raw_server_connections(server) == 0)
    http_wait(http, 1);
  r.tag = &tags[1];
  assert_int_equal(http_start(http, &r), 0);
  struct http_reply reply = await_reply();
  assert_ok(&reply, "{}");
  assert_ptr_equal(reply.tag, &tags[1]);
  assert_int_equal(http_in_flight(http), 1);
}

static void what_is_in_flight_can_be_abandoned(void **state) {
  (void)state;
  start_server(hang, NULL);
  struct http_request r = make_post("on");
  for (size_t i = 0; i < 8; i++)
    assert_int_equal(http_start(http, &r), 0);
  while (raw_server_connections(server) < 8)
    http_wait(http, 1);
  int64_t start_ms = now_ms();
  http_free(http);
  http = NULL;
  assert_true(now_ms() - start_ms < LONG_MS / 4);
}

/* ---- waiting ---- */

static void *wake(void *context) {
  (void)context;
  http_wake(http);
  return NULL;
}

static void a_wake_from_another_thread_ends_the_wait(void **state) {
  (void)state;
  pthread_t thread;
  int64_t start_ms = now_ms();
  assert_int_equal(pthread_create(&thread, NULL, wake, NULL), 0);
  http_wait(http, LONG_MS);
  pthread_join(thread, NULL);
  assert_true(now_ms() - start_ms < LONG_MS / 2);
}

static void a_wake_before_the_wait_ends_it_at_no_cost(void **state) {
  (void)state;
  writings = 0;
  http_wake(http);
  http_wake(http);
  assert_int_equal(writings, 0);
  int64_t start_ms = now_ms();
  http_wait(http, LONG_MS);
  assert_true(now_ms() - start_ms < LONG_MS / 2);
  start_ms = now_ms();
  http_wait(http, 50);
  assert_in_range(now_ms() - start_ms, 45, LONG_MS / 2);
}

static void a_request_over_a_kept_connection_is_watched_already(void **state) {
  (void)state;
  start_server(answer_all, "{}");
  exchange_post();
  for (int i = 0; i < 3; i++) {
    watchings = 0;
    exchange_post();
    assert_int_equal(watchings, 0);
  }
}

static void answer_once(struct raw_connection *c, size_t number,
                        void *context) {
  (void)number;
  if (raw_read_request(c))
    raw_send_ok(c, context);
}

static void a_kept_connection_that_ends_does_not_keep_awake(void **state) {
  (void)state;
  start_server(answer_once, "{}");
  exchange_post();
  raw_server_drain(server);
  http_wait(http, 50);
  int64_t start_ms = now_ms();
  http_wait(http, 50);
  assert_in_range(now_ms() - start_ms, 45, LONG_MS / 2);
  struct http_reply reply = exchange_post();
  assert_ok(&reply, "{}");
  assert_int_equal(raw_server_connections(server), 2);
}

static void a_wait_for_nothing_lasts_as_long_as_asked(void **state) {
  (void)state;
  int64_t start_ms = now_ms();
  http_wait(http, 50);
  assert_in_range(now_ms() - start_ms, 45, LONG_MS / 2);
  start_ms = now_ms();
  http_wait(http, -1);
  assert_true(now_ms() - start_ms < LONG_MS / 2);
}

static void a_wait_does_not_sleep_while_a_reply_is_there(void **state) {
  (void)state;
  start_server(answer_all, "{}");
  struct http_request r = make_post("on");
  assert_int_equal(http_start(http, &r), 0);
  int64_t start_ms = now_ms();
  for (int i = 0; i < 1000; i++)
    http_wait(http, LONG_MS);
  assert_true(now_ms() - start_ms < LONG_MS / 2);
  struct http_reply reply;
  assert_true(http_next_reply(http, &reply));
  assert_ok(&reply, "{}");
}

static void a_timeout_of_0_is_not_endless(void **state) {
  (void)state;
  start_server(hang, NULL);
  struct http_request r = make_post("on");
  r.timeout_ms = 0;
  struct http_reply reply = exchange(&r);
  assert_int_equal(reply.curl_code, CURLE_OPERATION_TIMEDOUT);
  r.timeout_ms = INT64_MIN;
  reply = exchange(&r);
  assert_int_equal(reply.curl_code, CURLE_OPERATION_TIMEDOUT);
}

static atomic_bool may_answer;

static void wait_to_be_told(struct raw_connection *c) {
  while (!atomic_load(&may_answer) && raw_pause(c, 1)) {
  }
}

static void answer_when_told(struct raw_connection *c, size_t number,
                             void *context) {
  (void)number;
  if (!raw_read_request(c))
    return;
  wait_to_be_told(c);
  raw_send_ok(c, context);
}

/* As if the disk had held up the thread that serves http. */
static void read_late(char *answer) {
  atomic_store(&may_answer, false);
  start_server(answer_when_told, answer);
  struct http_request r = make_short_post();
  int64_t started_ms = now_ms();
  assert_int_equal(http_start(http, &r), 0);
  while (raw_server_requests(server) == 0)
    http_wait(http, 10);
  atomic_store(&may_answer, true);
  raw_server_drain(server);
  while (now_ms() <= started_ms + r.timeout_ms)
    poll(NULL, 0, 10);
  struct http_reply reply = await_reply();
  assert_ok(&reply, answer);
}

static void an_answer_in_time_counts_though_it_is_read_late(void **state) {
  (void)state;
  read_late("{}");
}

/* libcurl reads it in several steps. */
static void a_long_answer_in_time_counts_though_it_is_read_late(void **state) {
  (void)state;
  static char answer[HTTP_ANSWER_MAX_BYTES];
  memset(answer, 'x', sizeof(answer) - 1);
  read_late(answer);
}

static atomic_int answers;

static void answer_each_when_told(struct raw_connection *c, size_t number,
                                  void *context) {
  (void)number;
  while (raw_read_request(c)) {
    wait_to_be_told(c);
    raw_send(c, context); /* in one piece */
    answers++;
  }
}

static void answer_and_let_time_pass(void) {
  atomic_store(&may_answer, true);
  while (answers < 2)
    poll(NULL, 0, 1);
  ahead_s = 2 * LONG_MS / 1000;
}

/* Over a connection of before, and with a time-out for connections that does
 * not come: so nothing else makes libcurl look. */
static void an_answer_that_comes_once_events_were_taken_counts(void **state) {
  (void)state;
  static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  answers = 0;
  atomic_store(&may_answer, true);
  start_server(answer_each_when_told, answer);
  exchange_post();
  atomic_store(&may_answer, false);
  struct http_request r = make_post("on");
  r.connect_timeout_ms = 10 * LONG_MS;
  assert_int_equal(http_start(http, &r), 0);
  while (raw_server_requests(server) < 2)
    http_wait(http, 10);
  after_wait = answer_and_let_time_pass;
  http_wait(http, 10);
  ahead_s = 0;
  struct http_reply reply;
  assert_true(http_next_reply(http, &reply));
  assert_ok(&reply, "{}");
}

static void replies_of_others_do_not_put_a_timeout_off(void **state) {
  (void)state;
  start_server(hang, NULL);
  struct http_request r = make_short_post();
  int64_t started_ms = now_ms();
  assert_int_equal(http_start(http, &r), 0);
  r.url = "http://127.0.0.1:1/refused";
  struct http_reply reply = {0};
  while (reply.curl_code != CURLE_OPERATION_TIMEDOUT) {
    assert_int_equal(http_start(http, &r), 0);
    http_wait(http, 0);
    while (reply.curl_code != CURLE_OPERATION_TIMEDOUT &&
           http_next_reply(http, &reply)) {
    }
    assert_true(now_ms() < started_ms + LONG_MS);
  }
}

static void a_timeout_of_ages_works(void **state) {
  (void)state;
  start_server(answer_all, "{}");
  struct http_request r = make_post("on");
  r.timeout_ms = INT64_MAX;
  r.connect_timeout_ms = INT64_MAX;
  struct http_reply reply = exchange(&r);
  assert_ok(&reply, "{}");
}

/* ---- names ---- */

static void a_name_that_does_not_resolve_is_not_sent(void **state) {
  (void)state;
  struct http_request r = make_post("on");
  r.url = "http://nowhere.invalid/cmds";
  struct http_reply reply = exchange(&r);
  assert_not_sent(&reply);
  assert_int_equal(reply.curl_code, CURLE_COULDNT_RESOLVE_HOST);
}

static void a_hanging_resolver_delays_neither_others_nor_the_end(void **state) {
  (void)state;
  pthread_mutex_lock(&resolver);
  struct http_request r = make_post("on");
  r.url = "http://slow.invalid/cmds";
  r.connect_timeout_ms = SHORT_MS;
  struct http_reply reply = exchange(&r);
  assert_not_sent(&reply);
  assert_int_equal(reply.curl_code, CURLE_OPERATION_TIMEDOUT);

  r.connect_timeout_ms = LONG_MS;
  assert_int_equal(http_start(http, &r), 0);
  start_server(answer_all, "{}");
  r = make_post("on");
  assert_int_equal(http_start(http, &r), 0);
  reply = await_reply();
  assert_ok(&reply, "{}");

  int64_t start_ms = now_ms();
  http_free(http);
  http = NULL;
  assert_true(now_ms() - start_ms < LONG_MS / 4);
  assert_true(resolving > 0);
  pthread_mutex_unlock(&resolver);
  while (resolving > 0)
    poll(NULL, 0, 1);
}

/* ---- out of descriptors and memory ---- */

/* Returns the limit of before. From now on nothing can be opened or polled. */
static struct rlimit forbid_descriptors(void) {
  struct rlimit before, none;
  getrlimit(RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  return before;
}

static void without_descriptors_a_request_is_not_sent(void **state) {
  (void)state;
  point_at("http", 1);
  struct rlimit before = forbid_descriptors();
  struct http_reply reply = exchange_post();
  struct http *none = http_new(1);
  setrlimit(RLIMIT_NOFILE, &before);
  assert_not_sent(&reply);
  assert_null(none);

  start_server(answer_all, "{}");
  reply = exchange_post();
  assert_ok(&reply, "{}");
}

static void without_descriptors_a_wait_does_not_spin(void **state) {
  (void)state;
  struct rlimit before = forbid_descriptors();
  int64_t start_ms = now_ms();
  http_wait(http, 50);
  setrlimit(RLIMIT_NOFILE, &before);
  assert_in_range(now_ms() - start_ms, 45, LONG_MS / 2);
}

/* Returns whether a request was possible although its Nth allocation failed;
 * what is not sent must not have been executed. */
static bool exchange_without_memory(long n) {
  size_t executed = raw_server_requests(server);
  struct http_request r = make_post("on");
  allocations_left = n;
  int err = http_start(http, &r);
  if (err != 0) {
    allocations_left = -1;
    assert_int_equal(err, -ENOMEM);
    assert_int_equal(http_in_flight(http), 0);
    return false;
  }
  struct http_reply reply = await_reply();
  allocations_left = -1;
  if (reply.curl_code != CURLE_OK)
    assert_string_not_equal(reply.curl_error, "");
  if (!reply.sent)
    assert_int_equal(raw_server_requests(server), executed);
  return reply.curl_code == CURLE_OK;
}

static void what_can_not_be_watched_is_answered_all_the_same(void **state) {
  (void)state;
  start_server(answer_all, "{}");
  watching_fails = true;
  for (int i = 0; i < 3; i++) {
    struct http_reply reply = exchange_post();
    assert_ok(&reply, "{}");
  }
  watching_fails = false;
  struct http_reply reply = exchange_post();
  assert_ok(&reply, "{}");
  assert_int_equal(raw_server_connections(server), 1);
  int64_t start_ms = now_ms();
  http_wait(http, 50);
  assert_in_range(now_ms() - start_ms, 45, LONG_MS / 2);
}

/* Fails one allocation after the other of a request that follows others. */
static void fail_each_allocation(size_t requests_before) {
  long n = 0;
  for (int good = 0; good < 3; n++) {
    fixture_end(NULL);
    fixture_begin(NULL); /* a new connection each time */
    start_server(answer_all, "{}");
    for (size_t i = 0; i < requests_before; i++)
      exchange_post();
    good = exchange_without_memory(n) && allocations_left == -1 ? good + 1 : 0;
    assert_true(n < 1000);
  }
  assert_true(n > 20);
}

static void an_allocation_that_fails_ends_in_an_error_or_a_reply(void **state) {
  (void)state;
  fail_each_allocation(0);
  fail_each_allocation(1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_connection_idle_for_more_than_15_s_is_not_used),
      TEST(each_of_100_parallel_requests_gets_its_own_answer),
      TEST(a_server_that_hangs_does_not_hold_up_other_requests),
      TEST(what_is_in_flight_can_be_abandoned),
      TEST(a_wake_from_another_thread_ends_the_wait),
      TEST(a_wake_before_the_wait_ends_it_at_no_cost),
      TEST(a_request_over_a_kept_connection_is_watched_already),
      TEST(a_kept_connection_that_ends_does_not_keep_awake),
      TEST(a_wait_for_nothing_lasts_as_long_as_asked),
      TEST(a_wait_does_not_sleep_while_a_reply_is_there),
      TEST(a_timeout_of_0_is_not_endless),
      TEST(a_timeout_of_ages_works),
      TEST(an_answer_in_time_counts_though_it_is_read_late),
      TEST(an_answer_that_comes_once_events_were_taken_counts),
      TEST(a_long_answer_in_time_counts_though_it_is_read_late),
      TEST(replies_of_others_do_not_put_a_timeout_off),
      TEST(a_name_that_does_not_resolve_is_not_sent),
      TEST(a_hanging_resolver_delays_neither_others_nor_the_end),
      TEST(without_descriptors_a_request_is_not_sent),
      TEST(without_descriptors_a_wait_does_not_spin),
      TEST(what_can_not_be_watched_is_answered_all_the_same),
      TEST(an_allocation_that_fails_ends_in_an_error_or_a_reply),
  };
  fixture_isolate();
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, scarce_malloc, free, scarce_realloc,
                       scarce_strdup, scarce_calloc);
  if (http_global_init() != 0)
    return 1;
  int failed = cmocka_run_group_tests_name("http: limits", tests, NULL, NULL);
  http_global_cleanup();
  curl_global_cleanup();
  return failed;
}
