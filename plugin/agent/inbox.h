/* SPDX-License-Identifier: MIT
 *
 * inbox owns the firings on their way from collectd's threads to the I/O
 * thread: a first-in first-out hand-over with a bound on number and bytes of
 * bodies.
 *
 * Any thread may put; one takes. Putting holds a mutex for a few instructions
 * and never waits for the taker.
 */
#ifndef ONENET_INBOX_H
#define ONENET_INBOX_H

#include "words/command.h"

#include <stdbool.h>
#include <stddef.h>

struct inbox;

/* Returns an empty inbox that the caller owns, or NULL without memory. */
struct inbox *inbox_new(size_t max_firings, size_t max_bytes);

/* Frees it and every firing left in it; NULL is allowed. */
void inbox_free(struct inbox *in);

/* Hands f over. Returns 0 and takes f (*ret_was_empty tells whether the taker
 * may be asleep), or leaves f with the caller and returns -ENOBUFS: full, or
 * -EPIPE: closed. */
int inbox_put(struct inbox *in, struct firing *f, bool *ret_was_empty);

/* Returns all firings, oldest first, linked by `next`; the caller owns them.
 * NULL if there is none. */
struct firing *inbox_take_all(struct inbox *in);

/* Returns how many firings wait. */
size_t inbox_count(struct inbox *in);

/* From now on nothing can be put. */
void inbox_close(struct inbox *in);

#endif
