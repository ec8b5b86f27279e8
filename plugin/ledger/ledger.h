/* SPDX-License-Identifier: MIT
 *
 * ledger owns what survives a crash: the pending commands, the slots, the
 * history of finished commands, and the account of each device. It decides what
 * is kept, for how long, and what becomes of it at a restart. A ledger_store
 * keeps the rows themselves: in one SQLite file, which users may read with
 * sqlite3 while the daemon runs, or not at all.
 *
 * The main thread calls ledger_open and ledger_load before the other threads
 * start; one thread at a time calls everything else. Times are monotonic in
 * memory and wall-clock times in the file; `now` is a time on both clocks, and
 * converts between them.
 *
 * A turn is one transaction: ledger_begin, any number of batches,
 * ledger_commit. After the first failure the rest of the turn does nothing,
 * nothing of the turn is in the file, and ledger_commit returns that failure.
 * The caller tries again later, also after a failure of ledger_begin: its next
 * turn calls ledger_clear_state and puts the whole state. The ledger logs one
 * line when it begins to fail, and one when it works again.
 */
#ifndef ONENET_LEDGER_H
#define ONENET_LEDGER_H

#include "ledger/ledger_batch.h"
#include "ledger/ledger_loss.h"
#include "words/command.h"
#include "words/order.h"
#include "words/slot.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum ledger_sync { LEDGER_SYNC_FULL, LEDGER_SYNC_NORMAL };

#define LEDGER_IN_MEMORY ":memory:"
#define LEDGER_BUSY_TIMEOUT_MS 250 /* wait for another process that writes */
#define LEDGER_TRIM_ROWS 1000      /* rows deleted in one turn, at most */
#define LEDGER_REST_MS 5000        /* time without a turn before it rests */

struct ledger_options {
  const char *path; /* borrowed; with LEDGER_IN_MEMORY nothing is kept, and
                       there is neither file nor lock */
  enum ledger_sync sync;
  const gid_t *group; /* whose members may read the file, and give orders;
                         borrowed for the call; NULL: none */
  int history_days;
  int64_t history_max;
};

struct ledger;

/* Takes the lock, then opens the file, or creates it if there is none; see
 * store_sqlite.h. A file that is seen at once to be damaged or not a ledger is
 * set aside, and a fresh one is created.
 *
 * Returns 0 and a ledger that the caller owns; it may be failing already (no
 * such directory, no permission, disk full ...), and then ledger_begin tries
 * again. Returns -EBUSY if another process holds the lock; ret_why is then one
 * line that names the file and that process. Returns -ENOMEM without memory. */
int ledger_open(const struct ledger_options *options, struct moment now,
                struct ledger **ret_ledger, char *ret_why, size_t why_bytes);

/* Closes the file, with a mark that it was closed in order, gives the lock
 * back, and frees the ledger; NULL is allowed. Waits for the disk. */
void ledger_close(struct ledger *l);

/* Functions that receive the stored state. ledger_load calls them in this
 * order, each any number of times. Those that return an int return 0, or a
 * negative errno that ends the load. */
struct ledger_callbacks {
  void *context;
  /* Returns the policy of the rule of that name, or NULL if there is no such
   * rule any more. content_type and service are those of the record, "" where
   * it has none: more than one policy may bear the name of a rule. Called at
   * any time, and often. */
  const struct policy *(*find_policy)(void *context, const char *rule,
                                      const char *content_type,
                                      const char *service);
  /* Returns whether what the caller has of that slot, or of the series of that
   * name in it, is newer than the record, which is then passed over. name NULL:
   * the slot. */
  bool (*has_newer)(void *context, const char *slot_key, const char *name);
  /* Receives the account of a device. Its `pending` is 0: the pending commands
   * follow one by one. */
  int (*account)(void *context, const struct device *device,
                 const struct account *account);
  /* Returns the slot with that key, for the ledger to fill in, and makes it at
   * the first call. NULL without memory. */
  struct slot *(*slot)(void *context, const struct policy *policy,
                       const struct device *device, const char *key);
  /* Receives a series, which has been added to its slot and filled in; in the
   * order of arrival. */
  int (*series)(void *context, struct series *series);
  /* Receives a pending command, and owns it if it returns 0; in the order of
   * ids. */
  int (*command)(void *context, struct command *command);
  /* Receives an accepted command that is tracked, and owns it if it returns 0;
   * in the order of ids. */
  int (*tracked)(void *context, struct tracked *tracked);
  /* Receives how the last command of that rule and device ended, if it failed:
   * as refused, unknown, expired or dropped. Commands that ended as superseded,
   * unchanged or cancelled do not count as the last. NULL: not wanted. */
  int (*failing)(void *context, const struct policy *policy,
                 const struct device *device, enum outcome outcome);
  /* Receives an order to silence whose end has not come, and owns it if it
   * returns 0; in the order in which they were given. Its rule or device is
   * one of the configuration. */
  int (*silence)(void *context, struct order *order);
};

/* Restores the stored state, and hands it to the callbacks. Before that it
 * ends, in the file, each pending command whose record can not be read, whose
 * rule or device is gone, or whose device has another endpoint or device_id
 * now. It ends as cancelled, or as unknown if it may have been executed (a
 * doubtful attempt, or in flight), with one line in the log.
 *
 * The slots of rules and devices that are gone are deleted. What a slot
 * remembers is restored only if endpoint, device_id, Content-Type and QoS are
 * still the same. If Combine has changed, the series of the rule move to the
 * slots in which they belong now. An accepted command is still tracked if its
 * rule still tracks and its device is the same.
 *
 * A time that must lie in the past counts as now if it does not, since the
 * clock went back, or if it was recorded before the clock was set, as at a boot
 * in 1970. A command's deadline and waits keep their distance from its creation
 * or its last attempt, whichever is later, so that a deadline is at most Expire
 * from now.
 *
 * ret_next_id is greater than every id ever given. Returns 0, -ENOMEM, or the
 * error that ended the calls of the callbacks.
 *
 * A file that is found to be damaged is set aside, and nothing is restored.
 *
 * A file that can be read and not written (a read-only file system, another
 * owner, another process that writes for more than 5 s, a disk that does not
 * give all of it) is restored from as well, as far as it can be read: the
 * ledger is failing then, and the first turn that can write puts what was
 * decided here. A file that can not be read does not prevent a start:
 * ledger_load returns 0, nothing is restored, and the ledger is failing. It is
 * read once it can be, see ledger_read_late. One of which the disk gives
 * nothing, or not all, is set aside as `<path>.unread-<Unix seconds>` once it
 * can be.
 *
 * Where not all that came before is known, ret_next_id is the wall time in ms,
 * which is more than was ever given, at one id a millisecond; or 10^9 more than
 * what is known, if that is greater. While the clock is not set it is a number
 * by chance between 10^12 and 1.6 * 10^12. */
int ledger_load(struct ledger *l, const struct directory *directory,
                const struct ledger_callbacks *callbacks, struct moment now,
                int64_t *ret_next_id);

/* Tries again to read what ledger_load could not, into memory; to be called
 * while ledger_is_unread, in place of a turn. `directory` and find_policy of
 * `callbacks` are used as ledger_load does; nothing else is called. Returns 0
 * once it was read, and then ledger_restore_late gives it to the callbacks; or
 * a negative errno: -EALREADY while another process holds the lock. A file that
 * is damaged by now, or that the disk does not give, is given up:
 * ledger_is_unread returns false from then on. */
int ledger_read_late(struct ledger *l, const struct directory *directory,
                     const struct ledger_callbacks *callbacks,
                     struct moment now);

/* Gives to the callbacks what ledger_read_late has read. To be called once,
 * before the next turn, which puts the whole state. Reads memory alone, and may
 * be called on the thread of the callbacks while no other uses the ledger.
 * Returns as ledger_load. */
int ledger_restore_late(struct ledger *l, const struct directory *directory,
                        const struct ledger_callbacks *callbacks,
                        struct moment now, int64_t *ret_next_id);

/* Gives to the callbacks what a start would find at this moment in the ledger
 * of that path, for a look from outside, while an agent may have it open. It
 * takes no lock, changes nothing on the disk, sets nothing aside, waits for
 * nobody, and keeps nothing. What a start would decide of the rows is decided
 * in memory, and its words go to the log: a caller that is no agent has no sink
 * there. The rows are those of one moment.
 *
 * Returns 0, and writes ret_next_id, greater than every id that is known; or
 * writes to ret_why one line that names the file and what is in the way, and
 * returns -ENOENT if there is no file, -EACCES without the right to read it,
 * -EILSEQ if it is damaged, another error of the store, -ENOMEM, or the error
 * that ended the calls of the callbacks. */
int ledger_peek(const char *path, const struct directory *directory,
                const struct ledger_callbacks *callbacks, struct moment now,
                int64_t *ret_next_id, char *ret_why, size_t why_bytes);

/* Begins a turn. Opens the file if it is not open; one that is damaged, or that
 * was given up, is set aside first. A file that was not closed in order is
 * looked at beside the work: once that, or ledger_rest, finds damage, the turn
 * fails with -EILSEQ, and the next one sets the file aside. Returns 0; -EBUSY
 * if another process writes for longer than LEDGER_BUSY_TIMEOUT_MS, which is no
 * failure; or a negative errno, and then the ledger is failing: always while
 * ledger_is_unread, and with -EALREADY while another process holds the lock.
 * Returns -ENOENT if the file was removed while it was open; the next turn
 * creates it anew. */
int ledger_begin(struct ledger *l, struct moment now);

/* Puts and removes the rows of a batch; the batch stays the caller's. A batch
 * that is not complete, since it has an error, fails the turn. */
void ledger_put_batch(struct ledger *l, const struct ledger_batch *batch);

/* Deletes all pending commands, slots and series; the caller then puts its
 * whole state. */
void ledger_clear_state(struct ledger *l);

/* Deletes history older than HistoryDays or beyond HistoryMax, at most
 * LEDGER_TRIM_ROWS rows, and never a pending command. Returns whether it
 * deleted that many, so that there may be more. Orders that were obeyed or
 * refused go by the same bounds, but not while they silence.
 *
 * A wall clock that jumps ten years ahead makes nothing old. A command is
 * deleted as too old if it finished before
 *
 *   min(wall time now, newest + monotonic time since the file was opened)
 *     - HistoryDays
 *
 * where newest is the time when the newest command finished that was in the
 * file when it was opened, but at most the wall time then, which also counts if
 * there was no such command. So time in which no agent ran counts from the next
 * start on that finds a newer command; HistoryMax bounds what is kept for so
 * long. Commands that were recorded under a clock that was ahead are believed
 * at the next start, if it still is. */
bool ledger_trim(struct ledger *l, struct moment now);

/* Commits the turn and returns 0; or rolls back, and returns the first error of
 * the turn as a negative errno: -ENOSPC, -EROFS, -EBUSY (another process
 * writes), -EILSEQ (damaged), -ENOMEM, the system's error, -EIO, or -EPROTO. On
 * a small disk that is nearly full the oldest history gives way to what the
 * turn has finished. */
int ledger_commit(struct ledger *l);

/* Returns whether another process may have written to the ledger since the last
 * call: then orders may be given. Costs next to nothing. To be called between
 * two turns. */
bool ledger_was_touched(struct ledger *l);

/* Reads, in a turn of its own, the oldest orders that are given, a hundred at
 * most, each with what an order to retry wants of its command. Writes them as a
 * list, each for order_free, in the order in which they were given; NULL: there
 * are none. They stay in the file as they are: the caller puts what comes of
 * them, and reads no others before that is committed. Returns as ledger_begin
 * and ledger_commit. */
int ledger_read_orders(struct ledger *l, struct moment now,
                       struct order **ret_list);

/* Moves what was committed out of the -wal, so that damage to it harms least.
 * To be called between turns when there is nothing to record: it does so once
 * LEDGER_REST_MS have passed since the last turn, and again later if a reader
 * holds it up. Waits for the disk, but for no other process. */
void ledger_rest(struct ledger *l, struct moment now);

/* Returns one line that says what is wrong and names the file; "" while the
 * ledger works. */
const char *ledger_error(const struct ledger *l);

/* Returns whether a file was set aside, in ledger_open or since. */
bool ledger_was_set_aside(const struct ledger *l);

/* Returns whether ledger_read_late may still read what ledger_load could not.
 * Until then no turn can begin. */
bool ledger_is_unread(const struct ledger *l);

/* Returns, after ledger_load, whether all that was ever recorded has been read:
 * no file was set aside or is unread, all parts of it could be read, and no
 * commit was lost with a damaged -wal. */
bool ledger_knows_all(const struct ledger *l);

/* Returns the number of files that were set aside, or copied aside for damage
 * to their -wal, and not yet returned by this function, those of ledger_open
 * included; then counts anew from zero. */
uint64_t ledger_take_set_aside_count(struct ledger *l);

/* Writes how many pending commands were found to be lost since the last call,
 * from ledger_open on: those in files that were set aside before all of them
 * was read, those in what is missing of a -wal, and those whose records can not
 * be read. Returns whether there were any. */
bool ledger_take_loss(struct ledger *l, struct ledger_loss *ret_loss);

/* Returns the size of the file and its -wal in bytes; 0 in memory. */
int64_t ledger_file_bytes(const struct ledger *l);

#endif
