/* SPDX-License-Identifier: MIT
 *
 * lanes owns the slots and all commands that wait or are in flight, and decides
 * which command is due when: order, supersede, unchanged, cooldown, retries,
 * deadlines, rates, the circuit breaker, the limits of the queue. It has no
 * clock, no thread and no I/O: every call is told `now`, whose monotonic part
 * never goes back, and random numbers come from a function.
 *
 * The I/O thread calls everything. In each of its turns:
 *
 *   lanes_take      for every firing that arrived
 *   lanes_obey      for every order that was given
 *   lanes_end       for every attempt that ended
 *   lanes_begin     until it returns NULL: it returns the commands to be sent
 *   lanes_wait_ms   to learn how long to sleep
 *
 * Series that are OKAY, or values, are idle. Where there is no room for a new
 * series, or for the body of a new command, those that have been silent the
 * longest go, each with its slot if it speaks for it and the slot is at rest.
 * While nothing waits there is room for any body.
 *
 * A slot whose command was dropped owes its state: lanes_begin asks for it
 * again as soon as there is room.
 *
 * With After, a state other than OKAY asks for nothing until it has held for so
 * long, and an OKAY for nothing unless something was asked for before. With
 * Until, the OKAY body is asked for so long after the slot was last OKAY, and
 * nothing from then on until it is OKAY again. lanes_begin does both.
 *
 * A device or a rule that an operator has silenced asks for nothing: its events
 * move the states of their series, and its slots owe what they would ask for.
 * lanes_begin ends the silence when its time has come, and those slots ask.
 *
 * Every change is noted in the journal, which has to be recorded before an
 * attempt is sent. The journal takes over the commands that are finished, the
 * slots that are removed and the orders that are done with, and frees them.
 */
#ifndef ONENET_LANES_H
#define ONENET_LANES_H

#include "words/command.h"
#include "words/ignored.h"
#include "words/journal.h"
#include "words/order.h"
#include "words/slot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES_BACKOFF_FIRST_MS 1000
#define LANES_BACKOFF_MAX_MS 60000
#define LANES_CREDENTIALS_RETRY_MS 60000
/* Longest Retry-After that is obeyed: no server may silence a device for
 * longer. */
#define LANES_RETRY_AFTER_MAX_MS 3600000
#define LANES_SILENCES_MAX 1000 /* in force at once */

struct lanes;

/* Returns a random number in 0..max_inclusive. */
typedef uint64_t lanes_random_fn(void *context, uint64_t max_inclusive);

struct lanes_options {
  const struct directory *directory; /* borrowed, until lanes_free */
  struct journal *journal;           /* borrowed, until lanes_free */
  size_t queue_limit;                /* most commands that may wait */
  size_t queue_bytes;                /* most bytes in their bodies, those of
                                        series, and those of what slots remember:
                                        each counts once */
  size_t series_max;                 /* most series */
  bool first_okay_send; /* the first OKAY of every slot is acted on, since no
                           earlier state can be known */
  lanes_random_fn *random;
  void *random_context;
};

/* Returns lanes that the caller owns, or NULL without memory. */
struct lanes *lanes_new(const struct lanes_options *options);

/* Frees the lanes with all slots and commands; NULL is allowed. The journal
 * must be cleared before: it points to what is freed here. */
void lanes_free(struct lanes *l);

/* Makes the first OKAY of every slot be acted on from now on, or no longer, as
 * first_okay_send does. */
void lanes_set_first_okay_send(struct lanes *l, bool is_sent);

/* Takes a firing. If it is to be ignored, writes the reason to ret_ignored and
 * changes nothing else; but keeps the state of its series where the reason is
 * IGNORED_WAITS, IGNORED_NOT_FIRED, IGNORED_TAKEN_BACK or IGNORED_SILENCED, of
 * which the last makes the slot owe its state. Otherwise writes IGNORED_NOT,
 * keeps the state of its series, creates the command that its slot now asks
 * for, and counts the firings that it has replaced as created and superseded.
 * Returns 0, or -ENOMEM without memory for the command, which then counts as
 * created and dropped, and its slot owes it; and owns the firing. Returns
 * -EAGAIN without memory even for the state: then the firing stays the
 * caller's, to be taken again later, and nothing is counted. */
int lanes_take(struct lanes *l, struct firing *f, struct moment now,
               enum ignored *ret_ignored);

/* Counts `count` commands for the device as created and dropped, because their
 * firings never reached the lanes. All slots of the device forget what it
 * accepted last, and an attempt in flight is not remembered. */
void lanes_drop(struct lanes *l, const struct device *device, uint64_t count);

/* Ends the commands that have expired, finds one that is due, and begins its
 * next attempt: the command is in flight from now on. Returns the command,
 * borrowed until it is finished and the journal is cleared; or NULL if no
 * further attempt may begin now. */
struct command *lanes_begin(struct lanes *l, struct moment now);

/* Ends the commands that have expired, and begins nothing: for a shutdown. */
void lanes_expire(struct lanes *l, struct moment now);

/* Tells how the attempt of a command ended. The command must be in flight; if
 * it is not, that is a bug, and the process aborts. */
void lanes_end(struct lanes *l, struct command *c,
               const struct verdict *verdict, struct moment now);

/* Ends a command in flight as cancelled, for a dry run. Its slot remembers it
 * as accepted, so that later decisions are those of a real run. */
void lanes_end_dry(struct lanes *l, struct command *c, struct moment now);

/* Makes a slot forget what its device accepted last, because a tracked command
 * was not delivered. */
void lanes_forget(struct lanes *l, const char *slot_key);

/* Makes every command due now that waits for the credentials of the endpoint.
 */
void lanes_retry_credentials(struct lanes *l, const struct endpoint *endpoint,
                             struct moment now);
/* Returns whether a command waits for the credentials of the endpoint. */
bool lanes_has_credentials_wait(const struct lanes *l,
                                const struct endpoint *endpoint);

/* Returns how many ms remain until lanes_begin has something to do: 0 if it has
 * now, COMMAND_NEVER_MS if only a firing or the end of an attempt can change
 * that. */
int64_t lanes_wait_ms(const struct lanes *l, struct moment now);

/* ---- orders ----
 *
 * `send` makes a command by hand: of the order's policy, which is one that
 * order_sends_by names, with Supersede false and Repeat 0. It is sent while its
 * device is silenced, too.
 *
 * `retry` makes a command due that waits for its retry. Or it makes a finished
 * one again, as if its event came now; but not if the slot has a newer one, or
 * is silenced.
 *
 * `cancel` ends what waits as cancelled. The slots do not ask again by
 * themselves, not even those whose command was dropped. An older command of
 * such a slot that is in flight is not retried.
 *
 * `silence` ends what waits in its slots as cancelled, and also what comes back
 * from its attempt to wait for a retry. It takes the place of an earlier
 * silence of the same device or rule; if its end is past, it ends that one. At
 * its end each slot asks once for its state, unless its device has accepted
 * that; but not with Supersede false: then events are not states. */

/* Takes an order, obeys or refuses it, and notes it in the journal: for the
 * last time, but for a silence that is in force from now on. That one is noted
 * for the last time, as one that was told before, when it ends or another takes
 * its place; wall_until_ms is then that time if it is earlier. Names were
 * looked up: device and policy are what the order names, for `retry` those of
 * the command in the history. */
void lanes_obey(struct lanes *l, struct order *o, struct moment now);

/* Puts a silence in force again that an earlier process obeyed: at a start or
 * at a late restore, before or after slots and commands come. Its end has not
 * come, and no later order has taken its place or ended it. Adds to its count
 * what it cancels now. Returns 0, and takes it; or -ENOMEM, and then the caller
 * keeps it. */
int lanes_restore_silence(struct lanes *l, struct order *silence,
                          struct moment now);

/* Returns whether commands of the policy for the device are silenced now. */
bool lanes_is_silenced(const struct lanes *l, const struct policy *policy,
                       const struct device *device, struct moment now);

/* ---- polls ----
 *
 * Polls ask what became of accepted commands. They belong to no lane, and go
 * only while none of the endpoint's commands is due and its gate lets them pass
 * (see gate.h). */

/* Begins a poll if none of the endpoint's commands is due and its gate allows
 * it. To be called once lanes_begin has returned NULL. Returns whether the poll
 * began. */
bool lanes_begin_poll(struct lanes *l, const struct endpoint *endpoint,
                      struct moment now);

/* Tells that a poll ended, whatever came of it. */
void lanes_end_poll(struct lanes *l, const struct endpoint *endpoint);

/* Returns how many ms remain until a poll may begin: 0 if it may now,
 * COMMAND_NEVER_MS if a command has to go first or a request has to end first.
 */
int64_t lanes_poll_wait_ms(const struct lanes *l,
                           const struct endpoint *endpoint, struct moment now);

/* Notes every pending command, slot, series, account and silence in the
 * journal, so that all of it is recorded anew. */
void lanes_note_all(struct lanes *l);

/* ---- state that others may see ---- */

/* Returns the slot of that key, or NULL; borrowed until the next call that is
 * told `now`. */
const struct slot *lanes_slot(const struct lanes *l, const char *key);
const struct account *lanes_account(const struct lanes *l,
                                    const struct device *device);
/* Returns how many commands wait. */
size_t lanes_waiting(const struct lanes *l);
/* Return the bytes of the bodies of the commands that wait, and of all bodies
 * that count within queue_bytes; of a body that several of them hold, once. */
size_t lanes_waiting_bytes(const struct lanes *l);
size_t lanes_held_bytes(const struct lanes *l);
/* Return how many series are kept, and how many had to go for want of room. */
size_t lanes_series_count(const struct lanes *l);
uint64_t lanes_series_forgotten(const struct lanes *l);
/* Return whether the endpoint's circuit is open, and how many ms remain until
 * it lets the next attempt through: 0 if it does now, COMMAND_NEVER_MS while a
 * probe is under way. */
bool lanes_circuit_is_open(const struct lanes *l,
                           const struct endpoint *endpoint);
int64_t lanes_circuit_wait_ms(const struct lanes *l,
                              const struct endpoint *endpoint,
                              struct moment now);
/* Returns how many of the endpoint's requests are in flight, commands and
 * polls. */
size_t lanes_in_flight(const struct lanes *l, const struct endpoint *endpoint);
/* Returns how many commands wait for the endpoint. */
size_t lanes_waiting_at(const struct lanes *l, const struct endpoint *endpoint);

/* ---- restoring, before the first turn or between two ---- */

/* Begins and ends the restoring of a record that could not be read before the
 * first turn. What has come since is newer: a slot that is here keeps what it
 * remembers, and takes over only the series that it does not know. If one of
 * these now decides what the slot asks for, the slot owes that state. A command
 * of such a slot whose rule supersedes ends as superseded. */
void lanes_begin_late_restore(struct lanes *l);
void lanes_end_late_restore(struct lanes *l);

/* Makes the id of the next command at least this. */
void lanes_set_next_id(struct lanes *l, int64_t id);

/* Adds what was recorded to the account of a device, except `pending`, which
 * lanes_restore_command counts anew. */
void lanes_restore_account(struct lanes *l, const struct device *device,
                           const struct account *recorded);

/* Returns whether the record of a slot, or of the series of that name in it, is
 * not wanted, since what is here is newer. name NULL: the slot. */
bool lanes_has_newer(const struct lanes *l, const char *slot_key,
                     const char *name);

/* Returns the slot of that key. If there is none, makes one for the caller to
 * fill in. NULL without memory. */
struct slot *lanes_find_or_add_slot(struct lanes *l,
                                    const struct policy *policy,
                                    const struct device *device,
                                    const char *key);

/* Puts a series that the caller has added with slot_add_series and filled in
 * into the order of its slot. Returns 0 or -ENOMEM. */
int lanes_restore_series(struct lanes *l, struct series *series);

/* Takes a pending command whose policy, device, slot_key, times and state are
 * set. To be called in the order of ids. A command that was in flight is
 * doubtful (its slot has been given no memory, and its account counts the
 * attempt): with OnUnknown retry it is due again, otherwise it ends as unknown.
 * Returns 0; or -ENOMEM, and then the caller keeps the command. */
int lanes_restore_command(struct lanes *l, struct command *c,
                          struct moment now);

/* Removes the idle series whose last event is older than idle_ms, and those
 * beyond series_max. The series that speaks for its slot goes only with the
 * slot, once that is at rest: no command is pending or owed, no cooldown runs,
 * and the device has accepted what the slot asks for. */
void lanes_trim(struct lanes *l, int64_t idle_ms, struct moment now);

#endif
