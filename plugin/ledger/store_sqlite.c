/* SPDX-License-Identifier: MIT */
#include "ledger/store_sqlite.h"

#include "base/buf.h"
#include "ledger/sqlite_file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX_BYTES 8192
#define STATEMENTS_MAX 32 /* more than the ledger uses */

/* Kinds of statements that change rows. */
enum verb { VERB_INSERT, VERB_REPLACE, VERB_UPDATE, VERB_REMOVE };

struct statement {
  enum verb verb;
  enum ledger_table table;
  uint64_t columns;
  sqlite3_stmt *prepared; /* NULL: the place is free */
};

enum trim { TRIM_OLD, TRIM_ANY, TRIM_ORDERS, TRIMS };

struct store_sqlite {
  struct ledger_store store; /* first member: the ledger has its address */
  struct sqlite_file file;
  struct statement statements[STATEMENTS_MAX];
  size_t next_place; /* place for the next one to be prepared */
  sqlite3_stmt *trims[TRIMS];
  int turn_status;   /* 0, or the first error of the turn */
  bool is_relied_on; /* the caller takes what was committed for stored: it was
                        not told of a failure since */
  bool is_untold;    /* the file was opened, and the next is not yet told */
  double wall_newest_s; /* as `open` of the store writes it */
  int64_t seen_version; /* of what others have committed; 0: none is known */
};

static const char *const trim_sql[TRIMS] = {
    [TRIM_OLD] = "DELETE FROM commands WHERE id IN (SELECT id FROM commands"
                 " WHERE finished_at IS NOT NULL AND finished_at < ?2"
                 " ORDER BY finished_at LIMIT ?1)",
    [TRIM_ANY] =
        "DELETE FROM commands WHERE id IN (SELECT id FROM commands"
        " WHERE finished_at IS NOT NULL ORDER BY finished_at, id LIMIT ?1)",
    [TRIM_ORDERS] =
        "DELETE FROM orders WHERE ended_at IS NOT NULL"
        " AND (ended_at < ?2 OR id <= (SELECT max(id) FROM orders) - ?1)"
        " AND coalesce(until_at, 0) < ?2"
        " AND id < (SELECT max(id) FROM orders)",
};

#define GIVEN "state = 'given' ORDER BY id LIMIT 100"

/* Pending commands are sorted by +id rather than id: for id SQLite would walk
 * through all history in that order, rather than sort the few rows that its
 * index names. Rows that are sorted are read before they are visited, so that a
 * row that a visitor replaces, which moves it to the end of its table, does not
 * come again. */
static const struct {
  enum ledger_table table;
  const char *rest;
} selections[LEDGER_SELECTIONS] = {
    [LEDGER_PENDING_COMMANDS] = {LEDGER_TABLE_COMMANDS,
                                 "WHERE finished_at IS NULL ORDER BY +id"},
    [LEDGER_TRACKED_COMMANDS] = {LEDGER_TABLE_COMMANDS,
                                 "WHERE track_until IS NOT NULL ORDER BY id"},
    [LEDGER_LAST_COMMAND] = {LEDGER_TABLE_COMMANDS,
                             "WHERE id <= 9007199254740992"
                             " ORDER BY id DESC LIMIT 1"},
    [LEDGER_ALL_COMMANDS] = {LEDGER_TABLE_COMMANDS, "ORDER BY id"},
    [LEDGER_ALL_SLOTS] = {LEDGER_TABLE_SLOTS, "ORDER BY +key"},
    [LEDGER_ALL_SERIES] = {LEDGER_TABLE_SERIES, "ORDER BY arrived_at"},
    [LEDGER_ALL_TOTALS] = {LEDGER_TABLE_TOTALS, "ORDER BY +device"},
    [LEDGER_ALL_FAILING] = {LEDGER_TABLE_FAILING, "ORDER BY +rule"},
    [LEDGER_ALL_IDS] = {LEDGER_TABLE_IDS, "ORDER BY +what"},
    [LEDGER_ALL_ENDPOINTS] = {LEDGER_TABLE_ENDPOINTS, "ORDER BY +endpoint"},
    [LEDGER_GIVEN_ORDERS] = {LEDGER_TABLE_ORDERS, "WHERE " GIVEN},
    [LEDGER_ORDERED_COMMANDS] = {LEDGER_TABLE_COMMANDS,
                                 "WHERE id IN (SELECT command_id FROM orders"
                                 " WHERE " GIVEN ") ORDER BY id"},
    [LEDGER_SILENCES] = {LEDGER_TABLE_ORDERS,
                         "WHERE id IN (SELECT max(id) FROM orders"
                         " WHERE verb = 'silence' AND state = 'obeyed'"
                         " GROUP BY device, rule)"
                         " AND until_at > coalesce((SELECT told_at FROM agent),"
                         " 0) ORDER BY id"},
};

static struct store_sqlite *sqlite_of(struct ledger_store *s) {
  return (struct store_sqlite *)s;
}

static const struct store_sqlite *
const_sqlite_of(const struct ledger_store *s) {
  return (const struct store_sqlite *)s;
}

/* Notes the error unless the turn has one already; returns the first error of
 * the turn. After a turn that another process held up, its caller does not put
 * all. */
static int note(struct store_sqlite *s, int status) {
  if (s->turn_status == 0)
    s->turn_status = status;
  if (s->turn_status < 0 && s->turn_status != -EBUSY)
    s->is_relied_on = false;
  return s->turn_status;
}

/* ---- SQL for rows ---- */

static bool has(uint64_t columns, size_t column) {
  return (columns >> column & 1) != 0;
}

/* Append "a, b", or "?1, ?2": the number of a parameter is that of its column,
 * from 1. */
static void append_names(struct buf *sql, const struct ledger_form *form) {
  for (size_t i = 0; i < form->column_count; i++)
    buf_append_format(sql, "%s%s", i > 0 ? ", " : "", form->columns[i].name);
}

static void append_parameters(struct buf *sql, const struct ledger_form *form) {
  for (size_t i = 0; i < form->column_count; i++)
    buf_append_format(sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
}

/* Appends "a = ?1 AND b = ?2", with `between` in place of " AND ". */
static void append_equations(struct buf *sql, const struct ledger_form *form,
                             uint64_t columns, const char *between) {
  const char *before = "";
  for (size_t i = 0; i < form->column_count; i++) {
    if (!has(columns, i))
      continue;
    buf_append_format(sql, "%s%s = ?%zu", before, form->columns[i].name, i + 1);
    before = between;
  }
}

/* `otherwise` is what SQLite does if there is a row with the same key. */
static void append_insert(struct buf *sql, const struct ledger_form *form,
                          const char *otherwise) {
  buf_append_format(sql, "INSERT OR %s INTO %s (", otherwise, form->name);
  append_names(sql, form);
  buf_append_text(sql, ") VALUES (");
  append_parameters(sql, form);
  buf_append_byte(sql, ')');
}

static void append_change(struct buf *sql, const struct statement *one) {
  const struct ledger_form *form = &ledger_forms[one->table];
  uint64_t key = ledger_table_key(one->table);
  if (one->verb == VERB_INSERT) {
    append_insert(sql, form, "IGNORE");
  } else if (one->verb == VERB_REPLACE) {
    append_insert(sql, form, "REPLACE");
  } else if (one->verb == VERB_UPDATE) {
    buf_append_format(sql, "UPDATE %s SET ", form->name);
    append_equations(sql, form, one->columns & ~key, ", ");
    buf_append_text(sql, " WHERE ");
    append_equations(sql, form, key, " AND ");
  } else {
    buf_append_format(sql, "DELETE FROM %s WHERE ", form->name);
    append_equations(sql, form, one->columns, " AND ");
  }
}

/* ---- statements ---- */

static int prepare_sql(struct store_sqlite *s, const char *sql,
                       sqlite3_stmt **ret_prepared) {
  int code = sqlite3_prepare_v3(s->file.db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                ret_prepared, NULL);
  return sqlite_file_judge(&s->file, code);
}

/* Prepares the SQL in the buffer, and frees the buffer. */
static int prepare_buf(struct store_sqlite *s, struct buf *sql,
                       sqlite3_stmt **ret_prepared) {
  int status = sql->error < 0 ? sqlite_place_explain(&s->file.place, sql->error,
                                                     "out of memory")
                              : prepare_sql(s, buf_text(sql), ret_prepared);
  buf_free(sql);
  return status;
}

static bool is_same(const struct statement *a, const struct statement *b) {
  return a->prepared != NULL && a->verb == b->verb && a->table == b->table &&
         a->columns == b->columns;
}

/* Prepares the statement, in the place of the one that was prepared longest
 * ago. */
static int prepare(struct store_sqlite *s, const struct statement *wanted,
                   struct statement **ret_statement) {
  struct statement *place = &s->statements[s->next_place];
  struct buf sql;
  sqlite3_finalize(place->prepared);
  *place = *wanted;
  buf_init(&sql, SQL_MAX_BYTES);
  append_change(&sql, wanted);
  int status = prepare_buf(s, &sql, &place->prepared);
  if (status < 0)
    return status;
  s->next_place = (s->next_place + 1) % STATEMENTS_MAX;
  *ret_statement = place;
  return 0;
}

static int find_statement(struct store_sqlite *s,
                          const struct statement *wanted,
                          struct statement **ret_statement) {
  for (size_t i = 0; i < STATEMENTS_MAX; i++)
    if (is_same(&s->statements[i], wanted)) {
      *ret_statement = &s->statements[i];
      return 0;
    }
  return prepare(s, wanted, ret_statement);
}

/* A series is replaced: that moves it to the end of its table, behind all that
 * arrived in the same moment. */
static enum verb verb_of_new(enum ledger_table table) {
  return ledger_forms[table].key_count > 1 ? VERB_REPLACE : VERB_INSERT;
}

/* Prepares the statement that puts a new row into each table: it has all
 * columns, and fails if the file lacks a table or a column. */
static int prepare_first(struct store_sqlite *s) {
  struct statement *statement;
  int status = 0;
  for (enum ledger_table t = 0; t < LEDGER_TABLES && status == 0; t++)
    status = find_statement(
        s,
        &(const struct statement){
            .verb = verb_of_new(t), .table = t, .columns = ledger_table_all(t)},
        &statement);
  for (enum trim i = 0; i < TRIMS && status == 0; i++)
    status = prepare_sql(s, trim_sql[i], &s->trims[i]);
  return status;
}

/* ---- life ---- */

static void disconnect(struct store_sqlite *s) {
  sqlite_file_close(&s->file);
  memset(s->statements, 0, sizeof s->statements);
  memset(s->trims, 0, sizeof s->trims);
  s->seen_version = 0;
}

/* Asks for the maximum alone, which SQLite finds at the end of the index. */
static int read_newest(struct store_sqlite *s) {
  sqlite3_stmt *row = NULL;
  int status = prepare_sql(s,
                           "SELECT max(finished_at) FROM commands"
                           " WHERE finished_at IS NOT NULL",
                           &row);
  if (status == 0)
    status = sqlite_file_judge(&s->file, sqlite3_step(row));
  if (status == 0)
    s->wall_newest_s = sqlite3_column_type(row, 0) != SQLITE_NULL
                           ? sqlite3_column_double(row, 0)
                           : -INFINITY;
  sqlite3_finalize(row);
  return status;
}

static int try_to_connect(struct store_sqlite *s, struct moment now) {
  int status = sqlite_file_open(&s->file, now);
  if (status == 0)
    status = prepare_first(s);
  if (status == 0)
    status = read_newest(s);
  if (status < 0)
    disconnect(s);
  s->is_untold = status == 0;
  return status;
}

/* Tries twice: a file that the first try condemns is set aside by the
 * second. */
static int connect(struct store_sqlite *s, struct moment now) {
  int status = try_to_connect(s, now);
  return status == -EILSEQ ? try_to_connect(s, now) : status;
}

static void tell_newest(struct store_sqlite *s, double *ret_wall_newest_s) {
  if (s->is_untold)
    *ret_wall_newest_s = s->wall_newest_s;
  s->is_untold = false;
}

static int open_file(struct ledger_store *store, struct moment now,
                     double *ret_wall_newest_s) {
  struct store_sqlite *s = sqlite_of(store);
  if (sqlite_place_lock(&s->file.place) == -EALREADY)
    return -EALREADY;
  int status = connect(s, now);
  s->file.must_be_fresh = true;
  if (status == 0)
    tell_newest(s, ret_wall_newest_s);
  return status;
}

static void abandon(struct ledger_store *store, bool for_good) {
  struct store_sqlite *s = sqlite_of(store);
  disconnect(s);
  s->file.must_be_fresh = for_good;
}

/* ---- turns ---- */

static void roll_back(struct store_sqlite *s) {
  /* SQLite has rolled back by itself after some errors. */
  if (s->file.db != NULL && !sqlite3_get_autocommit(s->file.db))
    sqlite3_exec(s->file.db, "ROLLBACK", NULL, NULL, NULL);
}

static void close_file(struct ledger_store *store) {
  struct store_sqlite *s = sqlite_of(store);
  roll_back(s);
  sqlite_file_mark(&s->file);
  sqlite_file_release(&s->file);
  free(s);
}

/* Returns whether the file that was open is condemned, and closes it: by the
 * look beside the work, or between two turns. */
static bool is_condemned(struct store_sqlite *s) {
  bool is_damaged = sqlite_file_see_check(&s->file) < 0;
  if (!is_damaged && s->file.condemned_as == NULL)
    return false;
  disconnect(s);
  return true;
}

/* Makes sure that the file is open, is still the one that has the path, and is
 * whole as far as is known. Fails before what was committed stands in a file
 * that the next turn leaves. */
static int be_ready(struct store_sqlite *s, struct moment now) {
  if (s->file.db != NULL && sqlite_file_has_moved(&s->file)) {
    disconnect(s);
    return sqlite_place_explain(&s->file.place, -ENOENT, "it was removed");
  }
  if (is_condemned(s) && s->is_relied_on)
    return -EILSEQ;
  return s->file.db == NULL ? connect(s, now) : 0;
}

static int begin(struct ledger_store *store, struct moment now, int wait_ms,
                 double *ret_wall_newest_s) {
  struct store_sqlite *s = sqlite_of(store);
  s->turn_status = 0;
  roll_back(s); /* the last turn may have had no memory for it */
  int status = be_ready(s, now);
  if (status < 0)
    return note(s, status);
  sqlite3_busy_timeout(s->file.db, wait_ms);
  status = note(s, sqlite_file_begin(&s->file));
  if (status < 0)
    return status;
  tell_newest(s, ret_wall_newest_s);
  return 0;
}

static int begin_reading(struct ledger_store *store) {
  struct store_sqlite *s = sqlite_of(store);
  roll_back(s);
  s->turn_status = 0;
  int status = s->file.db == NULL ? sqlite_file_open_to_read(&s->file) : 0;
  if (status == 0)
    status = sqlite_file_run(&s->file, "BEGIN");
  return note(s, status);
}

static void end_reading(struct ledger_store *store, bool is_known) {
  struct store_sqlite *s = sqlite_of(store);
  if (is_known)
    sqlite_place_note_known(&s->file.place);
  disconnect(s);
  s->file.must_be_fresh = true;
}

static int bind(sqlite3_stmt *statement, int parameter,
                const struct ledger_value *v) {
  switch (v->kind) {
  case LEDGER_VALUE_INTEGER:
    return sqlite3_bind_int64(statement, parameter, v->integer);
  case LEDGER_VALUE_REAL:
    return sqlite3_bind_double(statement, parameter, v->real);
  case LEDGER_VALUE_TEXT:
    return sqlite3_bind_text(statement, parameter, v->data, (int)v->size,
                             SQLITE_STATIC);
  case LEDGER_VALUE_BYTES: /* SQLite binds NULL if the pointer is NULL */
    return sqlite3_bind_blob(statement, parameter,
                             v->data != NULL ? v->data : "", (int)v->size,
                             SQLITE_STATIC);
  case LEDGER_VALUE_NULL:
    break;
  }
  return sqlite3_bind_null(statement, parameter);
}

static int bind_row(sqlite3_stmt *statement, const struct ledger_row *row,
                    uint64_t columns) {
  int code = SQLITE_OK;
  for (int i = 0; columns >> i != 0 && code == SQLITE_OK; i++)
    if (has(columns, (size_t)i))
      code = bind(statement, i + 1, &row->values[i]);
  return code;
}

static int run(struct store_sqlite *s, sqlite3_stmt *statement, int bind_code) {
  int code = bind_code == SQLITE_OK ? sqlite3_step(statement) : bind_code;
  int status = note(s, sqlite_file_result(&s->file, code));
  sqlite3_reset(statement);
  return status;
}

static int change(struct store_sqlite *s, enum verb verb,
                  const struct ledger_row *row, uint64_t columns) {
  const struct statement wanted = {
      .verb = verb, .table = row->table, .columns = columns};
  struct statement *found;
  if (s->turn_status < 0)
    return s->turn_status;
  int status = find_statement(s, &wanted, &found);
  if (status < 0)
    return note(s, status);
  return run(s, found->prepared, bind_row(found->prepared, row, columns));
}

/* Updates or inserts, whichever is likely first. One statement that does either
 * would cost more than two: SQLite prepares to undo a part of it. What the row
 * says to be the same is not compared: no two commands ever get the same id,
 * and a slot and a device are their keys. */
static int put_whole(struct store_sqlite *s, const struct ledger_row *row) {
  uint64_t changed = row->columns & ~row->same,
           key = ledger_table_key(row->table);
  int status = row->same != 0 ? change(s, VERB_UPDATE, row, changed | key)
                              : change(s, VERB_INSERT, row, row->columns);
  if (status < 0 || sqlite3_changes(s->file.db) > 0)
    return status;
  return change(s, row->same != 0 ? VERB_INSERT : VERB_UPDATE, row,
                row->columns);
}

static int put(struct ledger_store *store, const struct ledger_row *row) {
  struct store_sqlite *s = sqlite_of(store);
  if (row->columns != ledger_table_all(row->table))
    return change(s, VERB_UPDATE, row, row->columns);
  if (verb_of_new(row->table) == VERB_REPLACE)
    return change(s, VERB_REPLACE, row, row->columns);
  return put_whole(s, row);
}

static int remove_rows(struct ledger_store *store,
                       const struct ledger_row *like) {
  return change(sqlite_of(store), VERB_REMOVE, like, like->columns);
}

static bool is_moment(enum ledger_type type) {
  return type == LEDGER_MOMENT || type == LEDGER_MOMENT_OR_NULL;
}

static void append_shift(struct buf *sql, const struct ledger_form *form,
                         int64_t ms, const char *where) {
  const char *before = "";
  buf_append_format(sql, "UPDATE %s SET ", form->name);
  for (size_t i = 0; i < form->column_count; i++) {
    const char *name = form->columns[i].name;
    if (!is_moment(form->columns[i].type))
      continue;
    buf_append_format(sql, "%s%s = %s + (%lld / 1000.0)", before, name, name,
                      (long long)ms);
    before = ", ";
  }
  buf_append_format(sql, "%s;", where);
}

/* A tracked command is history, but for what is tracked. */
static void append_shifts(struct buf *sql, int64_t ms) {
  append_shift(sql, &ledger_forms[LEDGER_TABLE_COMMANDS], ms,
               " WHERE finished_at IS NULL");
  append_shift(sql, &ledger_forms[LEDGER_TABLE_SLOTS], ms, "");
  append_shift(sql, &ledger_forms[LEDGER_TABLE_SERIES], ms, "");
  buf_append_format(sql,
                    "UPDATE commands SET status_at = status_at + (%lld / "
                    "1000.0), track_until = track_until + (%lld / 1000.0)"
                    " WHERE track_until IS NOT NULL;",
                    (long long)ms, (long long)ms);
}

static void shift(struct ledger_store *store, int64_t ms) {
  struct store_sqlite *s = sqlite_of(store);
  struct buf sql;
  if (s->turn_status < 0)
    return;
  buf_init(&sql, SQL_MAX_BYTES);
  append_shifts(&sql, ms);
  note(s, sql.error < 0
              ? sqlite_place_explain(&s->file.place, sql.error, "out of memory")
              : sqlite_file_run(&s->file, buf_text(&sql)));
  buf_free(&sql);
}

static void clear(struct ledger_store *store) {
  struct store_sqlite *s = sqlite_of(store);
  if (s->turn_status == 0)
    note(s, sqlite_file_run(&s->file,
                            "DELETE FROM commands WHERE finished_at IS NULL;"
                            "DELETE FROM slots;"
                            "DELETE FROM series;"));
}

static int64_t count_finished(struct ledger_store *store) {
  struct store_sqlite *s = sqlite_of(store);
  int64_t count = 0;
  if (s->turn_status == 0)
    note(s, sqlite_file_query(&s->file,
                              "SELECT count(*) FROM commands"
                              " WHERE finished_at IS NOT NULL",
                              &count));
  return count;
}

static int64_t trim(struct ledger_store *store, double wall_before_s,
                    int64_t limit) {
  struct store_sqlite *s = sqlite_of(store);
  enum trim which = isinf(wall_before_s) ? TRIM_ANY : TRIM_OLD;
  if (s->turn_status < 0)
    return 0;
  int code = sqlite3_bind_int64(s->trims[which], 1, limit);
  if (which == TRIM_OLD && code == SQLITE_OK)
    code = sqlite3_bind_double(s->trims[which], 2, wall_before_s);
  return run(s, s->trims[which], code) == 0 ? sqlite3_changes(s->file.db) : 0;
}

static void trim_orders(struct ledger_store *store, double wall_before_s,
                        int64_t max) {
  struct store_sqlite *s = sqlite_of(store);
  sqlite3_stmt *statement = s->trims[TRIM_ORDERS];
  if (s->turn_status < 0)
    return;
  int code = sqlite3_bind_int64(statement, 1, max);
  if (code == SQLITE_OK)
    code = sqlite3_bind_double(statement, 2, wall_before_s);
  run(s, statement, code);
}

/* Asks SQLite, which changes the number when another connection commits. */
static bool was_touched(struct ledger_store *store) {
  struct store_sqlite *s = sqlite_of(store);
  int64_t version = 0;
  if (s->file.db == NULL ||
      sqlite_file_query(&s->file, "PRAGMA data_version", &version) < 0)
    return true;
  bool is_new = version != s->seen_version;
  s->seen_version = version;
  return is_new;
}

static bool is_nearly_full(struct ledger_store *store) {
  struct store_sqlite *s = sqlite_of(store);
  return s->turn_status == 0 && sqlite_file_is_nearly_full(&s->file);
}

/* The caller has taken all that it has read in the turn, even if this fails. */
static void commit_file(struct store_sqlite *s) {
  s->file.is_ours = true;
  note(s, sqlite_file_commit(&s->file));
}

static int commit(struct ledger_store *store, int status) {
  struct store_sqlite *s = sqlite_of(store);
  if (status < 0)
    note(s, sqlite_place_explain(&s->file.place, status, strerror(-status)));
  if (s->turn_status == 0)
    commit_file(s);
  if (s->turn_status < 0)
    roll_back(s);
  else
    s->is_relied_on = true;
  return s->turn_status;
}

static bool rest(struct ledger_store *store) {
  struct store_sqlite *s = sqlite_of(store);
  return s->file.db == NULL || sqlite_file_checkpoint(&s->file);
}

/* ---- reading ---- */

/* Reads a text, or the bytes of a body that is not a text. Returns 0 or
 * -ENOMEM. */
static int read_data(sqlite3_stmt *row, int column, enum ledger_type type,
                     struct ledger_value *v) {
  bool is_blob =
      type == LEDGER_BODY && sqlite3_column_type(row, column) == SQLITE_BLOB;
  v->kind = is_blob ? LEDGER_VALUE_BYTES : LEDGER_VALUE_TEXT;
  v->data = is_blob ? sqlite3_column_blob(row, column)
                    : (const char *)sqlite3_column_text(row, column);
  v->size = (uint32_t)sqlite3_column_bytes(row, column);
  bool is_empty_blob = is_blob && v->size == 0;
  return v->data == NULL && !is_empty_blob ? -ENOMEM : 0;
}

/* Reads a value of the type that the column is to have; SQLite converts it if
 * somebody has stored another type. Returns 0 or -ENOMEM. */
static int read_value(sqlite3_stmt *row, int column, enum ledger_type type,
                      struct ledger_value *v) {
  *v = (struct ledger_value){.kind = LEDGER_VALUE_NULL};
  if (sqlite3_column_type(row, column) == SQLITE_NULL)
    return 0;
  switch (type) {
  case LEDGER_ID:
  case LEDGER_INTEGER:
  case LEDGER_INTEGER_OR_NULL:
    v->kind = LEDGER_VALUE_INTEGER;
    v->integer = sqlite3_column_int64(row, column);
    return 0;
  case LEDGER_REAL:
  case LEDGER_REAL_OR_NULL:
  case LEDGER_MOMENT:
  case LEDGER_MOMENT_OR_NULL:
    v->kind = LEDGER_VALUE_REAL;
    v->real = sqlite3_column_double(row, column);
    return 0;
  default:
    return read_data(row, column, type, v);
  }
}

static int read_row(struct store_sqlite *s, sqlite3_stmt *from,
                    struct ledger_row *row) {
  const struct ledger_form *form = &ledger_forms[row->table];
  int status = 0;
  for (size_t i = 0; i < form->column_count && status == 0; i++)
    status = read_value(from, (int)i, form->columns[i].type, &row->values[i]);
  return status == 0
             ? 0
             : sqlite_place_explain(&s->file.place, status, "out of memory");
}

static int select_rows(struct store_sqlite *s, enum ledger_selection selection,
                       sqlite3_stmt **ret_rows) {
  const struct ledger_form *form = &ledger_forms[selections[selection].table];
  struct buf sql;
  buf_init(&sql, SQL_MAX_BYTES);
  buf_append_text(&sql, "SELECT ");
  append_names(&sql, form);
  buf_append_format(&sql, " FROM %s %s", form->name,
                    selections[selection].rest);
  return prepare_buf(s, &sql, ret_rows);
}

static int visit_rows(struct store_sqlite *s, sqlite3_stmt *rows,
                      enum ledger_table table, ledger_visit_fn *visit,
                      void *context) {
  struct ledger_row row = {.table = table, .columns = ledger_table_all(table)};
  int code;
  while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
    int status = read_row(s, rows, &row);
    if (status < 0)
      return note(s, status);
    status = visit(context, &row);
    if (status < 0)
      return status;
  }
  return note(s, sqlite_file_result(&s->file, code));
}

static int read_rows(struct ledger_store *store,
                     enum ledger_selection selection, ledger_visit_fn *visit,
                     void *context) {
  struct store_sqlite *s = sqlite_of(store);
  sqlite3_stmt *rows = NULL;
  if (s->turn_status < 0)
    return s->turn_status;
  int status = select_rows(s, selection, &rows);
  if (status < 0)
    return note(s, status);
  status = visit_rows(s, rows, selections[selection].table, visit, context);
  sqlite3_finalize(rows);
  return status;
}

/* ---- queries ---- */

static const char *error(const struct ledger_store *store) {
  return const_sqlite_of(store)->file.place.why;
}

static uint64_t set_aside_count(const struct ledger_store *store) {
  return const_sqlite_of(store)->file.set_aside_count;
}

static uint64_t damage_count(const struct ledger_store *store) {
  return const_sqlite_of(store)->file.damage_count;
}

static struct ledger_loss loss(const struct ledger_store *store) {
  return const_sqlite_of(store)->file.loss;
}

static int64_t bytes(const struct ledger_store *store) {
  return sqlite_place_bytes(&const_sqlite_of(store)->file.place);
}

static const struct ledger_store_type sqlite = {
    .open = open_file,
    .close = close_file,
    .abandon = abandon,
    .begin = begin,
    .begin_reading = begin_reading,
    .end_reading = end_reading,
    .put = put,
    .remove = remove_rows,
    .shift = shift,
    .clear = clear,
    .count_finished = count_finished,
    .trim = trim,
    .trim_orders = trim_orders,
    .was_touched = was_touched,
    .is_nearly_full = is_nearly_full,
    .read = read_rows,
    .commit = commit,
    .error = error,
    .rest = rest,
    .set_aside_count = set_aside_count,
    .damage_count = damage_count,
    .loss = loss,
    .bytes = bytes,
};

struct ledger_store *store_sqlite_new_in_memory(void) {
  struct ledger_store *store = store_sqlite_new(":memory:", false, NULL);
  if (store == NULL || sqlite_file_open_in_memory(&sqlite_of(store)->file) == 0)
    return store;
  close_file(store);
  return NULL;
}

struct ledger_store *store_sqlite_new(const char *path, bool syncs_every_commit,
                                      const gid_t *group) {
  struct store_sqlite *s = calloc(1, sizeof *s);
  if (s == NULL)
    return NULL;
  s->store.type = &sqlite;
  if (sqlite_file_init(&s->file, path, syncs_every_commit) == 0) {
    sqlite_place_set_group(&s->file.place, group);
    return &s->store;
  }
  free(s);
  return NULL;
}

struct ledger_store *store_sqlite_new_guest(const char *path) {
  struct ledger_store *store = store_sqlite_new(path, false, NULL);
  if (store != NULL)
    sqlite_of(store)->file.is_guest = true;
  return store;
}
