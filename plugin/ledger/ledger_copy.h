/* SPDX-License-Identifier: MIT
 *
 * ledger_copy owns the rows that a start reads from a ledger that can be read
 * and not written, or that is only looked at. They are kept in a store in
 * memory, where the start decides of them, and are put from there once the
 * ledger can be written. Private to the ledger.
 */
#ifndef ONENET_LEDGER_COPY_H
#define ONENET_LEDGER_COPY_H

#include "ledger/ledger_store.h"

#include <stdbool.h>

/* Reads the rows that a start reads, but changes nothing. Parts of a file that
 * the disk does not give (-EIO) are left out; ret_is_whole: there were none.
 * Returns 0 and a store that the caller closes; or an error of the store. */
int ledger_copy_take(struct ledger_store *from, struct moment now,
                     struct ledger_store **ret_copy, bool *ret_is_whole);

/* Reads the same rows in one turn, so that they are those of one moment, while
 * another process may go on to write. Returns 0 and a store that the caller
 * closes; or an error of the store. */
int ledger_copy_peek(struct ledger_store *from, struct moment now,
                     struct ledger_store **ret_copy);

/* Puts the commands and totals of the copy, and what fails, within a turn of
 * `to`. Slots, series and pending commands are the caller's to put: it knows
 * them better by now. Returns 0 or an error of a store. */
int ledger_copy_put(struct ledger_store *copy, struct moment now,
                    struct ledger_store *to);

#endif
