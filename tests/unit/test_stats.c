/* SPDX-License-Identifier: MIT */

#include "agent/stats.h"

#include "basics.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct {
  struct directory *directory;
  struct device *fan;
  struct device *lamp;
  struct device *pump; /* at another endpoint */
  struct endpoint *cloud;
  struct endpoint *backup;
  struct stats *stats;
} t;

/* The accounts of the devices, by their index. */
static struct account accounts[3];

static void create(const struct device *d, uint64_t count) {
  accounts[d->index].device = d;
  accounts[d->index].created += count;
  accounts[d->index].pending += count;
  stats_publish(t.stats, &accounts[d->index]);
}

static void end(const struct device *d, enum outcome outcome, uint64_t count) {
  accounts[d->index].by_outcome[outcome] += count;
  accounts[d->index].pending -= count;
  stats_publish(t.stats, &accounts[d->index]);
}

static int set_up(void **state) {
  (void)state;
  t.directory = directory_new();
  directory_add_endpoint(t.directory, "cloud", &t.cloud);
  directory_add_endpoint(t.directory, "backup", &t.backup);
  directory_add_device(t.directory, "fan", &t.fan);
  directory_add_device(t.directory, "lamp", &t.lamp);
  directory_add_device(t.directory, "pump", &t.pump);
  t.fan->endpoint = t.lamp->endpoint = t.cloud;
  t.pump->endpoint = t.backup;
  memset(accounts, 0, sizeof accounts);
  t.stats = stats_new(t.directory);
  return t.stats != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  stats_free(t.stats);
  directory_free(t.directory);
  return 0;
}

static void a_device_that_was_active_is_returned_once(void **state) {
  (void)state;
  assert_null(stats_take_active(t.stats));
  stats_count_ignored(t.stats, t.fan, IGNORED_LATE);
  create(t.fan, 1);
  stats_count_ignored(t.stats, NULL, IGNORED_NO_DEVICE);
  assert_ptr_equal(stats_take_active(t.stats), t.fan);
  assert_null(stats_take_active(t.stats));
  end(t.fan, OUTCOME_ACCEPTED, 1);
  assert_ptr_equal(stats_take_active(t.stats), t.fan);
  assert_null(stats_take_active(t.stats));
}

static void devices_are_returned_in_the_order_of_their_activity(void **state) {
  (void)state;
  stats_count_failure(t.stats, t.lamp, "errno_10");
  create(t.fan, 1);
  stats_count_failure(t.stats, t.lamp, "errno_10");
  assert_ptr_equal(stats_take_active(t.stats), t.lamp);
  create(t.lamp, 1);
  create(t.fan, 1);
  assert_ptr_equal(stats_take_active(t.stats), t.fan);
  assert_ptr_equal(stats_take_active(t.stats), t.lamp);
  assert_null(stats_take_active(t.stats));
}

static void *ignore_events(void *device) {
  for (int i = 0; i < 20000; i++)
    stats_count_ignored(t.stats, i % 2 == 0 ? device : t.fan, IGNORED_LATE);
  return NULL;
}

static void activity_of_many_threads_is_not_lost(void **state) {
  (void)state;
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, ignore_events, t.lamp);
  pthread_create(&threads[1], NULL, ignore_events, t.pump);
  for (int i = 0; i < 1000; i++)
    stats_take_active(t.stats);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  while (stats_take_active(t.stats) != NULL) {
  }
  assert_int_equal(stats_ignored(t.stats, t.fan, IGNORED_LATE), 20000);
  assert_int_equal(stats_ignored(t.stats, t.lamp, IGNORED_LATE), 10000);
  stats_count_ignored(t.stats, t.pump, IGNORED_LATE);
  assert_ptr_equal(stats_take_active(t.stats), t.pump);
  assert_null(stats_take_active(t.stats));
}

static void what_is_created_and_not_finished_is_pending(void **state) {
  (void)state;
  struct stats_commands counts;
  create(t.fan, 5);
  end(t.fan, OUTCOME_ACCEPTED, 2);
  end(t.fan, OUTCOME_DROPPED, 1);
  stats_read_device(t.stats, t.fan, &counts);
  assert_int_equal(counts.created, 5);
  assert_int_equal(counts.by_outcome[OUTCOME_ACCEPTED], 2);
  assert_int_equal(counts.by_outcome[OUTCOME_DROPPED], 1);
  assert_int_equal(counts.pending, 2);
}

static void an_endpoint_has_the_totals_of_its_devices(void **state) {
  (void)state;
  struct stats_endpoint counts;
  create(t.fan, 5);
  create(t.lamp, 3);
  create(t.pump, 100);
  end(t.fan, OUTCOME_ACCEPTED, 4);
  end(t.lamp, OUTCOME_ACCEPTED, 1);
  end(t.lamp, OUTCOME_REFUSED, 1);
  stats_read_endpoint(t.stats, t.cloud, &counts);
  assert_int_equal(counts.commands.created, 8);
  assert_int_equal(counts.commands.by_outcome[OUTCOME_ACCEPTED], 5);
  assert_int_equal(counts.commands.by_outcome[OUTCOME_REFUSED], 1);
  assert_int_equal(counts.commands.pending, 2);
  stats_read_endpoint(t.stats, t.backup, &counts);
  assert_int_equal(counts.commands.created, 100);
  assert_int_equal(counts.commands.pending, 100);
}

static void counters_begin_after_what_was_recorded(void **state) {
  (void)state;
  struct stats_commands counts;
  struct stats_endpoint totals;
  struct account *a = &accounts[t.fan->index];
  *a = (struct account){.device = t.fan, .created = 12, .pending = 2};
  a->by_outcome[OUTCOME_ACCEPTED] = 7;
  a->by_outcome[OUTCOME_REFUSED] = 3;
  assert_int_equal(stats_begin_after(t.stats, t.fan, a), 0);
  end(t.fan, OUTCOME_REFUSED, 1);
  stats_read_device(t.stats, t.fan, &counts);
  assert_int_equal(counts.created, 2);
  assert_int_equal(counts.by_outcome[OUTCOME_ACCEPTED], 0);
  assert_int_equal(counts.by_outcome[OUTCOME_REFUSED], 1);
  assert_int_equal(counts.pending, 1);
  stats_read_endpoint(t.stats, t.cloud, &totals);
  assert_int_equal(totals.commands.created, 2);
}

/* Their rows were removed from the ledger by hand. */
static void commands_that_were_not_restored_are_not_pending(void **state) {
  (void)state;
  struct stats_commands counts;
  struct account *a = &accounts[t.fan->index];
  *a = (struct account){.device = t.fan, .created = 12};
  a->by_outcome[OUTCOME_ACCEPTED] = 7;
  assert_int_equal(stats_begin_after(t.stats, t.fan, a), 0);
  create(t.fan, 1);
  end(t.fan, OUTCOME_ACCEPTED, 1);
  stats_read_device(t.stats, t.fan, &counts);
  assert_int_equal(counts.created, 1);
  assert_int_equal(counts.by_outcome[OUTCOME_ACCEPTED], 1);
  assert_int_equal(counts.pending, 0);
}

/* The row of its totals was removed. */
static void
what_was_restored_without_an_account_counts_as_created(void **state) {
  (void)state;
  struct stats_commands counts;
  accounts[t.fan->index] = (struct account){.device = t.fan, .pending = 1};
  end(t.fan, OUTCOME_ACCEPTED, 1);
  stats_read_device(t.stats, t.fan, &counts);
  assert_int_equal(counts.created, 1);
  assert_int_equal(counts.pending, 0);
}

static void what_is_published_twice_counts_once(void **state) {
  (void)state;
  struct stats_endpoint totals;
  create(t.fan, 3);
  stats_publish(t.stats, &accounts[t.fan->index]);
  stats_read_endpoint(t.stats, t.cloud, &totals);
  assert_int_equal(totals.commands.created, 3);
  stats_take_active(t.stats);
  stats_publish(t.stats, &accounts[t.fan->index]);
  assert_null(stats_take_active(t.stats));
}

static atomic_bool stop_counting;

static void *count_commands(void *unused) {
  while (!atomic_load(&stop_counting)) {
    create(t.fan, 1);
    end(t.fan, OUTCOME_ACCEPTED, 1);
  }
  return unused;
}

static void a_reader_never_sees_more_outcomes_than_commands(void **state) {
  (void)state;
  pthread_t thread;
  struct stats_commands counts;
  struct stats_endpoint totals;
  atomic_store(&stop_counting, false);
  pthread_create(&thread, NULL, count_commands, NULL);
  for (int i = 0; i < 100000; i++) {
    stats_read_device(t.stats, t.fan, &counts);
    stats_read_endpoint(t.stats, t.cloud, &totals);
    if (counts.pending > 1 || totals.commands.pending > 1)
      break;
  }
  atomic_store(&stop_counting, true);
  pthread_join(thread, NULL);
  assert_in_range(counts.pending, 0, 1);
  assert_in_range(totals.commands.pending, 0, 1);
}

static void latencies_of_an_interval_are_told_once(void **state) {
  (void)state;
  struct stats_latency latency;
  assert_false(stats_take_latency(t.stats, t.fan, &latency));
  assert_true(isnan(latency.average_s));
  for (int i = 1; i <= 1000; i++)
    stats_count_latency(t.stats, t.fan, i);
  stats_take_latency(t.stats, t.fan, &latency);
  assert_true(fabs(latency.average_s - 0.5005) < 1e-9);
  assert_true(fabs(latency.upper_s - 1.0) < 1e-9);
  assert_true(latency.percentile_99_s >= 0.990);
  assert_true(latency.percentile_99_s <= 1.0);
  assert_true(stats_take_latency(t.stats, t.fan, &latency));
  assert_true(isnan(latency.average_s));
  assert_true(isnan(latency.upper_s));
  assert_true(isnan(latency.percentile_99_s));
}

static void a_percentile_is_at_most_a_bucket_too_high(void **state) {
  (void)state;
  struct stats_latency latency;
  for (int i = 0; i < 990; i++)
    stats_count_latency(t.stats, t.fan, 100);
  for (int i = 0; i < 10; i++)
    stats_count_latency(t.stats, t.fan, 5000);
  stats_take_latency(t.stats, t.fan, &latency);
  assert_true(latency.percentile_99_s >= 0.100);
  assert_true(latency.percentile_99_s <= 0.110);
}

static void few_latencies_are_as_exact_as_many(void **state) {
  (void)state;
  struct stats_latency latency;
  for (int count = 1; count <= 12; count++) {
    for (int i = 1; i <= count; i++)
      stats_count_latency(t.stats, t.fan, 1000 * i);
    stats_take_latency(t.stats, t.fan, &latency);
    assert_true(fabs(latency.average_s - (count + 1) / 2.0) < 1e-9);
    assert_true(fabs(latency.upper_s - count) < 1e-9);
    assert_true(fabs(latency.percentile_99_s - count) < 1e-9);
  }
}

static void
the_first_latencies_of_an_interval_are_in_its_percentile(void **state) {
  (void)state;
  struct stats_latency latency;
  for (int i = 0; i < 5; i++)
    stats_count_latency(t.stats, t.fan, 5000);
  for (int i = 0; i < 200; i++)
    stats_count_latency(t.stats, t.fan, 100);
  stats_take_latency(t.stats, t.fan, &latency);
  assert_true(fabs(latency.percentile_99_s - 5) < 1e-9);
}

static void latencies_that_nobody_reads_are_dropped(void **state) {
  (void)state;
  struct stats_latency latency;
  struct stats_tracked tracked;
  stats_note_tracked(t.stats, t.fan);
  for (int i = 0; i < 20; i++)
    stats_count_latency(t.stats, t.fan, 5000);
  stats_count_answer_latency(t.stats, t.fan, 5000);
  stats_drop_latencies(t.stats, t.fan);
  stats_drop_latencies(t.stats, t.lamp);
  assert_true(stats_take_latency(t.stats, t.fan, &latency));
  assert_true(isnan(latency.average_s));
  stats_take_tracked(t.stats, t.fan, &tracked);
  assert_true(isnan(tracked.latency.average_s));
  stats_count_latency(t.stats, t.fan, 1000);
  stats_take_latency(t.stats, t.fan, &latency);
  assert_true(fabs(latency.average_s - 1) < 1e-9);
}

struct visited {
  size_t count;
  uint64_t sum;
  uint64_t other;
};

static void visit(void *context, const char *name, uint64_t count) {
  struct visited *v = context;
  v->count++;
  v->sum += count;
  if (strcmp(name, STATS_CAUSE_OTHER) == 0)
    v->other = count;
}

static void causes_beyond_32_are_counted_as_other(void **state) {
  (void)state;
  struct visited v = {0};
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < STATS_MAX_CAUSES + 3; i++) {
      char cause[VERDICT_CAUSE_BYTES];
      snprintf(cause, sizeof cause, "errno_%d", i);
      stats_count_failure(t.stats, t.fan, cause);
    }
  }
  stats_count_failure(t.stats, t.fan, "");
  stats_each_cause(t.stats, t.fan, visit, &v);
  assert_int_equal(v.count, STATS_MAX_CAUSES + 1);
  assert_int_equal(v.other, 6);
  assert_int_equal(v.sum, 2 * (STATS_MAX_CAUSES + 3));
}

static void requests_and_codes_of_an_endpoint_are_counted(void **state) {
  (void)state;
  struct stats_endpoint counts;
  struct visited v = {0};
  stats_count_request(t.stats, t.cloud);
  stats_count_request(t.stats, t.cloud);
  stats_count_http_code(t.stats, t.cloud, 200);
  stats_count_http_code(t.stats, t.cloud, 0);
  stats_set_endpoint(t.stats, t.cloud, 3, true);
  stats_read_endpoint(t.stats, t.cloud, &counts);
  stats_each_http_code(t.stats, t.cloud, visit, &v);
  assert_int_equal(counts.requests, 2);
  assert_int_equal(counts.connections, 3);
  assert_true(counts.circuit_open);
  assert_int_equal(v.count, 1);
  assert_int_equal(v.sum, 1);
}

static void tracked_commands_are_counted_by_their_ends(void **state) {
  (void)state;
  struct stats_tracked counts;
  assert_false(stats_take_tracked(t.stats, t.fan, &counts));
  stats_note_tracked(t.stats, t.fan);
  assert_true(stats_take_tracked(t.stats, t.fan, &counts));
  assert_int_equal(counts.delivered + counts.undelivered, 0);
  assert_true(isnan(counts.latency.average_s));
  stats_note_tracked(t.stats, t.fan);
  for (int i = 0; i < 3; i++)
    stats_count_end(t.stats, t.fan, TRACKED_END_ANSWERED);
  for (int i = 0; i < 2; i++)
    stats_count_end(t.stats, t.fan, TRACKED_END_UNANSWERED);
  stats_count_end(t.stats, t.fan, TRACKED_END_UNDELIVERED);
  stats_count_end(t.stats, t.fan, TRACKED_END_NOT_KNOWN);
  stats_count_answer_latency(t.stats, t.fan, 1500);
  assert_true(stats_take_tracked(t.stats, t.fan, &counts));
  assert_int_equal(counts.answered, 3);
  assert_int_equal(counts.unanswered, 2);
  assert_int_equal(counts.delivered, 5);
  assert_int_equal(counts.undelivered, 1);
  assert_int_equal(counts.not_known, 1);
  assert_true(fabs(counts.latency.average_s - 1.5) < 1e-9);
  assert_true(stats_take_tracked(t.stats, t.fan, &counts));
  assert_true(isnan(counts.latency.average_s));
}

static void events_of_no_known_device_are_the_agents(void **state) {
  (void)state;
  struct stats_agent agent;
  stats_count_ignored(t.stats, NULL, IGNORED_NO_DEVICE);
  stats_count_unreported(t.stats, 7);
  stats_count_ledger_error(t.stats);
  stats_set_agent(t.stats, 4, 8192);
  stats_set_series(t.stats, 12, 3);
  stats_read_agent(t.stats, &agent);
  assert_int_equal(stats_ignored(t.stats, NULL, IGNORED_NO_DEVICE), 1);
  assert_int_equal(stats_ignored(t.stats, t.fan, IGNORED_NO_DEVICE), 0);
  assert_int_equal(agent.unreported, 7);
  assert_int_equal(agent.ledger_errors, 1);
  assert_int_equal(agent.records_pending, 4);
  assert_int_equal(agent.ledger_bytes, 8192);
  assert_int_equal(agent.series, 12);
  assert_int_equal(agent.series_forgotten, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_device_that_was_active_is_returned_once),
      TEST(devices_are_returned_in_the_order_of_their_activity),
      TEST(activity_of_many_threads_is_not_lost),
      TEST(an_endpoint_has_the_totals_of_its_devices),
      TEST(few_latencies_are_as_exact_as_many),
      TEST(the_first_latencies_of_an_interval_are_in_its_percentile),
      TEST(latencies_that_nobody_reads_are_dropped),
      TEST(what_is_created_and_not_finished_is_pending),
      TEST(counters_begin_after_what_was_recorded),
      TEST(commands_that_were_not_restored_are_not_pending),
      TEST(what_was_restored_without_an_account_counts_as_created),
      TEST(what_is_published_twice_counts_once),
      TEST(a_reader_never_sees_more_outcomes_than_commands),
      TEST(latencies_of_an_interval_are_told_once),
      TEST(a_percentile_is_at_most_a_bucket_too_high),
      TEST(causes_beyond_32_are_counted_as_other),
      TEST(requests_and_codes_of_an_endpoint_are_counted),
      TEST(tracked_commands_are_counted_by_their_ends),
      TEST(events_of_no_known_device_are_the_agents),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
