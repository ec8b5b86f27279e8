/* SPDX-License-Identifier: MIT
 *
 * troubles owns which troubles of endpoints and devices were told, so that the
 * log has the first failure and the recovery, and nothing between.
 *
 * An endpoint may have three troubles, each of which is told once until the
 * endpoint recovers: no answer that says anything of the command (not sent,
 * libcurl, HTTP 408 and 5xx, unreadable); credentials that were refused or
 * could not be read; and too much to do (errno 15, HTTP 425 and 429, 503 with
 * Retry-After). It recovers from all of them with the first answer that is
 * about the command. Such an answer may tell of a trouble of the device:
 * offline, refused, or an errno that leaves in doubt. The device recovers when
 * it accepts a command.
 *
 * It has no clock. One thread uses it.
 */
#ifndef ONENET_TROUBLES_H
#define ONENET_TROUBLES_H

#include "words/command.h"
#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>

/* News to be told now. */
struct troubles_news {
  enum verdict_trouble began; /* not told before; or TROUBLE_NONE */
  bool endpoint_recovered;
  bool device_recovered;
};

struct troubles;

/* Returns troubles of so many endpoints and devices, known by their index, of
 * which none has any; the caller owns them. NULL without memory. */
struct troubles *troubles_new(size_t endpoint_count, size_t device_count);
void troubles_free(struct troubles *t); /* NULL is allowed */

/* Notes how an attempt for the device ended; returns the news of it. */
struct troubles_news troubles_take(struct troubles *t, const struct device *d,
                                   const struct verdict *v);

/* Forgets that a trouble with the endpoint's credentials was told, since its
 * key file has changed: if the new key is refused, that is news. */
void troubles_forget_credentials(struct troubles *t, const struct endpoint *e);

/* Returns the verdict of the last attempt that the endpoint failed; its cause
 * is "" if there was none. Borrowed until the next troubles_take. */
const struct verdict *troubles_last(const struct troubles *t,
                                    const struct endpoint *e);

#endif
