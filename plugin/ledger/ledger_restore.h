/* SPDX-License-Identifier: MIT
 *
 * ledger_restore owns what happens to the stored state at a start: it ends what
 * the configuration no longer asks for, in the store, and gives the rest to the
 * callbacks. Private to the ledger.
 */
#ifndef ONENET_LEDGER_RESTORE_H
#define ONENET_LEDGER_RESTORE_H

#include "ledger/ledger.h"
#include "ledger/ledger_store.h"

#include <stdint.h>

struct ledger_restore {
  struct ledger_store *store;
  const struct directory *directory;
  const struct ledger_callbacks *callbacks;
  struct moment now;
};

struct ledger_settled {
  int64_t next_id; /* greater than every id ever given */
  int64_t ended;   /* commands: so many more are finished */
};

/* Within a turn of the store: ends and removes what is gone, moves to its
 * present slot what the configuration has in another one, and reads all that
 * ledger_restore_state will read. Tells the callbacks nothing. Returns 0 or an
 * error of the store; -ENOMEM. */
int ledger_restore_settle(const struct ledger_restore *r,
                          struct ledger_settled *ret_settled);

/* Within the same turn: gives the state to the callbacks. Returns 0; an error
 * of the store; -ENOMEM; or what the callbacks returned. */
int ledger_restore_state(const struct ledger_restore *r);

#endif
