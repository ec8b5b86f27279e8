/* SPDX-License-Identifier: MIT */
#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- names ---- */

static int keep(char *to, size_t bytes, const char *text, size_t size) {
  if (size == 0 || size >= bytes)
    return -EINVAL;
  memcpy(to, text, size);
  to[size] = '\0';
  return 0;
}

int reach_parse(const char *text, const char *default_port,
                struct reach *ret_reach) {
  const char *slashes = strstr(text, "://");
  const char *at = slashes != NULL ? slashes + 3 : text;
  const char *end = at + strcspn(at, "/?#");
  for (const char *c = at; c < end; c++)
    at = *c == '@' ? c + 1 : at;
  bool is_bracketed = *at == '[';
  at += is_bracketed;
  size_t size = strcspn(at, is_bracketed ? "]" : ":/?#");
  const char *behind = at + size + is_bracketed;
  if (behind > end || keep(ret_reach->host, REACH_NAME_BYTES, at, size) < 0)
    return -EINVAL;
  if (*behind == ':')
    return keep(ret_reach->port, REACH_PORT_BYTES, behind + 1,
                (size_t)(end - behind) - 1);
  return keep(ret_reach->port, REACH_PORT_BYTES, default_port,
              strlen(default_port));
}

/* ---- connections ---- */

/* Returns 0 or a negative errno. */
static int await(int fd, int64_t wait_ms) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  int error = 0, ready = poll(&p, 1, (int)wait_ms);
  socklen_t size = sizeof error;
  if (ready == 0)
    return -ETIMEDOUT;
  if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
    return -errno;
  return -error;
}

static int connect_to(const struct addrinfo *a, int64_t wait_ms) {
  int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  a->ai_protocol);
  if (fd < 0)
    return -errno;
  int status = 0;
  if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
    status = errno == EINPROGRESS ? await(fd, wait_ms) : -errno;
  close(fd);
  return status;
}

static void append_address(const struct addrinfo *a, struct buf *out) {
  char text[NI_MAXHOST];
  if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0,
                  NI_NUMERICHOST) != 0)
    snprintf(text, sizeof text, "?");
  buf_append_text(out, text);
}

static int try_all(const struct addrinfo *first, int64_t wait_ms,
                   struct buf *out) {
  const char *between = "";
  int status = -ENOENT;
  for (const struct addrinfo *a = first; a != NULL && status < 0;
       a = a->ai_next) {
    status = connect_to(a, wait_ms);
    buf_append_text(out, between);
    append_address(a, out);
    buf_append_format(out, ": %s",
                      status == 0 ? "connected" : strerror(-status));
    between = ", ";
  }
  return status;
}

int reach_try(const struct reach *r, int64_t wait_ms, struct buf *out) {
  const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  int code = getaddrinfo(r->host, r->port, &wanted, &found);
  if (code != 0) {
    buf_append_format(out, "%s: %s", r->host, gai_strerror(code));
    return -ENOENT;
  }
  int status = try_all(found, wait_ms, out);
  freeaddrinfo(found);
  return status;
}
