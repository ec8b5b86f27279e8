/* SPDX-License-Identifier: MIT
 *
 * ledger_restore owns what happens to the stored state at a start: what the
 * configuration no longer asks for is ended in the file, the rest goes to the
 * sink. Private to the ledger.
 */
#ifndef ONENET_LEDGER_RESTORE_H
#define ONENET_LEDGER_RESTORE_H

#include "ledger.h"
#include "ledger_file.h"

struct ledger_restore {
  struct ledger_file *file;
  const struct directory *directory;
  const struct ledger_sink *sink;
  struct moment now;
};

/* Within a transaction: ends and removes in the file what is gone, moves to its
 * present slot what the configuration has in another one, and reads all that
 * ledger_restore_state will read. Tells the sink nothing. ret_next_id: see
 * ledger_load. Returns 0 or a negative errno, as ledger_file. */
int ledger_restore_settle(const struct ledger_restore *r, int64_t *ret_next_id);

/* Within the same transaction: gives the state to the sink. Returns 0; a
 * negative errno of ledger_file; -ENOMEM; or what the sink returned. */
int ledger_restore_state(const struct ledger_restore *r);

#endif
