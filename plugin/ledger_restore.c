/* SPDX-License-Identifier: MIT */
#include "ledger_restore.h"

#include "ledger_row.h"
#include "ledger_schema.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

typedef int visit_fn(const struct ledger_restore *r, sqlite3_stmt *row);

/* What is pending and can not stay so; how it ends. */
#define ENDED                                                                  \
  "state <> 'finished' AND why_ended(rule, device, device_id, endpoint, "      \
  "state, severity, body) IS NOT NULL"
#define FATE                                                                   \
  "CASE WHEN doubtful OR state <> 'waiting' THEN 'unknown' "                   \
  "ELSE 'cancelled' END"

static const char count_ended[] =
    "UPDATE totals SET"
    " unknown = unknown + (SELECT count(*) FROM commands WHERE " ENDED
    "  AND commands.device = totals.device AND " FATE " = 'unknown'),"
    " cancelled = cancelled + (SELECT count(*) FROM commands WHERE " ENDED
    "  AND commands.device = totals.device AND " FATE " = 'cancelled')"
    " WHERE device IN (SELECT device FROM commands WHERE " ENDED ")";

static const char end[] =
    "UPDATE commands SET state = 'finished', outcome = " FATE ","
    " finished_at = ?1, error = why_ended(rule, device, device_id,"
    "  endpoint, state, severity, body)"
    " WHERE " ENDED " RETURNING id, rule, device, outcome, error";

/* What its rule no longer tracks is concluded without a word. */
static const char end_tracking[] =
    "UPDATE commands SET track_until = NULL WHERE track_until IS NOT NULL"
    " AND NOT is_tracked(rule, device, device_id, endpoint)";

/* A rule with another Combine, or another spelling of a name, has other slots:
 * the state of a series moves there. What the old slot remembers does not. */
static const char move_slots[] =
    "UPDATE commands SET slot = present_slot(rule, device, series)"
    " WHERE state <> 'finished' AND slot <> present_slot(rule, device, series);"
    "UPDATE OR REPLACE series SET slot = present_slot(rule, device, name)"
    " WHERE slot <> present_slot(rule, device, name);"
    "DELETE FROM series WHERE present_slot(rule, device, name) IS NULL;"
    "DELETE FROM slots WHERE key NOT IN (SELECT slot FROM series)"
    " OR present_slot(rule, device, '') IS NULL;";

/* Each command and each dropped event was counted as created, when or after it
 * was given its id. */
static const char next_id[] =
    "SELECT 1 + max((SELECT coalesce(max(id), 0) FROM commands),"
    " (SELECT CAST(total(created) AS INTEGER) FROM totals))";

/* ---- what SQL asks ---- */

static const char *text_of(sqlite3_value *value) {
  const unsigned char *text = sqlite3_value_text(value);
  return text != NULL ? (const char *)text : "";
}

/* present_slot(rule, device, series): NULL if rule or device is gone. */
static void sql_present_slot(sqlite3_context *context, int count,
                             sqlite3_value **values) {
  const struct ledger_restore *r = sqlite3_user_data(context);
  const struct policy *policy =
      r->sink->find_policy(r->sink->context, text_of(values[0]));
  const struct device *device =
      directory_find_device(r->directory, text_of(values[1]));
  char key[SLOT_KEY_BYTES];
  (void)count;
  if (policy == NULL || device == NULL)
    return;
  slot_format_key(policy, device, text_of(values[2]), key);
  sqlite3_result_text(context, key, -1, SQLITE_TRANSIENT);
}

static bool can_be_read(sqlite3_value *state, sqlite3_value *severity,
                        sqlite3_value *body) {
  enum severity known;
  int bytes = sqlite3_value_bytes(body);
  return (strcmp(text_of(state), "waiting") == 0 ||
          strcmp(text_of(state), "in_flight") == 0) &&
         event_parse_severity(text_of(severity), &known) == 0 && bytes > 0 &&
         bytes <= COMMAND_BODY_MAX_BYTES;
}

/* Returns why a command is no longer for the same device; NULL if it is. */
static const char *why_not_same(const struct ledger_restore *r,
                                sqlite3_value *name, sqlite3_value *device_id,
                                sqlite3_value *endpoint) {
  const struct device *device =
      directory_find_device(r->directory, text_of(name));
  if (device == NULL)
    return "the device is no longer configured";
  if (strcmp(device->device_id, text_of(device_id)) != 0)
    return "the device has another device_id now";
  if (strcasecmp(device->endpoint->name, text_of(endpoint)) != 0)
    return "the device has another endpoint now";
  return NULL;
}

/* why_ended(rule, device, device_id, endpoint, state, severity, body): NULL if
 * the command goes on. */
static void sql_why_ended(sqlite3_context *context, int count,
                          sqlite3_value **values) {
  const struct ledger_restore *r = sqlite3_user_data(context);
  const char *why = why_not_same(r, values[1], values[2], values[3]);
  (void)count;
  if (r->sink->find_policy(r->sink->context, text_of(values[0])) == NULL)
    why = "the rule is no longer configured";
  else if (why == NULL && !can_be_read(values[4], values[5], values[6]))
    why = "its record can not be read";
  if (why != NULL)
    sqlite3_result_text(context, why, -1, SQLITE_STATIC);
}

/* is_tracked(rule, device, device_id, endpoint) */
static void sql_is_tracked(sqlite3_context *context, int count,
                           sqlite3_value **values) {
  const struct ledger_restore *r = sqlite3_user_data(context);
  const struct policy *policy =
      r->sink->find_policy(r->sink->context, text_of(values[0]));
  (void)count;
  sqlite3_result_int(
      context, policy != NULL && policy->track &&
                   why_not_same(r, values[1], values[2], values[3]) == NULL);
}

static int
add_function(const struct ledger_restore *r, const char *name, int count,
             void (*function)(sqlite3_context *, int, sqlite3_value **)) {
  int code = sqlite3_create_function(r->file->db, name, count,
                                     SQLITE_UTF8 | SQLITE_DIRECTONLY, (void *)r,
                                     function, NULL, NULL);
  return ledger_file_result(r->file, code);
}

static int add_functions(const struct ledger_restore *r) {
  int status = add_function(r, "present_slot", 3, sql_present_slot);
  if (status == 0)
    status = add_function(r, "why_ended", 7, sql_why_ended);
  if (status == 0)
    status = add_function(r, "is_tracked", 4, sql_is_tracked);
  return status;
}

/* ---- rows ---- */

/* Visits each row. A parameter of the SQL stands for now. */
static int each_row(const struct ledger_restore *r, const char *sql,
                    visit_fn *visit) {
  sqlite3_stmt *row = NULL;
  int status = 0;
  int code = sqlite3_prepare_v2(r->file->db, sql, -1, &row, NULL);
  if (code == SQLITE_OK && sqlite3_bind_parameter_count(row) > 0)
    code = sqlite3_bind_double(row, 1, (double)r->now.wall_ms / 1000);
  if (code == SQLITE_OK)
    code = sqlite3_step(row);
  for (; code == SQLITE_ROW && status == 0; code = sqlite3_step(row))
    status = visit(r, row);
  if (status == 0)
    status = ledger_file_result(r->file, code);
  sqlite3_finalize(row);
  return status;
}

static int log_ended(const struct ledger_restore *r, sqlite3_stmt *row) {
  (void)r;
  log_warning("command %lld of rule \"%s\" for device \"%s\": %s: %s",
              (long long)sqlite3_column_int64(row, 0), ledger_row_text(row, 1),
              ledger_row_text(row, 2), ledger_row_text(row, 3),
              ledger_row_text(row, 4));
  return 0;
}

static int pass_over(const struct ledger_restore *r, sqlite3_stmt *row) {
  (void)r, (void)row;
  return 0;
}

/* ---- the state ---- */

static int restore_account(const struct ledger_restore *r, sqlite3_stmt *row) {
  struct account account = {
      .device = directory_find_device(r->directory,
                                      ledger_row_text(row, totals_device))};
  if (account.device == NULL)
    return 0;
  ledger_row_read_account(row, &account);
  return r->sink->account(r->sink->context, account.device, &account);
}

/* Returns the slot of that key; NULL without memory. */
static struct slot *find_slot(const struct ledger_restore *r, const char *rule,
                              const char *device, const char *key) {
  return r->sink->slot(r->sink->context,
                       r->sink->find_policy(r->sink->context, rule),
                       directory_find_device(r->directory, device), key);
}

static int restore_slot(const struct ledger_restore *r, sqlite3_stmt *row) {
  struct slot *slot = find_slot(r, ledger_row_text(row, slots_rule),
                                ledger_row_text(row, slots_device),
                                ledger_row_text(row, slots_key));
  return slot != NULL ? ledger_row_read_slot(row, r->now, slot) : -ENOMEM;
}

static int restore_series(const struct ledger_restore *r, sqlite3_stmt *row) {
  struct slot *slot = find_slot(r, ledger_row_text(row, series_rule),
                                ledger_row_text(row, series_device),
                                ledger_row_text(row, series_slot));
  struct series *series =
      slot != NULL ? slot_add_series(slot, ledger_row_text(row, series_name))
                   : NULL;
  if (series == NULL || ledger_row_read_series(row, r->now, series) < 0)
    return -ENOMEM;
  if (series->arrived_ms > slot->last_event_ms)
    slot->last_event_ms = series->arrived_ms;
  return r->sink->series(r->sink->context, series);
}

static int restore_command(const struct ledger_restore *r, sqlite3_stmt *row) {
  struct command *c = ledger_row_read_command(row, r->now);
  if (c == NULL)
    return -ENOMEM;
  c->policy = r->sink->find_policy(r->sink->context,
                                   ledger_row_text(row, commands_rule));
  c->device = directory_find_device(r->directory,
                                    ledger_row_text(row, commands_device));
  int status = r->sink->command(r->sink->context, c);
  if (status < 0)
    command_free(c);
  return status;
}

static int restore_tracked(const struct ledger_restore *r, sqlite3_stmt *row) {
  const struct policy *policy = r->sink->find_policy(
      r->sink->context, ledger_row_text(row, tracked_rule));
  const struct device *device =
      directory_find_device(r->directory, ledger_row_text(row, tracked_device));
  char key[SLOT_KEY_BYTES];
  slot_format_key(policy, device, ledger_row_text(row, tracked_series), key);
  struct tracked *t = tracked_new(key);
  if (t == NULL)
    return -ENOMEM;
  t->policy = policy;
  t->device = device;
  ledger_row_read_tracked(row, r->now, t);
  int status = r->sink->tracked(r->sink->context, t);
  if (status < 0)
    tracked_free(t);
  return status;
}

/* Of the commands of which one is notified, the last of each rule and device,
 * where that was not accepted. */
static const char get_failing[] =
    "SELECT rule, device, outcome FROM commands"
    " WHERE id IN (SELECT max(id) FROM commands WHERE outcome IN ('accepted',"
    " 'refused', 'unknown', 'expired', 'dropped') GROUP BY rule, device)"
    " AND outcome <> 'accepted'";

static int restore_failing(const struct ledger_restore *r, sqlite3_stmt *row) {
  const struct policy *policy =
      r->sink->find_policy(r->sink->context, ledger_row_text(row, 0));
  const struct device *device =
      directory_find_device(r->directory, ledger_row_text(row, 1));
  enum outcome outcome;
  if (r->sink->failing == NULL || policy == NULL || device == NULL ||
      outcome_parse(ledger_row_text(row, 2), &outcome) < 0)
    return 0;
  return r->sink->failing(r->sink->context, policy, device, outcome);
}

/* In the order in which the sink is told. */
static const struct {
  const char *sql;
  visit_fn *restore;
} kinds[] = {{ledger_row_get_accounts, restore_account},
             {ledger_row_get_slots, restore_slot},
             {ledger_row_get_series, restore_series},
             {ledger_row_get_commands, restore_command},
             {ledger_row_get_tracked, restore_tracked},
             {get_failing, restore_failing}};
static const size_t kind_count = sizeof kinds / sizeof kinds[0];

/* ---- settling ---- */

int ledger_restore_settle(const struct ledger_restore *r,
                          int64_t *ret_next_id) {
  int status = add_functions(r);
  if (status == 0)
    status = ledger_file_run(r->file, count_ended);
  if (status == 0)
    status = each_row(r, end, log_ended);
  if (status == 0)
    status = ledger_file_run(r->file, move_slots);
  if (status == 0)
    status = ledger_file_run(r->file, end_tracking);
  for (size_t i = 0; status == 0 && i < kind_count; i++)
    status = each_row(r, kinds[i].sql, pass_over);
  return status == 0 ? ledger_file_query(r->file, next_id, ret_next_id)
                     : status;
}

int ledger_restore_state(const struct ledger_restore *r) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < kind_count; i++)
    status = each_row(r, kinds[i].sql, kinds[i].restore);
  add_function(r, "present_slot", 3, NULL);
  add_function(r, "why_ended", 7, NULL);
  add_function(r, "is_tracked", 4, NULL);
  return status;
}
