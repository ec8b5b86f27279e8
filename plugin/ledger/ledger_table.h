/* SPDX-License-Identifier: MIT
 *
 * ledger_table owns the form of what the ledger keeps: its tables, their
 * columns, and rows as plain data that any store can keep. Private to the
 * ledger and its stores.
 *
 * A new stored field is one line in one of the lists below, and in the schema
 * of each store a step that adds the column to existing files.
 */
#ifndef ONENET_LEDGER_TABLE_H
#define ONENET_LEDGER_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* ---- the lists ----
 *
 * Each list has one line per column: FIRST(name, type, put, take), then X(...)
 * for every further one. `put` is an expression for the column's value in a
 * row; `take` is a statement that takes the value back from *v. Both use the
 * names of ledger_row.c. The columns that identify a row come first. A column
 * that the `take` of another one needs stands above that one. In place of X
 * stands ONCE for a column that keeps its value while the process runs, and END
 * for one that is NULL until the command is finished.
 *
 * Times are Unix seconds. */
// clang-format off

/* Columns of a command `c`; TRACKED(...) is a column of a tracked command `t`.
 * `cause` and `class` are those of the last attempt that failed. */
#define LEDGER_COMMANDS(FIRST, ONCE, X, END, TRACKED)                          \
  FIRST(id, ID, integer(c->id), c->id = as_integer(v))                         \
  X(created_at, MOMENT, moment(now, c->created.ms),                            \
    c->created = as_moment(v, zero_ms))                                        \
  ONCE(rule, NAME, text(c->policy->rule), nothing)                             \
  ONCE(device, NAME, text(c->device->name), nothing)                           \
  ONCE(device_id, TEXT, text(c->device->device_id), nothing)                   \
  ONCE(endpoint, NAME, text(c->device->endpoint->name), nothing)               \
  ONCE(slot, TEXT, text(c->slot_key), take_name(v, &c->slot_key, &status))     \
  ONCE(series, TEXT, text(c->series), take_name(v, &c->series, &status))       \
  ONCE(severity, TEXT, severity(c->severity), c->severity = as_severity(v))    \
  ONCE(body, BODY, body(c->body), take_body(v, &c->body, &status))             \
  X(content_type, TEXT, text(c->policy->content_type), nothing)                \
  X(qos, INTEGER_OR_NULL, qos(c->device), nothing)                             \
  X(timeout_s, INTEGER, integer(c->timeout_s), c->timeout_s = as_int(v))       \
  X(expires_at, MOMENT_OR_NULL,                                                \
    moment_if(c->deadline_ms != COMMAND_NEVER_MS, now, c->deadline_ms),        \
    c->deadline_ms = as_ms_or(v, zero_ms, COMMAND_NEVER_MS))                   \
  X(not_before, MOMENT_OR_NULL,                                                \
    moment_if(c->not_before_ms != 0, now, c->not_before_ms),                   \
    c->not_before_ms = as_ms_or(v, zero_ms, 0))                                \
  X(state, TEXT, text(command_state_name(c->state)), c->state = as_state(v))   \
  END(outcome, TEXT_OR_NULL,                                                   \
    text_if(is_finished(c), outcome_name(c->outcome)), nothing)                \
  X(attempts, INTEGER, integer(c->attempts), c->attempts = as_attempts(v))     \
  X(http_code, INTEGER_OR_NULL,                                                \
    integer_if(command_verdict(c)->http_code != 0,                             \
      command_verdict(c)->http_code),                                          \
    VERDICT(w->http_code = as_int(v)))                                         \
  X(errno, INTEGER_OR_NULL,                                                    \
    integer_if(command_verdict(c)->has_errno,                                  \
      command_verdict(c)->errno_value),                                        \
    VERDICT(take_errno(v, w)))                                                 \
  X(error, TEXT_OR_NULL, text_unless_empty(command_why(c)),                    \
    VERDICT(take_text(v, w->error, sizeof w->error)))                          \
  X(cmd_uuid, TEXT_OR_NULL, text_unless_empty(command_verdict(c)->cmd_uuid),   \
    VERDICT(take_text(v, w->cmd_uuid, sizeof w->cmd_uuid)))                    \
  X(reply, TEXT_OR_NULL, body(command_reply(c)), nothing)                      \
  X(sent_at, MOMENT_OR_NULL,                                                   \
    moment_if(c->attempts > 0, now, command_sent(c).ms),                       \
    if (c->attempts > 0) take_sent(v, zero_ms, c, &status))                    \
  END(finished_at, MOMENT_OR_NULL,                                             \
    moment_if(is_finished(c), now, c->finished.ms), nothing)                   \
  TRACKED(status, INTEGER_OR_NULL, integer(t->status),                         \
    t->status = as_status(v))                                                  \
  TRACKED(status_at, MOMENT_OR_NULL, moment(now, t->status_ms),                \
    t->status_ms = as_ms(v, zero_ms))                                          \
  TRACKED(answer, BODY, body(t->answer), nothing)                              \
  TRACKED(track_until, MOMENT_OR_NULL,                                         \
    moment_if(!t->concluded, now, t->until_ms),                                \
    t->until_ms = as_ms(v, zero_ms))                                           \
  X(cause, TEXT_OR_NULL, text_unless_empty(command_verdict(c)->cause),         \
    VERDICT(take_text(v, w->cause, sizeof w->cause)))                          \
  X(class, TEXT_OR_NULL, class(command_verdict(c)->class),                     \
    VERDICT(w->class = as_class(v)))                                           \
  ONCE(value, REAL_OR_NULL, real_if(c->has_value, c->value),                   \
    take_real(v, &c->has_value, &c->value))                                    \
  ONCE(service, TEXT_OR_NULL, text_if_any(c->policy->service), nothing)        \
  X(valid_from, MOMENT, moment(now, c->valid_from_ms),                         \
    c->valid_from_ms = as_ms(v, zero_ms))                                      \
  X(waits_for_credentials, INTEGER, integer(c->waits_for_credentials),         \
    c->waits_for_credentials = as_integer(v) != 0)                             \
  X(doubtful, INTEGER, integer(c->doubtful),                                   \
    c->doubtful = as_integer(v) != 0)

/* Columns of a slot `s`. `body` is what the device accepted last, NULL if the
 * slot remembers nothing. It is void if `epoch` is another one than that of the
 * device in the totals, or while a command of the device is in flight. `owes`:
 * the command for its state was dropped, and is asked for again.
 * `last_event_at` is the last event before the slot was put last, for who reads
 * the table. Columns from `since_at` on are NULL unless the rule has After or
 * Until: the beginning of the slot's state, and when it was last OKAY no more;
 * whether it waits for After, has fired since it was OKAY, and is taken back. */
#define LEDGER_SLOTS(FIRST, ONCE, X)                                           \
  FIRST(key, KEY, text(s->key), nothing)                                       \
  ONCE(rule, NAME, text(s->policy->rule), nothing)                             \
  ONCE(device, NAME, text(s->device->name), nothing)                           \
  ONCE(device_id, TEXT, text(s->device->device_id), nothing)                   \
  ONCE(endpoint, NAME, text(s->device->endpoint->name), nothing)               \
  ONCE(content_type, TEXT, text(s->policy->content_type), nothing)             \
  ONCE(qos, INTEGER_OR_NULL, qos(s->device), nothing)                          \
  X(body, BODY, body(s->accepted.body),                                        \
    if (is_same_device) take_body(v, &s->accepted.body, &status))              \
  X(value, REAL_OR_NULL, real_if(s->accepted.has_value, s->accepted.value),    \
    if (remembers(s)) take_real(v, &s->accepted.has_value, &s->accepted.value))\
  X(accepted_at, MOMENT_OR_NULL,                                               \
    moment_if(remembers(s), now, s->accepted.accepted_ms),                     \
    if (remembers(s)) s->accepted.accepted_ms = as_past_ms(v, now))            \
  X(epoch, INTEGER, count(s->accepted.attempts_begun),                         \
    if (remembers(s)) s->accepted.attempts_begun = as_count(v))                \
  X(cooldown_until, MOMENT_OR_NULL,                                            \
    moment_if(s->cooldown_until_ms != 0, now, s->cooldown_until_ms),           \
    take_cooldown(v, now, s))                                                  \
  X(last_event_at, MOMENT, moment(now, slot_last_event_ms(s)), nothing)        \
  X(owes, INTEGER, integer(s->owes), s->owes = as_integer(v) != 0)             \
  ONCE(api, TEXT, text(s->device->endpoint->api_name), nothing)                \
  ONCE(product_id, TEXT_OR_NULL, text_if_any(s->device->endpoint->product_id), \
    nothing)                                                                   \
  ONCE(service, TEXT_OR_NULL, text_if_any(s->policy->service), nothing)        \
  X(since_at, MOMENT_OR_NULL,                                                  \
    moment_if(s->span != NULL, now, span_of(s).since_ms),                      \
    take_since(v, now, s->span))                                               \
  X(left_okay_at, MOMENT_OR_NULL,                                              \
    moment_if(s->span != NULL, now, span_of(s).left_okay_ms),                  \
    if (s->span != NULL) s->span->left_okay_ms = as_past_ms(v, now))           \
  X(waits, INTEGER_OR_NULL, integer_if(s->span != NULL, span_of(s).waits),     \
    if (s->span != NULL) s->span->waits = as_integer(v) != 0)                  \
  X(fired, INTEGER_OR_NULL,                                                    \
    integer_if(s->span != NULL, span_of(s).has_fired),                         \
    if (s->span != NULL) s->span->has_fired = as_integer(v) != 0)              \
  X(spent, INTEGER_OR_NULL,                                                    \
    integer_if(s->span != NULL, span_of(s).is_spent),                          \
    if (s->span != NULL) s->span->is_spent = as_integer(v) != 0)

/* Columns of a series `s`. `unsendable_bytes` is NULL if the body can be sent.
 * `since_at` is when the series came into its state. Names with `event` are of
 * the last event, those with `timed` of the last event that carried a
 * CurrentValue; they are NULL if there was none. */
#define LEDGER_SERIES(FIRST, X)                                                \
  FIRST(slot, TEXT, text(s->slot->key), nothing)                               \
  X(name, TEXT, text(s->name), nothing)                                        \
  X(rule, NAME, text(s->slot->policy->rule), nothing)                          \
  X(device, NAME, text(s->slot->device->name), nothing)                        \
  X(severity, TEXT, severity(s->severity), s->severity = as_severity(v))       \
  X(body, BODY, body(s->body), take_body(v, &s->body, &status))                \
  X(okay_body, BODY, body(s->okay_body),                                       \
    take_body(v, &s->okay_body, &status))                                      \
  X(unsendable_bytes, INTEGER_OR_NULL,                                         \
    integer_if(s->has_unsendable, (int64_t)s->unsendable_bytes),               \
    take_size(v, &s->has_unsendable, &s->unsendable_bytes))                    \
  X(value, REAL_OR_NULL, real_if(s->has_value, s->value),                      \
    take_real(v, &s->has_value, &s->value))                                    \
  X(arrived_at, MOMENT, moment(now, s->arrived_ms),                            \
    s->arrived_ms = as_past_ms(v, now))                                        \
  X(since_at, MOMENT, moment(now, s->since_ms), s->since_ms = as_past_ms(v, now)) \
  X(event_severity, TEXT_OR_NULL,                                              \
    text_if(s->event.known, event_severity_name(s->event_severity)),           \
    s->event_severity = as_severity(v))                                        \
  X(event_at, REAL_OR_NULL, wall_if(s->event.known, s->event.wall_event_ms),   \
    take_event_time(v, &s->event))                                             \
  X(event_arrived_at, MOMENT_OR_NULL,                                          \
    moment_if(s->event.known, now, s->event.arrived.ms),                       \
    take_arrival(v, now, &s->event))                                           \
  X(timed_at, REAL_OR_NULL, wall_if(s->valued.known, s->valued.wall_event_ms), \
    take_event_time(v, &s->valued))                                            \
  X(timed_arrived_at, MOMENT_OR_NULL,                                          \
    moment_if(s->valued.known, now, s->valued.arrived.ms),                     \
    take_arrival(v, now, &s->valued))

/* Columns of an account `a`. `epoch` counts the attempts begun: in the file only
 * those that have ended, since no row is put when an attempt begins. */
#define LEDGER_TOTALS(FIRST, X)                                                \
  FIRST(device, NAME_KEY, text(a->device->name), nothing)                      \
  X(created, INTEGER, count(a->created), a->created = as_count(v))             \
  X(accepted, INTEGER, count(ENDED(ACCEPTED)),                                 \
    ENDED(ACCEPTED) = as_count(v))                                             \
  X(refused, INTEGER, count(ENDED(REFUSED)), ENDED(REFUSED) = as_count(v))     \
  X(unknown, INTEGER, count(ENDED(UNKNOWN)), ENDED(UNKNOWN) = as_count(v))     \
  X(expired, INTEGER, count(ENDED(EXPIRED)), ENDED(EXPIRED) = as_count(v))     \
  X(superseded, INTEGER, count(ENDED(SUPERSEDED)),                             \
    ENDED(SUPERSEDED) = as_count(v))                                           \
  X(unchanged, INTEGER, count(ENDED(UNCHANGED)),                               \
    ENDED(UNCHANGED) = as_count(v))                                            \
  X(dropped, INTEGER, count(ENDED(DROPPED)), ENDED(DROPPED) = as_count(v))     \
  X(cancelled, INTEGER, count(ENDED(CANCELLED)),                               \
    ENDED(CANCELLED) = as_count(v))                                            \
  X(epoch, INTEGER, count(a->attempts_begun), a->attempts_begun = as_count(v))

/* Columns of what is kept of a finished command `r`, a row of the table
 * commands, while it is the last one of its rule and device and has failed: to
 * find these at a start all history would have to be read. */
#define LEDGER_FAILING(FIRST, X)                                               \
  FIRST(rule, NAME, r->values[commands_rule], nothing)                         \
  X(device, NAME, r->values[commands_device], nothing)                         \
  X(outcome, TEXT, r->values[commands_outcome], nothing)

/* Columns of the one row about ids; `what` is 'commands'. The ids that were ever
 * given are at most `base` and the sum of `created` in the totals: each command
 * that gets an id counts there, also one that has no row. */
#define LEDGER_IDS(FIRST, X)                                                   \
  FIRST(what, KEY, text("commands"), nothing)                                  \
  X(base, INTEGER, integer(base), nothing)

/* Columns of an order `o`, from `state` on those that say what came of it. The
 * end of a silence is put anew if another order ends it earlier. */
#define LEDGER_ORDERS(FIRST, ONCE, X)                                          \
  FIRST(id, ID, integer(o->id), o->id = as_integer(v))                         \
  ONCE(given_at, REAL, wall_if(true, o->wall_given_ms),                        \
    o->wall_given_ms = as_wall_ms(v))                                          \
  ONCE(verb, TEXT, text(order_verb_name(o->verb)), take_verb(v, now, o))       \
  ONCE(uid, INTEGER, integer(o->uid), o->uid = as_integer(v))                  \
  ONCE(device, NAME_OR_NULL, text_if_any(o->device_name),                      \
    take_string(v, &o->device_name, &status))                                  \
  ONCE(rule, NAME_OR_NULL, text_if_any(o->rule_name),                          \
    take_string(v, &o->rule_name, &status))                                    \
  ONCE(command_id, INTEGER_OR_NULL,                                            \
    integer_if(o->command_id != 0, o->command_id),                             \
    o->command_id = as_integer(v))                                             \
  ONCE(body, BODY, body(o->body), take_body(v, &o->body, &status))             \
  ONCE(content_type, TEXT_OR_NULL, text_if_any(o->content_type),               \
    take_string(v, &o->content_type, &status))                                 \
  ONCE(service, TEXT_OR_NULL, text_if_any(o->service),                         \
    take_string(v, &o->service, &status))                                      \
  ONCE(expire_s, INTEGER_OR_NULL,                                              \
    integer_if(o->expire_s != ORDER_EXPIRE_DEFAULT, o->expire_s),              \
    if (is_known(v)) o->expire_s = as_int(v))                                  \
  ONCE(forced, INTEGER, integer(o->is_forced),                                 \
    o->is_forced = as_integer(v) != 0)                                         \
  X(until_at, REAL_OR_NULL,                                                    \
    wall_if(o->verb == ORDER_SILENCE, o->wall_until_ms),                       \
    o->wall_until_ms = as_wall_ms(v))                                          \
  ONCE(comment, TEXT_OR_NULL, text_if_any(o->comment),                         \
    take_string(v, &o->comment, &status))                                      \
  X(state, TEXT, text(order_state_name(o->state)),                             \
    take_order_state(v, o))                                                    \
  X(ended_at, MOMENT_OR_NULL,                                                  \
    moment_if(o->state != ORDER_GIVEN, now, o->ended.ms),                      \
    if (is_known(v)) o->ended = as_moment(v, now.ms - now.wall_ms))                             \
  X(why, TEXT_OR_NULL, text_unless_empty(o->why), nothing)                     \
  X(result_id, INTEGER_OR_NULL,                                                \
    integer_if(o->result_id != 0, o->result_id),                               \
    o->result_id = as_integer(v))                                              \
  X(count, INTEGER_OR_NULL,                                                    \
    integer_if(o->verb == ORDER_CANCEL || o->verb == ORDER_SILENCE,            \
      (int64_t)o->count),                                                      \
    o->count = as_count(v))

/* Columns of the one row about the agent `a`; `what` is 'agent'. */
#define LEDGER_AGENT(FIRST, X)                                                 \
  FIRST(what, KEY, text("agent"), nothing)                                     \
  X(version, TEXT, text(a->version), nothing)                                  \
  X(pid, INTEGER, integer(a->pid), nothing)                                    \
  X(started_at, MOMENT, moment(now, a->started_ms), nothing)                   \
  X(told_at, MOMENT, moment(now, now.ms), nothing)                             \
  X(ledger_errors, INTEGER, count(a->ledger_errors), nothing)                  \
  X(waiting, INTEGER, count(a->waiting), nothing)                              \
  X(inbox, INTEGER, count(a->inbox), nothing)

/* Columns of what is told of an endpoint `e`. `requests` counts the attempts
 * since the agent has started. */
#define LEDGER_ENDPOINTS(FIRST, X)                                             \
  FIRST(endpoint, NAME_KEY, text(e->endpoint->name), nothing)                  \
  X(url, TEXT, public_url(e->endpoint->url), nothing)                          \
  X(api, TEXT, text(e->endpoint->api_name), nothing)                           \
  X(circuit, TEXT, text(e->is_open ? "open" : "closed"), nothing)              \
  X(in_flight, INTEGER, count(e->in_flight), nothing)                          \
  X(waiting, INTEGER, count(e->waiting), nothing)                              \
  X(requests, INTEGER, count(e->requests), nothing)                            \
  X(last_error, TEXT_OR_NULL, text_unless_empty(e->last_error), nothing)       \
  X(last_error_at, MOMENT_OR_NULL,                                             \
    moment_if(e->last_error[0] != '\0', now, e->last_error_ms), nothing)       \
  X(told_at, MOMENT, moment(now, now.ms), nothing)
// clang-format on

/* ---- tables and columns ---- */

enum ledger_table {
  LEDGER_TABLE_COMMANDS,
  LEDGER_TABLE_SLOTS,
  LEDGER_TABLE_SERIES,
  LEDGER_TABLE_TOTALS,
  LEDGER_TABLE_FAILING,
  LEDGER_TABLE_IDS,
  LEDGER_TABLE_ORDERS,
  LEDGER_TABLE_AGENT,
  LEDGER_TABLE_ENDPOINTS,
  LEDGER_TABLES
};

/* The indexes of the columns in their table: commands_id, slots_key ... */
#define LEDGER_COMMANDS_INDEX(name, type, put, take) commands_##name,
#define LEDGER_SLOTS_INDEX(name, type, put, take) slots_##name,
#define LEDGER_SERIES_INDEX(name, type, put, take) series_##name,
#define LEDGER_TOTALS_INDEX(name, type, put, take) totals_##name,
#define LEDGER_FAILING_INDEX(name, type, put, take) failing_##name,
#define LEDGER_IDS_INDEX(name, type, put, take) ids_##name,
#define LEDGER_ORDERS_INDEX(name, type, put, take) orders_##name,
#define LEDGER_AGENT_INDEX(name, type, put, take) agent_##name,
#define LEDGER_ENDPOINTS_INDEX(name, type, put, take) endpoints_##name,
enum {
  LEDGER_COMMANDS(LEDGER_COMMANDS_INDEX, LEDGER_COMMANDS_INDEX,
                  LEDGER_COMMANDS_INDEX, LEDGER_COMMANDS_INDEX,
                  LEDGER_COMMANDS_INDEX) LEDGER_COMMANDS_COLUMNS
};
enum {
  LEDGER_SLOTS(LEDGER_SLOTS_INDEX, LEDGER_SLOTS_INDEX, LEDGER_SLOTS_INDEX)
      LEDGER_SLOTS_COLUMNS
};
enum {
  LEDGER_SERIES(LEDGER_SERIES_INDEX, LEDGER_SERIES_INDEX) LEDGER_SERIES_COLUMNS
};
enum {
  LEDGER_TOTALS(LEDGER_TOTALS_INDEX, LEDGER_TOTALS_INDEX) LEDGER_TOTALS_COLUMNS
};
enum {
  LEDGER_FAILING(LEDGER_FAILING_INDEX, LEDGER_FAILING_INDEX)
      LEDGER_FAILING_COLUMNS
};
enum { LEDGER_IDS(LEDGER_IDS_INDEX, LEDGER_IDS_INDEX) LEDGER_IDS_COLUMNS };
enum {
  LEDGER_ORDERS(LEDGER_ORDERS_INDEX, LEDGER_ORDERS_INDEX, LEDGER_ORDERS_INDEX)
      LEDGER_ORDERS_COLUMNS
};
enum {
  LEDGER_AGENT(LEDGER_AGENT_INDEX, LEDGER_AGENT_INDEX) LEDGER_AGENT_COLUMNS
};
enum {
  LEDGER_ENDPOINTS(LEDGER_ENDPOINTS_INDEX, LEDGER_ENDPOINTS_INDEX)
      LEDGER_ENDPOINTS_COLUMNS
};

/* Types of columns. A MOMENT is a time of the monotonic clock, as the wall
 * clock shows it: it moves when the wall clock is set. A NAME is a text that is
 * compared without regard to case.
 * An ID, a KEY and a NAME_KEY identify a row alone. A BODY is a text, or bytes
 * if it is not valid text, or NULL. */
enum ledger_type {
  LEDGER_ID,
  LEDGER_KEY,
  LEDGER_NAME_KEY,
  LEDGER_INTEGER,
  LEDGER_INTEGER_OR_NULL,
  LEDGER_REAL,
  LEDGER_REAL_OR_NULL,
  LEDGER_MOMENT,
  LEDGER_MOMENT_OR_NULL,
  LEDGER_TEXT,
  LEDGER_TEXT_OR_NULL,
  LEDGER_NAME,
  LEDGER_NAME_OR_NULL,
  LEDGER_BODY
};

struct ledger_column {
  const char *name;
  enum ledger_type type;
};

struct ledger_form {
  const char *name; /* name of the table */
  const struct ledger_column *columns;
  size_t column_count;
  size_t key_count; /* number of columns that identify a row: the first ones */
};

extern const struct ledger_form ledger_forms[LEDGER_TABLES];

/* ---- rows ---- */

#define LEDGER_COLUMNS_MAX 48

enum ledger_value_kind {
  LEDGER_VALUE_NULL,
  LEDGER_VALUE_INTEGER,
  LEDGER_VALUE_REAL,
  LEDGER_VALUE_TEXT, /* UTF-8 without a NUL */
  LEDGER_VALUE_BYTES
};

struct ledger_value {
  enum ledger_value_kind kind;
  uint32_t size; /* bytes in `data` */
  union {
    int64_t integer;
    double real;
    const char *data; /* text or bytes, borrowed; a text that was read ends with
                         a NUL */
  };
};

struct ledger_row {
  enum ledger_table table;
  uint64_t columns; /* bit n: the row has a value for column n */
  uint64_t same;    /* bit n: the stored row of the same key has that value in
                       column n; 0: there is none, as far as is known */
  struct ledger_value values[LEDGER_COLUMNS_MAX];
};

/* Returns the mask of all columns of a table, or of those that identify a
 * row. */
uint64_t ledger_table_all(enum ledger_table table);
uint64_t ledger_table_key(enum ledger_table table);

#endif
