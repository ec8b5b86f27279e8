/* SPDX-License-Identifier: MIT
 *
 * change owns the mark by which a thing tells that it has changed: the first
 * member of each thing that the ledger keeps. See journal.h.
 */
#ifndef ONENET_CHANGE_H
#define ONENET_CHANGE_H

#include <stdbool.h>

/* What the change is the first member of. */
enum change_kind {
  CHANGE_COMMAND,
  CHANGE_SLOT,
  CHANGE_SERIES,
  CHANGE_ACCOUNT,
  CHANGE_TRACKED
};

struct change {
  enum change_kind kind;
  bool is_noted; /* it is in the journal */
  bool is_told;  /* it has been in a journal that was cleared */
  bool is_last;  /* the thing is over: the journal owns it */
  struct change *next;
};

#endif
