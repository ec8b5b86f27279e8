/* SPDX-License-Identifier: MIT
 *
 * ledger owns what survives a crash: commands and slots, the history of
 * outcomes, and the account of each device. It decides what is kept, for how
 * long, and what a restart makes of it; a ledger_store keeps it: one SQLite
 * file that users read with sqlite3 while the daemon runs, or nothing.
 *
 * The I/O thread calls everything, but ledger_open and ledger_load, which the
 * main thread calls before that thread starts. Times are monotonic in memory
 * and wall time in the file; `now` converts.
 *
 * A turn is one transaction: ledger_begin, any number of batches,
 * ledger_commit. The first failure makes the rest of the turn do nothing, and
 * ledger_commit returns it: nothing of the turn is then in the file. After a
 * failure, that of ledger_begin included, the caller begins again later, with
 * ledger_clear_state and its whole state. When the ledger begins to fail and
 * when it works again it logs one line.
 */
#ifndef ONENET_LEDGER_H
#define ONENET_LEDGER_H

#include "ledger/ledger_batch.h"
#include "words/command.h"
#include "words/slot.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ledger_sync { LEDGER_SYNC_FULL, LEDGER_SYNC_NORMAL };

#define LEDGER_IN_MEMORY ":memory:"
#define LEDGER_BUSY_TIMEOUT_MS 250 /* for another process that writes */
#define LEDGER_TRIM_ROWS 1000      /* at most so many are deleted in one turn */

struct ledger_options {
  const char *path; /* or LEDGER_IN_MEMORY: nothing is kept, there is neither
                       file nor lock; borrowed */
  enum ledger_sync sync;
  int history_days;
  int64_t history_max;
};

struct ledger;

/* Takes the lock, then opens the file, or begins it; see store_sqlite.h. A file
 * that is not a ledger, or a damaged one, is set aside, and a fresh one is
 * begun; ret_was_set_aside tells.
 *
 * Returns 0 and a ledger that the caller owns; it may be failing (no such
 * directory, no permission, disk full ...): ledger_begin then tries again.
 * Returns -EBUSY, and one line that names the file and the process that holds
 * the lock; -ENOMEM. */
int ledger_open(const struct ledger_options *options, struct moment now,
                struct ledger **ret_ledger, bool *ret_was_set_aside,
                char *ret_why, size_t why_bytes);

/* Closes it and gives the lock back; NULL is allowed. */
void ledger_close(struct ledger *l);

/* Receives the stored state. Each function may be called several times, in this
 * order. Each returns 0 or a negative errno, which ends the load. */
struct ledger_callbacks {
  void *context;
  /* Returns the policy of that name, or NULL if no rule has it any more. Called
   * at any time, and often. */
  const struct policy *(*find_policy)(void *context, const char *rule);
  /* `pending` is 0: these commands follow. */
  int (*account)(void *context, const struct device *device,
                 const struct account *account);
  /* Returns the slot of that key, made when it is first asked for, for the
   * ledger to fill in; NULL: no memory. */
  struct slot *(*slot)(void *context, const struct policy *policy,
                       const struct device *device, const char *key);
  /* The series is added to its slot and filled in; in the order of arrival. */
  int (*series)(void *context, struct series *series);
  /* Takes a pending command on success; in the order of ids. */
  int (*command)(void *context, struct command *command);
  /* Takes an accepted command that is tracked on success; in the order of ids.
   */
  int (*tracked)(void *context, struct tracked *tracked);
  /* Notes that the newest notified command of that rule and device ended
   * otherwise than accepted. Notified is one that ended as accepted, refused,
   * unknown, expired or dropped. NULL: not wanted. */
  int (*failing)(void *context, const struct policy *policy,
                 const struct device *device, enum outcome outcome);
};

/* Ends as cancelled, in the file, the pending commands whose rule or device is
 * gone, or whose endpoint or device_id is another now (one log line each; one
 * with a doubtful attempt, or in flight, ends as unknown), then restores the
 * rest. Slots of what is gone are deleted. What a slot remembers is restored
 * only if endpoint, device_id, Content-Type and QoS are still the same.
 * A rule's series move to the slot in which the present Combine has them.
 * An accepted command is tracked on if its rule still does so, and its device
 * is the same.
 *
 * A time that must have passed counts as now if it has not, since the clock
 * went back, or if it is of a clock that was not set, as at a boot in 1970. A
 * command's deadline and waits keep their distance from the last moment that is
 * known of it, so that a deadline is at most Expire from now.
 *
 * ret_next_id is greater than every id ever given. Returns 0; -ENOMEM; or what
 * the callbacks returned. A file that can not be read is no reason not to
 * start: the ledger is failing then, nothing was restored, and once it can be
 * opened it is set aside as `<path>.unread-<Unix seconds>`. */
int ledger_load(struct ledger *l, const struct directory *directory,
                const struct ledger_callbacks *callbacks, struct moment now,
                int64_t *ret_next_id);

/* Begins a turn. Opens the file if it is not open; a damaged one, or one that
 * ledger_load has not read, is set aside first. Returns 0 or a negative errno:
 * the ledger is failing. A file that was removed is noticed here (-ENOENT), and
 * begun anew by the next turn. */
int ledger_begin(struct ledger *l, struct moment now);

/* Puts and removes the rows of a batch; the batch stays the caller's. One that
 * is not complete fails the turn. */
void ledger_put_batch(struct ledger *l, const struct ledger_batch *batch);

/* Deletes all pending commands, slots and series: the whole state follows. */
void ledger_clear_state(struct ledger *l);

/* Deletes history older than HistoryDays or beyond HistoryMax, at most
 * LEDGER_TRIM_ROWS; never a pending command. Returns whether there is more. */
bool ledger_trim(struct ledger *l, struct moment now);

/* Commits the turn. Returns 0, or the first error of the turn as a negative
 * errno, and rolls back: -ENOSPC, -EROFS, -EBUSY (another process writes),
 * -EILSEQ (damaged), -ENOMEM, the system's error, or -EIO. */
int ledger_commit(struct ledger *l);

/* Returns what is wrong, one line that names the file; "" while all is well. */
const char *ledger_error(const struct ledger *l);

/* Returns how many files were set aside since the ledger was opened or since
 * this was called last, and counts anew from zero. */
uint64_t ledger_take_set_aside_count(struct ledger *l);

/* Returns the size of the file and its -wal; 0 in
 * memory. */
int64_t ledger_file_bytes(const struct ledger *l);

#endif
