/* SPDX-License-Identifier: MIT
 *
 * sqlite_holder owns the answer to the question which process holds a ledger's
 * lock: by the id that the holder has written into the file, and by the
 * kernel's list of locks. It takes no lock. No state: any thread. Private to
 * sqlite_place, and to whoever looks at a ledger from outside.
 */
#ifndef ONENET_SQLITE_HOLDER_H
#define ONENET_SQLITE_HOLDER_H

#include <sys/types.h>

/* Returns the process that holds the lock of that file; 0 if none does. Where
 * the kernel shows no list of locks, a process that lives and whose id is
 * written in the file counts as the holder: but that may be one that held it
 * before, or what a member of the ledger's group has written. */
pid_t sqlite_holder_find(const char *lock_path);

#endif
