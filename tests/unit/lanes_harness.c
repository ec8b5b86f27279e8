/* SPDX-License-Identifier: MIT */
#include "lanes_harness.h"

#include "base/heap.h"
#include "base/shared_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGINNING_MS INT64_C(1000000)
#define WALL_BEGINNING_MS INT64_C(1700000000000)

/* ---- the store ---- */

struct stored_command {
  struct stored_command *next;
  struct command command;
};

struct stored_series {
  struct stored_series *next;
  char *slot_key;
  struct series series;
};

struct stored_slot {
  struct stored_slot *next;
  struct slot slot;
  struct span span; /* if the slot has one */
};

struct stored_account {
  struct stored_account *next;
  struct account account;
};

struct stored_silence {
  struct stored_silence *next;
  int64_t id;
  int64_t wall_until_ms;
  const struct device *device;
  const struct policy *policy;
};

static void *allocate(size_t size) {
  void *memory = calloc(1, size);
  assert_non_null(memory);
  return memory;
}

static char *copy_text(const char *text) {
  char *copy = strdup(text);
  assert_non_null(copy);
  return copy;
}

static const char *copy_shared(const char *text) {
  const char *copy = shared_text_new(text);
  assert_non_null(copy);
  return copy;
}

/* A ledger does not keep with which header it was sent. */
static struct attempt *copy_attempt(const struct attempt *a) {
  struct attempt *copy = NULL;
  if (a != NULL) {
    copy = allocate(sizeof *copy);
    *copy = (struct attempt){.sent = a->sent, .verdict = a->verdict};
  }
  return copy;
}

static struct body *copy_body(const struct body *b) {
  if (b == NULL)
    return NULL;
  struct body *copy = body_new(b->data, b->size);
  assert_non_null(copy);
  return copy;
}

/* Only what a ledger keeps of a command: nothing that lanes or worker keep for
 * themselves. */
static struct command copy_command(const struct command *c) {
  return (struct command){.id = c->id,
                          .policy = c->policy,
                          .device = c->device,
                          .slot_key = copy_shared(c->slot_key),
                          .series = copy_shared(c->series),
                          .severity = c->severity,
                          .body = copy_body(c->body),
                          .has_value = c->has_value,
                          .value = c->value,
                          .timeout_s = c->timeout_s,
                          .created = c->created,
                          .valid_from_ms = c->valid_from_ms,
                          .deadline_ms = c->deadline_ms,
                          .not_before_ms = c->not_before_ms,
                          .waits_for_credentials = c->waits_for_credentials,
                          .attempt = copy_attempt(c->attempt),
                          .doubtful = c->doubtful,
                          .attempts = c->attempts,
                          .state = c->state};
}

static void free_stored_command(struct stored_command *s) {
  free(s->command.attempt);
  shared_text_unref(s->command.slot_key);
  shared_text_unref(s->command.series);
  body_unref(s->command.body);
  free(s);
}

static void store_command(struct store *store, const struct command *c) {
  struct stored_command **link = &store->commands, *old;
  while (*link != NULL && (*link)->command.id < c->id)
    link = &(*link)->next;
  old = *link;
  if (old != NULL && old->command.id == c->id) {
    *link = old->next;
    free_stored_command(old);
  }
  if (c->id >= store->next_id)
    store->next_id = c->id + 1;
  if (c->state == COMMAND_FINISHED)
    return;
  struct stored_command *s = allocate(sizeof *s);
  s->command = copy_command(c);
  s->next = *link;
  *link = s;
}

static struct accepted copy_memory(const struct accepted *m) {
  struct accepted copy = *m;
  copy.body = copy_body(m->body);
  return copy;
}

static struct stored_slot *find_stored_slot(const struct store *store,
                                            const char *key) {
  struct stored_slot *s = store->slots;
  while (s != NULL && strcmp(s->slot.key, key) != 0)
    s = s->next;
  return s;
}

static void store_slot(struct store *store, const struct slot *slot) {
  struct stored_slot *s = find_stored_slot(store, slot->key);
  if (s == NULL) {
    s = allocate(sizeof *s);
    s->slot.key = copy_shared(slot->key);
    s->next = store->slots;
    store->slots = s;
  }
  body_unref(s->slot.accepted.body);
  s->slot.policy = slot->policy;
  s->slot.device = slot->device;
  s->slot.accepted = copy_memory(&slot->accepted);
  s->slot.owes = slot->owes;
  s->slot.cooldown_until_ms = slot->cooldown_until_ms;
  if (slot->span != NULL)
    s->span = (struct span){.since_ms = slot->span->since_ms,
                            .left_okay_ms = slot->span->left_okay_ms,
                            .waits = slot->span->waits,
                            .has_fired = slot->span->has_fired,
                            .is_spent = slot->span->is_spent,
                            .is_recorded = true,
                            .due_index = HEAP_OUTSIDE};
}

static void free_stored_slot(struct stored_slot *s) {
  shared_text_unref(s->slot.key);
  body_unref(s->slot.accepted.body);
  free(s);
}

static void free_stored_series(struct stored_series *s) {
  free(s->slot_key);
  shared_text_unref(s->series.name);
  body_unref(s->series.body);
  body_unref(s->series.okay_body);
  free(s);
}

/* All of the slot, or of that name; but not that one. */
static void remove_stored_series(struct store *store, const char *slot_key,
                                 const char *name,
                                 const struct stored_series *but) {
  for (struct stored_series **link = &store->series, *s; (s = *link) != NULL;) {
    if (s != but && strcmp(s->slot_key, slot_key) == 0 &&
        (name == NULL || strcmp(s->series.name, name) == 0)) {
      *link = s->next;
      free_stored_series(s);
    } else {
      link = &s->next;
    }
  }
}

static bool is_stored_as(const struct stored_series *s,
                         const struct series *series) {
  return strcmp(s->slot_key, series->slot->key) == 0 &&
         strcmp(s->series.name, series->name) == 0;
}

/* Where it belongs by its arrival: behind others of the same moment, but where
 * it is if that has not changed. */
static struct stored_series **find_place(struct store *store,
                                         const struct series *series) {
  struct stored_series **link = &store->series;
  while (*link != NULL && (*link)->series.arrived_ms <= series->arrived_ms) {
    if ((*link)->series.arrived_ms == series->arrived_ms &&
        is_stored_as(*link, series))
      break;
    link = &(*link)->next;
  }
  return link;
}

static void store_series(struct store *store, const struct series *series) {
  struct stored_series **link = find_place(store, series);
  struct stored_series *s = allocate(sizeof *s);
  s->slot_key = copy_text(series->slot->key);
  s->series = (struct series){.name = copy_shared(series->name),
                              .severity = series->severity,
                              .body = copy_body(series->body),
                              .okay_body = copy_body(series->okay_body),
                              .has_unsendable = series->has_unsendable,
                              .unsendable_bytes = series->unsendable_bytes,
                              .has_value = series->has_value,
                              .value = series->value,
                              .arrived_ms = series->arrived_ms,
                              .since_ms = series->since_ms,
                              .event = series->event,
                              .event_severity = series->event_severity,
                              .valued = series->valued};
  s->next = *link;
  *link = s;
  remove_stored_series(store, s->slot_key, s->series.name, s);
}

static struct stored_account *find_stored_account(const struct store *store,
                                                  const struct device *device) {
  struct stored_account *s = store->accounts;
  while (s != NULL && s->account.device != device)
    s = s->next;
  return s;
}

static void store_account(struct store *store, const struct account *a) {
  struct stored_account *s = find_stored_account(store, a->device);
  if (s == NULL) {
    s = allocate(sizeof *s);
    s->next = store->accounts;
    store->accounts = s;
  }
  s->account = *a;
}

static void store_remove_slot(struct store *store, const char *key) {
  struct stored_slot **link = &store->slots, *s;
  while ((s = *link) != NULL && strcmp(s->slot.key, key) != 0)
    link = &s->next;
  if (s == NULL)
    return;
  *link = s->next;
  free_stored_slot(s);
  remove_stored_series(store, key, NULL, NULL);
}

static void store_slot_change(struct store *store, const struct slot *s) {
  if (s->change.is_last)
    store_remove_slot(store, s->key);
  else
    store_slot(store, s);
}

static void store_series_change(struct store *store, const struct series *s) {
  if (s->change.is_last)
    remove_stored_series(store, s->slot->key, s->name, NULL);
  else
    store_series(store, s);
}

/* A silence that is noted for the last time is not in force. */
static void store_order(struct store *store, const struct order *o) {
  struct stored_silence **link = &store->silences, *s;
  while (*link != NULL && (*link)->id < o->id)
    link = &(*link)->next;
  if ((s = *link) != NULL && s->id == o->id) {
    *link = s->next;
    free(s);
  }
  if (o->change.is_last)
    return;
  s = allocate(sizeof *s);
  *s = (struct stored_silence){.next = *link,
                               .id = o->id,
                               .wall_until_ms = o->wall_until_ms,
                               .device = o->device,
                               .policy = o->policy};
  *link = s;
}

static void store_change(struct store *store, struct change *c) {
  switch (c->kind) {
  case CHANGE_SLOT:
    store_slot_change(store, journal_slot(c));
    break;
  case CHANGE_SERIES:
    store_series_change(store, journal_series(c));
    break;
  case CHANGE_COMMAND:
    store_command(store, journal_command(c));
    break;
  case CHANGE_ACCOUNT:
    store_account(store, journal_account(c));
    break;
  case CHANGE_ORDER:
    store_order(store, journal_order(c));
    break;
  case CHANGE_TRACKED:
    break;
  }
}

static void store_changes(struct store *store, const struct journal *j) {
  for (struct change *c = j->first; c != NULL; c = c->next)
    store_change(store, c);
}

static void store_free(struct store *store) {
  while (store->slots != NULL) {
    char *key = copy_text(store->slots->slot.key);
    store_remove_slot(store, key);
    free(key);
  }
  for (struct stored_command *s = store->commands, *next; s; s = next) {
    next = s->next;
    free_stored_command(s);
  }
  for (struct stored_account *s = store->accounts, *next; s; s = next) {
    next = s->next;
    free(s);
  }
  for (struct stored_silence *s = store->silences, *next; s; s = next) {
    next = s->next;
    free(s);
  }
}

static void restore_series(struct lanes *l, const struct stored_series *s,
                           const struct stored_slot *of) {
  struct slot *slot =
      lanes_find_or_add_slot(l, of->slot.policy, of->slot.device, of->slot.key);
  struct series *series = slot_add_series(slot, s->series.name);
  assert_non_null(series);
  series->severity = s->series.severity;
  series->body = copy_body(s->series.body);
  series->okay_body = copy_body(s->series.okay_body);
  series->has_unsendable = s->series.has_unsendable;
  series->unsendable_bytes = s->series.unsendable_bytes;
  series->has_value = s->series.has_value;
  series->value = s->series.value;
  series->arrived_ms = s->series.arrived_ms;
  series->since_ms = s->series.since_ms;
  series->event = s->series.event;
  series->event_severity = s->series.event_severity;
  series->valued = s->series.valued;
  assert_int_equal(lanes_restore_series(l, series), 0);
}

static void restore_slot(struct lanes *l, const struct stored_slot *s) {
  struct slot *slot =
      lanes_find_or_add_slot(l, s->slot.policy, s->slot.device, s->slot.key);
  assert_non_null(slot);
  slot->accepted = copy_memory(&s->slot.accepted);
  slot->owes = s->slot.owes;
  slot->cooldown_until_ms = s->slot.cooldown_until_ms;
  if (slot->span != NULL && s->span.is_recorded)
    *slot->span = s->span;
}

/* The slot and the account of what is in flight were not stored when that
 * began. */
static void settle_in_flight(const struct store *store) {
  for (struct stored_command *s = store->commands; s != NULL; s = s->next) {
    struct stored_slot *slot = find_stored_slot(store, s->command.slot_key);
    if (s->command.state != COMMAND_IN_FLIGHT)
      continue;
    if (slot != NULL) {
      body_unref(slot->slot.accepted.body);
      slot->slot.accepted = (struct accepted){0};
    }
    find_stored_account(store, s->command.device)->account.attempts_begun++;
  }
}

static bool has_series(const struct store *store, const char *slot_key) {
  const struct stored_series *s = store->series;
  while (s != NULL && strcmp(s->slot_key, slot_key) != 0)
    s = s->next;
  return s != NULL;
}

static struct order *new_order(enum order_verb verb, int64_t id) {
  struct order *o = order_new();
  assert_non_null(o);
  o->verb = verb;
  o->id = id;
  return o;
}

static void restore_silence(struct lanes *l, const struct stored_silence *s,
                            struct moment now) {
  struct order *o = new_order(ORDER_SILENCE, s->id);
  o->wall_until_ms = s->wall_until_ms;
  o->device = s->device;
  o->policy = s->policy;
  order_obey(o, now);
  assert_int_equal(lanes_restore_silence(l, o, now), 0);
}

static void restore_silences(const struct store *store, struct lanes *l,
                             struct moment now) {
  for (struct stored_silence *s = store->silences; s != NULL; s = s->next)
    if (s->wall_until_ms > now.wall_ms)
      restore_silence(l, s, now);
}

static void restore_rest(const struct store *store, struct lanes *l,
                         struct moment now) {
  settle_in_flight(store);
  lanes_set_next_id(l, store->next_id);
  for (struct stored_account *s = store->accounts; s != NULL; s = s->next)
    lanes_restore_account(l, s->account.device, &s->account);
  for (struct stored_slot *s = store->slots; s != NULL; s = s->next)
    if (has_series(store, s->slot.key) &&
        !lanes_has_newer(l, s->slot.key, NULL))
      restore_slot(l, s);
  for (struct stored_series *s = store->series; s != NULL; s = s->next)
    if (!lanes_has_newer(l, s->slot_key, s->series.name))
      restore_series(l, s, find_stored_slot(store, s->slot_key));
  for (struct stored_command *s = store->commands; s != NULL; s = s->next) {
    struct command *c = command_new();
    assert_non_null(c);
    *c = copy_command(&s->command);
    assert_int_equal(lanes_restore_command(l, c, now), 0);
  }
}

static void store_restore(const struct world *w, const struct store *store) {
  if (!w->reads_silences_last)
    restore_silences(store, w->lanes, w->now);
  restore_rest(store, w->lanes, w->now);
  if (w->reads_silences_last)
    restore_silences(store, w->lanes, w->now);
}

/* ---- the world ---- */

static uint64_t draw(void *context, uint64_t max_inclusive) {
  struct world *w = context;
  w->jitter_max = max_inclusive;
  return max_inclusive * w->jitter_percent / 100;
}

struct world *world_new(void) {
  struct world *w = allocate(sizeof *w);
  w->directory = directory_new();
  assert_non_null(w->directory);
  w->now = (struct moment){.ms = BEGINNING_MS, .wall_ms = WALL_BEGINNING_MS};
  w->jitter_percent = 100;
  journal_init(&w->journal);
  w->options = (struct lanes_options){.directory = w->directory,
                                      .journal = &w->journal,
                                      .queue_limit = 100000,
                                      .queue_bytes = 67108864,
                                      .series_max = 100000,
                                      .random = draw,
                                      .random_context = w};
  return w;
}

void world_free(struct world *w) {
  journal_clear(&w->journal);
  lanes_free(w->lanes);
  store_free(&w->store);
  store_free(&w->unread);
  for (struct control *at = w->controls, *next; at != NULL; at = next) {
    next = at->next;
    free(at);
  }
  directory_free(w->directory);
  free(w);
}

int world_setup(void **state) {
  *state = world_new();
  return 0;
}

int world_teardown(void **state) {
  world_free(*state);
  return 0;
}

struct lanes *world_lanes(struct world *w) {
  if (w->lanes == NULL) {
    w->lanes = lanes_new(&w->options);
    assert_non_null(w->lanes);
  }
  return w->lanes;
}

struct endpoint *endpoint_called(struct world *w, const char *name) {
  struct endpoint *e = directory_find_endpoint(w->directory, name);
  if (e == NULL)
    assert_int_equal(directory_add_endpoint(w->directory, name, &e), 0);
  return e;
}

struct device *device_called(struct world *w, const char *name) {
  struct device *d = directory_find_device(w->directory, name);
  if (d != NULL)
    return d;
  assert_int_equal(directory_add_device(w->directory, name, &d), 0);
  assert_int_equal(device_set_id(d, name), 0);
  d->endpoint = endpoint_called(w, "cloud");
  return d;
}

static const struct policy default_policy = {.content_type = "text/plain",
                                             .supersede = true,
                                             .timeout_s = POLICY_DEFAULT,
                                             .expire_s = POLICY_DEFAULT,
                                             .repeat_s = POLICY_DEFAULT};

struct control *rule_for(struct world *w, const char *rule,
                         const char *device) {
  struct device *d = device_called(w, device);
  for (struct control *at = w->controls; at != NULL; at = at->next)
    if (strcmp(at->rule, rule) == 0 && at->device == d)
      return at;
  struct control *at = allocate(sizeof *at);
  at->world = w;
  at->device = d;
  at->policy = default_policy;
  at->policy.rule = at->rule;
  snprintf(at->rule, sizeof at->rule, "%s", rule);
  if (order_sends_by(&at->policy)) {
    at->policy.supersede = false;
    at->policy.repeat_s = 0;
  }
  at->next = w->controls;
  w->controls = at;
  return at;
}

struct control *the_fan(void **state) {
  return rule_for(*state, "heat", "fan");
}

static void note_end(struct world *w, const struct command *c) {
  w->fleeting += command_is_fleeting(c);
  size_t used = strlen(w->ended);
  int size = c->body != NULL ? (int)c->body->size : 1;
  snprintf(w->ended + used, sizeof w->ended - used, "%s%s %.*s %s",
           used > 0 ? ", " : "", c->policy->rule, size,
           c->body != NULL ? c->body->data : "-", outcome_name(c->outcome));
}

static void note_ends(struct world *w) {
  for (struct change *change = w->journal.first; change;
       change = change->next) {
    const struct command *c = journal_command(change);
    if (c != NULL && c->state == COMMAND_FINISHED)
      note_end(w, c);
  }
}

void commit(struct world *w) {
  world_lanes(w);
  if (w->observe != NULL)
    w->observe(w->observe_context, w);
  else
    note_ends(w);
  store_changes(&w->store, &w->journal);
  journal_clear(&w->journal);
  is_balanced(w);
}

static void end_process(struct world *w) {
  commit(w);
  lanes_free(w->lanes);
  w->lanes = NULL;
  for (struct control *at = w->controls; at != NULL; at = at->next)
    at->in_flight = NULL;
}

void restart(struct world *w) {
  end_process(w);
  world_lanes(w);
  store_restore(w, &w->store);
  commit(w);
}

void restart_without_reading(struct world *w) {
  end_process(w);
  store_free(&w->unread);
  w->unread = w->store;
  w->store = (struct store){0};
  w->options.first_okay_send = true;
  lanes_set_next_id(world_lanes(w), w->unread.next_id + 1000);
}

void read_late(struct world *w) {
  lanes_begin_late_restore(w->lanes);
  store_restore(w, &w->unread);
  lanes_end_late_restore(w->lanes);
  lanes_note_all(w->lanes);
  commit(w);
}

size_t trim(struct world *w, int64_t idle_ms) {
  size_t count = 0;
  lanes_trim(world_lanes(w), idle_ms, w->now);
  for (struct change *change = w->journal.first; change; change = change->next)
    count += change->kind == CHANGE_SLOT && change->is_last;
  store_changes(&w->store, &w->journal);
  journal_clear(&w->journal);
  return count;
}

/* ---- what happens ---- */

static struct firing_body bytes_of(const char *text) {
  return (struct firing_body){text, text != NULL ? strlen(text) : 0};
}

struct firing *firing_of(const struct control *at, const struct fired *f) {
  struct firing *firing =
      firing_new(f->series, bytes_of(f->body), bytes_of(f->okay_body));
  assert_non_null(firing);
  firing->policy = &at->policy;
  firing->device = at->device;
  firing->severity = f->severity;
  firing->has_unsendable = f->unsendable_bytes > 0;
  firing->unsendable_bytes = f->unsendable_bytes;
  firing->is_other_source = firing->is_unmatched = f->is_other_source;
  firing->passes_okay = f->passes_okay;
  firing->has_value = f->has_value;
  firing->value = f->value;
  firing->arrived = at->world->now;
  firing->wall_event_ms = at->world->now.wall_ms - f->age_ms;
  return firing;
}

enum ignored fire(struct control *at, struct fired f) {
  struct world *w = at->world;
  enum ignored ignored;
  assert_int_equal(
      lanes_take(world_lanes(w), firing_of(at, &f), w->now, &ignored), 0);
  commit(w);
  return ignored;
}

struct fired silent_failure(const char *series) {
  return (struct fired){.series = series,
                        .severity = SEVERITY_FAILURE,
                        .body = "on",
                        .okay_body = "off"};
}

enum ignored take_okay(struct control *at) {
  return fire(at, (struct fired){.series = "rack1", .body = "off"});
}

#define OLDEST_MS 1000000

static int64_t next_age_ms(struct world *w) {
  return OLDEST_MS - ++w->event_count;
}

static void fire_state(struct control *at, const char *series,
                       enum severity severity, const char *body) {
  const struct fired f = {.series = series,
                          .severity = severity,
                          .body = body,
                          .age_ms = next_age_ms(at->world)};
  assert_int_equal(fire(at, f), IGNORED_NOT);
}

void failure(struct control *at, const char *series, const char *body) {
  fire_state(at, series, SEVERITY_FAILURE, body);
}

void warning(struct control *at, const char *series, const char *body) {
  fire_state(at, series, SEVERITY_WARNING, body);
}

void okay(struct control *at, const char *series, const char *body) {
  fire_state(at, series, SEVERITY_OKAY, body);
}

void value(struct control *at, const char *series, double number) {
  char body[32];
  snprintf(body, sizeof body, "%g", number);
  const struct fired f = {.series = series,
                          .severity = SEVERITY_VALUE,
                          .body = body,
                          .has_value = true,
                          .value = number,
                          .age_ms = next_age_ms(at->world)};
  assert_int_equal(fire(at, f), IGNORED_NOT);
}

void passes(struct world *w, int64_t ms) {
  w->now.ms += ms;
  w->now.wall_ms += ms;
}

void ends_with(struct control *at, struct verdict verdict) {
  assert_non_null(at->in_flight);
  lanes_end(at->world->lanes, at->in_flight, &verdict, at->world->now);
  at->in_flight = NULL;
  commit(at->world);
}

void ends_telling_to_wait(struct control *at, enum verdict_class class,
                          int64_t retry_after_ms) {
  ends_with(at,
            (struct verdict){.class = class, .retry_after_ms = retry_after_ms});
}

void ends(struct control *at, enum verdict_class class) {
  ends_telling_to_wait(at, class, 0);
}

/* ---- orders ---- */

struct order *order_of(struct world *w, enum order_verb verb) {
  return new_order(verb, ++w->order_count);
}

struct order *silence_of(struct control *at, int64_t ms) {
  struct order *o = order_of(at->world, ORDER_SILENCE);
  o->policy = &at->policy;
  o->wall_until_ms = at->world->now.wall_ms + ms;
  return o;
}

struct order *silence_of_device(struct world *w, const char *device,
                                int64_t ms) {
  struct order *o = order_of(w, ORDER_SILENCE);
  o->device = device_called(w, device);
  o->wall_until_ms = w->now.wall_ms + ms;
  return o;
}

static struct body *body_of(const char *text) {
  struct body *b = body_new(text, strlen(text));
  assert_non_null(b);
  return b;
}

struct order *send_order(struct world *w, const char *device,
                         const char *body) {
  struct control *by_hand = rule_for(w, ORDER_RULE, device);
  struct order *o = order_of(w, ORDER_SEND);
  o->device = by_hand->device;
  o->policy = &by_hand->policy;
  o->body = body_of(body);
  return o;
}

struct order *retry_order(struct control *at, int64_t id, const char *body,
                          enum outcome was) {
  struct order *o = order_of(at->world, ORDER_RETRY);
  o->command_id = id;
  o->device = at->device;
  o->policy = &at->policy;
  o->body = body != NULL ? body_of(body) : NULL;
  o->was = was;
  return o;
}

struct order *cancel_order(struct world *w, int64_t id) {
  struct order *o = order_of(w, ORDER_CANCEL);
  o->command_id = id;
  return o;
}

void obeyed(struct world *w, struct order *o) {
  lanes_obey(world_lanes(w), o, w->now);
  assert_string_equal(o->state == ORDER_REFUSED ? o->why : "", "");
  assert_int_equal(o->state, ORDER_OBEYED);
  commit(w);
}

void refused(struct world *w, struct order *o, const char *why) {
  lanes_obey(world_lanes(w), o, w->now);
  assert_int_equal(o->state, ORDER_REFUSED);
  assert_string_equal(o->why, why);
  commit(w);
}

/* ---- what must come of it ---- */

void begins(struct control *at, const char *body) {
  struct world *w = at->world;
  struct command *c = lanes_begin(world_lanes(w), w->now);
  assert_non_null(c);
  assert_string_equal(c->policy->rule, at->rule);
  assert_string_equal(c->device->name, at->device->name);
  assert_int_equal(c->body->size, strlen(body));
  assert_memory_equal(c->body->data, body, c->body->size);
  assert_int_equal(c->state, COMMAND_IN_FLIGHT);
  at->in_flight = c;
  commit(w);
}

void nothing_begins(struct world *w) {
  assert_null(lanes_begin(world_lanes(w), w->now));
  commit(w);
  assert_true(lanes_wait_ms(w->lanes, w->now) > 0);
}

/* So much time passes, in which nothing begins. */
static void nothing_begins_for(struct world *w, int64_t ms) {
  while (ms > 0) {
    nothing_begins(w);
    int64_t wait_ms = lanes_wait_ms(w->lanes, w->now);
    int64_t step_ms = ms == 1 ? 1 : wait_ms < ms ? wait_ms : ms - 1;
    passes(w, step_ms);
    ms -= step_ms;
  }
}

void begins_after(struct control *at, const char *body, int64_t ms) {
  nothing_begins_for(at->world, ms);
  begins(at, body);
}

void is_sent(struct control *at, const char *body) {
  begins(at, body);
  ends(at, VERDICT_ACCEPTED);
}

void ended(struct world *w, const char *expected) {
  assert_string_equal(w->ended, expected);
  w->ended[0] = '\0';
}

void ended_after(struct world *w, const char *expected, int64_t ms) {
  nothing_begins_for(w, ms);
  ended(w, "");
  lanes_expire(w->lanes, w->now);
  commit(w);
  ended(w, expected);
}

void is_balanced(struct world *w) {
  for (size_t i = 0; i < directory_device_count(w->directory); i++) {
    const struct account *a =
        lanes_account(w->lanes, directory_device(w->directory, i));
    uint64_t sum = a->pending;
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
      sum += a->by_outcome[outcome];
    assert_int_equal(a->created, sum);
  }
}

uint64_t outcomes_of(struct world *w, const char *device,
                     enum outcome outcome) {
  return lanes_account(w->lanes, device_called(w, device))->by_outcome[outcome];
}

uint64_t created_of(struct world *w, const char *device) {
  return lanes_account(w->lanes, device_called(w, device))->created;
}
