/* SPDX-License-Identifier: MIT
 *
 * sqlite_file owns the place of a ledger on the disk: its lock, the connection
 * to SQLite, and the check that what is there is a ledger of ours. What is not
 * is set aside. Private to store_sqlite.
 *
 * Functions that return an int return 0 or a negative errno, and then `why`
 * says in words what is wrong. -EILSEQ: the file is condemned, and set aside
 * when it is opened the next time.
 */
#ifndef ONENET_SQLITE_FILE_H
#define ONENET_SQLITE_FILE_H

#include "words/command.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define SQLITE_FILE_WAIT_MS 250 /* to open what another process writes to */
#define SQLITE_FILE_WHY_BYTES 1024

struct sqlite_file {
  char *path; /* as configured */
  bool syncs_every_commit;
  char *real_path;    /* without symbolic links; NULL until it is known */
  int lock_fd;        /* -1: the lock is not held */
  sqlite3 *db;        /* NULL: not open */
  bool must_be_fresh; /* set by the owner: a file that is opened from now on and
                         holds a ledger is condemned, since the agent has not
                         read it and would overwrite it */
  const char *condemned_as; /* NULL, or "corrupt" or "unread": what the file is
                               called once it is set aside */
  char condemned_why[SQLITE_FILE_WHY_BYTES];
  uint64_t set_aside_count; /* files since sqlite_file_init */
  char why[SQLITE_FILE_WHY_BYTES];
};

/* Touches no file. Returns 0 or -ENOMEM. */
int sqlite_file_init(struct sqlite_file *f, const char *path,
                     bool syncs_every_commit);

/* Closes it and gives the lock back. */
void sqlite_file_release(struct sqlite_file *f);

/* Takes the lock, if it is not held yet; makes the file if it is
 * missing. -EBUSY: another process holds it. */
int sqlite_file_lock(struct sqlite_file *f);

/* Takes the lock, sets aside what is condemned, and opens the file or begins
 * it. After an error it is not open. */
int sqlite_file_open(struct sqlite_file *f, struct moment now);

/* Closes the connection, all its statements included; keeps the lock. */
void sqlite_file_close(struct sqlite_file *f);

/* Tells whether the open file was removed, or another one is in its place. */
bool sqlite_file_has_moved(struct sqlite_file *f);

/* Returns the size of the file and its -wal. */
int64_t sqlite_file_size(const struct sqlite_file *f);

/* Says in words what is wrong; returns `status`. */
int sqlite_file_explain(struct sqlite_file *f, int status, const char *reason);

/* Turns what SQLite returned last, `code`, into 0 or a negative errno: -EILSEQ
 * for a damaged file, and -EIO where there is no better one. */
int sqlite_file_result(struct sqlite_file *f, int code);

/* Does the same for SQL that is understood by every ledger: if it is not, the
 * file is damaged. */
int sqlite_file_judge(struct sqlite_file *f, int code);

/* Runs SQL that has no result, or reads the first integer of one. */
int sqlite_file_run(struct sqlite_file *f, const char *sql);
int sqlite_file_query(struct sqlite_file *f, const char *sql,
                      int64_t *ret_number);

#endif
