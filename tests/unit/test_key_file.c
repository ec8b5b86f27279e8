/* SPDX-License-Identifier: MIT */
#include "cloud/key_file.h"

#include "basics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534
#define SITUATION(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A directory, which is the present one, with a key in it. */
struct place {
  char directory[64];
  char before[PATH_MAX];
  const char *reason;
};

static int set_up(void **state) {
  static struct place p;
  p = (struct place){.directory = "/tmp/test_key_file.XXXXXX"};
  if (mkdtemp(p.directory) == NULL || getcwd(p.before, PATH_MAX) == NULL ||
      chdir(p.directory) != 0 || mkdir("folder", 0755) != 0)
    return -1;
  FILE *file = fopen("folder/key", "w");
  *state = &p;
  return file != NULL && fputs("abc", file) >= 0 && fclose(file) == 0 ? 0 : -1;
}

static int tear_down(void **state) {
  static const char *const all[] = {"folder/key", "folder/link", "link", "loop",
                                    "data"};
  const struct place *p = *state;
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
    unlink(all[i]);
  rmdir("folder");
  return chdir(p->before) == 0 ? rmdir(p->directory) : -1;
}

static void link_to(const char *target, const char *path) {
  assert_int_equal(symlink(target, path), 0);
}

static void assert_is_key(struct place *p, const char *path) {
  char text[8] = "";
  int fd = key_file_open(path, &p->reason);
  assert_true(fd >= 0);
  assert_int_equal(read(fd, text, sizeof(text) - 1), 3);
  assert_string_equal(text, "abc");
  close(fd);
}

static void assert_refused(struct place *p, const char *path,
                           const char *reason) {
  p->reason = "";
  assert_int_equal(key_file_open(path, &p->reason), -EPERM);
  assert_non_null(strstr(p->reason, reason));
}

static void a_file_is_opened(void **state) {
  assert_is_key(*state, "folder/key");
}

static void what_is_missing_gives_its_errno(void **state) {
  struct place *p = *state;
  assert_int_equal(key_file_open("folder/none", &p->reason), -ENOENT);
  link_to("none", "link");
  assert_int_equal(key_file_open("link", &p->reason), -ENOENT);
  assert_null(p->reason);
}

static void a_link_of_our_own_is_followed(void **state) {
  struct place *p = *state;
  char path[128];
  link_to("folder/key", "link");
  assert_is_key(p, "link");
  snprintf(path, sizeof(path), "%s/folder/key", p->directory);
  link_to(path, "folder/link");
  assert_is_key(p, "folder/link");
}

/* As Kubernetes does it, in a directory that is sticky and open to all. */
static void
a_link_through_a_link_in_a_sticky_directory_is_followed(void **state) {
  struct place *p = *state;
  assert_int_equal(chmod(p->directory, 01777), 0);
  link_to("folder", "data");
  link_to("data/key", "link");
  assert_is_key(p, "link");
}

static void a_link_of_another_user_is_refused(void **state) {
  if (geteuid() != 0)
    skip();
  link_to("folder/key", "link");
  assert_int_equal(lchown("link", NOBODY, NOBODY), 0);
  assert_refused(*state, "link", "a symbolic link of another user");
}

static void another_users_link_behind_our_own_is_refused(void **state) {
  if (geteuid() != 0)
    skip();
  link_to("key", "folder/link");
  assert_int_equal(lchown("folder/link", NOBODY, NOBODY), 0);
  link_to("folder/link", "link");
  assert_refused(*state, "link", "a symbolic link of another user");
}

static void a_link_that_everybody_may_replace_is_refused(void **state) {
  struct place *p = *state;
  assert_int_equal(chmod("folder", 0777), 0);
  link_to("key", "folder/link");
  assert_refused(p, "folder/link", "everybody may replace it");
  assert_is_key(p, "folder/key");
}

/* ---- the file itself ---- */

static void a_file_that_others_can_read_is_opened(void **state) {
  assert_int_equal(chmod("folder/key", 0644), 0);
  assert_is_key(*state, "folder/key");
  assert_int_equal(chmod("folder/key", 0440), 0);
  assert_is_key(*state, "folder/key");
}

/* As systemd and Kubernetes hand secrets over to a service of another user. */
static void roots_file_is_opened_by_another_user(void **state) {
  if (geteuid() != 0)
    skip();
  struct place *p = *state;
  link_to("folder/key", "link");
  assert_int_equal(chmod(p->directory, 0755), 0);
  assert_int_equal(chmod("folder/key", 0444), 0);
  assert_int_equal(seteuid(NOBODY), 0);
  int fd = key_file_open("link", &p->reason);
  assert_int_equal(seteuid(0), 0);
  assert_true(fd >= 0);
  close(fd);
}

static void a_file_of_another_user_is_refused(void **state) {
  if (geteuid() != 0)
    skip();
  assert_int_equal(chown("folder/key", NOBODY, 0), 0);
  assert_refused(*state, "folder/key", "it belongs to another user");
}

static void a_file_of_another_user_behind_our_link_is_refused(void **state) {
  if (geteuid() != 0)
    skip();
  link_to("folder/key", "link");
  assert_int_equal(chown("folder/key", NOBODY, 0), 0);
  assert_refused(*state, "link", "it belongs to another user");
}

/* Who may write in a folder could give a file that only we can read that name.
 */
static void a_file_with_a_second_name_is_refused(void **state) {
  assert_int_equal(link("folder/key", "link"), 0);
  assert_refused(*state, "folder/key", "it has a second name");
  assert_refused(*state, "link", "it has a second name");
  assert_int_equal(unlink("link"), 0);
  assert_is_key(*state, "folder/key");
}

static void a_file_that_every_user_may_write_to_is_refused(void **state) {
  assert_int_equal(chmod("folder/key", 0602), 0);
  assert_refused(*state, "folder/key", "every user may write to it");
}

static void what_is_no_regular_file_is_refused_at_once(void **state) {
  struct place *p = *state;
  assert_int_equal(key_file_open("folder", &p->reason), -EINVAL);
  assert_string_equal(p->reason, "not a regular file");
  assert_int_equal(mkfifo("link", 0600), 0);
  assert_int_equal(key_file_open("link", &p->reason), -EINVAL);
}

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static void what_is_refused_is_closed(void **state) {
  int before = open_descriptors();
  assert_int_equal(chmod("folder/key", 0606), 0);
  assert_refused(*state, "folder/key", "every user may write to it");
  assert_int_equal(open_descriptors(), before);
}

static void links_in_a_circle_end(void **state) {
  struct place *p = *state;
  link_to("loop", "loop");
  assert_int_equal(key_file_open("loop", &p->reason), -ELOOP);
}

static void a_path_beyond_reason_gives_its_errno(void **state) {
  struct place *p = *state;
  char path[2 * PATH_MAX];
  memset(path, 'x', sizeof(path) - 1);
  path[sizeof(path) - 1] = '\0';
  assert_int_equal(key_file_open(path, &p->reason), -ENAMETOOLONG);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_file_is_opened),
      SITUATION(what_is_missing_gives_its_errno),
      SITUATION(a_link_of_our_own_is_followed),
      SITUATION(a_link_through_a_link_in_a_sticky_directory_is_followed),
      SITUATION(a_link_of_another_user_is_refused),
      SITUATION(another_users_link_behind_our_own_is_refused),
      SITUATION(a_link_that_everybody_may_replace_is_refused),
      SITUATION(a_file_that_others_can_read_is_opened),
      SITUATION(roots_file_is_opened_by_another_user),
      SITUATION(a_file_of_another_user_is_refused),
      SITUATION(a_file_of_another_user_behind_our_link_is_refused),
      SITUATION(a_file_with_a_second_name_is_refused),
      SITUATION(a_file_that_every_user_may_write_to_is_refused),
      SITUATION(what_is_no_regular_file_is_refused_at_once),
      SITUATION(what_is_refused_is_closed),
      SITUATION(links_in_a_circle_end),
      SITUATION(a_path_beyond_reason_gives_its_errno),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
