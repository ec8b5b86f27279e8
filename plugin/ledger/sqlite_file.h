/* SPDX-License-Identifier: MIT
 *
 * sqlite_file owns the place of a ledger on the disk: its lock, the connection
 * to SQLite, and the check that the file is a ledger of ours. A file that is
 * not is set aside. Private to store_sqlite.
 *
 * The file, its -wal, its -shm and its .lock are each a regular file of our own
 * user, with one name; if one of them is not, the status is -EPERM. A link in
 * the place of one is not followed, and nothing is written to where it leads.
 * Links among the directories of the path are followed.
 *
 * Functions that return an int return 0, or a negative errno, and then `why`
 * says in words what is wrong. -EILSEQ means that the file is condemned: it
 * will be set aside when it is opened the next time.
 */
#ifndef ONENET_SQLITE_FILE_H
#define ONENET_SQLITE_FILE_H

#include "words/command.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SQLITE_FILE_WAIT_MS 250 /* wait for a writer, while opening */
#define SQLITE_FILE_WHY_BYTES 1024

struct sqlite_file {
  char *path; /* as configured */
  bool syncs_every_commit;
  char *real_path;    /* without links on the way; NULL until it is known */
  int lock_fd;        /* -1: the lock is not held */
  int guard_fd;       /* -1, or holds the lock by the right to read alone */
  sqlite3 *db;        /* NULL: not open */
  bool must_be_fresh; /* a ledger that is found when the file is opened will be
                         condemned, unless it is known: the agent has not read
                         it, and would overwrite it; set by the owner */
  bool is_known;      /* the file of these numbers has been read */
  dev_t known_device;
  ino_t known_inode;
  const char *condemned_as; /* "corrupt" or "unread" if the file is condemned:
                               the suffix that it will get; NULL if it is not */
  char condemned_why[SQLITE_FILE_WHY_BYTES];
  int64_t pages_max; /* limit on a small file system; 0: there is room enough */
  bool is_told_small;       /* the log has said that the file system is small */
  uint64_t set_aside_count; /* files set aside since sqlite_file_init */
  uint64_t damage_count;    /* -wals since then of which something is lost */
  char why[SQLITE_FILE_WHY_BYTES];
};

/* Prepares f, and touches no file. Returns 0 or -ENOMEM. */
int sqlite_file_init(struct sqlite_file *f, const char *path,
                     bool syncs_every_commit);

/* Closes the file, gives the lock back, and frees all that f owns. */
void sqlite_file_release(struct sqlite_file *f);

/* Takes the lock if it is not held yet, and creates the file if it is missing.
 * Returns -EBUSY if another process holds the lock. */
int sqlite_file_lock(struct sqlite_file *f);

/* Takes the lock, sets a condemned file aside, and opens the file or creates a
 * fresh one. If the -wal is damaged, so that commits are lost, the files are
 * first copied to `<path>.damaged-<Unix seconds>`. After an error the file is
 * not open. */
int sqlite_file_open(struct sqlite_file *f, struct moment now);

/* Returns whether another process holds a lock that can not be opened for
 * writing; `why` then says which. A lock that can not be read counts as free; a
 * free one that can be read is held, until sqlite_file_lock takes it for good.
 */
bool sqlite_file_is_held(struct sqlite_file *f);

/* Opens the file for reading alone: touches, locks and checks nothing. It must
 * be a ledger of the present version. After an error it is not open. */
int sqlite_file_open_to_read(struct sqlite_file *f);

/* Opens an empty ledger in memory. */
int sqlite_file_open_in_memory(struct sqlite_file *f);

/* Notes that the caller has read all that is in the file that is open. */
void sqlite_file_note_known(struct sqlite_file *f);

/* Moves what is in the -wal into the file, and empties it, unless a reader
 * holds it up. Returns whether it is empty. */
bool sqlite_file_checkpoint(struct sqlite_file *f);

/* Closes the connection, all its statements included; keeps the lock. */
void sqlite_file_close(struct sqlite_file *f);

/* Returns whether the open file was removed or replaced by another one. */
bool sqlite_file_has_moved(struct sqlite_file *f);

/* Returns whether the file takes nearly all that it may of a small file system:
 * rows that are put from now on need the room of rows that are removed. */
bool sqlite_file_is_nearly_full(struct sqlite_file *f);

/* Returns the size of the file and its -wal in bytes. */
int64_t sqlite_file_size(const struct sqlite_file *f);

/* Writes the reason to `why`, with the path in front; returns `status`. */
int sqlite_file_explain(struct sqlite_file *f, int status, const char *reason);

/* Turns `code`, which SQLite has just returned, into 0 or a negative errno:
 * -EILSEQ for a damaged file, -EIO where there is no better one. */
int sqlite_file_result(struct sqlite_file *f, int code);

/* Does the same for SQL that every ledger understands: if SQLite rejects the
 * SQL (SQLITE_ERROR), the file is damaged. */
int sqlite_file_judge(struct sqlite_file *f, int code);

/* Run SQL that has no result, or SQL whose result is one integer. */
int sqlite_file_run(struct sqlite_file *f, const char *sql);
int sqlite_file_query(struct sqlite_file *f, const char *sql,
                      int64_t *ret_number);

#endif
