/* SPDX-License-Identifier: MIT
 *
 * inbox owns the firings on their way from collectd's threads to the I/O
 * thread: a first-in first-out queue with a bound on the number of firings and
 * on the bytes of their bodies.
 *
 * Any thread may put; one takes. Putting holds a mutex for a few instructions
 * and never waits for the thread that takes.
 */
#ifndef ONENET_INBOX_H
#define ONENET_INBOX_H

#include "words/command.h"

#include <stdbool.h>
#include <stddef.h>

struct inbox;

/* Returns an empty inbox that the caller owns, or NULL without memory. */
struct inbox *inbox_new(size_t max_firings, size_t max_bytes);

/* Frees the inbox and every firing left in it; NULL is allowed. */
void inbox_free(struct inbox *in);

/* Puts f at the end. Returns 0 and takes f; ret_was_empty then tells whether
 * the inbox was empty, so that the thread that takes may be asleep. Returns
 * -ENOBUFS (full) or -EPIPE (closed), and f stays the caller's. */
int inbox_put(struct inbox *in, struct firing *f, bool *ret_was_empty);

/* Takes out all firings and returns them, oldest first, linked by `next`; the
 * caller owns them. NULL if there is none. */
struct firing *inbox_take_all(struct inbox *in);

/* Returns how many firings wait. */
size_t inbox_count(struct inbox *in);

/* Closes the inbox: nothing can be put from now on. */
void inbox_close(struct inbox *in);

#endif
