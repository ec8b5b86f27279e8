/* SPDX-License-Identifier: MIT
 *
 * lanes_span is what time makes of a slot's state: it has held for After, and
 * asks; or it has lasted for Until, and what was asked for is taken back. A
 * part of `lanes`.
 */
#include "delivery/lanes.h"

#include "delivery/lanes_state.h"

int lanes_reserve_due(struct lanes *l, const struct slot *slot) {
  return slot->span != NULL ? heap_reserve(&l->due, l->timed_slots + 1) : 0;
}

/* Puts the slot where its due time belongs. */
static void watch_due(struct lanes *l, struct slot *slot) {
  if (slot->span == NULL)
    return;
  heap_remove(&l->due, slot);
  if (slot_due_ms(slot) != COMMAND_NEVER_MS)
    heap_push(&l->due, slot);
  if (slot_waits(slot))
    lanes_owe_later(slot);
}

void lanes_follow_state(struct lanes *l, struct slot *slot, bool was_settled,
                        int64_t now_ms) {
  if (!slot_note_state(slot, was_settled, now_ms))
    return;
  watch_due(l, slot);
  lanes_note(l, &slot->change);
}

void lanes_restore_state(struct lanes *l, const struct series *series) {
  slot_restore_state(series->slot, series);
  watch_due(l, series->slot);
}

bool lanes_is_settled(const struct slot *slot) {
  return slot->span != NULL && !slot->owes && slot_is_satisfied(slot);
}

/* Notes that time has changed what the slot asks for. */
static void come_due(struct lanes *l, struct slot *slot, struct moment now) {
  slot_note_due(slot, now.ms);
  watch_due(l, slot);
  lanes_note(l, &slot->change);
}

static void note_asked(struct lanes *l, struct slot *slot) {
  if (slot->span == NULL || slot->span->has_fired)
    return;
  slot_note_asked(slot);
  lanes_note(l, &slot->change);
}

enum ignored lanes_judge_state(struct lanes *l, struct slot *slot,
                               struct moment now) {
  bool is_due = slot_due_ms(slot) <= now.ms;
  if (is_due)
    come_due(l, slot, now);
  if (slot_waits(slot))
    return IGNORED_WAITS;
  if (slot_is_spent(slot) && !(is_due && slot->span->has_fired))
    return IGNORED_TAKEN_BACK;
  if (slot_is_unfired(slot))
    return IGNORED_NOT_FIRED;
  note_asked(l, slot);
  return IGNORED_NOT;
}

/* A slot that is spent before it has fired has nothing to take back. */
struct slot *lanes_next_due(struct lanes *l, struct moment now) {
  struct slot *slot;
  while ((slot = heap_first(&l->due)) != NULL && slot_due_ms(slot) <= now.ms) {
    come_due(l, slot, now);
    if (slot_is_spent(slot) && !slot->span->has_fired)
      continue;
    note_asked(l, slot);
    return slot;
  }
  return NULL;
}
