/* SPDX-License-Identifier: MIT */
#include "base/own_file.h"

#include "basics.h"

#include <unistd.h>

static struct stat file_of_ours(void) {
  return (struct stat){
      .st_mode = S_IFREG | 0640, .st_nlink = 1, .st_uid = geteuid()};
}

static void assert_trap(const struct stat *about, const char *what) {
  const char *trap = own_file_find_trap(about);
  assert_non_null(trap);
  assert_string_equal(trap, what);
}

static void a_file_of_ours_with_one_name_is_none(void **state) {
  (void)state;
  struct stat about = file_of_ours();
  assert_null(own_file_find_trap(&about));
  about.st_nlink = 0; /* it was removed meanwhile */
  assert_null(own_file_find_trap(&about));
}

static void a_directory_is_left_to_who_opens_it(void **state) {
  (void)state;
  struct stat about = file_of_ours();
  about.st_mode = S_IFDIR | 0755;
  about.st_nlink = 2;
  assert_null(own_file_find_trap(&about));
}

static void each_trap_is_named(void **state) {
  (void)state;
  struct stat about = file_of_ours();
  about.st_mode = S_IFLNK | 0777;
  assert_trap(&about, "a symbolic link, which is not followed");
  about.st_mode = S_IFIFO | 0600;
  assert_trap(&about, "not a regular file");
  about = file_of_ours();
  about.st_nlink = 2;
  assert_trap(&about, "a file with another name besides this one");
  about = file_of_ours();
  about.st_uid++;
  assert_trap(&about, "the file of another user");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_of_ours_with_one_name_is_none),
      cmocka_unit_test(a_directory_is_left_to_who_opens_it),
      cmocka_unit_test(each_trap_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
