/* SPDX-License-Identifier: MIT */
#include "agent/bulletin.h"

#include "basics.h"
#include "ledger/ledger_entry.h"
#include "ledger/ledger_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  struct directory *directory;
  struct endpoint *cloud;
  struct device *fan;
  struct journal journal;
  struct lanes *lanes;
  struct stats *stats;
  struct bulletin *bulletin;
  struct moment now;
  struct policy policy;
  int fired;
} t;

static uint64_t no_jitter(void *context, uint64_t max_inclusive) {
  (void)context;
  return max_inclusive;
}

static void configure(void) {
  struct endpoint *backup;
  t.directory = directory_new();
  assert_int_equal(directory_add_endpoint(t.directory, "cloud", &t.cloud), 0);
  assert_int_equal(directory_add_endpoint(t.directory, "backup", &backup), 0);
  t.cloud->url = strdup("http://cloud/cmds");
  t.cloud->breaker_threshold = 1;
  backup->url = strdup("http://backup/cmds");
  assert_int_equal(directory_add_device(t.directory, "fan", &t.fan), 0);
  t.fan->endpoint = t.cloud;
  t.policy = (struct policy){.rule = "overheat",
                             .content_type = "text/plain",
                             .supersede = true,
                             .timeout_s = POLICY_DEFAULT,
                             .expire_s = POLICY_DEFAULT,
                             .repeat_s = POLICY_DEFAULT};
}

static int set_up(void **state) {
  (void)state;
  configure();
  journal_init(&t.journal);
  t.fired = 0;
  t.now = (struct moment){.ms = 900000, .wall_ms = INT64_C(1700000000000)};
  t.lanes = lanes_new(&(struct lanes_options){.directory = t.directory,
                                              .journal = &t.journal,
                                              .queue_limit = 10,
                                              .queue_bytes = 100000,
                                              .series_max = 10,
                                              .random = no_jitter});
  t.stats = stats_new(t.directory);
  const struct options options = {.directory = t.directory};
  t.bulletin = bulletin_new(&options, t.stats, t.now);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  journal_clear(&t.journal);
  bulletin_free(t.bulletin);
  stats_free(t.stats);
  lanes_free(t.lanes);
  directory_free(t.directory);
  return 0;
}

#define SITUATION(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void passes(int64_t ms) {
  t.now.ms += ms;
  t.now.wall_ms += ms;
}

/* One turn, in which what the journal has is told; the bulletin is put if it is
 * due. Returns whether it was. */
static bool is_put_in_a_turn(void) {
  struct ledger_batch batch;
  bulletin_note(t.bulletin, &t.journal, t.lanes, 7, t.now);
  bool is_due = bulletin_is_due(t.bulletin, t.now);
  ledger_batch_init(&batch);
  if (is_due)
    bulletin_add(t.bulletin, t.lanes, &batch, t.now);
  assert_int_equal(batch.count, is_due ? 3 : 0);
  ledger_batch_free(&batch);
  journal_clear(&t.journal);
  return is_due;
}

static void fire(void) {
  enum ignored ignored;
  struct firing *f =
      firing_new("host/sensors/temperature", (struct firing_body){"on", 2},
                 (struct firing_body){0});
  f->policy = &t.policy;
  f->device = t.fan;
  f->severity = SEVERITY_FAILURE;
  f->arrived = t.now;
  f->wall_event_ms = t.now.wall_ms + t.fired++;
  assert_int_equal(lanes_take(t.lanes, f, t.now, &ignored), 0);
  assert_int_equal(ignored, IGNORED_NOT);
}

static void attempt_fails(void) {
  struct command *c = lanes_begin(t.lanes, t.now);
  assert_non_null(c);
  const struct verdict v = {.class = VERDICT_DOUBTFUL,
                            .cause = "http_500",
                            .http_code = 500,
                            .error = "broken"};
  lanes_end(t.lanes, c, &v, t.now);
}

/* Writes "KEY CIRCUIT IN_FLIGHT WAITING LAST_ERROR" of the row about the cloud,
 * as it would be put now. */
static void read_cloud(char *ret_text, size_t bytes) {
  struct ledger_batch batch;
  struct ledger_row row;
  ledger_batch_init(&batch);
  bulletin_add(t.bulletin, t.lanes, &batch, t.now);
  ledger_entry_row(batch.first->next, &row);
  assert_int_equal(row.table, LEDGER_TABLE_ENDPOINTS);
  snprintf(ret_text, bytes, "%s %s %lld %lld %s",
           ledger_row_text(&row, endpoints_endpoint),
           ledger_row_text(&row, endpoints_circuit),
           (long long)ledger_row_integer(&row, endpoints_in_flight),
           (long long)ledger_row_integer(&row, endpoints_waiting),
           ledger_row_text(&row, endpoints_last_error));
  ledger_batch_free(&batch);
}

static void a_start_is_told_and_then_silence_is_kept(void **state) {
  (void)state;
  assert_true(is_put_in_a_turn());
  for (int i = 0; i < 10; i++) {
    passes(1000);
    assert_false(is_put_in_a_turn());
  }
}

static void
while_there_is_something_to_do_it_is_put_once_a_second(void **state) {
  (void)state;
  int count = 0;
  for (int i = 0; i < 50; i++) { /* 5 s */
    fire();
    count += is_put_in_a_turn();
    passes(100);
  }
  assert_int_equal(count, 5);
}

static void what_came_last_is_told_once_it_is_quiet(void **state) {
  (void)state;
  assert_true(is_put_in_a_turn());
  passes(200);
  fire();
  assert_false(is_put_in_a_turn());
  passes(799);
  assert_false(is_put_in_a_turn());
  passes(1);
  assert_true(is_put_in_a_turn());
  passes(5000);
  assert_false(is_put_in_a_turn());
}

static void a_circuit_that_opens_or_closes_is_told_at_once(void **state) {
  char cloud[200];
  (void)state;
  fire();
  assert_true(is_put_in_a_turn());
  passes(10);
  attempt_fails();
  assert_true(is_put_in_a_turn());
  read_cloud(cloud, sizeof cloud);
  assert_string_equal(cloud, "cloud open 0 0 HTTP status 500");
  passes(5000);
  fire();
  struct command *c = lanes_begin(t.lanes, t.now);
  assert_non_null(c);
  is_put_in_a_turn();
  passes(10);
  lanes_end(t.lanes, c, &(const struct verdict){.class = VERDICT_ACCEPTED},
            t.now);
  assert_true(is_put_in_a_turn());
  read_cloud(cloud, sizeof cloud);
  /* It is the last error, though it works again. */
  assert_string_equal(cloud, "cloud closed 0 0 HTTP status 500");
}

static void what_waits_and_what_is_in_flight_is_told(void **state) {
  char cloud[200];
  (void)state;
  fire();
  is_put_in_a_turn();
  read_cloud(cloud, sizeof cloud);
  assert_string_equal(cloud, "cloud closed 0 1 ");
  assert_non_null(lanes_begin(t.lanes, t.now));
  fire();
  is_put_in_a_turn();
  read_cloud(cloud, sizeof cloud);
  assert_string_equal(cloud, "cloud closed 1 1 ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_start_is_told_and_then_silence_is_kept),
      SITUATION(while_there_is_something_to_do_it_is_put_once_a_second),
      SITUATION(what_came_last_is_told_once_it_is_quiet),
      SITUATION(a_circuit_that_opens_or_closes_is_told_at_once),
      SITUATION(what_waits_and_what_is_in_flight_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
