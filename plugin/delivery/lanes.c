/* SPDX-License-Identifier: MIT */
#include "delivery/lanes.h"

#include "base/hash.h"

#include "delivery/lanes_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- orders ---- */

static bool timer_before(const void *a, const void *b) {
  const struct command *left = a, *right = b;
  if (left->at.timer_ms != right->at.timer_ms)
    return left->at.timer_ms < right->at.timer_ms;
  return left->at.place < right->at.place;
}

static uint32_t *timer_index(void *item) {
  return &((struct command *)item)->at.timer_index;
}

bool lanes_place_before(const void *a, const void *b) {
  return ((const struct command *)a)->at.place <
         ((const struct command *)b)->at.place;
}

static uint32_t *ready_index(void *item) {
  return &((struct command *)item)->at.ready_index;
}

int64_t lanes_silent_at_ms(const struct series *s) {
  return s->arrived_ms + (int64_t)s->slot->policy->forget_after_s * 1000;
}

static bool silence_before(const void *a, const void *b) {
  return lanes_silent_at_ms(a) < lanes_silent_at_ms(b);
}

static uint32_t *silence_index(void *item) {
  return &((struct series *)item)->silence_index;
}

/* Orders slots that are due at the same time by key. */
static bool due_before(const void *a, const void *b) {
  const struct slot *left = a, *right = b;
  int64_t left_ms = slot_due_ms(left), right_ms = slot_due_ms(right);
  if (left_ms != right_ms)
    return left_ms < right_ms;
  return strcmp(left->key, right->key) < 0;
}

static uint32_t *due_index(void *item) {
  return &((struct slot *)item)->span->due_index;
}

static bool ends_before(const void *a, const void *b) {
  const struct silence *left = a, *right = b;
  if (left->until_ms != right->until_ms)
    return left->until_ms < right->until_ms;
  return left->order->id < right->order->id;
}

static uint32_t *ending_index(void *item) {
  return &((struct silence *)item)->ending_index;
}

static const struct heap_order order_of_timers = {timer_before, timer_index};
static const struct heap_order order_of_ready = {lanes_place_before,
                                                 ready_index};
static const struct heap_order order_of_silence = {silence_before,
                                                   silence_index};
static const struct heap_order order_of_due = {due_before, due_index};
static const struct heap_order order_of_endings = {ends_before, ending_index};

/* ---- keys ---- */

static uint64_t hash_lane_of(const struct endpoint *e, const char *device_id) {
  return hash_number(hash_text(HASH_BEGIN, device_id), e->index);
}

static uint64_t hash_lane(const struct table_link *link) {
  const struct lane *lane = TABLE_ITEM(link, struct lane, by_id);
  return hash_lane_of(lane->endpoint, lane->device_id);
}

static bool lane_is_of(const struct table_link *link, const void *key) {
  const struct lane *lane = TABLE_ITEM(link, struct lane, by_id);
  const struct device *device = key;
  return lane->endpoint == device->endpoint &&
         strcmp(lane->device_id, device->device_id) == 0;
}

static uint64_t hash_slot(const struct table_link *link) {
  return hash_text(HASH_BEGIN, TABLE_ITEM(link, struct slot, by_key)->key);
}

static bool slot_has_key(const struct table_link *link, const void *key) {
  return strcmp(TABLE_ITEM(link, struct slot, by_key)->key, key) == 0;
}

static uint64_t hash_target(const void *target) {
  return hash_number(HASH_BEGIN, (uintptr_t)target);
}

static uint64_t hash_silence(const struct table_link *link) {
  return hash_target(TABLE_ITEM(link, struct silence, by_target)->target);
}

static bool silence_is_of(const struct table_link *link, const void *target) {
  return TABLE_ITEM(link, struct silence, by_target)->target == target;
}

void lanes_queue_push(struct queue *q, struct lane *lane) {
  if (lane->is_in[q->kind])
    return;
  lane->is_in[q->kind] = true;
  lane->next_in[q->kind] = NULL;
  if (q->first == NULL)
    q->first = lane;
  else
    q->last->next_in[q->kind] = lane;
  q->last = lane;
}

/* ---- life ---- */

static struct lane *find_or_add_lane(struct lanes *l,
                                     const struct device *device) {
  struct table_link *link = table_find(
      &l->lanes, hash_lane_of(device->endpoint, device->device_id), device);
  if (link != NULL)
    return TABLE_ITEM(link, struct lane, by_id);
  struct lane *lane = malloc(sizeof *lane);
  if (lane == NULL)
    return NULL;
  *lane = (struct lane){.device_id = device->device_id,
                        .endpoint = device->endpoint};
  heap_init(&lane->ready, &order_of_ready);
  if (table_add(&l->lanes, &lane->by_id) < 0) {
    free(lane);
    return NULL;
  }
  return lane;
}

static int init_endpoints(struct lanes *l) {
  for (size_t i = 0; i < l->endpoint_count; i++) {
    const struct endpoint *e = directory_endpoint(l->options.directory, i);
    l->endpoints[i].due.kind = QUEUE_DUE;
    if (gate_init(&l->endpoints[i].gate, e) < 0)
      return -ENOMEM;
  }
  return 0;
}

static int init_devices(struct lanes *l) {
  for (size_t i = 0; i < l->device_count; i++) {
    struct device_state *d = &l->devices[i];
    d->account.change.kind = CHANGE_ACCOUNT;
    d->account.device = directory_device(l->options.directory, i);
    d->lane = find_or_add_lane(l, d->account.device);
    if (d->lane == NULL || bucket_init(&d->bucket, d->account.device->rate) < 0)
      return -ENOMEM;
  }
  return 0;
}

struct lanes *lanes_new(const struct lanes_options *options) {
  struct lanes *l = calloc(1, sizeof *l);
  if (l == NULL)
    return NULL;
  l->options = *options;
  l->endpoint_count = directory_endpoint_count(options->directory);
  l->device_count = directory_device_count(options->directory);
  l->endpoints = calloc(l->endpoint_count + 1, sizeof *l->endpoints);
  l->devices = calloc(l->device_count + 1, sizeof *l->devices);
  l->next_id = 1;
  table_init(&l->lanes, hash_lane, lane_is_of);
  table_init(&l->slots, hash_slot, slot_has_key);
  table_init(&l->silences, hash_silence, silence_is_of);
  ring_init(&l->owing);
  ring_init(&l->hushed);
  ring_init(&l->idle);
  heap_init(&l->timers, &order_of_timers);
  heap_init(&l->silence, &order_of_silence);
  heap_init(&l->due, &order_of_due);
  heap_init(&l->endings, &order_of_endings);
  if (l->endpoints == NULL || l->devices == NULL || init_endpoints(l) < 0 ||
      init_devices(l) < 0) {
    lanes_free(l);
    return NULL;
  }
  return l;
}

static void free_lanes(struct lanes *l) {
  for (struct table_link *link = table_first(&l->lanes), *next; link != NULL;
       link = next) {
    struct lane *lane = TABLE_ITEM(link, struct lane, by_id);
    next = table_next(&l->lanes, link);
    if (lane->holder != NULL && lane->holder->state == COMMAND_IN_FLIGHT)
      command_free(lane->holder);
    heap_free(&lane->ready);
    free(lane);
  }
  table_free(&l->lanes);
}

static void free_slots(struct lanes *l) {
  for (struct table_link *link = table_first(&l->slots), *next; link != NULL;
       link = next) {
    next = table_next(&l->slots, link);
    slot_free(TABLE_ITEM(link, struct slot, by_key));
  }
  table_free(&l->slots);
}

static void free_silences(struct lanes *l) {
  for (size_t i = 0; i < l->endings.count; i++) {
    struct silence *s = l->endings.items[i];
    order_free(s->order);
    free(s);
  }
  heap_free(&l->endings);
  table_free(&l->silences);
}

void lanes_free(struct lanes *l) {
  if (l == NULL)
    return;
  free_lanes(l);
  for (size_t i = 0; i < l->timers.count; i++)
    command_free(l->timers.items[i]);
  heap_free(&l->timers);
  heap_free(&l->silence);
  heap_free(&l->due);
  free_silences(l);
  free_slots(l);
  for (size_t i = 0; l->endpoints != NULL && i < l->endpoint_count; i++)
    gate_free(&l->endpoints[i].gate);
  for (size_t i = 0; l->devices != NULL && i < l->device_count; i++)
    bucket_free(&l->devices[i].bucket);
  free(l->endpoints);
  free(l->devices);
  free(l);
}

void lanes_set_first_okay_send(struct lanes *l, bool is_sent) {
  l->options.first_okay_send = is_sent;
}

/* ---- small steps ---- */

struct endpoint_state *lanes_endpoint_of(struct lanes *l,
                                         const struct command *c) {
  return &l->endpoints[c->device->endpoint->index];
}

struct device_state *lanes_device_of(struct lanes *l, const struct command *c) {
  return &l->devices[c->device->index];
}

struct lane *lanes_lane_of(struct lanes *l, const struct command *c) {
  return lanes_device_of(l, c)->lane;
}

/* ---- what is held, and what may go ---- */

static void hold(struct lanes *l, struct body *b) {
  if (b != NULL && b->holders++ == 0)
    l->held_bytes += b->size;
}

static void let_go(struct lanes *l, struct body *b) {
  if (b != NULL && --b->holders == 0)
    l->held_bytes -= b->size;
}

static void hold_instead(struct lanes *l, struct body **held, struct body *b) {
  struct body *before = *held;
  hold(l, b);
  let_go(l, before);
  *held = body_ref(b);
  body_unref(before);
}

void lanes_hold(struct lanes *l, struct body *held[static 2],
                struct body *first, struct body *second) {
  hold_instead(l, &held[0], first);
  hold_instead(l, &held[1], second);
}

void lanes_hold_memory(struct lanes *l, struct slot *slot) {
  lanes_hold(l, slot->held, slot->accepted.body,
             slot->set_aside != NULL ? slot->set_aside->body : NULL);
}

/* Returns when the slot is at rest, be it past; COMMAND_NEVER_MS if something
 * has to happen first. One whose last command was not accepted is kept: without
 * it, the OKAY after the next start would be ignored. */
static int64_t rests_from_ms(const struct slot *slot) {
  bool is_busy = slot->pending > 0 || slot->owes || !slot_is_satisfied(slot);
  return is_busy ? COMMAND_NEVER_MS : slot->cooldown_until_ms;
}

/* The speaker goes with its slot; it is idle only if all of them are. */
int64_t lanes_may_go_from_ms(const struct series *series) {
  return series == slot_speaker(series->slot) ? rests_from_ms(series->slot)
                                              : INT64_MIN;
}

void lanes_note_rest_from(struct lanes *l, int64_t from_ms) {
  if (from_ms < l->none_rests_until_ms)
    l->none_rests_until_ms = from_ms;
}

void lanes_note_rest(struct lanes *l, const struct slot *slot) {
  const struct series *idle = slot->newest[SEVERITY_OKAY] != NULL
                                  ? slot->newest[SEVERITY_OKAY]
                                  : slot->newest[SEVERITY_VALUE];
  if (idle != NULL)
    lanes_note_rest_from(l, idle->older != NULL ? INT64_MIN
                                                : lanes_may_go_from_ms(idle));
}

static bool is_idle(const struct series *series) {
  return series->severity == SEVERITY_OKAY ||
         series->severity == SEVERITY_VALUE;
}

void lanes_place_series(struct lanes *l, struct series *series) {
  ring_remove(&series->idle);
  if (is_idle(series))
    ring_append(&l->idle, &series->idle);
  lanes_hold(l, series->held, series->body, series->okay_body);
  lanes_note_rest(l, series->slot);
}

void lanes_note(struct lanes *l, struct change *change) {
  journal_note(l->options.journal, change);
}

void lanes_note_slot(struct lanes *l, struct slot *slot) {
  lanes_hold_memory(l, slot);
  lanes_note(l, &slot->change);
}

/* A slot that stands in the ledger does not change with its series. */
void lanes_note_series(struct lanes *l, struct series *series) {
  if (!series->slot->change.is_told)
    lanes_note_slot(l, series->slot);
  lanes_note(l, &series->change);
}

/* ---- what is silenced, and what is owed ---- */

struct silence *lanes_find_silence(const struct lanes *l, const void *target) {
  struct table_link *link =
      table_find(&l->silences, hash_target(target), target);
  return link != NULL ? TABLE_ITEM(link, struct silence, by_target) : NULL;
}

const struct silence *lanes_silence_of(const struct lanes *l,
                                       const struct policy *policy,
                                       const struct device *device,
                                       int64_t at_ms) {
  if (l->silences.count == 0 || order_sends_by(policy))
    return NULL;
  const struct silence *s = lanes_find_silence(l, device);
  if (s == NULL || s->until_ms <= at_ms)
    s = lanes_find_silence(l, policy);
  return s != NULL && s->until_ms > at_ms ? s : NULL;
}

bool lanes_is_silenced(const struct lanes *l, const struct policy *policy,
                       const struct device *device, struct moment now) {
  return lanes_silence_of(l, policy, device, now.ms) != NULL;
}

bool lanes_is_hushed(const struct lanes *l, const struct slot *slot) {
  return lanes_silence_of(l, slot->policy, slot->device, INT64_MIN) != NULL;
}

void lanes_owe(struct lanes *l, struct slot *slot) {
  if (!ring_has(&slot->owing))
    ring_append(lanes_is_hushed(l, slot) ? &l->hushed : &l->owing,
                &slot->owing);
  if (slot->owes)
    return;
  slot->owes = true;
  lanes_note(l, &slot->change);
}

void lanes_owe_later(struct slot *slot) { ring_remove(&slot->owing); }

void lanes_owe_nothing(struct lanes *l, struct slot *slot) {
  if (!slot->owes)
    return;
  ring_remove(&slot->owing);
  slot->owes = false;
  lanes_note(l, &slot->change);
  lanes_note_rest(l, slot);
}

void lanes_wake(struct lanes *l, struct lane *lane) {
  lanes_queue_push(&l->fresh, lane);
}

void lanes_set_timer(struct lanes *l, struct command *c, int64_t wake_ms) {
  c->at.timer_ms = wake_ms < c->deadline_ms ? wake_ms : c->deadline_ms;
  if (c->at.timer_index == HEAP_OUTSIDE)
    heap_push(&l->timers, c);
  else
    heap_update(&l->timers, c);
}

/* Returns when the slot's cooldown lets the command go, 0 if it does not hold
 * the command back. If the command is doubtful, its own attempt began the
 * cooldown, which then is for the next command of the slot. */
static int64_t cooldown_end_ms(const struct command *c) {
  return c->doubtful ? 0 : c->at.slot->cooldown_until_ms;
}

bool lanes_is_cooling(const struct command *c, int64_t now_ms) {
  return cooldown_end_ms(c) > now_ms;
}

void lanes_set_validity(struct command *c) {
  int64_t until_ms = cooldown_end_ms(c);
  int64_t held_ms = until_ms - c->valid_from_ms;
  /* After a reboot the monotonic clock begins at 0, and a restored command may
   * be valid from before that: then held_ms is above 0 without a cooldown. */
  if (until_ms == 0 || held_ms <= 0)
    return;
  if (c->deadline_ms != COMMAND_NEVER_MS)
    c->deadline_ms += held_ms;
  c->valid_from_ms += held_ms;
}

void lanes_place(struct lanes *l, struct command *c, int64_t now_ms) {
  lanes_set_validity(c);
  if (lanes_is_cooling(c, now_ms)) {
    lanes_set_timer(l, c, c->at.slot->cooldown_until_ms);
    return;
  }
  struct lane *lane = lanes_lane_of(l, c);
  heap_push(&lane->ready, c);
  lanes_set_timer(l, c, COMMAND_NEVER_MS);
  lanes_wake(l, lane);
}

size_t lanes_pending_most(const struct lanes *l) {
  size_t most = l->waiting;
  for (size_t i = 0; i < l->endpoint_count; i++)
    most += l->endpoints[i].gate.in_flight;
  return most;
}

void lanes_count_waiting(struct lanes *l, struct command *c) {
  struct endpoint_state *e = lanes_endpoint_of(l, c);
  e->waiting++;
  e->waiting_for_credentials += c->waits_for_credentials; /* if restored */
  lanes_lane_of(l, c)->waiting++;
  l->waiting++;
  if (c->body->waiting++ == 0)
    l->waiting_bytes += c->body->size;
  hold(l, c->body);
}

void lanes_set_credentials_wait(struct lanes *l, struct command *c,
                                bool waits) {
  if (c->waits_for_credentials == waits)
    return;
  c->waits_for_credentials = waits;
  lanes_endpoint_of(l, c)->waiting_for_credentials += waits ? 1 : (size_t)-1;
}

void lanes_stop_waiting(struct lanes *l, struct command *c) {
  struct lane *lane = lanes_lane_of(l, c);
  lanes_endpoint_of(l, c)->waiting--;
  lane->waiting--;
  l->waiting--;
  if (--c->body->waiting == 0)
    l->waiting_bytes -= c->body->size;
  let_go(l, c->body);
  lanes_set_credentials_wait(l, c, false);
  heap_remove(&l->timers, c);
  heap_remove(&lane->ready, c);
  if (c->at.slot->waiting == c)
    c->at.slot->waiting = NULL;
  if (lane->holder == c) {
    lane->holder = NULL;
    lanes_wake(l, lane);
  }
}

/* Gives back room in the heaps that nothing needs that waits, or that may come
 * back to wait. */
static void shrink_heaps(struct lanes *l, struct lane *lane) {
  heap_shrink(&l->timers, lanes_pending_most(l));
  heap_shrink(&lane->ready, lane->waiting + (lane->holder != NULL));
}

/* ---- ends ---- */

void lanes_forget_series(struct lanes *l, struct series *series) {
  heap_remove(&l->silence, series);
  ring_remove(&series->idle);
  lanes_hold(l, series->held, NULL, NULL);
  l->series_count--;
  slot_take_out(series);
  journal_note_last(l->options.journal, &series->change);
}

static void forget_one_series(void *context, struct series *series) {
  lanes_forget_series(context, series);
}

void lanes_forget_slot(struct lanes *l, struct slot *slot) {
  slot_each_series(slot, forget_one_series, l);
  lanes_hold(l, slot->held, NULL, NULL);
  table_remove(&l->slots, &slot->by_key);
  l->timed_slots -= slot->span != NULL;
  journal_note_last(l->options.journal, &slot->change);
}

void lanes_leave_slot(struct lanes *l, struct slot *slot) {
  if (slot->pending == 0 && slot_speaker(slot) == NULL)
    lanes_forget_slot(l, slot);
}

void lanes_count_outcome(struct lanes *l, struct command *c,
                         enum outcome outcome, struct moment now) {
  struct account *account = &lanes_device_of(l, c)->account;
  c->state = COMMAND_FINISHED;
  c->outcome = outcome;
  c->finished = now;
  account->by_outcome[outcome]++;
  account->pending--;
  c->at.slot->pending--;
  shrink_heaps(l, lanes_lane_of(l, c));
  lanes_note_rest(l, c->at.slot);
  lanes_note(l, &account->change);
  journal_note_last(l->options.journal, &c->change);
  lanes_leave_slot(l, c->at.slot);
}

/* A command with a doubtful attempt behind it may have been executed, whatever
 * ends it now. */
void lanes_end_waiting(struct lanes *l, struct command *c, enum outcome outcome,
                       const char *why, struct moment now) {
  lanes_stop_waiting(l, c);
  if (c->why == NULL)
    c->why = why;
  lanes_count_outcome(l, c, c->doubtful ? OUTCOME_UNKNOWN : outcome, now);
}

void lanes_add_tries(struct command *c, int tries) {
  tries += c->tries;
  c->tries = (uint8_t)(tries < UINT8_MAX ? tries : UINT8_MAX);
}

void lanes_supersede(struct lanes *l, struct command *newer,
                     struct command *older, struct moment now) {
  struct lane *lane = lanes_lane_of(l, newer);
  bool was_holder = lane->holder == older;
  bool waits_for_credentials = older->waits_for_credentials;
  lanes_note(l, &newer->change);
  newer->at.place = older->at.place;
  newer->not_before_ms = older->not_before_ms;
  lanes_add_tries(newer, older->tries);
  /* If the credentials stay refused, `newer` ends as refused: it then says why
   * in the words of `older`. */
  if (waits_for_credentials && command_make_attempt(newer) == 0)
    newer->attempt->verdict = *command_verdict(older);
  lanes_end_waiting(l, older, OUTCOME_SUPERSEDED,
                    "a newer state took its place", now);
  lanes_set_credentials_wait(l, newer, waits_for_credentials);
  newer->at.slot->waiting = newer;
  if (!was_holder || lanes_is_cooling(newer, now.ms)) {
    lanes_place(l, newer, now.ms);
    return;
  }
  lanes_set_validity(newer);
  lane->holder = newer;
  lanes_set_timer(l, newer, COMMAND_NEVER_MS);
}

void lanes_supersede_waiting(struct lanes *l, struct slot *slot,
                             struct moment now) {
  if (slot->waiting != NULL)
    lanes_end_waiting(l, slot->waiting, OUTCOME_SUPERSEDED,
                      "a newer state took its place", now);
}

/* Returns whether the slot asks for a body that can be sent. While it waits it
 * still asks for what it asked for before, if that was anything. */
static bool asks_for_body(const struct slot *slot) {
  return slot_waits(slot) ? slot->span->has_fired
                          : slot_asks(slot).body != NULL;
}

/* Events that came while the command was in flight may ask for nothing that can
 * be sent, for a command that was dropped and will be asked for again, or for
 * one that was cancelled. */
bool lanes_is_obsolete(const struct command *c) {
  const struct slot *slot = c->at.slot;
  return c->policy->supersede && slot_speaker(slot) != NULL &&
         (c->is_outdated || slot->owes || !asks_for_body(slot));
}

/* ---- all of it ---- */

static void note_series(void *context, struct series *series) {
  lanes_note_series(context, series);
}

void lanes_note_all(struct lanes *l) {
  for (struct table_link *link = table_first(&l->slots); link != NULL;
       link = table_next(&l->slots, link)) {
    struct slot *slot = TABLE_ITEM(link, struct slot, by_key);
    lanes_note(l, &slot->change);
    slot_each_series(slot, note_series, l);
  }
  for (size_t i = 0; i < l->timers.count; i++)
    lanes_note(l, &((struct command *)l->timers.items[i])->change);
  for (size_t i = 0; i < l->endings.count; i++)
    lanes_note(l, &((struct silence *)l->endings.items[i])->order->change);
  for (size_t i = 0; i < l->device_count; i++) {
    lanes_note(l, &l->devices[i].account.change);
    if (l->devices[i].lane->holder != NULL)
      lanes_note(l, &l->devices[i].lane->holder->change);
  }
}

const struct account *lanes_account(const struct lanes *l,
                                    const struct device *device) {
  return &l->devices[device->index].account;
}

size_t lanes_waiting(const struct lanes *l) { return l->waiting; }

size_t lanes_waiting_bytes(const struct lanes *l) { return l->waiting_bytes; }

size_t lanes_held_bytes(const struct lanes *l) { return l->held_bytes; }

size_t lanes_series_count(const struct lanes *l) { return l->series_count; }

uint64_t lanes_series_forgotten(const struct lanes *l) {
  return l->series_forgotten;
}

bool lanes_circuit_is_open(const struct lanes *l,
                           const struct endpoint *endpoint) {
  return l->endpoints[endpoint->index].gate.breaker.open;
}

int64_t lanes_circuit_wait_ms(const struct lanes *l,
                              const struct endpoint *endpoint,
                              struct moment now) {
  return breaker_wait_ms(&l->endpoints[endpoint->index].gate.breaker, now.ms);
}

size_t lanes_in_flight(const struct lanes *l, const struct endpoint *endpoint) {
  return l->endpoints[endpoint->index].gate.in_flight;
}

size_t lanes_waiting_at(const struct lanes *l,
                        const struct endpoint *endpoint) {
  return l->endpoints[endpoint->index].waiting;
}
