/* SPDX-License-Identifier: MIT
 *
 * http owns many HTTP requests at once on one thread, over libcurl's multi
 * interface. It knows nothing of commands: plain request in, plain reply out.
 *
 * One thread calls everything, but http_wake, which any thread may call as long
 * as the struct lives. That thread blocks or ignores SIGPIPE. http_global_init
 * must come before any other thread is started.
 *
 * What it promises for each request: a POST is sent at most once (libcurl's own
 * second try after a dead connection is prevented; a GET may be repeated by
 * it), redirects are not followed, nothing is decoded but the chunks of
 * HTTP/1.1, only http and https are spoken, the answer is cut off at
 * HTTP_ANSWER_MAX_BYTES and its headers at 64 KiB, it ends within timeout_ms
 * unless all of the answer has arrived by then, however late it is read,
 * and no connection that was idle for more than 15 s is used.
 *
 * An early answer is one that comes before the whole body of a POST was asked
 * for. No more of the body leaves then, so that the far side never sees the
 * whole of it. A 2xx that early is not believed, since nobody can have seen
 * what it says yes to; any other is the answer to the request, unless the
 * connection was used before and something waited on it before the head of this
 * request left: that answers an earlier request. What is not believed ends the
 * transfer and its connection.
 */
#ifndef ONENET_HTTP_H
#define ONENET_HTTP_H

#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

/* All texts and bytes are borrowed during http_start only. */
struct http_request {
  void *tag; /* comes back in the reply */
  const char *url;
  bool is_post;
  const void *body; /* for a POST; at least one byte */
  size_t body_size;
  const char *const *headers; /* "Name: value", NULL-terminated; besides these
                                 go Host, User-Agent, Accept, Content-Length */
  int64_t connect_timeout_ms; /* above 0 */
  int64_t timeout_ms;         /* above 0: for the whole of it */
  const struct tls_options *tls;
  const char *proxy;      /* NULL: as the environment says */
  const char *user_agent; /* NULL: the plugin's name and version */
};

struct http_reply {
  void *tag;
  bool is_post;           /* as the request was */
  int curl_code;          /* 0: the answer is complete */
  char curl_error[256];   /* what libcurl says of it; one line */
  bool sent;              /* libcurl had asked for the body (for a GET: had
                             written some of its head, be it to a proxy), and
                             no early answer came: the far side may have seen
                             it */
  bool is_early;          /* an early answer came; curl_code may tell that the
                             rest of it was lost */
  int http_code;          /* 0: none came but announcements such as 100, or an
                             early one that is not believed */
  bool has_retry_after;   /* it was said, whatever is in it */
  int64_t retry_after_ms; /* 0: not said, not understood, or not in the future;
                             at most 366 days */
  const char *answer;     /* NUL-terminated; valid until the next call of
                             http_next_reply or http_free */
  size_t answer_size;
  bool answer_too_large; /* it or its headers: cut off; curl_code is then not 0
                          */
};

#define HTTP_ANSWER_MAX_BYTES 65536 /* a valid answer is at most 64 KiB */

/* Prepares libcurl for the process. Returns 0 or -ENOSYS (libcurl is unusable,
 * or older than 7.68 at run time). */
int http_global_init(void);
void http_global_cleanup(void);

/* Returns a new struct that the caller owns, or NULL without memory or
 * descriptors. At most max_connections are kept open while idle; how many are
 * in use at once is the caller's to limit. */
struct http *http_new(size_t max_connections);

/* Abandons what is in flight (no replies come) and frees, without waiting for a
 * resolver that hangs. NULL is allowed. */
void http_free(struct http *h);

/* Starts a request. Returns 0: exactly one reply will come; -EINVAL: the
 * request can not be made (a URL that url_parse refuses, a control byte
 * in a header, a POST without a body, an option that libcurl refuses); -ENOMEM.
 * After an error nothing was sent and no reply comes. */
int http_start(struct http *h, const struct http_request *request);

/* Moves transfers on, and sleeps until something happens, http_wake is called,
 * or timeout_ms is over. Does not sleep while a reply waits to be fetched. */
void http_wait(struct http *h, int64_t timeout_ms);

/* Ends http_wait from any thread. May be lost: look into what you wait for
 * after every wait, and bound the wait. */
void http_wake(struct http *h);

/* Writes the next reply. Returns whether there was one. */
bool http_next_reply(struct http *h, struct http_reply *ret_reply);

/* Returns the number of requests whose reply was not fetched yet. */
size_t http_in_flight(const struct http *h);

#endif
