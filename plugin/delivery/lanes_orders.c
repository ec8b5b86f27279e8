/* SPDX-License-Identifier: MIT
 *
 * lanes_orders is what an operator asks for: commands by hand, the retry and
 * the end of what waits, and silences, each from its order to its end. A part
 * of `lanes`.
 */
#include "delivery/lanes.h"

#include "base/hash.h"
#include "delivery/lanes_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Bounds what a clock that is far off may make of a silence's end. */
#define LONGEST_SILENCE_MS (INT64_C(100) * 365 * 86400 * 1000)

/* A silence in force. */
struct silence {
  struct order *order; /* owned */
  const void *target;  /* the device or policy that the order names */
  int64_t until_ms;
  uint32_t ending_index; /* index in the heap of endings */
  struct table_link by_target;
};

/* ---- the silences in force ---- */

static bool ends_before(const void *a, const void *b) {
  const struct silence *left = a, *right = b;
  if (left->until_ms != right->until_ms)
    return left->until_ms < right->until_ms;
  return left->order->id < right->order->id;
}

static uint32_t *ending_index(void *item) {
  return &((struct silence *)item)->ending_index;
}

static const struct heap_order order_of_endings = {ends_before, ending_index};

static uint64_t hash_target(const void *target) {
  return hash_number(HASH_BEGIN, (uintptr_t)target);
}

static uint64_t hash_silence(const struct table_link *link) {
  return hash_target(TABLE_ITEM(link, struct silence, by_target)->target);
}

static bool silence_is_of(const struct table_link *link, const void *target) {
  return TABLE_ITEM(link, struct silence, by_target)->target == target;
}

void lanes_init_silences(struct lanes *l) {
  table_init(&l->silences, hash_silence, silence_is_of);
  heap_init(&l->endings, &order_of_endings);
}

void lanes_free_silences(struct lanes *l) {
  for (size_t i = 0; i < l->endings.count; i++) {
    struct silence *s = l->endings.items[i];
    order_free(s->order);
    free(s);
  }
  heap_free(&l->endings);
  table_free(&l->silences);
}

void lanes_note_silences(struct lanes *l) {
  for (size_t i = 0; i < l->endings.count; i++)
    lanes_note(l, &((struct silence *)l->endings.items[i])->order->change);
}

static struct silence *find_silence(const struct lanes *l, const void *target) {
  struct table_link *link =
      table_find(&l->silences, hash_target(target), target);
  return link != NULL ? TABLE_ITEM(link, struct silence, by_target) : NULL;
}

/* Returns a silence of the policy or the device that ends later than that; NULL
 * if there is none. What is sent by hand is silenced by none. */
static const struct silence *silence_of(const struct lanes *l,
                                        const struct policy *policy,
                                        const struct device *device,
                                        int64_t at_ms) {
  if (l->silences.count == 0 || order_sends_by(policy))
    return NULL;
  const struct silence *s = find_silence(l, device);
  if (s == NULL || s->until_ms <= at_ms)
    s = find_silence(l, policy);
  return s != NULL && s->until_ms > at_ms ? s : NULL;
}

bool lanes_is_silenced(const struct lanes *l, const struct policy *policy,
                       const struct device *device, struct moment now) {
  return silence_of(l, policy, device, now.ms) != NULL;
}

bool lanes_is_hushed(const struct lanes *l, const struct slot *slot) {
  return silence_of(l, slot->policy, slot->device, INT64_MIN) != NULL;
}

/* ---- what silenced slots owe ---- */

/* Makes a slot that can not ask now owe its state, if that is a state and its
 * device has not accepted it. One that waits for After asks by itself. */
static void owe_what_differs(struct lanes *l, struct slot *slot) {
  if (slot_waits(slot))
    return;
  if (slot->policy->supersede && !slot_is_satisfied(slot))
    lanes_owe(l, slot);
  else
    lanes_owe_nothing(l, slot);
}

bool lanes_hush(struct lanes *l, struct slot *slot, struct moment now) {
  if (silence_of(l, slot->policy, slot->device, now.ms) == NULL)
    return false;
  const struct asked asked = slot_asks(slot);
  if (slot_asks_nothing(&asked))
    return false;
  owe_what_differs(l, slot);
  return true;
}

/* Puts the slots that owe their state and are silenced now behind those that
 * have been so before. */
static void hush_owing(struct lanes *l) {
  for (struct ring *link = ring_first(&l->owing), *next; link; link = next) {
    struct slot *slot = RING_ITEM(link, struct slot, owing);
    next = ring_next(&l->owing, link);
    if (!lanes_is_hushed(l, slot))
      continue;
    ring_remove(link);
    owe_what_differs(l, slot);
  }
}

/* Makes the slots ask that are silenced no more. */
static void release_hushed(struct lanes *l) {
  for (struct ring *link = ring_first(&l->hushed), *next; link; link = next) {
    struct slot *slot = RING_ITEM(link, struct slot, owing);
    next = ring_next(&l->hushed, link);
    if (lanes_is_hushed(l, slot))
      continue;
    ring_remove(link);
    owe_what_differs(l, slot);
  }
}

/* ---- ends of commands ---- */

/* The reason of a doubt stays: the command ends as unknown. */
static void end_by(struct lanes *l, struct command *c, const struct order *o,
                   struct moment now) {
  if (!c->doubtful && c->attempt != NULL)
    c->attempt->verdict.error[0] = '\0';
  if (!c->doubtful)
    c->why = o->by;
  lanes_end_waiting(l, c, OUTCOME_CANCELLED, o->by, now);
}

static void end_silenced_by(struct lanes *l, struct command *c,
                            const struct order *o, struct moment now) {
  owe_what_differs(l, c->at.slot);
  end_by(l, c, o, now);
}

bool lanes_end_silenced(struct lanes *l, struct command *c, struct moment now) {
  const struct silence *s = silence_of(l, c->policy, c->device, now.ms);
  if (s == NULL)
    return false;
  end_silenced_by(l, c, s->order, now);
  return true;
}

static int compare_ids(const void *a, const void *b) {
  const struct command *left = *(struct command *const *)a;
  const struct command *right = *(struct command *const *)b;
  return (left->id > right->id) - (left->id < right->id);
}

/* Returns whether the order is about the command. Silences are not about what
 * is sent by hand. */
static bool is_about(const struct order *o, const struct command *c) {
  return (o->device == NULL || c->device == o->device) &&
         (o->policy == NULL || c->policy == o->policy) &&
         (o->verb != ORDER_SILENCE || !order_sends_by(c->policy));
}

/* Returns the waiting commands that the order is about, in the order of ids,
 * for the caller to free; NULL without memory. */
static struct command **collect(const struct lanes *l, const struct order *o,
                                size_t *ret_count) {
  struct command **all =
      malloc((l->timers.count + 1) * sizeof(struct command *));
  size_t count = 0;
  if (all == NULL)
    return NULL;
  for (size_t i = 0; i < l->timers.count; i++)
    if (is_about(o, l->timers.items[i]))
      all[count++] = l->timers.items[i];
  qsort(all, count, sizeof(struct command *), compare_ids);
  *ret_count = count;
  return all;
}

/* ---- silence ---- */

/* Hands the order of a silence that is over to the journal. One that was to
 * last longer says when it ended. */
static void finish_order(struct lanes *l, struct silence *s,
                         struct moment now) {
  if (s->order->wall_until_ms > now.wall_ms && s->until_ms > now.ms)
    s->order->wall_until_ms = now.wall_ms;
  journal_note_last(l->options.journal, &s->order->change);
}

static void end_silence(struct lanes *l, struct silence *s, struct moment now) {
  finish_order(l, s, now);
  heap_remove(&l->endings, s);
  table_remove(&l->silences, &s->by_target);
  free(s);
  release_hushed(l);
}

void lanes_end_silences(struct lanes *l, struct moment now) {
  struct silence *s;
  while ((s = heap_first(&l->endings)) != NULL && s->until_ms <= now.ms)
    end_silence(l, s, now);
}

int64_t lanes_silence_wait_ms(const struct lanes *l, struct moment now) {
  const struct silence *s = heap_first(&l->endings);
  return s != NULL ? s->until_ms - now.ms : COMMAND_NEVER_MS;
}

static const void *target_of(const struct order *o) {
  return o->device != NULL ? (const void *)o->device : o->policy;
}

static struct silence *add_silence(struct lanes *l, const void *target) {
  struct silence *s = calloc(1, sizeof *s);
  if (s == NULL)
    return NULL;
  s->target = target;
  s->ending_index = HEAP_OUTSIDE;
  if (heap_reserve(&l->endings, l->endings.count + 1) == 0 &&
      table_add(&l->silences, &s->by_target) == 0)
    return s;
  free(s);
  return NULL;
}

/* The wall clock tells how long it is to last; the monotonic one, when that is
 * over. */
static int64_t end_of(const struct order *o, struct moment now) {
  int64_t length_ms =
      o->wall_until_ms > now.wall_ms ? o->wall_until_ms - now.wall_ms : 0;
  return now.ms +
         (length_ms < LONGEST_SILENCE_MS ? length_ms : LONGEST_SILENCE_MS);
}

/* Puts the silence in force, in the place of an earlier one of the same target.
 * Returns 0 or -ENOMEM. */
static int put_in_force(struct lanes *l, struct order *o, struct moment now) {
  struct silence *s = find_silence(l, target_of(o));
  if (s != NULL)
    finish_order(l, s, now);
  else
    s = add_silence(l, target_of(o));
  if (s == NULL)
    return -ENOMEM;
  snprintf(o->by, sizeof o->by, "silenced by order %" PRId64, o->id);
  heap_remove(&l->endings, s);
  s->order = o;
  s->until_ms = end_of(o, now);
  heap_push(&l->endings, s);
  return 0;
}

/* Puts the silence in force, and ends what waits. Returns 0, or -ENOMEM, and
 * then nothing has changed. */
static int begin_silence(struct lanes *l, struct order *o, struct moment now) {
  size_t count;
  struct command **all = collect(l, o, &count);
  int status = all != NULL ? put_in_force(l, o, now) : -ENOMEM;
  if (status == 0) {
    hush_owing(l);
    for (size_t i = 0; i < count; i++)
      end_silenced_by(l, all[i], o, now);
    o->count = count;
  }
  free(all);
  return status;
}

int lanes_restore_silence(struct lanes *l, struct order *silence,
                          struct moment now) {
  silence->change.is_told = true;
  return begin_silence(l, silence, now);
}

static void obey_end_of_silence(struct lanes *l, struct order *o,
                                struct moment now) {
  struct silence *s = find_silence(l, target_of(o));
  if (s == NULL) {
    order_refuse(o, now, "its end is past, and it ends no other silence");
    return;
  }
  end_silence(l, s, now);
  order_obey(o, now);
}

static void obey_silence(struct lanes *l, struct order *o, struct moment now) {
  if ((o->device == NULL) == (o->policy == NULL))
    order_refuse(o, now, "a silence is of one device, or of one rule");
  else if (o->wall_until_ms <= now.wall_ms)
    obey_end_of_silence(l, o, now);
  else if (l->silences.count >= LANES_SILENCES_MAX &&
           find_silence(l, target_of(o)) == NULL)
    order_refuse(o, now, "%d silences are in force: end some first",
                 LANES_SILENCES_MAX);
  else if (begin_silence(l, o, now) < 0)
    order_refuse(o, now, "there is no memory for it");
  else
    order_obey(o, now);
}

static bool is_in_force(const struct lanes *l, const struct order *o) {
  const struct silence *s = find_silence(l, target_of(o));
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

static void cancel_one(struct lanes *l, struct order *o, struct moment now) {
  struct command *c = find_waiting(l, o->command_id);
  if (c == NULL && is_in_flight(l, o->command_id)) {
    order_refuse(o, now,
                 "command %" PRId64 " is in flight: it can not be called back",
                 o->command_id);
  } else if (c == NULL) {
    order_refuse(o, now, "no command %" PRId64 " is pending", o->command_id);
  } else {
    end_by(l, c, o, now);
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
  struct command **all = collect(l, o, &count);
  if (all == NULL) {
    order_refuse(o, now, "there is no memory for it");
    return;
  }
  for (size_t i = 0; i < count; i++)
    end_by(l, all[i], o, now);
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
  const struct silence *s = silence_of(l, o->policy, o->device, now.ms);
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
