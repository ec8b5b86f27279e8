/* SPDX-License-Identifier: MIT
 *
 * sqlite_check owns the look at all of a ledger's file: whether it is whole.
 * That reads every page, and takes half a second for 1,000,000 commands.
 * Private to sqlite_file.
 *
 * Beside the work the check has a thread of its own, which yields to all
 * others, and a connection of its own, which writes nothing: commits go on
 * meanwhile, and what they add is not looked at. One thread at a time uses a
 * check.
 */
#ifndef ONENET_SQLITE_CHECK_H
#define ONENET_SQLITE_CHECK_H

#include <stddef.h>

#define SQLITE_CHECK_WAIT_MS 500

struct sqlite3;

/* Looks at all of the file that the connection has open. Returns SQLITE_OK if
 * it is whole; SQLITE_CORRUPT if it is damaged; or the code of the error that
 * ended the look, such as one of the disk. Unless it is SQLITE_OK, ret_why says
 * in words what was found. */
int sqlite_check_now(struct sqlite3 *db, char *ret_why, size_t why_bytes);

struct sqlite_check;

/* Begins to look at the file of that path beside the work. Returns NULL without
 * memory or thread. */
struct sqlite_check *sqlite_check_begin(const char *path);

/* Returns as sqlite_check_now once the check has ended; before that
 * SQLITE_BUSY, and leaves ret_why as it is. */
int sqlite_check_result(struct sqlite_check *c, char *ret_why,
                        size_t why_bytes);

/* Ends the check, whether it has come to its end or not, and frees it; NULL is
 * allowed. Waits SQLITE_CHECK_WAIT_MS at most for a page that is being read:
 * where the disk hangs, the thread is left behind, and frees the check. The
 * rest of closing a file waits for the disk without a bound. */
void sqlite_check_end(struct sqlite_check *c);

#endif
