/* SPDX-License-Identifier: MIT
 *
 * rows owns the way from a query of the ledger to a listing: a listing's
 * columns are those of the query, with their names.
 *
 * For people a query may use functions beside SQLite's own: local_time(s) and
 * length_of(s), a time and a length of time as text; user_name(uid). They
 * return '' for NULL.
 */
#ifndef ONENET_ROWS_H
#define ONENET_ROWS_H

#include "base/buf.h"
#include "book.h"

#include <stdbool.h>
#include <stdint.h>

/* A condition of the query: the silences that are in force at :now. */
#define ROWS_IN_FORCE                                                          \
  "id IN (SELECT max(id) FROM orders WHERE verb = 'silence'"                   \
  " AND state = 'obeyed' GROUP BY device, rule) AND until_at > :now"

/* A value for one of the query's parameters; the name NULL ends the list. A
 * parameter without a value is NULL; :now is the wall clock, in seconds. */
struct rows_value {
  const char *name;
  const char *text; /* NULL: the number */
  double number;
};

/* Appends what the query returns, as a table for people or an array of objects.
 * Returns 0; or a negative errno, after it has written to stderr what is wrong.
 */
int rows_append(struct book *b, bool is_json, const char *sql,
                const struct rows_value *values, struct buf *out);

#endif
