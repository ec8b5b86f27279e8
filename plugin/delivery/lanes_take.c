/* SPDX-License-Identifier: MIT
 *
 * lanes_take is the way into the lanes: commands come from events, from series
 * that fall silent, from orders, and from the record of an earlier process. A
 * part of `lanes`.
 */
#include "delivery/lanes.h"

#include "base/hash.h"
#include "base/shared_text.h"
#include "delivery/lanes_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- creating commands ---- */

static void set_deadline(struct command *c, int expire_s) {
  c->valid_from_ms = c->created.ms;
  c->deadline_ms = expire_s == 0 ? COMMAND_NEVER_MS
                                 : c->valid_from_ms + (int64_t)expire_s * 1000;
}

/* Returns a command for what the slot asks for; NULL without memory. `series`
 * names the series of the event behind it, which may be another one than the
 * speaker: a shared text. */
static struct command *new_command(struct lanes *l, struct slot *slot,
                                   const struct asked *asked,
                                   const char *series, struct moment arrived) {
  struct command *c = command_new();
  if (c == NULL)
    return NULL;
  c->series = shared_text_ref(series);
  c->slot_key = shared_text_ref(slot->key);
  c->id = l->next_id++;
  c->policy = slot->policy;
  c->device = slot->device;
  c->at.slot = slot;
  c->severity = asked->severity;
  c->body = body_ref(asked->body);
  c->has_value = asked->has_value;
  c->value = asked->value;
  c->takes_back = slot_is_spent(slot);
  c->timeout_s = policy_timeout_s(c->policy, c->device);
  c->created = arrived;
  c->at.ready_index = HEAP_OUTSIDE;
  c->at.timer_index = HEAP_OUTSIDE;
  set_deadline(c, policy_expire_s(c->policy, c->device));
  return c;
}

static void count_created(struct lanes *l, struct command *c) {
  struct account *account = &lanes_device_of(l, c)->account;
  account->created++;
  account->pending++;
  c->at.slot->pending++;
  lanes_note(l, &account->change);
  lanes_note(l, &c->change);
}

/* Makes room in the heaps for one more waiting command, so that placing it can
 * not fail. The lane needs room for two: its command in flight may come back to
 * wait for a retry. */
static int reserve(struct lanes *l, struct lane *lane) {
  if (heap_reserve(&l->timers, lanes_pending_most(l) + 1) < 0)
    return -ENOMEM;
  return heap_reserve(&lane->ready, lane->waiting + 2);
}

static void drop_command(struct lanes *l, struct command *c, const char *why,
                         struct moment now) {
  slot_forget(c->at.slot);
  lanes_note_slot(l, c->at.slot);
  lanes_owe(l, c->at.slot);
  c->why = why;
  lanes_count_outcome(l, c, OUTCOME_DROPPED, now);
}

static void refuse_unsendable(struct lanes *l, struct command *c, size_t bytes,
                              struct moment now) {
  c->why = "its body can not be sent";
  if (command_make_attempt(c) == 0)
    snprintf(c->attempt->verdict.error, sizeof c->attempt->verdict.error,
             "a body of %zu bytes: must be 1..%d", bytes,
             COMMAND_BODY_MAX_BYTES);
  lanes_count_outcome(l, c, OUTCOME_REFUSED, now);
}

/* Makes a new command wait behind all others of its lane. */
static void wait_in_lane(struct lanes *l, struct command *c,
                         struct moment now) {
  lanes_count_waiting(l, c);
  c->at.place = ++l->next_place;
  if (c->policy->supersede)
    c->at.slot->waiting = c;
  lanes_place(l, c, now.ms);
}

static void admit(struct lanes *l, struct command *c, struct moment now) {
  struct slot *slot = c->at.slot;
  struct command *older = slot->waiting;
  if (older == NULL && !lanes_has_room(l, now)) {
    drop_command(l, c, "the queue is full", now);
    return;
  }
  if (reserve(l, lanes_lane_of(l, c)) < 0) {
    drop_command(l, c, "out of memory", now);
    return;
  }
  lanes_owe_nothing(l, slot);
  if (older == NULL) {
    wait_in_lane(l, c, now);
    return;
  }
  lanes_count_waiting(l, c);
  lanes_supersede(l, c, older, now);
}

/* Creates the command that the slot's state asks for now, since an event of
 * that series arrived, or since time has passed. If it asks for nothing, ends
 * the waiting command and makes the slot forget. Returns 0 or -ENOMEM. */
static int act_on_state(struct lanes *l, struct slot *slot, const char *series,
                        struct moment arrived, struct moment now) {
  const struct asked asked = slot_asks(slot);
  if (slot_asks_nothing(&asked)) {
    lanes_supersede_waiting(l, slot, now);
    slot_forget(slot);
    lanes_note_slot(l, slot);
    lanes_owe_nothing(l, slot);
    lanes_note_rest(l, slot);
    return 0;
  }
  struct command *c = new_command(l, slot, &asked, series, arrived);
  if (c == NULL) {
    lanes_owe(l, slot);
    return -ENOMEM;
  }
  count_created(l, c);
  if (asked.has_unsendable) {
    lanes_owe_nothing(l, slot);
    lanes_supersede_waiting(l, slot, now);
    refuse_unsendable(l, c, asked.unsendable_bytes, now);
  } else {
    admit(l, c, now);
  }
  return 0;
}

/* Without memory the slot stays the first that owes, and nothing is counted. */
bool lanes_ask_owed(struct lanes *l, struct moment now) {
  struct ring *first = ring_first(&l->owing);
  if (first == NULL)
    return false;
  struct slot *slot = RING_ITEM(first, struct slot, owing);
  const struct series *speaker = slot_speaker(slot);
  return lanes_has_room(l, now) &&
         reserve(l, l->devices[slot->device->index].lane) == 0 &&
         act_on_state(l, slot, speaker->name, now, now) == 0;
}

/* ---- orders ---- */

/* Gives the command what the order says of it, and not the slot. */
static void follow_order(struct command *c, const struct order *o) {
  struct policy policy = *o->policy;
  if (o->verb == ORDER_SEND && o->expire_s != ORDER_EXPIRE_DEFAULT)
    policy.expire_s = o->expire_s;
  c->policy = o->policy;
  c->takes_back = false;
  c->is_ordered = true;
  set_deadline(c, policy_expire_s(&policy, c->device));
}

/* Returns the command that the order asks for, or NULL without memory. */
static struct command *new_ordered(struct lanes *l, struct slot *slot,
                                   const struct order *o, const char *series,
                                   struct moment now) {
  const struct asked asked = {.severity = o->severity,
                              .body = o->body,
                              .has_value = o->has_value,
                              .value = o->value};
  const char *name = shared_text_new(series);
  struct command *c = NULL;
  if (name != NULL && reserve(l, l->devices[o->device->index].lane) == 0)
    c = new_command(l, slot, &asked, name, now);
  if (c != NULL)
    follow_order(c, o);
  shared_text_unref(name);
  return c;
}

struct command *lanes_create_ordered(struct lanes *l, const struct order *o,
                                     const char *key, const char *series,
                                     struct moment now) {
  struct slot *slot = lanes_find_or_add_slot(l, o->policy, o->device, key);
  if (slot == NULL)
    return NULL;
  struct command *c = new_ordered(l, slot, o, series, now);
  if (c == NULL) {
    lanes_leave_slot(l, slot);
    return NULL;
  }
  count_created(l, c);
  wait_in_lane(l, c, now);
  return c;
}

/* ---- events ---- */

struct slot *lanes_find_slot(const struct lanes *l, const char *key) {
  struct table_link *link =
      table_find(&l->slots, hash_text(HASH_BEGIN, key), key);
  return link != NULL ? TABLE_ITEM(link, struct slot, by_key) : NULL;
}

const struct slot *lanes_slot(const struct lanes *l, const char *key) {
  return lanes_find_slot(l, key);
}

struct slot *lanes_find_or_add_slot(struct lanes *l,
                                    const struct policy *policy,
                                    const struct device *device,
                                    const char *key) {
  struct slot *slot = lanes_find_slot(l, key);
  if (slot != NULL)
    return slot;
  slot = slot_new(policy, device, key);
  if (slot == NULL)
    return NULL;
  if (lanes_reserve_due(l, slot) < 0 ||
      table_add(&l->slots, &slot->by_key) < 0) {
    slot_free(slot);
    return NULL;
  }
  l->timed_slots += slot->span != NULL;
  return slot;
}

static int reserve_silence(struct lanes *l) {
  return heap_reserve(&l->silence, l->silence.count + 1);
}

static struct series *find_or_add_series(struct lanes *l, struct slot *slot,
                                         const char *name) {
  struct series *series = slot_find_series(slot, name);
  if (series != NULL)
    return series;
  series = slot_add_series(slot, name);
  l->series_count += series != NULL;
  return series;
}

static void watch_silence(struct lanes *l, struct series *series) {
  heap_remove(&l->silence, series);
  if (series->slot->policy->forget_after_s > 0 &&
      series->severity != SEVERITY_OKAY)
    heap_push(&l->silence, series);
}

static bool is_first_okay(const struct lanes *l, const struct slot *slot,
                          const struct firing *f) {
  if (slot != NULL || f->severity != SEVERITY_OKAY)
    return false;
  if (f->policy->first_okay == FIRST_OKAY_DEFAULT)
    return !l->options.first_okay_send;
  return f->policy->first_okay == FIRST_OKAY_IGNORE;
}

static enum ignored judge_firing(struct lanes *l, const struct slot *slot,
                                 const struct firing *f, struct moment now) {
  const struct series *series =
      slot != NULL ? slot_find_series(slot, f->series) : NULL;
  if (f->is_other_source && series == NULL)
    return f->is_unmatched ? IGNORED_UNMATCHED : IGNORED_UNTOLD;
  if (is_first_okay(l, slot, f))
    return IGNORED_FIRST_OKAY;
  if (series == NULL && !lanes_has_room_for_series(l, now))
    return IGNORED_SERIES_MAX;
  return slot_judge_arrival(series, f);
}

/* Costs one comparison while nothing is silenced. */
static bool is_hushed(struct lanes *l, struct slot *slot, struct moment now) {
  return l->silences.count > 0 && lanes_hush(l, slot, now);
}

/* Makes the slot pass through the OKAY that went from the inbox, for After and
 * Until: a state that has been OKAY in between begins anew. */
static void pass_okay(struct lanes *l, struct slot *slot,
                      const struct firing *f) {
  struct series *series = slot_find_series(slot, f->series);
  if (!f->passes_okay || slot->span == NULL || series == NULL)
    return;
  bool was_settled = lanes_is_settled(slot);
  slot_note_silence(series, f->arrived.ms);
  lanes_follow_state(l, slot, was_settled, f->arrived.ms);
}

/* Writes why the event asks for nothing, although it counts, to ret_ignored. */
static int apply_firing(struct lanes *l, const struct firing *f,
                        const char *key, struct moment now,
                        enum ignored *ret_ignored) {
  struct slot *slot = lanes_find_or_add_slot(l, f->policy, f->device, key);
  if (slot == NULL)
    return -EAGAIN;
  pass_okay(l, slot, f);
  bool was_settled = lanes_is_settled(slot);
  struct series *series =
      reserve_silence(l) == 0 ? find_or_add_series(l, slot, f->series) : NULL;
  if (series == NULL || slot_note_firing(series, f) < 0)
    return -EAGAIN;
  lanes_follow_state(l, slot, was_settled, f->arrived.ms);
  watch_silence(l, series);
  lanes_place_series(l, series);
  lanes_note_series(l, series);
  *ret_ignored = lanes_judge_state(l, slot, now);
  if (*ret_ignored == IGNORED_NOT && is_hushed(l, slot, now))
    *ret_ignored = IGNORED_SILENCED;
  return *ret_ignored == IGNORED_NOT
             ? act_on_state(l, slot, series->name, f->arrived, now)
             : 0;
}

static void count_replaced(struct lanes *l, const struct firing *f) {
  struct account *account = &l->devices[f->device->index].account;
  if (f->replaced == 0)
    return;
  account->created += f->replaced;
  account->by_outcome[OUTCOME_SUPERSEDED] += f->replaced;
  lanes_note(l, &account->change);
}

int lanes_take(struct lanes *l, struct firing *f, struct moment now,
               enum ignored *ret_ignored) {
  char key[SLOT_KEY_BYTES];
  slot_format_key(f->policy, f->device, f->series, key);
  *ret_ignored = judge_firing(l, lanes_find_slot(l, key), f, now);
  int status = *ret_ignored == IGNORED_NOT
                   ? apply_firing(l, f, key, now, ret_ignored)
                   : 0;
  if (status == -EAGAIN)
    return status;
  if (*ret_ignored == IGNORED_NOT)
    count_replaced(l, f);
  if (status < 0)
    lanes_drop(l, f->device, 1);
  firing_free(f);
  return status;
}

void lanes_drop(struct lanes *l, const struct device *device, uint64_t count) {
  struct account *account = &l->devices[device->index].account;
  account->created += count;
  account->by_outcome[OUTCOME_DROPPED] += count;
  /* The slots that these commands were for are not known any more. Every slot
   * of the device has to forget: a memory from before this attempt is void, and
   * an attempt in flight is not to be remembered. */
  account->attempts_begun++;
  const struct command *c = l->devices[device->index].lane->holder;
  if (c != NULL && c->state == COMMAND_IN_FLIGHT && c->device == device) {
    slot_forget(c->at.slot);
    lanes_note_slot(l, c->at.slot);
  }
  lanes_note(l, &account->change);
}

void lanes_forget(struct lanes *l, const char *slot_key) {
  struct slot *slot = lanes_find_slot(l, slot_key);
  if (slot == NULL)
    return;
  slot_forget(slot);
  lanes_note_slot(l, slot);
}

void lanes_run_silence(struct lanes *l, struct moment now) {
  struct series *series;
  while ((series = heap_first(&l->silence)) != NULL &&
         lanes_silent_at_ms(series) <= now.ms) {
    heap_remove(&l->silence, series);
    bool was_settled = lanes_is_settled(series->slot);
    slot_note_silence(series, now.ms);
    lanes_follow_state(l, series->slot, was_settled, now.ms);
    lanes_place_series(l, series);
    lanes_note_series(l, series);
    if (lanes_judge_state(l, series->slot, now) == IGNORED_NOT &&
        !is_hushed(l, series->slot, now) &&
        act_on_state(l, series->slot, series->name, now, now) < 0)
      lanes_drop(l, series->slot->device, 1);
  }
}

void lanes_run_due(struct lanes *l, struct moment now) {
  struct slot *slot;
  while ((slot = lanes_next_due(l, now)) != NULL)
    if (!is_hushed(l, slot, now) &&
        act_on_state(l, slot, slot_speaker(slot)->name, now, now) < 0)
      lanes_drop(l, slot->device, 1);
}

/* ---- restoring ---- */

void lanes_set_next_id(struct lanes *l, int64_t id) {
  if (id > l->next_id)
    l->next_id = id;
}

static void set_newer(struct lanes *l, bool is_newer) {
  for (struct table_link *link = table_first(&l->slots); link != NULL;
       link = table_next(&l->slots, link))
    TABLE_ITEM(link, struct slot, by_key)->is_newer = is_newer;
}

void lanes_begin_late_restore(struct lanes *l) { set_newer(l, true); }

void lanes_end_late_restore(struct lanes *l) { set_newer(l, false); }

void lanes_restore_account(struct lanes *l, const struct device *device,
                           const struct account *recorded) {
  struct account *account = &l->devices[device->index].account;
  account->created += recorded->created;
  for (int i = 0; i < OUTCOME_COUNT; i++)
    account->by_outcome[i] += recorded->by_outcome[i];
  account->attempts_begun += recorded->attempts_begun;
}

bool lanes_has_newer(const struct lanes *l, const char *slot_key,
                     const char *name) {
  const struct slot *slot = lanes_find_slot(l, slot_key);
  return slot != NULL && slot->is_newer &&
         (name == NULL || slot_find_series(slot, name) != NULL);
}

/* Makes a slot owe what a series asks for that was not known before. */
static void hear_late_series(struct lanes *l, const struct series *series) {
  struct slot *slot = series->slot;
  const struct asked asked = slot_asks(slot);
  if (slot->is_newer && series == slot_speaker(slot) && !slot_waits(slot) &&
      !slot_asks_nothing(&asked))
    lanes_owe(l, slot);
}

int lanes_restore_series(struct lanes *l, struct series *series) {
  if (reserve_silence(l) < 0)
    return -ENOMEM;
  slot_place_series(series);
  lanes_restore_state(l, series);
  watch_silence(l, series);
  l->series_count++;
  body_share(&series->body, series->slot->accepted.body);
  lanes_place_series(l, series);
  lanes_hold_memory(l, series->slot);
  if (series->slot->owes && !slot_waits(series->slot))
    lanes_owe(l, series->slot);
  hear_late_series(l, series);
  return 0;
}

/* Makes the command hold the names of its slot and series, and the body that
 * the slot asks for, if it is the same: they shared these in the earlier
 * process. */
static void share(struct command *c, const struct slot *slot) {
  const struct asked asked = slot_asks(slot);
  const struct series *series = slot_find_series(slot, c->series);
  shared_text_merge(&c->slot_key, slot->key);
  if (series != NULL)
    shared_text_merge(&c->series, series->name);
  body_share(&c->body, asked.body);
}

/* Leaves a cooldown that ends later: of a command that was sent since, before
 * this one was restored late. */
static void restore_cooldown(const struct command *c) {
  int64_t until_ms = command_sent(c).ms + (int64_t)c->policy->cooldown_s * 1000;
  if (c->policy->cooldown_s > 0 && c->at.slot->cooldown_until_ms < until_ms)
    c->at.slot->cooldown_until_ms = until_ms;
}

/* Makes a command doubtful that was in flight when the process ended. It has a
 * verdict already, made by the caller. */
static void restore_in_flight(struct command *c) {
  if (!c->doubtful)
    restore_cooldown(c);
  c->doubtful = true;
  c->state = COMMAND_WAITING;
  c->attempt->verdict = (struct verdict){.class = VERDICT_DOUBTFUL};
  c->why = "it was in flight when the process ended";
}

/* Returns whether the times of the row fit the clock as it is now. They do not
 * if the clock was behind them, so that they count as now. */
static bool has_times_as_recorded(const struct command *c, struct moment now) {
  return c->created.wall_ms - c->created.ms == now.wall_ms - now.ms;
}

int lanes_restore_command(struct lanes *l, struct command *c,
                          struct moment now) {
  struct slot *slot =
      lanes_find_or_add_slot(l, c->policy, c->device, c->slot_key);
  struct command *older = slot != NULL ? slot->waiting : NULL;
  bool was_in_flight = c->state == COMMAND_IN_FLIGHT;
  if (slot == NULL || reserve(l, lanes_lane_of(l, c)) < 0 ||
      (was_in_flight && command_make_attempt(c) < 0))
    return -ENOMEM;
  share(c, slot);
  c->at.slot = slot;
  c->at.ready_index = HEAP_OUTSIDE;
  c->at.timer_index = HEAP_OUTSIDE;
  c->at.place = ++l->next_place;
  c->change.is_told = true;
  lanes_add_tries(c, c->attempts);
  if (was_in_flight) {
    restore_in_flight(c);
    lanes_note_slot(l, slot);
  }
  slot->pending++;
  lanes_device_of(l, c)->account.pending++;
  lanes_note(l, &lanes_device_of(l, c)->account.change);
  if (was_in_flight || !has_times_as_recorded(c, now))
    lanes_note(l, &c->change);
  lanes_count_waiting(l, c);
  if (slot->is_newer && c->policy->supersede) {
    lanes_end_waiting(l, c, OUTCOME_SUPERSEDED, "a newer state took its place",
                      now);
    return 0;
  }
  if (older != NULL) {
    lanes_supersede(l, c, older, now);
    return 0;
  }
  if (c->policy->supersede)
    slot->waiting = c;
  lanes_place(l, c, now.ms);
  if (c->doubtful && (!c->policy->retry_unknown || lanes_is_obsolete(c)))
    lanes_end_waiting(l, c, OUTCOME_UNKNOWN, c->why, now);
  else
    lanes_end_silenced(l, c, now);
  return 0;
}
