/* SPDX-License-Identifier: MIT */
#include "book.h"

#include "base/copy_file.h"
#include "base/systime.h"
#include "basics.h"
#include "ledger_fixture.h"
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534
#define GROUP 54321

/* What the user was told, a line each. */
static char told[4096];
static size_t told_lines;

int tool_fail(enum tool_exit status, const char *format, ...) {
  size_t used = strlen(told);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(told + used, sizeof told - used, format, arguments);
  va_end(arguments);
  told_lines++;
  return status;
}

/* Time passes only while somebody waits: linked with
 * --wrap=systime_monotonic_ms,poll. */
static int64_t pretended_ms;

int64_t __wrap_systime_monotonic_ms(void);
int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms);

int64_t __wrap_systime_monotonic_ms(void) { return pretended_ms; }

int __wrap_poll(struct pollfd *fds, nfds_t count, int wait_ms) {
  (void)fds;
  (void)count;
  pretended_ms += wait_ms;
  return 0;
}

/* So many times the kernel's list of locks is empty: linked with --wrap=fopen.
 */
static int empty_lists;

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);

FILE *__wrap_fopen(const char *path, const char *mode) {
  bool is_empty = strcmp(path, "/proc/locks") == 0 && empty_lists-- > 0;
  return __real_fopen(is_empty ? "/dev/null" : path, mode);
}

static int set_up(void **state) {
  empty_lists = 0;
  told[0] = '\0';
  told_lines = 0;
  return fixture_setup(state);
}

static int tear_down(void **state) {
  assert_int_equal(seteuid(0) == 0 || getuid() != 0, true);
  return fixture_teardown(state);
}

/* A ledger with one pending command, closed in order. */
static void make_ledger(struct fixture *f) {
  fixture_restart(f, FIXTURE_NOW);
  fixture_put_state(f, 1, FIXTURE_NOW);
  fixture_close(f);
}

static void path_of(const struct fixture *f, const char *suffix,
                    char ret_path[static 600]) {
  snprintf(ret_path, 600, "%s%s", f->path, suffix);
}

static bool is_there(const struct fixture *f, const char *suffix,
                     struct stat *ret_about) {
  char path[600];
  path_of(f, suffix, path);
  return stat(path, ret_about) == 0;
}

static void remove_file(const struct fixture *f, const char *suffix) {
  char path[600];
  path_of(f, suffix, path);
  assert_int_equal(unlink(path), 0);
}

/* The book does not open, and one line has both texts in it. */
static void is_refused(const char *path, enum book_purpose purpose, int status,
                       const char *why, const char *advice) {
  struct book *b;
  told[0] = '\0';
  told_lines = 0;
  assert_int_equal(book_open(path, purpose, &b), status);
  assert_int_equal(told_lines, 1);
  if (strstr(told, why) == NULL || strstr(told, advice) == NULL)
    fail_msg("told: %s", told);
}

static int64_t number(struct book *b, const char *sql) {
  sqlite3_stmt *s;
  assert_int_equal(sqlite3_prepare_v2(book_connection(b), sql, -1, &s, NULL),
                   SQLITE_OK);
  assert_int_equal(sqlite3_step(s), SQLITE_ROW);
  int64_t found = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  return found;
}

/* The book opens, and shows the pending command. */
static void is_read(const struct fixture *f) {
  struct book *b;
  if (book_open(f->path, BOOK_TO_READ, &b) < 0)
    fail_msg("told: %s", told);
  assert_int_equal(number(b, "SELECT count(*) FROM pending"), 1);
  assert_true(book_bytes(b) > 0);
  book_close(b);
}

/* ---- what lies there ---- */

static void a_ledger_is_read_with_and_without_an_agent(void **state) {
  struct fixture *f = *state;
  make_ledger(f);
  is_read(f);
  fixture_restart(f, FIXTURE_NOW);
  is_read(f);
}

static void the_agent_is_who_holds_the_lock(void **state) {
  struct fixture *f = *state;
  assert_int_equal(book_agent(f->path), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(book_agent(f->path), getpid());
  fixture_close(f);
  assert_int_equal(book_agent(f->path), 0);
}

/* The kernel may pass a lock over while others come and go. */
static void an_agent_that_is_passed_over_is_looked_for_again(void **state) {
  struct fixture *f = *state;
  fixture_restart(f, FIXTURE_NOW);
  empty_lists = 3;
  assert_int_equal(book_agent(f->path), getpid());
  fixture_close(f);
  assert_int_equal(book_agent(f->path), 0);
}

static void a_look_leaves_the_file_as_it_was(void **state) {
  struct fixture *f = *state;
  struct book *b;
  make_ledger(f);
  assert_int_equal(book_open(f->path, BOOK_TO_READ, &b), 0);
  assert_int_equal(sqlite3_exec(book_connection(b), "DELETE FROM commands",
                                NULL, NULL, NULL),
                   SQLITE_READONLY);
  book_close(b);
  is_read(f);
}

static void what_is_no_ledger_is_said_in_one_line(void **state) {
  struct fixture *f = *state;
  char *rubbish = repeat("", "no ledger at all\n", 300, "");
  is_refused(":memory:", BOOK_TO_READ, -ENOTSUP, "the agent", "name a file");
  is_refused(f->path, BOOK_TO_READ, -ENOENT, f->path, "collectd starts");
  is_refused("/nowhere/onenet.db", BOOK_TO_ORDER, -ENOENT, "there is none",
             "-C");
  write_file(f->path, "", 0);
  is_refused(f->path, BOOK_TO_READ, -ENOENT, "there is none", "-C");
  write_file(f->path, rubbish, strlen(rubbish));
  is_refused(f->path, BOOK_TO_READ, -EILSEQ, "damaged, or no ledger", "Ledger");
  is_refused(f->path, BOOK_TO_ORDER, -EILSEQ, "damaged, or no ledger",
             "Ledger");
  free(rubbish);
}

static void the_database_of_somebody_else_is_no_ledger(void **state) {
  struct fixture *f = *state;
  write_file(f->path, "", 0);
  fixture_sql(f, "CREATE TABLE mine (x)");
  is_refused(f->path, BOOK_TO_READ, -EPROTO, "no ledger of this plugin",
             "Ledger");
  fixture_sql(f, "PRAGMA user_version = 6");
  is_refused(f->path, BOOK_TO_READ, -EPROTO, "no ledger of this plugin",
             "Ledger");
}

static void another_version_is_named_with_what_to_do(void **state) {
  struct fixture *f = *state;
  make_ledger(f);
  fixture_sql(f, "PRAGMA user_version = 3");
  is_refused(f->path, BOOK_TO_READ, -EPROTO, "of version 3",
             "restart collectd");
  fixture_sql(f, "PRAGMA user_version = 999");
  is_refused(f->path, BOOK_TO_ORDER, -EPROTO, "of version 999",
             "came with the plugin");
}

static void a_link_in_its_place_is_not_followed(void **state) {
  struct fixture *f = *state;
  char other[600];
  make_ledger(f);
  path_of(f, ".link", other);
  assert_int_equal(symlink(f->path, other), 0);
  is_refused(other, BOOK_TO_READ, -EPERM, "symbolic link", "not followed");
}

static void damage_that_is_met_later_is_said_then(void **state) {
  struct fixture *f = *state;
  struct book *b;
  make_ledger(f);
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  assert_int_equal(book_open(f->path, BOOK_TO_READ, &b), 0);
  assert_int_equal(book_judge(b, SQLITE_ROW), 0);
  assert_int_equal(told_lines, 0);
  assert_int_equal(book_judge(b, SQLITE_CORRUPT), -EILSEQ);
  assert_non_null(strstr(told, "it is damaged"));
  assert_int_equal(book_judge(b, SQLITE_BUSY), -EBUSY);
  assert_non_null(strstr(told, "locked by another process"));
  assert_int_equal(told_lines, 2);
  book_close(b);
}

/* ---- orders ---- */

static void an_order_becomes_a_row(void **state) {
  struct fixture *f = *state;
  struct book *b;
  int64_t id = 0;
  make_ledger(f);
  struct order *o = order_new();
  o->verb = ORDER_SEND;
  o->device_name = strdup("fan");
  o->body = body_new(BYTES("on"));
  o->content_type = strdup("text/plain; charset=utf-8");
  o->expire_s = 600;
  assert_int_equal(book_open(f->path, BOOK_TO_ORDER, &b), 0);
  assert_int_equal(book_give(b, o, &id), 0);
  assert_int_equal(id, 1);
  char expected[256];
  snprintf(expected, sizeof expected,
           "1|send|%ld|fan|NULL|NULL|on|text|text/plain; charset=utf-8|NULL|"
           "600|0|NULL|given|1",
           (long)getuid());
  assert_string_equal(
      fixture_sql(f, "SELECT id, verb, uid, device, rule, command_id, body,"
                     " typeof(body), content_type, service, expire_s, forced,"
                     " until_at, state, abs(given_at - unixepoch()) < 60"
                     " FROM orders"),
      expected);
  order_free(o);
  book_close(b);
}

static void what_is_not_asked_for_is_null(void **state) {
  struct fixture *f = *state;
  struct book *b;
  int64_t id;
  make_ledger(f);
  struct order *o = order_new();
  o->verb = ORDER_SILENCE;
  o->rule_name = strdup("overheat");
  o->comment = strdup("mended today");
  o->wall_until_ms = 1764073200500;
  assert_int_equal(book_open(f->path, BOOK_TO_ORDER, &b), 0);
  assert_int_equal(book_give(b, o, &id), 0);
  o->verb = ORDER_RETRY;
  o->command_id = 7;
  o->is_forced = true;
  o->body = body_new(BYTES("\x00\xff"));
  assert_int_equal(book_give(b, o, &id), 0);
  assert_int_equal(id, 2);
  assert_string_equal(
      fixture_sql(f, "SELECT verb, rule, comment, until_at, command_id, forced,"
                     " typeof(body), typeof(expire_s), typeof(device)"
                     " FROM orders ORDER BY id"),
      "silence|overheat|mended today|1764073200.5|NULL|0|null|null|null\n"
      "retry|overheat|mended today|NULL|7|1|blob|null|null");
  order_free(o);
  book_close(b);
}

static void what_came_of_an_order_is_read(void **state) {
  struct fixture *f = *state;
  struct book *b;
  struct order *given = order_new(), *ended = NULL;
  int64_t id;
  make_ledger(f);
  assert_int_equal(book_open(f->path, BOOK_TO_ORDER, &b), 0);
  assert_int_equal(book_give(b, given, &id), 0);
  assert_int_equal(book_await(b, id, &ended), -ETIMEDOUT);
  assert_null(ended);
  fixture_sql(f, "UPDATE orders SET state = 'refused', ended_at = 5.25,"
                 " why = 'no such command', result_id = 12, count = 3");
  assert_int_equal(book_await(b, id, &ended), 0);
  assert_int_equal(ended->state, ORDER_REFUSED);
  assert_int_equal(ended->ended.wall_ms, 5250);
  assert_string_equal(ended->why, "no such command");
  assert_int_equal(ended->result_id, 12);
  assert_int_equal(ended->count, 3);
  assert_int_equal(told_lines, 0);
  order_free(ended);
  order_free(given);
  book_close(b);
}

static void one_waits_so_long_and_no_longer(void **state) {
  struct fixture *f = *state;
  struct book *b;
  struct order *ended = NULL;
  int64_t begun_ms = pretended_ms;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(book_open(f->path, BOOK_TO_READ, &b), 0);
  assert_int_equal(book_await(b, 1, &ended), -ETIMEDOUT);
  assert_int_equal(pretended_ms - begun_ms, BOOK_WAIT_MS);
  book_close(b);
}

static void for_an_agent_that_is_gone_nobody_waits(void **state) {
  struct fixture *f = *state;
  struct book *b;
  struct order *ended = NULL;
  int64_t begun_ms = pretended_ms;
  make_ledger(f);
  assert_int_equal(book_open(f->path, BOOK_TO_READ, &b), 0);
  assert_int_equal(book_await(b, 1, &ended), -ETIMEDOUT);
  assert_int_equal(pretended_ms - begun_ms, 0);
  book_close(b);
}

static void the_files_beside_it_stay_for_the_agent(void **state) {
  struct fixture *f = *state;
  struct book *b;
  struct stat about;
  make_ledger(f);
  assert_int_equal(book_open(f->path, BOOK_TO_ORDER, &b), 0);
  book_close(b);
  assert_true(is_there(f, "-wal", &about));
  assert_true(is_there(f, "-shm", &about));
}

/* ---- rights: as another user, which only root can become ---- */

/* Gives the folder and the files in it to a user and group with such modes. */
static void give_away(const struct fixture *f, uid_t user, gid_t group,
                      mode_t folder_mode, mode_t mode) {
  static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
  struct stat about;
  assert_int_equal(chmod(f->directory_path, folder_mode), 0);
  for (size_t i = 0; i < COUNT(suffixes); i++) {
    char path[600];
    path_of(f, suffixes[i], path);
    if (!is_there(f, suffixes[i], &about))
      continue;
    assert_int_equal(chown(path, user, group), 0);
    assert_int_equal(chmod(path, mode), 0);
  }
}

static void become(uid_t user, gid_t group) {
  if (getuid() != 0)
    skip();
  assert_int_equal(setegid(group), 0);
  assert_int_equal(seteuid(user), 0);
}

static void become_root(void) {
  assert_int_equal(seteuid(0), 0);
  assert_int_equal(setegid(0), 0);
}

static void a_missing_right_is_named(void **state) {
  struct fixture *f = *state;
  make_ledger(f);
  if (getuid() != 0)
    skip();
  give_away(f, 0, 0, 0755, 0640);
  become(NOBODY, NOBODY);
  is_refused(f->path, BOOK_TO_READ, -EACCES,
             "user \"nobody\" may not read the ledger, which belongs to user "
             "\"root\" and group \"root\"",
             "LedgerGroup");
  is_refused(f->path, BOOK_TO_ORDER, -EACCES, "may not read and write",
             "use sudo");
  become_root();
  give_away(f, 0, GROUP, 0755, 0640);
  become(NOBODY, GROUP);
  is_refused(f->path, BOOK_TO_ORDER, -EACCES, "may not write the ledger",
             "LedgerGroup");
  become_root();
  give_away(f, 0, GROUP, 0755, 0660);
  become(NOBODY, NOBODY);
  is_refused(f->path, BOOK_TO_ORDER, -EACCES, "group \"54321\"",
             "usermod -aG 54321 nobody");
  become_root();
  give_away(f, 0, GROUP, 0700, 0660);
  become(NOBODY, GROUP);
  is_refused(f->path, BOOK_TO_READ, -EACCES, "may not enter the folder",
             f->directory_path);
  become_root();
}

static void whoever_may_read_looks_beside_an_agent(void **state) {
  struct fixture *f = *state;
  make_ledger(f);
  fixture_restart(f, FIXTURE_NOW);
  if (getuid() != 0)
    skip();
  give_away(f, 0, GROUP, 0755, 0640);
  become(NOBODY, GROUP);
  is_read(f);
  become_root();
}

static void the_group_gives_orders_beside_an_agent(void **state) {
  struct fixture *f = *state;
  struct book *b;
  int64_t id;
  make_ledger(f);
  fixture_restart(f, FIXTURE_NOW);
  if (getuid() != 0)
    skip();
  give_away(f, 0, GROUP, 0755, 0660);
  become(NOBODY, GROUP);
  struct order *o = order_new();
  assert_int_equal(book_open(f->path, BOOK_TO_ORDER, &b), 0);
  assert_int_equal(book_give(b, o, &id), 0);
  order_free(o);
  book_close(b);
  become_root();
}

static void a_ledger_at_rest_is_read_as_it_lies_there(void **state) {
  struct fixture *f = *state;
  struct stat about;
  make_ledger(f);
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  if (is_there(f, "-wal", &about))
    remove_file(f, "-wal");
  if (is_there(f, "-shm", &about))
    remove_file(f, "-shm");
  if (getuid() != 0)
    skip();
  give_away(f, 0, GROUP, 0777, 0660); /* may make files, not for the owner */
  become(NOBODY, GROUP);
  is_read(f);
  is_refused(f->path, BOOK_TO_ORDER, -EACCES, "may not make files",
             "start collectd, or use sudo");
  become_root();
  assert_false(is_there(f, "-wal", &about));
  assert_false(is_there(f, "-shm", &about));
}

/* What a crash and a careless copy may leave: commits in the -wal, no -shm. */
static void copy_without_shm(struct fixture *f) {
  static const char *const suffixes[] = {"", "-wal"};
  char from[600], to[600];
  make_ledger(f);
  fixture_restart(f, FIXTURE_NOW);
  fixture_put_account(f, FAN, 2, 1, FIXTURE_NOW);
  for (size_t i = 0; i < COUNT(suffixes); i++) {
    path_of(f, suffixes[i], from);
    snprintf(to, sizeof to, "%s/copy.db%s", f->directory_path, suffixes[i]);
    assert_int_equal(copy_file(from, to, 0600), 0);
  }
  fixture_close(f);
  snprintf(f->path, sizeof f->path, "%s/copy.db", f->directory_path);
}

static void commits_beside_the_file_are_never_passed_over(void **state) {
  struct fixture *f = *state;
  struct stat about;
  copy_without_shm(f);
  assert_true(is_there(f, "-wal", &about) && about.st_size > 0);
  if (getuid() != 0)
    skip();
  give_away(f, 0, GROUP, 0755, 0640);
  become(NOBODY, GROUP);
  is_refused(f->path, BOOK_TO_READ, -EACCES, "its -wal and -shm", "sudo");
  become_root();
  is_read(f);
}

static void what_root_makes_belongs_to_the_owner_of_the_ledger(void **state) {
  struct fixture *f = *state;
  struct book *b;
  struct stat about;
  make_ledger(f);
  if (getuid() != 0)
    skip();
  for (int purpose = BOOK_TO_READ; purpose <= BOOK_TO_ORDER; purpose++) {
    fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
    if (is_there(f, "-wal", &about))
      remove_file(f, "-wal");
    if (is_there(f, "-shm", &about))
      remove_file(f, "-shm");
    give_away(f, NOBODY, GROUP, 0755, 0660);
    assert_int_equal(book_open(f->path, (enum book_purpose)purpose, &b), 0);
    book_close(b);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < COUNT(suffixes); i++) {
      assert_true(is_there(f, suffixes[i], &about));
      assert_int_equal(about.st_uid, NOBODY);
      assert_int_equal(about.st_gid, GROUP);
      assert_int_equal(about.st_mode & 0777, 0660);
    }
  }
}

#define WITH_LEDGER(test)                                                      \
  cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LEDGER(a_ledger_is_read_with_and_without_an_agent),
      WITH_LEDGER(the_agent_is_who_holds_the_lock),
      WITH_LEDGER(an_agent_that_is_passed_over_is_looked_for_again),
      WITH_LEDGER(a_look_leaves_the_file_as_it_was),
      WITH_LEDGER(what_is_no_ledger_is_said_in_one_line),
      WITH_LEDGER(the_database_of_somebody_else_is_no_ledger),
      WITH_LEDGER(another_version_is_named_with_what_to_do),
      WITH_LEDGER(a_link_in_its_place_is_not_followed),
      WITH_LEDGER(damage_that_is_met_later_is_said_then),
      WITH_LEDGER(an_order_becomes_a_row),
      WITH_LEDGER(what_is_not_asked_for_is_null),
      WITH_LEDGER(what_came_of_an_order_is_read),
      WITH_LEDGER(one_waits_so_long_and_no_longer),
      WITH_LEDGER(for_an_agent_that_is_gone_nobody_waits),
      WITH_LEDGER(the_files_beside_it_stay_for_the_agent),
      WITH_LEDGER(a_missing_right_is_named),
      WITH_LEDGER(whoever_may_read_looks_beside_an_agent),
      WITH_LEDGER(the_group_gives_orders_beside_an_agent),
      WITH_LEDGER(a_ledger_at_rest_is_read_as_it_lies_there),
      WITH_LEDGER(commits_beside_the_file_are_never_passed_over),
      WITH_LEDGER(what_root_makes_belongs_to_the_owner_of_the_ledger),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
