/* SPDX-License-Identifier: MIT
 *
 * store_none owns nothing: a ledger_store that keeps no row, for an agent whose
 * commands live in memory only. It never fails.
 */
#ifndef ONENET_STORE_NONE_H
#define ONENET_STORE_NONE_H

#include "ledger/ledger_store.h"

/* Returns a store, to be closed with its `close`; NULL without memory. */
struct ledger_store *store_none_new(void);

#endif
