/* SPDX-License-Identifier: MIT
 *
 * ledger_batch owns rows on their way into the ledger: what has changed in a
 * turn, as copies that own all that they need, so that nothing that happens
 * later changes them. One thread at a time.
 */
#ifndef ONENET_LEDGER_BATCH_H
#define ONENET_LEDGER_BATCH_H

#include "words/journal.h"

#include <stddef.h>

struct ledger_entry;

struct ledger_batch {
  struct ledger_entry *first;
  struct ledger_entry **end;
  size_t count; /* entries */
  int error;    /* 0, or -ENOMEM: it is not complete */
};

/* Makes an empty batch. */
void ledger_batch_init(struct ledger_batch *b);

/* Frees its rows and leaves it empty. */
void ledger_batch_free(struct ledger_batch *b);

/* Adds what has changed, as it is at `now`, or that a slot is removed. An
 * `unchanged` command is no history: its row is removed. Without memory the
 * error is kept, and later rows are left out. */
void ledger_batch_add(struct ledger_batch *b, struct change *change,
                      struct moment now);

/* Moves to b the rows of `from` that will not come again when the whole state
 * is put: finished commands and the ends of tracked ones. Beyond `max` entries
 * the oldest give way. Frees the rest of `from`. */
void ledger_batch_keep_history(struct ledger_batch *b,
                               struct ledger_batch *from, size_t max);

#endif
