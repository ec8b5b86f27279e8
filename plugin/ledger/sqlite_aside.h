/* SPDX-License-Identifier: MIT
 *
 * sqlite_aside owns how the files of a ledger are set aside: under which names,
 * in which order, renamed or copied. The files are the database, its -wal and
 * its -shm. Private to sqlite_file, for files that this process does not have
 * open and of which it holds the lock.
 *
 * The database gets the suffix `.<as>-<Unix seconds>`, later seconds than
 * wall_s if there is such a file already; the others have their own suffix
 * behind that.
 */
#ifndef ONENET_SQLITE_ASIDE_H
#define ONENET_SQLITE_ASIDE_H

#include "ledger/sqlite_place.h"

#include <stdbool.h>
#include <stdint.h>

/* Renames the files that there are, and writes the suffix. Returns 0, or a
 * negative errno, and then p->why says what is wrong: some may be renamed. */
int sqlite_aside_move(struct sqlite_place *p, const char *as, int64_t wall_s,
                      char ret_suffix[static SQLITE_PLACE_SUFFIX_BYTES]);

/* Copies the files that there are, and writes the suffix in any case. Returns
 * whether all of them were copied. */
bool sqlite_aside_copy(const struct sqlite_place *p, const char *as,
                       int64_t wall_s,
                       char ret_suffix[static SQLITE_PLACE_SUFFIX_BYTES]);

#endif
