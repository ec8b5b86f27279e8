/* SPDX-License-Identifier: MIT
 *
 * far: the far side of a benchmark, a cloud that costs next to nothing. It
 * serves HTTP/1.1 with keep-alive on loopback, on one thread, reads each
 * request with its body, and answers as OneNET's /cmds does, with a cmd_uuid
 * that is unique.
 *
 *   far BOARD
 *
 * BOARD is the file of board.h: it takes the delay and whether answers are held
 * back from there, and tells there its port, what it has counted, and when. A
 * body's number, "n":123, tells whether a request came once. It ends with
 * SIGTERM.
 */
#define _GNU_SOURCE /* epoll_pwait2, memmem, strcasestr */
#include "board.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX_BYTES 16384
#define CONNECTIONS_MAX 65536
#define EVENTS_MAX 256
#define NUMBERS_MAX (UINT64_C(1) << 24)
#define LOOK_NS                                                                \
  2000000 /* how often the board is asked while answers are held */

struct connection {
  int fd;                  /* -1: closed while its answer was due */
  struct connection *next; /* the one whose answer is due next */
  uint64_t due_ns;         /* 0: no answer is due */
  size_t request_bytes;    /* of the request that is answered next */
  size_t used;
  char in[REQUEST_MAX_BYTES + 1];
};

static board_number *board;
static int poll_fd;
static int listen_fd;
static struct connection *connections[CONNECTIONS_MAX]; /* by fd */
static struct connection *due;                          /* oldest first */
static struct connection **due_end = &due;
static uint8_t seen[NUMBERS_MAX]; /* by the number of a body */

#define ANSWER_BODY                                                            \
  "{\"errno\":0,\"error\":\"succ\",\"data\":"                                  \
  "{\"cmd_uuid\":\"c0ffee00-0000-4000-8000-000000000000\"}}"
_Static_assert(sizeof ANSWER_BODY - 1 == 85, "the answer says so");
static char answer[] = "HTTP/1.1 200 OK\r\n"
                       "Content-Type: application/json\r\n"
                       "Content-Length: 85\r\n\r\n" ANSWER_BODY;

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* ---- counting ---- */

static void add(enum board_field field, uint64_t count) {
  board[field] = board[field] + count; /* nobody else writes it */
}

static void count_number(const char *body, size_t size) {
  const char *at = memmem(body, size, "\"n\":", 4);
  uint64_t number = at != NULL ? strtoull(at + 4, NULL, 10) : NUMBERS_MAX;
  if (number >= NUMBERS_MAX)
    add(FAR_UNNUMBERED, 1);
  else if (seen[number]++ == 0)
    add(FAR_DISTINCT, 1);
  else
    add(FAR_REPEATED, 1);
}

static void count_request(const char *body, size_t size) {
  if (board[FAR_FIRST_NS] == 0)
    board[FAR_FIRST_NS] = board_clock_ns(CLOCK_MONOTONIC);
  count_number(body, size);
  add(FAR_REQUESTS, 1);
}

/* ---- answers ---- */

static void close_connection(struct connection *c) {
  connections[c->fd] = NULL;
  close(c->fd);
  c->fd = -1;
  if (c->due_ns == 0)
    free(c);
}

/* Writes the number of the answer into its cmd_uuid. */
static void number_answer(uint64_t number) {
  static const char digits[] = "0123456789abcdef";
  char *at = strstr(answer, "-8000-") + strlen("-8000-") + 11;
  for (; number > 0; number >>= 4)
    *at-- = digits[number & 15];
}

/* Returns whether the connection is still there. */
static bool write_answer(struct connection *c) {
  size_t size = sizeof answer - 1;
  number_answer(board[FAR_ANSWERED] + 1);
  c->used -= c->request_bytes;
  memmove(c->in, c->in + c->request_bytes, c->used);
  if (send(c->fd, answer, size, MSG_NOSIGNAL) != (ssize_t)size) {
    close_connection(c);
    return false;
  }
  board[FAR_LAST_NS] = board_clock_ns(CLOCK_MONOTONIC);
  add(FAR_ANSWERED, 1);
  return true;
}

static void put_off(struct connection *c) {
  c->due_ns = board_clock_ns(CLOCK_MONOTONIC) + board[FAR_DELAY_NS];
  c->next = NULL;
  *due_end = c;
  due_end = &c->next;
}

static bool is_due(uint64_t now_ns) {
  return due != NULL && board[FAR_HOLD] == 0 && due->due_ns <= now_ns;
}

static void take_request(struct connection *c);

static void answer_first_due(void) {
  struct connection *c = due;
  due = c->next;
  if (due == NULL)
    due_end = &due;
  c->due_ns = 0;
  if (c->fd < 0)
    free(c);
  else if (write_answer(c))
    take_request(c);
}

static void answer_due(void) {
  while (is_due(board_clock_ns(CLOCK_MONOTONIC)))
    answer_first_due();
}

/* ---- requests ---- */

/* Returns the size of the request at the beginning of what was read, 0 while it
 * is not complete. */
static size_t measure_request(struct connection *c, size_t *ret_head_bytes) {
  c->in[c->used] = '\0';
  char *end = memmem(c->in, c->used, "\r\n\r\n", 4);
  if (end == NULL)
    return 0;
  const char *length = strcasestr(c->in, "\r\nContent-Length:");
  size_t body_bytes =
      length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
  *ret_head_bytes = (size_t)(end + 4 - c->in);
  size_t bytes = *ret_head_bytes + body_bytes;
  return bytes <= c->used ? bytes : 0;
}

/* Takes a request, if all of it is there. */
static void take_request(struct connection *c) {
  size_t head_bytes;
  size_t bytes = measure_request(c, &head_bytes);
  if (bytes == 0)
    return;
  count_request(c->in + head_bytes, bytes - head_bytes);
  c->request_bytes = bytes;
  put_off(c);
}

static void read_connection(struct connection *c) {
  ssize_t got = recv(c->fd, c->in + c->used, REQUEST_MAX_BYTES - c->used, 0);
  if (got <= 0) {
    if (got == 0 || errno != EAGAIN)
      close_connection(c);
    return;
  }
  c->used += (size_t)got;
  if (c->due_ns == 0)
    take_request(c);
}

/* ---- connections ---- */

static void watch(int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    die("far: epoll_ctl");
}

static void accept_connection(void) {
  int on = 1, fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0)
    return;
  struct connection *c = calloc(1, sizeof *c);
  if (c == NULL || fd >= CONNECTIONS_MAX)
    die("far: a connection");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->fd = fd;
  connections[fd] = c;
  watch(fd);
}

static void listen_on_loopback(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listen_fd < 0 ||
      bind(listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(listen_fd, 4096) < 0 ||
      getsockname(listen_fd, (struct sockaddr *)&address, &size) < 0)
    die("far: listen");
  watch(listen_fd);
  board[FAR_PORT] = ntohs(address.sin_port);
}

/* ---- the loop ---- */

static uint64_t wait_ns(void) {
  uint64_t now_ns = board_clock_ns(CLOCK_MONOTONIC);
  if (board[FAR_HOLD] != 0)
    return LOOK_NS;
  return due->due_ns > now_ns ? due->due_ns - now_ns : 0;
}

static int wait_for_events(struct epoll_event *events) {
  uint64_t ns = due != NULL ? wait_ns() : 0;
  struct timespec wait = {.tv_sec = (time_t)(ns / 1000000000),
                          .tv_nsec = (long)(ns % 1000000000)};
  return epoll_pwait2(poll_fd, events, EVENTS_MAX, due != NULL ? &wait : NULL,
                      NULL);
}

static void serve(void) {
  struct epoll_event events[EVENTS_MAX];
  int count = wait_for_events(events);
  for (int i = 0; i < count; i++) {
    if (events[i].data.fd == listen_fd)
      accept_connection();
    else if (connections[events[i].data.fd] != NULL)
      read_connection(connections[events[i].data.fd]);
  }
  answer_due();
}

int main(int argc, char **argv) {
  board = argc == 2 ? board_open(argv[1]) : NULL;
  if (board == NULL)
    die("far: the board");
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  listen_on_loopback();
  for (;;)
    serve();
}
