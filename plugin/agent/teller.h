/* SPDX-License-Identifier: MIT
 *
 * teller owns what is told of a turn once it is recorded: counters, news for
 * the outbox, and lines of the log. It decides nothing. It keeps what was said
 * already of endpoints and devices that fail. The I/O thread's.
 */
#ifndef ONENET_TELLER_H
#define ONENET_TELLER_H

#include "agent/outbox.h"
#include "agent/stats.h"
#include "config/options.h"
#include "delivery/lanes.h"
#include "words/journal.h"

#include <stdbool.h>

struct teller;

/* Returns a teller that the caller owns; all pointers are borrowed. is_dry: it
 * is said of each command that waits, and of each event that is ignored. NULL
 * without memory. */
struct teller *teller_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox, bool is_dry);
/* Frees it; NULL is allowed. */
void teller_free(struct teller *t);

/* Tells what the journal names: each change once, since the journal is cleared
 * after it. */
void teller_tell_changes(struct teller *t, const struct journal *journal,
                         struct moment now);

/* Tells the state of all endpoints; where a circuit has opened or closed, that
 * is said. */
void teller_tell_endpoints(struct teller *t, const struct lanes *lanes,
                           struct moment now);

/* Tells that an event of the rule for the device is ignored. */
void teller_tell_ignored(struct teller *t, const struct policy *policy,
                         const struct device *device, enum ignored reason);

/* Tells that `count` commands for the device were dropped before they were
 * commands, and why. */
void teller_tell_lost(struct teller *t, const struct device *device,
                      uint64_t count, const char *why);

/* The endpoint's key file has changed: that the new key is refused will be
 * news. */
void teller_forget_credentials(struct teller *t, const struct endpoint *e);

#endif
