/* SPDX-License-Identifier: MIT
 *
 * tracker owns the accepted commands that are tracked, and decides when OneNET
 * is asked about each, and what became of it. It has no clock, no thread and no
 * I/O: every call is told the time, which never goes back. Whether the endpoint
 * admits a poll is decided by `lanes`.
 *
 * A poll asks for the status of a command 1 s after its acceptance, and again
 * after 2 s, 4 s ... 600 s more, until the status is final. If it is not final
 * a minute after the end of the command's validity, a last poll decides. If
 * that poll, a definite no or the limit ends the tracking without a final
 * status, the end is not known. At status 4 the device has answered, and a poll
 * fetches its answer.
 *
 * The I/O thread calls everything. In each of its turns:
 *
 *   tracker_add      for every command that was accepted and is to be tracked
 *   tracker_end      for every poll that ended
 *   tracker_begin    for every poll that may begin now
 *   tracker_wait_ms  to learn how long to sleep
 *
 * Every change is noted in the journal, to be recorded and told. The journal
 * takes over the tracked commands that are concluded, and frees them.
 */
#ifndef ONENET_TRACKER_H
#define ONENET_TRACKER_H

#include "words/journal.h"
#include "words/tracked.h"

#include <stddef.h>
#include <stdint.h>

#define TRACKER_MAX 10000 /* tracked at once */
#define TRACKER_FIRST_WAIT_MS 1000
#define TRACKER_MAX_WAIT_MS 600000
/* Most polls for a device's answer: after these the command is concluded
 * without it. */
#define TRACKER_ANSWER_POLLS 3

struct tracker;

/* Returns a tracker for that many endpoints and at most `max` commands at once,
 * which the caller owns; NULL without memory. The journal is borrowed. */
struct tracker *tracker_new(size_t endpoint_count, size_t max,
                            struct journal *journal);

/* Frees the tracker and all that it tracks; NULL is allowed. The journal must
 * be cleared before: it points to what is freed here. */
void tracker_free(struct tracker *t);

/* Takes a command to track, for at least a minute from now, and notes it in the
 * journal. If the tracker is full, concludes the oldest that waits for a poll:
 * its end is not known. Returns 0; or -ENOMEM, and then the caller keeps it. */
int tracker_add(struct tracker *t, struct tracked *one, struct moment now);

/* Returns how many ms remain until the endpoint's next poll is due: 0 if one is
 * due now, COMMAND_NEVER_MS if none is to come. */
int64_t tracker_wait_ms(const struct tracker *t,
                        const struct endpoint *endpoint, int64_t now_ms);

/* Begins the endpoint's next poll; there must be one (tracker_wait_ms is 0).
 * The poll is for the device's answer if tracker_wants_answer, otherwise for
 * the status. Returns the command that is polled, borrowed until tracker_end.
 */
struct tracked *tracker_begin(struct tracker *t,
                              const struct endpoint *endpoint);

/* Returns whether the device's answer is all that is missing. */
bool tracker_wants_answer(const struct tracked *one);

/* Tells how a poll that tracker_begin began has ended. */
void tracker_end(struct tracker *t, struct tracked *one,
                 const struct poll *poll, struct moment now);

/* Notes all that is tracked in the journal, so that it is recorded anew. */
void tracker_note_all(struct tracker *t);

/* Returns how many polls are under way. */
size_t tracker_in_flight(const struct tracker *t);

#endif
