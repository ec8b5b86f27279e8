/* SPDX-License-Identifier: MIT */
#include "ledger_words.h"

#include "base/shared_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- what is put comes back ---- */

static void assert_same_moment(struct moment a, struct moment b) {
  assert_int_equal(a.ms, b.ms);
  assert_int_equal(a.wall_ms, b.wall_ms);
}

static void assert_same_verdict(const struct verdict *a,
                                const struct verdict *b) {
  assert_int_equal(a->class, b->class);
  assert_string_equal(a->cause, b->cause);
  assert_int_equal(a->has_errno, b->has_errno);
  assert_int_equal(a->errno_value, b->errno_value);
  assert_int_equal(a->http_code, b->http_code);
  assert_string_equal(a->error, b->error);
  assert_string_equal(a->cmd_uuid, b->cmd_uuid);
}

static void assert_same_command(const struct command *a,
                                const struct command *b) {
  assert_int_equal(a->id, b->id);
  assert_ptr_equal(a->policy, b->policy);
  assert_ptr_equal(a->device, b->device);
  assert_string_equal(a->slot_key, b->slot_key);
  assert_string_equal(a->series, b->series);
  assert_int_equal(a->severity, b->severity);
  assert_true(body_equals(a->body, b->body));
  assert_int_equal(a->has_value, b->has_value);
  assert_true(a->value == b->value);
  assert_int_equal(a->timeout_s, b->timeout_s);
  assert_same_moment(a->created, b->created);
  assert_int_equal(a->valid_from_ms, b->valid_from_ms);
  assert_int_equal(a->deadline_ms, b->deadline_ms);
  assert_int_equal(a->not_before_ms, b->not_before_ms);
  assert_int_equal(a->waits_for_credentials, b->waits_for_credentials);
  assert_int_equal(a->doubtful, b->doubtful);
  assert_int_equal(a->attempts, b->attempts);
  assert_same_moment(command_sent(a), command_sent(b));
  assert_int_equal(a->state, b->state);
  assert_same_verdict(command_verdict(a), command_verdict(b));
}

static void assert_command_survives(struct fixture *f, struct command *c) {
  open_fresh(f);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 1);
  assert_same_command(f->commands[0], c);
  command_free(c);
}

static void a_waiting_command_comes_back_with_all_its_fields(void **state) {
  struct fixture *f = *state;
  assert_command_survives(f, fixture_command(f, 17));
}

static void a_command_in_flight_comes_back_in_flight(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 17);
  c->state = COMMAND_IN_FLIGHT;
  assert_command_survives(f, c);
}

static void a_command_with_nothing_optional_comes_back(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 1);
  c->has_value = false;
  c->value = 0;
  c->deadline_ms = COMMAND_NEVER_MS;
  c->not_before_ms = 0;
  c->waits_for_credentials = false;
  c->doubtful = false;
  c->attempts = 0;
  *c->attempt = (struct attempt){0};
  assert_command_survives(f, c);
}

static void every_class_of_verdict_comes_back(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  for (int class = VERDICT_ACCEPTED; class <= VERDICT_DOUBTFUL; class ++) {
    struct command *c = fixture_command(f, class + 1);
    c->attempt->verdict.class = (enum verdict_class) class;
    fixture_put(f, c, FIXTURE_NOW);
  }
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, VERDICT_DOUBTFUL + 1);
  for (int class = VERDICT_ACCEPTED; class <= VERDICT_DOUBTFUL; class ++)
    assert_int_equal(command_verdict(f->commands[class])->class, class);
}

static void commands_come_back_in_the_order_of_their_ids(void **state) {
  struct fixture *f = *state;
  static const int64_t ids[] = {5, 2, 9, 1};
  open_fresh(f);
  for (size_t i = 0; i < 4; i++)
    fixture_put(f, fixture_command(f, ids[i]), FIXTURE_NOW);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 4);
  assert_int_equal(f->commands[0]->id, 1);
  assert_int_equal(f->commands[1]->id, 2);
  assert_int_equal(f->commands[2]->id, 5);
  assert_int_equal(f->commands[3]->id, 9);
}

static void
a_body_is_text_where_it_is_valid_text_and_else_a_blob(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  put_body(f, 1, "23 \xC2\xB0\x43", 6);
  put_body(f, 2, "nul\0nul", 7);
  put_body(f, 3, "half \xC3", 6);
  put_body(f, 4, "\xF0\x9F\x98", 3); /* as long as what would replace it */
  assert_string_equal(
      fixture_sql(f, "SELECT typeof(body), hex(body) FROM commands"),
      "text|323320C2B043\nblob|6E756C006E756C\nblob|68616C6620C3\n"
      "blob|F09F98");
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->commands[1]->body->size, 7);
  assert_memory_equal(f->commands[1]->body->data, "nul\0nul", 7);
  assert_int_equal(f->commands[2]->body->size, 6);
}

static void a_body_of_the_greatest_size_comes_back(void **state) {
  struct fixture *f = *state;
  char *bytes = malloc(COMMAND_BODY_MAX_BYTES);
  assert_non_null(bytes);
  for (size_t i = 0; i < COMMAND_BODY_MAX_BYTES; i++)
    bytes[i] = (char)(i * 7);
  open_fresh(f);
  put_body(f, 1, bytes, COMMAND_BODY_MAX_BYTES);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->commands[0]->body->size, COMMAND_BODY_MAX_BYTES);
  assert_memory_equal(f->commands[0]->body->data, bytes,
                      COMMAND_BODY_MAX_BYTES);
  free(bytes);
}

static void a_slot_comes_back_with_all_its_fields(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, PUMP, "overheat/pump");
  assert_non_null(slot_add_series(s, FIXTURE_CORE));
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->slot_count, 1);
  const struct slot *back = f->slots[0];
  assert_string_equal(back->key, s->key);
  assert_ptr_equal(back->policy, s->policy);
  assert_ptr_equal(back->device, s->device);
  assert_true(body_equals(back->accepted.body, s->accepted.body));
  assert_true(back->accepted.has_value);
  assert_true(back->accepted.value == s->accepted.value);
  assert_int_equal(back->accepted.accepted_ms, s->accepted.accepted_ms);
  assert_int_equal(back->accepted.attempts_begun, s->accepted.attempts_begun);
  assert_true(back->owes);
  assert_int_equal(back->cooldown_until_ms, s->cooldown_until_ms);
  slot_free(s);
}

static void the_last_event_of_a_slot_can_be_read(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, PUMP, "overheat/pump");
  struct series *series = slot_add_series(s, FIXTURE_CORE);
  char expected[32];
  series->arrived_ms = FIXTURE_NOW.ms - 7001;
  open_fresh(f);
  put_slot(f, s);
  snprintf(expected, sizeof expected, "%lld",
           (long long)FIXTURE_NOW.wall_ms - 7001);
  assert_string_equal(
      fixture_sql(f, "SELECT CAST(round(last_event_at * 1000) AS INTEGER)"
                     " FROM slots"),
      expected);
  slot_free(s);
}

static void a_slot_that_remembers_nothing_comes_back_so(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  assert_non_null(slot_add_series(s, FIXTURE_CORE));
  slot_forget(s);
  s->owes = false;
  s->cooldown_until_ms = 0;
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, FIXTURE_NOW);
  assert_null(f->slots[0]->accepted.body);
  assert_false(f->slots[0]->owes);
  assert_false(f->slots[0]->accepted.has_value);
  assert_int_equal(f->slots[0]->cooldown_until_ms, 0);
  assert_string_equal(
      fixture_sql(f, "SELECT body, accepted_at, cooldown_until FROM slots"),
      "NULL|NULL|NULL");
  slot_free(s);
}

/* Returns a slot of a rule with After and Until that says FAILURE. */
static struct slot *timed_slot(struct fixture *f) {
  f->policies[OVERHEAT].after_s = 600;
  f->policies[OVERHEAT].until_s = 1800;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  struct series *series = slot_add_series(s, FIXTURE_CORE);
  assert_non_null(series);
  series->severity = SEVERITY_FAILURE;
  series->since_ms = series->arrived_ms = FIXTURE_NOW.ms - 7001;
  slot_place_series(series);
  slot_note_state(s, true, FIXTURE_NOW.ms - 9001);
  return s;
}

static void how_long_a_state_has_held_comes_back(void **state) {
  struct fixture *f = *state;
  struct slot *s = timed_slot(f);
  s->span->left_okay_ms = FIXTURE_NOW.ms - 10002;
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, FIXTURE_NOW);
  const struct span *back = f->slots[0]->span;
  assert_int_equal(back->since_ms, FIXTURE_NOW.ms - 9001);
  assert_int_equal(back->left_okay_ms, FIXTURE_NOW.ms - 10002);
  assert_true(back->is_recorded && back->waits);
  assert_false(back->has_fired || back->is_spent);
  slot_free(s);
}

static void that_it_has_fired_and_is_taken_back_comes_back(void **state) {
  struct fixture *f = *state;
  struct slot *s = timed_slot(f);
  slot_note_asked(s);
  slot_note_due(s, FIXTURE_NOW.ms + 1800000);
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, FIXTURE_NOW);
  const struct span *back = f->slots[0]->span;
  assert_true(back->has_fired && back->is_spent);
  assert_false(back->waits);
  slot_free(s);
}

static void for_a_clock_that_went_back_a_state_begins_now(void **state) {
  struct fixture *f = *state;
  struct slot *s = timed_slot(f);
  const struct moment earlier = {.ms = FIXTURE_NOW.ms,
                                 .wall_ms = FIXTURE_NOW.wall_ms - 20000};
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, earlier);
  assert_int_equal(f->slots[0]->span->since_ms, earlier.ms);
  assert_int_equal(f->slots[0]->span->left_okay_ms, earlier.ms);
  slot_free(s);
}

static void a_slot_without_after_and_until_has_no_age(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  assert_non_null(slot_add_series(s, FIXTURE_CORE));
  open_fresh(f);
  put_slot(f, s);
  assert_string_equal(
      fixture_sql(f, "SELECT since_at, left_okay_at, waits, fired, spent"
                     " FROM slots"),
      "NULL|NULL|NULL|NULL|NULL");
  f->policies[OVERHEAT].after_s = 600; /* from the next start on */
  fixture_restart(f, FIXTURE_NOW);
  assert_false(f->slots[0]->span->is_recorded);
  f->policies[OVERHEAT].after_s = 0;
  slot_free(s);
}

/* It was so long ago, and arrived so long ago. */
static struct slot_time time_of_event(int64_t arrived_ago_ms, int64_t ago_ms) {
  return (struct slot_time){
      .known = true,
      .wall_event_ms = FIXTURE_NOW.wall_ms - ago_ms,
      .arrived = {.ms = FIXTURE_NOW.ms - arrived_ago_ms,
                  .wall_ms = FIXTURE_NOW.wall_ms - arrived_ago_ms}};
}

static void assert_time(const struct slot_time *t, struct slot_time expected) {
  assert_true(t->known);
  assert_int_equal(t->wall_event_ms, expected.wall_event_ms);
  assert_int_equal(t->arrived.ms, expected.arrived.ms);
  assert_int_equal(t->arrived.wall_ms, expected.arrived.wall_ms);
}

static struct series *full_series(struct slot *s, const char *name) {
  struct series *series = slot_add_series(s, name);
  assert_non_null(series);
  series->severity = SEVERITY_WARNING;
  slot_place_series(series);
  series->body = fixture_body("{\"fan\":\"slow\"}");
  series->okay_body = fixture_body("{\"fan\":\"off\"}");
  series->has_value = true;
  series->value = 71.5;
  series->arrived_ms = FIXTURE_NOW.ms - 3001;
  series->since_ms = FIXTURE_NOW.ms - 9001;
  series->event = time_of_event(3001, 3605);
  series->event_severity = SEVERITY_FAILURE;
  series->valued = time_of_event(3503, 4002);
  return series;
}

static void a_series_comes_back_with_all_its_fields(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  full_series(s, FIXTURE_CORE);
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->series_count, 1);
  const struct series *back = f->series[0];
  assert_ptr_equal(slot_find_series(f->slots[0], FIXTURE_CORE), back);
  assert_ptr_equal(slot_speaker(f->slots[0]), back);
  assert_int_equal(back->severity, SEVERITY_WARNING);
  assert_body(back->body, "{\"fan\":\"slow\"}");
  assert_body(back->okay_body, "{\"fan\":\"off\"}");
  assert_false(back->has_unsendable);
  assert_true(back->has_value && back->value == 71.5);
  assert_int_equal(back->arrived_ms, FIXTURE_NOW.ms - 3001);
  assert_int_equal(back->since_ms, FIXTURE_NOW.ms - 9001);
  assert_time(&back->event, time_of_event(3001, 3605));
  assert_int_equal(back->event_severity, SEVERITY_FAILURE);
  assert_time(&back->valued, time_of_event(3503, 4002));
  slot_free(s);
}

static void
a_series_that_asks_for_nothing_or_what_can_not_be_sent(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  struct series *nothing = slot_add_series(s, "a/b/c");
  struct series *unsendable = slot_add_series(s, "d/e/f");
  assert_true(nothing != NULL && unsendable != NULL);
  nothing->arrived_ms = FIXTURE_NOW.ms - 2;
  unsendable->arrived_ms = FIXTURE_NOW.ms - 1;
  unsendable->has_unsendable = true;
  unsendable->unsendable_bytes = 70000;
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->series_count, 2);
  assert_null(f->series[0]->body);
  assert_false(f->series[0]->has_unsendable);
  assert_false(f->series[0]->event.known || f->series[0]->valued.known);
  assert_false(f->series[0]->has_value);
  assert_true(f->series[1]->has_unsendable);
  assert_int_equal(f->series[1]->unsendable_bytes, 70000);
  slot_free(s);
}

static void series_come_back_in_the_order_of_arrival(void **state) {
  struct fixture *f = *state;
  static const char *const names[] = {"c/c/c", "a/a/a", "b/b/b"};
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  for (int i = 0; i < 3; i++)
    full_series(s, names[i])->arrived_ms = FIXTURE_NOW.ms - 100 + i;
  open_fresh(f);
  put_slot(f, s);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->series_count, 3);
  for (int i = 0; i < 3; i++)
    assert_string_equal(f->series[i]->name, names[i]);
  assert_string_equal(slot_speaker(f->slots[0])->name, "b/b/b");
  slot_free(s);
}

static void an_account_comes_back_with_all_its_fields(void **state) {
  struct fixture *f = *state;
  struct account a = {
      .device = f->devices[PUMP], .created = 1000, .attempts_begun = 77};
  for (int i = 0; i < OUTCOME_COUNT; i++)
    a.by_outcome[i] = (uint64_t)(10 + i);
  open_fresh(f);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_counts(f, &a);
  assert_int_equal(ledger_commit(f->ledger), 0);
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    char sql[64], count[16];
    snprintf(sql, sizeof sql, "SELECT %s FROM totals",
             outcome_name((enum outcome)i));
    snprintf(count, sizeof count, "%d", 10 + i);
    assert_string_equal(fixture_sql(f, sql), count);
  }
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->account_count, 1);
  assert_ptr_equal(f->accounts[0].device, f->devices[PUMP]);
  assert_int_equal(f->accounts[0].created, 1000);
  assert_memory_equal(f->accounts[0].by_outcome, a.by_outcome,
                      sizeof a.by_outcome);
  assert_int_equal(f->accounts[0].attempts_begun, 77);
}

static void what_is_put_again_replaces_what_was_there(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 3);
  open_fresh(f);
  fixture_put(f, c, FIXTURE_NOW);
  c = fixture_command(f, 3);
  c->attempts = 4;
  fixture_put(f, c, FIXTURE_NOW);
  fixture_put_account(f, FAN, 1, 0, FIXTURE_NOW);
  fixture_put_account(f, FAN, 2, 1, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT id, attempts FROM commands"),
                      "3|4");
  assert_string_equal(fixture_sql(f, "SELECT created, accepted FROM totals"),
                      "2|1");
}

/* ---- turns ---- */

/* Puts the command with id 1, as one that was told, and with id 2 as a new one:
 * the rows must not differ. */
static void assert_stored_alike(struct fixture *f, struct command *c) {
  char told[2048];
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  c->change.is_told = true;
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  c->change.is_told = false;
  c->id = 2;
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
  c->id = 1;
  snprintf(told, sizeof told, "%s", fixture_sql(f, "SELECT * FROM commands"));
  char *new = strchr(told, '\n');
  assert_non_null(new);
  *new ++ = '\0';
  assert_int_equal(told[0], '1');
  assert_int_equal(new[0], '2');
  assert_string_equal(told + 1, new + 1);
}

static void a_command_that_was_told_is_stored_as_a_new_one(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 1);
  struct attempt *last = c->attempt, first = {.sent = FIXTURE_NOW};
  open_fresh(f);
  c->attempt = NULL;
  c->attempts = 0;
  c->waits_for_credentials = c->doubtful = false;
  assert_stored_alike(f, c);
  c->state = COMMAND_IN_FLIGHT;
  c->attempts = 1;
  c->attempt = &first;
  c->created = fixture_later(-8000);
  c->timeout_s = 3;
  c->valid_from_ms++;
  c->deadline_ms = COMMAND_NEVER_MS;
  c->not_before_ms = 0;
  assert_stored_alike(f, c);
  c->state = COMMAND_WAITING;
  c->attempt = last;
  c->waits_for_credentials = c->doubtful = true;
  c->not_before_ms = FIXTURE_NOW.ms + 77;
  f->devices[FAN]->qos = 1;
  f->policies[OVERHEAT].content_type = "text/plain";
  assert_stored_alike(f, c);
  fixture_finish(c, OUTCOME_REFUSED, fixture_later(-5));
  assert_stored_alike(f, c);
  command_free(c);
}

static void a_slot_that_was_told_is_stored_as_a_new_one(void **state) {
  struct fixture *f = *state;
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  open_fresh(f);
  s->owes = false;
  put_slot(f, s);
  s->change.is_told = true;
  slot_forget(s);
  s->owes = true;
  s->cooldown_until_ms++;
  put_slot(f, s);
  char *told = strdup(fixture_sql(f, "SELECT * FROM slots"));
  s->change.is_told = false;
  put_slot(f, s);
  assert_string_equal(fixture_sql(f, "SELECT * FROM slots"), told);
  assert_non_null(strstr(told, "|NULL|NULL|NULL|NULL|0|"));
  free(told);
  slot_free(s);
}

/* As after a failure of the ledger, which lost their first rows. */
static void what_was_told_and_is_not_there_is_put_whole(void **state) {
  struct fixture *f = *state;
  struct command *c = fixture_command(f, 1);
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  struct account a = {.device = f->devices[FAN],
                      .change = {.kind = CHANGE_ACCOUNT, .is_told = true},
                      .created = 1};
  assert_non_null(slot_add_series(s, FIXTURE_CORE));
  open_fresh(f);
  c->change.is_told = s->change.is_told = true;
  put_slot(f, s);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  fixture_put_counts(f, &a);
  assert_int_equal(ledger_commit(f->ledger), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_same_command(f->commands[0], c);
  assert_int_equal(f->slot_count, 1);
  assert_int_equal(f->accounts[0].created, 1);
  command_free(c);
  slot_free(s);
}

static void what_is_unchanged_is_in_the_totals_only(void **state) {
  struct fixture *f = *state;
  struct account a = {.device = f->devices[FAN], .created = 1};
  struct command *c = fixture_command(f, 1);
  open_fresh(f);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  fixture_put_counts(f, &a);
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, BALANCE), "fan|1|0|1|0");

  fixture_finish(c, OUTCOME_UNCHANGED, FIXTURE_NOW);
  a.by_outcome[OUTCOME_UNCHANGED] = 1;
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  fixture_put_counts(f, &a);
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands"), "0");
  assert_string_equal(fixture_sql(f, BALANCE), "fan|1|1|0|0");
  command_free(c);
}

static void a_removed_slot_is_gone_with_its_series_and_no_other(void **state) {
  struct fixture *f = *state;
  struct slot *one = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  struct slot *other = fixture_slot(f, OVERHEAT, PUMP, "overheat/pump");
  full_series(one, FIXTURE_CORE);
  full_series(other, FIXTURE_CORE);
  open_fresh(f);
  put_slot(f, one);
  put_slot(f, other);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  one->change.is_last = true;
  fixture_put_change(f, &one->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT key FROM slots"), "overheat/pump");
  assert_string_equal(fixture_sql(f, "SELECT slot FROM series"),
                      "overheat/pump");
  slot_free(one);
  slot_free(other);
}

static void clearing_the_state_leaves_history_and_totals(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  put_finished(f, 2, OUTCOME_EXPIRED, FIXTURE_NOW);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_clear_state(f->ledger);
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "2");
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM slots"), "0");
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM series"), "0");
  assert_string_equal(fixture_sql(f, "SELECT created FROM totals"), "3");
}

/* ---- a kill at any moment ---- */

/* Runs in a child that is killed in the middle of a turn, or behind it. */
static void be_killed(struct fixture *f, bool before_commit) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    struct command *c;
    if (fixture_open(f, FIXTURE_NOW) < 0)
      _exit(1);
    if (fixture_put_state(f, 2, FIXTURE_NOW) < 0)
      _exit(2);
    c = fixture_command(f, 3);
    ledger_begin(f->ledger, FIXTURE_NOW);
    fixture_put_change(f, &c->change, FIXTURE_NOW);
    if (!before_commit && ledger_commit(f->ledger) < 0)
      _exit(3);
    _exit(0);
  }
  int status = -1;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

static void a_kill_within_a_turn_loses_that_turn_and_no_other(void **state) {
  struct fixture *f = *state;
  be_killed(f, true);
  fixture_restart(f, FIXTURE_NOW);
  assert_false(f->was_set_aside);
  assert_int_equal(f->command_count, 2);
  assert_int_equal(f->next_id, 3);
}

static void a_kill_after_the_commit_loses_nothing(void **state) {
  struct fixture *f = *state;
  be_killed(f, false);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 3);
  assert_int_equal(f->next_id, 4);
}

/* ---- ids ---- */

static void ids_begin_with_one(void **state) {
  struct fixture *f = *state;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, 1);
}

static void no_id_is_given_twice_though_no_row_is_left_of_it(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  fixture_put_account(f, FAN, 7, 7, FIXTURE_NOW);
  fixture_put_account(f, PUMP, 5, 5, FIXTURE_NOW);
  fixture_put(f, fixture_command(f, 3), FIXTURE_NOW);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, 13);
  fixture_put(f, fixture_command(f, 40), FIXTURE_NOW);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, 41);
}

/* ---- trimming ---- */

#define DAYS_MS(days) ((int64_t)(days)*24 * 3600 * 1000)

static bool trim(struct fixture *f, struct moment now) {
  assert_int_equal(ledger_begin(f->ledger, now), 0);
  bool more = ledger_trim(f->ledger, now);
  assert_int_equal(ledger_commit(f->ledger), 0);
  return more;
}

static void history_older_than_its_days_is_deleted(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  put_finished(f, 1, OUTCOME_ACCEPTED, FIXTURE_NOW);
  put_finished(f, 2, OUTCOME_ACCEPTED, fixture_later(1000));
  assert_false(trim(f, fixture_later(DAYS_MS(30))));
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "1\n2");
  assert_false(trim(f, fixture_later(DAYS_MS(30) + 1)));
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "2");
}

/* So much later by the monotonic clock, while the wall clock jumps. */
static struct moment jump(int64_t ms, int64_t wall_jump_ms) {
  struct moment then = fixture_later(ms);
  then.wall_ms += wall_jump_ms;
  return then;
}

static void put_history(struct fixture *f) {
  open_fresh(f);
  put_finished(f, 1, OUTCOME_ACCEPTED, fixture_later(-DAYS_MS(20)));
  put_finished(f, 2, OUTCOME_ACCEPTED, FIXTURE_NOW);
}

static void assert_trimmed_at(struct fixture *f, struct moment now,
                              const char *ids) {
  assert_false(trim(f, now));
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), ids);
}

static void a_clock_that_jumps_ten_years_makes_nothing_old(void **state) {
  struct fixture *f = *state;
  put_history(f);
  assert_trimmed_at(f, jump(1000, DAYS_MS(3650)), "1\n2");
  assert_trimmed_at(f, jump(DAYS_MS(10), DAYS_MS(3650)), "1\n2");
  assert_trimmed_at(f, jump(DAYS_MS(10) + 1, DAYS_MS(3650)), "2");
}

static void a_clock_ten_years_ahead_at_a_start_makes_nothing_old(void **state) {
  struct fixture *f = *state;
  put_history(f);
  fixture_restart(f, jump(0, DAYS_MS(3650)));
  assert_trimmed_at(f, jump(1000, DAYS_MS(3650)), "1\n2");
  assert_trimmed_at(f, jump(DAYS_MS(10) + 1, DAYS_MS(3650)), "2");
}

static void a_clock_that_is_right_again_trims_as_ever(void **state) {
  struct fixture *f = *state;
  put_history(f);
  put_finished(f, 3, OUTCOME_ACCEPTED, fixture_later(DAYS_MS(3650)));
  fixture_restart(f, FIXTURE_NOW);
  assert_trimmed_at(f, fixture_later(DAYS_MS(10)), "1\n2\n3");
  assert_trimmed_at(f, fixture_later(DAYS_MS(10) + 1), "2\n3");
}

static void a_clock_that_goes_back_makes_nothing_old(void **state) {
  struct fixture *f = *state;
  put_history(f);
  assert_trimmed_at(f, jump(DAYS_MS(20), -DAYS_MS(3650)), "1\n2");
}

static void history_beyond_its_maximum_is_deleted_oldest_first(void **state) {
  struct fixture *f = *state;
  f->history_max = 2;
  open_fresh(f);
  for (int64_t id = 1; id <= 5; id++)
    put_finished(f, id, OUTCOME_REFUSED, fixture_later(-id * 1000));
  assert_false(trim(f, FIXTURE_NOW));
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "1\n2");
  assert_false(trim(f, FIXTURE_NOW));
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands"), "2");
}

static void a_maximum_of_zero_keeps_no_history(void **state) {
  struct fixture *f = *state;
  f->history_max = 0;
  open_fresh(f);
  fixture_put_account(f, FAN, 2, 1, FIXTURE_NOW);
  fixture_put(f, fixture_command(f, 1), FIXTURE_NOW);
  put_finished(f, 2, OUTCOME_ACCEPTED, FIXTURE_NOW);
  assert_false(trim(f, FIXTURE_NOW));
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "1");
  assert_string_equal(fixture_sql(f, BALANCE), "fan|2|1|1|0");
}

static void what_is_pending_is_never_trimmed_however_old(void **state) {
  struct fixture *f = *state;
  f->history_max = 0;
  open_fresh(f);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  assert_false(trim(f, fixture_later(DAYS_MS(4000))));
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM pending"), "3");
}

static void put_many_finished(struct fixture *f, int count) {
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  for (int id = 1; id <= count; id++) {
    struct command *c = fixture_command(f, id);
    fixture_finish(c, OUTCOME_ACCEPTED, FIXTURE_NOW);
    fixture_put_change(f, &c->change, FIXTURE_NOW);
    command_free(c);
  }
  assert_int_equal(ledger_commit(f->ledger), 0);
}

static void
a_turn_trims_so_many_rows_and_says_that_there_are_more(void **state) {
  struct fixture *f = *state;
  f->history_max = 100;
  open_fresh(f);
  put_many_finished(f, LEDGER_TRIM_ROWS + 150);
  assert_true(trim(f, FIXTURE_NOW));
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands"), "150");
  assert_false(trim(f, FIXTURE_NOW));
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands"), "100");
}

static void history_of_earlier_runs_counts_towards_the_maximum(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  put_many_finished(f, 30);
  assert_int_equal(fixture_put_state(f, 31, FIXTURE_NOW), 0);
  f->rule_is_gone[OVERHEAT] = true; /* ends one more, at the start */
  f->history_max = 10;
  fixture_restart(f, FIXTURE_NOW);
  trim(f, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands"), "10");
}

static void history_of_a_turn_that_failed_does_not_count(void **state) {
  struct fixture *f = *state;
  f->history_max = 2;
  open_fresh(f);
  put_finished(f, 1, OUTCOME_ACCEPTED, fixture_later(-2));
  put_finished(f, 2, OUTCOME_ACCEPTED, fixture_later(-1));
  struct command *c = fixture_command(f, 3);
  fixture_finish(c, OUTCOME_ACCEPTED, FIXTURE_NOW);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  shared_text_unref(c->slot_key);
  c->slot_key = NULL; /* what the table refuses */
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), -EPROTO);
  command_free(c);
  fixture_sql(f, "UPDATE totals SET epoch = 1"); /* nothing is locked */
  trim(f, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "1\n2");
}

static void history_of_a_file_that_was_removed_does_not_count(void **state) {
  struct fixture *f = *state;
  f->history_max = 3;
  open_fresh(f);
  put_many_finished(f, 5);
  assert_int_equal(unlink(f->path), 0);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), -ENOENT);
  put_many_finished(f, 2);
  trim(f, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "1\n2");
}

/* ---- in memory ---- */

static void in_memory_there_is_neither_file_nor_lock(void **state) {
  struct fixture *f = *state;
  snprintf(f->path, sizeof f->path, "%s", LEDGER_IN_MEMORY);
  open_fresh(f);
  fixture_load(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, 1);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  assert_false(trim(f, FIXTURE_NOW));
  assert_string_equal(ledger_error(f->ledger), "");
  assert_int_equal(ledger_file_bytes(f->ledger), 0);
  assert_int_equal(fixture_count_files(f, "onenet"), 0);
  assert_int_equal(access(LEDGER_IN_MEMORY, F_OK), -1);
  assert_int_equal(access(LEDGER_IN_MEMORY ".lock", F_OK), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_waiting_command_comes_back_with_all_its_fields),
      SITUATION(a_command_in_flight_comes_back_in_flight),
      SITUATION(a_command_with_nothing_optional_comes_back),
      SITUATION(every_class_of_verdict_comes_back),
      SITUATION(commands_come_back_in_the_order_of_their_ids),
      SITUATION(a_body_is_text_where_it_is_valid_text_and_else_a_blob),
      SITUATION(a_body_of_the_greatest_size_comes_back),
      SITUATION(a_slot_comes_back_with_all_its_fields),
      SITUATION(the_last_event_of_a_slot_can_be_read),
      SITUATION(a_slot_that_remembers_nothing_comes_back_so),
      SITUATION(how_long_a_state_has_held_comes_back),
      SITUATION(that_it_has_fired_and_is_taken_back_comes_back),
      SITUATION(for_a_clock_that_went_back_a_state_begins_now),
      SITUATION(a_slot_without_after_and_until_has_no_age),
      SITUATION(a_series_comes_back_with_all_its_fields),
      SITUATION(a_series_that_asks_for_nothing_or_what_can_not_be_sent),
      SITUATION(series_come_back_in_the_order_of_arrival),
      SITUATION(an_account_comes_back_with_all_its_fields),
      SITUATION(what_is_put_again_replaces_what_was_there),
      SITUATION(a_command_that_was_told_is_stored_as_a_new_one),
      SITUATION(a_slot_that_was_told_is_stored_as_a_new_one),
      SITUATION(what_was_told_and_is_not_there_is_put_whole),
      SITUATION(what_is_unchanged_is_in_the_totals_only),
      SITUATION(a_removed_slot_is_gone_with_its_series_and_no_other),
      SITUATION(clearing_the_state_leaves_history_and_totals),
      SITUATION(a_kill_within_a_turn_loses_that_turn_and_no_other),
      SITUATION(a_kill_after_the_commit_loses_nothing),
      SITUATION(ids_begin_with_one),
      SITUATION(no_id_is_given_twice_though_no_row_is_left_of_it),
      SITUATION(history_older_than_its_days_is_deleted),
      SITUATION(a_clock_that_jumps_ten_years_makes_nothing_old),
      SITUATION(a_clock_ten_years_ahead_at_a_start_makes_nothing_old),
      SITUATION(a_clock_that_is_right_again_trims_as_ever),
      SITUATION(a_clock_that_goes_back_makes_nothing_old),
      SITUATION(history_beyond_its_maximum_is_deleted_oldest_first),
      SITUATION(a_maximum_of_zero_keeps_no_history),
      SITUATION(what_is_pending_is_never_trimmed_however_old),
      SITUATION(a_turn_trims_so_many_rows_and_says_that_there_are_more),
      SITUATION(history_of_earlier_runs_counts_towards_the_maximum),
      SITUATION(history_of_a_turn_that_failed_does_not_count),
      SITUATION(history_of_a_file_that_was_removed_does_not_count),
      SITUATION(in_memory_there_is_neither_file_nor_lock),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
