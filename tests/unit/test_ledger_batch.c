/* SPDX-License-Identifier: MIT */
#include "ledger_fixture.h"

#include "ledger/ledger_batch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SITUATION(name)                                                        \
  cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static void open_fresh(struct fixture *f) {
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
}

static void put(struct fixture *f, const struct ledger_batch *batch) {
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_put_batch(f->ledger, batch);
  assert_int_equal(ledger_commit(f->ledger), 0);
}

static void add_and_free(struct ledger_batch *batch, struct command *c) {
  ledger_batch_add(batch, &c->change, FIXTURE_NOW);
  command_free(c);
}

static struct command *ended(struct fixture *f, int64_t id,
                             enum outcome outcome) {
  struct command *c = fixture_command(f, id);
  fixture_finish(c, outcome, FIXTURE_NOW);
  return c;
}

static void a_batch_outlives_what_it_was_made_of(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  struct command *c = fixture_command(f, 1);
  open_fresh(f);
  ledger_batch_init(&batch);
  ledger_batch_add(&batch, &c->change, FIXTURE_NOW);
  memset((char *)c->slot_key, 'x', strlen(c->slot_key));
  memset(c->body->data, 'x', c->body->size);
  c->attempts = 99;
  command_free(c);
  put(f, &batch);
  ledger_batch_free(&batch);
  assert_string_equal(
      fixture_sql(f, "SELECT slot, body, attempts FROM commands"),
      "overheat/fan|{\"fan\":\"on\"}|3");
}

static void it_knows_the_bytes_that_its_rows_take(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch, other;
  ledger_batch_init(&batch);
  ledger_batch_init(&other);
  add_and_free(&batch, ended(f, 1, OUTCOME_ACCEPTED));
  size_t one = batch.bytes;
  assert_true(one > 300 && one < 1000); /* of more than 30 columns */
  struct command *c = ended(f, 2, OUTCOME_ACCEPTED);
  body_unref(c->body);
  static const char bytes[5000];
  c->body = body_new(bytes, sizeof bytes);
  add_and_free(&other, c);
  size_t large = other.bytes;
  assert_true(large > one + 4900 && large < one + 5100);
  ledger_batch_append(&batch, &other);
  assert_int_equal(other.bytes, 0);
  assert_int_equal(batch.bytes, one + large);
  ledger_batch_keep_history(&other, &batch, 1, SIZE_MAX);
  assert_int_equal(batch.bytes, 0);
  assert_int_equal(other.bytes, large);
  ledger_batch_free(&other);
  assert_int_equal(other.bytes, 0);
}

static void only_history_is_kept_for_later(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch, kept;
  open_fresh(f);
  ledger_batch_init(&batch);
  ledger_batch_init(&kept);
  add_and_free(&batch, fixture_command(f, 1));
  add_and_free(&batch, ended(f, 2, OUTCOME_ACCEPTED));
  add_and_free(&batch, ended(f, 3, OUTCOME_UNCHANGED));
  ledger_batch_keep_history(&kept, &batch, 10, SIZE_MAX);
  assert_int_equal(batch.count, 0);
  assert_int_equal(kept.count, 1);
  put(f, &kept);
  ledger_batch_free(&kept);
  assert_string_equal(fixture_sql(f, "SELECT id, outcome FROM commands"),
                      "2|accepted");
}

static void
what_an_order_names_is_history_though_it_is_unchanged(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  open_fresh(f);
  ledger_batch_init(&batch);
  struct command *c = ended(f, 3, OUTCOME_UNCHANGED);
  c->is_ordered = true;
  add_and_free(&batch, c);
  put(f, &batch);
  ledger_batch_free(&batch);
  assert_string_equal(fixture_sql(f, "SELECT id, outcome FROM commands"),
                      "3|unchanged");
}

static void history_that_takes_too_much_memory_is_not_kept(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch, kept;
  open_fresh(f);
  ledger_batch_init(&kept);
  ledger_batch_init(&batch);
  add_and_free(&batch, ended(f, 1, OUTCOME_ACCEPTED));
  size_t one = batch.bytes;
  add_and_free(&batch, ended(f, 2, OUTCOME_ACCEPTED));
  add_and_free(&batch, ended(f, 3, OUTCOME_ACCEPTED));
  ledger_batch_keep_history(&kept, &batch, SIZE_MAX, 2 * one + 1);
  put(f, &kept);
  ledger_batch_free(&kept);
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands ORDER BY id"),
                      "2\n3");
}

/* ---- a clock that is set ---- */

#define AHEAD_MS 7200500

static void make_series(struct slot *slot) {
  struct series *one = slot_add_series(slot, "one");
  const struct slot_time known = {.known = true,
                                  .wall_event_ms = FIXTURE_NOW.wall_ms - 41,
                                  .arrived = fixture_later(-37)};
  assert_non_null(slot_add_series(slot, "silent"));
  one->arrived_ms = FIXTURE_NOW.ms - 31;
  one->since_ms = FIXTURE_NOW.ms - 29;
  one->event = one->valued = known;
}

static void add_state(struct ledger_batch *b, struct fixture *f,
                      struct moment now) {
  struct command *c = fixture_command(f, 1);
  struct slot *s = fixture_slot(f, 0, 0, "overheat/fan");
  make_series(s);
  ledger_batch_add(b, &c->change, now);
  ledger_batch_add(b, &s->change, now);
  for (struct series *one = s->newest[SEVERITY_OKAY]; one; one = one->older)
    ledger_batch_add(b, &one->change, now);
  command_free(c);
  slot_free(s);
}

static void put_state(struct fixture *f, struct moment now) {
  struct ledger_batch batch;
  ledger_batch_init(&batch);
  add_state(&batch, f, now);
  put(f, &batch);
  ledger_batch_free(&batch);
}

static void write_state(const struct fixture *f, char *ret_text, size_t bytes) {
  size_t used = 0;
  for (int i = 0; i < 3; i++)
    used += (size_t)snprintf(
        ret_text + used, bytes - used, "%s\n",
        fixture_sql(f, (const char *[]){"SELECT * FROM commands WHERE id = 1",
                                        "SELECT * FROM slots",
                                        "SELECT * FROM series ORDER BY "
                                        "name"}[i]));
}

/* As if all of it were put anew. */
static void what_is_pending_moves_when_the_clock_is_set(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  struct moment ahead = FIXTURE_NOW;
  char moved[4096], anew[4096];
  ahead.wall_ms += AHEAD_MS;
  open_fresh(f);
  put_state(f, FIXTURE_NOW);
  ledger_batch_init(&batch);
  ledger_batch_add_jump(&batch, AHEAD_MS);
  put(f, &batch);
  ledger_batch_free(&batch);
  write_state(f, moved, sizeof moved);
  put_state(f, ahead);
  write_state(f, anew, sizeof anew);
  assert_string_equal(moved, anew);
}

static void
rows_before_it_in_the_batch_move_and_later_ones_do_not(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  open_fresh(f);
  ledger_batch_init(&batch);
  add_and_free(&batch, fixture_command(f, 1));
  ledger_batch_add_jump(&batch, 1000);
  add_and_free(&batch, fixture_command(f, 2));
  put(f, &batch);
  ledger_batch_free(&batch);
  assert_string_equal(fixture_sql(f, "SELECT created_at FROM commands"
                                     " ORDER BY id"),
                      "1699999993.999\n1699999992.999");
}

static void history_does_not_move_when_the_clock_is_set(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  open_fresh(f);
  ledger_batch_init(&batch);
  add_and_free(&batch, ended(f, 1, OUTCOME_ACCEPTED));
  ledger_batch_add_jump(&batch, 1000);
  put(f, &batch);
  ledger_batch_free(&batch);
  assert_string_equal(
      fixture_sql(f, "SELECT created_at, finished_at FROM commands"),
      "1699999992.999|1700000000.0");
}

static void a_series_that_is_over_is_removed_alone(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  struct slot *s = fixture_slot(f, 0, 0, "overheat/fan");
  struct series *gone = slot_add_series(s, "gone");
  struct series *there = slot_add_series(s, "there");
  open_fresh(f);
  ledger_batch_init(&batch);
  ledger_batch_add(&batch, &s->change, FIXTURE_NOW);
  ledger_batch_add(&batch, &gone->change, FIXTURE_NOW);
  ledger_batch_add(&batch, &there->change, FIXTURE_NOW);
  put(f, &batch);
  ledger_batch_free(&batch);
  assert_string_equal(fixture_sql(f, "SELECT name FROM series ORDER BY name"),
                      "gone\nthere");
  slot_take_out(gone);
  gone->change.is_last = true;
  ledger_batch_add(&batch, &gone->change, FIXTURE_NOW);
  put(f, &batch);
  ledger_batch_free(&batch);
  assert_string_equal(fixture_sql(f, "SELECT name FROM series"), "there");
  slot_free_series(gone);
  slot_free(s);
}

static void
what_was_superseded_before_it_was_recorded_gets_no_row(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  struct command *recorded = ended(f, 2, OUTCOME_SUPERSEDED);
  recorded->change.is_told = true;
  open_fresh(f);
  ledger_batch_init(&batch);
  add_and_free(&batch, ended(f, 1, OUTCOME_SUPERSEDED));
  add_and_free(&batch, recorded);
  add_and_free(&batch, ended(f, 3, OUTCOME_EXPIRED));
  put(f, &batch);
  ledger_batch_free(&batch);
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands ORDER BY id"),
                      "2\n3");
}

static void beyond_the_limit_the_oldest_history_gives_way(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch, kept;
  open_fresh(f);
  ledger_batch_init(&kept);
  for (int id = 1; id <= 5; id++) {
    ledger_batch_init(&batch);
    add_and_free(&batch, ended(f, id, OUTCOME_REFUSED));
    ledger_batch_keep_history(&kept, &batch, 3, SIZE_MAX);
  }
  put(f, &kept);
  ledger_batch_free(&kept);
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands ORDER BY id"),
                      "3\n4\n5");
}

static void a_batch_that_is_not_complete_is_not_committed(void **state) {
  struct fixture *f = *state;
  struct ledger_batch batch;
  open_fresh(f);
  ledger_batch_init(&batch);
  add_and_free(&batch, fixture_command(f, 1));
  batch.error = -ENOMEM;
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_put_batch(f->ledger, &batch);
  assert_int_equal(ledger_commit(f->ledger), -ENOMEM);
  ledger_batch_free(&batch);
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands"), "0");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_batch_outlives_what_it_was_made_of),
      SITUATION(it_knows_the_bytes_that_its_rows_take),
      SITUATION(only_history_is_kept_for_later),
      SITUATION(what_an_order_names_is_history_though_it_is_unchanged),
      SITUATION(history_that_takes_too_much_memory_is_not_kept),
      SITUATION(what_is_pending_moves_when_the_clock_is_set),
      SITUATION(rows_before_it_in_the_batch_move_and_later_ones_do_not),
      SITUATION(history_does_not_move_when_the_clock_is_set),
      SITUATION(a_series_that_is_over_is_removed_alone),
      SITUATION(what_was_superseded_before_it_was_recorded_gets_no_row),
      SITUATION(beyond_the_limit_the_oldest_history_gives_way),
      SITUATION(a_batch_that_is_not_complete_is_not_committed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
