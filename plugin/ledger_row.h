/* SPDX-License-Identifier: MIT
 *
 * ledger_row owns how commands, slots, series and accounts become rows of the
 * ledger and come back. Private to the ledger.
 *
 * Rows hold wall times, structs monotonic ones; `now` converts. A time that
 * must lie in the past and does not, since the clock went back, or that was
 * recorded before the clock of the machine was set, counts as now.
 */
#ifndef ONENET_LEDGER_ROW_H
#define ONENET_LEDGER_ROW_H

#include "command.h"
#include "slot.h"
#include "tracked.h"

#include <sqlite3.h>
#include <stdbool.h>

/* SQL that inserts or replaces a row. */
extern const char ledger_row_put_command[];
extern const char ledger_row_put_slot[];
extern const char ledger_row_put_series[];
extern const char ledger_row_put_account[];
/* SQL that updates the row of its command. */
extern const char ledger_row_put_tracked[];

/* SQL that reads what is restored: pending commands by id, series by arrival.
 */
extern const char ledger_row_get_commands[];
extern const char ledger_row_get_slots[];
extern const char ledger_row_get_series[];
extern const char ledger_row_get_accounts[];
extern const char ledger_row_get_tracked[];

/* Bind all parameters of the statement; what they are made of is borrowed until
 * it has run. Return SQLITE_OK or SQLite's first error. */
int ledger_row_bind_command(sqlite3_stmt *statement, const struct command *c,
                            struct moment now);
int ledger_row_bind_slot(sqlite3_stmt *statement, const struct slot *s,
                         struct moment now);
int ledger_row_bind_series(sqlite3_stmt *statement, const struct series *s,
                           struct moment now);
int ledger_row_bind_account(sqlite3_stmt *statement, const struct account *a);
int ledger_row_bind_tracked(sqlite3_stmt *statement, const struct tracked *t,
                            struct moment now);

/* Returns the text of a column, "" for NULL; valid until the next step. */
const char *ledger_row_text(sqlite3_stmt *row, int column);

/* Returns a pending command without policy and device, owned by the caller; or
 * NULL without memory. Its deadline and its waits keep their distance to the
 * last moment that the row knows to have passed. */
struct command *ledger_row_read_command(sqlite3_stmt *row, struct moment now);

/* Fill in what the row holds. The slot's memory is left out if it is of another
 * endpoint, device_id, Content-Type or QoS; the end of its cooldown is at most
 * the cooldown from now. Return 0 or -ENOMEM. */
int ledger_row_read_slot(sqlite3_stmt *row, struct moment now, struct slot *s);
int ledger_row_read_series(sqlite3_stmt *row, struct moment now,
                           struct series *s);
void ledger_row_read_account(sqlite3_stmt *row, struct account *a);
/* Its end keeps its distance to its acceptance. */
void ledger_row_read_tracked(sqlite3_stmt *row, struct moment now,
                             struct tracked *t);

#endif
