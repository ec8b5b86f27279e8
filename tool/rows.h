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

/* A value for one of the query's parameters. A parameter without a value is
 * NULL, as is a text that is NULL; :now is the wall clock, in seconds. */
struct rows_value {
  const char *name; /* NULL ends the list */
  bool is_number;
  const char *text;
  double number;
};

#define ROWS_TEXT(name, text)                                                  \
  { name, false, text, 0 }
#define ROWS_NUMBER(name, number)                                              \
  { name, true, NULL, number }
#define ROWS_END                                                               \
  { NULL, false, NULL, 0 }

/* Appends what the query returns, as a table for people or an array of objects.
 * Returns how many rows there were; or a negative errno, after it has written
 * to stderr what is wrong. */
int rows_append(struct book *b, bool is_json, const char *sql,
                const struct rows_value *values, struct buf *out);

/* Appends the first field of the query's first row as a part of one line,
 * nothing if there is no row. Returns whether there is one; or a negative errno
 * as rows_append. */
int rows_append_word(struct book *b, const char *sql,
                     const struct rows_value *values, struct buf *out);

/* Writes the buffer to stdout, and frees it. Returns an exit status. */
int rows_write(struct buf *text);

#endif
