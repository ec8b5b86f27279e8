/* SPDX-License-Identifier: MIT
 *
 * ledger_entry owns the form of one entry of a batch: a row, and whether it is
 * put or removed. Private to the ledger and its batches.
 */
#ifndef ONENET_LEDGER_ENTRY_H
#define ONENET_LEDGER_ENTRY_H

#include "ledger/ledger_table.h"

enum ledger_entry_kind {
  LEDGER_ENTRY_PUT,
  LEDGER_ENTRY_FINISHED,  /* a row to be put: a command that is now history */
  LEDGER_ENTRY_CONCLUDED, /* a row to be put: the end of a tracked command */
  LEDGER_ENTRY_REMOVE     /* rows with these values are to be removed */
};

struct ledger_entry {
  struct ledger_entry *next;
  enum ledger_entry_kind kind;
  size_t bytes;          /* of the entry and its data */
  struct ledger_row row; /* its texts and bytes are in `data` */
  char data[];
};

#endif
