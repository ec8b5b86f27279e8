/* SPDX-License-Identifier: MIT
 *
 * A disk on which any call of SQLite fails, alone or with all that follow it,
 * at the start, in a turn and at the end: nothing is taken for damage, what is
 * lost is counted, and once the disk works the whole state is in the file.
 */
#include "failing_vfs.h"
#include "ledger_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WAITING 4 /* commands */
#define TRIES 3   /* turns until it works again, at most */

static char saved[1 << 20]; /* the file, as it was closed */
static size_t saved_bytes;

static int set_up(void **state) {
  int status = fixture_setup(state);
  struct fixture *f = *state;
  failing_vfs_install();
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, WAITING, FIXTURE_NOW), 0);
  fixture_close(f);
  FILE *file = fopen(f->path, "rb");
  assert_non_null(file);
  saved_bytes = fread(saved, 1, sizeof saved, file);
  assert_in_range(saved_bytes, 1, sizeof saved - 1);
  fclose(file);
  return status;
}

static int tear_down(void **state) {
  int status = fixture_teardown(state);
  failing_vfs_remove();
  return status;
}

/* The disk works again, and the agent goes on: it reads what it could not, and
 * puts the whole state. */
static void goes_on(struct fixture *f) {
  int status = -EIO;
  for (int i = 0; i < TRIES && status < 0; i++)
    status =
        ledger_is_unread(f->ledger) ? fixture_read_late(f, FIXTURE_NOW) : 0;
  assert_int_equal(status, 0);
  status = -EIO;
  for (int i = 0; i < TRIES && status < 0; i++)
    status = fixture_put_state(f, WAITING, FIXTURE_NOW);
  assert_int_equal(status, 0);
  assert_string_equal(ledger_error(f->ledger), "");
  assert_int_equal(fixture_count_files(f, "corrupt"), 0);
}

static void assert_all_or_told(struct fixture *f) {
  struct ledger_loss loss = {0};
  ledger_take_loss(f->ledger, &loss);
  if (loss.uncounted == 0)
    assert_true(f->command_count + loss.commands >= WAITING);
  assert_true(f->command_count <= WAITING);
}

static void assert_state(struct fixture *f) {
  fixture_restart(f, FIXTURE_NOW);
  assert_false(f->was_set_aside);
  assert_int_equal(f->command_count, WAITING);
  assert_int_equal(f->slot_count, 1);
  assert_int_equal(f->series_count, 1);
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM balance WHERE"
                                     " difference <> 0"),
                      "0");
  fixture_close(f);
  fixture_forget_log(f);
}

static struct {
  int number;
  bool only_one;
} next; /* call to fail */

static int failed; /* calls, while the disk did not work */

static void disk_works(void) {
  failed = failing_vfs_failed();
  failing_vfs_fail_call(0, false);
}

/* Returns whether that call was asked for. */
static bool fail_call(struct fixture *f, int number, bool only_one,
                      void (*happens)(struct fixture *f)) {
  write_file(f->path, saved, saved_bytes);
  next.number = number;
  next.only_one = only_one;
  failing_vfs_fail_call(number, only_one);
  happens(f);
  return failed > 0;
}

static void fail_each_call(struct fixture *f,
                           void (*happens)(struct fixture *f), int at_least) {
  int number = 1;
  while (fail_call(f, number, true, happens) |
         fail_call(f, number, false, happens))
    number++;
  assert_true(number > at_least);
}

/* ---- what happens meanwhile ---- */

/* What can be read once and not a second time prevents the start, and stays as
 * it was. */
static void starts(struct fixture *f) {
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  int status = fixture_try_load(f, FIXTURE_NOW);
  disk_works();
  if (status == 0) {
    goes_on(f);
    assert_all_or_told(f);
  } else {
    assert_int_equal(status, -EIO);
    fixture_close(f);
  }
  assert_state(f);
}

static void a_start_goes_on_whichever_call_fails(void **state) {
  fail_each_call(*state, starts, 30);
}

/* Opens with the disk at work, and goes on with it as it was to be. */
static void open_before(struct fixture *f) {
  failing_vfs_fail_call(0, false);
  fixture_restart(f, FIXTURE_NOW);
  failing_vfs_fail_call(next.number, next.only_one);
}

static void has_a_turn(struct fixture *f) {
  open_before(f);
  int status = fixture_put_state(f, WAITING + 1, FIXTURE_NOW);
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS));
  disk_works();
  assert_int_equal(strlen(ledger_error(f->ledger)) > 0, status < 0);
  assert_string_equal(fixture_sql(f, "SELECT max(id) FROM commands"),
                      (status < 0 ? (const char[]){'0' + WAITING, '\0'}
                                  : (const char[]){'0' + WAITING + 1, '\0'}));
  goes_on(f);
  assert_state(f);
}

static void ends(struct fixture *f) {
  open_before(f);
  ledger_close(f->ledger);
  f->ledger = NULL;
  disk_works();
  fixture_close(f);
  assert_state(f);
  assert_int_equal(fixture_count_files(f, "corrupt"), 0);
}

static void is_looked_at(struct fixture *f) {
  int status = fixture_peek(f, FIXTURE_NOW);
  disk_works();
  if (status == 0)
    assert_int_equal(f->command_count, WAITING);
  else
    assert_string_not_equal(f->why, "");
  assert_state(f);
  assert_int_equal(fixture_count_files(f, "corrupt"), 0);
  assert_int_equal(fixture_count_files(f, "unread"), 0);
}

static void a_turn_fails_and_is_put_again_whichever_call_fails(void **state) {
  fail_each_call(*state, has_a_turn, 10);
}

static void an_end_leaves_all_whichever_call_fails(void **state) {
  fail_each_call(*state, ends, 5);
}

static void a_look_changes_nothing_whichever_call_fails(void **state) {
  fail_each_call(*state, is_looked_at, 10);
}

int main(void) {
#define DISK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      DISK(a_start_goes_on_whichever_call_fails),
      DISK(a_turn_fails_and_is_put_again_whichever_call_fails),
      DISK(an_end_leaves_all_whichever_call_fails),
      DISK(a_look_changes_nothing_whichever_call_fails),
  };
  fixture_place = "/dev/shm";
  return cmocka_run_group_tests(tests, NULL, NULL);
}
