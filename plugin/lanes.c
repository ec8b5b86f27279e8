/* SPDX-License-Identifier: MIT */
#include "lanes.h"

#include "breaker.h"
#include "bucket.h"
#include "heap.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  struct bucket bucket;
  struct breaker breaker;
  struct queue due;
  size_t in_flight; /* polls included */
  size_t polls;     /* in flight */
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
  struct command *changed_commands, **changed_commands_end;
  struct slot *changed_slots;
  struct series *changed_series;
  struct account *changed_accounts;
};

/* ---- orders ---- */

static bool timer_before(const void *a, const void *b) {
  const struct command *left = a, *right = b;
  if (left->timer_ms != right->timer_ms)
    return left->timer_ms < right->timer_ms;
  return left->place < right->place;
}

static size_t *timer_index(void *item) {
  return &((struct command *)item)->timer_index;
}

static bool place_before(const void *a, const void *b) {
  return ((const struct command *)a)->place <
         ((const struct command *)b)->place;
}

static size_t *ready_index(void *item) {
  return &((struct command *)item)->ready_index;
}

static int64_t silent_at_ms(const struct series *s) {
  return s->arrived_ms + (int64_t)s->slot->policy->forget_after_s * 1000;
}

static bool silence_before(const void *a, const void *b) {
  return silent_at_ms(a) < silent_at_ms(b);
}

static size_t *silence_index(void *item) {
  return &((struct series *)item)->silence_index;
}

static int compare_lanes(const void *a, const void *b) {
  const struct lane *left = a, *right = b;
  if (left->endpoint != right->endpoint)
    return left->endpoint->index < right->endpoint->index ? -1 : 1;
  return strcmp(left->device_id, right->device_id);
}

static int compare_slots(const void *a, const void *b) {
  return strcmp(((const struct slot *)a)->key, ((const struct slot *)b)->key);
}

static void queue_push(struct queue *q, struct lane *lane) {
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

static struct lane *queue_pop(struct queue *q) {
  struct lane *lane = q->first;
  if (lane != NULL) {
    q->first = lane->next_in[q->kind];
    lane->is_in[q->kind] = false;
  }
  return lane;
}

/* ---- life ---- */

static struct lane *find_or_add_lane(struct lanes *l,
                                     const struct device *device) {
  struct lane wanted = {.device_id = device->device_id,
                        .endpoint = device->endpoint};
  struct lane **found = tfind(&wanted, &l->lane_by_id, compare_lanes);
  if (found != NULL)
    return *found;
  struct lane *lane = malloc(sizeof *lane);
  if (lane == NULL)
    return NULL;
  *lane = wanted;
  heap_init(&lane->ready, place_before, ready_index);
  if (tsearch(lane, &l->lane_by_id, compare_lanes) == NULL) {
    free(lane);
    return NULL;
  }
  return lane;
}

static int init_endpoints(struct lanes *l) {
  for (size_t i = 0; i < l->endpoint_count; i++) {
    const struct endpoint *e = directory_endpoint(l->options.directory, i);
    l->endpoints[i].due.kind = QUEUE_DUE;
    breaker_init(&l->endpoints[i].breaker, e->breaker_threshold);
    if (bucket_init(&l->endpoints[i].bucket, e->rate) < 0)
      return -ENOMEM;
  }
  return 0;
}

static int init_devices(struct lanes *l) {
  for (size_t i = 0; i < l->device_count; i++) {
    struct device_state *d = &l->devices[i];
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
  l->changed_commands_end = &l->changed_commands;
  l->next_id = 1;
  heap_init(&l->timers, timer_before, timer_index);
  heap_init(&l->silence, silence_before, silence_index);
  if (l->endpoints == NULL || l->devices == NULL || init_endpoints(l) < 0 ||
      init_devices(l) < 0) {
    lanes_free(l);
    return NULL;
  }
  return l;
}

static void free_lanes(struct lanes *l) {
  while (l->lane_by_id != NULL) {
    struct lane *lane = *(struct lane **)l->lane_by_id;
    tdelete(lane, &l->lane_by_id, compare_lanes);
    if (lane->holder != NULL && lane->holder->state == COMMAND_IN_FLIGHT)
      command_free(lane->holder);
    heap_free(&lane->ready);
    free(lane);
  }
}

static void free_slots(struct lanes *l) {
  while (l->slots != NULL) {
    struct slot *slot = l->slots;
    l->slots = slot->next;
    tdelete(slot, &l->slot_by_key, compare_slots);
    slot_free(slot);
  }
}

void lanes_free(struct lanes *l) {
  if (l == NULL)
    return;
  lanes_recorded(l);
  free_lanes(l);
  for (size_t i = 0; i < l->timers.count; i++)
    command_free(l->timers.items[i]);
  heap_free(&l->timers);
  heap_free(&l->silence);
  free_slots(l);
  for (size_t i = 0; l->endpoints != NULL && i < l->endpoint_count; i++)
    bucket_free(&l->endpoints[i].bucket);
  for (size_t i = 0; l->devices != NULL && i < l->device_count; i++)
    bucket_free(&l->devices[i].bucket);
  free(l->endpoints);
  free(l->devices);
  free(l);
}

/* ---- small steps ---- */

static struct endpoint_state *endpoint_of(struct lanes *l,
                                          const struct command *c) {
  return &l->endpoints[c->device->endpoint->index];
}

static struct device_state *device_of(struct lanes *l,
                                      const struct command *c) {
  return &l->devices[c->device->index];
}

static void touch_command(struct lanes *l, struct command *c) {
  if (c->changed)
    return;
  c->changed = true;
  c->next_changed = NULL;
  *l->changed_commands_end = c;
  l->changed_commands_end = &c->next_changed;
}

static void touch_slot(struct lanes *l, struct slot *slot) {
  if (slot->changed)
    return;
  slot->changed = true;
  slot->next_changed = l->changed_slots;
  l->changed_slots = slot;
}

static void touch_series(struct lanes *l, struct series *series) {
  touch_slot(l, series->slot);
  if (series->changed)
    return;
  series->changed = true;
  series->next_changed = l->changed_series;
  l->changed_series = series;
}

static void touch_account(struct lanes *l, struct account *account) {
  if (account->changed)
    return;
  account->changed = true;
  account->next_changed = l->changed_accounts;
  l->changed_accounts = account;
}

static void wake_lane(struct lanes *l, struct lane *lane) {
  queue_push(&l->fresh, lane);
}

/* The next moment at which a waiting command changes by itself. */
static void set_timer(struct lanes *l, struct command *c, int64_t wake_ms) {
  c->timer_ms = wake_ms < c->deadline_ms ? wake_ms : c->deadline_ms;
  if (c->timer_index == HEAP_OUTSIDE)
    heap_push(&l->timers, c);
  else
    heap_update(&l->timers, c);
}

/* Until when the cooldown of its slot holds it back. What its own doubtful
 * attempt began is for the next command of the slot. */
static int64_t held_until_ms(const struct command *c) {
  return c->doubtful ? 0 : c->slot->cooldown_until_ms;
}

static bool is_cooling(const struct command *c, int64_t now_ms) {
  return held_until_ms(c) > now_ms;
}

/* Expire and Timeout count from the end of a cooldown that holds it back. */
static void set_validity(struct command *c) {
  int64_t held_ms = held_until_ms(c) - c->valid_from_ms;
  if (held_ms <= 0)
    return;
  if (c->deadline_ms != COMMAND_NEVER_MS)
    c->deadline_ms += held_ms;
  c->valid_from_ms += held_ms;
}

/* The command begins to wait: held back by its slot's cooldown, or in its lane.
 */
static void place_command(struct lanes *l, struct command *c, int64_t now_ms) {
  set_validity(c);
  if (is_cooling(c, now_ms)) {
    set_timer(l, c, c->slot->cooldown_until_ms);
    return;
  }
  heap_push(&c->lane->ready, c);
  set_timer(l, c, COMMAND_NEVER_MS);
  wake_lane(l, c->lane);
}

static void count_waiting(struct lanes *l, struct command *c) {
  struct endpoint_state *e = endpoint_of(l, c);
  e->waiting++;
  e->waiting_for_credentials += c->waits_for_credentials; /* restored */
  c->lane->waiting++;
  l->waiting++;
  l->waiting_bytes += c->body->size;
}

static void set_waits_for_credentials(struct lanes *l, struct command *c,
                                      bool waits) {
  if (c->waits_for_credentials == waits)
    return;
  c->waits_for_credentials = waits;
  endpoint_of(l, c)->waiting_for_credentials += waits ? 1 : (size_t)-1;
}

/* It no longer waits; it is in no heap and does not hold its lane. */
static void stop_waiting(struct lanes *l, struct command *c) {
  endpoint_of(l, c)->waiting--;
  c->lane->waiting--;
  l->waiting--;
  l->waiting_bytes -= c->body->size;
  set_waits_for_credentials(l, c, false);
  heap_remove(&l->timers, c);
  heap_remove(&c->lane->ready, c);
  if (c->slot->waiting == c)
    c->slot->waiting = NULL;
  if (c->lane->holder == c) {
    c->lane->holder = NULL;
    wake_lane(l, c->lane);
  }
}

static void count_outcome(struct lanes *l, struct command *c,
                          enum outcome outcome, struct moment now) {
  struct account *account = &device_of(l, c)->account;
  c->state = COMMAND_FINISHED;
  c->outcome = outcome;
  c->finished = now;
  account->by_outcome[outcome]++;
  account->pending--;
  c->slot->pending--;
  touch_account(l, account);
  touch_command(l, c);
}

static void explain(struct command *c, const char *why) {
  if (c->verdict.error[0] == '\0')
    snprintf(c->verdict.error, sizeof c->verdict.error, "%s", why);
}

/* Ends a command that waits. One with a doubtful attempt behind it may have
 * been executed, whatever else ends it now. */
static void end_waiting(struct lanes *l, struct command *c,
                        enum outcome outcome, const char *why,
                        struct moment now) {
  stop_waiting(l, c);
  explain(c, why);
  count_outcome(l, c, c->doubtful ? OUTCOME_UNKNOWN : outcome, now);
}

static void end_late(struct lanes *l, struct command *c, struct moment now) {
  if (c->waits_for_credentials)
    end_waiting(l, c, OUTCOME_REFUSED, "the credentials were refused", now);
  else
    end_waiting(l, c, OUTCOME_EXPIRED, "its deadline passed", now);
}

/* `newer` takes the place of a command of its slot that waits: its place in the
 * lane and its current wait. */
static void supersede(struct lanes *l, struct command *newer,
                      struct command *older, struct moment now) {
  bool was_holder = older->lane->holder == older;
  bool waits_for_credentials = older->waits_for_credentials;
  touch_command(l, newer);
  newer->place = older->place;
  newer->not_before_ms = older->not_before_ms;
  if (waits_for_credentials)
    newer->verdict = older->verdict;
  end_waiting(l, older, OUTCOME_SUPERSEDED, "a newer state took its place",
              now);
  set_waits_for_credentials(l, newer, waits_for_credentials);
  newer->slot->waiting = newer;
  if (!was_holder || is_cooling(newer, now.ms)) {
    place_command(l, newer, now.ms);
    return;
  }
  set_validity(newer);
  newer->lane->holder = newer;
  set_timer(l, newer, COMMAND_NEVER_MS);
}

/* ---- creating commands ---- */

static void set_deadline(struct command *c) {
  int expire_s = policy_expire_s(c->policy, c->device);
  c->valid_from_ms = c->created.ms;
  c->deadline_ms = expire_s == 0 ? COMMAND_NEVER_MS
                                 : c->valid_from_ms + (int64_t)expire_s * 1000;
}

/* A command for what the speaker of the slot asks for; `series` names the event
 * behind it. */
static struct command *new_command(struct lanes *l, struct slot *slot,
                                   const struct series *speaker,
                                   const char *series, struct moment arrived) {
  struct command *c = calloc(1, sizeof *c);
  if (c == NULL)
    return NULL;
  c->series = strdup(series);
  c->slot_key = strdup(slot->key);
  if (c->series == NULL || c->slot_key == NULL) {
    command_free(c);
    return NULL;
  }
  c->id = l->next_id++;
  c->policy = slot->policy;
  c->device = slot->device;
  c->slot = slot;
  c->severity = speaker->severity;
  c->body = body_ref(speaker->body);
  c->has_value = speaker->has_value;
  c->value = speaker->value;
  c->timeout_s = policy_timeout_s(c->policy, c->device);
  c->created = arrived;
  c->ready_index = HEAP_OUTSIDE;
  c->timer_index = HEAP_OUTSIDE;
  set_deadline(c);
  return c;
}

static void count_created(struct lanes *l, struct command *c) {
  struct account *account = &device_of(l, c)->account;
  account->created++;
  account->pending++;
  c->slot->pending++;
  touch_account(l, account);
  touch_command(l, c);
}

/* Makes room in the heaps, so that a command that waits can always be put where
 * it belongs. One may come back from its attempt while another waits. */
static int reserve(struct lanes *l, struct lane *lane) {
  size_t in_flight = 0;
  for (size_t i = 0; i < l->endpoint_count; i++)
    in_flight += l->endpoints[i].in_flight;
  if (heap_reserve(&l->timers, l->waiting + in_flight + 1) < 0)
    return -ENOMEM;
  return heap_reserve(&lane->ready, lane->waiting + 2);
}

static bool has_room(const struct lanes *l, const struct command *c) {
  return l->waiting < l->options.queue_limit &&
         l->waiting_bytes + c->body->size <= l->options.queue_bytes;
}

static void drop_command(struct lanes *l, struct command *c, const char *why,
                         struct moment now) {
  slot_forget(c->slot);
  explain(c, why);
  count_outcome(l, c, OUTCOME_DROPPED, now);
}

static void refuse_unsendable(struct lanes *l, struct command *c, size_t bytes,
                              struct moment now) {
  snprintf(c->verdict.error, sizeof c->verdict.error,
           "a body of %zu bytes: must be 1..%d", bytes, COMMAND_BODY_MAX_BYTES);
  count_outcome(l, c, OUTCOME_REFUSED, now);
}

static void supersede_waiting(struct lanes *l, struct slot *slot,
                              struct moment now) {
  if (slot->waiting != NULL)
    end_waiting(l, slot->waiting, OUTCOME_SUPERSEDED,
                "a newer state took its place", now);
}

static void admit(struct lanes *l, struct command *c, struct moment now) {
  struct slot *slot = c->slot;
  struct command *older = slot->waiting;
  c->lane = device_of(l, c)->lane;
  if (older == NULL && !has_room(l, c)) {
    drop_command(l, c, "the queue is full", now);
    return;
  }
  if (reserve(l, c->lane) < 0) {
    drop_command(l, c, "out of memory", now);
    return;
  }
  count_waiting(l, c);
  if (older != NULL) {
    supersede(l, c, older, now);
    return;
  }
  c->place = ++l->next_place;
  if (c->policy->supersede)
    slot->waiting = c;
  place_command(l, c, now.ms);
}

/* What the slot's state asks for now becomes a command, or nothing. */
static int ask(struct lanes *l, struct slot *slot, const char *series,
               struct moment arrived, struct moment now) {
  const struct series *speaker = slot_speaker(slot);
  touch_slot(l, slot);
  if (slot_asks_nothing(speaker)) {
    supersede_waiting(l, slot, now);
    slot_forget(slot);
    return 0;
  }
  struct command *c = new_command(l, slot, speaker, series, arrived);
  if (c == NULL)
    return -ENOMEM;
  count_created(l, c);
  if (speaker->has_unsendable) {
    supersede_waiting(l, slot, now);
    refuse_unsendable(l, c, speaker->unsendable_bytes, now);
  } else {
    admit(l, c, now);
  }
  return 0;
}

/* ---- events ---- */

static struct slot *find_slot(const struct lanes *l, const char *key) {
  struct slot wanted = {.key = (char *)key};
  struct slot **found = tfind(&wanted, &l->slot_by_key, compare_slots);
  return found != NULL ? *found : NULL;
}

struct slot *lanes_restore_slot(struct lanes *l, const struct policy *policy,
                                const struct device *device, const char *key) {
  struct slot *slot = find_slot(l, key);
  if (slot != NULL)
    return slot;
  slot = slot_new(policy, device, key);
  if (slot == NULL)
    return NULL;
  if (tsearch(slot, &l->slot_by_key, compare_slots) == NULL) {
    slot_free(slot);
    return NULL;
  }
  slot->next = l->slots;
  l->slots = slot;
  return slot;
}

static int reserve_silence(struct lanes *l) {
  return heap_reserve(&l->silence, l->silence.count + 1);
}

static struct series *find_or_add_series(struct slot *slot, const char *name) {
  struct series *series = slot_find_series(slot, name);
  return series != NULL ? series : slot_add_series(slot, name);
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

static enum lanes_taken judge_firing(const struct lanes *l,
                                     const struct slot *slot,
                                     const struct firing *f) {
  if (is_first_okay(l, slot, f))
    return LANES_FIRST_OKAY;
  if (slot == NULL)
    return LANES_TAKEN;
  switch (slot_judge_arrival(slot_find_series(slot, f->series), f)) {
  case SLOT_LATE:
    return LANES_LATE;
  case SLOT_DUPLICATE:
    return LANES_DUPLICATE;
  default:
    return LANES_TAKEN;
  }
}

static int apply_firing(struct lanes *l, struct firing *f, const char *key,
                        struct moment now) {
  struct slot *slot = lanes_restore_slot(l, f->policy, f->device, key);
  if (slot == NULL)
    return -ENOMEM;
  struct series *series = find_or_add_series(slot, f->series);
  if (series == NULL || reserve_silence(l) < 0)
    return -ENOMEM;
  slot_note_firing(series, f);
  slot->last_event_ms = f->arrived.ms;
  watch_silence(l, series);
  touch_series(l, series);
  return ask(l, slot, series->name, f->arrived, now);
}

enum lanes_taken lanes_take(struct lanes *l, struct firing *f,
                            struct moment now) {
  char key[SLOT_KEY_BYTES];
  slot_format_key(f->policy, f->device, f->series, key);
  enum lanes_taken taken = judge_firing(l, find_slot(l, key), f);
  if (taken == LANES_TAKEN && apply_firing(l, f, key, now) < 0) {
    lanes_drop(l, f->device, 1);
    taken = LANES_NO_MEMORY;
  }
  firing_free(f);
  return taken;
}

void lanes_drop(struct lanes *l, const struct device *device, uint64_t count) {
  struct account *account = &l->devices[device->index].account;
  account->created += count;
  account->by_outcome[OUTCOME_DROPPED] += count;
  /* Which slots they were for is not known any more: none of this device's may
   * take the present state for granted. */
  account->epoch++;
  touch_account(l, account);
}

void lanes_forget(struct lanes *l, const char *slot_key) {
  struct slot *slot = find_slot(l, slot_key);
  if (slot == NULL)
    return;
  slot_forget(slot);
  touch_slot(l, slot);
}

static void run_silence(struct lanes *l, struct moment now) {
  struct series *series;
  while ((series = heap_first(&l->silence)) != NULL &&
         silent_at_ms(series) <= now.ms) {
    heap_remove(&l->silence, series);
    slot_note_silence(series, now.ms);
    touch_series(l, series);
    if (ask(l, series->slot, series->name, now, now) < 0)
      lanes_drop(l, series->slot->device, 1);
  }
}

/* ---- time ---- */

static void run_timer(struct lanes *l, struct command *c, struct moment now) {
  set_validity(c);
  if (c->deadline_ms <= now.ms) {
    end_late(l, c, now);
  } else if (c == c->lane->holder) {
    set_timer(l, c, COMMAND_NEVER_MS);
    wake_lane(l, c->lane);
  } else if (c->ready_index != HEAP_OUTSIDE) {
    set_timer(l, c, COMMAND_NEVER_MS);
  } else {
    place_command(l, c, now.ms);
  }
}

void lanes_expire(struct lanes *l, struct moment now) {
  struct command *c;
  while ((c = heap_first(&l->timers)) != NULL && c->timer_ms <= now.ms)
    run_timer(l, c, now);
}

/* ---- beginning attempts ---- */

/* The next in order whose slot is not in cooldown; its turn begins. */
static struct command *next_holder(struct lanes *l, struct lane *lane,
                                   int64_t now_ms) {
  struct command *c;
  while ((c = heap_first(&lane->ready)) != NULL) {
    heap_remove(&lane->ready, c);
    set_validity(c);
    if (!is_cooling(c, now_ms))
      break;
    place_command(l, c, now_ms);
  }
  return c;
}

/* A turn of which nothing has been tried yet goes back to an earlier place that
 * a cooldown has held back until now. */
static void give_way(struct lane *lane) {
  struct command *c = lane->holder;
  const struct command *first = heap_first(&lane->ready);
  if (c == NULL || first == NULL || c->state == COMMAND_IN_FLIGHT ||
      c->not_before_ms > 0 || place_before(c, first))
    return;
  lane->holder = NULL;
  heap_push(&lane->ready, c);
}

/* Looks at the lane's turn: ends what the device has accepted already, and
 * queues the lane at its endpoint if its holder may be sent. */
static void settle_lane(struct lanes *l, struct lane *lane, struct moment now) {
  for (;;) {
    give_way(lane);
    if (lane->holder == NULL)
      lane->holder = next_holder(l, lane, now.ms);
    struct command *c = lane->holder;
    if (c == NULL || c->state == COMMAND_IN_FLIGHT)
      return;
    if (c->not_before_ms > now.ms) {
      set_timer(l, c, c->not_before_ms);
      return;
    }
    if (!slot_remembers(c->slot, c, device_of(l, c)->account.epoch, now.ms))
      break;
    end_waiting(l, c, OUTCOME_UNCHANGED, "the device has accepted this already",
                now);
  }
  int64_t wait_ms = bucket_wait_ms(&device_of(l, lane->holder)->bucket, now.ms);
  if (wait_ms > 0)
    set_timer(l, lane->holder, now.ms + wait_ms);
  else
    queue_push(&endpoint_of(l, lane->holder)->due, lane);
}

static void settle(struct lanes *l, struct moment now) {
  struct lane *lane;
  while ((lane = queue_pop(&l->fresh)) != NULL)
    settle_lane(l, lane, now);
}

/* How long until the endpoint lets an attempt begin. */
static int64_t gate_wait_ms(const struct lanes *l, size_t index,
                            int64_t now_ms) {
  const struct endpoint_state *e = &l->endpoints[index];
  const struct endpoint *limits =
      directory_endpoint(l->options.directory, index);
  if (e->in_flight >= (size_t)limits->max_in_flight)
    return COMMAND_NEVER_MS;
  int64_t breaker_ms = breaker_wait_ms(&e->breaker, now_ms);
  int64_t bucket_ms = bucket_wait_ms(&e->bucket, now_ms);
  return breaker_ms > bucket_ms ? breaker_ms : bucket_ms;
}

/* What was due when its lane was queued may have been superseded or ended
 * since. */
static bool may_be_sent(struct lanes *l, const struct command *c,
                        int64_t now_ms) {
  return c != NULL && c->state == COMMAND_WAITING &&
         c->not_before_ms <= now_ms &&
         bucket_wait_ms(&device_of(l, c)->bucket, now_ms) == 0;
}

static struct command *next_due(struct lanes *l, size_t index, int64_t now_ms) {
  struct lane *lane;
  if (gate_wait_ms(l, index, now_ms) > 0)
    return NULL;
  while ((lane = queue_pop(&l->endpoints[index].due)) != NULL)
    if (may_be_sent(l, lane->holder, now_ms))
      return lane->holder;
  return NULL;
}

static void begin(struct lanes *l, struct command *c, struct moment now) {
  struct endpoint_state *e = endpoint_of(l, c);
  struct device_state *d = device_of(l, c);
  stop_waiting(l, c);
  c->lane->holder = c;
  c->state = COMMAND_IN_FLIGHT;
  c->not_before_ms = 0;
  c->sent = now;
  c->attempts++;
  e->in_flight++;
  bucket_take(&e->bucket, now.ms);
  bucket_take(&d->bucket, now.ms);
  breaker_begin(&e->breaker, c);
  slot_begin_attempt(c->slot, d->account.epoch);
  d->account.epoch++;
  touch_account(l, &d->account);
  touch_slot(l, c->slot);
  touch_command(l, c);
}

struct command *lanes_begin(struct lanes *l, struct moment now) {
  run_silence(l, now);
  lanes_expire(l, now);
  settle(l, now);
  for (size_t i = 0; i < l->endpoint_count; i++) {
    size_t index = (l->next_endpoint + i) % l->endpoint_count;
    struct command *c = next_due(l, index, now.ms);
    if (c == NULL)
      continue;
    l->next_endpoint = index + 1;
    begin(l, c, now);
    return c;
  }
  return NULL;
}

int64_t lanes_wait_ms(const struct lanes *l, struct moment now) {
  const struct command *timer = heap_first(&l->timers);
  const struct series *silent = heap_first(&l->silence);
  int64_t wait_ms = COMMAND_NEVER_MS;
  if (l->fresh.first != NULL)
    return 0;
  if (timer != NULL && timer->timer_ms != COMMAND_NEVER_MS)
    wait_ms = timer->timer_ms - now.ms;
  if (silent != NULL && silent_at_ms(silent) - now.ms < wait_ms)
    wait_ms = silent_at_ms(silent) - now.ms;
  for (size_t i = 0; i < l->endpoint_count; i++) {
    int64_t gate_ms = gate_wait_ms(l, i, now.ms);
    if (l->endpoints[i].due.first != NULL && gate_ms < wait_ms)
      wait_ms = gate_ms;
  }
  return wait_ms > 0 ? wait_ms : 0;
}

/* ---- ends of attempts ---- */

static int64_t backoff_ms(struct lanes *l, const struct command *c) {
  int64_t max_ms = LANES_BACKOFF_FIRST_MS;
  for (int i = 1; i < c->attempts && max_ms < LANES_BACKOFF_MAX_MS; i++)
    max_ms *= 2;
  if (max_ms > LANES_BACKOFF_MAX_MS)
    max_ms = LANES_BACKOFF_MAX_MS;
  return (int64_t)l->options.random(l->options.random_context,
                                    (uint64_t)max_ms);
}

static int64_t retry_wait_ms(struct lanes *l, const struct command *c) {
  if (c->verdict.class == VERDICT_CREDENTIALS)
    return LANES_CREDENTIALS_RETRY_MS;
  if (c->verdict.retry_after_ms > 0)
    return c->verdict.retry_after_ms;
  return backoff_ms(l, c);
}

/* Whether its slot asks for it no more: what came while it was in flight asks
 * for nothing that can be sent. */
static bool is_obsolete(const struct command *c) {
  const struct series *speaker = slot_speaker(c->slot);
  return c->policy->supersede && speaker != NULL && speaker->body == NULL;
}

/* Back to waiting: it keeps its place and holds its lane. If a newer command of
 * its slot came meanwhile, that takes over both. */
static void wait_for_retry(struct lanes *l, struct command *c,
                           struct moment now) {
  struct command *newer = c->slot->waiting;
  c->state = COMMAND_WAITING;
  c->not_before_ms = now.ms + retry_wait_ms(l, c);
  count_waiting(l, c);
  set_waits_for_credentials(l, c, c->verdict.class == VERDICT_CREDENTIALS);
  set_timer(l, c, c->not_before_ms);
  if (newer != NULL) {
    heap_remove(&c->lane->ready, newer);
    supersede(l, newer, c, now);
    return;
  }
  if (c->policy->supersede)
    c->slot->waiting = c;
  if (is_obsolete(c))
    supersede_waiting(l, c->slot, now);
  else if (c->deadline_ms <= now.ms)
    end_late(l, c, now);
}

static void end_in_flight(struct lanes *l, struct command *c,
                          enum outcome outcome, struct moment now) {
  c->lane->holder = NULL;
  wake_lane(l, c->lane);
  count_outcome(l, c, outcome, now);
}

static bool is_to_be_retried(const struct command *c) {
  switch (c->verdict.class) {
  case VERDICT_OFFLINE:
    return c->policy->retry_offline;
  case VERDICT_DOUBTFUL:
    return c->policy->retry_unknown;
  case VERDICT_NOT_EXECUTED:
  case VERDICT_NOT_SENT:
  case VERDICT_CREDENTIALS:
    return true;
  case VERDICT_ACCEPTED:
  case VERDICT_REFUSED:
    break;
  }
  return false;
}

static enum outcome final_outcome(const struct command *c) {
  if (c->verdict.class == VERDICT_ACCEPTED)
    return OUTCOME_ACCEPTED;
  /* A no to this attempt says nothing of a doubtful one before it. */
  return c->doubtful ? OUTCOME_UNKNOWN : OUTCOME_REFUSED;
}

/* Cooldown counts from the first attempt that may have been executed. */
static void start_cooldown(struct command *c) {
  int64_t until_ms = c->sent.ms + (int64_t)c->policy->cooldown_s * 1000;
  if (!c->doubtful && c->policy->cooldown_s > 0)
    c->slot->cooldown_until_ms = until_ms;
}

static void leave_flight(struct lanes *l, struct command *c,
                         enum verdict_class class, struct moment now) {
  struct endpoint_state *e = endpoint_of(l, c);
  if (c->state != COMMAND_IN_FLIGHT || c->lane->holder != c)
    abort();
  e->in_flight--;
  breaker_end(&e->breaker, c, class, c->lane, e->waiting > c->lane->waiting,
              now.ms);
  slot_end_attempt(c->slot, c, class, device_of(l, c)->account.epoch, now.ms);
  if (!slot_surely_unexecuted(class))
    start_cooldown(c);
  touch_slot(l, c->slot);
  touch_command(l, c);
}

void lanes_end(struct lanes *l, struct command *c,
               const struct verdict *verdict, struct moment now) {
  c->verdict = *verdict;
  leave_flight(l, c, verdict->class, now);
  if (verdict->class == VERDICT_DOUBTFUL)
    c->doubtful = true;
  if (is_to_be_retried(c))
    wait_for_retry(l, c, now);
  else
    end_in_flight(l, c, final_outcome(c), now);
}

void lanes_end_dry(struct lanes *l, struct command *c, struct moment now) {
  leave_flight(l, c, VERDICT_ACCEPTED, now);
  explain(c, "a dry run");
  end_in_flight(l, c, OUTCOME_CANCELLED, now);
}

/* ---- polls ---- */

int64_t lanes_poll_wait_ms(const struct lanes *l,
                           const struct endpoint *endpoint, struct moment now) {
  const struct endpoint_state *e = &l->endpoints[endpoint->index];
  size_t most = e->breaker.open ? 1 : ((size_t)endpoint->max_in_flight + 1) / 2;
  if (l->fresh.first != NULL || e->due.first != NULL || e->polls >= most)
    return COMMAND_NEVER_MS;
  return gate_wait_ms(l, endpoint->index, now.ms);
}

bool lanes_begin_poll(struct lanes *l, const struct endpoint *endpoint,
                      struct moment now) {
  struct endpoint_state *e = &l->endpoints[endpoint->index];
  if (lanes_poll_wait_ms(l, endpoint, now) > 0)
    return false;
  e->in_flight++;
  e->polls++;
  bucket_take(&e->bucket, now.ms);
  return true;
}

void lanes_end_poll(struct lanes *l, const struct endpoint *endpoint) {
  l->endpoints[endpoint->index].in_flight--;
  l->endpoints[endpoint->index].polls--;
}

/* ---- credentials ---- */

bool lanes_wait_for_credentials(const struct lanes *l,
                                const struct endpoint *endpoint) {
  return l->endpoints[endpoint->index].waiting_for_credentials > 0;
}

void lanes_retry_credentials(struct lanes *l, const struct endpoint *endpoint,
                             struct moment now) {
  for (size_t i = 0; i < l->timers.count; i++) {
    struct command *c = l->timers.items[i];
    if (!c->waits_for_credentials || c->device->endpoint != endpoint)
      continue;
    c->not_before_ms = now.ms;
    touch_command(l, c);
    wake_lane(l, c->lane);
  }
}

/* ---- what changed ---- */

struct command *lanes_changed_commands(const struct lanes *l) {
  return l->changed_commands;
}

const struct slot *lanes_changed_slots(const struct lanes *l) {
  return l->changed_slots;
}

const struct series *lanes_changed_series(const struct lanes *l) {
  return l->changed_series;
}

const struct account *lanes_changed_accounts(const struct lanes *l) {
  return l->changed_accounts;
}

static void forget_changed_commands(struct lanes *l) {
  for (struct command *c = l->changed_commands, *next; c != NULL; c = next) {
    next = c->next_changed;
    c->changed = false;
    if (c->state == COMMAND_FINISHED)
      command_free(c);
  }
  l->changed_commands = NULL;
  l->changed_commands_end = &l->changed_commands;
}

void lanes_recorded(struct lanes *l) {
  forget_changed_commands(l);
  for (; l->changed_slots != NULL;
       l->changed_slots = l->changed_slots->next_changed)
    l->changed_slots->changed = false;
  for (; l->changed_series != NULL;
       l->changed_series = l->changed_series->next_changed)
    l->changed_series->changed = false;
  for (; l->changed_accounts != NULL;
       l->changed_accounts = l->changed_accounts->next_changed)
    l->changed_accounts->changed = false;
}

static void touch_one_series(void *context, struct series *series) {
  touch_series(context, series);
}

void lanes_touch_all(struct lanes *l) {
  for (struct slot *slot = l->slots; slot != NULL; slot = slot->next) {
    touch_slot(l, slot);
    slot_each_series(slot, touch_one_series, l);
  }
  for (size_t i = 0; i < l->timers.count; i++)
    touch_command(l, l->timers.items[i]);
  for (size_t i = 0; i < l->device_count; i++) {
    touch_account(l, &l->devices[i].account);
    if (l->devices[i].lane->holder != NULL)
      touch_command(l, l->devices[i].lane->holder);
  }
}

const struct account *lanes_account(const struct lanes *l,
                                    const struct device *device) {
  return &l->devices[device->index].account;
}

size_t lanes_waiting(const struct lanes *l) { return l->waiting; }

bool lanes_circuit_is_open(const struct lanes *l,
                           const struct endpoint *endpoint) {
  return l->endpoints[endpoint->index].breaker.open;
}

size_t lanes_in_flight(const struct lanes *l, const struct endpoint *endpoint) {
  return l->endpoints[endpoint->index].in_flight;
}

/* ---- restoring ---- */

void lanes_set_next_id(struct lanes *l, int64_t id) {
  if (id > l->next_id)
    l->next_id = id;
}

void lanes_restore_account(struct lanes *l, const struct device *device,
                           const struct account *recorded) {
  struct account *account = &l->devices[device->index].account;
  account->created = recorded->created;
  memcpy(account->by_outcome, recorded->by_outcome, sizeof account->by_outcome);
  account->epoch = recorded->epoch;
}

int lanes_restore_series(struct lanes *l, struct series *series) {
  if (reserve_silence(l) < 0)
    return -ENOMEM;
  slot_place_series(series);
  watch_silence(l, series);
  return 0;
}

/* What was in flight when the process ended is doubtful. */
static void restore_in_flight(struct command *c) {
  if (!c->doubtful && c->policy->cooldown_s > 0)
    c->slot->cooldown_until_ms =
        c->sent.ms + (int64_t)c->policy->cooldown_s * 1000;
  c->doubtful = true;
  c->state = COMMAND_WAITING;
  c->verdict = (struct verdict){.class = VERDICT_DOUBTFUL};
  explain(c, "it was in flight when the process ended");
}

int lanes_restore_command(struct lanes *l, struct command *c,
                          struct moment now) {
  struct slot *slot = lanes_restore_slot(l, c->policy, c->device, c->slot_key);
  struct command *older = slot != NULL ? slot->waiting : NULL;
  bool was_in_flight = c->state == COMMAND_IN_FLIGHT;
  if (slot == NULL || reserve(l, device_of(l, c)->lane) < 0)
    return -ENOMEM;
  c->slot = slot;
  c->lane = device_of(l, c)->lane;
  c->ready_index = HEAP_OUTSIDE;
  c->timer_index = HEAP_OUTSIDE;
  c->place = ++l->next_place;
  if (was_in_flight)
    restore_in_flight(c);
  slot->pending++;
  device_of(l, c)->account.pending++;
  touch_account(l, &device_of(l, c)->account);
  touch_slot(l, slot);
  touch_command(l, c);
  count_waiting(l, c);
  if (older != NULL) {
    supersede(l, c, older, now);
    return 0;
  }
  if (c->policy->supersede)
    slot->waiting = c;
  place_command(l, c, now.ms);
  if (c->doubtful && (!c->policy->retry_unknown || is_obsolete(c)))
    end_waiting(l, c, OUTCOME_UNKNOWN, "", now);
  return 0;
}

/* ---- trimming ---- */

static bool is_at_rest(const struct slot *slot, int64_t idle_ms,
                       int64_t now_ms) {
  return slot->pending == 0 && slot->cooldown_until_ms <= now_ms &&
         slot->newest[SEVERITY_FAILURE] == NULL &&
         slot->newest[SEVERITY_WARNING] == NULL && !slot->changed &&
         now_ms - slot->last_event_ms > idle_ms;
}

static void unwatch_silence(void *context, struct series *series) {
  struct lanes *l = context;
  heap_remove(&l->silence, series);
}

void lanes_trim(struct lanes *l, int64_t idle_ms, struct moment now,
                lanes_removed_fn *removed, void *context) {
  for (struct slot **link = &l->slots, *slot; (slot = *link) != NULL;) {
    if (!is_at_rest(slot, idle_ms, now.ms)) {
      link = &slot->next;
      continue;
    }
    removed(context, slot->key);
    *link = slot->next;
    slot_each_series(slot, unwatch_silence, l);
    tdelete(slot, &l->slot_by_key, compare_slots);
    slot_free(slot);
  }
}
