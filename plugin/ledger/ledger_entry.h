/* SPDX-License-Identifier: MIT
 *
 * ledger_entry owns the form of one entry of a batch: a row, and whether it is
 * put or removed. An entry takes the memory of what it has: a whole state may
 * be hundreds of thousands of them. Private to the ledger and its batches.
 */
#ifndef ONENET_LEDGER_ENTRY_H
#define ONENET_LEDGER_ENTRY_H

#include "ledger/ledger_table.h"

enum ledger_entry_kind {
  LEDGER_ENTRY_PUT,
  LEDGER_ENTRY_FINISHED,  /* a row to be put: a command that is now history */
  LEDGER_ENTRY_CONCLUDED, /* a row to be put: the end of a tracked command */
  LEDGER_ENTRY_ORDER,     /* a row to be put: what came of an order */
  LEDGER_ENTRY_REMOVE,    /* rows with these values are to be removed */
  LEDGER_ENTRY_SHIFT      /* no row: times move by so many ms as its id says */
};

struct ledger_entry {
  struct ledger_entry *next;
  size_t bytes; /* of the entry, its values and their data */
  enum ledger_entry_kind kind : 8;
  enum ledger_table table : 8;
  uint64_t columns; /* as of a row, */
  uint64_t same;
  uint64_t known;               /* and the columns that are not NULL: */
  struct ledger_value values[]; /* one for each, in their order; then their
                                   texts and bytes */
};

/* Makes an entry of the row, with copies of its texts and bytes; to be freed
 * with free. NULL without memory. */
struct ledger_entry *ledger_entry_new(enum ledger_entry_kind kind,
                                      const struct ledger_row *row);

/* Writes the row of the entry; it borrows the texts and bytes. */
void ledger_entry_row(const struct ledger_entry *e, struct ledger_row *ret_row);

#endif
