/* SPDX-License-Identifier: MIT */
#include "raw_server.h"

#include "base/systime.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct raw_connection {
  struct raw_connection *next;
  struct raw_server *server;
  pthread_t thread;
  int fd; /* -1: closed; guarded by the server's mutex */
  size_t number;
  char *bytes; /* what was read: a request, and what came behind it */
  size_t size;
  size_t request_size;
};

struct raw_server {
  raw_script_fn *script;
  void *context;
  int fd;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool is_stopped;
  struct raw_connection *connections;
  size_t connection_count;
  size_t request_count;
};

/* A test that cannot have its server has nothing to say. */
static void must(bool is_done, const char *what) {
  if (is_done)
    return;
  perror(what);
  abort();
}

/* The far side has memory where the test makes it scarce. */
void scarce_memory_spare_thread(void) __attribute__((weak));

static void have_memory(void) {
  if (scarce_memory_spare_thread != NULL)
    scarce_memory_spare_thread();
}

static void *run_script(void *context) {
  struct raw_connection *c = context;
  have_memory();
  struct raw_server *s = c->server;
  s->script(c, c->number, s->context);
  pthread_mutex_lock(&s->mutex);
  close(c->fd);
  c->fd = -1;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->mutex);
  return NULL;
}

static void add_connection(struct raw_server *s, int fd) {
  struct raw_connection *c = calloc(1, sizeof(*c));
  must(c != NULL, "calloc");
  c->server = s;
  c->fd = fd;
  pthread_mutex_lock(&s->mutex);
  c->number = s->connection_count++;
  c->next = s->connections;
  s->connections = c;
  must(pthread_create(&c->thread, NULL, run_script, c) == 0, "pthread_create");
  /* One that came while the server was being stopped ends at once. */
  if (s->is_stopped)
    shutdown(fd, SHUT_RDWR);
  pthread_mutex_unlock(&s->mutex);
}

static void *accept_connections(void *context) {
  struct raw_server *s = context;
  have_memory();
  for (;;) {
    int fd = accept(s->fd, NULL, NULL);
    if (fd >= 0)
      add_connection(s, fd);
    else if (errno != EINTR && errno != ECONNABORTED)
      return NULL; /* shut down */
  }
}

/* Small segments keep the buffer of the sender small, too. */
static void make_narrow(int fd) {
  int segment_bytes = 88, buffer_bytes = 1;
  must(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes,
                  sizeof(segment_bytes)) == 0,
       "TCP_MAXSEG");
  must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes,
                  sizeof(buffer_bytes)) == 0,
       "SO_RCVBUF");
}

static struct raw_server *start(raw_script_fn *script, void *context,
                                bool is_narrow) {
  struct raw_server *s = calloc(1, sizeof(*s));
  must(s != NULL, "calloc");
  s->script = script;
  s->context = context;
  pthread_mutex_init(&s->mutex, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&s->changed, &attributes);
  pthread_condattr_destroy(&attributes);

  struct sockaddr_in loopback = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  must(s->fd >= 0, "socket");
  must(bind(s->fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0,
       "bind");
  if (is_narrow)
    make_narrow(s->fd);
  must(listen(s->fd, 128) == 0, "listen");
  must(pthread_create(&s->thread, NULL, accept_connections, s) == 0,
       "pthread_create");
  return s;
}

struct raw_server *raw_server_start(raw_script_fn *script, void *context) {
  return start(script, context, false);
}

struct raw_server *raw_server_start_narrow(raw_script_fn *script,
                                           void *context) {
  return start(script, context, true);
}

static void shut_all_down(struct raw_server *s) {
  pthread_mutex_lock(&s->mutex);
  s->is_stopped = true;
  shutdown(s->fd, SHUT_RDWR);
  for (struct raw_connection *c = s->connections; c != NULL; c = c->next)
    if (c->fd >= 0)
      shutdown(c->fd, SHUT_RDWR);
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->mutex);
}

void raw_server_stop(struct raw_server *s) {
  shut_all_down(s);
  pthread_join(s->thread, NULL);
  while (s->connections != NULL) {
    struct raw_connection *c = s->connections;
    s->connections = c->next;
    pthread_join(c->thread, NULL);
    free(c->bytes);
    free(c);
  }
  close(s->fd);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->mutex);
  free(s);
}

static bool is_playing(const struct raw_server *s) {
  for (const struct raw_connection *c = s->connections; c != NULL; c = c->next)
    if (c->fd >= 0)
      return true;
  return false;
}

void raw_server_drain(struct raw_server *s) {
  pthread_mutex_lock(&s->mutex);
  while (is_playing(s))
    pthread_cond_wait(&s->changed, &s->mutex);
  pthread_mutex_unlock(&s->mutex);
}

int raw_server_port(const struct raw_server *s) {
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  must(getsockname(s->fd, (struct sockaddr *)&address, &size) == 0,
       "getsockname");
  return ntohs(address.sin_port);
}

static size_t read_counter(struct raw_server *s, const size_t *counter) {
  pthread_mutex_lock(&s->mutex);
  size_t value = *counter;
  pthread_mutex_unlock(&s->mutex);
  return value;
}

size_t raw_server_connections(struct raw_server *s) {
  return read_counter(s, &s->connection_count);
}

size_t raw_server_requests(struct raw_server *s) {
  return read_counter(s, &s->request_count);
}

static void count_request(struct raw_server *s) {
  pthread_mutex_lock(&s->mutex);
  s->request_count++;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->mutex);
}

/* How long the request at the start of the bytes is; 0: not known yet. */
static size_t find_request_size(const struct raw_connection *c) {
  static const char field[] = "\r\nContent-Length:";
  const char *end = c->bytes == NULL ? NULL : strstr(c->bytes, "\r\n\r\n");
  if (end == NULL)
    return 0;
  size_t size = (size_t)(end - c->bytes) + 4;
  for (const char *line = c->bytes; line < end; line++)
    if (strncasecmp(line, field, sizeof(field) - 1) == 0)
      return size + strtoul(line + sizeof(field) - 1, NULL, 10);
  return size;
}

static bool read_more(struct raw_connection *c) {
  char chunk[16384];
  ssize_t got = recv(c->fd, chunk, sizeof(chunk), 0);
  if (got <= 0)
    return false;
  char *bytes = realloc(c->bytes, c->size + (size_t)got + 1);
  must(bytes != NULL, "realloc");
  c->bytes = bytes;
  memcpy(c->bytes + c->size, chunk, (size_t)got);
  c->size += (size_t)got;
  c->bytes[c->size] = '\0';
  return true;
}

static void forget_request(struct raw_connection *c) {
  if (c->request_size == 0)
    return;
  c->size -= c->request_size;
  memmove(c->bytes, c->bytes + c->request_size, c->size + 1);
  c->request_size = 0;
}

bool raw_read_request(struct raw_connection *c) {
  forget_request(c);
  size_t size;
  while ((size = find_request_size(c)) == 0 || c->size < size)
    if (!read_more(c))
      return false;
  c->request_size = size;
  count_request(c->server);
  return true;
}

const char *raw_request(const struct raw_connection *c) { return c->bytes; }

size_t raw_request_size(const struct raw_connection *c) {
  return c->request_size;
}

bool raw_send_bytes(struct raw_connection *c, const void *data, size_t size) {
  const char *at = data;
  while (size > 0) {
    ssize_t sent = send(c->fd, at, size, MSG_NOSIGNAL);
    if (sent < 0)
      return false;
    at += sent;
    size -= (size_t)sent;
  }
  return true;
}

bool raw_send(struct raw_connection *c, const char *text) {
  return raw_send_bytes(c, text, strlen(text));
}

bool raw_send_ok(struct raw_connection *c, const char *body) {
  char head[64];
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
           strlen(body));
  return raw_send(c, head) && raw_send(c, body);
}

bool raw_read_some(struct raw_connection *c, size_t size) {
  forget_request(c);
  while (c->size < size)
    if (!read_more(c))
      return false;
  return true;
}

bool raw_read_until(struct raw_connection *c, const char *text) {
  forget_request(c);
  while (c->size == 0 || strstr(c->bytes, text) == NULL)
    if (!read_more(c))
      return false;
  return true;
}

void raw_hang(struct raw_connection *c) {
  char chunk[4096];
  while (recv(c->fd, chunk, sizeof(chunk), 0) > 0)
    ;
}

void raw_reset(struct raw_connection *c) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void raw_stop_listening(struct raw_connection *c) {
  shutdown(c->server->fd, SHUT_RDWR);
}

void raw_await_requests(struct raw_connection *c, size_t count) {
  struct raw_server *s = c->server;
  pthread_mutex_lock(&s->mutex);
  while (s->request_count < count && !s->is_stopped)
    pthread_cond_wait(&s->changed, &s->mutex);
  pthread_mutex_unlock(&s->mutex);
}

bool raw_pause(struct raw_connection *c, int ms) {
  struct raw_server *s = c->server;
  struct timespec until = systime_deadline(ms);
  int err = 0;
  pthread_mutex_lock(&s->mutex);
  while (!s->is_stopped && err != ETIMEDOUT)
    err = pthread_cond_timedwait(&s->changed, &s->mutex, &until);
  bool goes_on = !s->is_stopped;
  pthread_mutex_unlock(&s->mutex);
  return goes_on;
}
