/* SPDX-License-Identifier: MIT
 *
 * A ledger for which there is not enough memory, be it ours or SQLite's:
 * whatever can not be had, it fails for now, takes nothing for damage, and
 * keeps what was in it.
 */
#include "ledger_words.h"
#include "scarce_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAITING 4 /* commands */

/* ---- a ledger with a row of each kind ---- */

static void put_tracked(struct fixture *f, int64_t id) {
  struct command *c = fixture_command(f, id);
  fixture_finish(c, OUTCOME_ACCEPTED, FIXTURE_NOW);
  struct tracked *one = tracked_new_of(c);
  assert_non_null(one);
  fixture_put(f, c, FIXTURE_NOW);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &one->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
  tracked_free(one);
}

static void give_orders(const struct fixture *f) {
  fixture_sql(f, "INSERT INTO orders (given_at, verb, uid, rule, until_at,"
                 " comment, forced, state, ended_at) VALUES (1699999990,"
                 " 'silence', 0, 'overheat', 1700000600, 'a test', 0, 'obeyed',"
                 " 1699999991)");
  fixture_sql(f, "INSERT INTO orders (given_at, verb, uid, device, body,"
                 " content_type, service, comment, forced, state) VALUES"
                 " (1699999992, 'send', 7, 'fan', x'00ff', 'text/plain',"
                 " 'blink', 'a test', 0, 'given')");
  fixture_sql(f, "INSERT INTO orders (given_at, verb, uid, command_id, forced,"
                 " state) VALUES (1699999993, 'retry', 7, 6, 0, 'given')");
}

static char saved[1 << 20]; /* the file, as it was closed */
static size_t saved_bytes;

static void save(const struct fixture *f) {
  FILE *file = fopen(f->path, "rb");
  assert_non_null(file);
  saved_bytes = fread(saved, 1, sizeof saved, file);
  assert_in_range(saved_bytes, 1, sizeof saved - 1);
  fclose(file);
}

static void leave_ledger(struct fixture *f) {
  f->policies[OVERHEAT].track = true;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, WAITING, FIXTURE_NOW), 0);
  put_tracked(f, WAITING + 1);
  put_finished(f, WAITING + 2, OUTCOME_UNKNOWN, FIXTURE_NOW);
  give_orders(f);
  fixture_close(f);
  save(f);
}

/* Puts the file back as it was; what lay beside it is gone. */
static void put_back(void *context) {
  const struct fixture *f = context;
  write_file(f->path, saved, saved_bytes);
}

/* What there is, is restored once, and nothing but that. */
static void assert_restored(const struct fixture *f) {
  assert_int_equal(f->command_count, WAITING);
  assert_int_equal(f->slot_count, 1);
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->tracked_count, 1);
  assert_int_equal(f->silence_count, 1);
  assert_int_equal(f->next_id, WAITING + 3);
  assert_string_equal(f->failing, "overheat fan unknown;");
}

/* There is memory again: what was in the file is there, and it works. */
static void assert_kept(struct fixture *f) {
  assert_int_equal(fixture_count_files(f, "corrupt"), 0);
  assert_int_equal(fixture_count_files(f, "unread"), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_restored(f);
  assert_int_equal(fixture_put_state(f, WAITING, FIXTURE_NOW), 0);
  fixture_close(f);
  fixture_forget_log(f);
}

/* ---- the start ---- */

/* Either all of it is restored, or none of it. */
static void starts(void *context) {
  struct fixture *f = context;
  int status = fixture_open(f, FIXTURE_NOW);
  if (status == 0)
    status = fixture_try_load(f, FIXTURE_NOW);
  scarce_memory_end();
  if (scarce_memory_missed() == 0)
    assert_int_equal(status, 0);
  if (status == 0)
    assert_restored(f);
  else
    assert_int_equal(status, -ENOMEM);
  fixture_close(f);
  assert_kept(f);
}

static void a_start_without_memory_leaves_all_in_the_file(void **state) {
  leave_ledger(*state);
  scarce_memory_walk(put_back, starts, *state, 300);
}

/* What the configuration no longer asks for ends at the start. */
static void rules_are_gone(void *context) {
  struct fixture *f = context;
  int status = fixture_open(f, FIXTURE_NOW);
  f->rule_is_gone[OVERHEAT] = true;
  if (status == 0)
    status = fixture_try_load(f, FIXTURE_NOW);
  scarce_memory_end();
  assert_true(status == 0 || status == -ENOMEM);
  fixture_close(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 0);
  assert_int_equal(f->slot_count, 0);
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM commands WHERE "
                                     "state = 'finished'"),
                      "6");
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM balance WHERE"
                                     " difference <> 0"),
                      "0");
  fixture_close(f);
  f->rule_is_gone[OVERHEAT] = false;
  fixture_forget_log(f);
}

static void what_ends_at_a_start_without_memory_ends_once(void **state) {
  leave_ledger(*state);
  scarce_memory_walk(put_back, rules_are_gone, *state, 300);
}

/* ---- the look from outside ---- */

static void is_looked_at(void *context) {
  struct fixture *f = context;
  int status = fixture_peek(f, FIXTURE_NOW);
  scarce_memory_end();
  if (status == 0)
    assert_restored(f);
  else
    assert_int_equal(status, -ENOMEM);
}

static void a_look_without_memory_changes_nothing(void **state) {
  struct fixture *f = *state;
  leave_ledger(f);
  scarce_memory_walk(NULL, is_looked_at, f, 300);
  assert_kept(f);
}

/* ---- a turn ---- */

static struct {
  struct fixture *f;
  struct ledger_batch batch;
} turn;

static void opens(void *context) {
  struct fixture *f = context;
  put_back(f);
  fixture_restart(f, FIXTURE_NOW);
}

static int put_batch(struct fixture *f) {
  int status = ledger_begin(f->ledger, FIXTURE_NOW);
  if (status < 0)
    return status;
  ledger_put_batch(f->ledger, &turn.batch);
  ledger_trim(f->ledger, FIXTURE_NOW);
  return ledger_commit(f->ledger);
}

#define WITH_TURN "SELECT count(*), max(id) FROM commands"

static void is_put(void *context) {
  struct fixture *f = context;
  int status = put_batch(f);
  scarce_memory_end();
  assert_true(status == 0 || status == -ENOMEM);
  assert_string_equal(fixture_sql(f, WITH_TURN), status == 0 ? "8|8" : "6|6");
  assert_int_equal(strlen(ledger_error(f->ledger)) > 0, status < 0);
  assert_int_equal(put_batch(f), 0);
  assert_string_equal(ledger_error(f->ledger), "");
  assert_string_equal(fixture_sql(f, WITH_TURN), "8|8");
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM orders"), "3");
  fixture_close(f);
  fixture_forget_log(f);
}

static void fill_batch(struct fixture *f) {
  struct command *waiting = fixture_command(f, 8);
  struct command *finished = fixture_command(f, 7);
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  fixture_finish(finished, OUTCOME_EXPIRED, FIXTURE_NOW);
  ledger_batch_init(&turn.batch);
  ledger_batch_add(&turn.batch, &waiting->change, FIXTURE_NOW);
  ledger_batch_add(&turn.batch, &finished->change, FIXTURE_NOW);
  ledger_batch_add(&turn.batch, &s->change, FIXTURE_NOW);
  slot_free(s);
  command_free(waiting);
  command_free(finished);
}

static void a_turn_without_memory_is_put_again(void **state) {
  struct fixture *f = *state;
  leave_ledger(f);
  fill_batch(f);
  scarce_memory_walk(opens, is_put, f, 10);
  ledger_batch_free(&turn.batch);
}

/* ---- a batch ---- */

static void is_made(void *context) {
  struct fixture *f = context;
  struct command *c = fixture_command(f, 9);
  struct ledger_batch batch;
  ledger_batch_init(&batch);
  scarce_memory_begin(turn.batch.count == 0 ? 0 : 1);
  ledger_batch_add(&batch, &c->change, FIXTURE_NOW);
  ledger_batch_add(&batch, &c->change, FIXTURE_NOW);
  scarce_memory_end();
  assert_int_equal(batch.error, -ENOMEM);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_put_batch(f->ledger, &batch);
  assert_int_equal(ledger_commit(f->ledger), -ENOMEM);
  ledger_batch_free(&batch);
  command_free(c);
}

static void a_batch_that_is_not_complete_is_not_put_by_halves(void **state) {
  struct fixture *f = *state;
  leave_ledger(f);
  opens(f);
  turn.batch.count = 0;
  is_made(f);
  turn.batch.count = 1;
  is_made(f);
  assert_string_equal(fixture_sql(f, WITH_TURN), "6|6");
  fixture_close(f);
  assert_kept(f);
}

/* ---- orders ---- */

static void orders_are_read(void *context) {
  struct fixture *f = context;
  struct order *list = NULL;
  int status = ledger_read_orders(f->ledger, FIXTURE_NOW, &list);
  scarce_memory_end();
  if (status < 0) {
    assert_int_equal(status, -ENOMEM);
    assert_null(list);
    assert_int_equal(ledger_read_orders(f->ledger, FIXTURE_NOW, &list), 0);
  }
  assert_string_equal(list->device_name, "fan");
  assert_string_equal(list->service, "blink");
  assert_string_equal(list->comment, "a test");
  assert_int_equal(list->body->size, 2);
  assert_int_equal(list->next->command_id, 6);
  assert_int_equal(list->next->was, OUTCOME_UNKNOWN);
  assert_string_equal(list->next->series, FIXTURE_CORE);
  assert_null(list->next->next);
  order_free_list(list);
  fixture_close(f);
}

static void orders_without_memory_are_read_again(void **state) {
  leave_ledger(*state);
  scarce_memory_walk(opens, orders_are_read, *state, 10);
}

/* ---- the rest, and the end ---- */

static void rests_and_ends(void *context) {
  struct fixture *f = context;
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS));
  ledger_close(f->ledger);
  scarce_memory_end();
  f->ledger = NULL;
  fixture_close(f);
  assert_kept(f);
}

static void an_end_without_memory_leaves_all_in_the_file(void **state) {
  leave_ledger(*state);
  scarce_memory_walk(opens, rests_and_ends, *state, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_start_without_memory_leaves_all_in_the_file),
      SITUATION(what_ends_at_a_start_without_memory_ends_once),
      SITUATION(a_look_without_memory_changes_nothing),
      SITUATION(a_turn_without_memory_is_put_again),
      SITUATION(a_batch_that_is_not_complete_is_not_put_by_halves),
      SITUATION(orders_without_memory_are_read_again),
      SITUATION(an_end_without_memory_leaves_all_in_the_file),
  };
  fixture_place = "/dev/shm";
  scarce_memory_stride(127);
  scarce_memory_serve_sqlite();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
