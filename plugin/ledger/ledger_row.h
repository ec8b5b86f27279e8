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

#include "ledger/ledger_table.h"
#include "words/command.h"
#include "words/slot.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- writing: texts and bodies are borrowed from what the row is made of ----
 */

/* Make a row with all columns. Those of a command that only a `tracked` has are
 * NULL. */
void ledger_row_of_command(const struct command *c, struct moment now,
                           struct ledger_row *ret_row);
void ledger_row_of_slot(const struct slot *s, struct moment now,
                        struct ledger_row *ret_row);
void ledger_row_of_series(const struct series *s, struct moment now,
                          struct ledger_row *ret_row);
void ledger_row_of_account(const struct account *a, struct ledger_row *ret_row);

/* Makes a row of commands with the id, and the columns that only a `tracked`
 * has. */
void ledger_row_of_tracked(const struct tracked *t, struct moment now,
                           struct ledger_row *ret_row);

/* Makes a row of commands with the id, and what a command has once it is
 * finished; `why` is borrowed. */
void ledger_row_of_end(int64_t id, enum outcome outcome, const char *why,
                       struct moment now, struct ledger_row *ret_row);

/* Makes a row of that table with no column. */
void ledger_row_init(struct ledger_row *row, enum ledger_table table);

/* Give a column a value; the text is borrowed. */
void ledger_row_set_integer(struct ledger_row *row, int column, int64_t number);
void ledger_row_set_text(struct ledger_row *row, int column, const char *text);
void ledger_row_set_null(struct ledger_row *row, int column);
/* Copies the value of that column, borrowed as it is, from a row of the same
 * table. */
void ledger_row_copy(struct ledger_row *row, int column,
                     const struct ledger_row *from);

/* ---- reading: rows with all columns ---- */

/* Returns the integer in a column, 0 for NULL; or the text, "" for NULL,
 * borrowed from the row. */
int64_t ledger_row_integer(const struct ledger_row *row, int column);
const char *ledger_row_text(const struct ledger_row *row, int column);

/* Tells whether the row of a pending command can be read: it is in a state that
 * is known, and has a severity and a body. */
bool ledger_row_is_readable(const struct ledger_row *row);

/* Tells whether the pending command may have been executed: it was in flight,
 * or in a state that is not known, or has a doubtful attempt behind it. */
bool ledger_row_is_doubtful(const struct ledger_row *row);

/* Returns a pending command without policy and device, owned by the caller; or
 * NULL without memory. Its deadline and its waits keep their distance to the
 * last moment that the row knows to have passed. */
struct command *ledger_row_to_command(const struct ledger_row *row,
                                      struct moment now);

/* Fill in what the row holds. The slot's memory is left out if it is of another
 * endpoint, device_id, Content-Type or QoS; the end of its cooldown is at most
 * the cooldown from now. Return 0 or -ENOMEM. */
int ledger_row_to_slot(const struct ledger_row *row, struct moment now,
                       struct slot *s);
int ledger_row_to_series(const struct ledger_row *row, struct moment now,
                         struct series *s);
void ledger_row_to_account(const struct ledger_row *row, struct account *a);
/* The end of tracking keeps its distance to the acceptance. */
void ledger_row_to_tracked(const struct ledger_row *row, struct moment now,
                           struct tracked *t);

#endif
