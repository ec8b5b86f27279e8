/* SPDX-License-Identifier: MIT
 *
 * What the recorder does where it can not record what has changed.
 */
#include "agent/recorder.h"

#include "agent/clock.h"
#include "basics.h"
#include "failing_vfs.h"
#include "ledger/ledger_entry.h"
#include "ledger_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SITUATION(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define LONG_MS 20000

static struct {
  struct options options;
  struct journal journal;
  struct recorder_state state;
  struct recorder *recorder;
} t;

/* ---- memory that can not be had ---- */

static int failing; /* so many rows of a batch can not be had */

struct ledger_entry *__real_ledger_entry_new(enum ledger_entry_kind kind,
                                             const struct ledger_row *row);
struct ledger_entry *__wrap_ledger_entry_new(enum ledger_entry_kind kind,
                                             const struct ledger_row *row);

struct ledger_entry *__wrap_ledger_entry_new(enum ledger_entry_kind kind,
                                             const struct ledger_row *row) {
  if (failing == 0)
    return __real_ledger_entry_new(kind, row);
  failing--;
  return NULL;
}

/* ---- an agent ---- */

static uint64_t no_jitter(void *context, uint64_t max_inclusive) {
  (void)context;
  return max_inclusive;
}

static void make_state(struct fixture *f) {
  const struct lanes_options lanes = {.directory = f->directory,
                                      .journal = &t.journal,
                                      .queue_limit = 1000,
                                      .queue_bytes = 1000000,
                                      .series_max = 100,
                                      .random = no_jitter};
  journal_init(&t.journal);
  t.state = (struct recorder_state){.journal = &t.journal,
                                    .lanes = lanes_new(&lanes),
                                    .tracker = tracker_new(1, 10, &t.journal),
                                    .stats = stats_new(f->directory),
                                    .outbox = outbox_new(),
                                    .orders = orders_new(&t.options)};
  t.state.bulletin = bulletin_new(&t.options, t.state.stats, clock_now());
}

static int set_up(void **state) {
  char why[256];
  fixture_setup(state);
  struct fixture *f = *state;
  t.options = (struct options){.ledger_path = f->path,
                               .history_days = 30,
                               .history_max = 1000,
                               .directory = f->directory,
                               .rules = rule_book_new(f->directory)};
  for (size_t i = 0; i < directory_endpoint_count(f->directory); i++)
    directory_endpoint(f->directory, i)->url = strdup("http://there");
  make_state(f);
  assert_int_equal(recorder_open(&t.options, false, clock_now(), &t.recorder,
                                 why, sizeof why),
                   0);
  assert_int_equal(recorder_restore(t.recorder, &t.state, clock_now()), 0);
  return 0;
}

static int tear_down(void **state) {
  journal_clear(&t.journal);
  lanes_free(t.state.lanes);
  tracker_free(t.state.tracker);
  assert_true(recorder_close(t.recorder, LONG_MS));
  bulletin_free(t.state.bulletin);
  orders_free(t.state.orders);
  stats_free(t.state.stats);
  outbox_free(t.state.outbox);
  rule_book_free(t.options.rules);
  return fixture_teardown(state);
}

static void fire_rule(struct fixture *f, int rule) {
  struct firing *firing = firing_new(
      FIXTURE_CORE, (struct firing_body){"on", 2}, (struct firing_body){0});
  enum ignored ignored;
  assert_non_null(firing);
  firing->policy = &f->policies[rule];
  firing->device = f->devices[FAN];
  firing->severity = SEVERITY_FAILURE;
  firing->arrived = clock_now();
  assert_int_equal(lanes_take(t.state.lanes, firing, clock_now(), &ignored), 0);
  assert_int_equal(ignored, IGNORED_NOT);
}

static void fire(struct fixture *f) { fire_rule(f, OVERHEAT); }

static void record(void) {
  uint64_t batch = recorder_record(t.recorder, clock_now());
  int64_t end_ms = clock_now().ms + LONG_MS;
  while (recorder_settled(t.recorder, clock_now()) < batch &&
         clock_now().ms < end_ms)
    usleep(1000);
  assert_int_equal(recorder_settled(t.recorder, clock_now()), batch);
  journal_clear(&t.journal);
}

static void finish(void) {
  recorder_finish(t.recorder, clock_now().ms + LONG_MS);
}

static void assert_recorded(struct fixture *f) {
  assert_string_equal(fixture_sql(f, "SELECT id, CAST(body AS TEXT) FROM "
                                     "commands WHERE state = 'waiting'"),
                      "1|on");
  assert_int_equal(fixture_count_log(f, "at the end"), 0);
}

static void what_has_no_memory_is_recorded_with_the_whole_state(void **state) {
  struct fixture *f = *state;
  fire(f);
  failing = 1;
  uint64_t batch = recorder_record(t.recorder, clock_now());
  assert_int_equal(failing, 0);
  assert_int_equal(recorder_settled(t.recorder, clock_now()), batch);
  assert_int_equal(fixture_count_log(f, "commands go on from memory"), 1);
  journal_clear(&t.journal);
  finish();
  assert_recorded(f);
}

static void wake_nobody(void *context) { (void)context; }

/* Twice in a row: the whole state may lack memory as well. */
static void what_has_no_memory_at_the_end_is_tried_again(void **state) {
  struct fixture *f = *state;
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  fire(f);
  failing = 2;
  finish();
  assert_int_equal(failing, 0);
  assert_recorded(f);
}

static void
what_is_not_recorded_at_the_end_is_told_without_the_rest(void **state) {
  struct fixture *f = *state;
  fire(f);
  record();
  fire_rule(f, SETPOINT);
  failing = 1000;
  recorder_finish(t.recorder, clock_now().ms);
  failing = 0;
  assert_int_equal(fixture_count_log(f, "what is in it is older than what "
                                        "happened; not recorded: 1 command (2 "
                                        "waiting)"),
                   1);
}

/* The fresh file needs more than what came last. */
static void
a_ledger_that_is_removed_before_the_end_gets_the_whole_state(void **state) {
  struct fixture *f = *state;
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  fire(f);
  record();
  assert_int_equal(unlink(f->path), 0);
  fire_rule(f, SETPOINT);
  finish();
  assert_string_equal(
      fixture_sql(f, "SELECT id, state FROM commands ORDER BY id"),
      "1|waiting\n2|waiting");
  assert_int_equal(fixture_count_log(f, "at the end"), 0);
}

static struct moment set_ahead(int64_t ms) {
  struct moment now = clock_now();
  now.wall_ms += ms;
  return now;
}

/* The times in the ledger move; no row is made anew for that. The clock is the
 * real one: two looks at it may differ by a little. */
static void a_clock_that_is_set_costs_one_row(void **state) {
  struct fixture *f = *state;
  fire(f);
  record();
  fixture_sql(f, "CREATE TABLE earlier AS SELECT created_at, valid_from"
                 " FROM commands");
  recorder_record(t.recorder, set_ahead(3600 * 1000));
  assert_null(t.journal.first);
  assert_string_equal(
      fixture_sql(f, "SELECT abs(c.created_at - e.created_at - 3600) < 1,"
                     " abs(c.valid_from - e.valid_from - 3600) < 1"
                     " FROM commands c, earlier e"),
      "1|1");
}

static void a_clock_that_goes_a_little_wrong_changes_nothing(void **state) {
  struct fixture *f = *state;
  char before[64];
  fire(f);
  record();
  snprintf(before, sizeof before, "%s",
           fixture_sql(f, "SELECT created_at FROM commands"));
  recorder_record(t.recorder, set_ahead(1900));
  assert_string_equal(fixture_sql(f, "SELECT created_at FROM commands"),
                      before);
}

/* ---- orders ---- */

static void give(const struct fixture *f, int command_id) {
  char sql[256];
  snprintf(sql, sizeof sql,
           "INSERT INTO orders (given_at, verb, uid, command_id, forced, state)"
           " VALUES (0, 'cancel', 0, %d, 0, 'given')",
           command_id);
  fixture_sql(f, sql);
}

/* Waits until the thread has read orders. Returns them. */
static struct order *await_orders(void) {
  int64_t end_ms = clock_now().ms + LONG_MS;
  struct order *list = NULL;
  while ((list = recorder_take_orders(t.recorder)) == NULL &&
         clock_now().ms < end_ms) {
    recorder_look_now(t.recorder);
    usleep(1000);
  }
  assert_non_null(list);
  return list;
}

/* Refuses all of them, as orders and lanes would. */
static void refuse(struct order *list) {
  for (struct order *o = list, *next; o != NULL; o = next) {
    next = o->next;
    order_refuse(o, clock_now(), "no");
    journal_note_last(&t.journal, &o->change);
  }
}

/* Looks again and again for a while: there are none. */
static void assert_no_orders(void) {
  for (int i = 0; i < 50; i++) {
    recorder_look_now(t.recorder);
    usleep(1000);
    assert_null(recorder_take_orders(t.recorder));
  }
}

static void orders_are_read_once(void **state) {
  struct fixture *f = *state;
  give(f, 7);
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  struct order *o = await_orders();
  assert_int_equal(o->command_id, 7);
  assert_null(o->next);
  refuse(o);
  record();
  assert_string_equal(fixture_sql(f, "SELECT state, why FROM orders"),
                      "refused|no");
  assert_no_orders();
  give(f, 8);
  refuse(await_orders());
  record();
  assert_string_equal(fixture_sql(f, "SELECT state FROM orders"),
                      "refused\nrefused");
}

static void
no_orders_are_read_before_what_came_of_the_last_is_committed(void **state) {
  struct fixture *f = *state;
  give(f, 7);
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  struct order *o = await_orders();
  give(f, 8);
  assert_no_orders();
  refuse(o);
  record();
  o = await_orders();
  assert_int_equal(o->command_id, 8);
  refuse(o);
  record();
}

static void more_orders_than_are_read_at_once_are_all_read(void **state) {
  struct fixture *f = *state;
  fixture_sql(f,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
              " WHERE i < 150) INSERT INTO orders (given_at, verb, uid,"
              " forced, state) SELECT 0, 'cancel', 0, 0, 'given' FROM n");
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  refuse(await_orders());
  record();
  refuse(await_orders());
  record();
  assert_string_equal(
      fixture_sql(f, "SELECT count(*) FROM orders WHERE state = 'refused'"),
      "150");
}

/* Neither for the row of a command before it, nor for all of its own. */
static void
without_memory_for_its_row_an_order_is_not_obeyed_again(void **state) {
  struct fixture *f = *state;
  give(f, 7);
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  struct order *o = await_orders();
  failing = 2;
  fire(f);
  refuse(o);
  record();
  assert_int_equal(failing, 0);
  finish();
  assert_string_equal(
      fixture_sql(f, "SELECT verb, command_id, state, why FROM orders"),
      "cancel|7|refused|no");
}

/* It is removed: what was to be put is given up, and put into a fresh one. */
static void what_came_of_an_order_outlasts_a_ledger_that_fails(void **state) {
  struct fixture *f = *state;
  give(f, 7);
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  struct order *o = await_orders();
  assert_int_equal(unlink(f->path), 0);
  refuse(o);
  record();
  assert_no_orders();
  finish();
  assert_string_equal(fixture_sql(f, "SELECT command_id, state, why"
                                     " FROM orders"),
                      "7|refused|no");
}

static void orders_that_nobody_took_are_given_still(void **state) {
  struct fixture *f = *state;
  give(f, 7);
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  recorder_look_now(t.recorder);
  fire(f);
  finish();
  assert_string_equal(fixture_sql(f, "SELECT state FROM orders"), "given");
}

/* ---- what is told of the agent ---- */

static void the_start_and_the_end_of_the_agent_are_told(void **state) {
  struct fixture *f = *state;
  char sql[128];
  record();
  snprintf(sql, sizeof sql, "SELECT pid = %d, waiting FROM agent",
           (int)getpid());
  assert_string_equal(fixture_sql(f, sql), "1|0");
  assert_string_equal(fixture_sql(f, "SELECT endpoint FROM endpoints"),
                      "cloud\nedge");
  fixture_sql(f, "UPDATE agent SET told_at = 0");
  record();
  assert_string_equal(fixture_sql(f, "SELECT told_at FROM agent"), "0.0");
  finish();
  assert_string_equal(fixture_sql(f, "SELECT told_at > 0 FROM agent"), "1");
}

/* ---- a disk on which calls fail ---- */

static void assert_both_recorded(struct fixture *f) {
  assert_string_equal(
      fixture_sql(f, "SELECT id, state FROM commands ORDER BY id"),
      "1|waiting\n2|waiting");
  assert_string_equal(fixture_sql(f, "SELECT sum(created) FROM totals"), "2");
  assert_int_equal(fixture_count_log(f, "at the end"), 0);
  assert_int_equal(fixture_count_files(f, "corrupt"), 0);
}

/* That call of the recorder's thread fails. Returns whether it came to it. */
static bool records_without_call(int number, bool only_one) {
  void *state = NULL;
  failing_vfs_install();
  set_up(&state);
  assert_int_equal(recorder_start(t.recorder, wake_nobody, NULL), 0);
  failing_vfs_fail_call(number, only_one);
  fire(state);
  record();
  bool has_failed = failing_vfs_failed() > 0;
  failing_vfs_fail_call(0, false);
  fire_rule(state, SETPOINT);
  finish();
  assert_both_recorded(state);
  tear_down(&state);
  failing_vfs_remove();
  return has_failed;
}

static void
what_any_call_to_the_disk_has_kept_back_is_recorded_at_the_end(void **state) {
  int number = 1;
  (void)state;
  while (records_without_call(number, true) |
         records_without_call(number, false))
    number++;
  assert_true(number > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(
          what_any_call_to_the_disk_has_kept_back_is_recorded_at_the_end),
      SITUATION(what_has_no_memory_is_recorded_with_the_whole_state),
      SITUATION(what_has_no_memory_at_the_end_is_tried_again),
      SITUATION(what_is_not_recorded_at_the_end_is_told_without_the_rest),
      SITUATION(a_ledger_that_is_removed_before_the_end_gets_the_whole_state),
      SITUATION(orders_are_read_once),
      SITUATION(no_orders_are_read_before_what_came_of_the_last_is_committed),
      SITUATION(more_orders_than_are_read_at_once_are_all_read),
      SITUATION(without_memory_for_its_row_an_order_is_not_obeyed_again),
      SITUATION(what_came_of_an_order_outlasts_a_ledger_that_fails),
      SITUATION(orders_that_nobody_took_are_given_still),
      SITUATION(the_start_and_the_end_of_the_agent_are_told),
      SITUATION(a_clock_that_is_set_costs_one_row),
      SITUATION(a_clock_that_goes_a_little_wrong_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
