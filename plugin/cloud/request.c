/* SPDX-License-Identifier: MIT */
#include "cloud/request.h"

#include <stdio.h>

void request_init(struct request *r, const struct endpoint *endpoint) {
  r->endpoint = endpoint;
  r->headers[0] = NULL;
  buf_init(&r->url, REQUEST_URL_MAX_BYTES);
  buf_init(&r->body, REQUEST_BODY_MAX_BYTES);
}

void request_free(struct request *r) {
  buf_free(&r->url);
  buf_free(&r->body);
}

int request_add_headers(struct request *r, struct credential *credential,
                        const char *content_type, struct moment now,
                        char *ret_why, size_t why_bytes) {
  char **own = r->endpoint->headers;
  size_t count = 0;
  int status = credential_header(credential, now.wall_ms / 1000,
                                 &r->headers[count++], ret_why, why_bytes);
  if (status < 0)
    return status;
  if (content_type != NULL) {
    snprintf(r->content_type, sizeof r->content_type, "Content-Type: %s",
             content_type);
    r->headers[count++] = r->content_type;
  }
  for (; own != NULL && *own != NULL && count < REQUEST_MAX_HEADERS - 1; own++)
    r->headers[count++] = *own;
  r->headers[count] = NULL;
  return 0;
}

static struct http_request common_part(const struct request *r, void *tag) {
  const struct endpoint *e = r->endpoint;
  return (struct http_request){
      .tag = tag,
      .url = buf_text(&r->url),
      .headers = r->headers,
      .connect_timeout_ms = (int64_t)e->connect_timeout_s * 1000,
      .timeout_ms = (int64_t)e->request_timeout_s * 1000,
      .tls = &e->tls,
      .proxy = e->proxy,
      .user_agent = e->user_agent};
}

void request_body(const struct request *r, const struct body *body,
                  const void **ret_data, size_t *ret_size) {
  bool is_made = r->body.size > 0;
  *ret_data = is_made ? r->body.data : body->data;
  *ret_size = is_made ? r->body.size : body->size;
}

int request_post(const struct request *r, struct http *http, void *tag,
                 const struct body *body) {
  struct http_request request = common_part(r, tag);
  request.is_post = true;
  request_body(r, body, &request.body, &request.body_size);
  return http_start(http, &request);
}

int request_get(const struct request *r, struct http *http, void *tag) {
  struct http_request request = common_part(r, tag);
  return http_start(http, &request);
}
