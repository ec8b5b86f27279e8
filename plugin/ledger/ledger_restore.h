/* SPDX-License-Identifier: MIT
 *
 * ledger_restore owns what happens to the stored state at a start: in the store
 * it ends what the configuration no longer asks for, then it gives the rest to
 * the callbacks. Private to the ledger.
 */
#ifndef ONENET_LEDGER_RESTORE_H
#define ONENET_LEDGER_RESTORE_H

#include "ledger/ledger.h"
#include "ledger/ledger_store.h"

#include <stdbool.h>
#include <stdint.h>

struct ledger_restore {
  struct ledger_store *store;
  const struct directory *directory;
  const struct ledger_callbacks *callbacks;
  struct moment now;
  bool forgets; /* slots are to forget what their devices accepted: a later
                   command may be lost */
};

struct ledger_settled {
  int64_t next_id;           /* greater than every id ever given */
  int64_t ids_base;          /* as recorded; 0 if it is not */
  int64_t created;           /* the totals of all devices, */
  int64_t created_by_others; /* and of those of them that are gone */
  int64_t pending;           /* commands that were pending, those among them */
  int64_t ended;             /* that were ended: they are now history */
  int64_t unreadable; /* and of these those whose record can not be read */
  bool has_failing;   /* some rule and device fail */
};

/* Ends and removes, within a turn of the store, what the configuration no
 * longer asks for, and moves to their present slot the commands and series that
 * the configuration now has in another one. Reads all that ledger_restore_state
 * will read, but calls no callback that receives state: a file that can not be
 * read is found out before anything was handed over. A command whose id is
 * beyond 2^53 ends, and totals with a number that is beyond it, or is negative,
 * begin anew with what is pending: no undamaged file holds such a number.
 * Returns 0, an error of the store, or -ENOMEM. */
int ledger_restore_settle(const struct ledger_restore *r,
                          struct ledger_settled *ret_settled);

/* Gives the state to the callbacks, within the same turn. Returns 0, an error
 * of the store, -ENOMEM, or the error of a callback. */
int ledger_restore_state(const struct ledger_restore *r);

#endif
