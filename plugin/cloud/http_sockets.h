/* SPDX-License-Identifier: MIT
 *
 * http_sockets owns the table of the sockets whose connections may be used
 * again: libcurl 7.88 does not tell which socket a request is about to use, but
 * the addresses at both ends. Only the thread of http calls it.
 */
#ifndef ONENET_HTTP_SOCKETS_H
#define ONENET_HTTP_SOCKETS_H

#include <curl/curl.h>
#include <stdbool.h>

struct http_sockets;

/* Returns an empty table that the caller owns; NULL without memory. */
struct http_sockets *http_sockets_new(void);
void http_sockets_free(struct http_sockets *s);

/* Notes the socket of the connection that the transfer has used, if libcurl
 * keeps that. */
void http_sockets_note(struct http_sockets *s, CURL *easy);

/* Returns whether nothing waits on the kept connection between the addresses:
 * neither bytes nor its end. One that was lost from the table, or closed since,
 * is not believed to be quiet. Costs two system calls. */
bool http_sockets_is_quiet(const struct http_sockets *s, const char *ip,
                           const char *local_ip, int port, int local_port);

#endif
