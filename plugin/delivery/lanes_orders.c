/* SPDX-License-Identifier: MIT
 *
 * lanes_orders is what becomes of an order: commands by hand, the retry and the
 * end of what waits, and silences. A part of `lanes`.
 */
#include "delivery/lanes.h"

#include "delivery/lanes_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- silence ---- */

static void obey_end_of_silence(struct lanes *l, struct order *o,
                                struct moment now) {
  struct silence *s = lanes_find_silence(l, lanes_target_of(o));
  if (s == NULL) {
    order_refuse(o, now, "its end is past, and it ends no other silence");
    return;
  }
  lanes_end_silence(l, s, now);
  order_obey(o, now);
}

static void obey_silence(struct lanes *l, struct order *o, struct moment now) {
  if ((o->device == NULL) == (o->policy == NULL))
    order_refuse(o, now, "a silence is of one device, or of one rule");
  else if (o->wall_until_ms <= now.wall_ms)
    obey_end_of_silence(l, o, now);
  else if (l->silences.count >= LANES_SILENCES_MAX &&
           lanes_find_silence(l, lanes_target_of(o)) == NULL)
    order_refuse(o, now, "%d silences are in force: end some first",
                 LANES_SILENCES_MAX);
  else if (lanes_begin_silence(l, o, now) < 0)
    order_refuse(o, now, "there is no memory for it");
  else
    order_obey(o, now);
}

static bool is_in_force(const struct lanes *l, const struct order *o) {
  const struct silence *s = lanes_find_silence(l, lanes_target_of(o));
  return o->verb == ORDER_SILENCE && s != NULL && s->order == o;
}

/* ---- what is pending ---- */

static struct command *find_waiting(const struct lanes *l, int64_t id) {
  for (size_t i = 0; i < l->timers.count; i++) {
    struct command *c = l->timers.items[i];
    if (c->id == id)
      return c;
  }
  return NULL;
}

/* Returns the command of the device that is in flight, or NULL. */
static const struct command *in_flight_of(const struct lanes *l,
                                          const struct device *device) {
  const struct command *c = l->devices[device->index].lane->holder;
  return c != NULL && c->state == COMMAND_IN_FLIGHT && c->device == device
             ? c
             : NULL;
}

static bool is_in_flight(const struct lanes *l, int64_t id) {
  for (size_t i = 0; i < l->device_count; i++) {
    const struct command *c = l->devices[i].lane->holder;
    if (c != NULL && c->id == id && c->state == COMMAND_IN_FLIGHT)
      return true;
  }
  return false;
}

/* ---- cancel ---- */

/* Cancels a waiting command. What is in flight for its slot is older, and is
 * not to be retried: the state that it is for is over. */
static void cancel(struct lanes *l, struct command *c, const struct order *o,
                   struct moment now) {
  struct command *holder = lanes_lane_of(l, c)->holder;
  if (holder != NULL && holder->state == COMMAND_IN_FLIGHT &&
      holder->at.slot == c->at.slot)
    holder->is_outdated = c->policy->supersede;
  lanes_end_by(l, c, o, now);
}

static void cancel_one(struct lanes *l, struct order *o, struct moment now) {
  struct command *c = find_waiting(l, o->command_id);
  if (c == NULL && is_in_flight(l, o->command_id)) {
    order_refuse(o, now,
                 "command %" PRId64 " is in flight: it can not be called back",
                 o->command_id);
  } else if (c == NULL) {
    order_refuse(o, now, "no command %" PRId64 " is pending", o->command_id);
  } else {
    cancel(l, c, o, now);
    o->count = 1;
    order_obey(o, now);
  }
}

/* Slots that are silenced, or wait for After, do not ask for what was
 * cancelled, but for what their state will be then. */
static void forgive(struct lanes *l, const struct device *device) {
  for (struct ring *link = ring_first(&l->owing), *next; link; link = next) {
    struct slot *slot = RING_ITEM(link, struct slot, owing);
    next = ring_next(&l->owing, link);
    if (slot->device == device)
      lanes_owe_nothing(l, slot);
  }
}

static void cancel_device(struct lanes *l, struct order *o, struct moment now) {
  size_t count;
  struct command **all = lanes_collect(l, o, &count);
  if (all == NULL) {
    order_refuse(o, now, "there is no memory for it");
    return;
  }
  for (size_t i = 0; i < count; i++)
    cancel(l, all[i], o, now);
  free(all);
  forgive(l, o->device);
  o->count = count;
  order_obey(o, now);
  const struct command *left = in_flight_of(l, o->device);
  if (left != NULL)
    snprintf(o->why, sizeof o->why,
             "command %" PRId64 " is in flight: it can not be called back",
             left->id);
}

static void obey_cancel(struct lanes *l, struct order *o, struct moment now) {
  snprintf(o->by, sizeof o->by, "by order %" PRId64, o->id);
  if (o->command_id != 0)
    cancel_one(l, o, now);
  else if (o->device != NULL)
    cancel_device(l, o, now);
  else
    order_refuse(o, now, "it names neither a command nor a device");
}

/* ---- send and retry ---- */

/* The body waits besides all that is held already. */
static bool has_room(struct lanes *l, struct body *body, struct moment now) {
  struct body *held[2] = {NULL, NULL};
  lanes_hold(l, held, body, NULL);
  bool has = lanes_has_room(l, now);
  lanes_hold(l, held, NULL, NULL);
  return has;
}

static void make_command(struct lanes *l, struct order *o, const char *key,
                         const char *series, struct moment now) {
  struct command *c = NULL;
  if (!has_room(l, o->body, now)) {
    order_refuse(o, now, "the queue is full: see QueueLimit and QueueBytes");
    return;
  }
  c = lanes_create_ordered(l, o, key, series, now);
  if (c == NULL) {
    order_refuse(o, now, "there is no memory for it");
    return;
  }
  o->result_id = c->id;
  order_obey(o, now);
}

static bool has_good_size(const struct body *body) {
  return body != NULL && body->size > 0 && body->size <= COMMAND_BODY_MAX_BYTES;
}

static void obey_send(struct lanes *l, struct order *o, struct moment now) {
  char key[SLOT_KEY_BYTES];
  char series[ORDER_BY_BYTES];
  if (o->device == NULL || o->policy == NULL) {
    order_refuse(o, now, "it names no device");
  } else if (!has_good_size(o->body)) {
    order_refuse(o, now, "a body of %u bytes: must be 1..%d",
                 o->body != NULL ? o->body->size : 0, COMMAND_BODY_MAX_BYTES);
  } else {
    snprintf(series, sizeof series, "order %" PRId64, o->id);
    slot_format_key(o->policy, o->device, series, key);
    make_command(l, o, key, series, now);
  }
}

static void hurry(struct lanes *l, struct command *c, struct order *o,
                  struct moment now) {
  if (c->not_before_ms == 0) {
    order_refuse(o, now, "command %" PRId64 " waits for its turn: no retry",
                 c->id);
    return;
  }
  c->not_before_ms = now.ms;
  lanes_note(l, &c->change);
  lanes_wake(l, lanes_lane_of(l, c));
  order_obey(o, now);
}

/* Returns whether it is known what to send again. If not, refuses the order. */
static bool knows_command(struct order *o, struct moment now) {
  if (o->was == OUTCOME_COUNT && o->body == NULL)
    order_refuse(o, now, "the history has no command %" PRId64, o->command_id);
  else if (o->was == OUTCOME_COUNT)
    order_refuse(o, now, "command %" PRId64 " has ended meanwhile: see how",
                 o->command_id);
  else if (o->device == NULL || o->policy == NULL)
    order_refuse(o, now,
                 "the rule or device of command %" PRId64
                 " is not in the configuration any more",
                 o->command_id);
  else if (!has_good_size(o->body) ||
           (o->policy->per_series && o->series == NULL))
    order_refuse(o, now, "the history does not have all of command %" PRId64,
                 o->command_id);
  else
    return true;
  return false;
}

/* Returns whether the command may be sent again to the slot, NULL: there is
 * none yet. If not, refuses the order. */
static bool may_repeat(struct lanes *l, struct order *o,
                       const struct slot *slot, struct moment now) {
  const struct silence *s = lanes_silence_of(l, o->policy, o->device, now.ms);
  bool is_done = o->was == OUTCOME_ACCEPTED || o->was == OUTCOME_UNKNOWN;
  if (is_done && !o->is_forced)
    order_refuse(o, now,
                 "command %" PRId64 " ended as %s: it may have been executed "
                 "(--force sends it again)",
                 o->command_id, outcome_name(o->was));
  else if (s != NULL)
    order_refuse(o, now, "it is %s: end that first, or send the body by hand",
                 s->order->by);
  else if (o->policy->supersede && slot != NULL &&
           (slot->pending > 0 || slot->owes))
    order_refuse(o, now,
                 "rule \"%s\" has a newer command for the device: see pending",
                 o->policy->rule);
  else
    return true;
  return false;
}

/* With --force the slot must not find that its device has accepted this
 * already. */
static void repeat(struct lanes *l, struct order *o, struct moment now) {
  char key[SLOT_KEY_BYTES];
  const char *series = o->series != NULL ? o->series : "";
  if (!knows_command(o, now))
    return;
  slot_format_key(o->policy, o->device, series, key);
  if (!may_repeat(l, o, lanes_find_slot(l, key), now))
    return;
  make_command(l, o, key, series, now);
  if (o->state == ORDER_OBEYED && o->is_forced)
    lanes_forget(l, key);
}

static void obey_retry(struct lanes *l, struct order *o, struct moment now) {
  struct command *c = find_waiting(l, o->command_id);
  if (c != NULL)
    hurry(l, c, o, now);
  else if (is_in_flight(l, o->command_id))
    order_refuse(o, now, "command %" PRId64 " is in flight", o->command_id);
  else
    repeat(l, o, now);
}

/* ---- all orders ---- */

void lanes_obey(struct lanes *l, struct order *o, struct moment now) {
  switch (o->verb) {
  case ORDER_SEND:
    obey_send(l, o, now);
    break;
  case ORDER_RETRY:
    obey_retry(l, o, now);
    break;
  case ORDER_CANCEL:
    obey_cancel(l, o, now);
    break;
  case ORDER_SILENCE:
    obey_silence(l, o, now);
    break;
  }
  if (is_in_force(l, o))
    lanes_note(l, &o->change);
  else
    journal_note_last(l->options.journal, &o->change);
}
