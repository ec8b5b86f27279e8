/* SPDX-License-Identifier: MIT */
#include "rehearsal.h"

#include "agent/orders.h"
#include "base/shared_text.h"
#include "delivery/lanes.h"
#include "ledger/ledger.h"
#include "words/tracked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Commands by pointer; they belong to the lanes. */
struct commands {
  struct command **items;
  size_t count;
};

struct rehearsal {
  const struct options *options;
  struct orders *orders; /* whose policies commands sent by hand have */
  struct journal journal;
  struct lanes *lanes;
  struct moment now; /* of the restoring */
  int64_t next_id;   /* of the ledger: commands of the rehearsal begin there */
  bool is_running;
  struct commands pending; /* of the record, and what has begun since */
};

/* ---- arrays ---- */

static int append(struct commands *list, struct command *c) {
  bool is_full = (list->count & (list->count - 1)) == 0; /* 0, 1, 2, 4, 8 ... */
  size_t room = list->count == 0 ? 1 : 2 * list->count;
  struct command **larger =
      is_full ? realloc(list->items, room * sizeof(*larger)) : list->items;
  if (larger == NULL)
    return -ENOMEM;
  list->items = larger;
  list->items[list->count++] = c;
  return 0;
}

/* ---- what the ledger calls ---- */

static const struct policy *find_policy(void *context, const char *rule,
                                        const char *content_type,
                                        const char *service) {
  const struct rehearsal *r = context;
  return orders_find_policy(r->orders, rule, content_type, service);
}

static bool has_newer(void *context, const char *slot_key, const char *name) {
  (void)context;
  (void)slot_key;
  (void)name;
  return false;
}

static int restore_account(void *context, const struct device *device,
                           const struct account *account) {
  const struct rehearsal *r = context;
  lanes_restore_account(r->lanes, device, account);
  return 0;
}

static struct slot *restore_slot(void *context, const struct policy *policy,
                                 const struct device *device, const char *key) {
  const struct rehearsal *r = context;
  return lanes_find_or_add_slot(r->lanes, policy, device, key);
}

static int restore_series(void *context, struct series *series) {
  const struct rehearsal *r = context;
  return lanes_restore_series(r->lanes, series);
}

/* Keeps a command, which comes into the lanes later. */
static int keep_command(void *context, struct command *command) {
  struct rehearsal *r = context;
  return append(&r->pending, command);
}

static int restore_silence(void *context, struct order *order) {
  const struct rehearsal *r = context;
  return lanes_restore_silence(r->lanes, order, r->now);
}

static int ignore_tracked(void *context, struct tracked *tracked) {
  (void)context;
  tracked_free(tracked);
  return 0;
}

/* ---- commands of the record ---- */

static int compare_sent(const void *a, const void *b) {
  int64_t x = command_sent(*(struct command *const *)a).ms;
  int64_t y = command_sent(*(struct command *const *)b).ms;
  return (x > y) - (x < y);
}

/* Gives a command to the lanes, which own it after that. */
static int give_command(const struct rehearsal *r, struct command *c) {
  int status = lanes_restore_command(r->lanes, c, r->now);
  if (status < 0)
    command_free(c);
  return status;
}

/* Puts a command that an agent has in flight in flight, as it began then. */
static int begin_again(const struct rehearsal *r, struct command *c) {
  struct moment sent = command_sent(c);
  const struct command *begun;
  c->state = COMMAND_WAITING;
  c->not_before_ms = 0;
  int status = give_command(r, c);
  do
    begun = status == 0 ? lanes_begin(r->lanes, sent) : NULL;
  while (begun != NULL && begun != c);
  return status;
}

/* Takes those in flight out of the list, in the order in which they began, and
 * leaves the others in the order of their ids. */
static int take_in_flight(struct commands *from, struct commands *ret_taken) {
  size_t left = 0;
  int status = 0;
  for (size_t i = 0; i < from->count; i++) {
    struct command *c = from->items[i];
    if (status == 0 && c->state == COMMAND_IN_FLIGHT && c->attempt != NULL)
      status = append(ret_taken, c);
    else
      from->items[left++] = c;
  }
  from->count = left;
  if (ret_taken->count > 0)
    qsort(ret_taken->items, ret_taken->count, sizeof(*ret_taken->items),
          compare_sent);
  return status;
}

/* Gives all of the list to the lanes, or frees it after an error. Keeps those
 * that are pending after that. */
static int give_all(struct rehearsal *r, struct commands *list,
                    int (*give)(const struct rehearsal *r, struct command *c),
                    int status) {
  for (size_t i = 0; i < list->count; i++) {
    struct command *c = list->items[i];
    if (status < 0)
      command_free(c);
    else
      status = give(r, c);
    if (status == 0 && c->state != COMMAND_FINISHED)
      status = append(&r->pending, c);
  }
  free(list->items);
  return status;
}

/* Those in flight come first: each was the first of its lane when it began. */
static int give_pending(struct rehearsal *r, int status) {
  struct commands waiting = r->pending, in_flight = {.count = 0};
  r->pending = (struct commands){.count = 0};
  if (r->is_running && status == 0)
    status = take_in_flight(&waiting, &in_flight);
  status = give_all(r, &in_flight, begin_again, status);
  return give_all(r, &waiting, give_command, status);
}

/* Leaves out those that have ended since they were given: a later one took the
 * place, or there was no room for them. The journal is about to free them. */
static void leave_out_ended(struct commands *list) {
  size_t left = 0;
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i]->state != COMMAND_FINISHED)
      list->items[left++] = list->items[i];
  list->count = left;
}

/* ---- life ---- */

/* Waits are not by chance: nothing is told of how long one lasts. */
static uint64_t no_chance(void *context, uint64_t max_inclusive) {
  (void)context;
  return max_inclusive;
}

struct rehearsal *rehearsal_new_empty(const struct options *options) {
  struct rehearsal *r = calloc(1, sizeof *r);
  if (r == NULL)
    return NULL;
  journal_init(&r->journal);
  r->options = options;
  r->next_id = 1;
  const struct lanes_options lanes = {.directory = options->directory,
                                      .journal = &r->journal,
                                      .queue_limit = options->queue_limit,
                                      .queue_bytes = options->queue_bytes,
                                      .series_max = options->series_max,
                                      .random = no_chance};
  r->lanes = lanes_new(&lanes);
  r->orders = orders_new(options);
  if (r->lanes != NULL && r->orders != NULL)
    return r;
  rehearsal_free(r);
  return NULL;
}

void rehearsal_free(struct rehearsal *r) {
  if (r == NULL)
    return;
  journal_clear(&r->journal);
  lanes_free(r->lanes);
  orders_free(r->orders);
  free(r->pending.items);
  free(r);
}

static int load(struct rehearsal *r, char *ret_why, size_t why_bytes) {
  const struct ledger_callbacks callbacks = {.context = r,
                                             .find_policy = find_policy,
                                             .has_newer = has_newer,
                                             .account = restore_account,
                                             .slot = restore_slot,
                                             .series = restore_series,
                                             .command = keep_command,
                                             .tracked = ignore_tracked,
                                             .silence = restore_silence};
  int status = ledger_peek(r->options->ledger_path, r->options->directory,
                           &callbacks, r->now, &r->next_id, ret_why, why_bytes);
  lanes_set_next_id(r->lanes, r->next_id);
  status = give_pending(r, status);
  leave_out_ended(&r->pending);
  journal_clear(&r->journal);
  return status;
}

int rehearsal_new(const struct options *options, bool is_running,
                  struct moment now, struct rehearsal **ret_rehearsal,
                  char *ret_why, size_t why_bytes) {
  struct rehearsal *r = rehearsal_new_empty(options);
  snprintf(ret_why, why_bytes, "out of memory");
  if (r == NULL)
    return -ENOMEM;
  r->is_running = is_running;
  r->now = now;
  int status = load(r, ret_why, why_bytes);
  if (status == 0)
    *ret_rehearsal = r;
  else
    rehearsal_free(r);
  return status;
}

/* ---- what was before ---- */

static void count_series(void *context, struct series *series) {
  struct slot_sight *sight = context;
  sight->series[series->severity]++;
}

static const struct command *pending_of(const struct rehearsal *r,
                                        const char *slot_key,
                                        enum command_state state) {
  for (size_t i = 0; i < r->pending.count; i++)
    if (r->pending.items[i]->state == state &&
        strcmp(r->pending.items[i]->slot_key, slot_key) == 0)
      return r->pending.items[i];
  return NULL;
}

static int64_t id_of(const struct command *c) { return c != NULL ? c->id : 0; }

static void look_at_speaker(const struct slot *slot, struct slot_sight *sight) {
  const struct series *speaker = slot_speaker(slot);
  if (speaker == NULL)
    return;
  sight->severity = speaker->severity;
  sight->since_ms = speaker->since_ms;
  snprintf(sight->speaker, sizeof sight->speaker, "%s", speaker->name);
}

static void look_at_slot(const struct rehearsal *r, const struct slot *slot,
                         struct slot_sight *sight) {
  const struct account *account = lanes_account(r->lanes, slot->device);
  look_at_speaker(slot, sight);
  slot_each_series(slot, count_series, sight);
  sight->is_known = true;
  sight->accepted = body_ref(slot->accepted.body);
  sight->accepted_ms = slot->accepted.accepted_ms;
  sight->is_void = account->attempts_begun > slot->accepted.attempts_begun;
  sight->cooldown_until_ms = slot->cooldown_until_ms;
  sight->due_ms = slot_due_ms(slot);
  sight->owes = slot->owes;
  sight->waiting_id = id_of(pending_of(r, slot->key, COMMAND_WAITING));
  sight->in_flight_id = id_of(pending_of(r, slot->key, COMMAND_IN_FLIGHT));
}

/* ---- taking ---- */

static int64_t deadline_of(const struct command *c) {
  int expire_s = policy_expire_s(c->policy, c->device);
  return expire_s == 0 ? COMMAND_NEVER_MS
                       : c->created.ms + (int64_t)expire_s * 1000;
}

/* Makes a command of the event's own body, if it has one. */
static int make_sample(const struct firing *f, struct fate *fate) {
  if (f->body == NULL)
    return 0;
  struct command *c = command_new();
  if (c == NULL)
    return -ENOMEM;
  fate->sample = c;
  c->policy = f->policy;
  c->device = f->device;
  c->severity = f->severity;
  c->body = body_new(f->body->data, f->body->size);
  c->slot_key = shared_text_new("");
  c->series = shared_text_new(f->series);
  c->created = f->arrived;
  c->valid_from_ms = f->arrived.ms;
  c->timeout_s = policy_timeout_s(c->policy, c->device);
  c->deadline_ms = deadline_of(c);
  return c->body != NULL && c->slot_key != NULL && c->series != NULL ? 0
                                                                     : -ENOMEM;
}

static bool is_of(const struct command *c, const struct fate *fate) {
  return c != NULL && c->policy == fate->policy && c->device == fate->device;
}

/* Finds in the journal the command that was made, and the one that gives way to
 * it. */
static void read_journal(const struct rehearsal *r, struct fate *fate) {
  for (struct change *change = r->journal.first; change != NULL;
       change = change->next) {
    const struct command *c = journal_command(change);
    if (!is_of(c, fate))
      continue;
    if (!change->is_told)
      fate->command = c;
    else if (c->state == COMMAND_FINISHED && c->outcome == OUTCOME_SUPERSEDED)
      fate->superseded_id = c->id;
  }
}

static int take(struct rehearsal *r, struct firing *f, const char *key,
                struct moment now, struct fate *fate) {
  const struct slot *slot = lanes_slot(r->lanes, key);
  if (slot != NULL)
    look_at_slot(r, slot, &fate->before);
  int status = lanes_take(r->lanes, f, now, &fate->ignored);
  if (status == -EAGAIN)
    firing_free(f);
  if (status < 0)
    return -ENOMEM;
  slot = lanes_slot(r->lanes, key);
  if (slot != NULL)
    fate->due_ms = slot_due_ms(slot);
  read_journal(r, fate);
  return 0;
}

int rehearsal_take(struct rehearsal *r, struct firing *f, struct moment now,
                   struct fate *ret_fate) {
  char key[SLOT_KEY_BYTES];
  *ret_fate = (struct fate){.policy = f->policy,
                            .device = f->device,
                            .ignored = IGNORED_NOT,
                            .is_other_source = f->is_other_source,
                            .before = {.due_ms = COMMAND_NEVER_MS},
                            .due_ms = COMMAND_NEVER_MS};
  slot_format_key(f->policy, f->device, f->series, key);
  int status = make_sample(f, ret_fate);
  if (status == 0 && r != NULL)
    return take(r, f, key, now, ret_fate);
  firing_free(f);
  return status;
}

void fate_free(struct fate *f) {
  body_unref(f->before.accepted);
  command_free(f->sample);
}

/* ---- running ---- */

void rehearsal_run(struct rehearsal *r, struct moment now) {
  struct command *c;
  int status = 0;
  while (status == 0 && (c = lanes_begin(r->lanes, now)) != NULL)
    status = append(&r->pending, c);
}

static bool is_same_lane(const struct command *a, const struct command *b) {
  return a->device->endpoint == b->device->endpoint &&
         strcmp(a->device->device_id, b->device->device_id) == 0;
}

const struct command *rehearsal_ahead_of(const struct rehearsal *r,
                                         const struct command *c,
                                         struct moment now) {
  for (size_t i = 0; i < r->pending.count; i++) {
    const struct command *other = r->pending.items[i];
    bool is_held =
        other->state == COMMAND_WAITING && other->not_before_ms > now.ms;
    if (other != c && is_same_lane(other, c) &&
        (other->state == COMMAND_IN_FLIGHT || is_held))
      return other;
  }
  return NULL;
}

bool rehearsal_has_made(const struct rehearsal *r, const struct command *c) {
  return c->id >= r->next_id;
}

bool rehearsal_is_full(const struct rehearsal *r,
                       const struct endpoint *endpoint) {
  return lanes_in_flight(r->lanes, endpoint) >= (size_t)endpoint->max_in_flight;
}
