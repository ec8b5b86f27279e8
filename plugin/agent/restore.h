/* SPDX-License-Identifier: MIT
 *
 * restore owns the way of what is in the ledger back into the agent: at the
 * start, or late, when a ledger can be read that could not be read then. It
 * keeps nothing itself. Private to the recorder.
 *
 * Whoever calls has the ledger for himself meanwhile.
 */
#ifndef ONENET_RESTORE_H
#define ONENET_RESTORE_H

#include "agent/bulletin.h"
#include "agent/orders.h"
#include "agent/outbox.h"
#include "agent/stats.h"
#include "config/options.h"
#include "delivery/lanes.h"
#include "delivery/tracker.h"
#include "ledger/ledger.h"
#include "words/journal.h"

/* The state that is recorded and restored. All members are borrowed. */
struct recorder_state {
  struct journal *journal;
  struct lanes *lanes;
  struct tracker *tracker;
  struct stats *stats;
  struct outbox *outbox;
  struct orders *orders;
  struct bulletin *bulletin;
};

/* Restores what is in the ledger into the state; before the I/O thread starts.
 * Returns 0, or a negative errno as ledger_load. */
int restore_at_start(struct ledger *l, const struct options *options,
                     const struct recorder_state *state, struct moment now);

/* Reads into memory what could not be read at the start, and touches nothing of
 * the state but the policies of its orders: the recorder's thread. Returns as
 * ledger_read_late. */
int restore_read_late(struct ledger *l, const struct options *options,
                      const struct recorder_state *state, struct moment now);

/* Restores what was read late: the I/O thread, between two turns. What the
 * state has by now is newer. If all is known then, the first OKAY of a slot is
 * no longer sent for that reason. Returns 0; or -ENOMEM, and then some of it is
 * not restored. */
int restore_late(struct ledger *l, const struct options *options,
                 const struct recorder_state *state, struct moment now);

#endif
