/* SPDX-License-Identifier: MIT
 *
 * What the teller says of changes whose order within a turn matters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/teller.h"
#include "base/log.h"
#include "cloud/api.h"

#include <stdlib.h>
#include <string.h>

static struct {
  struct options options;
  struct endpoint *cloud;
  struct device *fan;
  struct stats *stats;
  struct outbox *outbox;
  struct teller *teller;
  struct journal journal;
  int refusals;   /* lines of the log */
  int taken_back; /* the same */
} t;

static const struct policy policy = {.rule = "heat", .content_type = "x/y"};

static void count_line(enum log_level level, const char *line) {
  (void)level;
  t.refusals += strstr(line, "the credentials were refused") != NULL;
  t.taken_back += strstr(line, "command 7: rule \"heat\", device \"fan\": "
                               "taken back after 0 s (Until)") != NULL;
}

static int set_up(void **state) {
  (void)state;
  memset(&t, 0, sizeof t);
  t.options.directory = directory_new();
  directory_add_endpoint(t.options.directory, "cloud", &t.cloud);
  directory_add_device(t.options.directory, "fan", &t.fan);
  t.fan->endpoint = t.cloud;
  t.cloud->api = &cmds_api;
  t.cloud->credential.kind = CREDENTIAL_KEY_FILE;
  t.cloud->credential.text = strdup("/key");
  t.stats = stats_new(t.options.directory);
  t.outbox = outbox_new();
  t.teller = teller_new(&t.options, t.stats, t.outbox, false);
  journal_init(&t.journal);
  log_install(count_line, NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  log_install(NULL, NULL);
  teller_free(t.teller);
  outbox_free(t.outbox);
  stats_free(t.stats);
  directory_free(t.options.directory);
  return 0;
}

static void tell(struct command *c) {
  journal_note(&t.journal, &c->change);
  teller_tell_changes(t.teller, &t.journal, (struct moment){.ms = 3000});
  journal_clear(&t.journal);
}

/* An attempt has ended, and the command waits for the next one. */
static void tell_failure(struct command *c) {
  c->attempts++;
  c->has_ended_attempt = true;
  tell(c);
}

static void a_key_that_is_refused_is_told_once(void **state) {
  (void)state;
  struct attempt attempt = {
      .verdict = {.class = VERDICT_CREDENTIALS, .http_code = 401}};
  struct command c = {.policy = &policy, .device = t.fan, .attempt = &attempt};
  tell_failure(&c);
  tell_failure(&c);
  assert_int_equal(t.refusals, 1);
  teller_forget_credentials(t.teller, t.cloud);
  teller_tell_changes(t.teller, &t.journal, (struct moment){.ms = 1000});
  tell_failure(&c);
  assert_int_equal(t.refusals, 2);
}

/* The file was found changed in the turn in which the old key was refused. */
static void
a_refusal_of_the_old_key_does_not_hide_that_of_the_new(void **state) {
  (void)state;
  struct attempt attempt = {
      .verdict = {.class = VERDICT_CREDENTIALS, .http_code = 401}};
  struct command c = {.policy = &policy, .device = t.fan, .attempt = &attempt};
  teller_forget_credentials(t.teller, t.cloud);
  tell_failure(&c);
  assert_int_equal(t.refusals, 1);
  tell_failure(&c);
  assert_int_equal(t.refusals, 2);
}

/* Tells that the command has ended after 2 s, with the device's reply. */
static struct news tell_end(const struct api *api, enum outcome outcome) {
  struct attempt attempt = {.verdict = {.http_code = 200, .cmd_uuid = "uuid"},
                            .reply = body_new("done", 4)};
  struct command c = {.policy = &policy,
                      .device = t.fan,
                      .series = "",
                      .attempt = &attempt,
                      .attempts = 1,
                      .created = {.ms = 1000},
                      .finished = {.ms = 3000},
                      .outcome = outcome,
                      .state = COMMAND_FINISHED,
                      .change.is_told = true};
  struct news news;
  t.cloud->api = api;
  tell(&c);
  assert_true(outbox_take(t.outbox, &news));
  body_unref(attempt.reply);
  return news;
}

static void an_answer_of_the_device_itself_counts_at_once(void **state) {
  (void)state;
  struct stats_tracked tracked;
  struct news news = tell_end(&property_api, OUTCOME_ACCEPTED);
  assert_int_equal(news.status, TRACKED_ANSWERED);
  assert_string_equal(news.reply, "done");
  free(news.reply);
  assert_true(stats_take_tracked(t.stats, t.fan, &tracked));
  assert_int_equal(tracked.answered, 1);
  assert_int_equal(tracked.delivered, 1);
  assert_true(tracked.latency.average_s == 2);
}

static void a_refusal_of_the_device_itself_is_no_answer(void **state) {
  (void)state;
  struct stats_tracked tracked;
  struct news news = tell_end(&property_api, OUTCOME_REFUSED);
  assert_string_equal(news.reply, "done");
  free(news.reply);
  assert_false(stats_take_tracked(t.stats, t.fan, &tracked));
}

static void an_acceptance_of_the_cloud_alone_is_no_answer(void **state) {
  (void)state;
  struct stats_tracked tracked;
  struct news news = tell_end(&cmds_api, OUTCOME_ACCEPTED);
  assert_int_equal(news.status, TRACKED_CREATED);
  free(news.reply);
  assert_false(stats_take_tracked(t.stats, t.fan, &tracked));
}

static void what_is_taken_back_is_told_once(void **state) {
  (void)state;
  struct attempt attempt = {.verdict = {.class = VERDICT_NOT_SENT}};
  struct command c = {.id = 7,
                      .policy = &policy,
                      .device = t.fan,
                      .attempt = &attempt,
                      .takes_back = true};
  tell_failure(&c);
  tell_failure(&c); /* it was tried again */
  assert_int_equal(t.taken_back, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_key_that_is_refused_is_told_once),
      TEST(a_refusal_of_the_old_key_does_not_hide_that_of_the_new),
      TEST(an_answer_of_the_device_itself_counts_at_once),
      TEST(a_refusal_of_the_device_itself_is_no_answer),
      TEST(an_acceptance_of_the_cloud_alone_is_no_answer),
      TEST(what_is_taken_back_is_told_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
