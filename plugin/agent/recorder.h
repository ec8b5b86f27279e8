/* SPDX-License-Identifier: MIT
 *
 * recorder owns how changes get into the ledger: the ledger itself, the next
 * try after a failure, the history that could not be recorded meanwhile,
 * trimming, and restoring at the start.
 *
 * If the ledger fails, commands go on from memory. Once it works again the
 * whole state is put, and the history of the time between.
 *
 * The main thread opens and restores before the I/O thread starts, and closes
 * after it has ended; the I/O thread calls everything else.
 */
#ifndef ONENET_RECORDER_H
#define ONENET_RECORDER_H

#include "agent/outbox.h"
#include "agent/stats.h"
#include "config/options.h"
#include "delivery/lanes.h"
#include "delivery/tracker.h"
#include "words/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Greatest number of rows of history that are kept while the ledger fails. */
#define RECORDER_KEPT_MAX 10000

struct recorder;

/* State that is recorded and restored; all borrowed until recorder_close. */
struct recorder_state {
  struct journal *journal;
  struct lanes *lanes;
  struct tracker *tracker;
  struct stats *stats;
  struct outbox *outbox;
};

/* Opens the ledger that the options name, or one in memory. Returns 0 and a
 * recorder that the caller owns; or the error of ledger_open, with its reason
 * in ret_why. */
int recorder_open(const struct options *options, bool is_in_memory,
                  struct moment now, struct recorder **ret_recorder,
                  char *ret_why, size_t why_bytes);

/* Closes the ledger and frees the recorder; NULL is allowed. */
void recorder_close(struct recorder *r);

/* Restores the contents of the ledger into `state`, and records that state from
 * now on. Returns 0 or the error of ledger_load. */
int recorder_restore(struct recorder *r, const struct recorder_state *state,
                     struct moment now);

/* Returns whether nothing is known of earlier runs: a damaged ledger was set
 * aside when it was opened, or the ledger can not be read. To be called after
 * recorder_restore. */
bool recorder_knows_nothing(const struct recorder *r);

/* Records all changes that the journal names in one commit, and trims old
 * history now and then. Before that adds to the journal what must be put anew,
 * after a failure or a jump of the clock. If the commit fails, that is counted
 * and logged, and the history among the changes is kept for later. */
void recorder_record(struct recorder *r, struct moment now);

/* Returns the size of the ledger's file and its -wal in bytes. */
int64_t recorder_file_bytes(const struct recorder *r);

#endif
