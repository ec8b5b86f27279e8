/* SPDX-License-Identifier: MIT
 *
 * known_files owns the list of the DeviceFiles that were read without a fault
 * once. It is a small text file beside the ledger, `<ledger>.devices`, and not
 * a table in it: the list is asked for before collectd forks, when the ledger
 * may not be opened, and a ledger that is damaged or locked must not make a
 * restart stricter. Like the lock it is beside the ledger's file itself,
 * whatever links lead there.
 *
 * The main thread calls everything. Nothing is kept open.
 */
#ifndef ONENET_KNOWN_FILES_H
#define ONENET_KNOWN_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Returns whether the list beside that ledger has the path. Without a list that
 * can be read, and for a ledger in memory, it has none. */
bool known_files_has(const char *ledger_path, const char *path);

/* Makes the list hold just these paths (NULL-terminated; NULL: none); does
 * nothing for a ledger in memory. To be called by the holder of the ledger's
 * lock. Returns 0 or a negative errno, and the list is as it was. */
int known_files_write(const char *ledger_path, char *const *paths);

#endif
