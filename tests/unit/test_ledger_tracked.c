/* SPDX-License-Identifier: MIT
 *
 * What the ledger keeps of commands that are tracked.
 */
#include "ledger_words.h"

#include <stdlib.h>
#include <string.h>

#define TRACKED "SELECT status, status_at, answer, track_until FROM commands"

/* A command of that id was accepted just now, and is tracked. */
static struct tracked *accepted(struct fixture *f, int64_t id) {
  struct command *c = fixture_command(f, id);
  fixture_finish(c, OUTCOME_ACCEPTED, FIXTURE_NOW);
  struct tracked *t = tracked_new_of(c);
  assert_non_null(t);
  fixture_put(f, c, FIXTURE_NOW);
  return t;
}

static void put(struct fixture *f, struct tracked *t, struct moment now) {
  assert_int_equal(ledger_begin(f->ledger, now), 0);
  fixture_put_change(f, &t->change, now);
  assert_int_equal(ledger_commit(f->ledger), 0);
}

/* The ledger is open, and its rule tracks. */
static struct fixture *opened(void **state) {
  struct fixture *f = *state;
  f->policies[OVERHEAT].track = true;
  fixture_restart(f, FIXTURE_NOW);
  return f;
}

static void a_command_that_is_not_tracked_has_no_status(void **state) {
  struct fixture *f = opened(state);
  tracked_free(accepted(f, 1));
  assert_string_equal(fixture_sql(f, TRACKED), "NULL|NULL|NULL|NULL");
}

static void a_status_is_recorded_with_its_time(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  t->status = TRACKED_SENT;
  t->status_ms = FIXTURE_NOW.ms + 1500;
  put(f, t, fixture_later(2000));
  /* 600 s of which 5.003 s have passed, rounded up, and a minute. */
  assert_string_equal(fixture_sql(f, TRACKED),
                      "2|1700000001.5|NULL|1700000655.0");
  tracked_free(t);
}

static void what_is_concluded_is_kept_with_its_answer(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  t->status = TRACKED_ANSWERED;
  t->answer = fixture_body("done");
  t->concluded = true;
  put(f, t, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, TRACKED), "4|1700000000.0|done|NULL");
  assert_string_equal(fixture_sql(f, "SELECT typeof(answer), outcome, cmd_uuid "
                                     "FROM commands"),
                      "text|accepted|81572aae-fc34");
  tracked_free(t);
}

static void an_answer_that_is_no_text_is_a_blob(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  t->answer = body_new("\0\xff", 2);
  put(f, t, FIXTURE_NOW);
  assert_string_equal(
      fixture_sql(f, "SELECT typeof(answer), hex(answer) FROM commands"),
      "blob|00FF");
  tracked_free(t);
}

static void an_empty_answer_is_an_answer(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  t->answer = fixture_body("");
  put(f, t, FIXTURE_NOW);
  assert_string_equal(
      fixture_sql(f, "SELECT answer IS NULL, length(answer) FROM commands"),
      "0|0");
  tracked_free(t);
}

static void a_status_of_a_row_that_is_gone_changes_nothing(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  t->id = 7;
  put(f, t, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, TRACKED), "NULL|NULL|NULL|NULL");
  tracked_free(t);
}

static void what_is_tracked_is_tracked_on_after_a_restart(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 5);
  struct tracked *other = accepted(f, 6);
  const struct moment later = {.ms = 77, .wall_ms = FIXTURE_NOW.wall_ms + 9000};
  t->status = TRACKED_SENT;
  t->status_ms = FIXTURE_NOW.ms + 1500;
  other->concluded = true;
  put(f, t, FIXTURE_NOW);
  put(f, other, FIXTURE_NOW);
  fixture_restart(f, later);
  assert_int_equal(f->tracked_count, 1);
  const struct tracked *back = f->tracked[0];
  assert_int_equal(back->id, 5);
  assert_ptr_equal(back->policy, &f->policies[OVERHEAT]);
  assert_ptr_equal(back->device, f->devices[FAN]);
  assert_string_equal(back->slot_key, "overheat/fan");
  assert_string_equal(back->cmd_uuid, "81572aae-fc34");
  assert_int_equal(back->status, TRACKED_SENT);
  assert_false(back->concluded);
  assert_int_equal(back->created.wall_ms, FIXTURE_NOW.wall_ms - 7001);
  assert_int_equal(back->created.ms, 77 - 9000 - 7001);
  assert_int_equal(back->status_ms, 77 - 9000 + 1500);
  assert_int_equal(back->until_ms, 77 - 9000 + 655000);
  tracked_free(t);
  tracked_free(other);
}

static void tracking_moves_when_the_clock_is_set_and_no_more(void **state) {
  struct fixture *f = opened(state);
  struct ledger_batch batch;
  struct tracked *t = accepted(f, 1);
  t->status_ms = FIXTURE_NOW.ms + 1500;
  put(f, t, FIXTURE_NOW);
  ledger_batch_init(&batch);
  ledger_batch_add_jump(&batch, -1000);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_put_batch(f->ledger, &batch);
  assert_int_equal(ledger_commit(f->ledger), 0);
  ledger_batch_free(&batch);
  assert_string_equal(fixture_sql(f, "SELECT status_at, track_until,"
                                     " finished_at FROM commands"),
                      "1700000000.5|1700000654.0|1700000000.0");
  tracked_free(t);
}

static void a_clock_that_went_back_ten_years_does_not_extend_it(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  const struct moment back = {.ms = 50,
                              .wall_ms = FIXTURE_NOW.wall_ms - 315360000000};
  put(f, t, FIXTURE_NOW);
  fixture_restart(f, back);
  assert_int_equal(f->tracked[0]->until_ms, 50 + 655000);
  tracked_free(t);
}

static void it_belongs_to_the_slot_that_the_rule_has_now(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  put(f, t, FIXTURE_NOW);
  f->policies[OVERHEAT].per_series = true;
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(f->tracked[0]->slot_key, "overheat/fan/" FIXTURE_CORE);
  tracked_free(t);
}

static void assert_concluded_silently(struct fixture *f) {
  fixture_forget_log(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->tracked_count, 0);
  assert_int_equal(f->log_count, 0);
  assert_string_equal(
      fixture_sql(f, "SELECT outcome, status, track_until FROM commands"),
      "accepted|1|NULL");
}

static void what_the_rule_tracks_no_more_is_concluded(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  put(f, t, FIXTURE_NOW);
  f->policies[OVERHEAT].track = false;
  assert_concluded_silently(f);
  tracked_free(t);
}

static void what_is_of_a_rule_that_is_gone_is_concluded(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  put(f, t, FIXTURE_NOW);
  f->rule_is_gone[OVERHEAT] = true;
  assert_concluded_silently(f);
  tracked_free(t);
}

static void what_is_of_another_device_id_now_is_concluded(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  put(f, t, FIXTURE_NOW);
  assert_int_equal(device_set_id(f->devices[FAN], "1"), 0);
  assert_concluded_silently(f);
  tracked_free(t);
}

static void what_is_of_another_endpoint_now_is_concluded(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  put(f, t, FIXTURE_NOW);
  f->devices[FAN]->endpoint = f->devices[PUMP]->endpoint;
  assert_concluded_silently(f);
  tracked_free(t);
}

static void a_status_that_makes_no_sense_does_no_harm(void **state) {
  struct fixture *f = opened(state);
  struct tracked *t = accepted(f, 1);
  put(f, t, FIXTURE_NOW);
  fixture_sql(f, "UPDATE commands SET status = 99, track_until = 1e300");
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->tracked[0]->status, TRACKED_CREATED);
  tracked_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_command_that_is_not_tracked_has_no_status),
      SITUATION(a_status_is_recorded_with_its_time),
      SITUATION(what_is_concluded_is_kept_with_its_answer),
      SITUATION(an_answer_that_is_no_text_is_a_blob),
      SITUATION(an_empty_answer_is_an_answer),
      SITUATION(a_status_of_a_row_that_is_gone_changes_nothing),
      SITUATION(what_is_tracked_is_tracked_on_after_a_restart),
      SITUATION(tracking_moves_when_the_clock_is_set_and_no_more),
      SITUATION(a_clock_that_went_back_ten_years_does_not_extend_it),
      SITUATION(it_belongs_to_the_slot_that_the_rule_has_now),
      SITUATION(what_the_rule_tracks_no_more_is_concluded),
      SITUATION(what_is_of_a_rule_that_is_gone_is_concluded),
      SITUATION(what_is_of_another_device_id_now_is_concluded),
      SITUATION(what_is_of_another_endpoint_now_is_concluded),
      SITUATION(a_status_that_makes_no_sense_does_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
