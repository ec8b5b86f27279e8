/* SPDX-License-Identifier: MIT
 *
 * ledger_schema owns the tables of the ledger's file: how they are made, and
 * which of their columns ledger_row writes and reads, in which order. Private
 * to the ledger.
 */
#ifndef ONENET_LEDGER_SCHEMA_H
#define ONENET_LEDGER_SCHEMA_H

#define LEDGER_SCHEMA_APPLICATION_ID 1330529620 /* "ONET" */
#define LEDGER_SCHEMA_VERSION 2

/* Step n, a NULL-terminated list of SQL, makes version n + 1 out of version n;
 * version 0 is an empty file. To be run within one transaction. */
extern const char *const *const ledger_schema_steps[LEDGER_SCHEMA_VERSION];

/* The columns of each table: FIRST(name), then X(name) for every other. */
#define LEDGER_SCHEMA_COMMANDS(FIRST, X)                                       \
  FIRST(id)                                                                    \
  X(created_at)                                                                \
  X(rule)                                                                      \
  X(device)                                                                    \
  X(device_id)                                                                 \
  X(endpoint)                                                                  \
  X(slot)                                                                      \
  X(series)                                                                    \
  X(severity)                                                                  \
  X(body)                                                                      \
  X(content_type)                                                              \
  X(qos)                                                                       \
  X(timeout_s)                                                                 \
  X(expires_at)                                                                \
  X(not_before)                                                                \
  X(state)                                                                     \
  X(outcome)                                                                   \
  X(attempts)                                                                  \
  X(http_code)                                                                 \
  X(errno)                                                                     \
  X(error)                                                                     \
  X(cmd_uuid)                                                                  \
  X(sent_at)                                                                   \
  X(finished_at)                                                               \
  X(cause)                                                                     \
  X(class)                                                                     \
  X(value)                                                                     \
  X(valid_from)                                                                \
  X(waits_for_credentials)                                                     \
  X(doubtful)

/* Of a row of commands: what ledger_row reads of one that is tracked. */
#define LEDGER_SCHEMA_TRACKED(FIRST, X)                                        \
  FIRST(id)                                                                    \
  X(created_at)                                                                \
  X(rule)                                                                      \
  X(device)                                                                    \
  X(series)                                                                    \
  X(cmd_uuid)                                                                  \
  X(finished_at)                                                               \
  X(status)                                                                    \
  X(status_at)                                                                 \
  X(track_until)

#define LEDGER_SCHEMA_SLOTS(FIRST, X)                                          \
  FIRST(key)                                                                   \
  X(rule)                                                                      \
  X(device)                                                                    \
  X(device_id)                                                                 \
  X(endpoint)                                                                  \
  X(content_type)                                                              \
  X(qos)                                                                       \
  X(body)                                                                      \
  X(value)                                                                     \
  X(accepted_at)                                                               \
  X(epoch)                                                                     \
  X(cooldown_until)                                                            \
  X(last_event_at)

#define LEDGER_SCHEMA_SERIES(FIRST, X)                                         \
  FIRST(slot)                                                                  \
  X(name)                                                                      \
  X(rule)                                                                      \
  X(device)                                                                    \
  X(severity)                                                                  \
  X(body)                                                                      \
  X(okay_body)                                                                 \
  X(unsendable_bytes)                                                          \
  X(value)                                                                     \
  X(arrived_at)                                                                \
  X(since_at)                                                                  \
  X(event_severity)                                                            \
  X(event_at)                                                                  \
  X(event_arrived_at)                                                          \
  X(timed_at)                                                                  \
  X(timed_arrived_at)

/* The outcomes in the order of enum outcome. */
#define LEDGER_SCHEMA_TOTALS(FIRST, X)                                         \
  FIRST(device)                                                                \
  X(created)                                                                   \
  X(accepted)                                                                  \
  X(refused)                                                                   \
  X(unknown)                                                                   \
  X(expired)                                                                   \
  X(superseded)                                                                \
  X(unchanged)                                                                 \
  X(dropped)                                                                   \
  X(cancelled)                                                                 \
  X(epoch)

/* Their indexes, as TABLE_COLUMN, in the lists above. */
#define LEDGER_SCHEMA_COMMANDS_INDEX(name) commands_##name,
#define LEDGER_SCHEMA_TRACKED_INDEX(name) tracked_##name,
#define LEDGER_SCHEMA_SLOTS_INDEX(name) slots_##name,
#define LEDGER_SCHEMA_SERIES_INDEX(name) series_##name,
#define LEDGER_SCHEMA_TOTALS_INDEX(name) totals_##name,
#define LEDGER_SCHEMA_INDEXES(table)                                           \
  LEDGER_SCHEMA_##table(LEDGER_SCHEMA_##table##_INDEX,                         \
                        LEDGER_SCHEMA_##table##_INDEX)
enum { LEDGER_SCHEMA_INDEXES(COMMANDS) };
enum { LEDGER_SCHEMA_INDEXES(TRACKED) };
enum { LEDGER_SCHEMA_INDEXES(SLOTS) };
enum { LEDGER_SCHEMA_INDEXES(SERIES) };
enum { LEDGER_SCHEMA_INDEXES(TOTALS) };

/* As SQL: the names, and as many parameters. */
#define LEDGER_SCHEMA_NAME(name) #name
#define LEDGER_SCHEMA_NEXT_NAME(name) ", " #name
#define LEDGER_SCHEMA_VALUE(name) "?"
#define LEDGER_SCHEMA_NEXT_VALUE(name) ", ?"
#define LEDGER_SCHEMA_NAMES(columns)                                           \
  columns(LEDGER_SCHEMA_NAME, LEDGER_SCHEMA_NEXT_NAME)
#define LEDGER_SCHEMA_VALUES(columns)                                          \
  columns(LEDGER_SCHEMA_VALUE, LEDGER_SCHEMA_NEXT_VALUE)

#endif
