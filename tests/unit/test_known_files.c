/* SPDX-License-Identifier: MIT */
#include "config/known_files.h"

#include "basics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

static char one[] = "/etc/collectd/devices.csv";
static char two[] = "/etc/a b/#more.csv";

/* A directory with a ledger, a link to it from elsewhere, and the list. */
struct place {
  char directory[64];
  char ledger[96];
  char link[96];
  char list[96];
};

static int set_up(void **state) {
  static struct place p;
  p = (struct place){.directory = "/tmp/test_known_files.XXXXXX"};
  if (mkdtemp(p.directory) == NULL)
    return -1;
  snprintf(p.ledger, sizeof(p.ledger), "%s/onenet.db", p.directory);
  snprintf(p.link, sizeof(p.link), "%s/link.db", p.directory);
  snprintf(p.list, sizeof(p.list), "%s/onenet.db.devices", p.directory);
  FILE *ledger = fopen(p.ledger, "w");
  *state = &p;
  return ledger == NULL || fclose(ledger) != 0 ? -1 : symlink(p.ledger, p.link);
}

static int tear_down(void **state) {
  struct place *p = *state;
  remove(p->ledger);
  remove(p->link);
  remove(p->list);
  return rmdir(p->directory); /* nothing else is left there */
}

static void write_list(const struct place *p, const char *text) {
  FILE *list = fopen(p->list, "w");
  assert_non_null(list);
  fputs(text, list);
  assert_int_equal(fclose(list), 0);
}

static void nothing_is_known_at_first(void **state) {
  struct place *p = *state;
  assert_false(known_files_has(p->ledger, one));
  assert_false(known_files_has("/nowhere/onenet.db", one));
}

static void what_was_written_is_known_and_nothing_else(void **state) {
  struct place *p = *state;
  char *const both[] = {one, two, NULL};
  char *const first[] = {one, NULL};
  assert_int_equal(known_files_write(p->ledger, both), 0);
  assert_true(known_files_has(p->ledger, one));
  assert_true(known_files_has(p->ledger, two));
  assert_false(known_files_has(p->ledger, "/etc/collectd/devices"));
  assert_false(known_files_has(p->ledger, "collectd/devices.csv"));
  assert_false(known_files_has(p->ledger, ""));
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_true(known_files_has(p->ledger, one));
  assert_false(known_files_has(p->ledger, two));
}

static void without_files_there_is_no_list(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  char *const none[] = {NULL};
  assert_int_equal(known_files_write(p->ledger, NULL), 0);
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_int_equal(known_files_write(p->ledger, none), 0);
  assert_int_equal(access(p->list, F_OK), -1);
  assert_false(known_files_has(p->ledger, one));
}

/* As the ledger itself. */
static void a_link_in_place_of_the_ledger_is_not_followed(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  char *const second[] = {two, NULL};
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_false(known_files_has(p->link, one));
  assert_int_equal(known_files_write(p->link, second), -EPERM);
  assert_int_equal(known_files_write(p->link, NULL), -EPERM);
  assert_true(known_files_has(p->ledger, one));
}

static void a_link_to_the_directory_is_followed(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  char path[128];
  assert_int_equal(unlink(p->link), 0);
  assert_int_equal(symlink(p->directory, p->link), 0);
  snprintf(path, sizeof(path), "%s/onenet.db", p->link);
  assert_int_equal(known_files_write(path, first), 0);
  assert_true(known_files_has(path, one));
  assert_true(known_files_has(p->ledger, one));
}

static void others_can_not_read_the_list(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  struct stat about;
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_int_equal(stat(p->list, &about), 0);
  assert_int_equal(about.st_mode & 07, 0);
}

static void a_ledger_in_memory_remembers_nothing(void **state) {
  char *const first[] = {one, NULL};
  (void)state;
  assert_int_equal(known_files_write(":memory:", first), 0);
  assert_false(known_files_has(":memory:", one));
  assert_int_equal(access(":memory:.devices", F_OK), -1);
}

static void a_list_that_is_right_is_not_written_again(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  struct stat before, after;
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_int_equal(stat(p->list, &before), 0);
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_int_equal(stat(p->list, &after), 0);
  assert_true(before.st_ino == after.st_ino);
}

static void a_list_that_can_not_be_written_stays_as_it_was(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  char *const second[] = {two, NULL};
  char new_list[128];
  assert_int_equal(known_files_write(p->ledger, first), 0);
  snprintf(new_list, sizeof(new_list), "%s-new", p->list);
  assert_int_equal(mkdir(new_list, 0700), 0);
  assert_int_equal(known_files_write(p->ledger, second), -EISDIR);
  assert_true(known_files_has(p->ledger, one));
  assert_int_equal(rmdir(new_list), 0);
  assert_int_equal(known_files_write("/nowhere/onenet.db", second), -ENOENT);
}

static void nobody_is_led_elsewhere_by_a_link(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  char new_list[128];
  snprintf(new_list, sizeof(new_list), "%s-new", p->list);
  assert_int_equal(symlink(p->ledger, new_list), 0);
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_true(known_files_has(p->ledger, one));
  struct stat about;
  assert_int_equal(stat(p->ledger, &about), 0);
  assert_int_equal(about.st_size, 0);
}

static void a_pipe_in_place_of_the_new_list_keeps_nobody_waiting(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  char new_list[128];
  snprintf(new_list, sizeof(new_list), "%s-new", p->list);
  assert_int_equal(mkfifo(new_list, 0600), 0);
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_true(known_files_has(p->ledger, one));
}

/* Leaves a list in the place of the ledger, which is as long as it needs. */
static void write_elsewhere(const struct place *p) {
  char *const first[] = {one, NULL};
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_int_equal(rename(p->list, p->ledger), 0);
}

static void a_list_of_others_is_not_believed(void **state) {
  struct place *p = *state;
  write_elsewhere(p);
  assert_int_equal(symlink(p->ledger, p->list), 0);
  assert_false(known_files_has(p->ledger, one));
  assert_int_equal(unlink(p->list), 0);
  assert_int_equal(link(p->ledger, p->list), 0);
  assert_false(known_files_has(p->ledger, one));
}

static void a_list_of_another_user_is_not_believed(void **state) {
  struct place *p = *state;
  char *const first[] = {one, NULL};
  if (geteuid() != 0)
    skip();
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_int_equal(chown(p->list, NOBODY, NOBODY), 0);
  assert_false(known_files_has(p->ledger, one));
  assert_int_equal(known_files_write(p->ledger, first), 0);
  assert_true(known_files_has(p->ledger, one));
}

static void what_is_no_list_is_none(void **state) {
  struct place *p = *state;
  write_list(p, "");
  assert_false(known_files_has(p->ledger, one));
  write_list(p, "/etc/collectd/devices.csv"); /* cut off */
  assert_false(known_files_has(p->ledger, one));
  assert_int_equal(unlink(p->list), 0);
  assert_int_equal(mkfifo(p->list, 0600), 0);
  assert_false(known_files_has(p->ledger, one)); /* and nobody waits */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(nothing_is_known_at_first),
      TEST(what_was_written_is_known_and_nothing_else),
      TEST(without_files_there_is_no_list),
      TEST(a_link_in_place_of_the_ledger_is_not_followed),
      TEST(a_link_to_the_directory_is_followed),
      TEST(others_can_not_read_the_list),
      TEST(a_ledger_in_memory_remembers_nothing),
      TEST(a_list_that_is_right_is_not_written_again),
      TEST(a_list_that_can_not_be_written_stays_as_it_was),
      TEST(nobody_is_led_elsewhere_by_a_link),
      TEST(a_pipe_in_place_of_the_new_list_keeps_nobody_waiting),
      TEST(a_list_of_others_is_not_believed),
      TEST(a_list_of_another_user_is_not_believed),
      TEST(what_is_no_list_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
