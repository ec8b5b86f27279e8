/* SPDX-License-Identifier: MIT */
#include "ledger_row.h"

#include "buf.h"
#include "ledger_schema.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No clock that was set ever showed a time before this: 2020-01-01. */
#define CLOCK_SET_WALL_MS INT64_C(1577836800000)
/* Beyond any time that is not damaged; sums of some do not overflow. */
#define WALL_S_MAX 1e12

#define PUT(table, columns)                                                    \
  "INSERT OR REPLACE INTO " table " (" LEDGER_SCHEMA_NAMES(                    \
      columns) ") VALUES (" LEDGER_SCHEMA_VALUES(columns) ")"
#define GET(table, columns, rest)                                              \
  "SELECT " LEDGER_SCHEMA_NAMES(columns) " FROM " table rest

const char ledger_row_put_command[] = PUT("commands", LEDGER_SCHEMA_COMMANDS);
const char ledger_row_put_slot[] = PUT("slots", LEDGER_SCHEMA_SLOTS);
const char ledger_row_put_series[] = PUT("series", LEDGER_SCHEMA_SERIES);
const char ledger_row_put_account[] = PUT("totals", LEDGER_SCHEMA_TOTALS);
const char ledger_row_put_tracked[] =
    "UPDATE commands SET status = ?2, status_at = ?3, answer = ?4,"
    " track_until = ?5 WHERE id = ?1";

/* Not ORDER BY id: SQLite would walk through all history in that order, rather
 * than sort the few that its index names. */
const char ledger_row_get_commands[] =
    GET("commands", LEDGER_SCHEMA_COMMANDS,
        " WHERE state <> 'finished' ORDER BY +id");
const char ledger_row_get_slots[] = GET("slots", LEDGER_SCHEMA_SLOTS, "");
const char ledger_row_get_series[] =
    GET("series", LEDGER_SCHEMA_SERIES, " ORDER BY arrived_at");
const char ledger_row_get_accounts[] = GET("totals", LEDGER_SCHEMA_TOTALS, "");
const char ledger_row_get_tracked[] =
    GET("commands", LEDGER_SCHEMA_TRACKED,
        " WHERE track_until IS NOT NULL ORDER BY id");

static const char *const state_names[] = {
    [COMMAND_WAITING] = "waiting",
    [COMMAND_IN_FLIGHT] = "in_flight",
    [COMMAND_FINISHED] = "finished",
};

static const char *const class_names[] = {
    [VERDICT_ACCEPTED] = "", /* or no attempt has ended yet */
    [VERDICT_OFFLINE] = "offline",   [VERDICT_NOT_EXECUTED] = "not_executed",
    [VERDICT_NOT_SENT] = "not_sent", [VERDICT_CREDENTIALS] = "credentials",
    [VERDICT_REFUSED] = "refused",   [VERDICT_DOUBTFUL] = "doubtful",
};

/* ---- writing ---- */

struct writer {
  sqlite3_stmt *row;
  struct moment now;
  int code; /* the first error */
};

static void note(struct writer *w, int code) {
  if (w->code == SQLITE_OK)
    w->code = code;
}

static void put_null(struct writer *w, int column) {
  note(w, sqlite3_bind_null(w->row, column + 1));
}

static void put_int(struct writer *w, int column, int64_t number) {
  note(w, sqlite3_bind_int64(w->row, column + 1, number));
}

static void put_int_if(struct writer *w, int column, bool known,
                       int64_t number) {
  if (known)
    put_int(w, column, number);
  else
    put_null(w, column);
}

static void put_real_if(struct writer *w, int column, bool known,
                        double number) {
  if (known)
    note(w, sqlite3_bind_double(w->row, column + 1, number));
  else
    put_null(w, column);
}

static void put_text(struct writer *w, int column, const char *text) {
  note(w, sqlite3_bind_text(w->row, column + 1, text, -1, SQLITE_STATIC));
}

static void put_text_if(struct writer *w, int column, bool known,
                        const char *text) {
  if (known)
    put_text(w, column, text);
  else
    put_null(w, column);
}

static void put_wall_if(struct writer *w, int column, bool known,
                        int64_t wall_ms) {
  put_real_if(w, column, known, (double)wall_ms / 1000);
}

/* All times of a row are put by the clock as it is now, so that they fit each
 * other even if it jumped between them. */
static void put_moment_if(struct writer *w, int column, bool known,
                          int64_t ms) {
  if (known)
    put_wall_if(w, column, known, w->now.wall_ms + (ms - w->now.ms));
  else
    put_null(w, column);
}

static void put_moment(struct writer *w, int column, int64_t ms) {
  put_moment_if(w, column, true, ms);
}

static bool is_text(const struct body *body) {
  struct buf valid;
  if (memchr(body->data, '\0', body->size) != NULL)
    return false;
  buf_init(&valid, body->size);
  bool same = buf_append_utf8(&valid, body->data, body->size) == 0 &&
              valid.size == body->size &&
              memcmp(buf_text(&valid), body->data, body->size) == 0;
  buf_free(&valid);
  return same;
}

static void put_body(struct writer *w, int column, const struct body *body) {
  if (body == NULL)
    put_null(w, column);
  else if (is_text(body))
    note(w, sqlite3_bind_text(w->row, column + 1, body->data, (int)body->size,
                              SQLITE_STATIC));
  else
    note(w, sqlite3_bind_blob(w->row, column + 1, body->data, (int)body->size,
                              SQLITE_STATIC));
}

static void put_origin(struct writer *w, const struct command *c) {
  const struct device *d = c->device;
  put_moment(w, commands_created_at, c->created.ms);
  put_text(w, commands_rule, c->policy->rule);
  put_text(w, commands_device, d->name);
  put_text(w, commands_device_id, d->device_id);
  put_text(w, commands_endpoint, d->endpoint->name);
  put_text(w, commands_slot, c->slot_key);
  put_text(w, commands_series, c->series);
  put_text(w, commands_severity, event_severity_name(c->severity));
  put_body(w, commands_body, c->body);
  put_text(w, commands_content_type, c->policy->content_type);
  put_int_if(w, commands_qos, d->qos >= 0, d->qos);
  put_real_if(w, commands_value, c->has_value, c->value);
}

static void put_course(struct writer *w, const struct command *c) {
  bool finished = c->state == COMMAND_FINISHED;
  put_int(w, commands_timeout_s, c->timeout_s);
  put_moment(w, commands_valid_from, c->valid_from_ms);
  put_moment_if(w, commands_expires_at, c->deadline_ms != COMMAND_NEVER_MS,
                c->deadline_ms);
  put_moment_if(w, commands_not_before, c->not_before_ms != 0,
                c->not_before_ms);
  put_int(w, commands_waits_for_credentials, c->waits_for_credentials);
  put_int(w, commands_doubtful, c->doubtful);
  put_int(w, commands_attempts, c->attempts);
  put_moment_if(w, commands_sent_at, c->attempts > 0, c->sent.ms);
  put_text(w, commands_state, state_names[c->state]);
  put_text_if(w, commands_outcome, finished, outcome_name(c->outcome));
  put_moment_if(w, commands_finished_at, finished, c->finished.ms);
}

static void put_verdict(struct writer *w, const struct verdict *v) {
  put_text_if(w, commands_class, v->class != VERDICT_ACCEPTED,
              class_names[v->class]);
  put_text_if(w, commands_cause, v->cause[0] != '\0', v->cause);
  put_int_if(w, commands_http_code, v->http_code != 0, v->http_code);
  put_int_if(w, commands_errno, v->has_errno, v->errno_value);
  put_text_if(w, commands_error, v->error[0] != '\0', v->error);
  put_text_if(w, commands_cmd_uuid, v->cmd_uuid[0] != '\0', v->cmd_uuid);
}

int ledger_row_bind_command(sqlite3_stmt *statement, const struct command *c,
                            struct moment now) {
  struct writer w = {.row = statement, .now = now};
  put_int(&w, commands_id, c->id);
  put_origin(&w, c);
  put_course(&w, c);
  put_verdict(&w, &c->verdict);
  return w.code;
}

int ledger_row_bind_slot(sqlite3_stmt *statement, const struct slot *s,
                         struct moment now) {
  struct writer w = {.row = statement, .now = now};
  const struct device *d = s->device;
  bool remembers = s->memory.body != NULL;
  put_text(&w, slots_key, s->key);
  put_text(&w, slots_rule, s->policy->rule);
  put_text(&w, slots_device, d->name);
  put_text(&w, slots_device_id, d->device_id);
  put_text(&w, slots_endpoint, d->endpoint->name);
  put_text(&w, slots_content_type, s->policy->content_type);
  put_int_if(&w, slots_qos, d->qos >= 0, d->qos);
  put_body(&w, slots_body, s->memory.body);
  put_real_if(&w, slots_value, s->memory.has_value, s->memory.value);
  put_moment_if(&w, slots_accepted_at, remembers, s->memory.accepted_ms);
  put_int(&w, slots_epoch, (int64_t)s->memory.epoch);
  put_moment_if(&w, slots_cooldown_until, s->cooldown_until_ms != 0,
                s->cooldown_until_ms);
  put_moment(&w, slots_last_event_at, s->last_event_ms);
  return w.code;
}

static void put_slot_time(struct writer *w, int at, int arrived_at,
                          const struct slot_time *t) {
  put_wall_if(w, at, t->known, t->wall_event_ms);
  put_moment_if(w, arrived_at, t->known, t->arrived.ms);
}

int ledger_row_bind_series(sqlite3_stmt *statement, const struct series *s,
                           struct moment now) {
  struct writer w = {.row = statement, .now = now};
  put_text(&w, series_slot, s->slot->key);
  put_text(&w, series_name, s->name);
  put_text(&w, series_rule, s->slot->policy->rule);
  put_text(&w, series_device, s->slot->device->name);
  put_text(&w, series_severity, event_severity_name(s->severity));
  put_body(&w, series_body, s->body);
  put_body(&w, series_okay_body, s->okay_body);
  put_int_if(&w, series_unsendable_bytes, s->has_unsendable,
             (int64_t)s->unsendable_bytes);
  put_real_if(&w, series_value, s->has_value, s->value);
  put_moment(&w, series_arrived_at, s->arrived_ms);
  put_moment(&w, series_since_at, s->since_ms);
  put_text_if(&w, series_event_severity, s->event.known,
              event_severity_name(s->event_severity));
  put_slot_time(&w, series_event_at, series_event_arrived_at, &s->event);
  put_slot_time(&w, series_timed_at, series_timed_arrived_at, &s->valued);
  return w.code;
}

int ledger_row_bind_account(sqlite3_stmt *statement, const struct account *a) {
  struct writer w = {.row = statement};
  put_text(&w, totals_device, a->device->name);
  put_int(&w, totals_created, (int64_t)a->created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    put_int(&w, totals_accepted + i, (int64_t)a->by_outcome[i]);
  put_int(&w, totals_epoch, (int64_t)a->epoch);
  return w.code;
}

/* In the order of the parameters of ledger_row_put_tracked. */
int ledger_row_bind_tracked(sqlite3_stmt *statement, const struct tracked *t,
                            struct moment now) {
  enum { ID, STATUS, STATUS_AT, ANSWER, TRACK_UNTIL };
  struct writer w = {.row = statement, .now = now};
  put_int(&w, ID, t->id);
  put_int(&w, STATUS, t->status);
  put_moment(&w, STATUS_AT, t->status_ms);
  put_body(&w, ANSWER, t->answer);
  put_moment_if(&w, TRACK_UNTIL, !t->concluded, t->until_ms);
  return w.code;
}

/* ---- reading ---- */

static bool is_known(sqlite3_stmt *row, int column) {
  return sqlite3_column_type(row, column) != SQLITE_NULL;
}

const char *ledger_row_text(sqlite3_stmt *row, int column) {
  const unsigned char *text = sqlite3_column_text(row, column);
  return text != NULL ? (const char *)text : "";
}

static int64_t wall_ms(sqlite3_stmt *row, int column) {
  double wall_s = sqlite3_column_double(row, column);
  return llround(fmin(fmax(wall_s, -WALL_S_MAX), WALL_S_MAX) * 1000);
}

static bool is_credible(int64_t past_wall_ms, struct moment now) {
  return past_wall_ms <= now.wall_ms &&
         (past_wall_ms >= CLOCK_SET_WALL_MS || now.wall_ms < CLOCK_SET_WALL_MS);
}

static int64_t past_ms(int64_t past_wall_ms, struct moment now) {
  if (!is_credible(past_wall_ms, now))
    return now.ms;
  return now.ms - (now.wall_ms - past_wall_ms);
}

/* Makes a body of a column; NULL has none. Returns 0 or -ENOMEM. */
static int read_body(sqlite3_stmt *row, int column, struct body **ret_body) {
  const void *data = sqlite3_column_blob(row, column);
  if (data == NULL) {
    *ret_body = NULL;
    return is_known(row, column) && sqlite3_column_bytes(row, column) > 0
               ? -ENOMEM
               : 0;
  }
  struct body *body = body_new(data, (size_t)sqlite3_column_bytes(row, column));
  if (body == NULL)
    return -ENOMEM;
  *ret_body = body;
  return 0;
}

/* Words that are not known have been sorted out before. */
static enum severity read_severity(sqlite3_stmt *row, int column) {
  enum severity severity = SEVERITY_OKAY;
  event_parse_severity(ledger_row_text(row, column), &severity);
  return severity;
}

static enum verdict_class read_class(sqlite3_stmt *row, int column) {
  const char *name = ledger_row_text(row, column);
  for (enum verdict_class c = VERDICT_ACCEPTED; c <= VERDICT_DOUBTFUL; c++)
    if (strcmp(name, class_names[c]) == 0)
      return c;
  return VERDICT_DOUBTFUL;
}

static void read_verdict(sqlite3_stmt *row, struct verdict *v) {
  v->class = read_class(row, commands_class);
  snprintf(v->cause, sizeof v->cause, "%s",
           ledger_row_text(row, commands_cause));
  v->http_code = sqlite3_column_int(row, commands_http_code);
  v->has_errno = is_known(row, commands_errno);
  v->errno_value = sqlite3_column_int(row, commands_errno);
  snprintf(v->error, sizeof v->error, "%s",
           ledger_row_text(row, commands_error));
  snprintf(v->cmd_uuid, sizeof v->cmd_uuid, "%s",
           ledger_row_text(row, commands_cmd_uuid));
}

/* The times of a row may be of a clock that went back, or that was not yet set.
 * What counts then is how far they are from the last moment that is known to
 * have passed. */
static void read_times(sqlite3_stmt *row, struct moment now,
                       struct command *c) {
  int64_t created = wall_ms(row, commands_created_at);
  int64_t sent = wall_ms(row, commands_sent_at);
  int64_t last = c->attempts > 0 && sent > created ? sent : created;
  int64_t zero_ms = past_ms(last, now) - last;
  c->created = (struct moment){.ms = zero_ms + created, .wall_ms = created};
  if (c->attempts > 0)
    c->sent = (struct moment){.ms = zero_ms + sent, .wall_ms = sent};
  c->valid_from_ms = zero_ms + wall_ms(row, commands_valid_from);
  c->deadline_ms = is_known(row, commands_expires_at)
                       ? zero_ms + wall_ms(row, commands_expires_at)
                       : COMMAND_NEVER_MS;
  if (is_known(row, commands_not_before))
    c->not_before_ms = zero_ms + wall_ms(row, commands_not_before);
}

struct command *ledger_row_read_command(sqlite3_stmt *row, struct moment now) {
  struct command *c = calloc(1, sizeof *c);
  if (c == NULL)
    return NULL;
  c->slot_key = strdup(ledger_row_text(row, commands_slot));
  c->series = strdup(ledger_row_text(row, commands_series));
  if (c->slot_key == NULL || c->series == NULL ||
      read_body(row, commands_body, &c->body) < 0) {
    command_free(c);
    return NULL;
  }
  c->id = sqlite3_column_int64(row, commands_id);
  c->severity = read_severity(row, commands_severity);
  c->has_value = is_known(row, commands_value);
  c->value = sqlite3_column_double(row, commands_value);
  c->timeout_s = sqlite3_column_int(row, commands_timeout_s);
  c->attempts = sqlite3_column_int(row, commands_attempts);
  c->waits_for_credentials =
      sqlite3_column_int(row, commands_waits_for_credentials) != 0;
  c->doubtful = sqlite3_column_int(row, commands_doubtful) != 0;
  if (strcmp(ledger_row_text(row, commands_state),
             state_names[COMMAND_IN_FLIGHT]) == 0)
    c->state = COMMAND_IN_FLIGHT;
  read_times(row, now, c);
  read_verdict(row, &c->verdict);
  return c;
}

static bool is_of_same_device(sqlite3_stmt *row, const struct slot *s) {
  const struct device *d = s->device;
  int qos = is_known(row, slots_qos) ? sqlite3_column_int(row, slots_qos) : -1;
  return strcasecmp(ledger_row_text(row, slots_endpoint), d->endpoint->name) ==
             0 &&
         strcmp(ledger_row_text(row, slots_device_id), d->device_id) == 0 &&
         strcmp(ledger_row_text(row, slots_content_type),
                s->policy->content_type) == 0 &&
         qos == d->qos;
}

static int read_memory(sqlite3_stmt *row, struct moment now, struct memory *m) {
  if (read_body(row, slots_body, &m->body) < 0)
    return -ENOMEM;
  if (m->body == NULL)
    return 0;
  m->has_value = is_known(row, slots_value);
  m->value = sqlite3_column_double(row, slots_value);
  m->accepted_ms = past_ms(wall_ms(row, slots_accepted_at), now);
  m->epoch = (uint64_t)sqlite3_column_int64(row, slots_epoch);
  return 0;
}

int ledger_row_read_slot(sqlite3_stmt *row, struct moment now, struct slot *s) {
  int64_t longest_ms = now.ms + (int64_t)s->policy->cooldown_s * 1000;
  int64_t until_wall_ms = wall_ms(row, slots_cooldown_until);
  if (is_known(row, slots_cooldown_until)) {
    int64_t until_ms = now.ms + (until_wall_ms - now.wall_ms);
    s->cooldown_until_ms = until_ms < longest_ms ? until_ms : longest_ms;
  }
  s->last_event_ms = past_ms(wall_ms(row, slots_last_event_at), now);
  return is_of_same_device(row, s) ? read_memory(row, now, &s->memory) : 0;
}

/* One of the future is not known: else new events would look late for as long
 * as that is taken for now. */
static struct slot_time read_slot_time(sqlite3_stmt *row, int at,
                                       int arrived_at, struct moment now) {
  int64_t arrived_wall_ms = wall_ms(row, arrived_at);
  if (!is_known(row, at) || !is_credible(arrived_wall_ms, now))
    return (struct slot_time){.known = false};
  int64_t arrived_ms = past_ms(arrived_wall_ms, now);
  return (struct slot_time){
      .known = true,
      .wall_event_ms = wall_ms(row, at),
      .arrived = {.ms = arrived_ms,
                  .wall_ms = now.wall_ms - (now.ms - arrived_ms)}};
}

int ledger_row_read_series(sqlite3_stmt *row, struct moment now,
                           struct series *s) {
  if (read_body(row, series_body, &s->body) < 0 ||
      read_body(row, series_okay_body, &s->okay_body) < 0)
    return -ENOMEM;
  s->severity = read_severity(row, series_severity);
  s->has_unsendable = is_known(row, series_unsendable_bytes);
  s->unsendable_bytes =
      (size_t)sqlite3_column_int64(row, series_unsendable_bytes);
  s->has_value = is_known(row, series_value);
  s->value = sqlite3_column_double(row, series_value);
  s->arrived_ms = past_ms(wall_ms(row, series_arrived_at), now);
  s->since_ms = past_ms(wall_ms(row, series_since_at), now);
  s->event_severity = read_severity(row, series_event_severity);
  s->event = read_slot_time(row, series_event_at, series_event_arrived_at, now);
  s->valued =
      read_slot_time(row, series_timed_at, series_timed_arrived_at, now);
  return 0;
}

void ledger_row_read_account(sqlite3_stmt *row, struct account *a) {
  a->created = (uint64_t)sqlite3_column_int64(row, totals_created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    a->by_outcome[i] = (uint64_t)sqlite3_column_int64(row, totals_accepted + i);
  a->epoch = (uint64_t)sqlite3_column_int64(row, totals_epoch);
}

void ledger_row_read_tracked(sqlite3_stmt *row, struct moment now,
                             struct tracked *t) {
  int64_t accepted = wall_ms(row, tracked_finished_at);
  int64_t zero_ms = past_ms(accepted, now) - accepted;
  int status = sqlite3_column_int(row, tracked_status);
  t->id = sqlite3_column_int64(row, tracked_id);
  t->created.wall_ms = wall_ms(row, tracked_created_at);
  t->created.ms = zero_ms + t->created.wall_ms;
  t->until_ms = zero_ms + wall_ms(row, tracked_track_until);
  t->status_ms = zero_ms + wall_ms(row, tracked_status_at);
  if (status >= 0 && status < TRACKED_STATUSES)
    t->status = (enum tracked_status)status;
  snprintf(t->cmd_uuid, sizeof t->cmd_uuid, "%s",
           ledger_row_text(row, tracked_cmd_uuid));
}
