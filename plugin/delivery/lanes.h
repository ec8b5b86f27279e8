/* SPDX-License-Identifier: MIT
 *
 * lanes owns the slots and the commands that wait or are in flight, and decides
 * which is due when: order, supersede, unchanged, cooldown, retries, deadlines,
 * rates, the breaker, the queue's limits. It has no clock, no thread and no
 * I/O: `now` is told with every call and never goes back (its monotonic part),
 * random numbers come from a function.
 *
 * The I/O thread calls everything. A turn:
 *
 *   lanes_take      for every firing that arrived
 *   lanes_end       for every attempt that ended
 *   lanes_begin     until it returns NULL: these attempts begin now
 *   lanes_wait_ms   how long to sleep
 *
 * What changes is noted in the journal: it has to be recorded before an attempt
 * is sent. A command that is finished, and a slot that is removed, are the
 * journal's.
 */
#ifndef ONENET_LANES_H
#define ONENET_LANES_H

#include "words/command.h"
#include "words/ignored.h"
#include "words/journal.h"
#include "words/slot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES_BACKOFF_FIRST_MS 1000
#define LANES_BACKOFF_MAX_MS 60000
#define LANES_CREDENTIALS_RETRY_MS 60000
/* No server may silence a device for longer with one Retry-After. */
#define LANES_RETRY_AFTER_MAX_MS 3600000

struct lanes;

/* Returns a random number in 0..max_inclusive. */
typedef uint64_t lanes_random_fn(void *context, uint64_t max_inclusive);

struct lanes_options {
  const struct directory *directory; /* borrowed, for as long as the lanes */
  struct journal *journal;           /* likewise */
  size_t queue_limit;                /* waiting commands */
  size_t queue_bytes;                /* of their bodies */
  bool first_okay_send; /* act on the first OKAY of every slot: nothing is known
                         */
  lanes_random_fn *random;
  void *random_context;
};

/* Returns lanes that the caller owns, or NULL without memory. */
struct lanes *lanes_new(const struct lanes_options *options);

/* Frees them with all slots and commands; NULL is allowed. The journal is to be
 * cleared before, since it names what is freed here. */
void lanes_free(struct lanes *l);

/* From now on the first OKAY of every slot is acted on, as with
 * first_okay_send.
 */
void lanes_send_first_okay(struct lanes *l);

/* Takes a firing: keeps the state of its series, creates the command that its
 * slot now asks for, and writes IGNORED_NOT to ret_ignored; or writes why it is
 * ignored, and changes nothing. Returns 0, or -ENOMEM: a command counts as
 * created and dropped. */
int lanes_take(struct lanes *l, struct firing *f, struct moment now,
               enum ignored *ret_ignored);

/* Counts `count` commands for the device that never reached the lanes as
 * created and dropped, and makes all its slots forget. */
void lanes_drop(struct lanes *l, const struct device *device, uint64_t count);

/* Ends what has expired, finds what is due, and begins the next attempt: the
 * command is in flight from now on. Returns it, borrowed until it is finished
 * and the journal is cleared, or NULL if no further attempt may begin now. */
struct command *lanes_begin(struct lanes *l, struct moment now);

/* Ends what has expired, and begins nothing: for a shutdown. */
void lanes_expire(struct lanes *l, struct moment now);

/* Tells how the attempt of a command in flight ended. Anything but a command in
 * flight is a bug and aborts. */
void lanes_end(struct lanes *l, struct command *c,
               const struct verdict *verdict, struct moment now);

/* Ends a command in flight as cancelled, its slot remembering it as accepted: a
 * dry run, whose later decisions are the real ones. */
void lanes_end_dry(struct lanes *l, struct command *c, struct moment now);

/* Makes the slot of a finished command forget: a tracked one was not delivered.
 */
void lanes_forget(struct lanes *l, const char *slot_key);

/* Commands of that endpoint that wait for its credentials are due now. */
void lanes_retry_credentials(struct lanes *l, const struct endpoint *endpoint,
                             struct moment now);
/* Whether any command of that endpoint waits for its credentials. */
bool lanes_has_credentials_wait(const struct lanes *l,
                                const struct endpoint *endpoint);

/* Returns how many ms from now lanes_begin has something to do, 0 if at once,
 * COMMAND_NEVER_MS if only a firing or the end of an attempt can change that.
 */
int64_t lanes_wait_ms(const struct lanes *l, struct moment now);

/* ---- polls ----
 *
 * Requests that ask what became of accepted commands belong to no lane, and
 * come behind commands within the limits of their endpoint: they share its
 * MaxInFlight, of which they take at most half, and its rate. The breaker does
 * not count them; while the circuit is open it lets one through at a time, when
 * it would let a command through and there is none. */

/* Begins a poll, if none of the endpoint's commands is due and its limits allow
 * it; to be called once lanes_begin has returned NULL. Returns whether it
 * began. */
bool lanes_begin_poll(struct lanes *l, const struct endpoint *endpoint,
                      struct moment now);

/* It ended, whatever came of it. */
void lanes_end_poll(struct lanes *l, const struct endpoint *endpoint);

/* Returns in how many ms a poll may begin, 0 for now; COMMAND_NEVER_MS if a
 * command or the end of a request has to come first. */
int64_t lanes_poll_wait_ms(const struct lanes *l,
                           const struct endpoint *endpoint, struct moment now);

/* Notes every pending command, slot, series and account in the journal: all of
 * it has to be recorded anew. */
void lanes_note_all(struct lanes *l);

/* ---- what is seen from outside ---- */

const struct account *lanes_account(const struct lanes *l,
                                    const struct device *device);
size_t lanes_waiting(const struct lanes *l);
/* Returns whether the endpoint's circuit is open; and in how many ms the next
 * attempt is let through, 0 for now, COMMAND_NEVER_MS while one is under way.
 */
bool lanes_circuit_is_open(const struct lanes *l,
                           const struct endpoint *endpoint);
int64_t lanes_circuit_wait_ms(const struct lanes *l,
                              const struct endpoint *endpoint,
                              struct moment now);
/* Commands and polls. */
size_t lanes_in_flight(const struct lanes *l, const struct endpoint *endpoint);

/* ---- restoring, before the first turn ---- */

/* The next command's id is at least this. */
void lanes_set_next_id(struct lanes *l, int64_t id);

/* Sets what an account had been recorded with; `pending` is counted anew, by
 * lanes_restore_command. */
void lanes_restore_account(struct lanes *l, const struct device *device,
                           const struct account *recorded);

/* Returns the slot of that key, made if it is new, for the caller to fill in;
 * NULL without memory. */
struct slot *lanes_find_or_add_slot(struct lanes *l,
                                    const struct policy *policy,
                                    const struct device *device,
                                    const char *key);

/* Puts a series, added with slot_add_series and filled in, in its place. To be
 * called in the order of arrival. Returns 0 or -ENOMEM. */
int lanes_restore_series(struct lanes *l, struct series *series);

/* Takes a pending command, in the order of ids: policy, device, slot_key, times
 * and state are set. One that was in flight is doubtful: it ends as unknown,
 * or, with OnUnknown retry, is due again. Returns 0, or -ENOMEM and leaves it.
 */
int lanes_restore_command(struct lanes *l, struct command *c,
                          struct moment now);

/* Removes slots at rest (nothing pending, no cooldown, OKAY or values only)
 * whose last event is older than idle_ms. */
void lanes_trim(struct lanes *l, int64_t idle_ms, struct moment now);

#endif
