/* SPDX-License-Identifier: MIT
 *
 * What the sender makes of a key that changes while requests are under way, and
 * of attempts that wait for their record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/sender.h"
#include "cloud/api.h"
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_IN_FLIGHT 2 /* of which polls take one */

static struct {
  char key_file[32];
  struct options options;
  struct endpoint *cloud;
  struct device *fan;
  struct device *others[MAX_IN_FLIGHT];
  struct stats *stats;
  struct journal journal;
  struct lanes *lanes;
  struct tracker *tracker;
  struct sender *sender;
} t;

static const struct policy policy = {.rule = "heat",
                                     .content_type = "text/plain",
                                     .supersede = true,
                                     .track = true,
                                     .timeout_s = POLICY_DEFAULT,
                                     .expire_s = POLICY_DEFAULT,
                                     .repeat_s = POLICY_DEFAULT};

/* Writes another file and renames it, so that the change can be seen. */
static void write_key(const char *key) {
  char fresh[64];
  snprintf(fresh, sizeof fresh, "%s.fresh", t.key_file);
  FILE *file = fopen(fresh, "w");
  assert_non_null(file);
  fprintf(file, "%s\n", key);
  fclose(file);
  assert_int_equal(rename(fresh, t.key_file), 0);
}

/* The command is refused once the poll has come, which is never answered. */
static void refuse_after_the_poll(struct raw_connection *c, size_t number,
                                  void *context) {
  (void)number, (void)context;
  if (!raw_read_request(c))
    return;
  if (strncmp(raw_request(c), "POST", 4) == 0) {
    raw_await_requests(c, 2);
    raw_send(c, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
  }
  raw_hang(c);
}

static uint64_t no_jitter(void *context, uint64_t max_inclusive) {
  (void)context;
  return max_inclusive;
}

static struct device *add_device(const char *name) {
  struct device *d = NULL;
  directory_add_device(t.options.directory, name, &d);
  d->endpoint = t.cloud;
  assert_int_equal(device_set_id(d, name), 0);
  return d;
}

static int set_up(void **state) {
  (void)state;
  memset(&t, 0, sizeof t);
  strcpy(t.key_file, "/tmp/onenet-key-XXXXXX");
  close(mkstemp(t.key_file));
  start_server(refuse_after_the_poll, NULL);
  t.options.directory = directory_new();
  directory_add_endpoint(t.options.directory, "cloud", &t.cloud);
  t.cloud->max_in_flight = MAX_IN_FLIGHT;
  t.fan = add_device("fan");
  for (size_t i = 0; i < MAX_IN_FLIGHT; i++)
    t.others[i] = add_device((const char[]){(char)('a' + i), '\0'});
  t.cloud->url = strdup(url);
  t.cloud->api = &cmds_api;
  *strchr(t.cloud->url, '?') = '\0';
  t.cloud->credential.kind = CREDENTIAL_KEY_FILE;
  t.cloud->credential.text = strdup(t.key_file);
  journal_init(&t.journal);
  t.stats = stats_new(t.options.directory);
  t.lanes =
      lanes_new(&(const struct lanes_options){.directory = t.options.directory,
                                              .journal = &t.journal,
                                              .queue_limit = 10,
                                              .queue_bytes = 1000,
                                              .series_max = 10,
                                              .random = no_jitter});
  t.tracker = tracker_new(1, TRACKER_MAX, &t.journal);
  t.sender = sender_new(&t.options, t.stats, false);
  sender_serve(t.sender, t.lanes, t.tracker);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sender_free(t.sender);
  stop_server();
  journal_clear(&t.journal);
  lanes_free(t.lanes);
  tracker_free(t.tracker);
  stats_free(t.stats);
  directory_free(t.options.directory);
  unlink(t.key_file);
  return 0;
}

static void fire(const struct device *device, struct moment now) {
  enum ignored ignored;
  struct firing *f = firing_new("rack1", (struct firing_body){"on", 2},
                                (struct firing_body){0});
  f->policy = &policy;
  f->device = device;
  f->severity = SEVERITY_FAILURE;
  f->arrived = now;
  assert_int_equal(lanes_take(t.lanes, f, now, &ignored), 0);
}

static void track(struct moment now) {
  struct tracked *one = tracked_new("heat/fan");
  one->policy = &policy;
  one->device = t.fan;
  strcpy(one->cmd_uuid, "uuid");
  assert_int_equal(tracker_add(t.tracker, one, now), 0);
}

static void await_requests(size_t count) {
  for (int i = 0; raw_server_requests(server) < count; i++) {
    assert_in_range(i, 0, 1000);
    sender_wait(t.sender, 20);
  }
}

static void a_key_that_a_poll_has_read_is_used_at_once(void **state) {
  (void)state;
  struct moment now = {.ms = 100000, .wall_ms = 1700000000000};
  write_key("Old0Key0Of0The0Test=");
  fire(t.fan, now);
  sender_begin(t.sender, now);
  sender_send(t.sender, UINT64_MAX, now);
  await_requests(1);
  track(now);
  write_key("New0Key0Of0The0Test=");
  now.ms += 5000;
  now.wall_ms += 5000;
  sender_poll(t.sender, now);
  await_requests(2);
  now.ms++;
  for (int i = 0; !lanes_has_credentials_wait(t.lanes, t.cloud); i++) {
    assert_in_range(i, 0, 1000);
    sender_wait(t.sender, 20);
    sender_take(t.sender, now);
  }
  assert_int_equal(lanes_wait_ms(t.lanes, now), 0);
}

/* There is nothing to do before the commit: who asks when there is, and is told
 * at once, would ask again and again. */
static void
a_command_behind_those_that_wait_for_their_record_is_not_due(void **state) {
  (void)state;
  struct moment now = {.ms = 100000, .wall_ms = 1700000000000};
  for (size_t i = 0; i < MAX_IN_FLIGHT; i++)
    fire(t.others[i], now);
  sender_begin(t.sender, now);
  sender_note_batch(t.sender, 1);
  sender_send(t.sender, 0, now);
  assert_int_equal(sender_in_flight(t.sender), MAX_IN_FLIGHT);
  fire(t.fan, now);
  assert_int_equal(lanes_wait_ms(t.lanes, now), 0);
  sender_begin(t.sender, now);
  assert_int_equal(sender_in_flight(t.sender), MAX_IN_FLIGHT);
  assert_in_range(lanes_wait_ms(t.lanes, now), 1, COMMAND_NEVER_MS);
}

int main(void) {
#define SENDER_TEST(name)                                                      \
  cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      SENDER_TEST(a_key_that_a_poll_has_read_is_used_at_once),
      SENDER_TEST(a_command_behind_those_that_wait_for_their_record_is_not_due),
  };
  fixture_isolate();
  http_global_init();
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  http_global_cleanup();
  return failed;
}
