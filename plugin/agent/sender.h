/* SPDX-License-Identifier: MIT
 *
 * sender owns the way to the cloud and back: libcurl, the credentials, the
 * attempts that begin, and the polls of tracked commands. What an answer means
 * is for cmds_api to say; what follows from it, for lanes and tracker, which it
 * tells.
 *
 * The I/O thread calls everything, but sender_new and sender_free, which are
 * the main thread's, and sender_wake, which any thread may call in between.
 */
#ifndef ONENET_SENDER_H
#define ONENET_SENDER_H

#include "agent/stats.h"
#include "config/options.h"
#include "delivery/lanes.h"
#include "delivery/tracker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sender;

/* Returns a sender that the caller owns; the pointers are borrowed. is_dry: it
 * says what it would send, and sends nothing. NULL without memory. */
struct sender *sender_new(const struct options *options, struct stats *stats,
                          bool is_dry);
/* Abandons what is in flight, and frees; NULL is allowed. */
void sender_free(struct sender *s);

/* Before the first turn: what decides, both borrowed until sender_free. */
void sender_serve(struct sender *s, struct lanes *lanes,
                  struct tracker *tracker);

/* Takes the replies that have come: ends their attempts and polls, and follows
 * accepted commands that are to be tracked. */
void sender_take(struct sender *s, struct moment now);

/* Returns whether the endpoint's key file has changed since it was read. */
bool sender_has_new_key(const struct sender *s, const struct endpoint *e);

/* Asks lanes which attempts begin now, and keeps them for sender_send. */
void sender_begin(struct sender *s, struct moment now);

/* Sends the attempts that have begun, then begins the polls that are due and
 * admitted. To be called once all of it is recorded. */
void sender_send(struct sender *s, struct moment now);

/* Returns in how many ms a poll may begin; COMMAND_NEVER_MS: not by itself. */
int64_t sender_wait_ms(const struct sender *s, struct moment now);

/* Moves transfers on, and sleeps until something happens, sender_wake is
 * called, or timeout_ms is over. */
void sender_wait(struct sender *s, int64_t timeout_ms);

/* Ends sender_wait. May be lost: bound the wait. */
void sender_wake(struct sender *s);

/* Returns how many commands are in flight. */
size_t sender_in_flight(const struct sender *s);

#endif
