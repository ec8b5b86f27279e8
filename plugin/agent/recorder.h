/* SPDX-License-Identifier: MIT
 *
 * recorder owns the way of what changes into the ledger: the ledger itself,
 * when it is tried again after a failure, what could not be recorded meanwhile,
 * trimming, and what is restored at the start.
 *
 * If the ledger fails, commands go on from memory. Once it works again the
 * whole state is put, with the history of the time between.
 *
 * The main thread opens and restores before the I/O thread starts, and closes
 * after it has ended; the rest is the I/O thread's.
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

/* Finished commands that are kept for the history while the ledger fails. */
#define RECORDER_KEPT_MAX 10000

struct recorder;

/* What is recorded, and restored. All borrowed, for as long as the recorder. */
struct recorder_state {
  struct journal *journal;
  struct lanes *lanes;
  struct tracker *tracker;
  struct stats *stats;
  struct outbox *outbox;
};

/* Opens the ledger that the options name, or one in memory. Returns 0 and a
 * recorder that the caller owns; or as ledger_open. */
int recorder_open(const struct options *options, bool is_in_memory,
                  struct moment now, struct recorder **ret_recorder,
                  char *ret_why, size_t why_bytes);

/* Closes the ledger and frees; NULL is allowed. */
void recorder_close(struct recorder *r);

/* Restores what is in the ledger into the state, and records that state from
 * now on. Returns 0, or a negative errno as ledger_load. */
int recorder_restore(struct recorder *r, const struct recorder_state *state,
                     struct moment now);

/* Returns whether nothing is known of what came before this run: a damaged
 * ledger was set aside when it was opened, or it can not be read. */
bool recorder_knows_nothing(const struct recorder *r);

/* Records what the journal names, in one commit, and trims what is old now and
 * then. Adds to the journal what has to be put anew. A failure is counted and
 * logged; then the history among it is kept for later. */
void recorder_record(struct recorder *r, struct moment now);

/* Returns the size of the ledger's files in bytes. */
int64_t recorder_file_bytes(const struct recorder *r);

#endif
