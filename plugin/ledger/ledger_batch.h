/* SPDX-License-Identifier: MIT
 *
 * ledger_batch owns rows on their way into the ledger: copies of all that has
 * changed in a turn. A batch owns all its texts and bytes, so that no later
 * change of the originals reaches it. One thread at a time uses a batch.
 */
#ifndef ONENET_LEDGER_BATCH_H
#define ONENET_LEDGER_BATCH_H

#include "ledger/ledger_agent.h"
#include "words/journal.h"

#include <stddef.h>

struct ledger_entry;

struct ledger_batch {
  struct ledger_entry *first;
  struct ledger_entry **end;
  size_t count; /* entries, */
  size_t bytes; /* and the memory that they take */
  int error;    /* 0, or -ENOMEM: rows are missing */
};

/* Makes an empty batch. */
void ledger_batch_init(struct ledger_batch *b);

/* Frees the rows of the batch and leaves it empty. */
void ledger_batch_free(struct ledger_batch *b);

/* Adds a row for what has changed, with its values at `now`; or, for a slot or
 * a series that is gone, the removal of its rows. A command that ended as
 * `unchanged` does not go into the history, unless an order names it: its row
 * is removed; a fleeting one gets none. Without memory sets `error`, and from
 * then on adds nothing but what came of orders: these would be obeyed again. */
void ledger_batch_add(struct ledger_batch *b, struct change *change,
                      struct moment now);

/* Add what is told of the agent or of an endpoint at `now`. Without memory as
 * ledger_batch_add. */
void ledger_batch_add_agent(struct ledger_batch *b,
                            const struct ledger_agent *agent,
                            struct moment now);
void ledger_batch_add_endpoint(struct ledger_batch *b,
                               const struct ledger_endpoint *endpoint,
                               struct moment now);

/* Adds that the wall clock was set, by so much forward: the times of all that
 * is in the ledger, and of the rows before this, move with it. Without memory
 * as ledger_batch_add. */
void ledger_batch_add_jump(struct ledger_batch *b, int64_t jump_ms);

/* Moves all rows of `from` to the end of b. */
void ledger_batch_append(struct ledger_batch *b, struct ledger_batch *from);

/* Moves all rows of `from` to b, which is empty or not initialized. */
void ledger_batch_move(struct ledger_batch *b, struct ledger_batch *from);

/* Moves the history in `from` to the end of b: finished commands, the ends of
 * tracked ones, and what came of orders. Frees the other rows of `from`, which
 * come again when the whole state is put. If b then has more than `max`
 * entries, or takes more than max_bytes, frees the oldest, but no order: it
 * would be obeyed again. */
void ledger_batch_keep_history(struct ledger_batch *b,
                               struct ledger_batch *from, size_t max,
                               size_t max_bytes);

#endif
