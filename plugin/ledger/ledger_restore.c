/* SPDX-License-Identifier: MIT */
#include "ledger/ledger_restore.h"

#include "base/log.h"
#include "ledger/ledger_row.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Columns of a table that say which policy its rows are of; 0: it has no such
 * column. */
static const struct {
  int rule, content_type, service;
} policy_columns[LEDGER_TABLES] = {
    [LEDGER_TABLE_COMMANDS] = {commands_rule, commands_content_type,
                               commands_service},
    [LEDGER_TABLE_SLOTS] = {slots_rule, slots_content_type, slots_service},
    [LEDGER_TABLE_SERIES] = {.rule = series_rule},
    [LEDGER_TABLE_FAILING] = {.rule = failing_rule},
    [LEDGER_TABLE_ORDERS] = {.rule = orders_rule}};

static const char *text_if_any(const struct ledger_row *row, int column) {
  return column != 0 ? ledger_row_text(row, column) : "";
}

static const struct policy *find_policy(const struct ledger_restore *r,
                                        const struct ledger_row *row) {
  return r->callbacks->find_policy(
      r->callbacks->context,
      ledger_row_text(row, policy_columns[row->table].rule),
      text_if_any(row, policy_columns[row->table].content_type),
      text_if_any(row, policy_columns[row->table].service));
}

static const struct device *find_device(const struct ledger_restore *r,
                                        const struct ledger_row *row,
                                        int column) {
  return directory_find_device(r->directory, ledger_row_text(row, column));
}

/* ---- settling ---- */

/* Counts of the commands of one device: those that were pending, and those of
 * them that have been ended here. */
struct tally {
  int64_t pending;
  int64_t unknown;
  int64_t cancelled;
  int64_t begun; /* those that were in flight */
  char device[];
};

struct settling {
  const struct ledger_restore *r;
  void *tallies;   /* tsearch tree of struct tally, by device */
  void *slot_keys; /* tsearch tree: keys of the slots that have a series */
  int64_t pending;
  int64_t ended;
  int64_t unreadable;
  int64_t last_id;
  int64_t created;           /* of all devices, */
  int64_t created_by_others; /* and of those of them that are gone */
  int64_t ids_base;
  bool has_failing;
};

static int compare_tallies(const void *a, const void *b) {
  return strcasecmp(((const struct tally *)a)->device,
                    ((const struct tally *)b)->device);
}

static int compare_keys(const void *a, const void *b) { return strcmp(a, b); }

static void free_tree(void **root, int (*compare)(const void *, const void *)) {
  while (*root != NULL) {
    void *item = *(void **)*root;
    tdelete(item, root, compare);
    free(item);
  }
}

static struct tally *new_tally(const char *device) {
  size_t bytes = strlen(device) + 1;
  struct tally *t = calloc(1, sizeof *t + bytes);
  if (t != NULL)
    memcpy(t->device, device, bytes);
  return t;
}

/* Returns the tally of the device, and makes it if there is none; NULL without
 * memory. */
static struct tally *find_or_add_tally(struct settling *s, const char *device) {
  struct tally *t = new_tally(device);
  if (t == NULL)
    return NULL;
  struct tally **found = tsearch(t, &s->tallies, compare_tallies);
  if (found == NULL || *found != t)
    free(t);
  return found != NULL ? *found : NULL;
}

/* Notes that the slot with that key has a series. Returns 0 or -ENOMEM. */
static int keep_key(struct settling *s, const char *key) {
  char *own = strdup(key);
  if (own == NULL)
    return -ENOMEM;
  char **found = tsearch(own, &s->slot_keys, compare_keys);
  if (found == NULL || *found != own)
    free(own);
  return found != NULL ? 0 : -ENOMEM;
}

static int put(const struct settling *s, const struct ledger_row *row) {
  return s->r->store->type->put(s->r->store, row);
}

static int remove_like(const struct settling *s, const struct ledger_row *row) {
  return s->r->store->type->remove(s->r->store, row);
}

/* Returns why the command is no longer for the same device; NULL if it is. */
static const char *why_not_same_device(const struct ledger_restore *r,
                                       const struct ledger_row *row) {
  const struct device *device = find_device(r, row, commands_device);
  if (device == NULL)
    return "the device is no longer configured";
  if (strcmp(device->device_id, ledger_row_text(row, commands_device_id)) != 0)
    return "the device has another device_id now";
  if (strcasecmp(device->endpoint->name,
                 ledger_row_text(row, commands_endpoint)) != 0)
    return "the device has another endpoint now";
  return NULL;
}

static const char unreadable[] = "its record can not be read";

/* Returns why the pending command must be ended; NULL if it goes on. */
static const char *why_ended(const struct ledger_restore *r,
                             const struct ledger_row *row) {
  if (find_policy(r, row) == NULL)
    return "the rule is no longer configured";
  const char *why = why_not_same_device(r, row);
  if (why == NULL && !ledger_row_is_readable(row))
    why = unreadable;
  return why;
}

static int put_end(struct settling *s, const struct ledger_row *row,
                   enum outcome outcome, const char *why) {
  struct ledger_row end, ended = *row, failing;
  ledger_row_of_end(ledger_row_integer(row, commands_id), outcome, why,
                    s->r->now, &end);
  int status = put(s, &end);
  ledger_row_copy(&ended, commands_outcome, &end);
  if (status == 0 && ledger_row_of_failing(&ended, &failing))
    status = put(s, &failing);
  return status;
}

static int end_command(struct settling *s, const struct ledger_row *row,
                       const char *why) {
  enum outcome outcome =
      ledger_row_is_doubtful(row) ? OUTCOME_UNKNOWN : OUTCOME_CANCELLED;
  const char *device = ledger_row_text(row, commands_device);
  struct tally *tally = find_or_add_tally(s, device);
  if (tally == NULL)
    return -ENOMEM;
  int status = put_end(s, row, outcome, why);
  if (status < 0)
    return status;
  *(outcome == OUTCOME_UNKNOWN ? &tally->unknown : &tally->cancelled) += 1;
  s->ended++;
  s->unreadable += why == unreadable;
  log_warning("command %lld of rule \"%s\" for device \"%s\": %s: %s",
              (long long)ledger_row_integer(row, commands_id),
              ledger_row_text(row, commands_rule), device,
              outcome_name(outcome), why);
  return 0;
}

/* Makes a slot forget what was accepted before. */
static int forget(const struct settling *s, const char *slot_key) {
  struct ledger_row forgetful;
  ledger_row_init(&forgetful, LEDGER_TABLE_SLOTS);
  ledger_row_set_text(&forgetful, slots_key, slot_key);
  ledger_row_set_null(&forgetful, slots_body);
  return put(s, &forgetful);
}

/* Counts a pending command. The slot of one that was in flight forgets: neither
 * slot nor totals were put when the attempt began. */
static int count_pending(struct settling *s, const struct ledger_row *row) {
  struct tally *t = find_or_add_tally(s, ledger_row_text(row, commands_device));
  if (t == NULL)
    return -ENOMEM;
  t->pending++;
  s->pending++;
  if (!ledger_row_is_in_flight(row))
    return 0;
  t->begun++;
  return forget(s, ledger_row_text(row, commands_slot));
}

/* Moves a command to its present slot: a rule with another Combine, or a name
 * that is spelt otherwise, has other slots. The states of the series move, too
 * (move_series); what the old slot remembers does not. */
static int move_command(const struct settling *s, const struct ledger_row *row,
                        const char *key) {
  struct ledger_row moved;
  ledger_row_init(&moved, LEDGER_TABLE_COMMANDS);
  ledger_row_copy(&moved, commands_id, row);
  ledger_row_set_text(&moved, commands_slot, key);
  return put(s, &moved);
}

static int settle_command(void *context, const struct ledger_row *row) {
  struct settling *s = context;
  const char *why = why_ended(s->r, row);
  char key[SLOT_KEY_BYTES];
  int status = count_pending(s, row);
  if (status < 0)
    return status;
  if (why != NULL)
    return end_command(s, row, why);
  slot_format_key(find_policy(s->r, row),
                  find_device(s->r, row, commands_device),
                  ledger_row_text(row, commands_series), key);
  return strcmp(key, ledger_row_text(row, commands_slot)) == 0
             ? 0
             : move_command(s, row, key);
}

static int remove_series(const struct settling *s,
                         const struct ledger_row *row) {
  struct ledger_row like;
  ledger_row_init(&like, LEDGER_TABLE_SERIES);
  ledger_row_copy(&like, series_slot, row);
  ledger_row_copy(&like, series_name, row);
  return remove_like(s, &like);
}

static int move_series(const struct settling *s, const struct ledger_row *row,
                       const char *key) {
  struct ledger_row moved = *row;
  int status = remove_series(s, row);
  ledger_row_set_text(&moved, series_slot, key);
  return status == 0 ? put(s, &moved) : status;
}

static int settle_series(void *context, const struct ledger_row *row) {
  struct settling *s = context;
  const struct policy *policy = find_policy(s->r, row);
  const struct device *device = find_device(s->r, row, series_device);
  char key[SLOT_KEY_BYTES];
  if (policy == NULL || device == NULL)
    return remove_series(s, row);
  slot_format_key(policy, device, ledger_row_text(row, series_name), key);
  int status = keep_key(s, key);
  if (status == 0 && strcmp(key, ledger_row_text(row, series_slot)) != 0)
    status = move_series(s, row, key);
  return status;
}

/* Removes a slot whose rule or device is gone, or that is left without a
 * series: such a slot asks for nothing. */
static int settle_slot(void *context, const struct ledger_row *row) {
  struct settling *s = context;
  struct ledger_row like;
  if (find_policy(s->r, row) != NULL &&
      find_device(s->r, row, slots_device) != NULL &&
      tfind(ledger_row_text(row, slots_key), &s->slot_keys, compare_keys) !=
          NULL)
    return s->r->forgets ? forget(s, ledger_row_text(row, slots_key)) : 0;
  ledger_row_init(&like, LEDGER_TABLE_SLOTS);
  ledger_row_copy(&like, slots_key, row);
  return remove_like(s, &like);
}

/* Ends the tracking of a command if its rule no longer tracks or its device is
 * another one. Logs nothing: the command itself was accepted. */
static int settle_tracked(void *context, const struct ledger_row *row) {
  const struct settling *s = context;
  const struct policy *policy = find_policy(s->r, row);
  struct ledger_row concluded;
  if (policy != NULL && policy->track && why_not_same_device(s->r, row) == NULL)
    return 0;
  ledger_row_init(&concluded, LEDGER_TABLE_COMMANDS);
  ledger_row_copy(&concluded, commands_id, row);
  ledger_row_set_null(&concluded, commands_track_until);
  return put(s, &concluded);
}

static bool are_countable(const struct ledger_row *row) {
  const struct ledger_form *form = &ledger_forms[LEDGER_TABLE_TOTALS];
  bool all = true;
  for (size_t i = form->key_count; i < form->column_count; i++)
    all = all && ledger_row_is_countable(row, (int)i);
  return all;
}

static void add_to_total(struct ledger_row *ret_row, int column,
                         const struct ledger_row *row, int64_t more) {
  ledger_row_set_integer(ret_row, column,
                         ledger_row_integer(row, column) + more);
}

/* Counts what was ended, and the attempts that never ended: those void what the
 * other slots of the device remember. */
static int put_ended(const struct settling *s, const struct ledger_row *row,
                     const struct tally *t) {
  struct ledger_row counted;
  if (t->unknown == 0 && t->cancelled == 0 && t->begun == 0)
    return 0;
  ledger_row_init(&counted, LEDGER_TABLE_TOTALS);
  ledger_row_copy(&counted, totals_device, row);
  add_to_total(&counted, totals_unknown, row, t->unknown);
  add_to_total(&counted, totals_cancelled, row, t->cancelled);
  add_to_total(&counted, totals_epoch, row, t->begun);
  return put(s, &counted);
}

/* Puts totals that know of nothing but what was pending at this start. */
static int begin_anew(const struct settling *s, const struct ledger_row *row,
                      const struct tally *t) {
  const struct ledger_form *form = &ledger_forms[LEDGER_TABLE_TOTALS];
  struct ledger_row fresh;
  ledger_row_init(&fresh, LEDGER_TABLE_TOTALS);
  ledger_row_copy(&fresh, totals_device, row);
  for (size_t i = form->key_count; i < form->column_count; i++)
    ledger_row_set_integer(&fresh, (int)i, 0);
  ledger_row_set_integer(&fresh, totals_created, t->pending);
  ledger_row_set_integer(&fresh, totals_unknown, t->unknown);
  ledger_row_set_integer(&fresh, totals_cancelled, t->cancelled);
  log_error("the totals of device \"%s\" in the ledger are damaged: they begin "
            "anew with what is pending",
            ledger_row_text(row, totals_device));
  return put(s, &fresh);
}

static int settle_totals(void *context, const struct ledger_row *row) {
  struct settling *s = context;
  struct tally *t = find_or_add_tally(s, ledger_row_text(row, totals_device));
  if (t == NULL)
    return -ENOMEM;
  if (!are_countable(row))
    return begin_anew(s, row, t);
  int64_t created = ledger_row_integer(row, totals_created);
  if (s->created <= LEDGER_ROW_NUMBER_MAX - created) {
    s->created += created;
    if (find_device(s->r, row, totals_device) == NULL)
      s->created_by_others += created;
  }
  return put_ended(s, row, t);
}

/* Removes what fails of a rule or device that is gone. */
static int settle_failing(void *context, const struct ledger_row *row) {
  struct settling *s = context;
  struct ledger_row like = *row;
  s->has_failing = true;
  if (find_policy(s->r, row) != NULL &&
      find_device(s->r, row, failing_device) != NULL)
    return 0;
  like.columns = ledger_table_key(LEDGER_TABLE_FAILING);
  return remove_like(s, &like);
}

/* Removes what is told of an endpoint that is gone. */
static int settle_endpoint(void *context, const struct ledger_row *row) {
  const struct settling *s = context;
  struct ledger_row like;
  if (directory_find_endpoint(s->r->directory,
                              ledger_row_text(row, endpoints_endpoint)) != NULL)
    return 0;
  ledger_row_init(&like, LEDGER_TABLE_ENDPOINTS);
  ledger_row_copy(&like, endpoints_endpoint, row);
  return remove_like(s, &like);
}

static int note_ids(void *context, const struct ledger_row *row) {
  struct settling *s = context;
  if (ledger_row_is_countable(row, ids_base))
    s->ids_base = ledger_row_integer(row, ids_base);
  return 0;
}

static int note_last_id(void *context, const struct ledger_row *row) {
  struct settling *s = context;
  if (ledger_row_is_countable(row, commands_id))
    s->last_id = ledger_row_integer(row, commands_id);
  return 0;
}

/* Silences are left as they are: they are read so that a damaged file is found
 * out now. */
static int pass_silence(void *context, const struct ledger_row *row) {
  (void)context;
  (void)row;
  return 0;
}

/* Steps, in an order that matters: slots come after the series that leave them,
 * totals after the commands that are ended. */
static const struct {
  enum ledger_selection selection;
  ledger_visit_fn *settle;
} settlings[] = {{LEDGER_PENDING_COMMANDS, settle_command},
                 {LEDGER_ALL_SERIES, settle_series},
                 {LEDGER_ALL_SLOTS, settle_slot},
                 {LEDGER_TRACKED_COMMANDS, settle_tracked},
                 {LEDGER_ALL_TOTALS, settle_totals},
                 {LEDGER_ALL_FAILING, settle_failing},
                 {LEDGER_ALL_ENDPOINTS, settle_endpoint},
                 {LEDGER_ALL_IDS, note_ids},
                 {LEDGER_LAST_COMMAND, note_last_id},
                 {LEDGER_SILENCES, pass_silence}};

/* The row with the greatest id may be gone: trimmed, or never written (dropped
 * events). But every id that was given was counted as created, too, from the
 * base on: an id above both numbers is new. */
static int64_t next_id(const struct settling *s) {
  int64_t counted = s->ids_base + s->created;
  return (s->last_id > counted ? s->last_id : counted) + 1;
}

int ledger_restore_settle(const struct ledger_restore *r,
                          struct ledger_settled *ret_settled) {
  struct settling s = {.r = r};
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof settlings / sizeof settlings[0];
       i++)
    status = r->store->type->read(r->store, settlings[i].selection,
                                  settlings[i].settle, &s);
  free_tree(&s.tallies, compare_tallies);
  free_tree(&s.slot_keys, compare_keys);
  if (status == 0)
    *ret_settled =
        (struct ledger_settled){.next_id = next_id(&s),
                                .ids_base = s.ids_base,
                                .created = s.created,
                                .created_by_others = s.created_by_others,
                                .pending = s.pending,
                                .ended = s.ended,
                                .unreadable = s.unreadable,
                                .has_failing = s.has_failing};
  return status;
}

/* ---- the state ---- */

static int restore_account(void *context, const struct ledger_row *row) {
  const struct ledger_restore *r = context;
  struct account account = {.device = find_device(r, row, totals_device)};
  if (account.device == NULL)
    return 0;
  ledger_row_to_account(row, &account);
  return r->callbacks->account(r->callbacks->context, account.device, &account);
}

static bool has_newer(const struct ledger_restore *r, const char *slot_key,
                      const char *name) {
  return r->callbacks->has_newer(r->callbacks->context, slot_key, name);
}

static int restore_slot(void *context, const struct ledger_row *row) {
  const struct ledger_restore *r = context;
  if (has_newer(r, ledger_row_text(row, slots_key), NULL))
    return 0;
  struct slot *slot = r->callbacks->slot(
      r->callbacks->context, find_policy(r, row),
      find_device(r, row, slots_device), ledger_row_text(row, slots_key));
  return slot != NULL ? ledger_row_to_slot(row, r->now, slot) : -ENOMEM;
}

static int restore_series(void *context, const struct ledger_row *row) {
  const struct ledger_restore *r = context;
  if (has_newer(r, ledger_row_text(row, series_slot),
                ledger_row_text(row, series_name)))
    return 0;
  struct slot *slot = r->callbacks->slot(
      r->callbacks->context, find_policy(r, row),
      find_device(r, row, series_device), ledger_row_text(row, series_slot));
  struct series *series =
      slot != NULL ? slot_add_series(slot, ledger_row_text(row, series_name))
                   : NULL;
  if (series == NULL || ledger_row_to_series(row, r->now, series) < 0)
    return -ENOMEM;
  return r->callbacks->series(r->callbacks->context, series);
}

static int restore_command(void *context, const struct ledger_row *row) {
  const struct ledger_restore *r = context;
  struct command *c = ledger_row_to_command(row, r->now);
  if (c == NULL)
    return -ENOMEM;
  c->policy = find_policy(r, row);
  c->device = find_device(r, row, commands_device);
  int status = r->callbacks->command(r->callbacks->context, c);
  if (status < 0)
    command_free(c);
  return status;
}

static int restore_tracked(void *context, const struct ledger_row *row) {
  const struct ledger_restore *r = context;
  const struct policy *policy = find_policy(r, row);
  const struct device *device = find_device(r, row, commands_device);
  char key[SLOT_KEY_BYTES];
  slot_format_key(policy, device, ledger_row_text(row, commands_series), key);
  struct tracked *t = tracked_new(key);
  if (t == NULL)
    return -ENOMEM;
  t->policy = policy;
  t->device = device;
  ledger_row_to_tracked(row, r->now, t);
  int status = r->callbacks->tracked(r->callbacks->context, t);
  if (status < 0)
    tracked_free(t);
  return status;
}

static int restore_failing(void *context, const struct ledger_row *row) {
  const struct ledger_restore *r = context;
  enum outcome outcome;
  if (r->callbacks->failing == NULL ||
      outcome_parse(ledger_row_text(row, failing_outcome), &outcome) < 0)
    return 0;
  return r->callbacks->failing(r->callbacks->context, find_policy(r, row),
                               find_device(r, row, failing_device), outcome);
}

/* Leaves out a silence that is over, and one whose rule or device is gone. */
static int restore_silence(void *context, const struct ledger_row *row) {
  const struct ledger_restore *r = context;
  struct order *o = ledger_row_to_order(row, r->now);
  if (o == NULL)
    return -ENOMEM;
  o->change.is_told = true;
  if (o->device_name != NULL)
    o->device = find_device(r, row, orders_device);
  if (o->rule_name != NULL)
    o->policy = find_policy(r, row);
  bool is_over = o->wall_until_ms <= r->now.wall_ms ||
                 (o->device == NULL && o->policy == NULL);
  int status = is_over ? 0 : r->callbacks->silence(r->callbacks->context, o);
  if (is_over || status < 0)
    order_free(o);
  return status;
}

/* Steps, in the order in which the callbacks are promised to be called. */
static const struct {
  enum ledger_selection selection;
  ledger_visit_fn *restore;
} restorings[] = {{LEDGER_ALL_TOTALS, restore_account},
                  {LEDGER_ALL_SLOTS, restore_slot},
                  {LEDGER_ALL_SERIES, restore_series},
                  {LEDGER_PENDING_COMMANDS, restore_command},
                  {LEDGER_TRACKED_COMMANDS, restore_tracked},
                  {LEDGER_ALL_FAILING, restore_failing},
                  {LEDGER_SILENCES, restore_silence}};

int ledger_restore_state(const struct ledger_restore *r) {
  struct ledger_restore context = *r;
  int status = 0;
  for (size_t i = 0;
       status == 0 && i < sizeof restorings / sizeof restorings[0]; i++)
    status = r->store->type->read(r->store, restorings[i].selection,
                                  restorings[i].restore, &context);
  return status;
}
