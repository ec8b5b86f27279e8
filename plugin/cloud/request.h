/* SPDX-License-Identifier: MIT
 *
 * request owns how a request to an endpoint is put together: its URL and
 * body, the credential's header, the endpoint's own headers, its limits.
 *
 * One thread calls everything.
 */
#ifndef ONENET_REQUEST_H
#define ONENET_REQUEST_H

#include "base/buf.h"
#include "cloud/credential.h"
#include "cloud/http.h"
#include "words/command.h"

#include <stddef.h>

#define REQUEST_URL_MAX_BYTES 8192
#define REQUEST_BODY_MAX_BYTES (COMMAND_BODY_MAX_BYTES + 4096)
#define REQUEST_MAX_HEADERS 64
#define REQUEST_CONTENT_TYPE_BYTES 256

struct request {
  const struct endpoint *endpoint;
  struct buf url;  /* for the caller to append to */
  struct buf body; /* likewise; empty: a command's body goes as it is */
  char content_type[REQUEST_CONTENT_TYPE_BYTES];
  const char *headers[REQUEST_MAX_HEADERS]; /* NULL-terminated; the first is the
                                               credential's */
};

/* Makes a request without URL, body and headers. Allocates nothing. */
void request_init(struct request *r, const struct endpoint *endpoint);
void request_free(struct request *r);

/* Makes URL and body for an attempt of the command that begins at now_ms, if
 * the interface takes what its rule has rendered. Returns 0; or a negative
 * errno, and writes the verdict on the attempt, which can not be tried. */
int request_build(struct request *r, const struct command *c, int64_t now_ms,
                  struct verdict *ret_verdict);

/* Returns the Content-Type of the command's attempts: that of the interface, or
 * else of its rule. */
const char *request_content_type(const struct command *c);

/* Adds all headers: the credential's, Content-Type (content_type NULL: none,
 * there is no body), the endpoint's own. Returns as credential_header. The
 * headers are valid until the next credential_header for the credential. */
int request_add_headers(struct request *r, struct credential *credential,
                        const char *content_type, struct moment now,
                        char *ret_why, size_t why_bytes);

/* Writes what the POST of a command's body sends to ret_data and ret_size;
 * borrowed from both. */
void request_body(const struct request *r, const struct body *body,
                  const void **ret_data, size_t *ret_size);

/* Start the request (these two are in request_send.c), as a POST of a command's
 * body or as a GET. Return as http_start. */
int request_post(const struct request *r, struct http *http, void *tag,
                 const struct body *body);
int request_get(const struct request *r, struct http *http, void *tag);

#endif
