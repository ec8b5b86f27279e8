/* SPDX-License-Identifier: MIT */
#include "cloud/http_sockets.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Entries of the table: many more than connections are kept, so that few of
 * these share an entry. */
#define ENTRIES 4096

struct entry {
  uint64_t id; /* hash of the addresses at both ends */
  int fd;
};

struct http_sockets {
  struct entry entries[ENTRIES];
};

struct http_sockets *http_sockets_new(void) {
  return calloc(1, sizeof(struct http_sockets));
}

void http_sockets_free(struct http_sockets *s) { free(s); }

/* Adds a text to a hash (FNV-1a). */
static uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text != '\0'; text++)
    hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
  return hash;
}

static uint64_t hash_addresses(const char *ip, const char *local_ip, long port,
                               long local_port) {
  uint64_t ports = (uint64_t)port << 16 | (uint64_t)local_port;
  uint64_t hash = UINT64_C(14695981039346656037) ^ ports;
  return hash_text(hash_text(hash, ip) * UINT64_C(1099511628211), local_ip);
}

static long info_long(CURL *easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

static const char *info_text(CURL *easy, CURLINFO info) {
  const char *text = NULL;
  curl_easy_getinfo(easy, info, &text);
  return text != NULL ? text : "";
}

void http_sockets_note(struct http_sockets *s, CURL *easy) {
  struct entry e = {.fd = CURL_SOCKET_BAD};
  curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &e.fd);
  e.id = hash_addresses(info_text(easy, CURLINFO_PRIMARY_IP),
                        info_text(easy, CURLINFO_LOCAL_IP),
                        info_long(easy, CURLINFO_PRIMARY_PORT),
                        info_long(easy, CURLINFO_LOCAL_PORT));
  s->entries[e.id % ENTRIES] = e;
}

static bool is_bound_to(int fd, int port) {
  struct sockaddr_storage a = {0};
  socklen_t size = sizeof(a);
  if (fd < 0 || getsockname(fd, (struct sockaddr *)&a, &size) != 0)
    return false;
  in_port_t bound = a.ss_family == AF_INET6
                        ? ((struct sockaddr_in6 *)&a)->sin6_port
                        : ((struct sockaddr_in *)&a)->sin_port;
  return ntohs(bound) == port;
}

bool http_sockets_is_quiet(const struct http_sockets *s, const char *ip,
                           const char *local_ip, int port, int local_port) {
  uint64_t id = hash_addresses(ip, local_ip, port, local_port);
  const struct entry *e = &s->entries[id % ENTRIES];
  struct pollfd waiting = {.fd = e->fd, .events = POLLIN};
  return e->id == id && is_bound_to(e->fd, local_port) &&
         poll(&waiting, 1, 0) == 0;
}
