/* SPDX-License-Identifier: MIT
 *
 * A look at a ledger from outside: what it sees, and that it leaves no trace.
 */
#include "ledger/ledger.h"

#include "base/copy_file.h"
#include "ledger_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                             \
  cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#define NOBODY 65534

static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
#define FILES (sizeof suffixes / sizeof suffixes[0])

static void format_path(const struct fixture *f, const char *suffix,
                        char ret_path[static 640]) {
  snprintf(ret_path, 640, "%s%s", f->path, suffix);
}

/* What can be seen of the ledger's files. */
struct traces {
  struct stat about[FILES]; /* all zero: there is none */
};

static struct traces look(const struct fixture *f) {
  struct traces t;
  memset(&t, 0, sizeof t);
  for (size_t i = 0; i < FILES; i++) {
    char path[640];
    format_path(f, suffixes[i], path);
    if (stat(path, &t.about[i]) != 0)
      memset(&t.about[i], 0, sizeof t.about[i]);
    /* As root SQLite gives a -wal to the owner it has already. */
    t.about[i].st_ctim = t.about[i].st_atim = (struct timespec){0};
  }
  return t;
}

static void assert_untouched(const struct fixture *f,
                             const struct traces *before) {
  const struct traces now = look(f);
  for (size_t i = 0; i < FILES; i++)
    if (memcmp(&now.about[i], &before->about[i], sizeof now.about[i]) != 0)
      fail_msg("onenet.db%s is not what it was", suffixes[i]);
}

/* An agent with three commands that wait is killed: its files stay as they are,
 * in the place of "onenet.db", and nobody has them open. */
static void kill_agent(struct fixture *f) {
  char from[640], to[640], path[512];
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  snprintf(path, sizeof path, "%s/copy.db", f->directory_path);
  for (size_t i = 0; i < FILES; i++) {
    format_path(f, suffixes[i], from);
    snprintf(to, sizeof to, "%s%s", path, suffixes[i]);
    assert_int_equal(copy_file(from, to, 0600), 0);
  }
  fixture_close(f);
  memcpy(f->path, path, sizeof path);
}

static void remove_file(const struct fixture *f, const char *suffix) {
  char path[640];
  format_path(f, suffix, path);
  assert_int_equal(unlink(path), 0);
}

/* ---- what is seen ---- */

static void what_a_running_agent_has_is_seen_while_it_goes_on(void **state) {
  struct fixture *f = *state;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(fixture_put_state(f, 3, FIXTURE_NOW), 0);
  assert_int_equal(fixture_peek(f, FIXTURE_NOW), 0);
  assert_int_equal(f->slot_count, 1);
  assert_int_equal(f->series_count, 1);
  assert_int_equal(f->command_count, 3);
  assert_int_equal(f->next_id, 4);
  fixture_put(f, fixture_command(f, 4), FIXTURE_NOW);
  assert_int_equal(fixture_peek(f, FIXTURE_NOW), 0);
  assert_int_equal(f->command_count, 4);
}

static void
a_ledger_of_an_agent_that_was_killed_is_seen_and_kept(void **state) {
  struct fixture *f = *state;
  kill_agent(f);
  const struct traces before = look(f);
  assert_true(before.about[1].st_size > 0);
  assert_int_equal(fixture_peek(f, FIXTURE_NOW), 0);
  assert_int_equal(f->command_count, 3);
  assert_untouched(f, &before);
}

static void what_is_decided_of_it_stays_in_memory(void **state) {
  struct fixture *f = *state;
  kill_agent(f);
  f->rule_is_gone[OVERHEAT] = true;
  const struct traces before = look(f);
  assert_int_equal(fixture_peek(f, FIXTURE_NOW), 0);
  assert_int_equal(f->command_count, 0);
  assert_int_equal(f->slot_count, 0);
  assert_untouched(f, &before);
  assert_string_equal(
      fixture_sql(f, "SELECT count(*) FROM commands WHERE state = 'waiting'"),
      "3");
}

static void a_file_without_companions_is_seen_and_gets_none(void **state) {
  struct fixture *f = *state;
  kill_agent(f);
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  remove_file(f, ".lock");
  const struct traces before = look(f); /* SQL has removed the others */
  assert_int_equal(before.about[1].st_nlink + before.about[2].st_nlink, 0);
  assert_int_equal(fixture_peek(f, FIXTURE_NOW), 0);
  assert_int_equal(f->command_count, 3);
  assert_untouched(f, &before);
}

/* ---- what can not be seen ---- */

static void assert_fails(struct fixture *f, int status, const char *why) {
  const struct traces before = look(f);
  assert_int_equal(fixture_peek(f, FIXTURE_NOW), status);
  if (strstr(f->why, why) == NULL || strstr(f->why, f->path) == NULL)
    fail_msg("not told: %s", f->why);
  assert_untouched(f, &before);
}

static void without_a_file_none_is_made(void **state) {
  assert_fails(*state, -ENOENT, "No such file");
}

static void a_missing_wal_is_not_made(void **state) {
  struct fixture *f = *state;
  char shm[640];
  kill_agent(f);
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)"); /* removes both */
  format_path(f, "-shm", shm);
  assert_int_equal(copy_file(f->path, shm, 0600), 0);
  const struct traces before = look(f);
  assert_int_equal(fixture_peek(f, FIXTURE_NOW), 0);
  assert_untouched(f, &before);
}

static void a_wal_without_its_shm_is_left_to_the_agent(void **state) {
  struct fixture *f = *state;
  kill_agent(f);
  remove_file(f, "-shm");
  assert_fails(f, -EROFS, "a -wal without a -shm");
}

static void without_the_right_to_read_that_is_told(void **state) {
  struct fixture *f = *state;
  if (geteuid() != 0)
    skip();
  kill_agent(f);
  assert_int_equal(chmod(f->directory_path, 0755), 0);
  assert_int_equal(seteuid(NOBODY), 0);
  int status = fixture_peek(f, FIXTURE_NOW);
  assert_int_equal(seteuid(0), 0);
  assert_int_equal(status, -EACCES);
  assert_non_null(strstr(f->why, "it can not be read: Permission denied"));
}

static void what_is_no_ledger_is_not_set_aside(void **state) {
  struct fixture *f = *state;
  FILE *file = fopen(f->path, "w");
  assert_non_null(file);
  for (int i = 0; i < 1000; i++)
    fputs("This is no ledger. ", file);
  fclose(file);
  assert_fails(f, -EILSEQ, "not a database");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_a_running_agent_has_is_seen_while_it_goes_on),
      TEST(a_ledger_of_an_agent_that_was_killed_is_seen_and_kept),
      TEST(what_is_decided_of_it_stays_in_memory),
      TEST(a_file_without_companions_is_seen_and_gets_none),
      TEST(without_a_file_none_is_made),
      TEST(a_missing_wal_is_not_made),
      TEST(a_wal_without_its_shm_is_left_to_the_agent),
      TEST(without_the_right_to_read_that_is_told),
      TEST(what_is_no_ledger_is_not_set_aside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
