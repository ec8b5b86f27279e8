/* SPDX-License-Identifier: MIT
 *
 * platform owns what the calls of OneNET's current platform have in common: the
 * envelope of an answer, its codes, and what their texts mean. No state: any
 * thread.
 *
 * Each of these calls waits for the device, so that an acceptance is the
 * device's own answer, but for an asynchronous service, which OneNET answers
 * once it has forwarded the call; none keeps a command for a device that is
 * offline.
 */
#ifndef ONENET_PLATFORM_H
#define ONENET_PLATFORM_H

#include "base/buf.h"
#include "cloud/api.h"
#include "cloud/http.h"
#include "words/command.h"
#include "words/verdict.h"

#include <stdint.h>

/* The meaning of `data` in an answer with code 0. */
enum platform_data {
  PLATFORM_ECHO,    /* the device's reply, with a code of its own */
  PLATFORM_OUTPUTS, /* the outputs of a service, by any names */
  PLATFORM_RESPONSE /* an object with the reply in base64 */
};

/* Judges an answer, as api.judge does. */
void platform_judge(const struct http_reply *reply, enum platform_data data,
                    struct verdict *ret_verdict, struct buf *out);

/* Appends the URL of a call that has all in its body, as api.append_url does.
 */
int platform_append_url(struct buf *out, const struct command *c,
                        int64_t now_ms);

/* Appends "product_id":"..","device_name":"..": the beginning of a JSON object,
 * without its brace. Returns as buf_append. */
int platform_append_target(struct buf *out, const struct device *d);

/* The call without effect of all of them: the device's detail. */
extern const struct api_probe platform_probe;

/* Returns the meaning of a code, or NULL if it is not known. */
const char *platform_code_text(int32_t code);

#endif
