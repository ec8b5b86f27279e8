/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include "base/one_line.h"
#include "base/systime.h"
#include "length.h"
#include "listing.h"
#include "tool.h"

#include <errno.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- functions for people ---- */

static bool is_null(sqlite3_context *context, sqlite3_value *value) {
  if (sqlite3_value_type(value) != SQLITE_NULL)
    return false;
  sqlite3_result_text(context, "", 0, SQLITE_STATIC);
  return true;
}

static void local_time(sqlite3_context *context, int count,
                       sqlite3_value **values) {
  char text[LISTING_TIME_BYTES];
  (void)count;
  if (is_null(context, values[0]))
    return;
  listing_format_time(sqlite3_value_double(values[0]), text);
  sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void length_of(sqlite3_context *context, int count,
                      sqlite3_value **values) {
  char text[LENGTH_BYTES];
  (void)count;
  if (is_null(context, values[0]))
    return;
  length_format(sqlite3_value_int64(values[0]), text);
  sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void user_name(sqlite3_context *context, int count,
                      sqlite3_value **values) {
  (void)count;
  if (is_null(context, values[0]))
    return;
  const struct passwd *user = getpwuid((uid_t)sqlite3_value_int64(values[0]));
  if (user != NULL)
    sqlite3_result_text(context, user->pw_name, -1, SQLITE_TRANSIENT);
  else
    sqlite3_result_value(context, values[0]);
}

static int teach(sqlite3 *db) {
  static const struct {
    const char *name;
    void (*call)(sqlite3_context *, int, sqlite3_value **);
  } functions[] = {{"local_time", local_time},
                   {"length_of", length_of},
                   {"user_name", user_name}};
  int code = SQLITE_OK;
  for (size_t i = 0;
       code == SQLITE_OK && i < sizeof functions / sizeof functions[0]; i++)
    code = sqlite3_create_function(db, functions[i].name, 1,
                                   SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL,
                                   functions[i].call, NULL, NULL);
  return code;
}

/* ---- the query ---- */

static void bind(sqlite3_stmt *s, const struct rows_value *value) {
  int at = sqlite3_bind_parameter_index(s, value->name);
  if (at == 0)
    return;
  if (value->is_number)
    sqlite3_bind_double(s, at, value->number);
  else if (value->text != NULL)
    sqlite3_bind_text(s, at, value->text, -1, SQLITE_STATIC);
}

static int prepare(sqlite3 *db, const char *sql,
                   const struct rows_value *values, sqlite3_stmt **ret_s) {
  const struct rows_value now =
      ROWS_NUMBER(":now", (double)systime_ms(CLOCK_REALTIME) / 1000);
  int code = teach(db);
  if (code == SQLITE_OK)
    code = sqlite3_prepare_v2(db, sql, -1, ret_s, NULL);
  if (code != SQLITE_OK)
    return code;
  bind(*ret_s, &now);
  for (; values != NULL && values->name != NULL; values++)
    bind(*ret_s, values);
  return SQLITE_OK;
}

/* ---- the listing ---- */

static void add_field(struct listing *l, sqlite3_stmt *s, int at) {
  switch (sqlite3_column_type(s, at)) {
  case SQLITE_NULL:
    listing_null(l);
    break;
  case SQLITE_INTEGER:
    listing_integer(l, sqlite3_column_int64(s, at));
    break;
  case SQLITE_FLOAT:
    listing_real(l, sqlite3_column_double(s, at));
    break;
  default: /* the bytes first: they say how many there are */
    listing_bytes(l, sqlite3_column_blob(s, at),
                  (size_t)sqlite3_column_bytes(s, at));
  }
}

/* Adds the row at which the statement is, and all behind it. Returns as SQLite
 * does; `code` is what it returned for the first one. */
static int add_rows(struct listing *l, sqlite3_stmt *s, int code,
                    int *ret_count) {
  *ret_count = 0;
  for (; code == SQLITE_ROW; code = sqlite3_step(s)) {
    for (int i = 0; i < sqlite3_column_count(s); i++)
      add_field(l, s, i);
    ++*ret_count;
  }
  return code;
}

static int explain(int status) {
  if (status == -ENOMEM)
    tool_fail(TOOL_WRONG, "out of memory");
  else if (status == -E2BIG)
    tool_fail(TOOL_WRONG, "there is too much to be shown at once: ask for less "
                          "with --limit or --since");
  return status;
}

static int fill(struct book *b, struct listing *l, sqlite3_stmt *s, int code,
                struct buf *out) {
  int count;
  int status = book_judge(b, add_rows(l, s, code, &count));
  if (status < 0)
    listing_free(l);
  else
    status = explain(listing_append(l, out));
  return status < 0 ? status : count;
}

/* Shows the rows of a statement, which lends the names of the columns: from its
 * first step on, since that prepares it anew where the schema has changed. */
static int show(struct book *b, bool is_json, sqlite3_stmt *s,
                struct buf *out) {
  int code = sqlite3_step(s);
  size_t count = (size_t)sqlite3_column_count(s);
  const char **names = calloc(count, sizeof *names);
  for (size_t i = 0; names != NULL && i < count; i++)
    names[i] = sqlite3_column_name(s, (int)i);
  struct listing *l =
      names != NULL ? listing_begin(is_json, names, count) : NULL;
  int status = l != NULL ? fill(b, l, s, code, out) : explain(-ENOMEM);
  free(names);
  return status;
}

int rows_append(struct book *b, bool is_json, const char *sql,
                const struct rows_value *values, struct buf *out) {
  sqlite3_stmt *s = NULL;
  int status = book_judge(b, prepare(book_connection(b), sql, values, &s));
  if (status == 0)
    status = show(b, is_json, s, out);
  sqlite3_finalize(s);
  return status;
}

static void append_word(struct buf *out, sqlite3_stmt *s) {
  const char *text = sqlite3_column_blob(s, 0);
  size_t at = out->size, size = (size_t)sqlite3_column_bytes(s, 0);
  if (size == 0 || buf_append_utf8(out, text, size) != 0)
    return;
  one_line_blank(out->data + at, out->size - at);
  out->size = at + strlen(out->data + at);
}

int rows_append_word(struct book *b, const char *sql,
                     const struct rows_value *values, struct buf *out) {
  sqlite3_stmt *s = NULL;
  int code = prepare(book_connection(b), sql, values, &s);
  if (code == SQLITE_OK)
    code = sqlite3_step(s);
  if (code == SQLITE_ROW)
    append_word(out, s);
  int status = book_judge(b, code);
  sqlite3_finalize(s);
  return status < 0 ? status : code == SQLITE_ROW;
}

int rows_write(struct buf *text) {
  int status = listing_write(text);
  if (status < 0)
    return tool_fail(TOOL_WRONG, "what was found can not be written: %s",
                     strerror(-status));
  return TOOL_OK;
}
