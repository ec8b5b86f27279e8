/* SPDX-License-Identifier: MIT */
#include "rows.h"

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
  if (value->text != NULL)
    sqlite3_bind_text(s, at, value->text, -1, SQLITE_STATIC);
  else
    sqlite3_bind_double(s, at, value->number);
}

static int prepare(sqlite3 *db, const char *sql,
                   const struct rows_value *values, sqlite3_stmt **ret_s) {
  struct rows_value now = {.name = ":now",
                           .number = (double)systime_ms(CLOCK_REALTIME) / 1000};
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

static int add_rows(struct listing *l, sqlite3_stmt *s) {
  int code;
  while ((code = sqlite3_step(s)) == SQLITE_ROW)
    for (int i = 0; i < sqlite3_column_count(s); i++)
      add_field(l, s, i);
  return code;
}

static int explain_memory(int status) {
  if (status == -E2BIG)
    tool_fail(TOOL_WRONG, "there is too much to be shown at once: ask for less "
                          "with --limit or --since");
  else if (status < 0)
    tool_fail(TOOL_WRONG, "out of memory");
  return status;
}

/* Shows the rows of a statement; the names of its columns are borrowed. */
static int show(struct book *b, bool is_json, sqlite3_stmt *s,
                struct buf *out) {
  int count = sqlite3_column_count(s);
  const char **names = calloc((size_t)count, sizeof *names);
  for (int i = 0; names != NULL && i < count; i++)
    names[i] = sqlite3_column_name(s, i);
  struct listing *l =
      names != NULL ? listing_begin(is_json, names, (size_t)count) : NULL;
  int status = l != NULL ? book_judge(b, add_rows(l, s)) : -ENOMEM;
  if (l == NULL)
    explain_memory(status);
  else if (status == 0)
    status = explain_memory(listing_append(l, out));
  else
    listing_free(l);
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
