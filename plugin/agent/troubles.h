/* SPDX-License-Identifier: MIT
 *
 * troubles owns what was said already of endpoints and devices that fail, so
 * that the log tells the first failure and the recovery, and nothing between.
 *
 * An endpoint has one of three troubles, each of which is told once until it
 * recovers: no answer that says anything of the command (not sent, libcurl,
 * HTTP 408 and 5xx, unreadable), credentials that were refused or could not be
 * read, and too much to do (errno 15, HTTP 425 and 429, 503 with Retry-After).
 * It recovers with the first answer that is about the command. A device has the
 * trouble that such an answer tells: offline, refused, or an errno that leaves
 * in doubt; it recovers when it accepts a command.
 *
 * No clock. One thread.
 */
#ifndef ONENET_TROUBLES_H
#define ONENET_TROUBLES_H

#include "words/command.h"
#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>

/* What is to be said now. */
struct troubles_news {
  enum verdict_trouble began; /* and was not said before; or none */
  bool endpoint_recovered;
  bool device_recovered;
};

struct troubles;

/* Returns one that knows of no trouble, or NULL without memory; for so many
 * endpoints and devices, by their index. The caller owns it. */
struct troubles *troubles_new(size_t endpoint_count, size_t device_count);
void troubles_free(struct troubles *t); /* NULL is allowed */

/* An attempt for the device ended so: returns what is to be said of it. */
struct troubles_news troubles_take(struct troubles *t, const struct device *d,
                                   const struct verdict *v);

/* The key file has changed: if the new one is refused too, that is news. */
void troubles_forget_credentials(struct troubles *t, const struct endpoint *e);

/* Returns how the endpoint's last attempt that the endpoint failed ended; its
 * cause is "" where there was none. Borrowed until the next troubles_take. */
const struct verdict *troubles_last(const struct troubles *t,
                                    const struct endpoint *e);

#endif
