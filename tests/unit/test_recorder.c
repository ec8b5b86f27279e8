/* SPDX-License-Identifier: MIT
 *
 * What the recorder does where it can not record what has changed.
 */
#include "agent/recorder.h"

#include "agent/clock.h"
#include "basics.h"
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

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(what_has_no_memory_is_recorded_with_the_whole_state),
      SITUATION(what_has_no_memory_at_the_end_is_tried_again),
      SITUATION(what_is_not_recorded_at_the_end_is_told_without_the_rest),
      SITUATION(a_ledger_that_is_removed_before_the_end_gets_the_whole_state),
      SITUATION(a_clock_that_is_set_costs_one_row),
      SITUATION(a_clock_that_goes_a_little_wrong_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
