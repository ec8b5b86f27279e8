/* SPDX-License-Identifier: MIT
 *
 * http owns the HTTP requests that are under way: many at once, on one thread,
 * over libcurl's multi interface. It knows nothing of commands: plain request
 * in, plain reply out.
 *
 * One thread calls everything; http_wake alone may be called by any thread, as
 * long as the struct lives. That one thread blocks or ignores SIGPIPE.
 * http_global_init must come before any other thread is started.
 *
 * Each request is handled as follows:
 *
 *   - A POST is sent at most once: libcurl is kept from its second try after a
 *     dead connection. libcurl may repeat a GET.
 *   - A POST goes over no connection on which something waits, be it the end of
 *     it: that one is closed, and the POST goes over a fresh one.
 *   - Redirects are not followed; only http and https are spoken; nothing is
 *     decoded but the chunks of HTTP/1.1.
 *   - The answer is cut off at HTTP_ANSWER_MAX_BYTES, its headers at 64 KiB.
 *   - The request ends within timeout_ms, unless all of the answer has arrived
 *     by then, however late it is read.
 *   - No connection is used that was idle for more than 15 s.
 *
 * An early answer is one that comes before the whole body of a POST has left
 * (as far as is known: of a long one, before libcurl has asked for the whole of
 * it). No more of the body leaves then, so that the far side never sees the
 * whole of it. An early 2xx is not believed, since nobody can have seen what it
 * says yes to. Nor is an early answer to a POST of at most 8 KiB, head
 * included, which leaves in one piece: what the kernel did not take of it can
 * be held back only by ending the transfer. Any other early answer is believed,
 * unless the connection was used before and libcurl is older than 7.80: then it
 * may belong to an earlier request. An answer that is not believed ends the
 * transfer and its connection.
 */
#ifndef ONENET_HTTP_H
#define ONENET_HTTP_H

#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

/* http_request: its texts and bytes are borrowed during http_start only; but
 * what tls, proxy and user_agent point to stays as it is until http_free, since
 * handles that are set up for it are kept. */
struct http_request {
  void *tag; /* comes back in the reply */
  const char *url;
  bool is_post;
  const void *body; /* for a POST; at least one byte */
  size_t body_size;
  const char *const *headers; /* "Name: value", NULL-terminated; besides these
                                 go Host, User-Agent, Accept, Content-Length */
  int64_t connect_timeout_ms; /* above 0 */
  int64_t timeout_ms;         /* above 0: for the whole request */
  const struct tls_options *tls;
  const char *proxy;      /* NULL: none, whatever the environment says */
  const char *user_agent; /* NULL: the plugin's name and version */
};

struct http_reply {
  void *tag;
  bool is_post;         /* the request was a POST */
  int curl_code;        /* 0: the answer is complete */
  char curl_error[256]; /* libcurl's message about that; one line */
  bool sent;     /* the far side may have seen the request: some of the body may
                    have left (for a GET: of the head, be it to a proxy), and no
                    early answer came */
  bool is_early; /* an early answer came; curl_code may tell that the rest of
                    the answer was lost */
  int http_code; /* 100 to 999; 0: no answer came, or only announcements such
                    as 100, or an early one that is not believed, or one whose
                    status is none */
  bool has_retry_after;   /* the header came, whatever is in it */
  int64_t retry_after_ms; /* 0: no such header, or not understood, or not in the
                             future; at most 366 days */
  const char *answer;     /* NUL-terminated; valid until the next call of
                             http_next_reply or http_free */
  size_t answer_size;
  bool answer_too_large; /* the answer or its headers were cut off; curl_code is
                            then not 0 */
};

#define HTTP_ANSWER_MAX_BYTES 65536 /* a valid answer is at most 64 KiB */

/* Prepares libcurl for the process. Returns 0 or -ENOSYS (libcurl is unusable,
 * or older than 7.68 at run time). */
int http_global_init(void);
void http_global_cleanup(void);

/* Returns a new struct that the caller owns, or NULL without memory or
 * descriptors. Keeps at most max_connections open while they are idle; the
 * caller limits how many are in use at once. */
struct http *http_new(size_t max_connections);

/* Abandons the requests in flight, for which no replies come, and frees h,
 * without waiting for a resolver that hangs. NULL is allowed. */
void http_free(struct http *h);

/* Starts a request. Returns 0, and exactly one reply will come; -EINVAL if the
 * request can not be made (a URL that url_parse refuses, a control byte in a
 * header, a POST without a body, an option that libcurl refuses); or -ENOMEM.
 * After an error nothing was sent and no reply comes. */
int http_start(struct http *h, const struct http_request *request);

/* Moves transfers on, and sleeps until something happens, http_wake is called,
 * or timeout_ms is over. Does not sleep while a reply waits to be fetched. */
void http_wait(struct http *h, int64_t timeout_ms);

/* Ends http_wait, or the next one; any thread may call it. Costs a system call
 * only if the thread of http sleeps. */
void http_wake(struct http *h);

/* Writes the next reply to ret_reply. Returns whether there was one. */
bool http_next_reply(struct http *h, struct http_reply *ret_reply);

/* Returns the number of requests whose reply was not fetched yet. */
size_t http_in_flight(const struct http *h);

#endif
