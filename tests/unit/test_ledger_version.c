/* SPDX-License-Identifier: MIT
 *
 * Files that an earlier version has left.
 */
#include "ledger/ledger_schema.h"
#include "ledger_version_1.h"
#include "ledger_words.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void leave_version_1(struct fixture *f) {
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, LEDGER_VERSION_1, NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
}

/* Returns SQL for all rows of a table with the columns that it has now, and
 * that no step renames; the caller frees it. */
static char *sql_for_rows(const struct fixture *f, const char *table) {
  char sql[4096];
  snprintf(sql, sizeof sql,
           "SELECT group_concat(name, ', ') FROM pragma_table_info('%s')"
           " WHERE name <> 'timed_severity'",
           table);
  const char *names = fixture_sql(f, sql);
  assert_true(strlen(names) > 20);
  snprintf(sql, sizeof sql, "SELECT %s FROM %s ORDER BY 1, 2", names, table);
  return strdup(sql);
}

static void a_file_of_version_1_opens_with_all_rows_as_they_were(void **state) {
  static const char *const tables[] = {"commands", "slots", "series", "totals"};
  struct fixture *f = *state;
  char *sql[4], *before[4];
  leave_version_1(f);
  for (int i = 0; i < 4; i++) {
    sql[i] = sql_for_rows(f, tables[i]);
    before[i] = strdup(fixture_sql(f, sql[i]));
    assert_true(strlen(before[i]) > 20);
  }
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_false(f->was_set_aside);
  assert_string_equal(f->log, "");
  for (int i = 0; i < 4; i++) {
    assert_string_equal(fixture_sql(f, sql[i]), before[i]);
    free(sql[i]);
    free(before[i]);
  }
}

static void what_is_pending_in_version_1_is_restored(void **state) {
  struct fixture *f = *state;
  struct command *expected = fixture_command(f, 1);
  leave_version_1(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 2);
  const struct command *c = f->commands[0];
  assert_int_equal(c->id, 1);
  assert_true(body_equals(c->body, expected->body));
  assert_int_equal(c->deadline_ms, expected->deadline_ms);
  assert_int_equal(c->not_before_ms, expected->not_before_ms);
  assert_int_equal(c->created.ms, expected->created.ms);
  assert_string_equal(command_verdict(c)->cause,
                      command_verdict(expected)->cause);
  assert_int_equal(f->commands[1]->state, COMMAND_IN_FLIGHT);
  assert_int_equal(f->next_id, 5);
  assert_int_equal(f->slot_count, 1);
  assert_int_equal(f->slots[0]->cooldown_until_ms, FIXTURE_NOW.ms + 20017);
  assert_null(f->slots[0]->accepted.body); /* since command 2 is in flight */
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->series[0]->severity, SEVERITY_FAILURE);
  assert_int_equal(f->series[0]->since_ms, f->series[0]->arrived_ms);
  assert_int_equal(f->accounts[0].created, 4);
  command_free(expected);
}

/* A file that one version has made is one that the other could have made, but
 * for the order of the columns. */
static void
a_file_of_version_1_has_the_form_of_one_that_is_begun_now(void **state) {
  static const char form[] =
      "SELECT m.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_master m"
      " JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
      " UNION ALL SELECT name, sql, '', '', '' FROM sqlite_master"
      " WHERE type <> 'table' ORDER BY 1, 2";
  struct fixture *f = *state;
  leave_version_1(f);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  char *old = strdup(fixture_sql(f, form));
  fixture_close(f);
  assert_int_equal(remove(f->path), 0);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_string_equal(fixture_sql(f, form), old);
  assert_non_null(strstr(old, "since_at"));
  free(old);
}

static void what_failed_last_in_version_1_is_known(void **state) {
  struct fixture *f = *state;
  leave_version_1(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->failing, "overheat fan refused;");
  fixture_close(f);
  assert_int_equal(remove(f->path), 0);
  leave_version_1(f);
  fixture_sql(f, "UPDATE commands SET outcome = 'accepted' WHERE id = 4");
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->failing, "");
}

static void a_file_of_version_1_gets_the_present_views(void **state) {
  struct fixture *f = *state;
  leave_version_1(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(atoi(fixture_sql(f, "PRAGMA user_version")),
                   LEDGER_SCHEMA_VERSION);
  assert_string_equal(
      fixture_sql(f, "SELECT id, outcome, error, cmd_uuid FROM recent"),
      "4|refused|auth failed|\n"
      "3|accepted||0b5b1c52-9e2f-5e7f-8c46-8d2f1d7d2c11\n"
      "2||auth failed|81572aae-fc34\n"
      "1||auth failed|81572aae-fc34");
  assert_string_equal(fixture_sql(f, "SELECT id, cmd_uuid FROM pending"),
                      "1|81572aae-fc34\n2|81572aae-fc34");
  assert_string_equal(
      fixture_sql(f, "SELECT rule, device, series, state, decides, asks_for,"
                     " accepted FROM states"),
      "overheat|fan|" FIXTURE_CORE "|failure|yes|{\"fan\":\"on\"}|");
  assert_string_equal(
      fixture_sql(f, "SELECT device, created, ended, pending, difference"
                     " FROM balance"),
      "fan|4|2|2|0");
}

static void a_file_of_version_1_takes_orders(void **state) {
  struct fixture *f = *state;
  leave_version_1(f);
  fixture_restart(f, FIXTURE_NOW);
  fixture_sql(f, "INSERT INTO orders (given_at, verb, uid, command_id, forced,"
                 " state) VALUES (1700000000, 'cancel', 1000, 1, 0, 'given')");
  assert_string_equal(
      fixture_sql(f, "SELECT id, uid, verb, device, command, state, why"
                     " FROM orders_readable"),
      "1|1000|cancel||1|given|");
  assert_string_equal(fixture_sql(f, "SELECT * FROM agent"), "");
  assert_string_equal(fixture_sql(f, "SELECT * FROM endpoints"), "");
}

/* A directory in the place of the lock keeps the file from being written. */
static void what_is_pending_in_version_1_is_restored_though_it_is_not_written(
    void **state) {
  struct fixture *f = *state;
  char lock[1024];
  leave_version_1(f);
  fixture_sql(f, "PRAGMA journal_mode = WAL");
  snprintf(lock, sizeof lock, "%s.lock", f->path);
  assert_int_equal(mkdir(lock, 0700), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_count_log(f, "it can be read and not written"), 1);
  assert_int_equal(f->command_count, 2);
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->next_id, 5);
  assert_string_equal(fixture_sql(f, "PRAGMA user_version"), "1");
  assert_int_equal(rmdir(lock), 0);
  assert_true(ledger_begin(f->ledger, FIXTURE_NOW) < 0);
  assert_int_equal(fixture_put_state(f, 2, FIXTURE_NOW), 0);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "1\n2\n3\n4");
  assert_int_equal(atoi(fixture_sql(f, "PRAGMA user_version")),
                   LEDGER_SCHEMA_VERSION);
}

static void what_is_pending_in_version_1_is_restored_late(void **state) {
  struct fixture *f = *state;
  char away[1024];
  leave_version_1(f);
  snprintf(away, sizeof away, "%s.away", f->path);
  assert_int_equal(rename(f->path, away), 0);
  assert_int_equal(mkdir(f->path, 0700), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_true(ledger_is_unread(f->ledger));
  assert_int_equal(rmdir(f->path), 0);
  assert_int_equal(rename(away, f->path), 0);
  assert_int_equal(fixture_read_late(f, FIXTURE_NOW), 0);
  assert_int_equal(f->command_count, 2);
  assert_int_equal(f->next_id, 5);
}

/* Every object, but for the order in which they were made. */
static void a_series_of_version_1_knows_when_its_last_value_was(void **state) {
  struct fixture *f = *state;
  leave_version_1(f);
  fixture_sql(f, "UPDATE series SET timed_severity = 'failure',"
                 " timed_at = 1699999096, timed_arrived_at = 1699999100");
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->series_count, 1);
  assert_true(f->series[0]->valued.known);
  assert_int_equal(f->series[0]->valued.wall_event_ms, 1699999096000);
  assert_false(f->series[0]->event.known);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_file_of_version_1_opens_with_all_rows_as_they_were),
      SITUATION(what_is_pending_in_version_1_is_restored),
      SITUATION(
          what_is_pending_in_version_1_is_restored_though_it_is_not_written),
      SITUATION(what_is_pending_in_version_1_is_restored_late),
      SITUATION(a_file_of_version_1_has_the_form_of_one_that_is_begun_now),
      SITUATION(what_failed_last_in_version_1_is_known),
      SITUATION(a_file_of_version_1_gets_the_present_views),
      SITUATION(a_file_of_version_1_takes_orders),
      SITUATION(a_series_of_version_1_knows_when_its_last_value_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
