/* SPDX-License-Identifier: MIT
 *
 * What the worker counts of commands that never came to be, and what it tells
 * the inbox. It sends nothing here, and has a thread in one situation only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/clock.h"
#include "agent/worker.h"
#include "base/log.h"
#include "cloud/api.h"
#include "cloud/http.h"
#include "scarce_memory.h"

#include <string.h>

static struct {
  struct options options;
  struct endpoint *cloud;
  struct device *fan;
  struct rule *rule;
  struct stats *stats;
  struct outbox *outbox;
  struct worker *worker;
} t;

static void make_options(void) {
  struct options *o = &t.options;
  o->ledger_path = ":memory:";
  o->queue_limit = 2;
  o->queue_bytes = 1000;
  o->series_max = 10;
  o->directory = directory_new();
  directory_add_endpoint(o->directory, "cloud", &t.cloud);
  t.cloud->api = &cmds_api;
  t.cloud->url = strdup("http://127.0.0.1:1/cmds");
  t.cloud->credential.kind = CREDENTIAL_KEY_FILE;
  t.cloud->credential.text = strdup("/nowhere");
  directory_add_device(o->directory, "fan", &t.fan);
  t.fan->endpoint = t.cloud;
  assert_int_equal(device_set_id(t.fan, "1"), 0);
  o->rules = rule_book_new(o->directory);
  t.rule = rule_book_add(o->rules, "heat", EVENT_NOTIFICATION);
  rule_policy(t.rule)->supersede = false;
}

static int start(bool is_test) {
  char why[128] = "";
  memset(&t, 0, sizeof t);
  make_options();
  t.stats = stats_new(t.options.directory);
  t.outbox = outbox_new();
  t.worker = worker_new(&t.options, t.stats, t.outbox, is_test);
  return worker_start(t.worker, why, sizeof why);
}

static int set_up(void **state) {
  (void)state;
  return start(true);
}

static int set_up_with_thread(void **state) {
  (void)state;
  return start(false);
}

static int tear_down(void **state) {
  (void)state;
  worker_stop(t.worker, 0);
  worker_free(t.worker);
  outbox_free(t.outbox);
  stats_free(t.stats);
  rule_book_free(t.options.rules);
  directory_free(t.options.directory);
  return 0;
}

static struct firing *failure_of(const char *series, int64_t wall_event_ms) {
  struct firing *f = firing_new(series, (struct firing_body){"on", 2},
                                (struct firing_body){0});
  f->policy = rule_policy(t.rule);
  f->device = t.fan;
  f->severity = SEVERITY_FAILURE;
  f->arrived = clock_now();
  f->wall_event_ms = wall_event_ms;
  return f;
}

static void put_failure_of(const char *series, int64_t wall_event_ms) {
  worker_put(t.worker, failure_of(series, wall_event_ms));
}

static void put_failure(int64_t wall_event_ms) {
  put_failure_of("rack1", wall_event_ms);
}

static void counts(uint64_t created, uint64_t dropped) {
  struct stats_commands commands;
  worker_rehearse(t.worker);
  stats_read_device(t.stats, t.fan, &commands);
  assert_int_equal(commands.created, created);
  assert_int_equal(commands.by_outcome[OUTCOME_DROPPED], dropped);
  assert_int_equal(commands.pending, 0);
}

static void what_there_was_no_memory_for_is_created_and_dropped(void **state) {
  (void)state;
  worker_lose(t.worker, t.fan);
  worker_lose(t.worker, t.fan);
  worker_lose(t.worker, t.fan);
  counts(3, 3);
  counts(3, 3);
}

static void what_there_is_no_memory_for_now_is_taken_later(void **state) {
  (void)state;
  put_failure(1);
  put_failure(2);
  scarce_memory_begin(0);
  worker_rehearse(t.worker);
  scarce_memory_end();
  assert_int_equal(worker_inbox_count(t.worker), 0);
  counts(2, 0);
}

static void what_there_is_no_memory_for_until_the_end_is_dropped(void **state) {
  struct firing *f = failure_of("rack1", 1), *g = failure_of("rack1", 2);
  struct stats_commands commands;
  (void)state;
  scarce_memory_begin(0);
  worker_put(t.worker, f);
  worker_put(t.worker, g);
  worker_stop(t.worker, clock_now().ms + 20000);
  scarce_memory_end();
  stats_read_device(t.stats, t.fan, &commands);
  assert_int_equal(commands.created, 2);
  assert_int_equal(commands.by_outcome[OUTCOME_DROPPED], 2);
}

static void what_there_was_no_room_for_is_created_and_dropped(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++)
    put_failure(i + 1);
  assert_int_equal(worker_inbox_count(t.worker), 2);
  counts(5, 3);
  counts(5, 3);
}

/* Each state has room as long as states alone are within the limits. */
static void
of_more_states_than_there_is_room_for_the_rest_is_dropped(void **s) {
  static const char *const series[] = {"rack1", "rack2", "rack3", "rack4"};
  (void)s;
  rule_policy(t.rule)->supersede = true;
  for (int i = 0; i < 4; i++)
    put_failure_of(series[i], i + 1);
  assert_int_equal(worker_inbox_count(t.worker), 2);
  worker_rehearse(t.worker);
  struct stats_commands commands;
  stats_read_device(t.stats, t.fan, &commands);
  assert_int_equal(commands.created, 4);
  assert_int_equal(commands.by_outcome[OUTCOME_DROPPED], 2);
}

static void what_has_ended_leaves_its_room_to_others(void **state) {
  (void)state;
  for (int i = 0; i < 10; i++) {
    put_failure(i + 1);
    worker_rehearse(t.worker);
  }
  counts(10, 0);
}

/* The lanes would drop it as well, but only once it was taken. */
static void what_waits_leaves_no_room_in_the_inbox(void **state) {
  struct stats_commands commands;
  (void)state;
  rule_policy(t.rule)->cooldown_s = 3600;
  rule_policy(t.rule)->repeat_s = 0;
  put_failure(1);
  worker_rehearse(t.worker);
  for (int i = 2; i < 5; i++)
    put_failure(i);
  worker_rehearse(t.worker);
  stats_read_device(t.stats, t.fan, &commands);
  assert_int_equal(commands.pending, 2);
  put_failure(6);
  assert_int_equal(worker_inbox_count(t.worker), 0);
}

static char last_line[256];

static void keep_line(enum log_level level, const char *line) {
  (void)level;
  snprintf(last_line, sizeof last_line, "%s", line);
}

static void what_comes_after_the_end_is_told_and_ignored(void **state) {
  (void)state;
  assert_true(worker_stop(t.worker, clock_now().ms + 20000));
  log_install(keep_line, NULL);
  put_failure(1);
  log_install(NULL, NULL);
  assert_non_null(strstr(last_line, "came after the end: it is ignored"));
  assert_int_equal(worker_inbox_count(t.worker), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(what_there_was_no_memory_for_is_created_and_dropped),
      TEST(what_there_is_no_memory_for_now_is_taken_later),
      cmocka_unit_test_setup_teardown(
          what_there_is_no_memory_for_until_the_end_is_dropped,
          set_up_with_thread, tear_down),
      TEST(what_there_was_no_room_for_is_created_and_dropped),
      TEST(of_more_states_than_there_is_room_for_the_rest_is_dropped),
      TEST(what_has_ended_leaves_its_room_to_others),
      TEST(what_waits_leaves_no_room_in_the_inbox),
      cmocka_unit_test_setup_teardown(
          what_comes_after_the_end_is_told_and_ignored, set_up_with_thread,
          tear_down),
  };
  http_global_init();
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
