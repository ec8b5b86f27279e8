/* SPDX-License-Identifier: MIT
 *
 * sender owns the way to the cloud and back: libcurl, the credentials, the
 * attempts that begin, and the polls of tracked commands. It asks the
 * interface of the endpoint (cloud/api) what an answer means, and tells lanes
 * and tracker, which decide what follows.
 *
 * The main thread calls sender_new, sender_serve and sender_free; any thread
 * may call sender_wake between new and free; the I/O thread calls everything
 * else.
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

/* Returns a sender that the caller owns; the pointers are borrowed. is_dry:
 * requests are logged instead of sent. NULL without memory. */
struct sender *sender_new(const struct options *options, struct stats *stats,
                          bool is_dry);
/* Abandons what is in flight, and frees the sender; NULL is allowed. */
void sender_free(struct sender *s);

/* Gives the sender its lanes and its tracker, before the first turn; both are
 * borrowed until sender_free. */
void sender_serve(struct sender *s, struct lanes *lanes,
                  struct tracker *tracker);

/* Takes the replies that have come: ends their attempts and polls, and adds
 * accepted commands that are to be tracked to the tracker. */
void sender_take(struct sender *s, struct moment now);

/* Returns whether the endpoint's key file has changed since it was read. */
bool sender_has_new_key(const struct sender *s, const struct endpoint *e);

/* Asks lanes which attempts begin now, and keeps them for sender_send. A dry
 * run says them instead, and they end. */
void sender_begin(struct sender *s, struct moment now);

/* Notes the number of the recorder's batch that holds the attempts which began
 * since the last call. */
void sender_note_batch(struct sender *s, uint64_t batch);

/* Sends the attempts whose batch is not above `settled`. */
void sender_send(struct sender *s, uint64_t settled, struct moment now);

/* Begins the polls that are due and admitted. */
void sender_poll(struct sender *s, struct moment now);

/* Ends the attempts that have begun but were not sent: their commands wait
 * again. */
void sender_give_back(struct sender *s, struct moment now);

/* Returns in how many ms a poll may begin; COMMAND_NEVER_MS if time alone
 * brings none. */
int64_t sender_wait_ms(const struct sender *s, struct moment now);

/* Moves transfers on, and sleeps until something happens, sender_wake is
 * called, or timeout_ms have passed. */
void sender_wait(struct sender *s, int64_t timeout_ms);

/* Ends sender_wait, or the next one. Costs a system call only if the I/O thread
 * sleeps. */
void sender_wake(struct sender *s);

/* Returns how many commands are in flight, with those that wait for their
 * record. */
size_t sender_in_flight(const struct sender *s);

#endif
