/* SPDX-License-Identifier: MIT
 *
 * lanes_state is the inside of `lanes`, for its seven files alone: where each
 * command waits, and the small steps that decisions are made of. The I/O thread
 * calls everything.
 *
 *   lanes.c         the state, its small steps, and what others may see of it
 *   lanes_take.c    the way in: events, silent series, restoring
 *   lanes_span.c    After and Until: what slots ask for as time passes
 *   lanes_turn.c    the way out: which command is due, and how attempts end
 *   lanes_rest.c    how series and slots at rest go
 *   lanes_silence.c what an operator has silenced, and what such slots owe
 *   lanes_orders.c  what becomes of an order
 */
#ifndef ONENET_LANES_STATE_H
#define ONENET_LANES_STATE_H

#include "base/heap.h"
#include "base/table.h"
#include "delivery/bucket.h"
#include "delivery/gate.h"
#include "delivery/lanes.h"

enum queue_kind {
  QUEUE_FRESH, /* lanes to look at again: their holder may have changed */
  QUEUE_DUE,   /* lanes whose holder may be sent once the endpoint allows it */
  QUEUE_KINDS
};

struct queue {
  enum queue_kind kind;
  struct lane *first;
  struct lane *last;
};

/* lane: the commands of one (endpoint, device_id), in order. Its holder is the
 * only command that may be sent, is waiting for a retry, or is in flight. Any
 * other waiting command is in `ready`, in order behind the holder; or it is
 * held back by the cooldown of its slot, and then in neither place. */
struct lane {
  const char *device_id;
  const struct endpoint *endpoint;
  struct command *holder;
  struct heap ready;
  struct table_link by_id;
  struct lane *next_in[QUEUE_KINDS];
  uint32_t waiting;
  bool is_in[QUEUE_KINDS];
};

/* A silence in force. */
struct silence {
  struct order *order; /* owned */
  const void *target;  /* the device or policy that the order names */
  int64_t until_ms;
  uint32_t ending_index; /* index in the heap of endings */
  struct table_link by_target;
};

struct endpoint_state {
  struct gate gate;
  struct queue due;
  size_t waiting;
  size_t waiting_for_credentials;
};

struct device_state {
  struct account account;
  struct lane *lane;
  struct bucket bucket;
};

struct lanes {
  struct lanes_options options;
  struct endpoint_state *endpoints; /* by endpoint.index */
  size_t endpoint_count;
  size_t next_endpoint;         /* searched first by lanes_begin */
  struct device_state *devices; /* by device.index */
  size_t device_count;
  struct table lanes; /* all lanes, by endpoint and device_id */
  struct table slots; /* all slots, by key */
  struct ring owing;  /* slots that owe their state, the longest first; but */
  struct ring hushed; /* those that are silenced, in the same order */
  struct queue fresh;
  struct heap timers;  /* every waiting command, next to change first */
  struct heap silence; /* series with ForgetAfter, next to fall silent first */
  struct table silences; /* those in force, by their device or policy */
  struct heap endings;   /* the same, next to end first */
  struct heap due;  /* slots of which After or Until runs, next to end first */
  struct ring idle; /* series that are OKAY or values, the oldest first */
  size_t timed_slots; /* slots that have a span */
  size_t series_count;
  uint64_t series_forgotten;
  size_t held_bytes; /* bytes in the bodies that are held: by commands that
                        wait, by series, and as what is remembered */
  int64_t none_rests_until_ms; /* before that time no idle series may go */
  size_t waiting;
  size_t waiting_bytes;
  int64_t next_id;
  uint64_t next_place;
};

/* ---- orders ---- */

/* Returns whether command a comes before command b in its lane. */
bool lanes_place_before(const void *a, const void *b);

/* Returns when the series will have been silent for ForgetAfter. */
int64_t lanes_silent_at_ms(const struct series *s);

/* Appends the lane, unless it is in the queue already. */
void lanes_queue_push(struct queue *q, struct lane *lane);

/* ---- a command's endpoint and device ---- */

struct endpoint_state *lanes_endpoint_of(struct lanes *l,
                                         const struct command *c);
struct device_state *lanes_device_of(struct lanes *l, const struct command *c);
struct lane *lanes_lane_of(struct lanes *l, const struct command *c);

/* ---- what is held, and what may go ---- */

/* Makes these two bodies (NULL: none) count as held, instead of those in
 * held[]. */
void lanes_hold(struct lanes *l, struct body *held[static 2],
                struct body *first, struct body *second);

/* Makes what the slot remembers now count as held. */
void lanes_hold_memory(struct lanes *l, struct slot *slot);

/* Gives a series that has changed, or was restored, its place among the idle
 * ones, and makes its bodies count as held. */
void lanes_place_series(struct lanes *l, struct series *series);

/* Returns the time from which the idle series may go, even if it is past;
 * COMMAND_NEVER_MS if something has to happen first. */
int64_t lanes_may_go_from_ms(const struct series *series);

/* Note that an idle series may go from then on, or that one of a slot which has
 * changed may. */
void lanes_note_rest_from(struct lanes *l, int64_t from_ms);
void lanes_note_rest(struct lanes *l, const struct slot *slot);

/* ---- changes, for the journal ---- */

void lanes_note(struct lanes *l, struct change *change);

/* Notes that a slot has changed, and makes what it remembers count as held. */
void lanes_note_slot(struct lanes *l, struct slot *slot);

/* Notes that a series has changed, and its slot if that was never noted. */
void lanes_note_series(struct lanes *l, struct series *series);

/* ---- what is silenced, and what is owed ---- */

/* Returns the silence of that device or policy that has not been ended yet, or
 * NULL. */
struct silence *lanes_find_silence(const struct lanes *l, const void *target);

/* Returns a silence of the policy or the device that ends later than that; NULL
 * if there is none. What is sent by hand is silenced by none. */
const struct silence *lanes_silence_of(const struct lanes *l,
                                       const struct policy *policy,
                                       const struct device *device,
                                       int64_t at_ms);

/* Returns whether a silence that has not been ended yet is of the slot, be its
 * time over. */
bool lanes_is_hushed(const struct lanes *l, const struct slot *slot);

/* Makes the slot owe its state from now on, if it does not do so already. */
void lanes_owe(struct lanes *l, struct slot *slot);

/* Makes a slot that owes its state wait with that: it has to ask anew first. */
void lanes_owe_later(struct slot *slot);

/* Makes the slot owe nothing. */
void lanes_owe_nothing(struct lanes *l, struct slot *slot);

/* ---- waiting ---- */

/* Queues the lane for lanes_begin to look at again. */
void lanes_wake(struct lanes *l, struct lane *lane);

/* Sets the time at which a waiting command changes by itself: wake_ms, or its
 * deadline if that is earlier. The heap of timers must have room. */
void lanes_set_timer(struct lanes *l, struct command *c, int64_t wake_ms);

/* Returns whether the cooldown of its slot holds the command back. */
bool lanes_is_cooling(const struct command *c, int64_t now_ms);

/* Makes Expire and Timeout count from the end of the cooldown that holds the
 * command back, if one does. */
void lanes_set_validity(struct command *c);

/* Makes the command wait: held back by its slot's cooldown, or ready in its
 * lane. The command must be in no heap but that of the timers. */
void lanes_place(struct lanes *l, struct command *c, int64_t now_ms);

/* Returns how many commands wait or may come back from their attempt. */
size_t lanes_pending_most(const struct lanes *l);

/* Counts the command as waiting from now on. */
void lanes_count_waiting(struct lanes *l, struct command *c);

/* Sets whether the command waits for its endpoint's credentials, and counts it
 * there. */
void lanes_set_credentials_wait(struct lanes *l, struct command *c, bool waits);

/* Takes the command out of all that waits: counts, heaps, its slot, and its
 * lane if it is the holder. */
void lanes_stop_waiting(struct lanes *l, struct command *c);

/* ---- ends ---- */

/* Removes a series; or a slot at which nothing is pending or owed, with its
 * series. */
void lanes_forget_series(struct lanes *l, struct series *series);
void lanes_forget_slot(struct lanes *l, struct slot *slot);

/* Removes a slot that has no command and no series any more, with which it
 * could go: its commands were asked for by hand. */
void lanes_leave_slot(struct lanes *l, struct slot *slot);

/* Finishes a command that is in no heap: counts the outcome in its account and
 * its slot, and notes the command in the journal for the last time. */
void lanes_count_outcome(struct lanes *l, struct command *c,
                         enum outcome outcome, struct moment now);

/* Ends a waiting command with that outcome, or as unknown if it has a doubtful
 * attempt behind it. The command keeps `why`, which must live for ever, unless
 * it has a reason already. */
void lanes_end_waiting(struct lanes *l, struct command *c, enum outcome outcome,
                       const char *why, struct moment now);

/* Counts so many attempts, 0 or more, as tries of the command. */
void lanes_add_tries(struct command *c, int tries);

/* Ends `older`, a waiting command, as superseded, and puts `newer`, of the same
 * slot, in its place: with its position in the lane, the wait it had left, and
 * its tries, since a device that is offline is not to be asked more often where
 * events come. `newer` must be in no heap but that of the timers. */
void lanes_supersede(struct lanes *l, struct command *newer,
                     struct command *older, struct moment now);

/* Returns whether the slot of the command now asks for nothing, for a body that
 * can not be sent, or for a command that was dropped or cancelled. */
bool lanes_is_obsolete(const struct command *c);

/* Ends the slot's waiting command, if it has one, as superseded, with nothing
 * in its place. */
void lanes_supersede_waiting(struct lanes *l, struct slot *slot,
                             struct moment now);

/* ---- lanes_rest.c, for the others ---- */

/* Return whether there is room for one more series, or for a command whose body
 * a series holds, after idle series have gone if need be. */
bool lanes_has_room_for_series(struct lanes *l, struct moment now);
bool lanes_has_room(struct lanes *l, struct moment now);

/* Returns in how many ms, above 0, there may be room by itself where there was
 * none; COMMAND_NEVER_MS if something has to happen first. */
int64_t lanes_room_wait_ms(const struct lanes *l, struct moment now);

/* ---- lanes_span.c, for the others ---- */

/* Makes room for the new slot in the heap of slots that are due, for as long as
 * it lives. Returns 0 or -ENOMEM. */
int lanes_reserve_due(struct lanes *l, const struct slot *slot);

/* Notes which state the slot is in since one of its series has changed, at
 * now_ms, and when it comes to ask for something else by itself. was_settled is
 * what lanes_is_settled said before. */
void lanes_follow_state(struct lanes *l, struct slot *slot, bool was_settled,
                        int64_t now_ms);

/* The same for a slot of which that series was restored. */
void lanes_restore_state(struct lanes *l, const struct series *series);

/* Returns whether the device has accepted what the slot asks for now; false
 * without looking if its rule has neither After nor Until. */
bool lanes_is_settled(const struct slot *slot);

/* Returns why an event that the slot has taken asks for nothing; IGNORED_NOT if
 * it asks for what the state says. */
enum ignored lanes_judge_state(struct lanes *l, struct slot *slot,
                               struct moment now);

/* Returns a slot that now asks for something since After or Until is over, each
 * once; NULL if there is none. */
struct slot *lanes_next_due(struct lanes *l, struct moment now);

/* ---- lanes_silence.c, for the others ---- */

/* Returns whether what the slot asks for now must not be asked for, since it is
 * silenced. Then the slot owes it, if the device has not accepted it. */
bool lanes_hush(struct lanes *l, struct slot *slot, struct moment now);

/* Ends a waiting command as cancelled if it is silenced, and makes its slot owe
 * its state. Returns whether it did. */
bool lanes_end_silenced(struct lanes *l, struct command *c, struct moment now);

/* Ends a waiting command as cancelled by that order, or by that silence. */
void lanes_end_by(struct lanes *l, struct command *c, const struct order *o,
                  struct moment now);

/* Returns the waiting commands of the device and rule that the order names, in
 * the order of ids, for the caller to free; NULL without memory. Silences are
 * not about what is sent by hand. */
struct command **lanes_collect(const struct lanes *l, const struct order *o,
                               size_t *ret_count);

/* Returns the device or the policy that a silence names. */
const void *lanes_target_of(const struct order *o);

/* Puts a silence in force, in the place of an earlier one of the same target,
 * and ends what waits. Returns 0, and takes the order; or -ENOMEM, and then
 * nothing has changed. */
int lanes_begin_silence(struct lanes *l, struct order *o, struct moment now);

/* Ends a silence, and makes its slots ask; or all whose time is over. */
void lanes_end_silence(struct lanes *l, struct silence *s, struct moment now);
void lanes_end_silences(struct lanes *l, struct moment now);

/* Returns in how many ms, be it past, the next silence ends; COMMAND_NEVER_MS
 * if there is none. */
int64_t lanes_silence_wait_ms(const struct lanes *l, struct moment now);

/* ---- lanes_take.c, for lanes_orders.c ---- */

/* Returns the slot of that key, or NULL. */
struct slot *lanes_find_slot(const struct lanes *l, const char *key);

/* Creates the command that an order asks for, in the slot of that key, and
 * makes it wait: there must be room. `series` is the event's, or says what
 * there was instead. Returns the command, or NULL without memory. */
struct command *lanes_create_ordered(struct lanes *l, const struct order *o,
                                     const char *key, const char *series,
                                     struct moment now);

/* ---- lanes_take.c, for lanes_turn.c ---- */

/* Counts every series as OKAY that has been silent for ForgetAfter, and creates
 * the commands that follow. */
void lanes_run_silence(struct lanes *l, struct moment now);

/* Creates the commands that slots ask for since After or Until is over. */
void lanes_run_due(struct lanes *l, struct moment now);

/* Asks again for the state of the slot that has owed it the longest. Returns
 * false if none does, or there is no room yet. */
bool lanes_ask_owed(struct lanes *l, struct moment now);

#endif
