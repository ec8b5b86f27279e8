/* SPDX-License-Identifier: MIT
 *
 * listing owns the showing of rows: as a table for people, columns in line, or
 * as a JSON array of objects whose names are the columns. Texts from outside
 * can not break a line or move the terminal's cursor.
 */
#ifndef ONENET_LISTING_H
#define ONENET_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listing;

/* Begins a listing of those columns, whose names are borrowed until its end.
 * Returns NULL without memory. */
struct listing *listing_begin(bool is_json, const char *const *columns,
                              size_t count);

/* Add the next field of the row; a row ends with the last column. Texts are
 * copied; NULL is JSON's null, and nothing for people. */
void listing_text(struct listing *l, const char *text);
void listing_bytes(struct listing *l, const void *data, size_t size);
void listing_integer(struct listing *l, int64_t number);
void listing_real(struct listing *l, double number);
void listing_time(struct listing *l, double wall_s); /* local time for people,
                                                        seconds in JSON */
void listing_null(struct listing *l);

/* Writes all of it to stdout, "(none)" for people if there is no row, and frees
 * it. Returns 0; or -ENOMEM, or the error of writing, after which less was
 * written. */
int listing_end(struct listing *l);

#endif
