/* SPDX-License-Identifier: MIT
 *
 * advice owns the words that tell an operator why an attempt failed, and what
 * can be done about it. No state: any thread.
 *
 * Each function appends a part of one line to `out`, and leaves out what does
 * not fit there.
 */
#ifndef ONENET_ADVICE_H
#define ONENET_ADVICE_H

#include "base/buf.h"
#include "words/command.h"
#include "words/device.h"

/* Appends how the attempt at that endpoint ended: libcurl's words with their
 * cause in brackets, the HTTP status, the errno with OneNET's own text, what
 * the device said, or what failed on this machine. */
void advice_append_cause(struct buf *out, const struct verdict *v,
                         const struct endpoint *e);

/* Appends what to do about it: a part of a sentence, without a full stop.
 * Appends nothing for an attempt that was accepted. wall_now_s: this machine's
 * clock when the attempt ended. */
void advice_append(struct buf *out, const struct verdict *v,
                   const struct endpoint *e, int64_t wall_now_s);

#endif
