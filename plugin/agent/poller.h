/* SPDX-License-Identifier: MIT
 *
 * poller owns the polls by which tracked commands are followed: it ties tracker
 * to lanes, which admit them, and to http, and tells counters, log and reporter
 * what came of them. The worker calls it, on the I/O thread.
 */
#ifndef ONENET_POLLER_H
#define ONENET_POLLER_H

#include "agent/finished.h"
#include "agent/stats.h"
#include "cloud/credential.h"
#include "cloud/http.h"
#include "delivery/lanes.h"
#include "delivery/tracker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All borrowed. */
struct poller {
  const struct directory *directory;
  struct credential *const *credentials; /* by endpoint.index */
  struct http *http;
  struct lanes *lanes;
  struct tracker *tracker;
  struct stats *stats;
  struct finished *finished;
  bool tells_statuses; /* each that is new; else only the last */
};

/* Follows the command if it was accepted just now and is to be tracked. */
void poller_follow(const struct poller *p, const struct command *c,
                   struct moment now);

/* Follows what was restored. Takes it and returns 0; or -ENOMEM. */
int poller_restore(const struct poller *p, struct tracked *one,
                   struct moment now);

/* Begins the polls that are due and that lanes admit; to be called once the
 * commands of the turn were sent. */
void poller_begin(const struct poller *p, struct moment now);

/* Takes the reply of a poll. */
void poller_take_reply(const struct poller *p, const struct http_reply *reply,
                       struct moment now);

/* Tells what is new, and makes the slots of what was not delivered forget; to
 * be called before the turn is recorded. Returns how many that are concluded
 * wait for being recorded. */
size_t poller_tell(const struct poller *p);

/* Returns in how many ms a poll may begin; COMMAND_NEVER_MS: not by itself. */
int64_t poller_wait_ms(const struct poller *p, struct moment now);

#endif
