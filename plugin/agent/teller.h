/* SPDX-License-Identifier: MIT
 *
 * teller owns what is told of a turn after it was recorded: counters, news for
 * the outbox, and lines of the log. It decides nothing. It remembers which
 * troubles of endpoints and devices were told. The main thread calls teller_new
 * and teller_free, the I/O thread everything else.
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

/* Returns a teller that the caller owns; all pointers are borrowed. is_dry: the
 * log has a line for each command that waits, and for each event that is
 * ignored. NULL without memory. */
struct teller *teller_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox, bool is_dry);
/* Frees the teller; NULL is allowed. */
void teller_free(struct teller *t);

/* Tells each change that the journal names. The caller clears the journal after
 * it, so that each change is told once. Fleeting commands are counted, and
 * logged by their number within a second, or when the teller is freed. */
void teller_tell_changes(struct teller *t, const struct journal *journal,
                         struct moment now);

/* Publishes the gauges of all endpoints, and logs each circuit that has opened
 * or closed. */
void teller_tell_endpoints(struct teller *t, const struct lanes *lanes,
                           struct moment now);

/* Counts `count` events of the rule for the device as ignored, unless they only
 * wait for After; logs it in a dry run. */
void teller_tell_ignored(struct teller *t, const struct policy *policy,
                         const struct device *device, enum ignored reason,
                         uint64_t count);

/* Counts as unreported, and logs, that `count` events for the device were lost
 * before they became commands, and why. */
void teller_tell_lost(struct teller *t, const struct device *device,
                      uint64_t count, const char *why);

/* Notes that the key file of the endpoint has changed. The changes of this turn
 * are still of the old key; after them, what was told of the credentials is
 * forgotten: if the new key is refused, that is news. */
void teller_forget_credentials(struct teller *t, const struct endpoint *e);

#endif
