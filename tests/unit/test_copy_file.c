/* SPDX-License-Identifier: MIT */
#include "base/copy_file.h"

#include "basics.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 150001 /* more than is copied at once */

static char directory[] = "/tmp/test_copy_file.XXXXXX";

static int set_up(void **state) {
  (void)state;
  return mkdtemp(directory) != NULL ? chdir(directory) : -1;
}

static int clean_up(void **state) {
  (void)state;
  unlink("from");
  unlink("to");
  return 0;
}

static int tear_down(void **state) {
  clean_up(state);
  return rmdir(directory);
}

static void write_source(void) {
  FILE *file = fopen("from", "w");
  assert_non_null(file);
  for (int i = 0; i < SIZE; i++)
    fputc(i % 251, file);
  assert_int_equal(fclose(file), 0);
}

static void the_copy_is_the_same(void **state) {
  struct stat about;
  (void)state;
  write_source();
  assert_int_equal(copy_file("from", "to", 0600), 0);
  FILE *file = fopen("to", "r");
  for (int i = 0; i < SIZE; i++)
    assert_int_equal(fgetc(file), i % 251);
  assert_int_equal(fgetc(file), EOF);
  fclose(file);
  assert_int_equal(stat("to", &about), 0);
  assert_int_equal(about.st_mode & 0777, 0600);
}

static void what_is_there_is_not_overwritten(void **state) {
  (void)state;
  write_source();
  assert_int_equal(symlink("elsewhere", "to"), 0);
  assert_int_equal(copy_file("from", "to", 0600), -EEXIST);
  assert_int_equal(access("elsewhere", F_OK), -1);
}

static void what_is_missing_or_a_link_has_no_copy(void **state) {
  (void)state;
  assert_int_equal(copy_file("from", "to", 0600), -ENOENT);
  assert_int_equal(symlink("/etc/passwd", "from"), 0);
  assert_int_equal(copy_file("from", "to", 0600), -ELOOP);
  assert_int_equal(access("to", F_OK), -1);
}

static void a_copy_that_is_not_whole_is_removed(void **state) {
  struct rlimit before, low;
  (void)state;
  write_source();
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  low = before;
  low.rlim_cur = 100000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
  int status = copy_file("from", "to", 0600);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_true(status == -ENOSPC || status == -EFBIG);
  assert_int_equal(access("to", F_OK), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(the_copy_is_the_same, clean_up),
      cmocka_unit_test_teardown(what_is_there_is_not_overwritten, clean_up),
      cmocka_unit_test_teardown(what_is_missing_or_a_link_has_no_copy,
                                clean_up),
      cmocka_unit_test_teardown(a_copy_that_is_not_whole_is_removed, clean_up),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
