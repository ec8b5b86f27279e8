/* SPDX-License-Identifier: MIT
 *
 * lanes_silence is what an operator has silenced, from the beginning of each
 * silence to its end, and what such slots owe. A part of `lanes`.
 */
#include "delivery/lanes.h"

#include "delivery/lanes_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Bounds what a clock that is far off may make of a silence's end. */
#define LONGEST_SILENCE_MS (INT64_C(100) * 365 * 86400 * 1000)

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
  if (lanes_silence_of(l, slot->policy, slot->device, now.ms) == NULL)
    return false;
  const struct asked asked = slot_asks(slot);
  if (slot_asks_nothing(&asked))
    return false;
  owe_what_differs(l, slot);
  return true;
}

/* Takes those slots out of the list that are silenced, or are not, and puts
 * each where it belongs by what it owes now. */
static void sort_anew(struct lanes *l, struct ring *list, bool are_silenced) {
  for (struct ring *link = ring_first(list), *next; link; link = next) {
    struct slot *slot = RING_ITEM(link, struct slot, owing);
    next = ring_next(list, link);
    if (lanes_is_hushed(l, slot) != are_silenced)
      continue;
    ring_remove(link);
    owe_what_differs(l, slot);
  }
}

/* ---- ends of commands ---- */

/* The reason of a doubt stays: the command ends as unknown. */
void lanes_end_by(struct lanes *l, struct command *c, const struct order *o,
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
  lanes_end_by(l, c, o, now);
}

bool lanes_end_silenced(struct lanes *l, struct command *c, struct moment now) {
  const struct silence *s = lanes_silence_of(l, c->policy, c->device, now.ms);
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
struct command **lanes_collect(const struct lanes *l, const struct order *o,
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

/* ---- silences ---- */

/* Hands the order of a silence that is over to the journal. One that was to
 * last longer by the wall clock says when it ended: a restart must not put it
 * in force again. */
static void finish_order(struct lanes *l, struct silence *s,
                         struct moment now) {
  if (s->order->wall_until_ms > now.wall_ms)
    s->order->wall_until_ms = now.wall_ms;
  journal_note_last(l->options.journal, &s->order->change);
}

void lanes_end_silence(struct lanes *l, struct silence *s, struct moment now) {
  finish_order(l, s, now);
  heap_remove(&l->endings, s);
  table_remove(&l->silences, &s->by_target);
  free(s);
  sort_anew(l, &l->hushed, false);
}

void lanes_end_silences(struct lanes *l, struct moment now) {
  struct silence *s;
  while ((s = heap_first(&l->endings)) != NULL && s->until_ms <= now.ms)
    lanes_end_silence(l, s, now);
}

int64_t lanes_silence_wait_ms(const struct lanes *l, struct moment now) {
  const struct silence *s = heap_first(&l->endings);
  return s != NULL ? s->until_ms - now.ms : COMMAND_NEVER_MS;
}

const void *lanes_target_of(const struct order *o) {
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
 * over. A wall clock that is behind the order was not set, as at a boot in
 * 1970: then the silence lasts as long as was asked for at first. */
static int64_t end_of(const struct order *o, struct moment now) {
  int64_t from_ms =
      o->wall_given_ms > now.wall_ms ? o->wall_given_ms : now.wall_ms;
  int64_t length_ms =
      o->wall_until_ms > from_ms ? o->wall_until_ms - from_ms : 0;
  return now.ms +
         (length_ms < LONGEST_SILENCE_MS ? length_ms : LONGEST_SILENCE_MS);
}

/* Puts the silence in force, in the place of an earlier one of the same target.
 * Returns 0 or -ENOMEM. */
static int put_in_force(struct lanes *l, struct order *o, struct moment now) {
  struct silence *s = lanes_find_silence(l, lanes_target_of(o));
  if (s != NULL)
    finish_order(l, s, now);
  else
    s = add_silence(l, lanes_target_of(o));
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
int lanes_begin_silence(struct lanes *l, struct order *o, struct moment now) {
  size_t count;
  struct command **all = lanes_collect(l, o, &count);
  int status = all != NULL ? put_in_force(l, o, now) : -ENOMEM;
  if (status == 0) {
    sort_anew(l, &l->owing, true);
    for (size_t i = 0; i < count; i++)
      end_silenced_by(l, all[i], o, now);
    o->count += count;
  }
  free(all);
  return status;
}

int lanes_restore_silence(struct lanes *l, struct order *silence,
                          struct moment now) {
  silence->change.is_told = true;
  return lanes_begin_silence(l, silence, now);
}
