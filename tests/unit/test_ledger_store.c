/* SPDX-License-Identifier: MIT
 *
 * What every store promises of rows, and what the one does that keeps none.
 */
#include "ledger/ledger_row.h"
#include "ledger/store_none.h"
#include "ledger/store_sqlite.h"
#include "ledger_words.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the store, and what is read of it ---- */

static struct ledger_store *store;

static void open_store(struct fixture *f) {
  double newest_s = NAN;
  store = store_sqlite_new(f->path, false, NULL);
  assert_non_null(store);
  assert_int_equal(store->type->open(store, FIXTURE_NOW, &newest_s), 0);
  assert_true(newest_s == -INFINITY);
}

static void close_store(void) { store->type->close(store); }

static void begin_turn(void) {
  double newest_s = NAN;
  assert_int_equal(store->type->begin(store, FIXTURE_NOW, 100, &newest_s), 0);
  assert_true(isnan(newest_s));
}

static void end_turn(void) {
  assert_int_equal(store->type->commit(store, 0), 0);
}

static void append_value(const struct ledger_value *v, char *text,
                         size_t bytes) {
  size_t used = strlen(text);
  switch (v->kind) {
  case LEDGER_VALUE_NULL:
    snprintf(text + used, bytes - used, "NULL|");
    break;
  case LEDGER_VALUE_INTEGER:
    snprintf(text + used, bytes - used, "%lld|", (long long)v->integer);
    break;
  case LEDGER_VALUE_REAL:
    snprintf(text + used, bytes - used, "%.3f|", v->real);
    break;
  case LEDGER_VALUE_TEXT:
    snprintf(text + used, bytes - used, "'%.*s'|", (int)v->size, v->data);
    break;
  case LEDGER_VALUE_BYTES:
    snprintf(text + used, bytes - used, "%u:%02x|", v->size,
             v->size > 0 ? (unsigned char)v->data[0] : 0);
    break;
  }
}

static void append_row(const struct ledger_row *row, char *text, size_t bytes) {
  for (size_t i = 0; i < ledger_forms[row->table].column_count; i++)
    append_value(&row->values[i], text, bytes);
  strcat(text, "\n");
}

static char seen[16384];

static int see(void *context, const struct ledger_row *row) {
  (void)context;
  assert_true(row->columns == ledger_table_all(row->table));
  append_row(row, seen, sizeof seen - 2);
  return 0;
}

static const char *read_all(enum ledger_selection selection) {
  seen[0] = '\0';
  assert_int_equal(store->type->read(store, selection, see, NULL), 0);
  return seen;
}

/* ---- rows ---- */

/* Returns a value that the type allows, and that no other column has. */
static struct ledger_value value_for(const struct ledger_column *column,
                                     size_t index) {
  switch (column->type) {
  case LEDGER_ID:
  case LEDGER_INTEGER:
  case LEDGER_INTEGER_OR_NULL:
    return (struct ledger_value){.kind = LEDGER_VALUE_INTEGER,
                                 .integer = 1000 + (int64_t)index};
  case LEDGER_REAL:
  case LEDGER_REAL_OR_NULL:
  case LEDGER_MOMENT:
  case LEDGER_MOMENT_OR_NULL:
    return (struct ledger_value){.kind = LEDGER_VALUE_REAL,
                                 .real = 1700000000.5 + (double)index};
  case LEDGER_BODY:
    return (struct ledger_value){
        .kind = LEDGER_VALUE_BYTES, .data = "\xff\0", .size = 2};
  default:
    return (struct ledger_value){.kind = LEDGER_VALUE_TEXT,
                                 .data = column->name,
                                 .size = (uint32_t)strlen(column->name)};
  }
}

/* Makes a row with a value in each column. */
static struct ledger_row full_row(enum ledger_table table) {
  const struct ledger_form *form = &ledger_forms[table];
  struct ledger_row row = {.table = table, .columns = ledger_table_all(table)};
  for (size_t i = 0; i < form->column_count; i++)
    row.values[i] = value_for(&form->columns[i], i);
  return row;
}

static void comes_back(enum ledger_table table,
                       enum ledger_selection selection) {
  const struct ledger_row row = full_row(table);
  char expected[8192] = "";
  append_row(&row, expected, sizeof expected - 2);
  assert_int_equal(store->type->put(store, &row), 0);
  assert_string_equal(read_all(selection), expected);
}

static void every_column_of_every_table_comes_back(void **state) {
  open_store(*state);
  begin_turn();
  comes_back(LEDGER_TABLE_COMMANDS, LEDGER_ALL_COMMANDS);
  comes_back(LEDGER_TABLE_COMMANDS, LEDGER_TRACKED_COMMANDS);
  comes_back(LEDGER_TABLE_COMMANDS, LEDGER_LAST_COMMAND);
  comes_back(LEDGER_TABLE_SLOTS, LEDGER_ALL_SLOTS);
  comes_back(LEDGER_TABLE_SERIES, LEDGER_ALL_SERIES);
  comes_back(LEDGER_TABLE_TOTALS, LEDGER_ALL_TOTALS);
  comes_back(LEDGER_TABLE_FAILING, LEDGER_ALL_FAILING);
  end_turn();
  close_store();
}

static void what_may_be_null_comes_back_as_null(void **state) {
  struct ledger_row row = full_row(LEDGER_TABLE_SERIES);
  open_store(*state);
  begin_turn();
  ledger_row_set_null(&row, series_body);
  ledger_row_set_null(&row, series_value);
  ledger_row_set_null(&row, series_event_severity);
  char expected[8192] = "";
  append_row(&row, expected, sizeof expected - 2);
  assert_non_null(strstr(expected, "NULL"));
  assert_int_equal(store->type->put(store, &row), 0);
  assert_string_equal(read_all(LEDGER_ALL_SERIES), expected);
  end_turn();
  close_store();
}

/* Somebody may have written anything into the file. */
static void a_value_has_the_kind_that_its_column_asks_for(void **state) {
  struct fixture *f = *state;
  const struct ledger_row row = full_row(LEDGER_TABLE_SLOTS);
  open_store(f);
  begin_turn();
  assert_int_equal(store->type->put(store, &row), 0);
  end_turn();
  fixture_sql(f, "UPDATE slots SET qos = 'x', value = 'y', accepted_at = x'00',"
                 " body = 7, endpoint = x'41', epoch = 1.5");
  begin_turn();
  const char *text = read_all(LEDGER_ALL_SLOTS);
  assert_string_equal(
      text, "'key'|'rule'|'device'|'device_id'|'A'|"
            "'content_type'|0|'7'|0.000|0.000|1|"
            "1700000011.500|1700000012.500|1013|'api'|'product_id'|'service'|"
            "1700000017.500|1700000018.500|1019|1020|1021|\n");
  end_turn();
  close_store();
}

static void a_row_with_some_columns_changes_no_other(void **state) {
  struct ledger_row row = full_row(LEDGER_TABLE_COMMANDS), some;
  open_store(*state);
  begin_turn();
  assert_int_equal(store->type->put(store, &row), 0);
  ledger_row_init(&some, LEDGER_TABLE_COMMANDS);
  ledger_row_copy(&some, commands_id, &row);
  ledger_row_set_integer(&some, commands_attempts, 77);
  assert_int_equal(store->type->put(store, &some), 0);
  ledger_row_set_integer(&row, commands_attempts, 77);
  char expected[8192] = "";
  append_row(&row, expected, sizeof expected - 2);
  assert_string_equal(read_all(LEDGER_ALL_COMMANDS), expected);
  end_turn();
  close_store();
}

static void what_is_the_same_in_the_stored_row_is_not_written(void **state) {
  struct ledger_row row = full_row(LEDGER_TABLE_TOTALS);
  open_store(*state);
  begin_turn();
  row.same = ledger_table_key(LEDGER_TABLE_TOTALS) | 1 << totals_created;
  assert_int_equal(store->type->put(store, &row), 0);
  char expected[8192] = "";
  append_row(&row, expected, sizeof expected - 2);
  assert_string_equal(read_all(LEDGER_ALL_TOTALS), expected);
  ledger_row_set_integer(&row, totals_accepted, 77);
  expected[0] = '\0';
  append_row(&row, expected, sizeof expected - 2);
  ledger_row_set_integer(&row, totals_created, 78);
  assert_int_equal(store->type->put(store, &row), 0);
  assert_string_equal(read_all(LEDGER_ALL_TOTALS), expected);
  end_turn();
  close_store();
}

static void what_has_not_finished_is_pending(void **state) {
  struct ledger_row row = full_row(LEDGER_TABLE_COMMANDS);
  open_store(*state);
  begin_turn();
  ledger_row_set_null(&row, commands_finished_at);
  assert_int_equal(store->type->put(store, &row), 0);
  char expected[8192] = "";
  append_row(&row, expected, sizeof expected - 2);
  assert_string_equal(read_all(LEDGER_PENDING_COMMANDS), expected);
  assert_int_equal(store->type->count_finished(store), 0);
  row = full_row(LEDGER_TABLE_COMMANDS);
  assert_int_equal(store->type->put(store, &row), 0);
  assert_string_equal(read_all(LEDGER_PENDING_COMMANDS), "");
  assert_int_equal(store->type->count_finished(store), 1);
  end_turn();
  close_store();
}

static void a_row_with_some_columns_of_none_changes_nothing(void **state) {
  struct ledger_row some;
  open_store(*state);
  begin_turn();
  ledger_row_init(&some, LEDGER_TABLE_COMMANDS);
  ledger_row_set_integer(&some, commands_id, 4);
  ledger_row_set_integer(&some, commands_attempts, 77);
  assert_int_equal(store->type->put(store, &some), 0);
  assert_string_equal(read_all(LEDGER_ALL_COMMANDS), "");
  end_turn();
  close_store();
}

static void put_series(const char *slot, const char *name) {
  struct ledger_row row = full_row(LEDGER_TABLE_SERIES);
  ledger_row_set_text(&row, series_slot, slot);
  ledger_row_set_text(&row, series_name, name);
  assert_int_equal(store->type->put(store, &row), 0);
}

static void rows_that_are_alike_are_removed_and_no_others(void **state) {
  struct fixture *f = *state;
  struct ledger_row like;
  open_store(f);
  begin_turn();
  put_series("one", "a");
  put_series("one", "b");
  put_series("two", "a");
  put_series("two", "b");
  ledger_row_init(&like, LEDGER_TABLE_SERIES);
  ledger_row_set_text(&like, series_slot, "one");
  assert_int_equal(store->type->remove(store, &like), 0);
  ledger_row_set_text(&like, series_slot, "two");
  ledger_row_set_text(&like, series_name, "b");
  assert_int_equal(store->type->remove(store, &like), 0);
  end_turn();
  assert_string_equal(fixture_sql(f, "SELECT slot, name FROM series"), "two|a");
  close_store();
}

/* Removes what it sees, and puts it with another name. */
static int rename_series(void *context, const struct ledger_row *row) {
  int *visits = context;
  struct ledger_row like, renamed = *row;
  char name[64];
  *visits += 1;
  ledger_row_init(&like, LEDGER_TABLE_SERIES);
  ledger_row_copy(&like, series_slot, row);
  ledger_row_copy(&like, series_name, row);
  snprintf(name, sizeof name, "%s'", ledger_row_text(row, series_name));
  ledger_row_set_text(&renamed, series_name, name);
  int status = store->type->remove(store, &like);
  return status == 0 ? store->type->put(store, &renamed) : status;
}

static void what_is_changed_while_it_is_read_is_seen_once(void **state) {
  struct fixture *f = *state;
  int visits = 0;
  open_store(f);
  begin_turn();
  put_series("one", "a");
  put_series("one", "b");
  put_series("one", "c");
  assert_int_equal(
      store->type->read(store, LEDGER_ALL_SERIES, rename_series, &visits), 0);
  end_turn();
  assert_int_equal(visits, 3);
  assert_string_equal(fixture_sql(f, "SELECT name FROM series ORDER BY name"),
                      "a'\nb'\nc'");
  close_store();
}

static int refuse(void *context, const struct ledger_row *row) {
  (void)row;
  *(int *)context += 1;
  return -E2BIG;
}

static void a_visitor_that_fails_ends_the_read_and_not_the_turn(void **state) {
  int visits = 0;
  open_store(*state);
  begin_turn();
  put_series("one", "a");
  put_series("one", "b");
  assert_int_equal(store->type->read(store, LEDGER_ALL_SERIES, refuse, &visits),
                   -E2BIG);
  assert_int_equal(visits, 1);
  end_turn();
  close_store();
}

static void the_first_error_of_a_turn_undoes_and_ends_it(void **state) {
  struct fixture *f = *state;
  struct ledger_row broken = full_row(LEDGER_TABLE_SERIES);
  int visits = 0;
  open_store(f);
  begin_turn();
  put_series("one", "a");
  end_turn();
  begin_turn();
  put_series("one", "b");
  ledger_row_set_null(&broken, series_slot);
  assert_int_equal(store->type->put(store, &broken), -EPROTO);
  const struct ledger_row good = full_row(LEDGER_TABLE_SERIES);
  assert_int_equal(store->type->put(store, &good), -EPROTO);
  assert_int_equal(store->type->remove(store, &good), -EPROTO);
  store->type->clear(store);
  assert_int_equal(store->type->count_finished(store), 0);
  assert_int_equal(store->type->trim(store, INFINITY, 10), 0);
  assert_int_equal(store->type->read(store, LEDGER_ALL_SERIES, refuse, &visits),
                   -EPROTO);
  assert_int_equal(store->type->commit(store, 0), -EPROTO);
  assert_non_null(strstr(store->type->error(store), "NOT NULL"));
  assert_int_equal(visits, 0);
  assert_string_equal(fixture_sql(f, "SELECT slot, name FROM series"), "one|a");
  close_store();
}

static void what_was_abandoned_is_set_aside_and_begun_anew(void **state) {
  struct fixture *f = *state;
  double newest_s = NAN;
  open_store(f);
  begin_turn();
  put_series("one", "a");
  store->type->abandon(store, true);
  assert_int_equal(store->type->set_aside_count(store), 0);
  assert_int_equal(store->type->begin(store, FIXTURE_NOW, 100, &newest_s), 0);
  assert_true(newest_s == -INFINITY);
  assert_int_equal(store->type->set_aside_count(store), 1);
  assert_string_equal(read_all(LEDGER_ALL_SERIES), "");
  end_turn();
  assert_int_equal(fixture_count_files(f, ".unread-1700000000"), 3);
  close_store();
}

/* These are more sets than the store keeps statements for. */
static void any_set_of_columns_can_be_put(void **state) {
  struct fixture *f = *state;
  struct ledger_row row = full_row(LEDGER_TABLE_TOTALS);
  open_store(f);
  begin_turn();
  assert_int_equal(store->type->put(store, &row), 0);
  for (int round = 0; round < 2; round++)
    for (int set = 1; set < 100; set++) {
      row.columns = ledger_table_key(LEDGER_TABLE_TOTALS) | (uint64_t)set << 1;
      ledger_row_set_integer(&row, totals_created, round * 1000 + set);
      assert_int_equal(store->type->put(store, &row), 0);
    }
  end_turn();
  assert_string_equal(fixture_sql(f, "SELECT created, epoch FROM totals"),
                      "1099|1010");
  close_store();
}

/* ---- the store that keeps nothing ---- */

static void in_memory_rows_are_taken_and_none_is_kept(void **state) {
  const struct ledger_row row = full_row(LEDGER_TABLE_COMMANDS);
  double newest_s = NAN;
  (void)state;
  store = store_none_new();
  assert_non_null(store);
  assert_int_equal(store->type->open(store, FIXTURE_NOW, &newest_s), 0);
  assert_true(newest_s == -INFINITY);
  assert_int_equal(store->type->begin(store, FIXTURE_NOW, 0, &newest_s), 0);
  assert_int_equal(store->type->put(store, &row), 0);
  for (enum ledger_selection s = 0; s < LEDGER_SELECTIONS; s++)
    assert_string_equal(read_all(s), "");
  assert_int_equal(store->type->remove(store, &row), 0);
  store->type->clear(store);
  assert_int_equal(store->type->count_finished(store), 0);
  assert_int_equal(store->type->trim(store, INFINITY, 10), 0);
  assert_int_equal(store->type->commit(store, 0), 0);
  store->type->abandon(store, true);
  assert_int_equal(store->type->begin(store, FIXTURE_NOW, 0, &newest_s), 0);
  assert_int_equal(store->type->set_aside_count(store), 0);
  assert_int_equal(store->type->bytes(store), 0);
  assert_string_equal(store->type->error(store), "");
  close_store();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(every_column_of_every_table_comes_back),
      SITUATION(what_may_be_null_comes_back_as_null),
      SITUATION(a_value_has_the_kind_that_its_column_asks_for),
      SITUATION(a_row_with_some_columns_changes_no_other),
      SITUATION(what_is_the_same_in_the_stored_row_is_not_written),
      SITUATION(what_has_not_finished_is_pending),
      SITUATION(a_row_with_some_columns_of_none_changes_nothing),
      SITUATION(rows_that_are_alike_are_removed_and_no_others),
      SITUATION(what_is_changed_while_it_is_read_is_seen_once),
      SITUATION(a_visitor_that_fails_ends_the_read_and_not_the_turn),
      SITUATION(the_first_error_of_a_turn_undoes_and_ends_it),
      SITUATION(what_was_abandoned_is_set_aside_and_begun_anew),
      SITUATION(any_set_of_columns_can_be_put),
      SITUATION(in_memory_rows_are_taken_and_none_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
