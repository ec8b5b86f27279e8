/* SPDX-License-Identifier: MIT
 *
 * inbox owns the firings on their way from collectd's threads to the I/O
 * thread: a queue with a bound on the number of firings and on the bytes of
 * their bodies. Firings of one device come out in the order in which they went
 * in. Devices take turns, one firing each, so that a burst for one of them does
 * not keep the others waiting.
 *
 * Where its rule supersedes, a firing may take the place of the newest firing
 * with its key, which is policy, device and series. It gets that place in the
 * queue, not one at the end: a series that speaks all the time would otherwise
 * never have its turn. It does so
 *
 * - if nobody could tell the difference: it has the severity of the older one,
 *   asks for a command as that did, and is newer by the events' own times, so
 *   that it is neither late nor a duplicate;
 * - if the limits are reached, unless it is late or a duplicate.
 *
 * The limits hold for what waits here and what waits behind the inbox together.
 * But the newest state has room: a firing that replaces none here may still
 * supersede a command there, which is not known before it is taken. If its rule
 * supersedes, it is admitted as long as such firings alone are within the
 * limits; and to make room for it, firings go that have a newer one with their
 * key.
 *
 * The member `replaced` of the newest firing with a key counts the commands
 * that the older ones, which have gone, would have become, and `passes_okay`
 * says whether there was an OKAY among them.
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

/* Returns an empty inbox that the caller owns, for devices with an index below
 * device_count; NULL without memory. */
struct inbox *inbox_new(size_t device_count, size_t max_firings,
                        size_t max_bytes);

/* Frees the inbox and every firing left in it; NULL is allowed. */
void inbox_free(struct inbox *in);

/* Puts f at the end. Returns 0 and takes f; ret_was_empty then tells whether
 * the inbox was empty, so that the thread that takes may be asleep. Returns
 * -ENOBUFS (full) or -EPIPE (closed), and f stays the caller's. */
int inbox_put(struct inbox *in, struct firing *f, bool *ret_was_empty);

/* Takes out up to max firings and returns them, in order, linked by `next`; the
 * caller owns them. NULL if there is none. Holds the mutex for as long as it
 * takes: many are to be taken in parts. From then on they count as waiting
 * behind the inbox. */
struct firing *inbox_take(struct inbox *in, size_t max);

/* Tells what waits behind the inbox now, and counts within the limits: so many
 * commands, with bodies of so many bytes. */
void inbox_set_waiting(struct inbox *in, size_t commands, size_t bytes);

/* Returns how many firings wait here. */
size_t inbox_count(struct inbox *in);

/* Returns whether the firings here alone have 7/8 of one of the limits. */
bool inbox_is_nearly_full(struct inbox *in);

/* Closes the inbox: nothing can be put from now on. */
void inbox_close(struct inbox *in);

#endif
