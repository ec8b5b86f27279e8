/* SPDX-License-Identifier: MIT
 *
 * Somebody who may make files beside the ledger is faster than we are: there is
 * no trap when we look, and one when we open.
 */
#include "config/known_files.h"
#include "ledger/sqlite_place.h"

#include "basics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static char ledger[96];
static char precious[96];
static struct sqlite_place place;

/* ---- the other one ---- */

static struct {
  const char *path; /* where we look; NULL: nobody is there */
  int (*plant)(const char *target, const char *path);
  const char *target;
} other;

int __real_lstat(const char *path, struct stat *ret_about);
int __real_unlink(const char *path);
int __wrap_lstat(const char *path, struct stat *ret_about);
int __wrap_unlink(const char *path);

static void let_other_act(const char *path) {
  if (other.path == NULL || strcmp(path, other.path) != 0)
    return;
  other.path = NULL;
  assert_int_equal(other.plant(other.target, path), 0);
}

int __wrap_lstat(const char *path, struct stat *ret_about) {
  int status = __real_lstat(path, ret_about);
  int error = errno;
  let_other_act(path);
  errno = error;
  return status;
}

int __wrap_unlink(const char *path) {
  int status = __real_unlink(path);
  int error = errno;
  let_other_act(path);
  errno = error;
  return status;
}

/* From now on that is planted once we have looked for the file. */
static void plant(int (*with)(const char *, const char *), const char *target,
                  const char *suffix) {
  static char path[128];
  snprintf(path, sizeof(path), "%s%s", ledger, suffix);
  other.plant = with;
  other.target = target;
  other.path = path;
}

static void assert_was_planted(void) { assert_null(other.path); }

/* ---- the place ---- */

static int set_up(void **state) {
  (void)state;
  strcpy(directory, "/tmp/test_place_races.XXXXXX");
  if (mkdtemp(directory) == NULL)
    return -1;
  snprintf(ledger, sizeof(ledger), "%s/onenet.db", directory);
  snprintf(precious, sizeof(precious), "%s/precious", directory);
  write_file(precious, "precious", 8);
  return sqlite_place_init(&place, ledger);
}

static int tear_down(void **state) {
  static const char *const all[] = {"", ".lock", ".devices", ".devices-new"};
  char path[128];
  (void)state;
  other.path = NULL;
  sqlite_place_release(&place);
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    snprintf(path, sizeof(path), "%s%s", ledger, all[i]);
    unlink(path);
  }
  unlink(precious);
  return rmdir(directory); /* nothing else is left there */
}

static void assert_precious(void) {
  char text[16] = "";
  FILE *file = fopen(precious, "r");
  assert_non_null(file);
  assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 8);
  fclose(file);
  assert_string_equal(text, "precious");
}

static void assert_refused(void) {
  assert_true(sqlite_place_lock(&place) < 0);
  assert_was_planted();
  assert_precious();
  assert_int_equal(place.lock_fd, -1);
}

static void a_link_planted_in_place_of_the_lock_is_not_followed(void **state) {
  (void)state;
  plant(symlink, precious, ".lock");
  assert_refused();
  assert_non_null(strstr(place.why, "its .lock can not be opened"));
}

static void a_name_planted_in_place_of_the_lock_is_not_written(void **state) {
  (void)state;
  plant(link, precious, ".lock");
  assert_refused();
  assert_non_null(strstr(place.why, "its .lock is a file with another name"));
}

static void a_link_planted_in_place_of_the_ledger_makes_no_file(void **state) {
  char elsewhere[96];
  (void)state;
  snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", directory);
  plant(symlink, elsewhere, "");
  assert_refused();
  assert_int_equal(access(elsewhere, F_OK), -1);
}

static void
a_link_planted_in_place_of_a_new_list_is_not_followed(void **state) {
  static char devices[] = "/etc/collectd/devices.csv";
  char *const paths[] = {devices, NULL};
  (void)state;
  write_file(ledger, "", 0);
  plant(symlink, precious, ".devices-new");
  assert_int_equal(known_files_write(ledger, paths), -EEXIST);
  assert_was_planted();
  assert_precious();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_link_planted_in_place_of_the_lock_is_not_followed),
      TEST(a_name_planted_in_place_of_the_lock_is_not_written),
      TEST(a_link_planted_in_place_of_the_ledger_makes_no_file),
      TEST(a_link_planted_in_place_of_a_new_list_is_not_followed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
