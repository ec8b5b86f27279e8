/* SPDX-License-Identifier: MIT
 *
 * sqlite_place owns the place of a ledger on the disk: its path, its lock, and
 * the check that what lies there is not a trap. It asks the file system, and
 * knows nothing of SQLite but the names of its files. Private to store_sqlite,
 * sqlite_file, sqlite_aside and sqlite_group.
 *
 * The file, its -wal, its -shm and its .lock are each a regular file of our own
 * user, with one name; if one of them is not, the status is -EPERM. A link in
 * the place of one is not followed, and nothing is written to where it leads.
 * Links among the directories of the path are followed.
 *
 * Functions that return an int return 0, or a negative errno, and then `why`
 * says in words what is wrong.
 */
#ifndef ONENET_SQLITE_PLACE_H
#define ONENET_SQLITE_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SQLITE_PLACE_MODE 0640       /* of the files that are created */
#define SQLITE_PLACE_GROUP_MODE 0060 /* added for the members of a group */
#define SQLITE_PLACE_SUFFIX_BYTES 64
#define SQLITE_PLACE_WHY_BYTES 1024

struct sqlite_place {
  char *path;      /* as configured */
  char *real_path; /* without links on the way; NULL until it is known */
  int lock_fd;     /* -1: the lock is not held */
  int guard_fd;    /* -1, or holds the lock by the right to read alone */
  bool is_known;   /* the file of these numbers has been read */
  dev_t known_device;
  ino_t known_inode;
  bool has_group; /* its members may read and write the files */
  gid_t group;
  char why[SQLITE_PLACE_WHY_BYTES];
};

/* Prepares p, and touches no file. Returns 0 or -ENOMEM. */
int sqlite_place_init(struct sqlite_place *p, const char *path);

/* Makes the files be shared with that group; NULL: with none. */
void sqlite_place_set_group(struct sqlite_place *p, const gid_t *group);

/* Gives the lock back, and frees all that p owns. */
void sqlite_place_release(struct sqlite_place *p);

/* Takes the lock if it is not held yet, and creates the file if it is missing.
 * Returns -EALREADY if another process holds the lock; `why` then says which.
 * After any other error the lock keeps others out all the same if it can be
 * read; one that can not be read counts as free. */
int sqlite_place_lock(struct sqlite_place *p);

/* Checks that the file and its companions may be written to, and creates the
 * file if it is missing. To be called while the lock is held and SQLite does
 * not have the file open: closing a file gives back all POSIX locks that the
 * process holds on it. */
int sqlite_place_ready_to_write(struct sqlite_place *p);

/* Checks that there is a file to be read, and touches none. It may be the file
 * of another user, since nothing is written. */
int sqlite_place_ready_to_read(struct sqlite_place *p);

/* Notes that all that is in the file has been read. */
void sqlite_place_note_known(struct sqlite_place *p);

/* Returns whether the file is the one that was noted last. */
bool sqlite_place_is_known(const struct sqlite_place *p);

/* Writes the path of the file with that suffix, which is shorter than
 * SQLITE_PLACE_SUFFIX_BYTES; "" is the file itself. real_path must be known: it
 * is once the lock was taken, or the file was ready to be read. */
void sqlite_place_format(const struct sqlite_place *p, const char *suffix,
                         char ret_path[static PATH_MAX]);

/* Returns the size of the file and its -wal in bytes; 0 if they are not there.
 */
int64_t sqlite_place_bytes(const struct sqlite_place *p);

/* Returns the size of the file system in bytes; 0 if it can not be found out.
 * real_path must be known. */
int64_t sqlite_place_disk_bytes(const struct sqlite_place *p);

/* Writes the reason to `why`, with the path in front; returns `status`. */
int sqlite_place_explain(struct sqlite_place *p, int status,
                         const char *reason);

/* Does the same for what could not be done; `error` is a positive errno.
 * Returns -error. */
int sqlite_place_explain_errno(struct sqlite_place *p, const char *what,
                               int error);

#endif
