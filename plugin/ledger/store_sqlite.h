/* SPDX-License-Identifier: MIT
 *
 * store_sqlite owns a ledger_store in one SQLite file (WAL, mode 0640) that
 * users read with sqlite3 while the agent runs; `<path>.lock` is held with
 * flock for life.
 *
 * A file that is damaged, not a database, not ours, or of a newer schema is set
 * aside: it is renamed, with its -wal and -shm, to `<path>.corrupt-<Unix
 * seconds>`, and a fresh one is created. A ledger that was not read when the
 * agent started is set aside as `<path>.unread-<Unix seconds>`. A ledger that
 * can not be written can still be read: on a read-only file system, of another
 * user, in parts that the disk gives, and while another process writes. Where
 * the -wal is damaged, which SQLite passes over in silence, the commits before
 * the damage are read on, and a copy of all files is kept as
 * `<path>.damaged-<Unix seconds>`. An older schema is migrated.
 *
 * A missing directory is not created: it may be a disk that is not mounted yet.
 * A file, -wal, -shm or lock that is a symbolic link, has a second name, or
 * belongs to another user is not touched: the store fails. If the file is
 * removed while it is open, the next turn fails with -ENOENT, and the one after
 * it creates the file anew.
 */
#ifndef ONENET_STORE_SQLITE_H
#define ONENET_STORE_SQLITE_H

#include "ledger/ledger_store.h"

#include <stdbool.h>
#include <sys/types.h>

/* Returns a store in memory that is open and empty, for rows that have no other
 * place; to be closed with its `close`. NULL without memory. */
struct ledger_store *store_sqlite_new_in_memory(void);

/* Returns a store in the file of that path, to be closed with its `close`; NULL
 * without memory. Touches no file. With syncs_every_commit each commit waits
 * for the disk; without it a commit survives a crash of the process, but
 * perhaps not one of the machine. Members of the group may read and write the
 * file; NULL: nobody but its owner may write it. */
struct ledger_store *store_sqlite_new(const char *path, bool syncs_every_commit,
                                      const gid_t *group);

/* Returns a store for begin_reading alone, of a file that another process may
 * have open: it changes nothing on the disk. To be closed with its `close`;
 * NULL without memory. */
struct ledger_store *store_sqlite_new_guest(const char *path);

#endif
