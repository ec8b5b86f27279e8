/* SPDX-License-Identifier: MIT
 *
 * known_files owns the list of the DeviceFiles that have been read without a
 * fault. The list is a small text file beside the ledger, `<ledger>.devices`,
 * and not a table in it: it is read before collectd forks, when the ledger may
 * not be opened, and a ledger that is damaged or locked must not make a restart
 * stricter. As the ledger's own files it must be a regular one of our user,
 * with one name; links among the directories of its path are followed, no other
 * one.
 *
 * The main thread calls everything. Nothing is kept open.
 */
#ifndef ONENET_KNOWN_FILES_H
#define ONENET_KNOWN_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Returns whether the list beside that ledger holds the path; false if the list
 * can not be read, and for a ledger in memory. */
bool known_files_has(const char *ledger_path, const char *path);

/* Replaces the list by these paths (NULL-terminated; NULL: none); does nothing
 * for a ledger in memory. To be called by the holder of the ledger's lock.
 * Returns 0; or a negative errno, and the list is unchanged. */
int known_files_write(const char *ledger_path, char *const *paths);

#endif
