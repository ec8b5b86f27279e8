/* SPDX-License-Identifier: MIT
 *
 * tracker owns the accepted commands that are tracked, and decides which is
 * asked for when, and what became of it. It has no clock, no thread and no I/O:
 * the time is told, and never goes back. Whether the endpoint admits a poll is
 * for `lanes` to say.
 *
 * OneNET is asked for the status 1 s after the acceptance, and again after 2 s,
 * 4 s ... 600 s more, until it is final, or what remained of the validity and a
 * minute are over: a last poll then decides. At status 4 the device's answer is
 * fetched.
 *
 * The I/O thread calls everything. A turn:
 *
 *   tracker_add      for every command that was accepted and is to be tracked
 *   tracker_end      for every poll that ended
 *   tracker_begin    for every poll that may begin now
 *   tracker_wait_ms  how long to sleep
 *
 * What changes is noted in the journal, to be recorded and told; what is
 * concluded is the journal's.
 */
#ifndef ONENET_TRACKER_H
#define ONENET_TRACKER_H

#include "words/journal.h"
#include "words/tracked.h"

#include <stddef.h>
#include <stdint.h>

#define TRACKER_MAX 10000 /* followed at once */
#define TRACKER_FIRST_WAIT_MS 1000
#define TRACKER_MAX_WAIT_MS 600000
/* After so many polls that brought no answer it does without. */
#define TRACKER_ANSWER_POLLS 3

struct tracker;

/* Returns a tracker that the caller owns, for so many endpoints, and `max`
 * commands at once; NULL without memory. The journal is borrowed. */
struct tracker *tracker_new(size_t endpoint_count, size_t max,
                            struct journal *journal);

/* Frees it and all that is tracked; NULL is allowed. The journal is to be
 * cleared before. */
void tracker_free(struct tracker *t);

/* Takes what is to be followed, for at least a minute from now; it has changed.
 * If there are too many, the oldest is concluded as it is. Returns 0, or
 * -ENOMEM and leaves it to the caller. */
int tracker_add(struct tracker *t, struct tracked *one, struct moment now);

/* Returns in how many ms a poll of that endpoint is due, 0 for now,
 * COMMAND_NEVER_MS if none is. */
int64_t tracker_wait_ms(const struct tracker *t,
                        const struct endpoint *endpoint, int64_t now_ms);

/* Begins the next poll of that endpoint, which must be waiting: for the
 * device's answer if tracker_wants_answer, else for the status. Returns what is
 * polled, borrowed until tracker_end. */
struct tracked *tracker_begin(struct tracker *t,
                              const struct endpoint *endpoint);

/* Whether the device's answer is all that is missing. */
bool tracker_wants_answer(const struct tracked *one);

/* Tells how the poll ended. */
void tracker_end(struct tracker *t, struct tracked *one,
                 const struct poll *poll, struct moment now);

/* Notes all that is tracked in the journal: it has to be recorded anew. */
void tracker_note_all(struct tracker *t);

/* Returns how many polls are under way. */
size_t tracker_in_flight(const struct tracker *t);

#endif
