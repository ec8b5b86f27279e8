/* SPDX-License-Identifier: MIT
 *
 * bulletin owns what the ledger's tables `agent` and `endpoints` say to who
 * looks from outside, and when that is put: with what goes into the ledger
 * anyway, at most once in BULLETIN_PERIOD_MS; once more after the last change
 * of a while; and at once when a circuit has opened or closed. An idle agent
 * puts nothing. No clock, no I/O.
 *
 * The main thread calls bulletin_new and bulletin_free, the I/O thread
 * everything else.
 */
#ifndef ONENET_BULLETIN_H
#define ONENET_BULLETIN_H

#include "agent/stats.h"
#include "config/options.h"
#include "delivery/lanes.h"
#include "ledger/ledger_batch.h"
#include "words/journal.h"

#include <stdbool.h>

#define BULLETIN_PERIOD_MS 1000

struct bulletin;

/* Returns a bulletin of an agent that starts now, for bulletin_free; all that
 * it is given is borrowed until then. It is due. NULL without memory. */
struct bulletin *bulletin_new(const struct options *options,
                              const struct stats *stats, struct moment now);
void bulletin_free(struct bulletin *b); /* NULL is allowed */

/* Takes note of the changes in the journal, of the circuits, and of how many
 * firings are not taken yet. To be called once in each turn. */
void bulletin_note(struct bulletin *b, const struct journal *journal,
                   const struct lanes *lanes, size_t inbox, struct moment now);

/* Returns whether it is to be put now. */
bool bulletin_is_due(const struct bulletin *b, struct moment now);

/* Adds it to the batch, as it is now. */
void bulletin_add(struct bulletin *b, const struct lanes *lanes,
                  struct ledger_batch *batch, struct moment now);

#endif
