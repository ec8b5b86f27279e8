/* SPDX-License-Identifier: MIT
 *
 * listing owns the showing of rows: as a table for people, columns in line, or
 * as a JSON array of objects whose names are the columns. Texts from outside
 * can not break a line or move the terminal's cursor.
 *
 * A table is LISTING_COLUMNS wide at most, or as wide as the terminal that it
 * is written to: texts are cut where there is no room for them, and last of all
 * those of a column whose name begins with @, which is not shown. A column that
 * is empty in all rows is left out.
 */
#ifndef ONENET_LISTING_H
#define ONENET_LISTING_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTING_COLUMNS 100
#define LISTING_MAX_BYTES ((size_t)1 << 30) /* of what is written */

struct listing;

/* Begins a listing of those columns, 1 or more, whose names are borrowed until
 * its end. Returns NULL without memory. */
struct listing *listing_begin(bool is_json, const char *const *columns,
                              size_t count);

/* Add the next field of the row; a row ends with the last column. Texts are
 * copied; NULL is JSON's null, and nothing for people. */
void listing_text(struct listing *l, const char *text);
/* Bytes are a text in JSON, too, if they are valid UTF-8 without a NUL; else
 * the object {"hex": "00FF"}. */
void listing_bytes(struct listing *l, const void *data, size_t size);
void listing_integer(struct listing *l, int64_t number);
void listing_real(struct listing *l, double number); /* null if not finite */
void listing_null(struct listing *l);

/* Appends all of it, a newline at the end; "(none)" for people if there is no
 * row. Frees the listing. Returns as buf_append. */
int listing_append(struct listing *l, struct buf *out);

/* Frees a listing that is not wanted any more. */
void listing_free(struct listing *l);

/* Writes to stdout what listing_append appends, and frees the listing. Returns
 * 0; -E2BIG, -ENOMEM, or the error of writing, after which less was written. */
int listing_end(struct listing *l);

/* Writes what the buffer holds to stdout, and frees it. Returns 0; the
 * buffer's error, with nothing written; or the error of writing. */
int listing_write(struct buf *text);

/* Writes the local time for people: "2026-03-01 07:05:09"; as a number what is
 * thousands of years away. */
#define LISTING_TIME_BYTES 32
void listing_format_time(double wall_s,
                         char ret_text[static LISTING_TIME_BYTES]);

#endif
