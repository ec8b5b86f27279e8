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

#include <string.h>

static struct {
  struct options options;
  struct endpoint *cloud;
  struct device *fan;
  struct stats *stats;
  struct outbox *outbox;
  struct teller *teller;
  struct journal journal;
  int refusals; /* lines of the log */
} t;

static const struct policy policy = {.rule = "heat", .content_type = "x/y"};

static void count_line(enum log_level level, const char *line) {
  (void)level;
  t.refusals += strstr(line, "the credentials were refused") != NULL;
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

/* The key was refused, and the command waits for another one. */
static void tell_refusal(struct command *c) {
  c->attempts++;
  c->has_ended_attempt = true;
  journal_note(&t.journal, &c->change);
  teller_tell_changes(t.teller, &t.journal, (struct moment){.ms = 1000});
  journal_clear(&t.journal);
}

static void a_key_that_is_refused_is_told_once(void **state) {
  (void)state;
  struct attempt attempt = {
      .verdict = {.class = VERDICT_CREDENTIALS, .http_code = 401}};
  struct command c = {.policy = &policy, .device = t.fan, .attempt = &attempt};
  tell_refusal(&c);
  tell_refusal(&c);
  assert_int_equal(t.refusals, 1);
  teller_forget_credentials(t.teller, t.cloud);
  teller_tell_changes(t.teller, &t.journal, (struct moment){.ms = 1000});
  tell_refusal(&c);
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
  tell_refusal(&c);
  assert_int_equal(t.refusals, 1);
  tell_refusal(&c);
  assert_int_equal(t.refusals, 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_key_that_is_refused_is_told_once),
      TEST(a_refusal_of_the_old_key_does_not_hide_that_of_the_new),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
