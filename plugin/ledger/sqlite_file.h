/* SPDX-License-Identifier: MIT
 *
 * sqlite_file owns the connection to SQLite, and the check that the file at its
 * place is a ledger of ours, and whole. A file that is not is set aside; one of
 * an older version is brought to the present one. Private to store_sqlite.
 *
 * A file that was closed in order is taken for whole: a mark in it says so, in
 * the table clean_end, from the close to the first turn after it. Any other is
 * looked at beside the work, from its first commit on; see sqlite_check.
 *
 * Functions that return an int return 0, or a negative errno, and then
 * `place.why` says in words what is wrong. -EILSEQ means that the file is
 * condemned: it will be set aside when it is opened the next time.
 */
#ifndef ONENET_SQLITE_FILE_H
#define ONENET_SQLITE_FILE_H

#include "ledger/ledger_loss.h"
#include "ledger/sqlite_place.h"
#include "ledger/sqlite_wal.h"
#include "words/command.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define SQLITE_FILE_WAIT_MS 250 /* wait for a writer, while opening */

struct sqlite_check;

struct sqlite_file {
  struct sqlite_place place;
  bool syncs_every_commit;
  bool is_guest;      /* the file is that of another process: opening it to read
                         leaves its -shm as it is, too; set by the owner */
  sqlite3 *db;        /* NULL: not open */
  bool must_be_fresh; /* a ledger that is found when the file is opened will be
                         condemned, unless its place knows it: the agent has not
                         read it, and would overwrite it; set by the owner */
  const char *condemned_as; /* "corrupt" or "unread" if the file is condemned:
                               the suffix that it will get; NULL if it is not */
  char condemned_why[SQLITE_PLACE_WHY_BYTES];
  bool is_marked; /* as closed in order; no turn was committed since */
  bool is_whole;  /* as far as is known: it was marked when it was opened, or is
                     fresh, or was looked at to the end */
  struct sqlite_check *check; /* NULL: it is not looked at beside the work */
  bool is_looked_at;          /* beside the work, or was, since it was opened */
  bool is_ours;      /* a whole turn was to be committed to it: the agent knows
                        the pending commands that its index names; set by the
                        owner, until it is opened again */
  int64_t pages_max; /* limit on a small file system; 0: there is room enough */
  bool is_told_small;    /* the log has said that the file system is small */
  bool is_told_unshared; /* and that the file can not be given to its group */
  uint64_t set_aside_count; /* files set aside since sqlite_file_init */
  uint64_t damage_count;    /* -wals since then of which something is lost, */
  struct sqlite_wal_frames told_wal; /* and the last one of them */
  struct ledger_loss loss;           /* what was pending in these; grows */
};

/* Prepares f, and touches no file. Returns 0 or -ENOMEM. */
int sqlite_file_init(struct sqlite_file *f, const char *path,
                     bool syncs_every_commit);

/* Closes the file, gives the lock back, and frees all that f owns. */
void sqlite_file_release(struct sqlite_file *f);

/* Takes the lock, sets a condemned file aside, and opens the file or creates a
 * fresh one. Looks at all of a file only if it is of an older version. If the
 * -wal is damaged, so that commits are lost, the files are first copied to
 * `<path>.damaged-<Unix seconds>`. After an error the file is not open. */
int sqlite_file_open(struct sqlite_file *f, struct moment now);

/* Opens the file for reading alone: touches, locks and checks nothing. One of
 * an older version is copied into memory, and read there as if it were of the
 * present one. Where is_guest is not set, SQLite may make -shm anew. After an
 * error it is not open. */
int sqlite_file_open_to_read(struct sqlite_file *f);

/* Opens an empty ledger in memory. */
int sqlite_file_open_in_memory(struct sqlite_file *f);

/* Moves what is in the -wal into the file, and empties it, unless a reader
 * holds it up. Returns whether it is empty. */
bool sqlite_file_checkpoint(struct sqlite_file *f);

/* Begin and commit a turn. */
int sqlite_file_begin(struct sqlite_file *f);
int sqlite_file_commit(struct sqlite_file *f);

/* Returns 0; or -EILSEQ if the look beside the work has found the open file to
 * be damaged: it is condemned. */
int sqlite_file_see_check(struct sqlite_file *f);

/* Marks the file as closed in order if it is open and whole; to be called last,
 * and with no turn under way. Waits for no other process, and leaves the mark
 * out where it can not be written. */
void sqlite_file_mark(struct sqlite_file *f);

/* Closes the connection, all its statements included; keeps the lock. */
void sqlite_file_close(struct sqlite_file *f);

/* Returns whether the open file was removed or replaced by another one. */
bool sqlite_file_has_moved(struct sqlite_file *f);

/* Returns whether the file takes nearly all that it may of a small file system:
 * rows that are put from now on need the room of rows that are removed. */
bool sqlite_file_is_nearly_full(struct sqlite_file *f);

/* Turns `code`, which SQLite has just returned, into 0 or a negative errno:
 * -EILSEQ for a damaged file, -EIO for what the disk does not do, -EPROTO where
 * there is no better one. */
int sqlite_file_result(struct sqlite_file *f, int code);

/* Does the same for SQL that every ledger understands: if SQLite rejects the
 * SQL (SQLITE_ERROR), the file is damaged. */
int sqlite_file_judge(struct sqlite_file *f, int code);

/* Run SQL that has no result, or SQL whose result is one integer. */
int sqlite_file_run(struct sqlite_file *f, const char *sql);
int sqlite_file_query(struct sqlite_file *f, const char *sql,
                      int64_t *ret_number);

#endif
