/* SPDX-License-Identifier: MIT
 *
 * ledger_file owns the ledger's place on the disk: its lock, the connection to
 * SQLite, and the check that what is there is a ledger of ours. What is not is
 * set aside. Private to the ledger.
 *
 * Functions that return an int return 0 or a negative errno, and then `why`
 * says in words what is wrong. -EILSEQ: the file is condemned, and set aside
 * when it is opened the next time.
 */
#ifndef ONENET_LEDGER_FILE_H
#define ONENET_LEDGER_FILE_H

#include "ledger.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define LEDGER_FILE_WHY_BYTES 1024

struct ledger_file {
  char *path; /* as configured */
  enum ledger_sync sync;
  char *real_path;    /* without symbolic links; NULL until it is known */
  int lock_fd;        /* -1: the lock is not held */
  sqlite3 *db;        /* NULL: not open */
  bool must_be_fresh; /* set by the owner: what a file holds that is opened from
                         now on is not in memory, and must not be overwritten */
  const char *condemned_as; /* NULL, or "corrupt" or "unread": what the file is
                               called once it is set aside */
  char condemned_why[LEDGER_FILE_WHY_BYTES];
  bool was_set_aside;
  char why[LEDGER_FILE_WHY_BYTES];
};

/* Touches no file. Returns 0 or -ENOMEM. */
int ledger_file_init(struct ledger_file *f, const char *path,
                     enum ledger_sync sync);

/* Closes it and gives the lock back. */
void ledger_file_release(struct ledger_file *f);

/* Takes the lock, if it is not held yet; makes the file if it is missing, but
 * not its directory. -EBUSY: another process holds it. */
int ledger_file_lock(struct ledger_file *f);

/* Takes the lock, sets aside what is condemned, and opens the file or begins
 * it. After an error it is not open. */
int ledger_file_open(struct ledger_file *f, struct moment now);

/* Closes the connection, all its statements included; keeps the lock. */
void ledger_file_close(struct ledger_file *f);

/* Whether the open file was removed, or another one is in its place. */
bool ledger_file_has_moved(struct ledger_file *f);

/* Returns the size of the file and its -wal; 0 in memory. */
int64_t ledger_file_size(const struct ledger_file *f);

/* Whether there is neither file nor lock. */
bool ledger_file_is_in_memory(const struct ledger_file *f);

/* Says in words what is wrong; returns `status`. */
int ledger_file_explain(struct ledger_file *f, int status, const char *reason);

/* Turns what SQLite returned last, `code`, into 0 or a negative errno: -EILSEQ
 * for a damaged file, and -EIO where there is no better one. */
int ledger_file_result(struct ledger_file *f, int code);

/* The same, for SQL that is understood by every ledger: if it is not, the file
 * is damaged. */
int ledger_file_judge(struct ledger_file *f, int code);

/* Runs SQL that has no result, or reads the first integer of one. */
int ledger_file_run(struct ledger_file *f, const char *sql);
int ledger_file_query(struct ledger_file *f, const char *sql,
                      int64_t *ret_number);

#endif
