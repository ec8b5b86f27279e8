/* SPDX-License-Identifier: MIT */
#include "base/systime.h"
#include "failing_vfs.h"
#include "ledger/ledger_schema.h"
#include "ledger_words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SITUATION_OF_DISK(name)                                                \
  cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
#define UNCOUNTED -1
#define CLONE_NEWNS 0x00020000 /* of <linux/sched.h> */

/* Both return a path that is valid until the next call. */
static const char *beside(const struct fixture *f, const char *suffix) {
  static char path[1024];
  snprintf(path, sizeof path, "%s%s", f->path, suffix);
  return path;
}

static const char *within(const struct fixture *f, const char *name) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/%s", f->directory_path, name);
  return path;
}

/* From now on the ledger is the file of that path. */
static void go_to(struct fixture *f, const char *path) {
  assert_true(strlen(path) < sizeof f->path);
  memcpy(f->path, path, strlen(path) + 1);
}

/* ---- the lock ---- */

/* Starts a process that holds the ledger until the pipe is closed. */
static pid_t start_holder(struct fixture *f, int *ret_pipe) {
  int held[2], release[2];
  char byte;
  assert_int_equal(pipe(held), 0);
  assert_int_equal(pipe(release), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(release[1]);
    if (fixture_open(f, FIXTURE_NOW) < 0 || write(held[1], "x", 1) != 1)
      _exit(1);
    _exit(read(release[0], &byte, 1) == 0 ? 0 : 2);
  }
  close(release[0]);
  close(held[1]);
  assert_int_equal(read(held[0], &byte, 1), 1);
  close(held[0]);
  *ret_pipe = release[1];
  return pid;
}

static void end_holder(pid_t pid, int release) {
  int status = -1;
  close(release);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

static void a_second_process_is_told_which_one_holds_the_ledger(void **state) {
  struct fixture *f = *state;
  char expected[640];
  int release;
  pid_t pid = start_holder(f, &release);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), -EBUSY);
  assert_null(f->ledger);
  snprintf(expected, sizeof expected, "ledger \"%s\": in use by process %ld",
           f->path, (long)pid);
  assert_string_equal(f->why, expected);
  end_holder(pid, release);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
}

static void a_lock_by_another_name_of_the_file_is_the_same_lock(void **state) {
  struct fixture *f = *state;
  int release;
  pid_t pid = start_holder(f, &release);
  assert_int_equal(symlink(f->directory_path, within(f, "link")), 0);
  go_to(f, within(f, "link/onenet.db"));
  assert_int_equal(fixture_open(f, FIXTURE_NOW), -EBUSY);
  end_holder(pid, release);
}

/* The kernel's list names it; or, on some file systems, does not. */
static void assert_in_use_by(const struct fixture *f, pid_t pid) {
  char by_it[640], by_some[640];
  snprintf(by_it, sizeof by_it, "ledger \"%s\": in use by process %ld", f->path,
           (long)pid);
  snprintf(by_some, sizeof by_some, "ledger \"%s\": in use by another process",
           f->path);
  if (strcmp(f->why, by_some) != 0)
    assert_string_equal(f->why, by_it);
}

static void
a_lock_that_does_not_name_its_holder_is_a_lock_as_well(void **state) {
  struct fixture *f = *state;
  int release;
  pid_t pid = start_holder(f, &release);
  assert_int_equal(truncate(beside(f, ".lock"), 0), 0);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), -EBUSY);
  assert_in_use_by(f, pid);
  end_holder(pid, release);
}

static void a_lock_that_names_another_process_misleads_nobody(void **state) {
  struct fixture *f = *state;
  int release;
  pid_t pid = start_holder(f, &release);
  write_file(beside(f, ".lock"), BYTES("1\n"));
  assert_int_equal(fixture_open(f, FIXTURE_NOW), -EBUSY);
  assert_in_use_by(f, pid);
  end_holder(pid, release);
}

/* ---- damage ---- */

static char *read_ledger(const struct fixture *f, size_t *ret_size) {
  FILE *file = fopen(f->path, "rb");
  assert_non_null(file);
  char *data = malloc(1024 * 1024);
  assert_non_null(data);
  *ret_size = fread(data, 1, 1024 * 1024, file);
  fclose(file);
  return data;
}

/* Leaves a ledger as a process that was killed does. */
static void leave_ledger(struct fixture *f, int commands) {
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_int_equal(fixture_put_state(f, commands, FIXTURE_NOW), 0);
  fixture_close(f);
  forget_clean_end(f);
}

/* Puts a state, as the agent does: after what could not be read at the start.
 */
static int put_at_last(struct fixture *f) {
  int status =
      ledger_is_unread(f->ledger) ? fixture_read_late(f, FIXTURE_NOW) : 0;
  return status == 0 ? fixture_put_state(f, 3, FIXTURE_NOW) : status;
}

/* What is there works, whether it is the old file or a fresh one. */
static void assert_works(struct fixture *f) {
  assert_int_equal(put_at_last(f), 0);
  assert_string_equal(ledger_error(f->ledger), "");
  assert_string_equal(
      fixture_sql(f, "SELECT id FROM commands WHERE state <> 'finished'"),
      "1\n2\n3");
  fixture_restart(f, FIXTURE_NOW);
  assert_false(f->was_set_aside);
  assert_int_equal(f->command_count, 3);
}

/* So many commands are lost, and so many times some that none could count. */
static void assert_lost(struct fixture *f, uint64_t commands,
                        uint64_t uncounted) {
  struct ledger_loss loss;
  assert_int_equal(ledger_take_loss(f->ledger, &loss),
                   commands > 0 || uncounted > 0);
  assert_int_equal(loss.commands, commands);
  assert_int_equal(loss.uncounted, uncounted);
  assert_false(ledger_take_loss(f->ledger, &loss));
}

/* The file is set aside, with so many pending commands, or UNCOUNTED ones. */
static void assert_set_aside(struct fixture *f, const char *why, int lost) {
  fixture_restart(f, FIXTURE_NOW);
  assert_lost(f, lost == UNCOUNTED ? 0 : (uint64_t)lost, lost == UNCOUNTED);
  assert_true(f->was_set_aside);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 1);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 0);
  assert_int_equal(f->command_count, 0);
  assert_int_equal(f->next_id, FIXTURE_NOW.wall_ms);
  assert_int_equal(access(beside(f, ".corrupt-1700000000"), F_OK), 0);
  assert_int_equal(f->log_count, 1);
  assert_non_null(strstr(f->log, f->path));
  assert_non_null(strstr(f->log, "onenet.db.corrupt-1700000000"));
  assert_non_null(strstr(f->log, why));
  assert_works(f);
}

/* The start goes on with what it can read; the look beside it finds why the
 * file is set aside, with so many pending commands that the start has not seen.
 */
static void assert_found(struct fixture *f, const char *why, uint64_t lost) {
  fixture_restart(f, FIXTURE_NOW);
  assert_false(f->was_set_aside);
  assert_true(finds_damage(f));
  assert_non_null(strstr(ledger_error(f->ledger), why));
  assert_int_equal(fixture_count_log(f, "commands go on from memory"), 1);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  assert_lost(f, lost, 0);
  assert_works(f);
  assert_int_equal(access(beside(f, ".corrupt-1700000000"), F_OK), 0);
  assert_int_equal(fixture_count_log(f, "onenet.db.corrupt-1700000000"), 1);
}

static void a_text_file_is_set_aside(void **state) {
  struct fixture *f = *state;
  static const char text[] = "This is no database, but somebody's notes.\n";
  write_file(f->path, text, sizeof text);
  assert_set_aside(f, "not a database", UNCOUNTED);
}

static void a_zeroed_file_is_set_aside(void **state) {
  struct fixture *f = *state;
  static const char zeros[20000];
  write_file(f->path, zeros, sizeof zeros);
  assert_set_aside(f, "not a database", UNCOUNTED);
}

static void
the_database_of_another_application_is_set_aside_as_it_was(void **state) {
  struct fixture *f = *state;
  write_file(f->path, "", 0);
  fixture_sql(f, "CREATE TABLE precious (a)");
  assert_set_aside(f, "not a ledger of this plugin", UNCOUNTED);
  go_to(f, beside(f, ".corrupt-1700000000"));
  assert_string_equal(fixture_sql(f, "SELECT name FROM sqlite_master"),
                      "precious");
  assert_string_equal(fixture_sql(f, "PRAGMA journal_mode"), "delete");
}

static void a_newer_schema_is_set_aside(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 3);
  char newer[64];
  snprintf(newer, sizeof newer, "PRAGMA user_version = %d",
           LEDGER_SCHEMA_VERSION + 1);
  fixture_sql(f, newer);
  assert_set_aside(f, "of a newer version", 3);
}

static void a_ledger_without_one_of_its_tables_is_set_aside(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 3);
  fixture_sql(f, "DROP TABLE totals");
  assert_set_aside(f, "no such table: totals", 3);
}

/* Runs SQL while the index of what is pending is out of sight. */
static void run_behind_the_index(const struct fixture *f, const char *sql) {
  sqlite3 *db = NULL;
  char all[1024];
  snprintf(all, sizeof all,
           "CREATE TABLE kept AS SELECT * FROM sqlite_master"
           " WHERE name = 'commands_pending';"
           "PRAGMA writable_schema = 1;"
           "DELETE FROM sqlite_master WHERE name = 'commands_pending';"
           "PRAGMA writable_schema = RESET;"
           "%s"
           "PRAGMA writable_schema = 1;"
           "INSERT INTO sqlite_master SELECT * FROM kept;"
           "PRAGMA writable_schema = RESET;"
           "DROP TABLE kept;",
           sql);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, all, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void an_index_that_does_not_fit_a_command_is_damage(void **state) {
  leave_ledger(*state, 3);
  run_behind_the_index(*state,
                       "UPDATE commands SET device = 'pump' WHERE id = 2;");
  assert_found(*state, "missing from index commands_pending", 0);
}

static void a_pending_command_that_its_index_lacks_is_lost(void **state) {
  leave_ledger(*state, 3);
  run_behind_the_index(*state, "CREATE TEMP TABLE one AS SELECT * FROM commands"
                               " WHERE id = 2;"
                               "UPDATE one SET id = 4;"
                               "INSERT INTO commands SELECT * FROM one;");
  assert_found(*state, "missing from index commands_pending", 1);
}

/* Leaves a ledger whose header has 9 there: for a format, one of the future. */
static void leave_header(struct fixture *f, size_t at) {
  size_t size;
  leave_ledger(f, 3);
  char *data = read_ledger(f, &size);
  data[at] = 9;
  write_file(f->path, data, size);
  free(data);
}

static void a_wrong_number_of_free_pages_is_damage(void **state) {
  leave_header(*state, 39);
  assert_found(*state, "size is 0 but should be 9", 0);
}

static void
a_file_format_that_only_newer_ones_write_is_set_aside(void **state) {
  leave_header(*state, 18);
  assert_set_aside(*state, "of a newer file format", 3);
}

static void a_file_format_that_only_newer_ones_read_is_set_aside(void **state) {
  leave_header(*state, 19);
  assert_set_aside(*state, "file is not a database", UNCOUNTED);
}

static void a_schema_format_that_is_not_known_is_set_aside(void **state) {
  leave_header(*state, 47);
  assert_set_aside(*state, "unsupported file format", UNCOUNTED);
}

static size_t count_ended(const struct fixture *f) {
  return fixture_count_log(f, "\ncommand ") +
         (strncmp(f->log, "command ", 8) == 0 ? 1 : 0);
}

/* Starts with a file of 40 commands in which something may be damaged. Each is
 * there, or a line says why not. Returns whether the file was set aside. */
static bool survives(struct fixture *f) {
  fixture_forget_log(f);
  fixture_restart(f, FIXTURE_NOW);
  size_t known = f->command_count + count_ended(f);
  bool was_set_aside = f->was_set_aside;
  if (was_set_aside)
    assert_int_equal(f->command_count, 0);
  else if (!finds_damage(f))
    assert_int_equal(known, 40);
  else
    was_set_aside = true;
  assert_works(f);
  fixture_close(f);
  return was_set_aside;
}

static void a_truncated_file_is_set_aside_or_read(void **state) {
  struct fixture *f = *state;
  size_t size;
  int set_aside = 0;
  leave_ledger(f, 40);
  char *data = read_ledger(f, &size);
  for (size_t kept = size - 1; kept > 600; kept -= kept / 9) {
    write_file(f->path, data, kept);
    set_aside += survives(f);
  }
  assert_true(set_aside > 10);
  free(data);
}

static void a_file_that_was_emptied_is_begun_anew(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 3);
  assert_int_equal(truncate(f->path, 0), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 0);
  assert_works(f);
}

static void bits_that_flip_anywhere_stop_no_start(void **state) {
  struct fixture *f = *state;
  size_t size;
  unsigned int seed = 20240229;
  const int rounds = 150;
  int set_aside = 0;
  leave_ledger(f, 40);
  char *data = read_ledger(f, &size);
  print_message("seed %u\n", seed);
  srand(seed);
  for (int round = 0; round < rounds; round++) {
    /* Headers and b-trees first, and then everything. */
    size_t reach = round % 3 == 0 ? 100 : round % 3 == 1 ? 4096 : size;
    size_t at = (size_t)rand() % reach;
    char flipped = (char)(1 << (rand() % 8));
    data[at] ^= flipped;
    write_file(f->path, data, size);
    data[at] ^= flipped;
    set_aside += survives(f);
  }
  assert_true(set_aside > 10);
  free(data);
}

static void
two_files_set_aside_in_one_second_have_names_of_their_own(void **state) {
  struct fixture *f = *state;
  write_file(f->path, "no database, but long enough to look at", 39);
  fixture_restart(f, FIXTURE_NOW);
  fixture_close(f);
  write_file(f->path, "nor this one", 12);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(access(beside(f, ".corrupt-1700000000"), F_OK), 0);
  assert_int_equal(access(beside(f, ".corrupt-1700000001"), F_OK), 0);
}

static void wal_and_shm_go_with_the_file_that_is_set_aside(void **state) {
  struct fixture *f = *state;
  write_file(f->path, "no database", 11);
  write_file(beside(f, "-wal"), "nor a wal", 9);
  write_file(beside(f, "-shm"), "nor a shm", 9);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_count_files(f, "corrupt-1700000000-wal"), 1);
  assert_int_equal(fixture_count_files(f, "corrupt-1700000000-shm"), 1);
  assert_works(f);
}

static void
damage_found_while_running_is_set_aside_by_the_next_turn(void **state) {
  struct fixture *f = *state;
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_int_equal(fixture_put_state(f, 40, FIXTURE_NOW), 0);
  /* Another connection empties the wal, and the cache of ours. */
  fixture_sql(f, "UPDATE totals SET created = 41");
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  int fd = open(f->path, O_WRONLY);
  char noise[4096];
  memset(noise, 0xA5, sizeof noise);
  for (int page = 1; page < 20; page++)
    assert_int_equal(pwrite(fd, noise, sizeof noise, page * 4096), 4096);
  close(fd);
  assert_int_equal(fixture_put_state(f, 1, FIXTURE_NOW), -EILSEQ);
  assert_string_not_equal(ledger_error(f->ledger), "");
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 0);
  assert_int_equal(put_at_last(f), 0);
  assert_lost(f, 0, 0); /* all of it is in memory */

  assert_works(f);
  assert_int_equal(fixture_count_files(f, "corrupt-1700000000"), 3);
  assert_int_equal(fixture_count_log(f, "commands go on from memory"), 1);
  assert_int_equal(fixture_count_log(f, "is set aside as"), 1);
  assert_int_equal(fixture_count_log(f, "works again"), 1);
}

/* What the next turn puts alone would stand in a fresh file, without all that
 * was committed before it. */
static void damage_found_at_rest_fails_the_next_turn(void **state) {
  struct fixture *f = *state;
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_int_equal(fixture_put_state(f, 400, FIXTURE_NOW), 0);
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS));
  fixture_put_account(f, FAN, 401, 0, FIXTURE_NOW);
  assert_int_equal(truncate(f->path, 4096), 0);
  ledger_rest(f->ledger, fixture_later(LEDGER_REST_MS));
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), -EILSEQ);
  assert_string_not_equal(ledger_error(f->ledger), "");
  assert_works(f);
  assert_int_equal(fixture_count_log(f, "is set aside as"), 1);
}

static void a_ledger_removed_while_running_is_begun_anew(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 2);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(unlink(f->path), 0);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), -ENOENT);
  assert_works(f);
}

/* What another one holds is not what is in memory. */
static void
another_ledger_put_in_its_place_while_running_is_kept_aside(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 2);
  assert_int_equal(rename(f->path, within(f, "other")), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(rename(within(f, "other"), f->path), 0);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), -ENOENT);
  assert_works(f);
  assert_int_equal(access(beside(f, ".unread-1700000000"), F_OK), 0);
}

/* ---- places that can not be written ---- */

/* The ledger fails from the start, and goes on so. */
static void assert_fails(struct fixture *f, const char *why) {
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_false(f->was_set_aside);
  assert_non_null(strstr(ledger_error(f->ledger), why));
  fixture_load(f, FIXTURE_NOW);
  assert_true(ledger_is_unread(f->ledger));
  assert_false(ledger_knows_all(f->ledger));
  assert_int_equal(f->next_id, FIXTURE_NOW.wall_ms);
  assert_true(fixture_put_state(f, 3, FIXTURE_NOW) < 0);
  assert_true(fixture_read_late(f, FIXTURE_NOW) < 0);
  assert_int_equal(f->log_count, 1);
  assert_non_null(strstr(f->log, ": commands go on from memory"));
}

static void
a_directory_missing_for_now_makes_the_ledger_fail_for_now(void **state) {
  struct fixture *f = *state;
  go_to(f, within(f, "a/onenet.db"));
  assert_fails(f, "can not be opened: No such file or directory");
  assert_int_equal(access(within(f, "a"), F_OK), -1);
  assert_int_equal(mkdir(within(f, "a"), 0700), 0);
  assert_int_equal(put_at_last(f), 0);
  assert_int_equal(fixture_count_log(f, "works again"), 1);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 0);
  assert_works(f);
}

/* The disk of the ledger comes late, and another agent is first. */
static void
a_ledger_that_another_agent_holds_by_then_is_left_to_it(void **state) {
  struct fixture *f = *state;
  int release;
  assert_int_equal(mkdir(within(f, "away"), 0700), 0);
  go_to(f, within(f, "away/onenet.db"));
  leave_ledger(f, 3);
  pid_t pid = start_holder(f, &release);
  go_to(f, within(f, "here/onenet.db"));
  assert_fails(f, "can not be opened: No such file or directory");
  assert_int_equal(symlink("away", within(f, "here")), 0);
  for (int i = 1; i <= 3; i++) {
    assert_int_equal(fixture_read_late(f, fixture_later(i)), -EALREADY);
    assert_true(ledger_is_unread(f->ledger));
    assert_int_equal(ledger_begin(f->ledger, fixture_later(i)), -EALREADY);
  }
  assert_int_equal(fixture_count_log(f, "in use by process"), 1);
  end_holder(pid, release);
  assert_int_equal(fixture_read_late(f, fixture_later(4)), 0);
  assert_int_equal(f->command_count, 3);
}

static void a_path_below_a_file_makes_the_ledger_fail(void **state) {
  struct fixture *f = *state;
  write_file(within(f, "file"), "x", 1);
  go_to(f, within(f, "file/onenet.db"));
  assert_fails(f, "can not be opened: Not a directory");
}

static void
a_directory_in_the_place_of_the_file_makes_the_ledger_fail(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir(f->path, 0700), 0);
  assert_fails(f, "can not be opened: Is a directory");
}

static void a_lock_that_can_not_be_made_makes_the_ledger_fail(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir(beside(f, ".lock"), 0700), 0);
  assert_fails(f, "its .lock can not be opened: Is a directory");
  assert_int_equal(rmdir(beside(f, ".lock")), 0);
  assert_works(f);
}

static void as_nobody(void (*what)(struct fixture *f), struct fixture *f) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (setgid(65534) < 0 || setuid(65534) < 0)
      _exit(1);
    what(f);
    _exit(0);
  }
  int status = -1;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

static void open_where_it_is_forbidden(struct fixture *f) {
  assert_fails(f, "is the file of another user");
}

static void a_file_of_another_user_makes_the_ledger_fail(void **state) {
  struct fixture *f = *state;
  if (geteuid() != 0)
    skip();
  leave_ledger(f, 3);
  assert_int_equal(chmod(f->directory_path, 0755), 0);
  /* Newer versions of SQLite read a file for which they can make no -shm. */
  assert_int_equal(chmod(f->path, 0600), 0);
  as_nobody(open_where_it_is_forbidden, f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 3);
}

/* ---- traps: who may make files in the directory chooses nothing ---- */

static void assert_precious(const struct fixture *f) {
  char text[16] = "";
  FILE *file = fopen(within(f, "precious"), "rb");
  assert_non_null(file);
  assert_int_equal(fread(text, 1, sizeof text, file), 8);
  fclose(file);
  assert_memory_equal(text, "precious", 8);
}

/* Expects a trap in the place of the file with that suffix: the ledger
 * fails, and works once the trap is gone. */
static void assert_trap(struct fixture *f, const char *suffix,
                        const char *why) {
  assert_fails(f, why);
  assert_precious(f);
  assert_int_equal(unlink(beside(f, suffix)), 0);
  assert_works(f);
  assert_precious(f);
}

static void a_link_is_a_trap(struct fixture *f, const char *suffix,
                             const char *why) {
  write_file(within(f, "precious"), "precious", 8);
  assert_int_equal(symlink("precious", beside(f, suffix)), 0);
  assert_trap(f, suffix, why);
}

static void a_second_name_is_a_trap(struct fixture *f, const char *suffix,
                                    const char *why) {
  write_file(within(f, "precious"), "precious", 8);
  char name[1024];
  snprintf(name, sizeof name, "%s", within(f, "precious"));
  assert_int_equal(link(name, beside(f, suffix)), 0);
  assert_trap(f, suffix, why);
}

static void a_link_in_place_of_the_lock_is_not_followed(void **state) {
  a_link_is_a_trap(*state, ".lock", "its .lock is a symbolic link");
}

static void a_link_in_place_of_the_ledger_is_not_followed(void **state) {
  a_link_is_a_trap(*state, "", "it is a symbolic link");
}

static void a_link_in_place_of_the_wal_is_not_followed(void **state) {
  a_link_is_a_trap(*state, "-wal", "its -wal is a symbolic link");
}

static void a_link_in_place_of_the_shm_is_not_followed(void **state) {
  a_link_is_a_trap(*state, "-shm", "its -shm is a symbolic link");
}

static void a_link_to_nothing_makes_no_file_elsewhere(void **state) {
  struct fixture *f = *state;
  assert_int_equal(symlink("elsewhere", beside(f, ".lock")), 0);
  assert_fails(f, "its .lock is a symbolic link");
  assert_int_equal(access(within(f, "elsewhere"), F_OK), -1);
}

static void a_lock_with_a_second_name_is_not_written(void **state) {
  a_second_name_is_a_trap(*state, ".lock", "its .lock is a file with another");
}

static void a_wal_with_a_second_name_is_not_written(void **state) {
  a_second_name_is_a_trap(*state, "-wal", "its -wal is a file with another");
}

static void a_lock_that_is_a_pipe_is_refused_at_once(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkfifo(beside(f, ".lock"), 0600), 0);
  assert_fails(f, "its .lock is not a regular file");
}

static void a_lock_of_another_user_is_not_written(void **state) {
  struct fixture *f = *state;
  if (geteuid() != 0)
    skip();
  write_file(beside(f, ".lock"), "precious", 8);
  assert_int_equal(chown(beside(f, ".lock"), 65534, 65534), 0);
  assert_fails(f, "its .lock is the file of another user");
}

/* ---- what can be read and not written ---- */

/* What is in it was restored; it can not be written, and says so once. */
static void assert_only_read(struct fixture *f, size_t commands) {
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  fixture_load(f, FIXTURE_NOW);
  assert_false(ledger_is_unread(f->ledger));
  assert_true(ledger_knows_all(f->ledger));
  assert_int_equal(f->command_count, commands);
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->account_count, 1);
  assert_string_not_equal(ledger_error(f->ledger), "");
  assert_int_equal(fixture_count_log(f, "commands go on from memory"), 1);
  assert_int_equal(fixture_count_log(f, "it can be read and not written"), 1);
  assert_true(fixture_put_state(f, 3, FIXTURE_NOW) < 0);
}

/* Now it can be written: all is in the same file. */
static void assert_is_written_at_last(struct fixture *f) {
  int64_t finished = 0;
  while (fixture_put_state(f, 3, FIXTURE_NOW) < 0 && finished++ < 2)
    ;
  assert_string_equal(ledger_error(f->ledger), "");
  assert_int_equal(fixture_count_files(f, "unread"), 0);
  assert_int_equal(fixture_count_files(f, "corrupt"), 0);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 0);
  assert_lost(f, 0, 0);
  assert_string_equal(fixture_sql(f, BALANCE), "fan|3|0|3|0");
  assert_works(f);
}

/* With a command that is finished, so that the history is seen to stay. */
static void leave_history(struct fixture *f, int commands) {
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_int_equal(fixture_put_state(f, commands, FIXTURE_NOW), 0);
  struct command *c = fixture_command(f, commands);
  fixture_finish(c, OUTCOME_ACCEPTED, FIXTURE_NOW);
  fixture_put(f, c, FIXTURE_NOW);
  fixture_put_account(f, FAN, (uint64_t)commands, 1, FIXTURE_NOW);
  fixture_close(f);
}

static void assert_history_stayed(struct fixture *f) {
  assert_string_equal(
      fixture_sql(f, "SELECT id FROM commands WHERE outcome = 'accepted'"),
      "9");
}

/* Leaves the -wal behind as a crash would. */
static void leave_killed(struct fixture *f, int commands) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (fixture_open(f, FIXTURE_NOW) < 0 ||
        fixture_put_state(f, commands, FIXTURE_NOW) < 0)
      _exit(1);
    _exit(0);
  }
  int status = -1;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

/* Mounts are seen by this process alone, and go with it. */
static bool keep_mounts_to_ourselves(void) {
  static bool is_done;
  if (!is_done)
    is_done = syscall(SYS_unshare, CLONE_NEWNS) == 0 &&
              mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  return is_done;
}

/* Skips the test where mounting is not allowed. `size` is an option of tmpfs.
 */
static void mount_disk(struct fixture *f, const char *size) {
  if (!keep_mounts_to_ourselves() ||
      mount("tmpfs", f->directory_path, "tmpfs", 0, size) < 0)
    skip();
}

static void remount(struct fixture *f, unsigned long flags) {
  assert_int_equal(
      mount("tmpfs", f->directory_path, "tmpfs", MS_REMOUNT | flags, NULL), 0);
}

static void
a_ledger_on_a_disk_that_is_read_only_is_restored_from(void **state) {
  struct fixture *f = *state;
  mount_disk(f, NULL);
  leave_killed(f, 5);
  remount(f, MS_RDONLY);
  assert_only_read(f, 5);
  remount(f, 0);
  assert_is_written_at_last(f);
  fixture_close(f);
  umount(f->directory_path);
}

static void restore_as_nobody(struct fixture *f) {
  assert_only_read(f, 5);
  fixture_close(f);
}

static void a_ledger_of_another_user_is_restored_from(void **state) {
  struct fixture *f = *state;
  if (geteuid() != 0)
    skip();
  leave_killed(f, 5);
  assert_int_equal(chmod(f->directory_path, 0755), 0);
  assert_int_equal(chmod(f->path, 0644), 0);
  assert_int_equal(chmod(beside(f, "-wal"), 0644), 0);
  assert_int_equal(chmod(beside(f, "-shm"), 0644), 0);
  as_nobody(restore_as_nobody, f);
}

static void what_was_only_read_is_written_into_the_same_file(void **state) {
  struct fixture *f = *state;
  leave_history(f, 9);
  assert_int_equal(unlink(beside(f, ".lock")), 0);
  assert_int_equal(mkdir(beside(f, ".lock"), 0700), 0);
  assert_only_read(f, 8);
  assert_int_equal(rmdir(beside(f, ".lock")), 0);
  assert_is_written_at_last(f);
  assert_history_stayed(f);
}

static void
what_was_read_of_a_file_that_is_damaged_since_goes_on(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 5);
  assert_int_equal(unlink(beside(f, ".lock")), 0);
  assert_int_equal(mkdir(beside(f, ".lock"), 0700), 0);
  assert_only_read(f, 5);
  assert_int_equal(rmdir(beside(f, ".lock")), 0);
  write_file(f->path, "no database", 11);
  assert_int_equal(put_at_last(f), 0);
  assert_lost(f, 0, 0);
  assert_works(f);
}

static void somebody_who_writes_for_long_keeps_nothing_back(void **state) {
  struct fixture *f = *state;
  sqlite3 *db = NULL;
  leave_ledger(f, 5);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                   SQLITE_OK);
  assert_only_read(f, 5);
  sqlite3_close(db);
  assert_is_written_at_last(f);
}

/* The first turn fails, so that its caller puts the whole state. */
static void
the_first_turn_after_a_start_that_only_read_asks_for_all(void **state) {
  struct fixture *f = *state;
  sqlite3 *db = NULL;
  leave_ledger(f, 5);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                   SQLITE_OK);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  fixture_load(f, FIXTURE_NOW);
  sqlite3_close(db);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), -EBUSY);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  assert_int_equal(ledger_commit(f->ledger), 0);
}

static void what_was_ended_at_such_a_start_is_written_as_well(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 2);
  fixture_sql(f, "UPDATE commands SET device = 'gone' WHERE id = 1");
  fixture_sql(f, "UPDATE totals SET device = 'gone'");
  assert_int_equal(unlink(beside(f, ".lock")), 0);
  assert_int_equal(mkdir(beside(f, ".lock"), 0700), 0);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  fixture_load(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 1);
  assert_int_equal(rmdir(beside(f, ".lock")), 0);
  assert_true(ledger_begin(f->ledger, FIXTURE_NOW) < 0);
  assert_int_equal(fixture_put_state(f, 0, FIXTURE_NOW), 0);
  assert_string_equal(
      fixture_sql(f, "SELECT id, device, outcome FROM commands"),
      "1|gone|unknown");
  assert_string_equal(
      fixture_sql(f, "SELECT created, unknown FROM totals WHERE device='gone'"),
      "2|1");
}

static void
a_read_only_ledger_that_another_process_holds_is_refused(void **state) {
  struct fixture *f = *state;
  int release;
  mount_disk(f, NULL);
  leave_ledger(f, 5);
  remount(f, MS_RDONLY);
  pid_t pid = start_holder(f, &release);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), -EBUSY);
  end_holder(pid, release);
  umount(f->directory_path);
}

/* ---- what can not be read at the start ---- */

/* Leaves a directory in the place of the ledger, which is away. */
static void put_away(struct fixture *f) {
  assert_int_equal(rename(f->path, within(f, "away")), 0);
  assert_int_equal(mkdir(f->path, 0700), 0);
  assert_fails(f, "can not be opened: Is a directory");
}

static void put_back(struct fixture *f) {
  assert_int_equal(rmdir(f->path), 0);
  assert_int_equal(rename(within(f, "away"), f->path), 0);
}

static void
what_could_not_be_read_at_the_start_is_read_once_it_can_be(void **state) {
  struct fixture *f = *state;
  leave_history(f, 9);
  put_away(f);
  put_back(f);
  assert_int_equal(fixture_read_late(f, FIXTURE_NOW), 0);
  assert_false(ledger_is_unread(f->ledger));
  assert_int_equal(f->command_count, 8);
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->next_id, 10);
  assert_int_equal(fixture_count_log(f, "it can be read at last"), 1);
  assert_is_written_at_last(f);
  assert_history_stayed(f);
}

static void what_is_newer_than_a_record_that_is_read_late_stays(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 2);
  put_away(f);
  put_back(f);
  f->newer = "overheat/fan";
  f->newer_series = "of another rack";
  assert_int_equal(fixture_read_late(f, FIXTURE_NOW), 0);
  assert_int_equal(f->slot_count, 1); /* for its series */
  assert_false(f->slots[0]->owes);
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->command_count, 2);
}

static void what_is_newer_than_a_series_that_is_read_late_stays(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 2);
  put_away(f);
  put_back(f);
  f->newer = "overheat/fan";
  f->newer_series = FIXTURE_CORE;
  assert_int_equal(fixture_read_late(f, FIXTURE_NOW), 0);
  assert_int_equal(f->slot_count, 0);
  assert_int_equal(f->series_count, 0);
  assert_int_equal(f->command_count, 2);
}

/* Locked for longer than a start waits, so that it can not even be read. */
static void a_ledger_that_is_locked_at_the_start_is_read_late(void **state) {
  struct fixture *f = *state;
  sqlite3 *db = NULL;
  leave_ledger(f, 5);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "PRAGMA locking_mode = EXCLUSIVE;"
                                "UPDATE totals SET created = created",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  assert_fails(f, "database is locked");
  sqlite3_close(db);
  assert_int_equal(fixture_read_late(f, FIXTURE_NOW), 0);
  assert_int_equal(f->command_count, 5);
  assert_int_equal(f->next_id, 6);
  assert_is_written_at_last(f);
}

/* A file that is there at last, and is none of ours or none at all. */
static void what_is_damaged_when_it_is_read_late_is_set_aside(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 2);
  put_away(f);
  put_back(f);
  write_file(f->path, "no database", 11);
  assert_int_equal(fixture_read_late(f, FIXTURE_NOW), 0);
  assert_int_equal(f->command_count, 0);
  assert_int_equal(ledger_take_set_aside_count(f->ledger), 1);
  assert_lost(f, 0, 1);
  assert_int_equal(fixture_count_log(f, "it can be read at last"), 0);
  assert_int_equal(access(beside(f, ".corrupt-1700000000"), F_OK), 0);
  assert_works(f);
}

/* ---- disks that fail ---- */

static int disk_setup(void **state) {
  failing_vfs_install();
  return fixture_setup(state);
}

static int disk_teardown(void **state) {
  failing_vfs_fail(0, SQLITE_OK);
  fixture_teardown(state);
  failing_vfs_remove();
  return 0;
}

#define BAD_FROM (200 * 1024) /* offset of the first bad sector */

/* Leaves five pending commands whose ids begin with first_id, and history that
 * fills more than the good part of the disk: ids 1000 to 3000. */
static void leave_much(struct fixture *f, int first_id) {
  char move[64];
  leave_ledger(f, 5);
  fixture_sql(
      f, "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL"
         " SELECT i + 1 FROM n WHERE i < 3000)"
         " INSERT INTO commands SELECT i, created_at, rule, device,"
         " device_id, endpoint, slot, series, severity, body,"
         " content_type, qos, timeout_s, expires_at, not_before,"
         " 'finished', 'accepted', attempts, http_code, errno, error,"
         " cmd_uuid, reply, sent_at, 1700000000, status, status_at, answer,"
         " track_until, cause, class, value, service, valid_from,"
         " waits_for_credentials, doubtful FROM n, commands"
         " WHERE id = 1");
  snprintf(move, sizeof move, "UPDATE commands SET id = id + %d WHERE id <= 5",
           first_id - 1);
  fixture_sql(f, move);
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static void start_on_a_bad_disk(struct fixture *f, size_t commands) {
  failing_vfs_fail_reads(BAD_FROM);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  fixture_load(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, commands);
  assert_int_equal(f->series_count, 1);
  assert_false(ledger_is_unread(f->ledger));
  assert_false(ledger_knows_all(f->ledger));
  assert_int_equal(fixture_count_log(f, "what of it can be read goes on"), 1);
  assert_true(ledger_begin(f->ledger, FIXTURE_NOW) < 0);
}

/* All was restored before the commit of the start found the damage. */
static void
what_was_restored_is_not_lost_where_the_start_can_not_commit(void **state) {
  struct fixture *f = *state;
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_int_equal(fixture_put_state(f, 2, FIXTURE_NOW), 0);
  fixture_close(f); /* with a mark, which the start removes */
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  failing_vfs_fail(1, SQLITE_CORRUPT);
  fixture_load(f, FIXTURE_NOW);
  assert_true(failing_vfs_count() > 0);
  failing_vfs_fail(0, SQLITE_OK);
  assert_int_equal(f->command_count, 2);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), -EILSEQ);
  assert_int_equal(put_at_last(f), 0);
  assert_lost(f, 0, 0);
  assert_works(f);
}

static void a_lock_that_can_not_be_had_for_now_is_no_failure(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  failing_vfs_fail(1, SQLITE_PROTOCOL);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), -EBUSY);
  failing_vfs_fail(0, SQLITE_OK);
  assert_string_equal(ledger_error(f->ledger), "");
  assert_works(f);
}

static void a_part_that_the_disk_does_not_give_is_left_out(void **state) {
  struct fixture *f = *state;
  leave_much(f, 1);
  start_on_a_bad_disk(f, 5);
  failing_vfs_fail_reads(0);
  assert_int_equal(put_at_last(f), 0);
  assert_lost(f, 0, 0);
  assert_works(f);
  assert_int_equal(fixture_count_files(f, ".unread-1700000000"), 3);
}

static void
commands_in_a_part_that_the_disk_does_not_give_are_counted(void **state) {
  struct fixture *f = *state;
  leave_much(f, 5000);
  start_on_a_bad_disk(f, 0);
  failing_vfs_fail_reads(0);
  assert_int_equal(put_at_last(f), 0);
  assert_lost(f, 5, 0);
  assert_works(f);
}

static void
commands_that_the_disk_never_gives_are_lost_uncounted(void **state) {
  struct fixture *f = *state;
  leave_much(f, 5000);
  start_on_a_bad_disk(f, 0);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  assert_int_equal(ledger_commit(f->ledger), 0);
  failing_vfs_fail_reads(0);
  assert_lost(f, 0, 1);
  assert_works(f);
}

static void a_disk_that_gives_nothing_is_given_up(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 5);
  failing_vfs_fail_reads(1);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  fixture_load(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 0);
  assert_false(ledger_knows_all(f->ledger));
  assert_false(ledger_is_unread(f->ledger));
  failing_vfs_fail_reads(0);
  assert_int_equal(put_at_last(f), 0);
  assert_lost(f, 5, 0);
  assert_int_equal(fixture_count_files(f, ".unread-1700000000"), 3);
  assert_works(f);
}

static void limit_file_size(rlim_t bytes) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_file_that_may_not_grow_fails_and_recovers(void **state) {
  struct fixture *f = *state;
  void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, 2, FIXTURE_NOW), 0);
  limit_file_size(4096);
  int first = fixture_put_state(f, 100, FIXTURE_NOW);
  int second = fixture_put_state(f, 100, FIXTURE_NOW);
  limit_file_size(RLIM_INFINITY);
  signal(SIGXFSZ, before);
  assert_int_equal(first, -EIO);
  assert_int_equal(second, -EIO);
  assert_int_equal(fixture_count_log(f, "commands go on from memory"), 1);
  assert_non_null(strstr(ledger_error(f->ledger), "disk I/O error"));
  assert_string_equal(fixture_sql(f, "SELECT id FROM pending"), "1\n2");
  assert_works(f);
  assert_int_equal(fixture_count_log(f, "works again"), 1);
}

static void fill_disk(struct fixture *f) {
  static const char block[512];
  FILE *file = fopen(within(f, "filler"), "wb");
  assert_non_null(file);
  setvbuf(file, NULL, _IONBF, 0);
  size_t written = sizeof block;
  while (written == sizeof block)
    written = fwrite(block, 1, sizeof block, file);
  assert_int_equal(errno, ENOSPC);
  fclose(file);
}

static void mount_small_disk(struct fixture *f) { mount_disk(f, "size=800k"); }

static void
a_disk_that_fills_up_while_running_fails_and_recovers(void **state) {
  struct fixture *f = *state;
  mount_small_disk(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, 2, FIXTURE_NOW), 0);
  fill_disk(f);
  assert_int_equal(fixture_put_state(f, 2000, FIXTURE_NOW), -ENOSPC);
  assert_int_equal(fixture_put_state(f, 2000, FIXTURE_NOW), -ENOSPC);
  assert_non_null(strstr(ledger_error(f->ledger), "full"));
  assert_int_equal(unlink(within(f, "filler")), 0);
  assert_works(f);
  fixture_close(f);
  umount(f->directory_path);
}

static void on_a_full_disk_a_start_restores_what_is_there(void **state) {
  struct fixture *f = *state;
  mount_small_disk(f);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_int_equal(fixture_put_state(f, 5, FIXTURE_NOW), 0);
  fixture_close(f);
  fill_disk(f);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 5);
  assert_int_equal(fixture_put_state(f, 200, FIXTURE_NOW), -ENOSPC);
  assert_int_equal(unlink(within(f, "filler")), 0);
  assert_works(f);
  fixture_close(f);
  umount(f->directory_path);
}

/* ---- a small disk ---- */

#define LEAST_DISK "size=2m" /* what the documentation says */

static void put_finished_one(struct fixture *f, int64_t id) {
  struct command *c = fixture_command(f, id);
  const struct account a = {.device = f->devices[FAN],
                            .created = (uint64_t)id,
                            .by_outcome = {[OUTCOME_ACCEPTED] = (uint64_t)id}};
  fixture_finish(c, OUTCOME_ACCEPTED, FIXTURE_NOW);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &c->change, FIXTURE_NOW);
  fixture_put_counts(f, &a);
  assert_int_equal(ledger_commit(f->ledger), 0);
  command_free(c);
}

static void the_least_disk_is_enough_however_much_is_recorded(void **state) {
  struct fixture *f = *state;
  mount_disk(f, LEAST_DISK);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_count_log(f, "its file system has only 2048 KiB"),
                   1);
  for (int64_t id = 1; id <= 5000; id++) {
    fixture_put(f, fixture_command(f, id), FIXTURE_NOW);
    put_finished_one(f, id);
  }
  assert_string_equal(
      fixture_sql(f, "SELECT max(id), count(*) > 500 FROM commands"), "5000|1");
  assert_works(f);
  fixture_close(f);
  umount(f->directory_path);
}

/* Somebody who fills the disk takes the room away for a time only, and no
 * history. */
static void the_least_disk_recovers_once_there_is_room_again(void **state) {
  struct fixture *f = *state;
  mount_disk(f, LEAST_DISK);
  fixture_restart(f, FIXTURE_NOW);
  for (int64_t id = 1; id <= 300; id++)
    put_finished_one(f, id);
  fill_disk(f);
  while (fixture_put_state(f, 100, FIXTURE_NOW) == 0)
    ;
  for (int i = 0; i < 10; i++)
    assert_int_equal(fixture_put_state(f, 300, FIXTURE_NOW), -ENOSPC);
  assert_int_equal(unlink(within(f, "filler")), 0);
  assert_works(f);
  fixture_close(f);
  umount(f->directory_path);
}

/* Puts a pending command in a turn of its own. */
static int put_pending_one(struct fixture *f, int64_t id) {
  struct command *c = fixture_command(f, id);
  int status = ledger_begin(f->ledger, FIXTURE_NOW);
  if (status == 0) {
    fixture_put_change(f, &c->change, FIXTURE_NOW);
    status = ledger_commit(f->ledger);
  }
  command_free(c);
  return status;
}

/* What is pending can not give way. The other half is for the -wal, without
 * which nothing could be removed either. */
static void what_is_pending_takes_half_of_a_small_disk_at_most(void **state) {
  struct fixture *f = *state;
  struct stat about;
  mount_disk(f, LEAST_DISK);
  fixture_restart(f, FIXTURE_NOW);
  int64_t count = 0;
  while (put_pending_one(f, count + 1) == 0)
    count++;
  assert_true(count > 500);
  assert_int_equal(stat(f->path, &about), 0);
  assert_true(about.st_size <= 1024 * 1024);
  for (int64_t id = 1; id <= 100; id++)
    put_finished_one(f, id);
  assert_int_equal(put_pending_one(f, count + 1), 0);
  fixture_close(f);
  umount(f->directory_path);
}

static void leave_free(struct fixture *f, off_t bytes) {
  struct statvfs about;
  assert_int_equal(statvfs(f->directory_path, &about), 0);
  off_t size = (off_t)(about.f_bavail * about.f_bsize) - bytes;
  int fd = open(within(f, "filler"), O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  assert_int_equal(posix_fallocate(fd, 0, size), 0);
  close(fd);
}

/* It grew until nothing was left, and that is given back. */
static void the_wal_of_a_turn_that_filled_the_disk_leaves_room(void **state) {
  struct fixture *f = *state;
  struct stat about;
  mount_disk(f, LEAST_DISK);
  fixture_restart(f, FIXTURE_NOW);
  fixture_restart(f, FIXTURE_NOW); /* nothing is left in the -wal */
  leave_free(f, 400 * 1024);
  assert_int_equal(fixture_put_state(f, 2000, FIXTURE_NOW), -ENOSPC);
  assert_int_equal(put_pending_one(f, 1), 0);
  assert_int_equal(stat(beside(f, "-wal"), &about), 0);
  assert_true(about.st_size < 100 * 1024);
  for (int64_t id = 2; id <= 150; id++)
    assert_int_equal(put_pending_one(f, id), 0);
  fixture_close(f);
  umount(f->directory_path);
}

static void forbid_memory(void) {
  sqlite3_hard_heap_limit64(sqlite3_memory_used());
}

static void allow_memory(void) {
  sqlite3_hard_heap_limit64(0);
  sqlite3_soft_heap_limit64(0); /* lowered by the hard one */
}

/* Neither for the turn nor for rolling it back. */
static void a_turn_without_memory_fails_and_the_next_one_works(void **state) {
  struct fixture *f = *state;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, 2, FIXTURE_NOW), 0);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  forbid_memory();
  ledger_clear_state(f->ledger);
  int status = ledger_commit(f->ledger);
  allow_memory();
  assert_int_equal(status, -ENOMEM);
  assert_string_equal(fixture_sql(f, "SELECT id FROM pending"), "1\n2");
  assert_works(f);
}

static void a_start_without_memory_fails_and_leaves_the_file(void **state) {
  struct fixture *f = *state;
  leave_ledger(f, 2);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  f->load_status = -ENOMEM;
  forbid_memory();
  fixture_load(f, FIXTURE_NOW);
  allow_memory();
  f->load_status = 0;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 2);
}

static void
somebody_who_writes_for_long_makes_a_turn_fail_not_hang(void **state) {
  struct fixture *f = *state;
  sqlite3 *db = NULL;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                   SQLITE_OK);
  int64_t began_ms = systime_monotonic_ms();
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), -EBUSY);
  assert_in_range(systime_monotonic_ms() - began_ms, LEDGER_BUSY_TIMEOUT_MS / 2,
                  3000);
  assert_int_equal(ledger_commit(f->ledger), -EBUSY);
  sqlite3_close(db);
  assert_works(f);
}

static void nothing_of_a_turn_that_failed_is_in_the_file(void **state) {
  struct fixture *f = *state;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, 2, FIXTURE_NOW), 0);
  failing_vfs_fail(1, SQLITE_FULL);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), -ENOSPC);
  failing_vfs_fail(0, SQLITE_OK);
  assert_string_equal(fixture_sql(f, "SELECT id FROM pending"), "1\n2");
  assert_string_equal(fixture_sql(f, "SELECT created FROM totals"), "2");
  assert_works(f);
}

static void a_disk_that_fails_in_several_ways_is_logged_once(void **state) {
  struct fixture *f = *state;
  fixture_restart(f, FIXTURE_NOW);
  failing_vfs_fail(1, SQLITE_FULL);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), -ENOSPC);
  failing_vfs_fail(1, SQLITE_IOERR_WRITE);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), -EIO);
  assert_non_null(strstr(ledger_error(f->ledger), "disk I/O error"));
  assert_int_equal(f->log_count, 1);
}

static int start_and_put(struct fixture *f) {
  fixture_restart(f, FIXTURE_NOW);
  return fixture_put_state(f, 30, FIXTURE_NOW);
}

/* A fresh ledger is opened, written and closed while the disk fails from the
 * n-th operation on; then the disk works again. */
static void fail_at(struct fixture *f, int n, int code) {
  failing_vfs_fail(n, code);
  int status = start_and_put(f);
  failing_vfs_fail(0, SQLITE_OK);
  if (status == 0)
    assert_string_equal(fixture_sql(f, BALANCE), "fan|30|0|30|0");
  else
    assert_string_not_equal(ledger_error(f->ledger), "");
  assert_works(f);
  fixture_close(f);
}

static void
a_disk_that_fails_at_any_operation_loses_nothing_for_good(void **state) {
  struct fixture *f = *state;
  static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE,
                              SQLITE_IOERR_FSYNC};
  char name[16];
  f->sync = LEDGER_SYNC_FULL;
  assert_int_equal(start_and_put(f), 0);
  fixture_close(f);
  int operations = failing_vfs_count();
  assert_true(operations > 20);
  for (int n = 1; n <= operations; n++) {
    snprintf(name, sizeof name, "%d.db", n);
    go_to(f, within(f, name));
    fail_at(f, n, codes[(size_t)n % COUNT(codes)]);
    assert_int_equal(fixture_count_files(f, "corrupt"), 0);
  }
}

static void a_load_that_can_not_be_written_still_restores(void **state) {
  struct fixture *f = *state;
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_int_equal(fixture_put_state(f, 2, FIXTURE_NOW), 0);
  assert_int_equal(device_set_id(f->devices[PUMP], "1"), 0);
  fixture_sql(f, "UPDATE commands SET device = 'pump', device_id = '2'"
                 " WHERE id = 1");
  fixture_close(f);
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  failing_vfs_fail(1, SQLITE_FULL);
  fixture_load(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 1);
  assert_int_equal(f->commands[0]->id, 2);
  assert_int_equal(f->next_id, 3);
  assert_non_null(strstr(ledger_error(f->ledger), "full"));
  /* The caller has to know, so that it puts the whole state. */
  failing_vfs_fail(0, SQLITE_OK);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), -ENOSPC);
  assert_works(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_second_process_is_told_which_one_holds_the_ledger),
      SITUATION(a_lock_by_another_name_of_the_file_is_the_same_lock),
      SITUATION(a_lock_that_does_not_name_its_holder_is_a_lock_as_well),
      SITUATION(a_lock_that_names_another_process_misleads_nobody),
      SITUATION(a_text_file_is_set_aside),
      SITUATION(a_zeroed_file_is_set_aside),
      SITUATION(the_database_of_another_application_is_set_aside_as_it_was),
      SITUATION(a_newer_schema_is_set_aside),
      SITUATION(a_ledger_without_one_of_its_tables_is_set_aside),
      SITUATION(an_index_that_does_not_fit_a_command_is_damage),
      SITUATION(a_pending_command_that_its_index_lacks_is_lost),
      SITUATION(a_wrong_number_of_free_pages_is_damage),
      SITUATION(a_file_format_that_only_newer_ones_write_is_set_aside),
      SITUATION(a_file_format_that_only_newer_ones_read_is_set_aside),
      SITUATION(a_schema_format_that_is_not_known_is_set_aside),
      SITUATION(a_truncated_file_is_set_aside_or_read),
      SITUATION(a_file_that_was_emptied_is_begun_anew),
      SITUATION(bits_that_flip_anywhere_stop_no_start),
      SITUATION(two_files_set_aside_in_one_second_have_names_of_their_own),
      SITUATION(wal_and_shm_go_with_the_file_that_is_set_aside),
      SITUATION(damage_found_while_running_is_set_aside_by_the_next_turn),
      SITUATION(damage_found_at_rest_fails_the_next_turn),
      SITUATION(a_ledger_removed_while_running_is_begun_anew),
      SITUATION(another_ledger_put_in_its_place_while_running_is_kept_aside),
      SITUATION(a_directory_missing_for_now_makes_the_ledger_fail_for_now),
      SITUATION(a_ledger_that_another_agent_holds_by_then_is_left_to_it),
      SITUATION(a_path_below_a_file_makes_the_ledger_fail),
      SITUATION(a_directory_in_the_place_of_the_file_makes_the_ledger_fail),
      SITUATION(a_lock_that_can_not_be_made_makes_the_ledger_fail),
      SITUATION(a_file_of_another_user_makes_the_ledger_fail),
      SITUATION(a_link_in_place_of_the_lock_is_not_followed),
      SITUATION(a_link_in_place_of_the_ledger_is_not_followed),
      SITUATION(a_link_in_place_of_the_wal_is_not_followed),
      SITUATION(a_link_in_place_of_the_shm_is_not_followed),
      SITUATION(a_link_to_nothing_makes_no_file_elsewhere),
      SITUATION(a_lock_with_a_second_name_is_not_written),
      SITUATION(a_wal_with_a_second_name_is_not_written),
      SITUATION(a_lock_that_is_a_pipe_is_refused_at_once),
      SITUATION(a_lock_of_another_user_is_not_written),
      SITUATION(a_ledger_on_a_disk_that_is_read_only_is_restored_from),
      SITUATION(a_ledger_of_another_user_is_restored_from),
      SITUATION(what_was_only_read_is_written_into_the_same_file),
      SITUATION(what_was_read_of_a_file_that_is_damaged_since_goes_on),
      SITUATION(somebody_who_writes_for_long_keeps_nothing_back),
      SITUATION(the_first_turn_after_a_start_that_only_read_asks_for_all),
      SITUATION(what_was_ended_at_such_a_start_is_written_as_well),
      SITUATION(a_read_only_ledger_that_another_process_holds_is_refused),
      SITUATION(what_could_not_be_read_at_the_start_is_read_once_it_can_be),
      SITUATION(what_is_newer_than_a_record_that_is_read_late_stays),
      SITUATION(what_is_newer_than_a_series_that_is_read_late_stays),
      SITUATION(a_ledger_that_is_locked_at_the_start_is_read_late),
      SITUATION(what_is_damaged_when_it_is_read_late_is_set_aside),
      SITUATION_OF_DISK(
          what_was_restored_is_not_lost_where_the_start_can_not_commit),
      SITUATION_OF_DISK(a_lock_that_can_not_be_had_for_now_is_no_failure),
      SITUATION_OF_DISK(a_part_that_the_disk_does_not_give_is_left_out),
      SITUATION_OF_DISK(
          commands_in_a_part_that_the_disk_does_not_give_are_counted),
      SITUATION_OF_DISK(a_disk_that_gives_nothing_is_given_up),
      SITUATION_OF_DISK(commands_that_the_disk_never_gives_are_lost_uncounted),
      SITUATION(a_file_that_may_not_grow_fails_and_recovers),
      SITUATION(a_disk_that_fills_up_while_running_fails_and_recovers),
      SITUATION(on_a_full_disk_a_start_restores_what_is_there),
      SITUATION(the_least_disk_is_enough_however_much_is_recorded),
      SITUATION(the_least_disk_recovers_once_there_is_room_again),
      SITUATION(what_is_pending_takes_half_of_a_small_disk_at_most),
      SITUATION(the_wal_of_a_turn_that_filled_the_disk_leaves_room),
      SITUATION(a_turn_without_memory_fails_and_the_next_one_works),
      SITUATION(a_start_without_memory_fails_and_leaves_the_file),
      SITUATION(somebody_who_writes_for_long_makes_a_turn_fail_not_hang),
      SITUATION_OF_DISK(nothing_of_a_turn_that_failed_is_in_the_file),
      SITUATION_OF_DISK(a_disk_that_fails_in_several_ways_is_logged_once),
      SITUATION_OF_DISK(
          a_disk_that_fails_at_any_operation_loses_nothing_for_good),
      SITUATION_OF_DISK(a_load_that_can_not_be_written_still_restores),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
