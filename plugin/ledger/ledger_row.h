/* SPDX-License-Identifier: MIT
 *
 * ledger_row owns the conversion of commands, slots, series and accounts to
 * rows of the ledger and back. Private to the ledger.
 *
 * Rows hold wall-clock times, structs monotonic ones; `now` converts. A time
 * that must lie in the past counts as now if it does not, since the clock went
 * back, or if it was recorded before the clock of the machine was set.
 */
#ifndef ONENET_LEDGER_ROW_H
#define ONENET_LEDGER_ROW_H

#include "ledger/ledger_agent.h"
#include "ledger/ledger_table.h"
#include "words/command.h"
#include "words/order.h"
#include "words/slot.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- writing: a row borrows its texts and bytes ---- */

/* Make a row with all columns. The row of a command has NULL in the columns
 * that are for tracking. If the thing was told before, the row says which
 * columns must be the same as in the stored one. */
void ledger_row_of_command(const struct command *c, struct moment now,
                           struct ledger_row *ret_row);
void ledger_row_of_slot(const struct slot *s, struct moment now,
                        struct ledger_row *ret_row);
void ledger_row_of_series(const struct series *s, struct moment now,
                          struct ledger_row *ret_row);
void ledger_row_of_account(const struct account *a, struct ledger_row *ret_row);

/* Makes a row of the table commands with the id and the columns that are for
 * tracking. */
void ledger_row_of_tracked(const struct tracked *t, struct moment now,
                           struct ledger_row *ret_row);

/* Makes a row of an order, which came from the ledger: it says that what was
 * asked for is the same there. */
void ledger_row_of_order(const struct order *o, struct moment now,
                         struct ledger_row *ret_row);

/* Make the row of the agent or of an endpoint, told at `now`, as one that is
 * there already. */
void ledger_row_of_agent(const struct ledger_agent *a, struct moment now,
                         struct ledger_row *ret_row);
void ledger_row_of_endpoint(const struct ledger_endpoint *e, struct moment now,
                            struct ledger_row *ret_row);

/* Makes the row of the table ids. */
void ledger_row_of_ids(int64_t base, struct ledger_row *ret_row);

/* Makes a row of the table commands with the id and the columns that finish a
 * command: state, outcome, finished_at, and error, which is `why`, borrowed. */
void ledger_row_of_end(int64_t id, enum outcome outcome, const char *why,
                       struct moment now, struct ledger_row *ret_row);

/* Makes the row that says that the rule and device of a finished command fail,
 * with all columns; or, if the command was accepted, with those that identify
 * it, for it is to be removed. Borrows from that row. Returns false if its
 * outcome tells neither: superseded, unchanged or cancelled. */
bool ledger_row_of_failing(const struct ledger_row *command,
                           struct ledger_row *ret_row);

/* Makes a row of that table without any column. */
void ledger_row_init(struct ledger_row *row, enum ledger_table table);

/* Give a column a value; a text is borrowed. */
void ledger_row_set_integer(struct ledger_row *row, int column, int64_t number);
void ledger_row_set_text(struct ledger_row *row, int column, const char *text);
void ledger_row_set_null(struct ledger_row *row, int column);
/* Copies the value of a column from a row of the same table; a text is still
 * borrowed from the same owner. */
void ledger_row_copy(struct ledger_row *row, int column,
                     const struct ledger_row *from);

/* ---- reading: rows with all columns ---- */

/* Greatest id or total of a file that is not damaged. */
#define LEDGER_ROW_NUMBER_MAX (INT64_C(1) << 53)

/* Returns whether the column holds what an id or a total may be: 0 to
 * LEDGER_ROW_NUMBER_MAX. */
bool ledger_row_is_countable(const struct ledger_row *row, int column);

/* Return the integer in a column, 0 for NULL; or its text, "" for NULL,
 * borrowed from the row. */
int64_t ledger_row_integer(const struct ledger_row *row, int column);
const char *ledger_row_text(const struct ledger_row *row, int column);

/* Returns whether a pending command can be made of the row: its state and
 * severity are known words, and it has a body that is not too large. */
bool ledger_row_is_readable(const struct ledger_row *row);

/* Returns whether the pending command was in flight, or its state is not a
 * known word. */
bool ledger_row_is_in_flight(const struct ledger_row *row);

/* Returns whether the pending command may have been executed: it was in flight,
 * or an earlier attempt was doubtful. */
bool ledger_row_is_doubtful(const struct ledger_row *row);

/* Returns a pending command without policy and device, owned by the caller;
 * NULL without memory. Its deadline and its waits keep their distance from its
 * creation or its last attempt, whichever is later. */
struct command *ledger_row_to_command(const struct ledger_row *row,
                                      struct moment now);

/* Returns the order that the row holds, for order_free; NULL without memory.
 * One whose verb is not known is refused. */
struct order *ledger_row_to_order(const struct ledger_row *row,
                                  struct moment now);

/* Fills in what an order to retry wants of the command that the row holds.
 * Returns 0 or -ENOMEM. */
int ledger_row_to_retry(const struct ledger_row *row, struct order *o);

/* Fill in what the row holds. What the slot remembers is left out if the
 * endpoint, device_id, Content-Type or QoS is another one now; the end of its
 * cooldown is at most the cooldown from now. Return 0 or -ENOMEM. */
int ledger_row_to_slot(const struct ledger_row *row, struct moment now,
                       struct slot *s);
int ledger_row_to_series(const struct ledger_row *row, struct moment now,
                         struct series *s);
void ledger_row_to_account(const struct ledger_row *row, struct account *a);
/* Fills in what the row holds. The end of tracking keeps its distance from the
 * acceptance. */
void ledger_row_to_tracked(const struct ledger_row *row, struct moment now,
                           struct tracked *t);

#endif
