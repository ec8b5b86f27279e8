/* SPDX-License-Identifier: MIT
 *
 * advice owns the words about a failed attempt: what it came to, and what the
 * operator can do. It decides nothing and keeps nothing. Any thread.
 *
 * Each function appends part of one line to `out` and says nothing of what does
 * not fit there.
 */
#ifndef ONENET_ADVICE_H
#define ONENET_ADVICE_H

#include "base/buf.h"
#include "words/command.h"
#include "words/device.h"

/* Appends what the attempt came to: libcurl's words, the HTTP status, or the
 * errno with OneNET's own text, each with its cause in brackets. */
void advice_append_cause(struct buf *out, const struct verdict *v);

/* Appends what to do about it at that endpoint: a part of a sentence, without a
 * full stop. Appends nothing for an attempt that was accepted. */
void advice_append(struct buf *out, const struct verdict *v,
                   const struct endpoint *e);

#endif
