/* SPDX-License-Identifier: MIT
 *
 * What people see of a ledger: its public columns and views, as SQL answers.
 */
#include "ledger_words.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void the_public_columns_hold_what_they_are_named_after(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 17);
  open_fresh(f);
  c->device = f->devices[PUMP];
  fixture_finish(c, OUTCOME_REFUSED, FIXTURE_NOW);
  fixture_put(f, c, FIXTURE_NOW);
  assert_string_equal(
      fixture_sql(
          f,
          "SELECT id, created_at, rule, device, device_id, endpoint, slot,"
          " series, severity, body, content_type, qos, timeout_s, expires_at,"
          " not_before, state, outcome, attempts, http_code, errno, error,"
          " cmd_uuid, sent_at, finished_at, status, status_at FROM commands"),
      "17|1699999992.999|overheat|pump|8029378|edge|overheat/fan|" FIXTURE_CORE
      "|failure|{\"fan\":\"on\"}|application/json|1|600|1700000594.997|"
      "1700000001.007|finished|refused|3|401|3|auth failed|81572aae-fc34|"
      "1699999997.989|1700000000.0|NULL|NULL");
}

static void what_there_was_not_is_null_in_the_table(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 1);
  open_fresh(f);
  c->deadline_ms = COMMAND_NEVER_MS;
  c->not_before_ms = 0;
  c->attempts = 0;
  c->attempt->verdict = (struct verdict){0};
  fixture_put(f, c, FIXTURE_NOW);
  assert_string_equal(
      fixture_sql(f, "SELECT qos, expires_at, not_before, outcome, http_code,"
                     " errno, error, cmd_uuid, sent_at, finished_at, cause"
                     " FROM commands"),
      "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL");
}

/* A clock that is set right while a command waits must not tear its times
 * apart. */
static void
all_times_of_a_row_are_of_the_clock_that_it_was_put_by(void **state) {
  struct fixture *f = *state;
  const int64_t ten_years_ms = INT64_C(315360000000);
  struct moment now = FIXTURE_NOW;
  struct command *c = fixture_command(f, 1);
  open_fresh(f);
  c->created.wall_ms += ten_years_ms; /* as the clock was when it came */
  fixture_put(f, c, now);
  assert_string_equal(fixture_sql(f, "SELECT created_at FROM commands"),
                      "1699999992.999");
  fixture_restart(f, now);
  assert_int_equal(f->commands[0]->deadline_ms, now.ms + 594997);
}

static void the_views_read_well(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 1);
  open_fresh(f);
  c->attempt->reply = fixture_body("{\"code\":500}");
  fixture_finish(c, OUTCOME_REFUSED, FIXTURE_NOW);
  fixture_put(f, c, FIXTURE_NOW);
  put_body(f, 2, "two\r\nlines", 10);
  put_body(f, 3, "\1\0\2", 3);
  fixture_put_account(f, FAN, 4, 1, FIXTURE_NOW);
  assert_string_equal(
      fixture_sql(f, "SELECT id, rule, device, severity, state, attempts,"
                     " cause, error, body, cmd_uuid FROM pending"),
      "2|overheat|fan|failure|waiting|3|errno_3|auth failed|two  lines|"
      "81572aae-fc34\n"
      "3|overheat|fan|failure|waiting|3|errno_3|auth failed|x'010002'|"
      "81572aae-fc34");
  assert_string_equal(
      fixture_sql(f, "SELECT id, outcome, attempts, seconds, cause, error,"
                     " body, cmd_uuid, reply FROM recent"),
      "3||3||errno_3|auth failed|x'010002'|81572aae-fc34|\n"
      "2||3||errno_3|auth failed|two  lines|81572aae-fc34|\n"
      "1|refused|3|7.0|errno_3|auth failed|{\"fan\":\"on\"}|"
      "81572aae-fc34|{\"code\":500}");
  assert_string_equal(
      fixture_sql(f, "SELECT reply IS NULL, typeof(reply) FROM commands"),
      "0|text\n1|null\n1|null");
  assert_string_equal(fixture_sql(f, "SELECT * FROM by_device"),
                      "fan|4|1|0|0|0|0|0|0|0|2");
  assert_string_equal(fixture_sql(f, BALANCE), "fan|4|1|2|1");
  assert_string_equal(fixture_sql(f, "SELECT cause, device, commands, error"
                                     " FROM errors_by_cause"),
                      "errno_3|fan|3|auth failed");
}

static void the_times_in_the_views_are_local_and_readable(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  setenv("TZ", "UTC-2", 1); /* two hours east of Greenwich */
  tzset();
  fixture_put(f, fixture_command(f, 1), FIXTURE_NOW);
  assert_string_equal(
      fixture_sql(f, "SELECT created, next_attempt, expires FROM pending"),
      "2023-11-15 00:13:12|2023-11-15 00:13:21|2023-11-15 00:23:14");
  unsetenv("TZ");
  tzset();
}

/* Adds a series to the slot as an event would that arrived so long ago. */
static void put_rack(struct slot *s, const char *name, enum severity severity,
                     const char *body, int64_t ago_ms) {
  struct series *series = slot_add_series(s, name);
  assert_non_null(series);
  series->severity = severity;
  series->body = fixture_body(body);
  series->arrived_ms = FIXTURE_NOW.ms - ago_ms;
  series->since_ms = series->arrived_ms - 1000;
  slot_place_series(series);
}

static void states_tells_which_series_keeps_the_device_as_it_is(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  put_rack(s, "rack1", SEVERITY_FAILURE, "on 1", 3000);
  put_rack(s, "rack2", SEVERITY_FAILURE, "on 2", 2000);
  put_rack(s, "rack3", SEVERITY_WARNING, "slow", 1000);
  put_rack(s, "rack4", SEVERITY_OKAY, "off", 0);
  open_fresh(f);
  put_slot(f, s);
  assert_string_equal(
      fixture_sql(f, "SELECT rule, device, series, state, decides, asks_for"
                     " FROM states"),
      "overheat|fan|rack2|failure|yes|on 2\n"
      "overheat|fan|rack1|failure|also|on 1\n"
      "overheat|fan|rack3|warning|no|slow\n"
      "overheat|fan|rack4|okay|no|off");
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(slot_speaker(f->slots[0])->name, "rack2");
  slot_free(s);
}

static void of_series_that_are_all_okay_one_decides(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  put_rack(s, "rack1", SEVERITY_OKAY, "off", 0);
  put_rack(s, "rack2", SEVERITY_OKAY, "off", 2000);
  open_fresh(f);
  put_slot(f, s);
  assert_string_equal(fixture_sql(f, "SELECT series, decides FROM states"),
                      "rack1|yes\nrack2|no");
  slot_free(s);
}

static void states_tells_since_when_and_for_how_long(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  open_fresh(f);
  setenv("TZ", "UTC-2", 1); /* two hours east of Greenwich */
  tzset();
  put_rack(s, "rack1", SEVERITY_FAILURE, "on", 3000);
  put_slot(f, s);
  assert_string_equal(fixture_sql(f, "SELECT since FROM states"),
                      "2023-11-15 00:13:16");
  fixture_sql(f, "UPDATE series SET since_at = unixepoch() - 93784");
  assert_string_equal(
      fixture_sql(f, "SELECT age LIKE '1 d 02:03:0_' FROM states"), "1");
  fixture_sql(f, "UPDATE series SET since_at = unixepoch() - 7384");
  assert_string_equal(fixture_sql(f, "SELECT age LIKE '02:03:0_' FROM states"),
                      "1");
  fixture_sql(f, "UPDATE series SET since_at = unixepoch() + 1000");
  assert_string_equal(fixture_sql(f, "SELECT age FROM states"), "00:00:00");
  unsetenv("TZ");
  tzset();
  slot_free(s);
}

static void
states_tells_what_the_device_accepted_while_that_is_known(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  put_rack(s, "rack1", SEVERITY_FAILURE, "on", 3000);
  open_fresh(f);
  put_slot(f, s);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_counts(
      f, &(struct account){.device = f->devices[FAN],
                           .attempts_begun = s->accepted.attempts_begun});
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT accepted FROM states"),
                      "{\"fan\":\"off\"}");
  struct command *c = fixture_command(f, 1);
  c->state = COMMAND_IN_FLIGHT;
  c->device = f->devices[PUMP];
  fixture_put(f, c, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT accepted FROM states"),
                      "{\"fan\":\"off\"}");
  fixture_sql(f, "UPDATE commands SET device = 'FAN'");
  assert_string_equal(fixture_sql(f, "SELECT accepted FROM states"), "");
  fixture_sql(f, "DELETE FROM commands");
  /* Another slot of the device has begun an attempt. */
  fixture_sql(f, "UPDATE totals SET epoch = epoch + 1");
  assert_string_equal(fixture_sql(f, "SELECT accepted FROM states"), "");
  slot_free(s);
}

static void states_tells_what_became_of_after_and_until(void **state) {
  static const struct {
    bool waits, has_fired, is_spent;
    const char *expected;
  } cases[] = {{true, false, false, "waits|on"},
               {false, true, false, "yes|on"},
               {false, true, true, "taken back|shut"},
               {false, false, false, "no|on"}};
  struct fixture *f = *state;
  f->policies[OVERHEAT].until_s = 1800;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  put_rack(s, "rack1", SEVERITY_FAILURE, "on", 3000);
  s->newest[SEVERITY_FAILURE]->okay_body = fixture_body("shut");
  slot_note_state(s, true, FIXTURE_NOW.ms - 3000);
  open_fresh(f);
  put_slot(f, s);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    s->span->waits = cases[i].waits;
    s->span->has_fired = cases[i].has_fired;
    s->span->is_spent = cases[i].is_spent;
    put_slot(f, s);
    assert_string_equal(fixture_sql(f, "SELECT fired, asks_for FROM states"),
                        cases[i].expected);
  }
  fixture_sql(f, "UPDATE slots SET since_at = unixepoch() - 93784");
  assert_string_equal(
      fixture_sql(f, "SELECT held LIKE '1 d 02:03:0_' FROM states"), "1");
  slot_free(s);
}

static void
states_tells_nothing_of_them_where_the_rule_has_neither(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  put_rack(s, "rack1", SEVERITY_FAILURE, "on", 3000);
  open_fresh(f);
  put_slot(f, s);
  assert_string_equal(fixture_sql(f, "SELECT held, fired FROM states"), "|");
  slot_free(s);
}

static void recent_shows_the_newest_fifty(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 60, FIXTURE_NOW), 0);
  assert_string_equal(
      fixture_sql(f, "SELECT count(*), min(id), max(id) FROM recent"),
      "50|11|60");
}

static void
a_reader_sees_the_last_commit_while_the_next_turn_is_written(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 2);
  open_fresh(f);
  fixture_put(f, fixture_command(f, 1), FIXTURE_NOW);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT id FROM pending"), "1");
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT id FROM pending"), "1\n2");
  command_free(c);
}

static void a_reader_in_the_middle_of_the_table_holds_up_no_turn(void **state) {
  struct fixture *f = *state;
  sqlite3 *db = NULL;
  sqlite3_stmt *row = NULL;
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 5, FIXTURE_NOW), 0);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(
      sqlite3_prepare_v2(db, "SELECT id FROM commands", -1, &row, NULL),
      SQLITE_OK);
  assert_int_equal(sqlite3_step(row), SQLITE_ROW);
  fixture_put(f, fixture_command(f, 6), FIXTURE_NOW);
  sqlite3_finalize(row);
  sqlite3_close(db);
}

static void the_file_is_for_owner_and_group_only(void **state) {
  struct fixture *f = *state;
  struct stat about;
  mode_t mask = umask(0);
  open_fresh(f);
  umask(mask);
  assert_int_equal(stat(f->path, &about), 0);
  assert_int_equal(about.st_mode & 0777, 0640);
}

static void the_size_is_that_of_file_and_wal(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  int64_t before = ledger_file_bytes(f->ledger);
  assert_true(before > 0);
  assert_int_equal(fixture_put_state(f, 50, FIXTURE_NOW), 0);
  assert_true(ledger_file_bytes(f->ledger) > before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(the_public_columns_hold_what_they_are_named_after),
      SITUATION(what_there_was_not_is_null_in_the_table),
      SITUATION(all_times_of_a_row_are_of_the_clock_that_it_was_put_by),
      SITUATION(the_views_read_well),
      SITUATION(the_times_in_the_views_are_local_and_readable),
      SITUATION(states_tells_which_series_keeps_the_device_as_it_is),
      SITUATION(of_series_that_are_all_okay_one_decides),
      SITUATION(states_tells_since_when_and_for_how_long),
      SITUATION(states_tells_what_the_device_accepted_while_that_is_known),
      SITUATION(states_tells_what_became_of_after_and_until),
      SITUATION(states_tells_nothing_of_them_where_the_rule_has_neither),
      SITUATION(recent_shows_the_newest_fifty),
      SITUATION(a_reader_sees_the_last_commit_while_the_next_turn_is_written),
      SITUATION(a_reader_in_the_middle_of_the_table_holds_up_no_turn),
      SITUATION(the_file_is_for_owner_and_group_only),
      SITUATION(the_size_is_that_of_file_and_wal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
