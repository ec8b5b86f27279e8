/* SPDX-License-Identifier: MIT
 *
 * What the worker counts of commands that never came to be. It has no thread
 * here, and sends nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/worker.h"
#include "cloud/http.h"

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
  t.cloud->url = strdup("http://127.0.0.1:1/cmds");
  t.cloud->credential.kind = CREDENTIAL_KEY_FILE;
  t.cloud->credential.text = strdup("/nowhere");
  directory_add_device(o->directory, "fan", &t.fan);
  t.fan->endpoint = t.cloud;
  strcpy(t.fan->device_id, "1");
  o->rules = rule_book_new(o->directory);
  t.rule = rule_book_add(o->rules, "heat", EVENT_NOTIFICATION);
  rule_policy(t.rule)->supersede = false;
}

static int set_up(void **state) {
  char why[128] = "";
  (void)state;
  memset(&t, 0, sizeof t);
  make_options();
  t.stats = stats_new(t.options.directory);
  t.outbox = outbox_new();
  t.worker = worker_new(&t.options, t.stats, t.outbox, true);
  assert_int_equal(worker_start(t.worker, why, sizeof why), 0);
  return 0;
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

static void put_failure(int64_t wall_event_ms) {
  struct firing *f = firing_new("rack1");
  f->policy = rule_policy(t.rule);
  f->device = t.fan;
  f->severity = SEVERITY_FAILURE;
  f->wall_event_ms = wall_event_ms;
  f->body = body_new("on", 2);
  worker_put(t.worker, f);
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

static void what_there_was_no_room_for_is_created_and_dropped(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++)
    put_failure(i + 1);
  assert_int_equal(worker_inbox_count(t.worker), 2);
  counts(5, 3);
  counts(5, 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(what_there_was_no_memory_for_is_created_and_dropped),
      TEST(what_there_was_no_room_for_is_created_and_dropped),
  };
  http_global_init();
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
