/* SPDX-License-Identifier: MIT
 *
 * http_sockets owns the sockets of libcurl: it opens and closes them, sleeps
 * until something happens on one, and tells libcurl. A socket stays watched
 * between requests, so that the next one costs no system call for that.
 *
 * The thread of http calls everything; http_sockets_wake alone may be called by
 * any thread.
 */
#ifndef ONENET_HTTP_SOCKETS_H
#define ONENET_HTTP_SOCKETS_H

#include "cloud/http_options.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct http_sockets;

/* Returns a struct that the caller owns and frees after the multi handle, which
 * tells it from now on what to watch. NULL without memory or descriptors. */
struct http_sockets *http_sockets_new(CURLM *multi);
void http_sockets_free(struct http_sockets *s);

/* Has libcurl open and close the sockets of the transfer here. */
void http_sockets_serve(struct http_sockets *s, struct http_setup *setup);

/* Notes which socket the transfer has used, if libcurl keeps its connection. */
void http_sockets_note(struct http_sockets *s, CURL *easy);

/* Returns whether nothing waits on the kept connection between the addresses:
 * neither bytes nor its end. One that was lost from the table is not believed
 * to be quiet. Costs one system call. */
bool http_sockets_is_quiet(const struct http_sockets *s, const char *ip,
                           const char *local_ip, int port, int local_port);

/* Has libcurl do what is due by now, such as to start transfers. */
void http_sockets_run_due(struct http_sockets *s);

/* Sleeps until something happens, http_sockets_wake is called (since the last
 * call, if nothing slept then), something is due, or limit_ms have passed, and
 * has libcurl act on it. */
void http_sockets_sleep(struct http_sockets *s, int64_t limit_ms);

/* Has libcurl read all that has arrived, without sleeping. */
void http_sockets_read(struct http_sockets *s);

/* Ends http_sockets_sleep, or the next one. Costs a system call only if the
 * thread of http sleeps. */
void http_sockets_wake(struct http_sockets *s);

#endif
