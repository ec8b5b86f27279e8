/* SPDX-License-Identifier: MIT
 *
 * failing_vfs owns a file system for SQLite that lies above the default one and
 * fails on demand, as a disk does.
 */
#ifndef ONENET_FAILING_VFS_H
#define ONENET_FAILING_VFS_H

#include <stdbool.h>

/* Makes it the default of all connections opened from now on. */
void failing_vfs_install(void);
/* Takes it out again; no connection may be open. */
void failing_vfs_remove(void);

/* The `after`th write, truncation, sync or extension of the shared memory from
 * now on, and all that follow it, fail with that result code of SQLite. 0: none
 * fails any more. */
void failing_vfs_fail(int after, int code);

/* Reads at this offset or behind it fail from now on, as on a disk with bad
 * sectors; 0: none does. */
void failing_vfs_fail_reads(long long from_offset);

/* Reads at this offset or behind it hang from now on, as on a disk that does
 * not answer, until it is 0. */
void failing_vfs_hang_reads(long long from_offset);

/* Returns how many of these there were since failing_vfs_fail. */
int failing_vfs_count(void);

/* That call from now on fails, whatever it is for (to open, read, write, sync,
 * lock, delete, look for, extend or measure a file), with the code that SQLite
 * has for it: alone, or with all that follow. 0: none fails any more. */
void failing_vfs_fail_call(int number, bool only_one);

/* Returns how many calls failed since then. */
int failing_vfs_failed(void);

#endif
