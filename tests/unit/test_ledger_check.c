/* SPDX-License-Identifier: MIT
 *
 * Which ledgers are looked at as a whole, and what comes of damage that no
 * start sees.
 */
#include "base/systime.h"
#include "failing_vfs.h"
#include "ledger/sqlite_check.h"
#include "ledger_words.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define COUNT_MARKS "SELECT count(*) FROM clean_end"

static void leave_closed(struct fixture *f) {
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  fixture_close(f);
}

static void leave_killed(struct fixture *f) {
  int status = -1;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0)
    _exit(fixture_open(f, FIXTURE_NOW) == 0 &&
                  fixture_put_state(f, 3, FIXTURE_NOW) == 0
              ? 0
              : 1);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

/* A row of history that its index lacks: no start reads either. */
static void damage_history(struct fixture *f) {
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(
      sqlite3_exec(db,
                   "CREATE TABLE kept AS SELECT * FROM sqlite_master"
                   " WHERE name = 'commands_finished';"
                   "PRAGMA writable_schema = 1;"
                   "DELETE FROM sqlite_master WHERE name = 'commands_finished';"
                   "PRAGMA writable_schema = RESET;"
                   "UPDATE commands SET state = 'finished', finished_at = 5"
                   " WHERE id = 2;"
                   "PRAGMA writable_schema = 1;"
                   "INSERT INTO sqlite_master SELECT * FROM kept;"
                   "PRAGMA writable_schema = RESET;"
                   "DROP TABLE kept;"
                   "PRAGMA wal_checkpoint(TRUNCATE);",
                   NULL, NULL, NULL),
      SQLITE_OK);
  sqlite3_close(db);
}

static void damage_root_of(const struct fixture *f, const char *table) {
  char sql[128], noise[PAGE_BYTES];
  snprintf(sql, sizeof sql,
           "SELECT rootpage FROM sqlite_master WHERE name = '%s'", table);
  long page = atol(fixture_sql(f, sql));
  assert_true(page > 1);
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  memset(noise, 0xA5, sizeof noise);
  int fd = open(f->path, O_WRONLY);
  assert_int_equal(pwrite(fd, noise, sizeof noise, (page - 1) * PAGE_BYTES),
                   PAGE_BYTES);
  close(fd);
}

/* ---- the mark ---- */

static void a_ledger_is_marked_from_its_close_to_the_first_turn(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "0");
  fixture_close(f);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "1");
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "1");
  fixture_load(f, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "0");
  fixture_close(f);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "1");
}

static void a_turn_that_is_undone_leaves_the_mark(void **state) {
  struct fixture *f = *state;
  struct ledger_batch incomplete;
  leave_closed(f);
  open_fresh(f);
  ledger_batch_init(&incomplete);
  incomplete.error = -ENOMEM;
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_put_batch(f->ledger, &incomplete);
  assert_int_equal(ledger_commit(f->ledger), -ENOMEM);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "1");
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "0");
}

static void a_killed_process_leaves_no_mark(void **state) {
  struct fixture *f = *state;
  leave_closed(f);
  leave_killed(f);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "0");
  fixture_restart(f, FIXTURE_NOW);
  assert_false(finds_damage(f));
  assert_int_equal(f->command_count, 3);
  fixture_close(f);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "1");
}

/* It is looked at from its first commit on. */
static void what_was_not_looked_at_to_the_end_gets_no_mark(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  open_fresh(f);
  fixture_close(f);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "0");
}

static void a_close_beside_a_writer_leaves_no_mark(void **state) {
  struct fixture *f = *state;
  sqlite3 *other = NULL;
  open_fresh(f);
  assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
  assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                   SQLITE_OK);
  fixture_close(f);
  sqlite3_close(other);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "0");
}

/* ---- damage that no start sees ---- */

static void what_was_closed_in_order_is_not_looked_at(void **state) {
  struct fixture *f = *state;
  leave_closed(f);
  damage_history(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 2);
  assert_false(finds_damage(f));
  assert_string_equal(f->log, "");
}

static void what_a_killed_process_left_is_looked_at(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  damage_history(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 2);
  assert_false(f->was_set_aside);
  assert_true(finds_damage(f));
  assert_non_null(
      strstr(ledger_error(f->ledger), "missing from index commands_finished"));
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 1);
  assert_int_equal(fixture_count_files(f, "corrupt-1700000000"), 3);
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands"), "3");
}

static void a_damaged_ledger_is_not_marked_when_it_is_closed(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  damage_history(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_true(finds_damage(f));
  fixture_close(f);
  assert_string_equal(fixture_sql(f, COUNT_MARKS), "0");
}

static void what_the_start_itself_finds_is_set_aside_at_once(void **state) {
  static const char *const tables[] = {
      "slots",   "series", "totals",    "commands_pending",
      "failing", "ids",    "endpoints", "orders"};
  struct fixture *f = *state;
  for (size_t i = 0; i < COUNT(tables); i++) {
    leave_closed(f);
    damage_root_of(f, tables[i]);
    fixture_forget_log(f);
    fixture_restart(f, FIXTURE_NOW);
    assert_true(f->was_set_aside);
    assert_string_equal(ledger_error(f->ledger), "");
    assert_int_equal(f->command_count, 0);
    assert_int_equal(f->log_count, 1);
    assert_int_equal(fixture_count_log(f, "and a fresh one is begun"), 1);
    assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
    fixture_close(f);
    assert_int_equal(remove(f->path), 0);
  }
}

/* ---- the look ---- */

/* Returns how many connections there are, by their -wal: SQLite keeps the file
 * itself open, since closing it would give back the locks of the others. */
static int count_connections(const struct fixture *f) {
  char link[64], target[1024], wal[1024];
  int count = 0;
  snprintf(wal, sizeof wal, "%s-wal", f->path);
  for (int fd = 0; fd < 256; fd++) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, target, sizeof target - 1);
    target[bytes > 0 ? bytes : 0] = '\0';
    count += strcmp(target, wal) == 0;
  }
  return count;
}

static void a_look_that_has_ended_leaves_no_connection(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_false(finds_damage(f));
  assert_int_equal(count_connections(f), 1);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  assert_int_equal(count_connections(f), 1);
}

static void a_look_can_be_ended_at_any_time(void **state) {
  struct fixture *f = *state;
  leave_closed(f);
  fixture_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                 " FROM n WHERE i < 20000) INSERT INTO failing"
                 " SELECT 'rule', i, 'refused' FROM n");
  for (int i = 0; i < 30; i++) {
    struct sqlite_check *c = sqlite_check_begin(f->path);
    assert_non_null(c);
    usleep((unsigned int)i * 100);
    sqlite_check_end(c);
  }
}

static void a_look_at_a_disk_that_hangs_is_left_behind(void **state) {
  struct fixture *f = *state;
  leave_closed(f);
  failing_vfs_install();
  failing_vfs_hang_reads(2 * PAGE_BYTES);
  struct sqlite_check *c = sqlite_check_begin(f->path);
  assert_non_null(c);
  int64_t begun_ms = systime_monotonic_ms();
  sqlite_check_end(c);
  assert_true(systime_monotonic_ms() - begun_ms >= SQLITE_CHECK_WAIT_MS);
  failing_vfs_hang_reads(0);
  wait_for_look();
  failing_vfs_remove();
}

static void a_file_that_can_not_be_opened_is_not_looked_at(void **state) {
  struct fixture *f = *state;
  assert_null(sqlite_check_begin(f->path));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_ledger_is_marked_from_its_close_to_the_first_turn),
      SITUATION(a_turn_that_is_undone_leaves_the_mark),
      SITUATION(a_killed_process_leaves_no_mark),
      SITUATION(what_was_not_looked_at_to_the_end_gets_no_mark),
      SITUATION(a_close_beside_a_writer_leaves_no_mark),
      SITUATION(what_was_closed_in_order_is_not_looked_at),
      SITUATION(what_a_killed_process_left_is_looked_at),
      SITUATION(a_damaged_ledger_is_not_marked_when_it_is_closed),
      SITUATION(what_the_start_itself_finds_is_set_aside_at_once),
      SITUATION(a_look_that_has_ended_leaves_no_connection),
      SITUATION(a_look_can_be_ended_at_any_time),
      SITUATION(a_look_at_a_disk_that_hangs_is_left_behind),
      SITUATION(a_file_that_can_not_be_opened_is_not_looked_at),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
