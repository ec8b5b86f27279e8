/* SPDX-License-Identifier: MIT */
#include "base/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#define PORT_DIGITS_MAX 5
#define PORT_MAX 65535

static bool is_port(const char *text, size_t size) {
  long port = 0;
  if (size == 0 || size > PORT_DIGITS_MAX)
    return false;
  for (size_t i = 0; i < size; i++) {
    if (!isdigit((unsigned char)text[i]))
      return false;
    port = 10 * port + (text[i] - '0');
  }
  return port >= 1 && port <= PORT_MAX;
}

/* Copies what may be an address. Returns whether it is short enough for one. */
static bool copy_address(char ret_text[static INET6_ADDRSTRLEN],
                         const char *text, size_t size) {
  if (size >= INET6_ADDRSTRLEN)
    return false;
  memcpy(ret_text, text, size);
  ret_text[size] = '\0';
  return true;
}

/* Returns the size of the IPv6 address in brackets; 0: there is none. */
static size_t bracketed_size(const char *authority) {
  char text[INET6_ADDRSTRLEN];
  struct in6_addr address;
  size_t size = strcspn(authority + 1, "]");
  bool is_good = authority[1 + size] == ']' &&
                 copy_address(text, authority + 1, size) &&
                 inet_pton(AF_INET6, text, &address) == 1;
  return is_good ? size + 2 : 0;
}

static size_t host_size(const char *authority) {
  if (authority[0] == '[')
    return bracketed_size(authority);
  return strspn(authority, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "abcdefghijklmnopqrstuvwxyz"
                           "0123456789._-");
}

bool url_parse(const char *text, struct url *ret_url) {
  for (const char *c = text; *c != '\0'; c++)
    if (*c <= ' ' || *c > '~' || *c == '#')
      return false;
  bool is_https = strncasecmp(text, "https://", 8) == 0;
  if (!is_https && strncasecmp(text, "http://", 7) != 0)
    return false;
  const char *host = text + (is_https ? 8 : 7);
  size_t size = host_size(host);
  const char *end = host + strcspn(host, "/?");
  const char *port = host + size;
  *ret_url = (struct url){is_https, host, size, end};
  return size > 0 &&
         (port == end ||
          (*port == ':' && is_port(port + 1, (size_t)(end - port) - 1)));
}

static bool host_is(const struct url *url, const char *name) {
  return url->host_size == strlen(name) &&
         strncasecmp(url->host, name, url->host_size) == 0;
}

/* Returns whether the host is an IPv4 address of this machine. "127.999.1.1" is
 * none: it would be looked up as a name. */
static bool is_loopback_address(const struct url *url) {
  char text[INET6_ADDRSTRLEN];
  struct in_addr address;
  return strncmp(url->host, "127.", 4) == 0 &&
         copy_address(text, url->host, url->host_size) &&
         inet_aton(text, &address) != 0;
}

bool url_is_loopback(const struct url *url) {
  return host_is(url, "localhost") || host_is(url, "[::1]") ||
         is_loopback_address(url);
}

int url_append_beside(struct buf *out, const char *text, const char *end,
                      const char *path) {
  size_t size = strcspn(text, "?"), end_size = strlen(end);
  buf_append(out, text, size >= end_size ? size - end_size : size);
  buf_append_text(out, path);
  return buf_append_text(out, text + size);
}

int url_append_for_query(struct buf *out, const char *text) {
  const char last = text[strlen(text) - 1];
  buf_append_text(out, text);
  if (strchr(text, '?') == NULL)
    return buf_append_byte(out, '?');
  return last == '?' || last == '&' ? out->error : buf_append_byte(out, '&');
}
