/* SPDX-License-Identifier: MIT
 *
 * service_api is the call call-service of OneNET's current platform: it calls a
 * service of a device with a thing model. One of the interfaces of api.
 */
#include "cloud/api.h"
#include "cloud/platform.h"

#include <string.h>

static int append_body(struct buf *out, const struct command *c) {
  const char *service = c->policy->service;
  buf_append_byte(out, '{');
  platform_append_target(out, c->device);
  buf_append_text(out, ",\"identifier\":\"");
  buf_append_json(out, service, strlen(service));
  buf_append_text(out, "\",\"params\":");
  buf_append(out, c->body->data, c->body->size);
  return buf_append_byte(out, '}');
}

static void judge(const struct http_reply *reply, struct verdict *ret_verdict,
                  struct buf *out) {
  platform_judge(reply, PLATFORM_OUTPUTS, ret_verdict, out);
}

const struct api service_api = {.name = "call-service",
                                .path = "/thingmodel/call-service",
                                .content_type = "application/json",
                                .body_max_bytes = COMMAND_BODY_MAX_BYTES,
                                .takes_object = true,
                                .takes_service = true,
                                .is_answer = true,
                                .token_version = TOKEN_2022_05_01,
                                .request_timeout_s = 20,
                                .append_url = platform_append_url,
                                .append_body = append_body,
                                .judge = judge,
                                .probe = &platform_probe,
                                .device_probe = &platform_probe,
                                .errno_text = platform_code_text};
