/* SPDX-License-Identifier: MIT
 *
 * property_api is the call set-device-property of OneNET's current platform: it
 * sets properties of a device with a thing model. One of the interfaces of api.
 */
#include "cloud/api.h"
#include "cloud/platform.h"

static int append_body(struct buf *out, const struct command *c) {
  buf_append_byte(out, '{');
  platform_append_target(out, c->device);
  buf_append_text(out, ",\"params\":");
  buf_append(out, c->body->data, c->body->size);
  return buf_append_byte(out, '}');
}

static void judge(const struct http_reply *reply, struct verdict *ret_verdict,
                  struct buf *out) {
  platform_judge(reply, PLATFORM_ECHO, ret_verdict, out);
}

const struct api property_api = {.name = "set-device-property",
                                 .path = "/thingmodel/set-device-property",
                                 .content_type = "application/json",
                                 .body_max_bytes = COMMAND_BODY_MAX_BYTES,
                                 .takes_object = true,
                                 .is_answer = true,
                                 .token_version = TOKEN_2022_05_01,
                                 .request_timeout_s = 20,
                                 .append_url = platform_append_url,
                                 .append_body = append_body,
                                 .judge = judge,
                                 .probe = &platform_probe,
                                 .device_probe = &platform_probe,
                                 .errno_text = platform_code_text};
