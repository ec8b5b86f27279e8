/* SPDX-License-Identifier: MIT
 *
 * sync_api is the call synccmds of OneNET's current platform: it sends a text
 * to a device of a data-stream product. One of the interfaces of api.
 */
#include "cloud/api.h"

#include "base/url.h"
#include "cloud/platform.h"

#define BODY_MAX_BYTES (20 * 1024)

static int append_url(struct buf *out, const struct command *c,
                      int64_t now_ms) {
  const struct device *d = c->device;
  const struct endpoint *e = d->endpoint;
  (void)now_ms;
  url_append_for_query(out, e->url);
  buf_append_text(out, "product_id=");
  buf_append_percent(out, e->product_id);
  buf_append_text(out, "&device_name=");
  buf_append_percent(out, d->device_id);
  return buf_append_format(out, "&timeout=%d", e->device_wait_s);
}

static void judge(const struct http_reply *reply, struct verdict *ret_verdict,
                  struct buf *out) {
  platform_judge(reply, PLATFORM_RESPONSE, ret_verdict, out);
}

static const char *const own_parameters[] = {"product_id", "device_name",
                                             "timeout", NULL};

const struct api sync_api = {.name = "synccmds",
                             .path = "/datapoint/synccmds",
                             .own_parameters = own_parameters,
                             .body_max_bytes = BODY_MAX_BYTES,
                             .takes_wait = true,
                             .is_answer = true,
                             .token_version = TOKEN_2022_05_01,
                             .request_timeout_s = 20,
                             .append_url = append_url,
                             .judge = judge,
                             .probe = &platform_probe,
                             .device_probe = &platform_probe,
                             .errno_text = platform_code_text};
