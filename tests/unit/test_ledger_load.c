/* SPDX-License-Identifier: MIT */
#include "base/shared_text.h"
#include "delivery/lanes.h"
#include "ledger_words.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEN_YEARS_MS INT64_C(315360000000)
#define FATES                                                                  \
  "SELECT id, state, outcome, error, finished_at FROM commands ORDER BY id"

/* A command that has never been tried. */
static struct command *untried(struct fixture *f, int64_t id) {
  struct command *c = fixture_command(f, id);
  c->not_before_ms = 0;
  c->waits_for_credentials = false;
  c->doubtful = false;
  c->attempts = 0;
  *c->attempt = (struct attempt){0};
  return c;
}

/* Opens a ledger with one untried command of the fan, and closes it. */
static void leave_one_pending(struct fixture *f) {
  open_fresh(f);
  fixture_put(f, untried(f, 1), FIXTURE_NOW);
  fixture_put_account(f, FAN, 1, 0, FIXTURE_NOW);
}

static void assert_ended(struct fixture *f, const char *outcome,
                         const char *why) {
  char expected[256], line[256];
  fixture_forget_log(f);
  fixture_restart(f, fixture_later(10000));
  assert_int_equal(f->command_count, 0);
  snprintf(expected, sizeof expected, "1|finished|%s|%s|1700000010.0", outcome,
           why);
  assert_string_equal(fixture_sql(f, FATES), expected);
  assert_string_equal(fixture_sql(f, BALANCE), "fan|1|1|0|0");
  snprintf(line, sizeof line,
           "command 1 of rule \"overheat\" for device \"fan\": %s: %s\n",
           outcome, why);
  assert_string_equal(f->log, line);
  assert_int_equal(f->account_count, 1);
  assert_int_equal(f->accounts[0].created, 1);
}

/* ---- what is gone ---- */

static void a_command_whose_rule_is_gone_ends_as_cancelled(void **state) {
  struct fixture *f = *state;
  leave_one_pending(f);
  f->rule_is_gone[OVERHEAT] = true;
  assert_ended(f, "cancelled", "the rule is no longer configured");
  assert_int_equal(f->accounts[0].by_outcome[OUTCOME_CANCELLED], 1);
}

static void
a_command_whose_device_id_is_another_ends_as_cancelled(void **state) {
  struct fixture *f = *state;
  leave_one_pending(f);
  assert_int_equal(device_set_id(f->devices[FAN], "1"), 0);
  assert_ended(f, "cancelled", "the device has another device_id now");
}

static void
a_command_whose_endpoint_is_another_ends_as_cancelled(void **state) {
  struct fixture *f = *state;
  leave_one_pending(f);
  f->devices[FAN]->endpoint = f->devices[PUMP]->endpoint;
  assert_ended(f, "cancelled", "the device has another endpoint now");
}

static void a_gone_command_that_was_in_flight_ends_as_unknown(void **state) {
  struct fixture *f = *state;
  struct command *c = untried(f, 1);
  open_fresh(f);
  c->state = COMMAND_IN_FLIGHT;
  fixture_put(f, c, FIXTURE_NOW);
  fixture_put_account(f, FAN, 1, 0, FIXTURE_NOW);
  f->rule_is_gone[OVERHEAT] = true;
  assert_ended(f, "unknown", "the rule is no longer configured");
  assert_int_equal(f->accounts[0].by_outcome[OUTCOME_UNKNOWN], 1);
}

static void
a_gone_command_with_a_doubtful_attempt_ends_as_unknown(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  fixture_put(f, fixture_command(f, 1), FIXTURE_NOW);
  fixture_put_account(f, FAN, 1, 0, FIXTURE_NOW);
  f->rule_is_gone[OVERHEAT] = true;
  assert_ended(f, "unknown", "the rule is no longer configured");
}

static struct device *ghost(struct fixture *f) {
  static struct device device;
  device = *f->devices[FAN];
  device.name = "ghost";
  return &device;
}

static void
a_device_that_is_gone_keeps_its_totals_and_its_balance(void **state) {
  struct fixture *f = *state;
  struct account a = {.device = ghost(f), .created = 9};
  struct command *c = untried(f, 9);
  open_fresh(f);
  a.by_outcome[OUTCOME_ACCEPTED] = 8;
  c->device = a.device;
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  fixture_put_counts(f, &a);
  assert_int_equal(ledger_commit(f->ledger), 0);
  command_free(c);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->account_count, 0);
  assert_string_equal(fixture_sql(f, BALANCE), "ghost|9|9|0|0");
  assert_string_equal(fixture_sql(f, "SELECT accepted, cancelled FROM totals"),
                      "8|1");
  assert_int_equal(f->next_id, 10);
}

static void only_what_is_gone_ends_and_history_stays_as_it_is(void **state) {
  struct fixture *f = *state;
  struct command *c = untried(f, 2);
  struct command *old = untried(f, 1);
  open_fresh(f);
  c->policy = &f->policies[SETPOINT];
  fixture_finish(old, OUTCOME_ACCEPTED, FIXTURE_NOW);
  fixture_put(f, old, FIXTURE_NOW);
  fixture_put(f, c, FIXTURE_NOW);
  fixture_put(f, untried(f, 3), FIXTURE_NOW);
  fixture_put_account(f, FAN, 3, 1, FIXTURE_NOW);
  f->rule_is_gone[SETPOINT] = true;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 1);
  assert_int_equal(f->commands[0]->id, 3);
  assert_string_equal(
      fixture_sql(f, "SELECT id, state, outcome FROM commands"),
      "1|finished|accepted\n2|finished|cancelled\n3|waiting|NULL");
  assert_string_equal(fixture_sql(f, BALANCE), "fan|3|2|1|0");
}

static void slots_of_what_is_gone_are_deleted_with_their_series(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 1, FIXTURE_NOW), 0);
  f->rule_is_gone[OVERHEAT] = true;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->slot_count, 0);
  assert_string_equal(fixture_sql(f, "SELECT key FROM slots"), "");
  assert_string_equal(fixture_sql(f, "SELECT slot FROM series"), "");
}

static void assert_unreadable(struct fixture *f, const char *edit,
                              const char *outcome) {
  leave_one_pending(f);
  fixture_sql(f, edit);
  assert_ended(f, outcome, "its record can not be read");
  struct ledger_loss loss;
  assert_true(ledger_take_loss(f->ledger, &loss));
  assert_int_equal(loss.commands, 1);
  assert_int_equal(loss.uncounted, 0);
}

static void a_record_with_an_unknown_severity_ends_as_cancelled(void **state) {
  assert_unreadable(*state, "UPDATE commands SET severity = 'banana'",
                    "cancelled");
}

static void a_record_in_an_unknown_state_ends_as_unknown(void **state) {
  assert_unreadable(*state, "UPDATE commands SET state = 'banana'", "unknown");
}

static void a_record_without_a_body_ends_as_cancelled(void **state) {
  assert_unreadable(*state, "UPDATE commands SET body = NULL", "cancelled");
}

static void
a_record_with_a_body_that_is_too_long_ends_as_cancelled(void **state) {
  assert_unreadable(*state, "UPDATE commands SET body = zeroblob(65536)",
                    "cancelled");
}

static void numbers_that_make_no_sense_do_no_harm(void **state) {
  struct fixture *f = *state;
  leave_one_pending(f);
  fixture_sql(f, "UPDATE commands SET created_at = 9e999, expires_at = -9e999,"
                 " sent_at = 1e300, not_before = 'soon', valid_from = 1e18,"
                 " attempts = 9223372036854775807, timeout_s = -7,"
                 " http_code = 1e10, errno = 'x', class = 'y', value = 'z'");
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 1);
  assert_true(f->commands[0]->created.ms <= FIXTURE_NOW.ms);
  assert_in_range(f->commands[0]->attempts, 0, INT_MAX / 2);
}

static void
numbers_beyond_2_to_the_53_are_refused_and_all_goes_on(void **state) {
  struct fixture *f = *state;
  leave_one_pending(f);
  fixture_sql(f, "UPDATE commands SET id = 9223372036854775807");
  fixture_sql(f, "UPDATE totals SET created = 9223372036854775807");
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 0);
  assert_int_equal(f->next_id, 1);
  assert_string_equal(
      fixture_sql(f, "SELECT created, ended, pending, difference FROM balance"),
      "1|1|0|0");
  fixture_put(f, fixture_command(f, 5), FIXTURE_NOW);
  fixture_sql(f, "UPDATE totals SET created = 1");
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, 6);
}

/* ---- what a slot remembers ---- */

/* Restarts with a slot that remembers something. Returns the slot. */
static struct slot *restart_with_memory(struct fixture *f) {
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 0, FIXTURE_NOW), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->slot_count, 1);
  assert_non_null(f->slots[0]->accepted.body);
  return f->slots[0];
}

static void assert_forgotten(struct fixture *f) {
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->slot_count, 1);
  assert_null(f->slots[0]->accepted.body);
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->series[0]->severity, SEVERITY_FAILURE);
  assert_int_equal(f->slots[0]->cooldown_until_ms, FIXTURE_NOW.ms + 20017);
}

static void nothing_is_remembered_of_another_device_id(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  assert_int_equal(device_set_id(f->devices[FAN], "1"), 0);
  assert_forgotten(f);
}

static void nothing_is_remembered_of_another_endpoint(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  f->devices[FAN]->endpoint = f->devices[PUMP]->endpoint;
  assert_forgotten(f);
}

static void nothing_is_remembered_of_another_content_type(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  f->policies[OVERHEAT].content_type = "text/plain";
  assert_forgotten(f);
}

static void nothing_is_remembered_of_another_service(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  f->policies[OVERHEAT].service = "open";
  assert_forgotten(f);
}

static struct endpoint *fan_endpoint(const struct fixture *f) {
  return directory_find_endpoint(f->directory, f->devices[FAN]->endpoint->name);
}

static void nothing_is_remembered_of_another_api(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  fan_endpoint(f)->api_name = "call-service";
  assert_forgotten(f);
}

static void nothing_is_remembered_of_another_product(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  fan_endpoint(f)->product_id = strdup("AbC12345xy");
  assert_forgotten(f);
}

static void nothing_is_remembered_of_another_qos(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  f->devices[FAN]->qos = 0;
  assert_forgotten(f);
}

static void a_shorter_cooldown_ends_one_that_is_under_way(void **state) {
  struct fixture *f = *state;
  restart_with_memory(f);
  f->policies[OVERHEAT].cooldown_s = 5;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->slots[0]->cooldown_until_ms, FIXTURE_NOW.ms + 5000);
}

/* ---- a rule with another Combine ---- */

static void put_series(struct fixture *f, int rule, const char *name,
                       enum severity severity, int64_t arrived_ms) {
  char key[SLOT_KEY_BYTES];
  slot_format_key(&f->policies[rule], f->devices[FAN], name, key);
  struct slot *s = fixture_slot(f, rule, FAN, key);
  struct series *series = slot_add_series(s, name);
  assert_non_null(series);
  series->severity = severity;
  series->arrived_ms = arrived_ms;
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &s->change, FIXTURE_NOW);
  fixture_put_change(f, &series->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
  slot_free(s);
}

static void
the_states_of_series_move_into_the_slot_they_now_share(void **state) {
  struct fixture *f = *state;
  struct command *c = untried(f, 1);
  open_fresh(f);
  put_series(f, SETPOINT, "a/b/c", SEVERITY_FAILURE, FIXTURE_NOW.ms - 2000);
  put_series(f, SETPOINT, "d/e/f", SEVERITY_OKAY, FIXTURE_NOW.ms - 1000);
  c->policy = &f->policies[SETPOINT];
  shared_text_unref(c->slot_key);
  c->slot_key = shared_text_new("setpoint/fan/" FIXTURE_CORE);
  fixture_put(f, c, FIXTURE_NOW);
  f->policies[SETPOINT].per_series = false;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->slot_count, 1);
  assert_string_equal(f->slots[0]->key, "setpoint/fan");
  assert_string_equal(slot_speaker(f->slots[0])->name, "a/b/c");
  assert_null(f->slots[0]->accepted.body);
  assert_int_equal(slot_last_event_ms(f->slots[0]), FIXTURE_NOW.ms - 1000);
  assert_string_equal(f->commands[0]->slot_key, "setpoint/fan");
  assert_string_equal(fixture_sql(f, "SELECT DISTINCT slot FROM series"),
                      "setpoint/fan");
}

static void the_states_of_series_move_into_slots_of_their_own(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  put_series(f, OVERHEAT, "a/b/c", SEVERITY_FAILURE, FIXTURE_NOW.ms - 2000);
  put_series(f, OVERHEAT, "d/e/f", SEVERITY_OKAY, FIXTURE_NOW.ms - 1000);
  f->policies[OVERHEAT].per_series = true;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->slot_count, 2);
  assert_string_equal(f->slots[0]->key, "overheat/fan/a/b/c");
  assert_int_equal(slot_speaker(f->slots[0])->severity, SEVERITY_FAILURE);
  assert_string_equal(f->slots[1]->key, "overheat/fan/d/e/f");
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM slots"), "0");
}

/* ---- what fails ---- */

static void put_ended(struct fixture *f, int64_t id, int device,
                      enum outcome outcome) {
  struct command *c = untried(f, id);
  c->device = f->devices[device];
  fixture_finish(c, outcome, FIXTURE_NOW);
  fixture_put(f, c, FIXTURE_NOW);
}

static void what_failed_last_is_known_after_a_restart(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  put_ended(f, 1, FAN, OUTCOME_REFUSED);
  put_ended(f, 2, PUMP, OUTCOME_DROPPED);
  put_ended(f, 3, PUMP, OUTCOME_ACCEPTED);
  put_ended(f, 4, FAN, OUTCOME_SUPERSEDED);
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->failing, "overheat fan refused;");
  put_ended(f, 5, FAN, OUTCOME_EXPIRED);
  put_ended(f, 6, PUMP, OUTCOME_DROPPED);
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->failing,
                      "overheat fan expired;overheat pump dropped;");
  put_ended(f, 7, FAN, OUTCOME_ACCEPTED);
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->failing, "overheat pump dropped;");
  put_ended(f, 8, PUMP, OUTCOME_ACCEPTED);
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->failing, "");
}

static void what_ends_as_unknown_at_a_start_has_failed(void **state) {
  struct fixture *f = *state;
  struct command *c = untried(f, 1);
  open_fresh(f);
  c->state = COMMAND_IN_FLIGHT;
  fixture_put(f, c, FIXTURE_NOW);
  snprintf(f->devices[FAN]->device_id, DEVICE_ID_BYTES, "1");
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->failing, "overheat fan unknown;");
}

/* ---- clocks ---- */

static struct moment both_later(int64_t ms, int64_t wall_jump_ms) {
  struct moment later = fixture_later(ms);
  later.wall_ms += wall_jump_ms;
  return later;
}

static void deadlines_go_on_while_the_process_is_away(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  fixture_put(f, fixture_command(f, 1), FIXTURE_NOW);
  fixture_restart(f, fixture_later(100000));
  const struct command *c = f->commands[0];
  assert_int_equal(c->created.ms, FIXTURE_NOW.ms - 7001);
  assert_int_equal(c->valid_from_ms, FIXTURE_NOW.ms - 5003);
  assert_int_equal(c->deadline_ms, FIXTURE_NOW.ms + 594997);
  assert_int_equal(c->not_before_ms, FIXTURE_NOW.ms + 1007);
}

static void a_reboot_begins_the_monotonic_clock_anew(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 1, FIXTURE_NOW), 0);
  const struct moment rebooted = {.ms = 20000,
                                  .wall_ms = FIXTURE_NOW.wall_ms + 60000};
  fixture_restart(f, rebooted);
  const struct command *c = f->commands[0];
  assert_int_equal(c->created.ms, 20000 - 60000 - 7001);
  assert_int_equal(c->deadline_ms, 20000 - 60000 + 594997);
  assert_int_equal(f->slots[0]->cooldown_until_ms, 20000 - 60000 + 20017);
  assert_int_equal(f->slots[0]->accepted.accepted_ms, 20000 - 60000 - 40013);
}

/* What is true wherever the clock was when the row was written. */
static void assert_sane_command(const struct command *c, struct moment now) {
  assert_true(c->created.ms <= now.ms);
  assert_int_equal(command_sent(c).ms, now.ms);
  assert_int_equal(c->deadline_ms, now.ms + 594997 + 2011);
  assert_int_equal(c->not_before_ms, now.ms + 1007 + 2011);
  assert_true(c->deadline_ms <= now.ms + 600000);
}

static void assert_sane_state(const struct fixture *f, struct moment now) {
  assert_int_equal(f->command_count, 1);
  assert_sane_command(f->commands[0], now);
  assert_int_equal(f->slots[0]->accepted.accepted_ms, now.ms);
  assert_true(f->slots[0]->cooldown_until_ms <= now.ms + 30000);
  assert_int_equal(f->series[0]->arrived_ms, now.ms);
}

static void
a_clock_that_went_back_ten_years_cuts_deadlines_and_waits(void **state) {
  struct fixture *f = *state;
  const struct moment now = both_later(5000, -TEN_YEARS_MS);
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 1, FIXTURE_NOW), 0);
  fixture_restart(f, now);
  assert_sane_state(f, now);
  assert_int_equal(f->slots[0]->cooldown_until_ms, now.ms + 30000);
}

static void a_boot_in_1970_cuts_deadlines_and_waits(void **state) {
  struct fixture *f = *state;
  const struct moment now = {.ms = 7000, .wall_ms = 12000};
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 1, FIXTURE_NOW), 0);
  fixture_restart(f, now);
  assert_sane_state(f, now);
}

static void
what_was_recorded_in_1970_does_not_expire_once_the_clock_is_set(void **state) {
  struct fixture *f = *state;
  const struct moment unset = {.ms = FIXTURE_NOW.ms, .wall_ms = 4000000};
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 1, unset), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_sane_state(f, FIXTURE_NOW);
}

static void in_1970_restarts_are_like_any_other(void **state) {
  struct fixture *f = *state;
  struct moment unset = {.ms = FIXTURE_NOW.ms, .wall_ms = 4000000};
  open_fresh(f);
  fixture_put(f, fixture_command(f, 1), unset);
  unset.ms += 50000;
  unset.wall_ms += 50000;
  fixture_restart(f, unset);
  assert_int_equal(f->commands[0]->deadline_ms, FIXTURE_NOW.ms + 594997);
}

static void
a_clock_that_went_back_lets_no_deadline_be_where_none_was(void **state) {
  struct fixture *f = *state;
  struct command *c = untried(f, 1);
  open_fresh(f);
  c->deadline_ms = COMMAND_NEVER_MS;
  fixture_put(f, c, FIXTURE_NOW);
  fixture_restart(f, both_later(0, -TEN_YEARS_MS));
  assert_int_equal(f->commands[0]->deadline_ms, COMMAND_NEVER_MS);
}

static void
a_command_that_was_never_sent_counts_from_its_creation(void **state) {
  struct fixture *f = *state;
  const struct moment now = both_later(0, -TEN_YEARS_MS);
  open_fresh(f);
  fixture_put(f, untried(f, 1), FIXTURE_NOW);
  fixture_restart(f, now);
  assert_int_equal(f->commands[0]->created.ms, now.ms);
  assert_int_equal(command_sent(f->commands[0]).wall_ms, 0);
  assert_int_equal(f->commands[0]->deadline_ms, now.ms + 594997 + 7001);
}

static void put_timed_series(struct fixture *f) {
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  struct series *series = slot_add_series(s, FIXTURE_CORE);
  assert_non_null(series);
  series->event = (struct slot_time){.known = true,
                                     .wall_event_ms = FIXTURE_NOW.wall_ms,
                                     .arrived = FIXTURE_NOW};
  series->valued = series->event;
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &s->change, FIXTURE_NOW);
  fixture_put_change(f, &series->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
  slot_free(s);
}

static void no_event_is_late_for_a_clock_that_went_back(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  put_timed_series(f);
  fixture_restart(f, fixture_later(1000));
  assert_true(f->series[0]->event.known && f->series[0]->valued.known);
  fixture_restart(f, both_later(1000, -TEN_YEARS_MS));
  assert_false(f->series[0]->event.known || f->series[0]->valued.known);
}

/* ---- together with lanes ---- */

static const struct policy *find_policy(void *context, const char *rule,
                                        const char *content_type,
                                        const char *service) {
  (void)content_type, (void)service;
  const struct fixture *f = context;
  return &f->policies[strcmp(rule, "overheat") == 0 ? OVERHEAT : SETPOINT];
}

static struct lanes *lanes;
static struct journal journal;
static struct moment lanes_now;

static bool lanes_newer_callback(void *context, const char *slot_key,
                                 const char *name) {
  (void)context;
  return lanes_has_newer(lanes, slot_key, name);
}

static int lanes_account_callback(void *context, const struct device *device,
                                  const struct account *account) {
  (void)context;
  lanes_restore_account(lanes, device, account);
  return 0;
}

static struct slot *lanes_slot_callback(void *context,
                                        const struct policy *policy,
                                        const struct device *device,
                                        const char *key) {
  (void)context;
  return lanes_find_or_add_slot(lanes, policy, device, key);
}

static int lanes_series_callback(void *context, struct series *series) {
  (void)context;
  return lanes_restore_series(lanes, series);
}

static int lanes_command_callback(void *context, struct command *command) {
  (void)context;
  return lanes_restore_command(lanes, command, lanes_now);
}

static uint64_t no_jitter(void *context, uint64_t max_inclusive) {
  (void)context;
  return max_inclusive;
}

static void load_lanes(struct fixture *f, struct moment now) {
  const struct lanes_options options = {.directory = f->directory,
                                        .journal = &journal,
                                        .queue_limit = 1000,
                                        .queue_bytes = 1000000,
                                        .series_max = 100,
                                        .random = no_jitter};
  const struct ledger_callbacks callbacks = {.context = f,
                                             .find_policy = find_policy,
                                             .has_newer = lanes_newer_callback,
                                             .account = lanes_account_callback,
                                             .slot = lanes_slot_callback,
                                             .series = lanes_series_callback,
                                             .command = lanes_command_callback};
  lanes_now = now;
  journal_init(&journal);
  lanes = lanes_new(&options);
  assert_non_null(lanes);
  assert_int_equal(
      ledger_load(f->ledger, f->directory, &callbacks, now, &f->next_id), 0);
  lanes_set_next_id(lanes, f->next_id);
}

/* One turn, as worker has it; what begins is to be sent after it. */
static struct command *turn(struct fixture *f, struct moment now) {
  struct command *begun = lanes_begin(lanes, now);
  assert_int_equal(ledger_begin(f->ledger, now), 0);
  for (struct change *c = journal.first; c != NULL; c = c->next)
    fixture_put_change(f, c, now);
  assert_int_equal(ledger_commit(f->ledger), 0);
  journal_clear(&journal);
  return begun;
}

static void take_of(struct fixture *f, int rule, enum severity severity,
                    const char *body, struct moment now) {
  struct firing *firing =
      firing_new(FIXTURE_CORE, (struct firing_body){body, strlen(body)},
                 (struct firing_body){0});
  assert_non_null(firing);
  firing->policy = &f->policies[rule];
  firing->device = f->devices[FAN];
  firing->severity = severity;
  firing->arrived = now;
  enum ignored ignored;
  assert_int_equal(lanes_take(lanes, firing, now, &ignored), 0);
  assert_int_equal(ignored, IGNORED_NOT);
}

static void take(struct fixture *f, enum severity severity, const char *body,
                 struct moment now) {
  take_of(f, OVERHEAT, severity, body, now);
}

/* What begins next is accepted at once. */
static void is_accepted(struct fixture *f, struct moment now) {
  struct command *c = turn(f, now);
  assert_non_null(c);
  lanes_end(lanes, c, &(struct verdict){.class = VERDICT_ACCEPTED}, now);
  assert_null(turn(f, now));
}

static void end_lanes(void) {
  journal_clear(&journal);
  lanes_free(lanes);
}

/* The process ends at once and begins again. */
static void crash(struct fixture *f, struct moment now) {
  end_lanes();
  fixture_close(f);
  assert_int_equal(fixture_open(f, now), 0);
  load_lanes(f, now);
}

static void
what_was_in_flight_at_a_crash_is_unknown_and_the_balance_holds(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  load_lanes(f, FIXTURE_NOW);
  take(f, SEVERITY_FAILURE, "on", FIXTURE_NOW);
  assert_non_null(turn(f, FIXTURE_NOW));
  crash(f, fixture_later(1000));
  assert_null(turn(f, fixture_later(1000)));
  assert_string_equal(fixture_sql(f, "SELECT id, outcome, error FROM commands"),
                      "1|unknown|it was in flight when the process ended");
  assert_string_equal(fixture_sql(f, BALANCE), "fan|1|1|0|0");
  end_lanes();
}

static void what_had_not_begun_at_a_crash_is_sent(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  load_lanes(f, FIXTURE_NOW);
  take(f, SEVERITY_FAILURE, "on", FIXTURE_NOW);
  struct command *c = turn(f, FIXTURE_NOW);
  take(f, SEVERITY_OKAY, "off", fixture_later(1));
  assert_null(turn(f, fixture_later(1)));
  assert_non_null(c);
  crash(f, fixture_later(1000));
  assert_null(turn(f, fixture_later(1000)));
  struct moment cooled = fixture_later(30000);
  c = turn(f, cooled);
  assert_non_null(c);
  assert_int_equal(c->id, 2);
  lanes_end(lanes, c, &(struct verdict){.class = VERDICT_ACCEPTED}, cooled);
  assert_null(turn(f, cooled));
  assert_string_equal(fixture_sql(f, BALANCE), "fan|2|2|0|0");
  end_lanes();
}

/* That "off" began to be sent is known from its state alone. */
static void what_was_in_flight_at_a_crash_leaves_no_memory(void **state) {
  struct fixture *f = *state;
  const struct moment later = fixture_later(60000);
  f->policies[OVERHEAT].cooldown_s = 50;
  open_fresh(f);
  load_lanes(f, FIXTURE_NOW);
  take(f, SEVERITY_FAILURE, "on", FIXTURE_NOW);
  is_accepted(f, FIXTURE_NOW);
  take_of(f, SETPOINT, SEVERITY_VALUE, "5", FIXTURE_NOW);
  is_accepted(f, FIXTURE_NOW);
  take(f, SEVERITY_OKAY, "off", FIXTURE_NOW);
  assert_null(turn(f, FIXTURE_NOW));
  assert_non_null(turn(f, later));
  crash(f, later);
  assert_null(turn(f, later));
  take_of(f, SETPOINT, SEVERITY_VALUE, "5", fixture_later(120000));
  is_accepted(f, fixture_later(120000));
  take(f, SEVERITY_FAILURE, "on", fixture_later(120000));
  is_accepted(f, fixture_later(120000));
  assert_string_equal(fixture_sql(f, "SELECT group_concat(outcome) FROM"
                                     " commands"),
                      "accepted,accepted,unknown,accepted,accepted");
  end_lanes();
}

static void a_slot_remembers_across_a_restart_what_was_accepted(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  load_lanes(f, FIXTURE_NOW);
  take(f, SEVERITY_FAILURE, "on", FIXTURE_NOW);
  is_accepted(f, FIXTURE_NOW);
  crash(f, fixture_later(60000));
  take(f, SEVERITY_FAILURE, "on", fixture_later(60000));
  assert_null(turn(f, fixture_later(60000)));
  assert_string_equal(
      fixture_sql(f, "SELECT created, accepted, unchanged FROM totals"),
      "2|1|1");
  assert_string_equal(fixture_sql(f, BALANCE), "fan|2|2|0|0");
  end_lanes();
}

static void a_callback_that_fails_ends_the_load(void **state) {
  struct fixture *f = *state;
  leave_one_pending(f);
  f->callback_status = -E2BIG;
  f->load_status = -E2BIG;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_command_whose_rule_is_gone_ends_as_cancelled),
      SITUATION(a_command_whose_device_id_is_another_ends_as_cancelled),
      SITUATION(a_command_whose_endpoint_is_another_ends_as_cancelled),
      SITUATION(a_gone_command_that_was_in_flight_ends_as_unknown),
      SITUATION(a_gone_command_with_a_doubtful_attempt_ends_as_unknown),
      SITUATION(a_device_that_is_gone_keeps_its_totals_and_its_balance),
      SITUATION(only_what_is_gone_ends_and_history_stays_as_it_is),
      SITUATION(slots_of_what_is_gone_are_deleted_with_their_series),
      SITUATION(a_record_with_an_unknown_severity_ends_as_cancelled),
      SITUATION(a_record_in_an_unknown_state_ends_as_unknown),
      SITUATION(a_record_without_a_body_ends_as_cancelled),
      SITUATION(a_record_with_a_body_that_is_too_long_ends_as_cancelled),
      SITUATION(numbers_that_make_no_sense_do_no_harm),
      SITUATION(numbers_beyond_2_to_the_53_are_refused_and_all_goes_on),
      SITUATION(nothing_is_remembered_of_another_device_id),
      SITUATION(nothing_is_remembered_of_another_endpoint),
      SITUATION(nothing_is_remembered_of_another_content_type),
      SITUATION(nothing_is_remembered_of_another_service),
      SITUATION(nothing_is_remembered_of_another_api),
      SITUATION(nothing_is_remembered_of_another_product),
      SITUATION(nothing_is_remembered_of_another_qos),
      SITUATION(a_shorter_cooldown_ends_one_that_is_under_way),
      SITUATION(the_states_of_series_move_into_the_slot_they_now_share),
      SITUATION(the_states_of_series_move_into_slots_of_their_own),
      SITUATION(deadlines_go_on_while_the_process_is_away),
      SITUATION(a_reboot_begins_the_monotonic_clock_anew),
      SITUATION(a_clock_that_went_back_ten_years_cuts_deadlines_and_waits),
      SITUATION(a_boot_in_1970_cuts_deadlines_and_waits),
      SITUATION(
          what_was_recorded_in_1970_does_not_expire_once_the_clock_is_set),
      SITUATION(in_1970_restarts_are_like_any_other),
      SITUATION(a_clock_that_went_back_lets_no_deadline_be_where_none_was),
      SITUATION(a_command_that_was_never_sent_counts_from_its_creation),
      SITUATION(no_event_is_late_for_a_clock_that_went_back),
      SITUATION(what_was_in_flight_at_a_crash_is_unknown_and_the_balance_holds),
      SITUATION(what_had_not_begun_at_a_crash_is_sent),
      SITUATION(what_was_in_flight_at_a_crash_leaves_no_memory),
      SITUATION(what_failed_last_is_known_after_a_restart),
      SITUATION(what_ends_as_unknown_at_a_start_has_failed),
      SITUATION(a_slot_remembers_across_a_restart_what_was_accepted),
      SITUATION(a_callback_that_fails_ends_the_load),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
