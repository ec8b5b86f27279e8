/* SPDX-License-Identifier: MIT
 *
 * worker owns the one I/O thread and its loop. A turn walks down the street:
 * take what arrived and what was answered, decide what follows, record all of
 * it, tell it, send what began; then it sleeps.
 *
 * worker_new, worker_start, worker_stop and worker_free are the main thread's;
 * the rest may be called from any thread between new and free.
 */
#ifndef ONENET_WORKER_H
#define ONENET_WORKER_H

#include "agent/outbox.h"
#include "agent/stats.h"
#include "config/options.h"

#include <stdbool.h>
#include <stddef.h>

struct worker;

/* Returns the time that the worker goes by. */
struct moment worker_now(void);

/* Returns a worker that the caller owns, with everything allocated and nothing
 * started; all pointers are borrowed. NULL without memory. is_test: for a test
 * of the configuration; it starts no thread, touches neither the ledger's file
 * nor the cloud, and decides only in worker_rehearse. */
struct worker *worker_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox, bool is_test);

/* Opens the ledger, restores what is in it, and starts the thread. Returns 0,
 * or a negative errno and one line that says what is wrong; nothing runs then.
 */
int worker_start(struct worker *w, char *ret_why, size_t why_bytes);

/* Hands a firing over. Takes it; if there is no room its command counts as
 * created and dropped. Never waits. */
void worker_put(struct worker *w, struct firing *f);

/* Commits and looks at everything at once. Returns without waiting. */
void worker_wake(struct worker *w);

/* Begins no more attempts, waits for those in flight for ShutdownTimeout at
 * most, records what is left, and ends the thread. What is put afterwards is
 * freed. Does nothing if it is not running. */
void worker_stop(struct worker *w);

/* Decides, in a test of the configuration, and logs what would be done with
 * what was put. */
void worker_rehearse(struct worker *w);

/* Stops it and frees; NULL is allowed. */
void worker_free(struct worker *w);

/* Returns how many firings wait to be taken. */
size_t worker_inbox_count(struct worker *w);

#endif
