/* SPDX-License-Identifier: MIT
 *
 * http_transfer owns one request with its easy handle: what libcurl is told of
 * it and asks for it, what has left, and what came back. It knows nothing of
 * the others that are under way: http does. http.h tells how a request is
 * handled, and which thread calls.
 */
#ifndef ONENET_HTTP_TRANSFER_H
#define ONENET_HTTP_TRANSFER_H

#include "base/buf.h"
#include "cloud/http.h"
#include "cloud/http_site.h"
#include "cloud/http_sockets.h"

#include <curl/curl.h>

/* http_kept: what is kept of a transfer from one request to the next. */
struct http_kept {
  CURL *easy;
  struct http_sockets *sockets;
  struct http_request like;   /* its TLS, proxy, user agent and time-out of the
                                 connection are set; tls NULL: none are */
  struct http_site site;      /* and where it goes */
  struct curl_slist *headers; /* with its texts one piece of secret memory */
  size_t headers_room;
  char *body;
  size_t body_room;
  struct buf answer;
};

struct http_transfer {
  struct http_transfer *next; /* for a list of the owner */
  struct http_transfer **link;
  struct http_kept kept;
  void *tag;
  size_t body_size;
  size_t body_used; /* of one that is not in one piece: asked for by libcurl */
  size_t header_bytes;
  bool is_post;
  bool is_in_one_piece; /* a POST whose head and body libcurl sends together */
  bool was_admitted;    /* libcurl was let send it: see admit */
  bool was_admitted_fresh; /* and that over a connection made for it */
  bool was_kept_off; /* libcurl was not let send it, since something waited */
  bool was_repeated; /* libcurl wanted to send it again */
  bool was_asked_for_body; /* by libcurl, of one that is not in one piece */
  bool is_too_large;
  bool is_early; /* an answer came before the whole body had left */
  bool is_unbelieved;
  bool is_overdue; /* and what had arrived until then was not read yet */
  bool has_retry_after;
  int64_t timeout_ms;
  int64_t deadline_ms;
  CURLcode code; /* once it has ended */
  char error[CURL_ERROR_SIZE];
};

/* Returns a transfer that the caller owns, at rest; NULL without memory. The
 * sockets are borrowed until http_transfer_free. */
struct http_transfer *http_transfer_new(struct http_sockets *sockets);

/* Frees a transfer that no multi handle has; NULL is allowed. */
void http_transfer_free(struct http_transfer *t);

/* Returns whether the transfer was set up last for a request like this: with
 * the same site, TLS, proxy, user agent and time-out of the connection. */
bool http_transfer_is_like(const struct http_transfer *t,
                           const struct http_request *r);

/* Sets a transfer at rest up for the request. Returns as http_start; after an
 * error it can only be freed. */
int http_transfer_prepare(struct http_transfer *t,
                          const struct http_request *r);

/* Has a request that was kept off its connection go over a fresh one. Returns
 * as http_start. */
int http_transfer_go_fresh(struct http_transfer *t);

/* Notes how the transfer has ended. */
void http_transfer_end(struct http_transfer *t, CURLcode code);

/* Writes the reply of a transfer that has ended; the answer is borrowed until
 * http_transfer_rest or http_transfer_free. */
void http_transfer_fill_reply(const struct http_transfer *t,
                              struct http_reply *ret_reply);

/* Wipes the headers, which may hold a key, and gives back what is large. */
void http_transfer_rest(struct http_transfer *t);

#endif
