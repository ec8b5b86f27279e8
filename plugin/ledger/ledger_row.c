/* SPDX-License-Identifier: MIT */
#include "ledger/ledger_row.h"

#include "base/buf.h"
#include "base/shared_text.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Earliest time that a clock can show once it was set: 2020-01-01. */
#define CLOCK_SET_WALL_MS INT64_C(1577836800000)
#define ATTEMPTS_MAX 1000000000
/* Bound of a time from the file, which may be damaged: sums of a few such times
 * do not overflow. */
#define WALL_S_MAX 1e12

/* Short words for the lists of ledger_table.h. */
#define nothing (void)0
#define VERDICT(statement)                                                     \
  struct verdict *w = verdict_for(v, c, &status);                              \
  if (w != NULL)                                                               \
  statement
#define ENDED(outcome) a->by_outcome[OUTCOME_##outcome]

static bool is_finished(const struct command *c) {
  return c->state == COMMAND_FINISHED;
}

static bool remembers(const struct slot *s) { return s->accepted.body != NULL; }

/* Returns how long the state of the slot has held; zeros if that is not kept.
 */
static struct span span_of(const struct slot *s) {
  return s->span != NULL ? *s->span : (struct span){.is_known = false};
}

/* ---- values that are put ---- */

static struct ledger_value null(void) {
  return (struct ledger_value){.kind = LEDGER_VALUE_NULL};
}

static struct ledger_value integer(int64_t number) {
  return (struct ledger_value){.kind = LEDGER_VALUE_INTEGER, .integer = number};
}

static struct ledger_value integer_if(bool known, int64_t number) {
  return known ? integer(number) : null();
}

static struct ledger_value count(uint64_t number) {
  return integer((int64_t)number);
}

static struct ledger_value real_if(bool known, double number) {
  return known
             ? (struct ledger_value){.kind = LEDGER_VALUE_REAL, .real = number}
             : null();
}

static struct ledger_value text(const char *string) {
  return string != NULL
             ? (struct ledger_value){.kind = LEDGER_VALUE_TEXT,
                                     .data = string,
                                     .size = (uint32_t)strlen(string)}
             : null();
}

static struct ledger_value text_if(bool known, const char *string) {
  return known ? text(string) : null();
}

static struct ledger_value class(enum verdict_class class) {
  return text_if(class != VERDICT_ACCEPTED, verdict_meaning(class)->name);
}

static struct ledger_value text_unless_empty(const char *string) {
  return text_if(string[0] != '\0', string);
}

/* NULL: none. */
static struct ledger_value text_if_any(const char *string) {
  return text_if(string != NULL, string);
}

/* Leaves out the query, which may hold a secret: more people may read the
 * ledger than the configuration. */
static struct ledger_value public_url(const char *url) {
  struct ledger_value v = text(url);
  v.size = (uint32_t)strcspn(url, "?");
  return v;
}

static struct ledger_value wall_if(bool known, int64_t wall_ms) {
  return real_if(known, (double)wall_ms / 1000);
}

/* Converts by the clock as it is now, so that all times of a row fit each other
 * even if the clock jumped between them. */
static struct ledger_value moment(struct moment now, int64_t ms) {
  return wall_if(true, now.wall_ms + (ms - now.ms));
}

static struct ledger_value moment_if(bool known, struct moment now,
                                     int64_t ms) {
  return known ? moment(now, ms) : null();
}

static struct ledger_value severity(enum severity severity_value) {
  return text(event_severity_name(severity_value));
}

static struct ledger_value qos(const struct device *d) {
  return integer_if(d->qos >= 0, d->qos);
}

static bool is_text(const struct body *b) {
  return memchr(b->data, '\0', b->size) == NULL &&
         buf_is_utf8(b->data, b->size);
}

static struct ledger_value body(const struct body *b) {
  if (b == NULL)
    return null();
  return (struct ledger_value){.kind = is_text(b) ? LEDGER_VALUE_TEXT
                                                  : LEDGER_VALUE_BYTES,
                               .data = b->data,
                               .size = b->size};
}

/* ---- writing ---- */

static void set(struct ledger_row *row, int column, struct ledger_value value) {
  row->values[column] = value;
  row->columns |= UINT64_C(1) << column;
}

void ledger_row_init(struct ledger_row *row, enum ledger_table table) {
  row->table = table;
  row->columns = 0;
  row->same = 0;
}

void ledger_row_set_integer(struct ledger_row *row, int column,
                            int64_t number) {
  set(row, column, integer(number));
}

void ledger_row_set_text(struct ledger_row *row, int column,
                         const char *string) {
  set(row, column, text(string));
}

void ledger_row_set_null(struct ledger_row *row, int column) {
  set(row, column, null());
}

void ledger_row_copy(struct ledger_row *row, int column,
                     const struct ledger_row *from) {
  set(row, column, from->values[column]);
}

#define PUT_COMMAND(name, type, put, take) set(row, commands_##name, put);
#define PUT_NULL(name, type, put, take) set(row, commands_##name, null());
#define PUT_SLOT(name, type, put, take) set(row, slots_##name, put);
#define PUT_SERIES(name, type, put, take) set(row, series_##name, put);
#define PUT_TOTALS(name, type, put, take) set(row, totals_##name, put);
#define PUT_FAILING(name, type, put, take) set(row, failing_##name, put);
#define PUT_IDS(name, type, put, take) set(row, ids_##name, put);
#define PUT_ORDER(name, type, put, take) set(row, orders_##name, put);
#define PUT_AGENT(name, type, put, take) set(row, agent_##name, put);
#define PUT_ENDPOINT(name, type, put, take) set(row, endpoints_##name, put);
#define SKIP(name, type, put, take)

/* Bits of columns. */
#define COMMAND_BIT(name, type, put, take) | UINT64_C(1) << commands_##name
#define SLOT_BIT(name, type, put, take) | UINT64_C(1) << slots_##name
#define ORDER_BIT(name, type, put, take) | UINT64_C(1) << orders_##name

/* Columns that a command keeps from its first row on, until it is finished; and
 * from then on. The columns for tracking are left to the rows of tracked
 * commands.
 */
static const uint64_t kept_to_end =
    0 LEDGER_COMMANDS(COMMAND_BIT, COMMAND_BIT, SKIP, COMMAND_BIT, COMMAND_BIT);
static const uint64_t kept_at_end =
    0 LEDGER_COMMANDS(COMMAND_BIT, COMMAND_BIT, SKIP, SKIP, COMMAND_BIT);
static const uint64_t kept_by_slot = 0 LEDGER_SLOTS(SLOT_BIT, SLOT_BIT, SKIP);
static const uint64_t kept_by_order =
    0 LEDGER_ORDERS(ORDER_BIT, ORDER_BIT, SKIP);

void ledger_row_of_command(const struct command *c, struct moment now,
                           struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_COMMANDS);
  LEDGER_COMMANDS(PUT_COMMAND, PUT_COMMAND, PUT_COMMAND, PUT_COMMAND, PUT_NULL)
  if (c->change.is_told)
    row->same = is_finished(c) ? kept_at_end : kept_to_end;
}

void ledger_row_of_tracked(const struct tracked *t, struct moment now,
                           struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_COMMANDS);
  ledger_row_set_integer(row, commands_id, t->id);
  LEDGER_COMMANDS(SKIP, SKIP, SKIP, SKIP, PUT_COMMAND)
}

void ledger_row_of_slot(const struct slot *s, struct moment now,
                        struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_SLOTS);
  LEDGER_SLOTS(PUT_SLOT, PUT_SLOT, PUT_SLOT)
  if (s->change.is_told)
    row->same = kept_by_slot;
}

void ledger_row_of_series(const struct series *s, struct moment now,
                          struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_SERIES);
  LEDGER_SERIES(PUT_SERIES, PUT_SERIES)
}

void ledger_row_of_account(const struct account *a, struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_TOTALS);
  LEDGER_TOTALS(PUT_TOTALS, PUT_TOTALS)
  if (a->change.is_told)
    row->same = ledger_table_key(LEDGER_TABLE_TOTALS);
}

bool ledger_row_of_failing(const struct ledger_row *r, struct ledger_row *row) {
  enum outcome outcome = OUTCOME_CANCELLED;
  ledger_row_init(row, LEDGER_TABLE_FAILING);
  LEDGER_FAILING(PUT_FAILING, PUT_FAILING)
  outcome_parse(ledger_row_text(r, commands_outcome), &outcome);
  switch (outcome) {
  case OUTCOME_ACCEPTED:
    row->columns = ledger_table_key(LEDGER_TABLE_FAILING);
    return true;
  case OUTCOME_REFUSED:
  case OUTCOME_UNKNOWN:
  case OUTCOME_EXPIRED:
  case OUTCOME_DROPPED:
    return true;
  default:
    return false;
  }
}

void ledger_row_of_ids(int64_t base, struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_IDS);
  LEDGER_IDS(PUT_IDS, PUT_IDS)
}

void ledger_row_of_order(const struct order *o, struct moment now,
                         struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_ORDERS);
  LEDGER_ORDERS(PUT_ORDER, PUT_ORDER, PUT_ORDER)
  row->same = kept_by_order;
}

void ledger_row_of_agent(const struct ledger_agent *a, struct moment now,
                         struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_AGENT);
  LEDGER_AGENT(PUT_AGENT, PUT_AGENT)
  row->same = ledger_table_key(LEDGER_TABLE_AGENT);
}

void ledger_row_of_endpoint(const struct ledger_endpoint *e, struct moment now,
                            struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_ENDPOINTS);
  LEDGER_ENDPOINTS(PUT_ENDPOINT, PUT_ENDPOINT)
  row->same = ledger_table_key(LEDGER_TABLE_ENDPOINTS);
}

void ledger_row_of_end(int64_t id, enum outcome outcome, const char *why,
                       struct moment now, struct ledger_row *row) {
  ledger_row_init(row, LEDGER_TABLE_COMMANDS);
  ledger_row_set_integer(row, commands_id, id);
  set(row, commands_state, text(command_state_name(COMMAND_FINISHED)));
  set(row, commands_outcome, text(outcome_name(outcome)));
  set(row, commands_finished_at, moment(now, now.ms));
  set(row, commands_error, text(why));
}

/* ---- values that are taken back ---- */

static bool is_known(const struct ledger_value *v) {
  return v->kind != LEDGER_VALUE_NULL;
}

/* Takes the kind of the value for granted: stores give each column the kind
 * that its type asks for, or NULL. */
static int64_t as_integer(const struct ledger_value *v) {
  return is_known(v) ? v->integer : 0;
}

/* Numbers that do not fit count as none. */
static int as_int(const struct ledger_value *v) {
  int64_t number = as_integer(v);
  return number >= INT_MIN && number <= INT_MAX ? (int)number : 0;
}

/* Cuts the number to a range that leaves room to count on. */
static int as_attempts(const struct ledger_value *v) {
  int attempts = as_int(v);
  return attempts >= 0 && attempts <= ATTEMPTS_MAX ? attempts : ATTEMPTS_MAX;
}

static uint64_t as_count(const struct ledger_value *v) {
  return (uint64_t)as_integer(v);
}

static const char *as_text(const struct ledger_value *v) {
  return is_known(v) ? v->data : "";
}

static int64_t as_wall_ms(const struct ledger_value *v) {
  double wall_s = is_known(v) ? v->real : 0;
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

static int64_t as_past_ms(const struct ledger_value *v, struct moment now) {
  return past_ms(as_wall_ms(v), now);
}

/* zero_ms is the monotonic time that corresponds to the wall-clock time 0 in
 * this row. */
static int64_t as_ms(const struct ledger_value *v, int64_t zero_ms) {
  return zero_ms + as_wall_ms(v);
}

static int64_t as_ms_or(const struct ledger_value *v, int64_t zero_ms,
                        int64_t none_ms) {
  return is_known(v) ? as_ms(v, zero_ms) : none_ms;
}

static struct moment as_moment(const struct ledger_value *v, int64_t zero_ms) {
  return (struct moment){.ms = as_ms(v, zero_ms), .wall_ms = as_wall_ms(v)};
}

/* Takes a word that is not known for okay. No pending command has one:
 * ledger_restore has ended those. */
static enum severity as_severity(const struct ledger_value *v) {
  enum severity found = SEVERITY_OKAY;
  event_parse_severity(as_text(v), &found);
  return found;
}

static enum command_state as_state(const struct ledger_value *v) {
  return strcmp(as_text(v), command_state_name(COMMAND_IN_FLIGHT)) == 0
             ? COMMAND_IN_FLIGHT
             : COMMAND_WAITING;
}

/* Takes a word that is not known for doubtful: the attempt may have been
 * executed. */
static enum verdict_class as_class(const struct ledger_value *v) {
  enum verdict_class class = VERDICT_DOUBTFUL;
  verdict_parse_class(v->data, &class);
  return class;
}

/* Returns the verdict of the command, for the value to be taken into, and makes
 * it if there is none yet. Returns NULL if the value is NULL, or without
 * memory; then *status is -ENOMEM. */
static struct verdict *verdict_for(const struct ledger_value *v,
                                   struct command *c, int *status) {
  if (!is_known(v))
    return NULL;
  if (command_make_attempt(c) < 0)
    *status = -ENOMEM;
  return c->attempt != NULL ? &c->attempt->verdict : NULL;
}

static void take_sent(const struct ledger_value *v, int64_t zero_ms,
                      struct command *c, int *status) {
  if (command_make_attempt(c) == 0)
    c->attempt->sent = as_moment(v, zero_ms);
  else
    *status = -ENOMEM;
}

static enum tracked_status as_status(const struct ledger_value *v) {
  int status = as_int(v);
  return status >= 0 && status < TRACKED_STATUSES ? (enum tracked_status)status
                                                  : TRACKED_CREATED;
}

static void take_text(const struct ledger_value *v, char *ret_text,
                      size_t bytes) {
  snprintf(ret_text, bytes, "%s", as_text(v));
}

static void take_name(const struct ledger_value *v, const char **ret_name,
                      int *status) {
  *ret_name = shared_text_new(as_text(v));
  if (*ret_name == NULL)
    *status = -ENOMEM;
}

/* Takes an empty body for none. */
static void take_body(const struct ledger_value *v, struct body **ret_body,
                      int *status) {
  if (!is_known(v) || v->size == 0)
    return;
  *ret_body = body_new(v->data, v->size);
  if (*ret_body == NULL)
    *status = -ENOMEM;
}

/* Takes a copy, in the place of what was there. */
static void take_string(const struct ledger_value *v, char **ret_string,
                        int *status) {
  if (!is_known(v))
    return;
  free(*ret_string);
  *ret_string = strdup(as_text(v));
  if (*ret_string == NULL)
    *status = -ENOMEM;
}

/* Refuses an order of which nobody knows what it asks for. */
static void take_verb(const struct ledger_value *v, struct moment now,
                      struct order *o) {
  if (order_verb_parse(as_text(v), &o->verb) < 0)
    order_refuse(o, now, "the verb \"%.40s\" is not known", as_text(v));
}

/* Leaves one that is given as it is: it may be refused by now. */
static void take_order_state(const struct ledger_value *v, struct order *o) {
  enum order_state state = ORDER_GIVEN;
  if (order_state_parse(as_text(v), &state) == 0 && state != ORDER_GIVEN)
    o->state = state;
}

static void take_real(const struct ledger_value *v, bool *ret_known,
                      double *ret_number) {
  *ret_known = is_known(v);
  *ret_number = is_known(v) ? v->real : 0;
}

static void take_size(const struct ledger_value *v, bool *ret_known,
                      uint32_t *ret_size) {
  *ret_known = is_known(v);
  *ret_size = (uint32_t)as_integer(v);
}

static void take_errno(const struct ledger_value *v, struct verdict *verdict) {
  verdict->has_errno = is_known(v);
  verdict->errno_value = as_int(v);
}

static void take_cooldown(const struct ledger_value *v, struct moment now,
                          struct slot *s) {
  int64_t longest_ms = now.ms + (int64_t)s->policy->cooldown_s * 1000;
  int64_t until_ms = as_ms(v, now.ms - now.wall_ms);
  if (is_known(v))
    s->cooldown_until_ms = until_ms < longest_ms ? until_ms : longest_ms;
}

/* A span that is not in the record is left as it is. */
static void take_since(const struct ledger_value *v, struct moment now,
                       struct span *span) {
  if (span == NULL || !is_known(v))
    return;
  span->since_ms = as_past_ms(v, now);
  span->is_recorded = true;
}

static void take_event_time(const struct ledger_value *v,
                            struct slot_time *ret_time) {
  ret_time->known = is_known(v);
  ret_time->wall_event_ms = as_wall_ms(v);
}

/* Forgets an event that, since the clock went back, arrived in the future: new
 * events would look late until the clock has passed its arrival. */
static void take_arrival(const struct ledger_value *v, struct moment now,
                         struct slot_time *t) {
  t->known = t->known && is_credible(as_wall_ms(v), now);
  t->arrived.ms = as_past_ms(v, now);
  t->arrived.wall_ms = now.wall_ms - (now.ms - t->arrived.ms);
}

/* ---- reading ---- */

int64_t ledger_row_integer(const struct ledger_row *row, int column) {
  return as_integer(&row->values[column]);
}

bool ledger_row_is_countable(const struct ledger_row *row, int column) {
  int64_t number = ledger_row_integer(row, column);
  return number >= 0 && number <= LEDGER_ROW_NUMBER_MAX;
}

const char *ledger_row_text(const struct ledger_row *row, int column) {
  return as_text(&row->values[column]);
}

static bool is_in_state(const struct ledger_row *row,
                        enum command_state state) {
  return strcmp(ledger_row_text(row, commands_state),
                command_state_name(state)) == 0;
}

bool ledger_row_is_readable(const struct ledger_row *row) {
  enum severity known;
  const struct ledger_value *v = &row->values[commands_body];
  size_t size = is_known(v) ? v->size : 0;
  return ledger_row_is_countable(row, commands_id) &&
         (is_in_state(row, COMMAND_WAITING) ||
          is_in_state(row, COMMAND_IN_FLIGHT)) &&
         event_parse_severity(ledger_row_text(row, commands_severity),
                              &known) == 0 &&
         size > 0 && size <= COMMAND_BODY_MAX_BYTES;
}

bool ledger_row_is_in_flight(const struct ledger_row *row) {
  return !is_in_state(row, COMMAND_WAITING);
}

bool ledger_row_is_doubtful(const struct ledger_row *row) {
  return ledger_row_is_in_flight(row) ||
         ledger_row_integer(row, commands_doubtful) != 0;
}

static int64_t wall_ms_of(const struct ledger_row *row, int column) {
  return as_wall_ms(&row->values[column]);
}

/* Returns zero_ms for a row whose latest recorded moment was last_wall_ms. If
 * that moment is not credible, since the clock went back or was not set, it
 * counts as now, and the other times of the row keep their distance from it. */
static int64_t zero_ms_of(int64_t last_wall_ms, struct moment now) {
  return past_ms(last_wall_ms, now) - last_wall_ms;
}

static int64_t last_wall_ms_of_command(const struct ledger_row *row) {
  int64_t created = wall_ms_of(row, commands_created_at);
  int64_t sent = wall_ms_of(row, commands_sent_at);
  bool was_sent = as_int(&row->values[commands_attempts]) > 0;
  return was_sent && sent > created ? sent : created;
}

#define TAKE(column, take)                                                     \
  {                                                                            \
    const struct ledger_value *v = &row->values[column];                       \
    (void)v;                                                                   \
    take;                                                                      \
  }
#define TAKE_COMMAND(name, type, put, take) TAKE(commands_##name, take)
#define TAKE_SLOT(name, type, put, take) TAKE(slots_##name, take)
#define TAKE_SERIES(name, type, put, take) TAKE(series_##name, take)
#define TAKE_TOTALS(name, type, put, take) TAKE(totals_##name, take)
#define TAKE_ORDER(name, type, put, take) TAKE(orders_##name, take)

struct command *ledger_row_to_command(const struct ledger_row *row,
                                      struct moment now) {
  int64_t zero_ms = zero_ms_of(last_wall_ms_of_command(row), now);
  struct command *c = command_new();
  int status = 0;
  if (c == NULL)
    return NULL;
  LEDGER_COMMANDS(TAKE_COMMAND, TAKE_COMMAND, TAKE_COMMAND, TAKE_COMMAND, SKIP)
  if (status == 0)
    return c;
  command_free(c);
  return NULL;
}

static bool has_text(const struct ledger_row *row, int column,
                     const char *text) {
  return strcmp(ledger_row_text(row, column), text != NULL ? text : "") == 0;
}

/* Returns whether what the device accepted then was sent in the same way, and
 * to the same place. */
static bool is_of_same_device(const struct ledger_row *row,
                              const struct slot *s) {
  const struct device *d = s->device;
  int qos_then =
      is_known(&row->values[slots_qos]) ? as_int(&row->values[slots_qos]) : -1;
  return strcasecmp(ledger_row_text(row, slots_endpoint), d->endpoint->name) ==
             0 &&
         has_text(row, slots_device_id, d->device_id) &&
         has_text(row, slots_content_type, s->policy->content_type) &&
         has_text(row, slots_api, d->endpoint->api_name) &&
         has_text(row, slots_product_id, d->endpoint->product_id) &&
         has_text(row, slots_service, s->policy->service) && qos_then == d->qos;
}

int ledger_row_to_slot(const struct ledger_row *row, struct moment now,
                       struct slot *s) {
  bool is_same_device = is_of_same_device(row, s);
  int status = 0;
  LEDGER_SLOTS(TAKE_SLOT, TAKE_SLOT, TAKE_SLOT)
  return status;
}

int ledger_row_to_series(const struct ledger_row *row, struct moment now,
                         struct series *s) {
  int status = 0;
  LEDGER_SERIES(TAKE_SERIES, TAKE_SERIES)
  return status;
}

void ledger_row_to_account(const struct ledger_row *row, struct account *a) {
  LEDGER_TOTALS(TAKE_TOTALS, TAKE_TOTALS)
}

void ledger_row_to_tracked(const struct ledger_row *row, struct moment now,
                           struct tracked *t) {
  int64_t accepted_wall_ms = wall_ms_of(row, commands_finished_at);
  int64_t zero_ms = zero_ms_of(accepted_wall_ms, now);
  t->id = ledger_row_integer(row, commands_id);
  t->created = as_moment(&row->values[commands_created_at], zero_ms);
  take_text(&row->values[commands_cmd_uuid], t->cmd_uuid, sizeof t->cmd_uuid);
  LEDGER_COMMANDS(SKIP, SKIP, SKIP, SKIP, TAKE_COMMAND)
}

struct order *ledger_row_to_order(const struct ledger_row *row,
                                  struct moment now) {
  struct order *o = order_new();
  int status = 0;
  if (o == NULL)
    return NULL;
  LEDGER_ORDERS(TAKE_ORDER, TAKE_ORDER, TAKE_ORDER)
  if (status == 0)
    return o;
  order_free(o);
  return NULL;
}

int ledger_row_to_retry(const struct ledger_row *row, struct order *o) {
  int status = 0;
  TAKE(commands_rule, take_string(v, &o->rule_name, &status))
  TAKE(commands_device, take_string(v, &o->device_name, &status))
  TAKE(commands_content_type, take_string(v, &o->content_type, &status))
  TAKE(commands_service, take_string(v, &o->service, &status))
  TAKE(commands_body, take_body(v, &o->body, &status))
  TAKE(commands_outcome, outcome_parse(as_text(v), &o->was))
  TAKE(commands_series, take_string(v, &o->series, &status))
  TAKE(commands_severity, o->severity = as_severity(v))
  TAKE(commands_value, take_real(v, &o->has_value, &o->value))
  return status;
}
