/* SPDX-License-Identifier: MIT
 *
 * finished owns what is told of single commands that have ended, and of those
 * that are tracked, on its way from the I/O thread to the reporter: a bounded
 * ring. When it is full the
 * oldest entry gives way: what is new matters more, and the counters know of
 * all.
 *
 * The I/O thread puts; one other thread takes. A mutex is held for the copy of
 * one entry.
 */
#ifndef ONENET_FINISHED_H
#define ONENET_FINISHED_H

#include "words/command.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINISHED_MAX 1000 /* reported one by one per interval */

enum finished_news {
  FINISHED_OUTCOME, /* it has an outcome */
  FINISHED_STATUS,  /* it is tracked, and OneNET has a new status of it */
  FINISHED_END,     /* it was tracked, and that was its last status */
  FINISHED_EARLIER  /* it failed before the start: an acceptance is news */
};

/* A plain copy; policy and device are read-only after configuration. */
struct finished_command {
  enum finished_news news;
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

struct finished;

/* Returns an empty ring that the caller owns, or NULL without memory. */
struct finished *finished_new(void);
void finished_free(struct finished *f);

/* Puts a copy. Returns whether an older entry gave way. */
bool finished_put(struct finished *f, const struct finished_command *one);

/* Writes the oldest and takes it out. Returns whether there was one. */
bool finished_take(struct finished *f, struct finished_command *ret_one);

#endif
