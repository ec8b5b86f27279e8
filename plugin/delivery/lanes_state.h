/* SPDX-License-Identifier: MIT
 *
 * lanes_state is the inside of `lanes`, shared by its three files: what waits
 * where, and the small steps that decisions are made of. For them alone; the
 * I/O thread's.
 *
 *   lanes.c       what there is: state, its small steps, what changed
 *   lanes_take.c  how commands come in: events, silence, restoring
 *   lanes_turn.c  how they leave: what is due, what becomes of an attempt
 */
#ifndef ONENET_LANES_STATE_H
#define ONENET_LANES_STATE_H

#include "base/heap.h"
#include "delivery/bucket.h"
#include "delivery/gate.h"
#include "delivery/lanes.h"

enum queue_kind {
  QUEUE_FRESH, /* its turn is to be looked at again */
  QUEUE_DUE,   /* it has a command that may be sent once its endpoint allows */
  QUEUE_KINDS
};

struct queue {
  enum queue_kind kind;
  struct lane *first;
  struct lane *last;
};

/* The commands of one (endpoint, device_id). A waiting command is in one of
 * three places: the holder, whose turn it is (it may wait for its retry, or be
 * in flight); `ready`, behind the holder, by place; or, held back by the
 * cooldown of its slot, in neither. */
struct lane {
  const char *device_id;
  const struct endpoint *endpoint;
  struct command *holder;
  struct heap ready;
  size_t waiting;
  struct lane *next_in[QUEUE_KINDS];
  bool is_in[QUEUE_KINDS];
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
  size_t next_endpoint;         /* where the search for due commands goes on */
  struct device_state *devices; /* by device.index */
  size_t device_count;
  void *lane_by_id; /* tsearch trees */
  void *slot_by_key;
  struct slot *slots;
  struct queue fresh;
  struct heap timers;  /* every waiting command, by its next change */
  struct heap silence; /* series, by when they will have been silent too long */
  size_t waiting;
  size_t waiting_bytes;
  int64_t next_id;
  uint64_t next_place;
};

/* ---- orders ---- */

/* Whether command a has its place before command b. */
bool lanes_place_before(const void *a, const void *b);

/* When the series will have been silent for ForgetAfter. */
int64_t lanes_silent_at_ms(const struct series *s);

/* Order of slots in slot_by_key. */
int lanes_compare_slots(const void *a, const void *b);

/* Appends the lane, unless it is in the queue already. */
void lanes_queue_push(struct queue *q, struct lane *lane);

/* ---- who is who ---- */

struct endpoint_state *lanes_endpoint_of(struct lanes *l,
                                         const struct command *c);
struct device_state *lanes_device_of(struct lanes *l, const struct command *c);

/* ---- it has changed: into the journal ---- */

void lanes_note(struct lanes *l, struct change *change);

/* Notes a series, and its slot. */
void lanes_note_series(struct lanes *l, struct series *series);

/* ---- waiting ---- */

/* The lane's turn is to be looked at again. */
void lanes_wake(struct lanes *l, struct lane *lane);

/* The command changes by itself at wake_ms, or at its deadline if that is
 * earlier. There is room in the heap. */
void lanes_set_timer(struct lanes *l, struct command *c, int64_t wake_ms);

/* Whether the cooldown of its slot holds it back. */
bool lanes_is_cooling(const struct command *c, int64_t now_ms);

/* Lets Expire and Timeout count from the end of a cooldown that holds it back.
 */
void lanes_set_validity(struct command *c);

/* The command begins to wait, held back by its slot's cooldown or ready in its
 * lane; it is in no heap but, maybe, that of the timers. */
void lanes_place(struct lanes *l, struct command *c, int64_t now_ms);

/* It counts as waiting from now on. */
void lanes_count_waiting(struct lanes *l, struct command *c);

/* Whether it waits for the credentials of its endpoint. */
void lanes_set_credentials_wait(struct lanes *l, struct command *c, bool waits);

/* It no longer waits; it is in no heap and does not hold its lane. */
void lanes_stop_waiting(struct lanes *l, struct command *c);

/* ---- ends ---- */

/* The command is finished; accounts and slot know. It is in no heap. */
void lanes_count_outcome(struct lanes *l, struct command *c,
                         enum outcome outcome, struct moment now);

/* Ends a command that waits; as unknown if a doubtful attempt is behind it. why
 * is kept: words that live for ever. */
void lanes_end_waiting(struct lanes *l, struct command *c, enum outcome outcome,
                       const char *why, struct moment now);

/* `newer`, which is in no heap but that of the timers, takes the place and the
 * current wait of `older`, a waiting command of its slot, which ends. */
void lanes_supersede(struct lanes *l, struct command *newer,
                     struct command *older, struct moment now);

/* Returns whether the command's slot asks for it no more, or for something that
 * can not be sent. */
bool lanes_is_obsolete(const struct command *c);

/* Ends what waits of the slot, with nothing in its place. */
void lanes_supersede_waiting(struct lanes *l, struct slot *slot,
                             struct moment now);

/* ---- of lanes_take.c, for lanes_turn.c ---- */

/* Series that have been silent for ForgetAfter count as OKAY. */
void lanes_run_silence(struct lanes *l, struct moment now);

#endif
