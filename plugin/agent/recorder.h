/* SPDX-License-Identifier: MIT
 *
 * recorder owns the way of what changes into the ledger: the ledger itself, a
 * thread that commits to it, what could not be recorded yet, trimming, and when
 * what is in the ledger is restored.
 *
 * The I/O thread hands batches over and never waits for the disk. The thread
 * commits all that was handed over meanwhile in one transaction. A ledger that
 * is locked by another process is tried again at once.
 *
 * If the ledger fails, or a commit has not ended within RECORDER_PATIENCE_MS,
 * commands go on from memory: what is handed over counts as settled, and only
 * the history among it is kept. Once the ledger works again, the whole state is
 * put in one commit, with that history.
 *
 * A ledger that can not be read at the start is tried again every second. Once
 * the thread has read it, the I/O thread restores what is in it between two
 * turns, and the whole state is put.
 *
 * Orders that somebody has written into the ledger are read by the thread while
 * the ledger works, and handed to the I/O thread; until what came of those is
 * committed it reads no others, so that none is obeyed twice.
 *
 * A ledger in memory keeps nothing: then there are neither batches nor a
 * thread, and all counts as settled.
 *
 * The main thread opens, restores and starts, and closes after the I/O thread
 * has ended; the rest is the I/O thread's.
 */
#ifndef ONENET_RECORDER_H
#define ONENET_RECORDER_H

#include "agent/restore.h"
#include "config/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finished commands that are kept for the history while the ledger fails, and
 * the bytes that they may take: room for as many with small bodies. */
#define RECORDER_KEPT_MAX 10000
#define RECORDER_KEPT_BYTES (16 << 20)

/* A disk that hangs for so long is a failing disk. */
#define RECORDER_PATIENCE_MS 5000

/* Bytes of rows on their way into the ledger, with which the thread has enough
 * to do: what is decided meanwhile waits behind them. About 2,500 rows of small
 * bodies. */
#define RECORDER_ENOUGH_BYTES (1 << 20)

/* Time between two looks for orders. A look at a ledger to which nobody else
 * has written costs next to nothing. */
#define RECORDER_LOOK_MS 1000

struct recorder;

/* Opens the ledger that the options name, or one in memory. Returns 0 and a
 * recorder that the caller owns; or as ledger_open. */
int recorder_open(const struct options *options, bool is_in_memory,
                  struct moment now, struct recorder **ret_recorder,
                  char *ret_why, size_t why_bytes);

/* Restores what is in the ledger into the state, and records that state from
 * now on; what it points to is borrowed until recorder_close. Returns 0, or a
 * negative errno as ledger_load. */
int recorder_restore(struct recorder *r, const struct recorder_state *state,
                     struct moment now);

/* Returns whether all is known of what came before this run. It is not if a
 * damaged ledger was set aside, if commits were lost with its -wal, or if it
 * can not be read, or only a part of it. To be called after recorder_restore,
 * before recorder_start. */
bool recorder_knows_all(const struct recorder *r);

/* Wakes the I/O thread after a commit, or when there are orders. Called on the
 * recorder's thread, never after recorder_close. */
typedef void recorder_wake_fn(void *context);

/* Starts the thread. Without it, as in a test of the configuration, batches are
 * committed when they are handed over. Returns 0 or a negative errno. */
int recorder_start(struct recorder *r, recorder_wake_fn *wake, void *context);

/* Hands over what the journal names, after what was restored late, or has to be
 * put anew, was added to it. Returns the number of the batch, or that of the
 * last one if nothing has changed: a command that the journal names may leave
 * once recorder_settled has reached it. Failures since the last call are
 * counted. */
uint64_t recorder_record(struct recorder *r, struct moment now);

/* Returns the orders that were read since the last call, as a list, for
 * orders_obey in this turn; NULL: there are none. The next call of
 * recorder_record records what came of them, and no others are read before that
 * is committed. */
struct order *recorder_take_orders(struct recorder *r);

/* Makes the thread look for orders now. It looks by itself once in
 * RECORDER_LOOK_MS. */
void recorder_look_now(struct recorder *r);

/* Returns the number of the last batch that is settled: committed, or given up
 * since the ledger fails. */
uint64_t recorder_settled(struct recorder *r, struct moment now);

/* Returns whether rows of RECORDER_ENOUGH_BYTES are not settled: no firing
 * should be taken now. The I/O thread is woken after each commit. */
bool recorder_is_behind(struct recorder *r);

/* Hands over the whole state if something of it is not recorded, and waits
 * until all is committed, end_ms at the latest: the ledger is tried again and
 * again, whatever it said before. One that could not be read at the start is
 * restored first; it stays as it is if it can not be read now. Then, and if it
 * did not succeed, writes one ERROR with the number of commands whose latest
 * change is not recorded, and as many of them as the line has room for. */
void recorder_finish(struct recorder *r, int64_t end_ms);

/* Ends the thread, which closes the ledger first, and frees the recorder; NULL
 * is allowed. Returns false if the thread has not ended within wait_ms, since
 * the disk hangs: then it is left behind, and neither the recorder nor the
 * options may be freed. Without a thread closes the ledger itself, however long
 * that takes. */
bool recorder_close(struct recorder *r, int64_t wait_ms);

/* Returns the size of the ledger's files in bytes. */
int64_t recorder_file_bytes(const struct recorder *r);

#endif
