/* SPDX-License-Identifier: MIT
 *
 * Tests of what a crash leaves in the -wal, and of damage to it.
 */
#include "ledger/sqlite_wal.h"

#include "ledger_words.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SITUATION(name)                                                        \
  cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define COMMANDS 20
#define FRAME_BYTES (24 + 4096)

static const char *beside(const struct fixture *f, const char *suffix) {
  static char path[2][1024];
  static int next;
  next = 1 - next;
  snprintf(path[next], sizeof path[next], "%s%s", f->path, suffix);
  return path[next];
}

/* ---- what a crash leaves ---- */

static void commit_commands(struct fixture *f, int64_t first, int count) {
  uint64_t created = f->account_count > 0 ? f->accounts[0].created : 0;
  for (int64_t id = first; id < first + count; id++) {
    assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
    struct command *c = fixture_command(f, id);
    fixture_put_change(f, &c->change, FIXTURE_NOW);
    command_free(c);
    const struct account a = {.device = f->devices[FAN], .created = ++created};
    fixture_put_counts(f, &a);
    assert_int_equal(ledger_commit(f->ledger), 0);
  }
}

/* Commits in the middle of a turn that is never committed, and is killed. */
static void commit_and_die(struct fixture *f) {
  if (fixture_open(f, FIXTURE_NOW) < 0)
    _exit(1);
  commit_commands(f, 1, COMMANDS);
  ledger_begin(f->ledger, FIXTURE_NOW);
  struct command *c = fixture_command(f, 1000);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  raise(SIGKILL);
}

static void start_and_die(struct fixture *f) {
  if (fixture_open(f, FIXTURE_NOW) == 0)
    raise(SIGKILL);
  _exit(1);
}

/* Runs what ends the process in a child. */
static void run_to_death(struct fixture *f, void (*die)(struct fixture *f)) {
  int status = -1;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0)
    die(f);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void leave_killed(struct fixture *f) { run_to_death(f, commit_and_die); }

static off_t wal_bytes(const struct fixture *f) {
  struct stat about;
  assert_int_equal(stat(beside(f, "-wal"), &about), 0);
  return about.st_size;
}

static void flip_bit(const struct fixture *f, off_t offset, int bit) {
  unsigned char byte;
  int fd = open(beside(f, "-wal"), O_RDWR);
  assert_int_equal(pread(fd, &byte, 1, offset), 1);
  byte ^= (unsigned char)(1 << bit);
  assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
  close(fd);
}

static void zero(const struct fixture *f, off_t offset, size_t size) {
  static const char nothing[FRAME_BYTES];
  int fd = open(beside(f, "-wal"), O_RDWR);
  assert_int_equal(pwrite(fd, nothing, size, offset), (ssize_t)size);
  close(fd);
}

static struct sqlite_wal_frames look(const struct fixture *f) {
  struct sqlite_wal_frames frames;
  assert_int_equal(
      sqlite_wal_look(beside(f, "-wal"), beside(f, "-shm"), &frames), 0);
  return frames;
}

/* ---- what SQLite says of it ---- */

static uint32_t frames_recovered;

static void take_words(void *context, int code, const char *words) {
  (void)context;
  (void)code;
  unsigned frames = 0;
  if (sscanf(words, "recovered %u frames from WAL file", &frames) == 1)
    frames_recovered = frames;
}

static int begin_listening(void **state) {
  (void)state;
  return sqlite3_config(SQLITE_CONFIG_LOG, take_words, NULL);
}

/* ---- situations ---- */

static void assert_no_damage(struct fixture *f, size_t commands) {
  frames_recovered = 0;
  struct sqlite_wal_frames frames = look(f);
  assert_int_equal(frames.lost, 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(frames.recovered, frames_recovered);
  assert_int_equal(f->command_count, commands);
  assert_true(ledger_knows_all(f->ledger));
  assert_int_equal(fixture_count_files(f, "damaged"), 0);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 0);
}

/* Expects that the commits before the damage go on, that a copy of all files is
 * kept, and that it is told once. */
static void assert_damage(struct fixture *f) {
  frames_recovered = 0;
  struct sqlite_wal_frames frames = look(f);
  off_t bytes = wal_bytes(f);
  assert_true(frames.lost > 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(frames.recovered, frames_recovered);
  assert_true(f->command_count < COMMANDS);
  assert_int_equal(f->next_id, FIXTURE_NOW.wall_ms);
  assert_false(ledger_knows_all(f->ledger));
  assert_int_equal(fixture_count_log(f, "its -wal is damaged"), 1);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 1);
  struct ledger_loss loss;
  assert_true(ledger_take_loss(f->ledger, &loss));
  assert_int_equal(loss.commands, 0);
  assert_int_equal(loss.uncounted, 1);
  assert_int_equal(fixture_count_files(f, "damaged-1700000000"), 3);
  assert_false(f->was_set_aside);
  struct stat about;
  assert_int_equal(stat(beside(f, ".damaged-1700000000-wal"), &about), 0);
  assert_int_equal(about.st_size, bytes);
  commit_commands(f, 500, 1);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_count_files(f, "damaged"), 3);
}

static void a_crash_without_damage_is_no_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  assert_true(look(f).recovered >= COMMANDS);
  assert_no_damage(f, COMMANDS);
}

static void a_clean_stop_leaves_nothing_to_lose(void **state) {
  struct fixture *f = *state;
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  commit_commands(f, 1, COMMANDS);
  fixture_close(f);
  assert_int_equal(look(f).recovered, 0);
  assert_no_damage(f, COMMANDS);
}

static void a_torn_tail_is_no_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  /* Frames of a turn that was not committed, cut within the second. */
  int fd = open(beside(f, "-wal"), O_RDWR);
  unsigned char frame[FRAME_BYTES];
  off_t end = wal_bytes(f);
  assert_int_equal(pread(fd, frame, sizeof frame, 32), FRAME_BYTES);
  memset(frame + 4, 0, 4);
  assert_int_equal(pwrite(fd, frame, sizeof frame, end), FRAME_BYTES);
  assert_int_equal(pwrite(fd, frame, 1000, end + FRAME_BYTES), 1000);
  close(fd);
  assert_no_damage(f, COMMANDS);
}

/* A disk that does not sync fails a commit that is written already; the next
 * one, which is smaller, is written over the first of its frames. */
static void frames_of_a_commit_that_failed_are_no_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  int fd = open(beside(f, "-wal"), O_RDWR);
  unsigned char frame[FRAME_BYTES];
  off_t end = wal_bytes(f);
  assert_int_equal(pread(fd, frame, sizeof frame, end - FRAME_BYTES),
                   FRAME_BYTES);
  frame[4] = 1; /* the last frame of a commit */
  assert_int_equal(pwrite(fd, frame, sizeof frame, end), FRAME_BYTES);
  close(fd);
  assert_no_damage(f, COMMANDS);
}

/* A -wal that was begun anew holds, behind its end, frames of before. */
static void frames_of_before_are_no_damage(void **state) {
  struct fixture *f = *state;
  sqlite3 *db;
  leave_killed(f);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "PRAGMA wal_checkpoint(RESTART);"
                                "UPDATE totals SET epoch = 5;",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  struct sqlite_wal_frames frames = look(f);
  assert_int_equal(frames.lost, 0);
  assert_in_range(frames.recovered, 1, 3);
  assert_true(wal_bytes(f) > 10 * FRAME_BYTES);
  sqlite3_close(db);
}

static void a_bit_that_flips_in_a_page_is_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  flip_bit(f, 32 + 40 * FRAME_BYTES + 2000, 3);
  assert_damage(f);
}

static void a_bit_that_flips_in_the_last_frame_is_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  flip_bit(f, wal_bytes(f) - 1, 0);
  assert_damage(f);
}

static void
a_bit_that_flips_in_the_salt_of_the_last_frame_is_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  assert_int_equal(unlink(beside(f, "-shm")), 0);
  flip_bit(f, wal_bytes(f) - FRAME_BYTES + 9, 0);
  assert_true(look(f).lost > 0);
}

static void a_bit_that_flips_in_the_header_is_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  flip_bit(f, 17, 7);
  assert_damage(f);
}

static void a_page_that_was_zeroed_is_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  zero(f, 32 + 40 * FRAME_BYTES, FRAME_BYTES);
  assert_damage(f);
}

static void a_cut_is_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  assert_int_equal(truncate(beside(f, "-wal"), 32 + 40 * FRAME_BYTES + 5), 0);
  assert_damage(f);
}

static void a_cut_of_all_is_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  assert_int_equal(truncate(beside(f, "-wal"), 0), 0);
  assert_damage(f);
}

/* Checks for each place of the bit that a loss is told, and nothing else. */
static void any_bit_that_flips_is_told_if_something_is_lost(void **state) {
  struct fixture *f = *state;
  char command[4096];
  leave_killed(f);
  uint32_t all = look(f).recovered;
  off_t end = wal_bytes(f);
  snprintf(command, sizeof command, "cp %s-wal %s/saved", f->path,
           f->directory_path);
  assert_int_equal(system(command), 0);
  srandom(7);
  for (int i = 0; i < 300; i++) {
    flip_bit(f, random() % end, (int)(random() % 8));
    struct sqlite_wal_frames frames = look(f);
    assert_int_equal(frames.lost > 0, frames.recovered < all);
    snprintf(command, sizeof command, "cp %s/saved %s-wal", f->directory_path,
             f->path);
    assert_int_equal(system(command), 0);
  }
}

/* A start that is killed each time must not fill the disk with copies. */
static void damage_is_told_once_though_the_start_is_killed(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  flip_bit(f, 32 + 40 * FRAME_BYTES + 2000, 3);
  run_to_death(f, start_and_die);
  assert_int_equal(fixture_count_files(f, "damaged"), 3);
  assert_int_equal(look(f).lost, 0);
  run_to_death(f, start_and_die);
  assert_int_equal(fixture_count_files(f, "damaged"), 3);
}

/* As of another process that has the file for itself. */
static void damage_to_a_file_that_can_not_be_opened_is_told_once(void **state) {
  struct fixture *f = *state;
  struct ledger_loss loss;
  sqlite3 *db;
  leave_killed(f);
  flip_bit(f, 32 + 40 * FRAME_BYTES + 2000, 3);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "PRAGMA locking_mode = EXCLUSIVE;"
                                "SELECT * FROM totals",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  fixture_load(f, FIXTURE_NOW);
  for (int i = 1; i <= 3; i++)
    assert_true(fixture_read_late(f, fixture_later(i * 1000)) < 0);
  assert_int_equal(fixture_count_log(f, "its -wal is damaged"), 1);
  assert_int_equal(fixture_count_files(f, "damaged"), 3);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 1);
  assert_true(ledger_take_loss(f->ledger, &loss));
  assert_int_equal(loss.uncounted, 1);
  sqlite3_close(db);
  assert_int_equal(fixture_read_late(f, fixture_later(4000)), 0);
  assert_in_range(f->command_count, 1, COMMANDS - 1);
  assert_false(ledger_knows_all(f->ledger));
}

static void a_copy_that_can_not_be_made_stops_no_start(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  flip_bit(f, 32 + 40 * FRAME_BYTES + 2000, 3);
  assert_int_equal(
      symlink("nowhere/at/all", beside(f, ".damaged-1700000000-wal")), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_count_log(f, "could not all be copied"), 1);
  assert_true(f->command_count > 0);
}

/* ---- ids ---- */

static void commit_later_commands(struct fixture *f) {
  fixture_restart(f, FIXTURE_NOW);
  commit_commands(f, f->next_id, COMMANDS);
  raise(SIGKILL);
}

static void
ids_are_not_given_again_after_damage_that_follows_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  flip_bit(f, 32 + 40 * FRAME_BYTES + 2000, 3);
  fixture_restart(f, FIXTURE_NOW);
  int64_t first = f->next_id;
  fixture_close(f);
  run_to_death(f, commit_later_commands);
  flip_bit(f, (off_t)look(f).recovered * 3 / 4 * FRAME_BYTES, 3);
  fixture_restart(f, FIXTURE_NOW);
  assert_true(f->commands[f->command_count - 1]->id > first);
  assert_int_equal(fixture_count_log(f, "its -wal is damaged"), 2);
  assert_true(f->next_id >= first + COMMANDS);
}

/* As of a command that is superseded before it is recorded. */
static void ids_without_a_row_are_not_given_again_after_damage(void **state) {
  struct fixture *f = *state;
  leave_killed(f);
  flip_bit(f, 32 + 40 * FRAME_BYTES + 2000, 3);
  fixture_restart(f, FIXTURE_NOW);
  int64_t first = f->next_id;
  assert_int_equal(f->account_count, 1);
  f->accounts[0].created += 7;
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_counts(f, &f->accounts[0]);
  assert_int_equal(ledger_commit(f->ledger), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, first + 7);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, first + 7);
}

static void
ids_of_before_a_file_was_set_aside_are_not_given_again(void **state) {
  struct fixture *f = *state;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  fixture_close(f);
  assert_int_equal(truncate(f->path, 5000), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->next_id, FIXTURE_NOW.wall_ms);
  fixture_restart(f, fixture_later(1000));
  assert_int_equal(f->next_id, FIXTURE_NOW.wall_ms);
}

static int64_t first_id_without_clock(struct fixture *f) {
  leave_killed(f);
  flip_bit(f, 17, 7);
  fixture_restart(f, (struct moment){.ms = 900000, .wall_ms = 900000});
  int64_t id = f->next_id;
  fixture_close(f);
  assert_int_equal(unlink(f->path), 0);
  return id;
}

static void ids_differ_between_starts_while_the_clock_is_not_set(void **state) {
  struct fixture *f = *state;
  int64_t one = first_id_without_clock(f), other = first_id_without_clock(f);
  assert_in_range(one, INT64_C(1000000000000), INT64_C(1600000000000));
  assert_in_range(other, INT64_C(1000000000000), INT64_C(1600000000000));
  assert_int_not_equal(one, other);
}

/* ---- resting ---- */

static void an_idle_ledger_leaves_nothing_in_the_wal(void **state) {
  struct fixture *f = *state;
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  commit_commands(f, 1, COMMANDS);
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS - 1));
  assert_true(wal_bytes(f) > 0);
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS));
  assert_int_equal(wal_bytes(f), 0);
  commit_commands(f, 100, 1);
  assert_true(wal_bytes(f) > 0);
}

static void a_reader_puts_the_rest_off_and_is_not_waited_for(void **state) {
  struct fixture *f = *state;
  sqlite3 *db;
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  commit_commands(f, 1, COMMANDS);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(
      sqlite3_exec(db, "BEGIN; SELECT * FROM totals", NULL, NULL, NULL),
      SQLITE_OK);
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS));
  assert_true(wal_bytes(f) > 0);
  sqlite3_close(db);
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS + 1));
  assert_true(wal_bytes(f) > 0);
  ledger_rest(f->ledger, fixture_later(2 * LEDGER_REST_MS));
  assert_int_equal(wal_bytes(f), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_crash_without_damage_is_no_damage),
      SITUATION(a_clean_stop_leaves_nothing_to_lose),
      SITUATION(a_torn_tail_is_no_damage),
      SITUATION(frames_of_a_commit_that_failed_are_no_damage),
      SITUATION(frames_of_before_are_no_damage),
      SITUATION(a_bit_that_flips_in_a_page_is_damage),
      SITUATION(a_bit_that_flips_in_the_last_frame_is_damage),
      SITUATION(a_bit_that_flips_in_the_salt_of_the_last_frame_is_damage),
      SITUATION(a_bit_that_flips_in_the_header_is_damage),
      SITUATION(a_page_that_was_zeroed_is_damage),
      SITUATION(a_cut_is_damage),
      SITUATION(a_cut_of_all_is_damage),
      SITUATION(any_bit_that_flips_is_told_if_something_is_lost),
      SITUATION(damage_is_told_once_though_the_start_is_killed),
      SITUATION(damage_to_a_file_that_can_not_be_opened_is_told_once),
      SITUATION(a_copy_that_can_not_be_made_stops_no_start),
      SITUATION(ids_are_not_given_again_after_damage_that_follows_damage),
      SITUATION(ids_without_a_row_are_not_given_again_after_damage),
      SITUATION(ids_of_before_a_file_was_set_aside_are_not_given_again),
      SITUATION(ids_differ_between_starts_while_the_clock_is_not_set),
      SITUATION(an_idle_ledger_leaves_nothing_in_the_wal),
      SITUATION(a_reader_puts_the_rest_off_and_is_not_waited_for),
  };
  return cmocka_run_group_tests(tests, begin_listening, NULL);
}
