/* SPDX-License-Identifier: MIT
 *
 * url owns the reading of http and https URLs. It is stricter than libcurl: a
 * URL that libcurl would correct or guess is refused. The module keeps no
 * state: any thread may call it.
 */
#ifndef ONENET_URL_H
#define ONENET_URL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* The parts of a URL. They point into its text. */
struct url {
  bool is_https;
  const char *host;
  size_t host_size; /* with the brackets of an IPv6 address */
  const char *path; /* with the query; may be empty */
};

/* Splits text (borrowed) into its parts. Returns whether it is
 * http://HOST[:PORT][/PATH][?QUERY], or the same with https, of visible ASCII
 * characters only, without a user and without a fragment. */
bool url_parse(const char *text, struct url *ret_url);

/* Appends a URL, and the ? or & that the next parameter of its query needs.
 * Returns as buf_append. */
int url_append_for_query(struct buf *out, const char *text);

/* Appends a URL with `path` in the place of `end`, with which its path ends;
 * its query stays. Returns as buf_append. */
int url_append_beside(struct buf *out, const char *text, const char *end,
                      const char *path);

/* Returns whether the host is certainly this machine. */
bool url_is_loopback(const struct url *url);

#endif
