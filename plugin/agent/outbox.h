/* SPDX-License-Identifier: MIT
 *
 * outbox owns the news of single commands on their way from the I/O thread to
 * the reporter: a bounded ring, the mirror of the inbox. If it is full, new
 * news overwrites the oldest: the new matters more, and the counters know of
 * both. The pairs that had failed before the start go the same way, beside the
 * ring: all are handed over, as many as there are. So do the numbers of
 * commands that can not be restored.
 *
 * The I/O thread and the recorder's put; one other thread takes. A mutex is
 * held for the copy of one piece of news.
 */
#ifndef ONENET_OUTBOX_H
#define ONENET_OUTBOX_H

#include "ledger/ledger_loss.h"
#include "words/command.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_MAX 1000 /* pieces of news reported per interval */

enum news_kind {
  NEWS_OUTCOME, /* a command has an outcome */
  NEWS_STATUS,  /* a tracked command has a new status */
  NEWS_END      /* a tracked command has its last status */
};

/* One piece of news, as a copy; policy and device are read-only after
 * configuration. */
struct news {
  enum news_kind kind;
  const struct policy *policy;
  const struct device *device;
  enum outcome outcome;
  struct verdict verdict;     /* for a status or an end: only cmd_uuid */
  enum tracked_status status; /* of an outcome: the first one */
  enum tracked_end end;       /* NEWS_END; all below: for an outcome */
  int attempts;
  int64_t wall_created_ms;
  int64_t wall_finished_ms;
  int64_t duration_ms; /* from arrival to outcome, monotonic */
  char *reply; /* what the device itself replied; NULL: nothing is known */
};

/* The last command of the rule for the device failed before the start: that the
 * next one is accepted will be news. */
struct earlier {
  const struct policy *policy;
  const struct device *device;
};

struct outbox;

/* Returns an empty outbox that the caller owns, or NULL without memory. */
struct outbox *outbox_new(void);
void outbox_free(struct outbox *o);

/* Puts a copy of the news, and takes its reply. Returns whether it has
 * overwritten the oldest. */
bool outbox_put(struct outbox *o, const struct news *news);

/* Takes out the oldest news and writes it to ret_news; the caller frees its
 * reply. Returns whether there was any. */
bool outbox_take(struct outbox *o, struct news *ret_news);

/* Puts a pair that had failed before the start. Returns 0 or -ENOMEM. */
int outbox_put_earlier(struct outbox *o, const struct earlier *earlier);

/* Takes out one of those pairs and writes it to ret_earlier. Returns whether
 * there was any. */
bool outbox_take_earlier(struct outbox *o, struct earlier *ret_earlier);

/* Adds commands that can not be restored to those that were put and not taken.
 */
void outbox_put_loss(struct outbox *o, const struct ledger_loss *loss);

/* Takes them out and writes them to ret_loss. Returns whether there were any.
 */
bool outbox_take_loss(struct outbox *o, struct ledger_loss *ret_loss);

#endif
