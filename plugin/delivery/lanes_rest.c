/* SPDX-License-Identifier: MIT
 *
 * Series and slots at rest go here: by age, and where there is no room. A part
 * of `lanes`.
 */
#include "delivery/lanes.h"

#include "delivery/lanes_state.h"

/* The part of all series that goes at a time, 1 in 64: finding them may take a
 * look at all. */
#define BATCH_PART 64

/* Returns the next idle series that stays if this one goes: the speaker takes
 * along all others of its slot. */
static struct ring *next_that_stays(const struct lanes *l,
                                    const struct series *series) {
  struct ring *link = ring_next(&l->idle, &series->idle);
  bool is_speaker = series == slot_speaker(series->slot);
  while (link != NULL && is_speaker &&
         RING_ITEM(link, struct series, idle)->slot == series->slot)
    link = ring_next(&l->idle, link);
  return link;
}

/* Forgets a series; if it speaks for its slot, the slot goes with it. Returns
 * the next idle one. */
static struct ring *forget(struct lanes *l, struct series *series) {
  struct ring *next = next_that_stays(l, series);
  if (series == slot_speaker(series->slot))
    lanes_forget_slot(l, series->slot);
  else
    lanes_forget_series(l, series);
  return next;
}

/* ---- for want of room ---- */

static size_t surplus(const struct lanes *l) {
  return l->series_count > l->options.series_max
             ? l->series_count - l->options.series_max
             : 0;
}

/* Forgets the series that have been idle the longest, and notes when others may
 * go. Returns whether any has gone. */
static bool forget_oldest(struct lanes *l, int64_t now_ms) {
  size_t before = l->series_count;
  size_t wanted = l->series_count / BATCH_PART + surplus(l) + 1;
  if (now_ms < l->none_rests_until_ms)
    return false;
  l->none_rests_until_ms = COMMAND_NEVER_MS;
  struct ring *link = ring_first(&l->idle);
  while (link != NULL && before - l->series_count < wanted) {
    struct series *series = RING_ITEM(link, struct series, idle);
    int64_t from_ms = lanes_may_go_from_ms(series);
    if (from_ms <= now_ms) {
      link = forget(l, series);
    } else {
      lanes_note_rest_from(l, from_ms);
      link = ring_next(&l->idle, link);
    }
  }
  if (link != NULL)
    lanes_note_rest_from(l, now_ms); /* not all were looked at */
  l->series_forgotten += before - l->series_count;
  return l->series_count < before;
}

bool lanes_has_room_for_series(struct lanes *l, struct moment now) {
  if (l->series_count >= l->options.series_max)
    forget_oldest(l, now.ms);
  return l->series_count < l->options.series_max;
}

static bool has_room_for_bodies(const struct lanes *l) {
  return l->waiting == 0 || l->held_bytes <= l->options.queue_bytes;
}

bool lanes_has_room(struct lanes *l, struct moment now) {
  if (l->waiting >= l->options.queue_limit)
    return false;
  while (!has_room_for_bodies(l))
    if (!forget_oldest(l, now.ms))
      return false;
  return true;
}

int64_t lanes_room_wait_ms(const struct lanes *l, struct moment now) {
  int64_t from_ms = l->none_rests_until_ms;
  if (l->waiting >= l->options.queue_limit || from_ms == COMMAND_NEVER_MS ||
      from_ms <= now.ms)
    return COMMAND_NEVER_MS;
  return from_ms - now.ms;
}

/* ---- by age ---- */

void lanes_trim(struct lanes *l, int64_t idle_ms, struct moment now) {
  struct ring *link = ring_first(&l->idle);
  while (link != NULL) {
    struct series *series = RING_ITEM(link, struct series, idle);
    if (now.ms - series->arrived_ms <= idle_ms)
      break;
    link = lanes_may_go_from_ms(series) <= now.ms ? forget(l, series)
                                                  : ring_next(&l->idle, link);
  }
  if (surplus(l) > 0)
    forget_oldest(l, now.ms);
}
