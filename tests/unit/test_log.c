/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "basics.h"

#include <stdio.h>
#include <string.h>

#define WRITTEN_MAX 100

static struct {
  enum log_level level;
  char line[2 * LOG_LINE_BYTES];
} written[WRITTEN_MAX];
static size_t written_count;
static int64_t now_ms;

static void write_line(enum log_level level, const char *line) {
  assert_true(written_count < WRITTEN_MAX);
  written[written_count].level = level;
  snprintf(written[written_count].line, sizeof(written[0].line), "%s", line);
  written_count++;
}

static int64_t pretended_clock(void) { return now_ms; }

static int install(void **state) {
  (void)state;
  written_count = 0;
  now_ms = 0;
  log_install(write_line, pretended_clock);
  return 0;
}

static void assert_written(size_t index, enum log_level level,
                           const char *line) {
  assert_true(index < written_count);
  assert_int_equal(written[index].level, level);
  assert_string_equal(written[index].line, line);
}

static void lines_before_the_sink_is_installed_are_thrown_away(void **state) {
  (void)state;
  log_error("early");
  log_info("early");
  log_flush();
  assert_int_equal(written_count, 0);
}

static void a_line_reaches_the_sink_with_its_level(void **state) {
  (void)state;
  log_error("e %d", 1);
  log_warning("w %s", "2");
  log_info("i");
  assert_int_equal(written_count, 3);
  assert_written(0, LOG_LEVEL_ERROR, "e 1");
  assert_written(1, LOG_LEVEL_WARNING, "w 2");
  assert_written(2, LOG_LEVEL_INFO, "i");
}

static void
repeats_within_a_minute_are_counted_and_told_the_next_time(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++)
    log_warning("disk full");
  now_ms = LOG_REPEAT_MS - 1;
  log_warning("disk full");
  assert_int_equal(written_count, 1);

  now_ms = LOG_REPEAT_MS;
  log_warning("disk full");
  assert_int_equal(written_count, 2);
  assert_written(1, LOG_LEVEL_WARNING, "disk full (4 more times)");

  now_ms = 2 * LOG_REPEAT_MS;
  log_warning("disk full");
  assert_int_equal(written_count, 3);
  assert_written(2, LOG_LEVEL_WARNING, "disk full");
}

static void the_same_words_at_another_level_are_another_line(void **state) {
  (void)state;
  log_warning("x");
  log_error("x");
  assert_int_equal(written_count, 2);
}

static void info_lines_are_never_held_back(void **state) {
  (void)state;
  log_info("x");
  log_info("x");
  assert_int_equal(written_count, 2);
}

static void a_line_driven_out_of_the_table_tells_its_repeats(void **state) {
  (void)state;
  log_error("first");
  log_error("first");
  for (int i = 0; i < 31; i++) {
    now_ms++;
    log_error("other %d", i);
  }
  assert_int_equal(written_count, 32);
  log_error("one too many");
  assert_int_equal(written_count, 34);
  assert_written(32, LOG_LEVEL_ERROR, "first (1 more times)");
  assert_written(33, LOG_LEVEL_ERROR, "one too many");

  log_error("first");
  assert_written(34, LOG_LEVEL_ERROR, "first");
}

static void the_line_written_the_longest_ago_is_driven_out(void **state) {
  (void)state;
  for (int i = 0; i < 32; i++)
    log_error("line %d", i);
  now_ms = LOG_REPEAT_MS;
  for (int i = 0; i < 32; i++) {
    if (i != 17)
      log_error("line %d", i);
  }
  log_error("one too many");
  size_t count = written_count;
  for (int i = 0; i < 32; i++) {
    if (i != 17)
      log_error("line %d", i);
  }
  assert_int_equal(written_count, count);
}

static void flushing_tells_all_that_was_counted_once(void **state) {
  (void)state;
  log_error("a");
  log_error("a");
  log_warning("b");
  log_warning("c");
  log_warning("c");
  log_warning("c");
  log_flush();
  assert_int_equal(written_count, 5);
  assert_written(3, LOG_LEVEL_ERROR, "a (1 more times)");
  assert_written(4, LOG_LEVEL_WARNING, "c (2 more times)");
  log_flush();
  assert_int_equal(written_count, 5);
}

static void a_long_line_is_cut(void **state) {
  (void)state;
  char text[3 * LOG_LINE_BYTES];
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  log_error("%s", text);
  log_error("%s", text);
  log_flush();
  assert_int_equal(strlen(written[0].line), LOG_LINE_BYTES - 1);
  assert_int_equal(strlen(written[1].line),
                   LOG_LINE_BYTES - 1 + strlen(" (1 more times)"));
}

static void a_long_line_is_cut_between_two_characters(void **state) {
  (void)state;
  char text[3 * LOG_LINE_BYTES] = "x";
  for (size_t i = 0; i < LOG_LINE_BYTES / 3; i++)
    strcat(text, "\u8bbe");
  for (size_t i = 0; i < 3; i++) {
    log_info("%s", text + (i == 0 ? 1 : 0));
    log_info("y%s", text);
  }
  for (size_t i = 0; i < written_count; i++) {
    size_t size = strlen(written[i].line);
    assert_true(size > LOG_LINE_BYTES - 4);
    assert_string_equal(written[i].line + size - 3, "\u8bbe");
  }
}

static void a_line_fits_into_one_of_collectds(void **state) {
  (void)state;
  assert_true(strlen("onenet plugin: ") + LOG_LINE_BYTES + LOG_COUNT_BYTES <=
              1024);
}

static void a_control_character_does_not_make_a_second_line(void **state) {
  (void)state;
  log_error("host %s", "a\nb\r\x1B[1m\x7F");
  assert_written(0, LOG_LEVEL_ERROR, "host a b  [1m ");
  log_info("\n");
  assert_written(1, LOG_LEVEL_INFO, " ");
  log_info("a\u2028b\xc2\x85");
  assert_written(2, LOG_LEVEL_INFO, "a b ");
}

static void installing_again_forgets_all_repeats(void **state) {
  (void)state;
  log_error("x");
  log_error("x");
  log_install(write_line, pretended_clock);
  log_error("x");
  assert_int_equal(written_count, 2);
  assert_written(1, LOG_LEVEL_ERROR, "x");
}

static void without_a_clock_of_its_own_the_monotonic_one_is_used(void **state) {
  (void)state;
  log_install(write_line, NULL);
  log_error("x");
  log_error("x");
  assert_int_equal(written_count, 1);
}

static void without_a_sink_lines_are_thrown_away_again(void **state) {
  (void)state;
  log_error("x");
  log_install(NULL, NULL);
  log_error("y");
  log_flush();
  assert_int_equal(written_count, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_before_the_sink_is_installed_are_thrown_away),
      cmocka_unit_test_setup(a_line_reaches_the_sink_with_its_level, install),
      cmocka_unit_test_setup(
          repeats_within_a_minute_are_counted_and_told_the_next_time, install),
      cmocka_unit_test_setup(the_same_words_at_another_level_are_another_line,
                             install),
      cmocka_unit_test_setup(info_lines_are_never_held_back, install),
      cmocka_unit_test_setup(a_line_driven_out_of_the_table_tells_its_repeats,
                             install),
      cmocka_unit_test_setup(the_line_written_the_longest_ago_is_driven_out,
                             install),
      cmocka_unit_test_setup(flushing_tells_all_that_was_counted_once, install),
      cmocka_unit_test_setup(a_long_line_is_cut, install),
      cmocka_unit_test_setup(a_long_line_is_cut_between_two_characters,
                             install),
      cmocka_unit_test(a_line_fits_into_one_of_collectds),
      cmocka_unit_test_setup(a_control_character_does_not_make_a_second_line,
                             install),
      cmocka_unit_test_setup(installing_again_forgets_all_repeats, install),
      cmocka_unit_test_setup(
          without_a_clock_of_its_own_the_monotonic_one_is_used, install),
      cmocka_unit_test_setup(without_a_sink_lines_are_thrown_away_again,
                             install),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
