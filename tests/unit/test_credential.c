/* SPDX-License-Identifier: MIT */
#include "cloud/credential.h"

#include "base/secret.h"
#include "basics.h"
#include "memory_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCESS_KEY "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE="
#define NOBODY 65534

/* A directory with room for a key file and one to replace it. */
struct place {
  char directory[64];
  char path[96];
  char other[96];
  struct credential_options options;
  struct credential *credential;
  int64_t wall_now_s;
  const char *header;
  char why[256];
};

static int set_up(void **state) {
  static struct place p;
  static char resource[] = "products/123123";
  p = (struct place){.directory = "/tmp/test_credential.XXXXXX"};
  if (mkdtemp(p.directory) == NULL || chmod(p.directory, 0755) != 0)
    return -1;
  snprintf(p.path, sizeof(p.path), "%s/key", p.directory);
  snprintf(p.other, sizeof(p.other), "%s/other", p.directory);
  p.options = (struct credential_options){.kind = CREDENTIAL_KEY_FILE,
                                          .text = p.path,
                                          .resource = resource,
                                          .method = TOKEN_SHA256,
                                          .token_lifetime_s = 3600};
  p.wall_now_s = 1000;
  p.credential = credential_new(&p.options);
  *state = &p;
  return p.credential == NULL ? -1 : 0;
}

static int tear_down(void **state) {
  struct place *p = *state;
  credential_free(p->credential);
  remove(p->path);
  remove(p->other);
  return rmdir(p->directory);
}

static void write_key(const struct place *p, const char *text) {
  write_file(p->path, text, strlen(text));
}

static void replace_key(const struct place *p, const char *text) {
  write_file(p->other, text, strlen(text));
  assert_int_equal(rename(p->other, p->path), 0);
}

static void set_time(const struct place *p, time_t seconds, long nanoseconds) {
  const struct timespec times[2] = {{0, UTIME_NOW}, {seconds, nanoseconds}};
  assert_int_equal(utimensat(AT_FDCWD, p->path, times, 0), 0);
}

static int header_at(struct place *p, int64_t wall_now_s) {
  p->header = NULL;
  p->why[0] = '\0';
  return credential_header(p->credential, wall_now_s, &p->header, p->why,
                           sizeof(p->why));
}

/* A second has passed since the last call. */
static void assert_header(struct place *p, const char *header) {
  assert_int_equal(header_at(p, ++p->wall_now_s), 0);
  assert_string_equal(p->header, header);
  assert_string_equal(p->why, "");
}

static void assert_no_header(struct place *p, int status, const char *reason) {
  char why[256];
  snprintf(why, sizeof(why), "%s: %s", p->options.text, reason);
  assert_int_equal(header_at(p, ++p->wall_now_s), status);
  assert_null(p->header);
  assert_string_equal(p->why, why);
}

/* ---- keys ---- */

static void an_inline_key_becomes_a_header(void **state) {
  struct place *p = *state;
  char key[] = "l2aH=BRtAo=";
  p->options.kind = CREDENTIAL_KEY;
  p->options.text = key;
  assert_header(p, "api-key: l2aH=BRtAo=");
  assert_header(p, "api-key: l2aH=BRtAo=");
  assert_false(credential_has_changed(p->credential));
}

static void an_inline_key_that_names_a_file_never_changes(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  p->options.kind = CREDENTIAL_KEY;
  assert_int_equal(header_at(p, 1), 0);
  assert_non_null(strstr(p->header, p->path));
  assert_false(credential_has_changed(p->credential));
}

static void an_inline_key_that_can_not_be_sent_is_named(void **state) {
  struct place *p = *state;
  char key[] = "a\nb", empty[] = "";
  p->options.kind = CREDENTIAL_KEY;
  p->options.text = key;
  assert_int_equal(header_at(p, 1), -EINVAL);
  assert_string_equal(p->why, "APIKey: control characters in the key");
  p->options.text = empty;
  assert_int_equal(header_at(p, 1), -EINVAL);
  assert_string_equal(p->why, "APIKey: the key is empty");
}

static void an_inline_key_has_a_longest_length(void **state) {
  struct place *p = *state;
  char key[8184];
  p->options.kind = CREDENTIAL_KEY;
  p->options.text = key;
  memset(key, 'k', sizeof(key));
  key[8183] = '\0';
  assert_int_equal(header_at(p, 1), 0);
  assert_int_equal(strlen(p->header), 8192);
}

static void an_inline_key_beyond_the_longest_length_is_refused(void **state) {
  struct place *p = *state;
  char key[8185];
  p->options.kind = CREDENTIAL_KEY;
  p->options.text = key;
  memset(key, 'k', sizeof(key));
  key[8184] = '\0';
  assert_int_equal(header_at(p, 1), -E2BIG);
  assert_string_equal(p->why, "APIKey: too long for a header");
}

static void one_newline_at_the_end_is_not_part_of_the_key(void **state) {
  struct place *p = *state;
  const struct {
    const char *content;
    const char *header;
  } cases[] = {{"abc=", "api-key: abc="},
               {"abc=\n", "api-key: abc="},
               {"abc=\r\n", "api-key: abc="},
               {"\xc3\xa4\n", "api-key: \xc3\xa4"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    replace_key(p, cases[i].content);
    assert_header(p, cases[i].header);
  }
}

static void control_characters_in_a_key_are_refused(void **state) {
  struct place *p = *state;
  const struct {
    const char *content;
    size_t size;
  } cases[] = {{BYTES("a\n\n")},   {BYTES("a\nb")}, {BYTES("a\r")},
               {BYTES("a\r\r\n")}, {BYTES("\na")},  {BYTES("a\tb")},
               {BYTES("a\0b")},    {BYTES("\0")},   {BYTES("a\x7f")},
               {BYTES("a\x1b[0m")}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    write_file(p->path, cases[i].content, cases[i].size);
    assert_no_header(p, -EINVAL, "control characters in the key");
  }
}

static void blanks_in_a_key_are_refused(void **state) {
  struct place *p = *state;
  const char *around[] = {" a", "a ", " a \n", "  a", " a b\r\n"};
  for (size_t i = 0; i < COUNT(around); i++) {
    write_file(p->path, around[i], strlen(around[i]));
    assert_no_header(p, -EINVAL, "blanks around the key");
  }
  write_file(p->path, BYTES("a b\n"));
  assert_no_header(p, -EINVAL, "blanks within the key");
}

static void an_empty_key_is_refused(void **state) {
  struct place *p = *state;
  const char *contents[] = {"", "\n", "\r\n", "  ", "  \n"};
  for (size_t i = 0; i < COUNT(contents); i++) {
    write_key(p, contents[i]);
    assert_no_header(p, -EINVAL, "the key is empty");
  }
}

static void a_key_file_may_have_4096_bytes_and_no_more(void **state) {
  struct place *p = *state;
  char key[4098];
  memset(key, 'k', sizeof(key));
  write_file(p->path, key, 4096);
  assert_int_equal(header_at(p, 1), 0);
  assert_int_equal(strlen(p->header), strlen("api-key: ") + 4096);
  write_file(p->path, key, 4097);
  assert_no_header(p, -E2BIG, "longer than 4096 bytes");
  write_file(p->path, key, 4098);
  assert_no_header(p, -E2BIG, "longer than 4096 bytes");
}

/* ---- files that can not be read ---- */

static void a_missing_file_is_named_with_the_reason(void **state) {
  struct place *p = *state;
  assert_no_header(p, -ENOENT, "No such file or directory");
  assert_no_header(p, -ENOENT, "No such file or directory");
}

static void a_file_without_permission_is_named_with_the_reason(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  assert_int_equal(chmod(p->path, 0), 0);
  const uid_t user = geteuid();
  if (user == 0)
    assert_int_equal(seteuid(NOBODY), 0);
  const int status = header_at(p, 1000);
  assert_false(credential_has_changed(p->credential));
  if (user == 0)
    assert_int_equal(seteuid(0), 0);
  assert_int_equal(status, -EACCES);
  assert_non_null(strstr(p->why, "/key: Permission denied"));
  assert_int_equal(chmod(p->path, 0600), 0);
  assert_header(p, "api-key: abc");
}

static void what_is_no_regular_file_is_refused_at_once(void **state) {
  struct place *p = *state;
  assert_int_equal(mkdir(p->path, 0755), 0);
  assert_no_header(p, -EINVAL, "not a regular file");
  assert_int_equal(rmdir(p->path), 0);
  assert_int_equal(mkfifo(p->path, 0600), 0);
  assert_no_header(p, -EINVAL, "not a regular file");
}

static void a_link_to_a_key_file_is_followed(void **state) {
  struct place *p = *state;
  write_file(p->other, BYTES("abc"));
  assert_int_equal(symlink(p->other, p->path), 0);
  assert_header(p, "api-key: abc");
  assert_false(credential_has_changed(p->credential));
  write_file(p->other, BYTES("abcd"));
  assert_true(credential_has_changed(p->credential));
  assert_header(p, "api-key: abcd");
}

/* ---- core dumps ---- */

#define RANDOM_BYTES 24

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* Returns a key of base64 digits that stands nowhere else; size is a multiple
 * of 4. */
static char *make_random_key(size_t size) {
  char *key = secret_alloc(size + 1);
  assert_non_null(key);
  assert_int_equal(getentropy(key, size), 0);
  for (size_t i = 0; i < size; i++)
    key[i] = digits[(unsigned char)key[i] % 64];
  return key;
}

static void write_secret_key(const struct place *p, const char *key) {
  int fd = open(p->path, O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, key, strlen(key)), (int)strlen(key));
  close(fd);
}

static void a_key_from_a_file_is_in_no_core_dump(void **state) {
  memory_walk_skip_if_sanitized();
  struct place *p = *state;
  char *key = make_random_key(RANDOM_BYTES);
  write_secret_key(p, key);
  assert_int_equal(header_at(p, 1000), 0);
  assert_string_equal(p->header + strlen("api-key: "), key);
  assert_false(memory_walk_finds(key, RANDOM_BYTES));
  secret_free(key);
}

/* Returns the bytes that the digits of the key stand for: three for each four
 * digits, of 6 bits each. */
static unsigned char *decode_random_key(const char *key, size_t size) {
  unsigned char *bytes = secret_alloc(size);
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++) {
    size_t digit = (size_t)(strchr(digits, key[i]) - digits);
    size_t bit = 6 * i, at = bit / 8, shifted = digit << (10 - bit % 8);
    bytes[at] |= (unsigned char)(shifted >> 8);
    bytes[at + 1] |= (unsigned char)shifted;
  }
  return bytes;
}

static void an_access_key_is_in_no_core_dump(void **state) {
  memory_walk_skip_if_sanitized();
  struct place *p = *state;
  char *key = make_random_key(RANDOM_BYTES);
  p->options.kind = CREDENTIAL_ACCESS_KEY_FILE;
  write_secret_key(p, key);
  assert_int_equal(header_at(p, 1000), 0);
  assert_non_null(strstr(p->header, "sign="));
  assert_false(memory_walk_finds(key, RANDOM_BYTES));
  const char *signature = strstr(p->header, "sign=") + strlen("sign=");
  assert_false(memory_walk_finds(signature, RANDOM_BYTES));
  unsigned char *bytes = decode_random_key(key, RANDOM_BYTES);
  assert_false(memory_walk_finds(bytes, RANDOM_BYTES / 4 * 3));
  secret_free(bytes);
  secret_free(key);
}

/* ---- changes ---- */

static void a_file_that_was_never_read_counts_as_changed(void **state) {
  struct place *p = *state;
  assert_false(credential_has_changed(p->credential));
  write_key(p, "abc");
  assert_true(credential_has_changed(p->credential));
  assert_header(p, "api-key: abc");
  assert_false(credential_has_changed(p->credential));
}

static void a_replaced_file_is_read_again(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  set_time(p, 1000, 5);
  assert_header(p, "api-key: abc");
  replace_key(p, "xyz");
  set_time(p, 1000, 5);
  assert_true(credential_has_changed(p->credential));
  assert_header(p, "api-key: xyz");
  assert_false(credential_has_changed(p->credential));
}

static void a_nanosecond_makes_a_change(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  set_time(p, 1000, 5);
  assert_header(p, "api-key: abc");
  write_key(p, "xyz");
  set_time(p, 1000, 6);
  assert_true(credential_has_changed(p->credential));
  assert_header(p, "api-key: xyz");
}

static void a_file_that_did_not_change_is_not_read_again(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  assert_header(p, "api-key: abc");
  const char *first = p->header;
  assert_header(p, "api-key: abc");
  assert_ptr_equal(p->header, first);
}

static void a_change_is_noticed_a_second_later(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  assert_int_equal(header_at(p, 1000), 0);
  replace_key(p, "xyz");
  assert_int_equal(header_at(p, 1000), 0);
  assert_string_equal(p->header, "api-key: abc");
  assert_int_equal(header_at(p, 1001), 0);
  assert_string_equal(p->header, "api-key: xyz");
}

static void a_change_is_noticed_when_the_clock_goes_back(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  assert_int_equal(header_at(p, 1000), 0);
  replace_key(p, "xyz");
  assert_int_equal(header_at(p, 10), 0);
  assert_string_equal(p->header, "api-key: xyz");
}

static void a_change_that_was_asked_for_is_read_at_once(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  assert_int_equal(header_at(p, 1000), 0);
  replace_key(p, "xyz");
  assert_true(credential_has_changed(p->credential));
  assert_int_equal(header_at(p, 1000), 0);
  assert_string_equal(p->header, "api-key: xyz");
}

static void a_file_that_vanished_takes_its_key_along(void **state) {
  struct place *p = *state;
  write_key(p, "abc");
  assert_header(p, "api-key: abc");
  assert_int_equal(remove(p->path), 0);
  assert_true(credential_has_changed(p->credential));
  assert_no_header(p, -ENOENT, "No such file or directory");
  assert_false(credential_has_changed(p->credential));
  write_key(p, "abc");
  assert_true(credential_has_changed(p->credential));
  assert_header(p, "api-key: abc");
}

static void a_bad_file_that_vanishes_has_a_new_reason(void **state) {
  struct place *p = *state;
  write_key(p, "");
  assert_no_header(p, -EINVAL, "the key is empty");
  assert_int_equal(remove(p->path), 0);
  assert_no_header(p, -ENOENT, "No such file or directory");
}

static void a_bad_file_that_is_made_good_is_read_again(void **state) {
  struct place *p = *state;
  write_key(p, "");
  assert_no_header(p, -EINVAL, "the key is empty");
  assert_false(credential_has_changed(p->credential));
  replace_key(p, "abc");
  assert_true(credential_has_changed(p->credential));
  assert_header(p, "api-key: abc");
}

/* ---- tokens ---- */

/* Returns the et= of the token valid at wall_now_s. */
static long long token_end_at(struct place *p, int64_t wall_now_s) {
  assert_int_equal(header_at(p, wall_now_s), 0);
  const char *end = strstr(p->header, "&et=");
  assert_non_null(end);
  return strtoll(end + strlen("&et="), NULL, 10);
}

static void use_token(struct place *p, int lifetime_s) {
  p->options.kind = CREDENTIAL_ACCESS_KEY_FILE;
  p->options.token_lifetime_s = lifetime_s;
  write_key(p, ACCESS_KEY "\n");
}

static void an_access_key_becomes_a_token(void **state) {
  struct place *p = *state;
  use_token(p, 523);
  assert_int_equal(header_at(p, 1537255000), 0);
  assert_string_equal(p->header,
                      "Authorization: version=2018-10-31&res=products%2F123123"
                      "&et=1537255523&method=sha256&sign="
                      "tubIK4QeecNj9UHSUJL5MFbuLB82Ypro5n7BkjBDnbQ%3D");
}

static void an_access_key_that_is_not_base64_is_named(void **state) {
  struct place *p = *state;
  use_token(p, 3600);
  write_key(p, "not*base64");
  assert_no_header(p, -EINVAL, "the access key is not base64");
  assert_no_header(p, -EINVAL, "the access key is not base64");
}

static void a_token_is_renewed_when_a_tenth_of_its_life_remains(void **state) {
  struct place *p = *state;
  use_token(p, 1000);
  assert_int_equal(token_end_at(p, 5000), 6000);
  assert_int_equal(token_end_at(p, 5000), 6000);
  assert_int_equal(token_end_at(p, 5900), 6000);
  assert_int_equal(token_end_at(p, 5901), 6901);
}

static void a_long_token_is_renewed_five_minutes_before_its_end(void **state) {
  struct place *p = *state;
  use_token(p, 2592000);
  assert_int_equal(token_end_at(p, 0), 2592000);
  assert_int_equal(token_end_at(p, 2592000 - 300), 2592000);
  assert_int_equal(token_end_at(p, 2592000 - 299), 2592000 - 299 + 2592000);
}

static void a_token_is_renewed_when_the_clock_jumps(void **state) {
  struct place *p = *state;
  use_token(p, 1000);
  assert_int_equal(token_end_at(p, 5000), 6000);
  assert_int_equal(token_end_at(p, 4999), 5999);
  assert_int_equal(token_end_at(p, 315360000), 315361000);
}

static void a_token_is_renewed_when_its_key_changed(void **state) {
  struct place *p = *state;
  use_token(p, 1000);
  assert_int_equal(token_end_at(p, 5000), 6000);
  replace_key(p, "QUFBQQ==");
  assert_int_equal(token_end_at(p, 5001), 6001);
}

/* ---- the check at configuration time ---- */

static void a_check_tells_whether_others_may_use_the_file(void **state) {
  struct place *p = *state;
  const mode_t modes[] = {0600, 0640, 0440, 0644, 0604, 0601};
  write_key(p, "abc");
  for (size_t i = 0; i < COUNT(modes); i++) {
    bool is_open = i < 3;
    assert_int_equal(chmod(p->path, modes[i]), 0);
    assert_int_equal(
        credential_check(&p->options, &is_open, p->why, sizeof(p->why)), 0);
    assert_int_equal(is_open, i >= 3);
  }
}

static void a_check_of_an_inline_key_finds_nothing_open(void **state) {
  struct place *p = *state;
  bool is_open = true;
  p->options.kind = CREDENTIAL_KEY;
  assert_int_equal(
      credential_check(&p->options, &is_open, p->why, sizeof(p->why)), 0);
  assert_false(is_open);
}

static void a_check_names_what_is_wrong(void **state) {
  struct place *p = *state;
  bool is_open = true;
  assert_int_equal(
      credential_check(&p->options, &is_open, p->why, sizeof(p->why)), -ENOENT);
  assert_non_null(strstr(p->why, "/key: No such file or directory"));
  use_token(p, 60);
  write_key(p, "top*secret");
  assert_int_equal(
      credential_check(&p->options, &is_open, p->why, sizeof(p->why)), -EINVAL);
  assert_non_null(strstr(p->why, "/key: the access key is not base64"));
  assert_null(strstr(p->why, "secret"));
  assert_true(is_open);
}

static void nothing_is_freed_where_nothing_is(void **state) {
  (void)state;
  credential_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_inline_key_becomes_a_header),
      TEST(an_inline_key_that_names_a_file_never_changes),
      TEST(an_inline_key_that_can_not_be_sent_is_named),
      TEST(an_inline_key_has_a_longest_length),
      TEST(an_inline_key_beyond_the_longest_length_is_refused),
      TEST(one_newline_at_the_end_is_not_part_of_the_key),
      TEST(control_characters_in_a_key_are_refused),
      TEST(blanks_in_a_key_are_refused),
      TEST(an_empty_key_is_refused),
      TEST(a_key_file_may_have_4096_bytes_and_no_more),
      TEST(a_missing_file_is_named_with_the_reason),
      TEST(a_file_without_permission_is_named_with_the_reason),
      TEST(what_is_no_regular_file_is_refused_at_once),
      TEST(a_link_to_a_key_file_is_followed),
      TEST(a_key_from_a_file_is_in_no_core_dump),
      TEST(an_access_key_is_in_no_core_dump),
      TEST(a_file_that_was_never_read_counts_as_changed),
      TEST(a_replaced_file_is_read_again),
      TEST(a_nanosecond_makes_a_change),
      TEST(a_file_that_did_not_change_is_not_read_again),
      TEST(a_change_is_noticed_a_second_later),
      TEST(a_change_is_noticed_when_the_clock_goes_back),
      TEST(a_change_that_was_asked_for_is_read_at_once),
      TEST(a_file_that_vanished_takes_its_key_along),
      TEST(a_bad_file_that_vanishes_has_a_new_reason),
      TEST(a_bad_file_that_is_made_good_is_read_again),
      TEST(an_access_key_becomes_a_token),
      TEST(an_access_key_that_is_not_base64_is_named),
      TEST(a_token_is_renewed_when_a_tenth_of_its_life_remains),
      TEST(a_long_token_is_renewed_five_minutes_before_its_end),
      TEST(a_token_is_renewed_when_the_clock_jumps),
      TEST(a_token_is_renewed_when_its_key_changed),
      TEST(a_check_tells_whether_others_may_use_the_file),
      TEST(a_check_of_an_inline_key_finds_nothing_open),
      TEST(a_check_names_what_is_wrong),
      cmocka_unit_test(nothing_is_freed_where_nothing_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
