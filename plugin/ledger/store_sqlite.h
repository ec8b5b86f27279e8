/* SPDX-License-Identifier: MIT
 *
 * store_sqlite owns a ledger_store in one SQLite file (WAL, mode 0640) that
 * users read with sqlite3 while the agent runs; `<path>.lock` is held with
 * flock for life.
 *
 * A file that is damaged, not a database, not ours, or of a newer schema is
 * renamed with its -wal and -shm to `<path>.corrupt-<Unix seconds>`, and one
 * that is a ledger but was not read when the agent started to
 * `<path>.unread-<Unix seconds>`; a fresh one is begun. An older schema is
 * migrated. A missing directory is not made: it may be a disk that is not
 * mounted yet. Symbolic links are followed: the lock and what is set aside are
 * beside the file itself. A file
 * that was removed while it was open is noticed when a turn begins (-ENOENT),
 * and begun anew by the next one.
 */
#ifndef ONENET_STORE_SQLITE_H
#define ONENET_STORE_SQLITE_H

#include "ledger/ledger_store.h"

#include <stdbool.h>

/* Returns a store of that path that the caller ends with its `close`, and whose
 * commits wait for the disk if syncs_every_commit, else are there after a crash
 * of the process but perhaps not of the machine. Touches no file. NULL without
 * memory. */
struct ledger_store *store_sqlite_new(const char *path,
                                      bool syncs_every_commit);

#endif
