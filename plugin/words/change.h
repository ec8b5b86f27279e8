/* SPDX-License-Identifier: MIT
 *
 * change owns the link by which a thing stands in the journal: the first member
 * of each thing that the ledger keeps. See journal.h.
 */
#ifndef ONENET_CHANGE_H
#define ONENET_CHANGE_H

#include <stdbool.h>

/* The type of the thing that begins with the change. */
enum change_kind {
  CHANGE_COMMAND,
  CHANGE_SLOT,
  CHANGE_SERIES,
  CHANGE_ACCOUNT,
  CHANGE_TRACKED,
  CHANGE_ORDER
};

struct change {
  enum change_kind kind;
  bool is_noted; /* the journal holds it */
  bool is_told;  /* a journal that held it was cleared, or it was restored */
  bool is_last;  /* last change of the thing, which the journal owns */
  struct change *next;
};

#endif
