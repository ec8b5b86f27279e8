/* SPDX-License-Identifier: MIT */
#include "cloud/request.h"

#include "cloud/answer.h"
#include "cloud/api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* Judges a command that can not be sent for now. Returns the status. */
static int put_off(int status, struct verdict *ret_verdict) {
  answer_judge_unsent(VERDICT_NOT_SENT, strerror(-status), ret_verdict);
  return status;
}

/* Judges a command that can not be sent as its rule asks. Returns -EINVAL. */
static int refuse(const char *what, const char *why,
                  struct verdict *ret_verdict) {
  char line[2 * VERDICT_ERROR_BYTES];
  snprintf(line, sizeof line, "%s: %s", what, why);
  answer_judge_unsent(VERDICT_REFUSED, line, ret_verdict);
  return -EINVAL;
}

/* Makes the body, if the interface takes what was rendered. The start has
 * checked what can be known then. Returns 0 or a negative errno. */
static int build_body(struct request *r, const struct command *c,
                      struct verdict *ret_verdict) {
  const struct api *api = r->endpoint->api;
  char why[VERDICT_ERROR_BYTES];
  int status =
      api_check_body(api, c->body->data, c->body->size, why, sizeof why);
  if (status == -EINVAL)
    return refuse("body", why, ret_verdict);
  if (api->takes_service && c->policy->service == NULL)
    return refuse("Service", "the rule has none", ret_verdict);
  if (status == 0 && api->append_body != NULL)
    status = api->append_body(&r->body, c);
  return status < 0 ? put_off(status, ret_verdict) : 0;
}

int request_build(struct request *r, const struct command *c, int64_t now_ms,
                  struct verdict *ret_verdict) {
  int status = r->endpoint->api->append_url(&r->url, c, now_ms);
  return status == 0 ? build_body(r, c, ret_verdict)
                     : put_off(status, ret_verdict);
}

const char *request_content_type(const struct command *c) {
  const struct api *api = c->device->endpoint->api;
  return api->content_type != NULL ? api->content_type
                                   : c->policy->content_type;
}

void request_body(const struct request *r, const struct body *body,
                  const void **ret_data, size_t *ret_size) {
  bool is_made = r->body.size > 0;
  *ret_data = is_made ? r->body.data : body->data;
  *ret_size = is_made ? r->body.size : body->size;
}
