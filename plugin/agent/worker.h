/* SPDX-License-Identifier: MIT
 *
 * worker owns the one I/O thread and its loop. A turn of the loop has five
 * steps: take what arrived and what was answered, decide what follows, record
 * all of it, tell it, send what began. Then the thread sleeps.
 *
 * The main thread calls worker_new, worker_start, worker_rehearse, worker_stop
 * and worker_free; any thread may call the rest between new and free.
 */
#ifndef ONENET_WORKER_H
#define ONENET_WORKER_H

#include "agent/outbox.h"
#include "agent/stats.h"
#include "config/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

/* Returns a worker that the caller owns, with everything allocated and nothing
 * started; all pointers are borrowed. NULL without memory. is_test: for a test
 * of the configuration; it starts no thread, touches neither the ledger's file
 * nor the cloud, and decides only in worker_rehearse. */
struct worker *worker_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox, bool is_test);

/* Opens the ledger, restores what is in it, and starts the thread. Returns 0;
 * or a negative errno, with one line that says what is wrong in ret_why, and
 * then nothing runs. */
int worker_start(struct worker *w, char *ret_why, size_t why_bytes);

/* Takes a firing and hands it to the I/O thread; if there is no room its
 * command counts as created and dropped. Never waits. */
void worker_put(struct worker *w, struct firing *f);

/* Counts a command for the device as created and dropped: there was no memory
 * to make its firing. Never waits, and needs no memory. */
void worker_lose(struct worker *w, const struct device *device);

/* Makes the I/O thread begin its next turn at once, and has the ledger looked
 * into for orders. Returns without waiting for either. */
void worker_flush(struct worker *w);

/* Refuses firings from now on, begins no more attempts, waits for those in
 * flight until end_ms, as clock_now() counts, records what is left, and ends
 * the threads; has returned 0.7 s after end_ms. Returns false if a thread
 * hangs: then it is left behind, and nothing that the worker has or borrows may
 * be freed. Does nothing, and returns true, if the worker is not running. */
bool worker_stop(struct worker *w, int64_t end_ms);

/* Runs turns without the thread, for a test of the configuration: logs what
 * would be done with the firings that were put. */
void worker_rehearse(struct worker *w);

/* Frees a worker that does not run; NULL is allowed. */
void worker_free(struct worker *w);

/* Returns how many firings wait to be taken. */
size_t worker_inbox_count(struct worker *w);

#endif
