/* SPDX-License-Identifier: MIT
 *
 * right owns the question whether the user who runs onenetctl may use the
 * ledger, and the words about the right that is missing: which one, at which
 * file, whose that is, and what to do.
 */
#ifndef ONENET_RIGHT_H
#define ONENET_RIGHT_H

#include <stdbool.h>
#include <stddef.h>

#define RIGHT_WHY_BYTES 1024

/* Checks the right to read the file, and to write it if may_write is asked for,
 * and to enter all folders of its path. `name` is how the line calls the file:
 * "the ledger", "its -wal". Returns 0, also if there is no such file; or
 * -EACCES, or -EROFS on a file system that nobody may write to, and writes why:
 * one line. */
int right_check(const char *path, const char *name, bool to_write,
                char ret_why[static RIGHT_WHY_BYTES]);

/* Returns whether the user may make files in the folder of that file, and the
 * agent can use these: what is made for a file of another user would be a
 * stranger's, but that root's SQLite gives it to the owner of the ledger. */
bool right_to_add(const char *path);

/* Writes why the user can not be let in where right_to_add says no. `what` is
 * what would have to be made: "its -wal and -shm". */
void right_explain_add(const char *path, const char *what,
                       char ret_why[static RIGHT_WHY_BYTES]);

#endif
