/* SPDX-License-Identifier: MIT
 *
 * outbox owns the news of single commands on their way from the I/O thread to
 * the reporter: a bounded ring, the mirror of the inbox. When it is full the
 * oldest news gives way: what is new matters more, and the counters know of
 * all.
 *
 * The I/O thread puts; one other thread takes. A mutex is held for the copy of
 * one piece of news.
 */
#ifndef ONENET_OUTBOX_H
#define ONENET_OUTBOX_H

#include "words/command.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_MAX 1000 /* reported one by one per interval */

enum news_kind {
  NEWS_OUTCOME, /* a command has an outcome */
  NEWS_STATUS,  /* OneNET has a new status of a command that is tracked */
  NEWS_END,     /* a command was tracked, and that was its last status */
  NEWS_EARLIER  /* a command failed before the start: an acceptance is news */
};

/* A plain copy; policy and device are read-only after configuration. */
struct news {
  enum news_kind kind;
  const struct policy *policy;
  const struct device *device;
  enum outcome outcome;
  struct verdict verdict;     /* of news of a status, only the cmd_uuid */
  enum tracked_status status; /* of news of a status; what follows is of an
                                 outcome alone */
  int attempts;
  int64_t wall_created_ms;
  int64_t wall_finished_ms;
  int64_t duration_ms; /* from arrival to outcome, monotonic */
};

struct outbox;

/* Returns an empty outbox that the caller owns, or NULL without memory. */
struct outbox *outbox_new(void);
void outbox_free(struct outbox *o);

/* Puts a copy. Returns whether older news gave way. */
bool outbox_put(struct outbox *o, const struct news *news);

/* Writes the oldest news and takes it out. Returns whether there was any. */
bool outbox_take(struct outbox *o, struct news *ret_news);

#endif
