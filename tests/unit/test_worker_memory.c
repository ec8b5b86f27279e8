/* SPDX-License-Identifier: MIT
 *
 * The worker, from the event to the cloud and to the disk, while there is not
 * enough memory, be it ours or SQLite's. What it can not do is counted, the
 * balance holds, nothing is executed twice, and all goes on once there is
 * memory again.
 *
 * libcurl has memory here: 7.88 divides by zero where it has none.
 */
#include "basics.h"

#include "agent/clock.h"
#include "agent/worker.h"
#include "base/log.h"
#include "cloud/api.h"
#include "cloud/http.h"
#include "http_fixture.h"
#include "scarce_memory.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#undef TEST

#define DEVICES 3
#define EVENTS 300
#define PATIENCE_MS 60000

static struct {
  char directory_path[32];
  char ledger[64];
  struct options options;
  struct endpoint *cloud;
  struct device *devices[DEVICES];
  struct rule *rule;
  struct stats *stats;
  struct outbox *outbox;
  struct worker *worker;
} t;

/* ---- the cloud: it executes what it is sent, and says so ---- */

static struct {
  pthread_mutex_t mutex;
  int executed[2 * EVENTS]; /* how often, by the number in the body */
} cloud = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void execute(const char *request) {
  const char *body = strstr(request, "\r\n\r\n");
  int number = atoi(body + 4);
  assert_in_range(number, 0, 2 * EVENTS - 1);
  pthread_mutex_lock(&cloud.mutex);
  cloud.executed[number]++;
  pthread_mutex_unlock(&cloud.mutex);
}

static void accept_all(struct raw_connection *c, size_t number, void *context) {
  (void)number, (void)context;
  while (raw_read_request(c)) {
    execute(raw_request(c));
    if (!raw_send_ok(c, "{\"errno\":0,\"error\":\"succ\",\"data\":{"
                        "\"cmd_uuid\":\"81572aae-fc34\"}}"))
      return;
  }
}

static int executed(int at_least) {
  int count = 0;
  pthread_mutex_lock(&cloud.mutex);
  for (int i = 0; i < 2 * EVENTS; i++)
    count += cloud.executed[i] >= at_least;
  pthread_mutex_unlock(&cloud.mutex);
  return count;
}

/* ---- an agent ---- */

static void make_options(void) {
  struct options *o = &t.options;
  o->ledger_path = t.ledger;
  o->history_days = 30;
  o->history_max = 10000;
  o->queue_limit = 10000;
  o->queue_bytes = 1000000;
  o->series_max = 1000;
  o->directory = directory_new();
  directory_add_endpoint(o->directory, "cloud", &t.cloud);
  t.cloud->api = &cmds_api;
  t.cloud->url = strdup(url);
  *strchr(t.cloud->url, '?') = '\0';
  t.cloud->credential.kind = CREDENTIAL_KEY_FILE;
  t.cloud->credential.text = strdup("/dev/null");
  for (int i = 0; i < DEVICES; i++) {
    const char name[] = {(char)('a' + i), '\0'};
    directory_add_device(o->directory, name, &t.devices[i]);
    t.devices[i]->endpoint = t.cloud;
    assert_int_equal(device_set_id(t.devices[i], name), 0);
  }
  o->rules = rule_book_new(o->directory);
  t.rule = rule_book_add(o->rules, "heat", EVENT_NOTIFICATION);
  rule_policy(t.rule)->supersede = false;
  rule_policy(t.rule)->expire_s = 3600;
  rule_policy(t.rule)->repeat_s = 0;
}

/* The key file is in the directory, too. */
static void write_key(void) {
  char path[64];
  snprintf(path, sizeof path, "%s/key", t.directory_path);
  free(t.cloud->credential.text);
  t.cloud->credential.text = strdup(path);
  write_file(path, BYTES("Key0Of0The0Test=\n"));
  chmod(path, 0600);
}

static int set_up(void **state) {
  (void)state;
  memset(&t, 0, sizeof t);
  memset(cloud.executed, 0, sizeof cloud.executed);
  strcpy(t.directory_path, "/tmp/test_worker.XXXXXX");
  if (mkdtemp(t.directory_path) == NULL)
    return -1;
  snprintf(t.ledger, sizeof t.ledger, "%s/onenet.db", t.directory_path);
  start_server(accept_all, NULL);
  make_options();
  write_key();
  t.stats = stats_new(t.options.directory);
  t.outbox = outbox_new();
  return 0;
}

static void stop(void) {
  if (t.worker == NULL)
    return;
  assert_true(worker_stop(t.worker, clock_now().ms + PATIENCE_MS));
  worker_free(t.worker);
  t.worker = NULL;
}

static void remove_files(void) {
  static const char *const names[] = {"onenet.db", "onenet.db-wal",
                                      "onenet.db-shm", "onenet.db.lock", "key"};
  char path[64];
  for (size_t i = 0; i < COUNT(names); i++) {
    snprintf(path, sizeof path, "%s/%s", t.directory_path, names[i]);
    unlink(path);
  }
  assert_int_equal(rmdir(t.directory_path), 0);
}

static int tear_down(void **state) {
  (void)state;
  stop();
  stop_server();
  outbox_free(t.outbox);
  stats_free(t.stats);
  rule_book_free(t.options.rules);
  directory_free(t.options.directory);
  remove_files();
  return 0;
}

static int start(bool is_test) {
  char why[256] = "";
  t.worker = worker_new(&t.options, t.stats, t.outbox, is_test);
  if (t.worker == NULL)
    return -ENOMEM;
  int status = worker_start(t.worker, why, sizeof why);
  if (status < 0)
    assert_string_not_equal(why, "");
  return status;
}

static void fire(int number) {
  char body[16];
  int size = snprintf(body, sizeof body, "%d", number);
  struct device *d = t.devices[number % DEVICES];
  struct firing *f =
      firing_new("rack1", (struct firing_body){body, (size_t)size},
                 (struct firing_body){0});
  if (f == NULL) {
    worker_lose(t.worker, d);
    return;
  }
  f->policy = rule_policy(t.rule);
  f->device = d;
  f->severity = SEVERITY_FAILURE;
  f->arrived = clock_now();
  f->wall_event_ms = f->arrived.wall_ms;
  worker_put(t.worker, f);
}

static struct stats_commands counts(void) {
  struct stats_endpoint e;
  stats_read_endpoint(t.stats, t.cloud, &e);
  return e.commands;
}

static uint64_t ended(const struct stats_commands *c) {
  uint64_t count = 0;
  for (int i = 0; i < OUTCOME_COUNT; i++)
    count += c->by_outcome[i];
  return count;
}

static bool has_executed(int number) {
  pthread_mutex_lock(&cloud.mutex);
  bool has = cloud.executed[number] > 0;
  pthread_mutex_unlock(&cloud.mutex);
  return has;
}

/* Fires one more for each device, and waits until they were executed, and
 * nothing is pending. A state for which there was no memory may be asked for
 * again: then more were created than fired. */
static struct stats_commands await_last(void) {
  int64_t end_ms = clock_now().ms + PATIENCE_MS;
  struct stats_commands c;
  for (int i = 0; i < DEVICES; i++)
    fire(EVENTS + i);
  for (int i = 0; i < DEVICES; i++)
    while (!has_executed(EVENTS + i) && clock_now().ms < end_ms)
      usleep(5000);
  while ((c = counts(), c.pending > 0) && clock_now().ms < end_ms)
    usleep(5000);
  assert_int_equal(c.pending, 0);
  assert_int_equal(ended(&c), c.created);
  assert_true(c.created >= EVENTS + DEVICES);
  return c;
}

static int read_number(const char *sql) {
  sqlite3 *db = NULL;
  sqlite3_stmt *row = NULL;
  assert_int_equal(sqlite3_open(t.ledger, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(row), SQLITE_ROW);
  int number = sqlite3_column_int(row, 0);
  sqlite3_finalize(row);
  sqlite3_close(db);
  return number;
}

/* ---- the start ---- */

static void starts(void *context) {
  int status = start(*(const bool *)context);
  if (status < 0) {
    worker_free(t.worker);
    t.worker = NULL;
  }
  scarce_memory_end();
  if (scarce_memory_missed() == 0)
    assert_int_equal(status, 0);
  stop();
}

static void a_test_of_the_configuration_without_memory_says_so(void **state) {
  bool is_test = true;
  (void)state;
  scarce_memory_walk(NULL, starts, &is_test, 20);
}

static void a_start_without_memory_leaves_nothing_running(void **state) {
  bool is_test = false;
  (void)state;
  t.options.ledger_path = LEDGER_IN_MEMORY;
  scarce_memory_walk(NULL, starts, &is_test, 20);
}

/* ---- the run ---- */

static void happens_while_one_piece_is_missing_in(unsigned int one_in) {
  assert_int_equal(start(false), 0);
  scarce_memory_miss_by_chance(one_in, one_in);
  for (int i = 0; i < EVENTS; i++) {
    fire(i);
    usleep(1000);
  }
  scarce_memory_end();
  assert_true(scarce_memory_missed() > 0);
}

/* Whatever was executed is told as accepted, or as unknown; and nothing else
 * is. */
static void assert_as_executed(const struct stats_commands *c) {
  uint64_t accepted = c->by_outcome[OUTCOME_ACCEPTED];
  uint64_t unknown = c->by_outcome[OUTCOME_UNKNOWN];
  uint64_t dropped = c->by_outcome[OUTCOME_DROPPED];
  uint64_t done = (uint64_t)executed(1);
  assert_int_equal(executed(2), 0);
  assert_in_range(done, accepted, accepted + unknown);
  assert_int_equal(accepted + unknown + dropped, c->created);
  assert_true(accepted + unknown <= EVENTS + DEVICES);
  for (int i = 0; i < DEVICES; i++)
    assert_true(has_executed(EVENTS + i));
}

/* The balance of the ledger is whole; a row of the history for which there was
 * no memory is missing. */
static void assert_recorded(const struct stats_commands *c) {
  int accepted = (int)c->by_outcome[OUTCOME_ACCEPTED];
  int rows = read_number("SELECT count(*) FROM commands WHERE outcome = "
                         "'accepted'");
  assert_int_equal(read_number("SELECT sum(created) FROM totals"),
                   (int)c->created);
  assert_int_equal(
      read_number("SELECT count(*) FROM balance WHERE difference <> 0"), 0);
  assert_in_range(rows, accepted - scarce_memory_missed(), accepted);
}

static void survives(unsigned int one_in) {
  happens_while_one_piece_is_missing_in(one_in);
  struct stats_commands c = await_last();
  print_message("1 in %u: %ld pieces missed; %u accepted, %u unknown, %u"
                " dropped\n",
                one_in, scarce_memory_missed(),
                (unsigned)c.by_outcome[OUTCOME_ACCEPTED],
                (unsigned)c.by_outcome[OUTCOME_UNKNOWN],
                (unsigned)c.by_outcome[OUTCOME_DROPPED]);
  assert_as_executed(&c);
  stop();
  assert_recorded(&c);
}

static void one_piece_in_300_is_missing(void **state) {
  (void)state;
  survives(300);
}

static void one_piece_in_50_is_missing(void **state) {
  (void)state;
  survives(50);
}

static void one_piece_in_8_is_missing(void **state) {
  (void)state;
  survives(8);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_test_of_the_configuration_without_memory_says_so),
      TEST(a_start_without_memory_leaves_nothing_running),
      TEST(one_piece_in_300_is_missing),
      TEST(one_piece_in_50_is_missing),
      TEST(one_piece_in_8_is_missing),
  };
  fixture_isolate();
  scarce_memory_serve_sqlite();
  http_global_init();
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
