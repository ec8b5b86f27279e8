/* SPDX-License-Identifier: MIT
 *
 * sqlite_group owns which group the files of a ledger belong to, and what that
 * may do with them. It has no state. Private to sqlite_file.
 */
#ifndef ONENET_SQLITE_GROUP_H
#define ONENET_SQLITE_GROUP_H

#include "ledger/sqlite_place.h"

/* Gives the file and its companions to the group of the place, with the right
 * to read and to write; or takes the right to write from whatever group has it.
 * To be called after SQLite has opened the file: it opens none itself. Returns
 * 0, or a negative errno as the functions of sqlite_place. */
int sqlite_group_share(struct sqlite_place *p);

#endif
