/* SPDX-License-Identifier: MIT
 *
 * request_send hands a request over to libcurl. A part of `request`.
 */
#include "cloud/request.h"

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
