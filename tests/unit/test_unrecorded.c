/* SPDX-License-Identifier: MIT */
#include "agent/unrecorded.h"

#include "basics.h"

#include <stdio.h>
#include <string.h>

#define ROOM 700

static struct unrecorded list;
static struct buf line;

static int set_up(void **state) {
  (void)state;
  list = (struct unrecorded){0};
  buf_init(&line, ROOM);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  unrecorded_free(&list);
  buf_free(&line);
  return 0;
}

static void note(int64_t id, enum command_state is, enum outcome outcome,
                 uint64_t batch) {
  const struct command c = {.id = id, .state = is, .outcome = outcome};
  unrecorded_note(&list, &c, batch);
}

static void note_waiting(int64_t id, uint64_t batch) {
  note(id, COMMAND_WAITING, OUTCOME_ACCEPTED, batch);
}

static const char *told(void) {
  unrecorded_append(&list, &line);
  return buf_text(&line);
}

static void nothing_is_told_of_nothing(void **state) {
  (void)state;
  assert_string_equal(told(), "");
}

static void each_command_is_told_once_as_it_is_at_last(void **state) {
  (void)state;
  note_waiting(18, 1);
  note_waiting(17, 1);
  note(18, COMMAND_IN_FLIGHT, OUTCOME_ACCEPTED, 2);
  note(17, COMMAND_FINISHED, OUTCOME_EXPIRED, 3);
  assert_string_equal(told(), "2 commands (17 expired, 18 in_flight)");
}

static void what_is_committed_is_told_no_more(void **state) {
  (void)state;
  note_waiting(1, 1);
  note_waiting(2, 2);
  note_waiting(3, 3);
  unrecorded_settle(&list, 2);
  assert_string_equal(told(), "1 command (3 waiting)");
}

static void a_list_that_is_empty_takes_no_memory(void **state) {
  (void)state;
  note_waiting(1, 1);
  unrecorded_settle(&list, 1);
  assert_null(list.changes);
  note_waiting(2, 2);
  assert_string_equal(told(), "1 command (2 waiting)");
}

static void what_has_no_room_in_the_line_is_a_number(void **state) {
  (void)state;
  char end[64];
  int last = 0;
  for (int id = 1; id <= 85; id++)
    note_waiting(id, 1);
  const char *text = told();
  assert_int_equal(strncmp(text, "85 commands (1 waiting, 2 waiting, ", 35), 0);
  const char *more = strstr(text, ", and ");
  assert_non_null(more);
  assert_int_equal(sscanf(more, ", and %d more)", &last), 1);
  snprintf(end, sizeof end, " %d waiting, and %d more)", 85 - last, last);
  assert_string_equal(text + strlen(text) - strlen(end), end);
  assert_true(line.size <= ROOM && line.size > ROOM - 64);
}

static void where_there_is_no_room_for_one_there_is_the_number(void **state) {
  (void)state;
  buf_free(&line);
  buf_init(&line, 40);
  note_waiting(1, 1);
  assert_string_equal(told(), "1 command (and 1 more)");
}

static void of_very_many_the_latest_are_told(void **state) {
  (void)state;
  for (int id = 1; id <= UNRECORDED_MAX + 1; id++)
    note_waiting(id, (uint64_t)id);
  assert_int_equal(list.count, UNRECORDED_MAX / 2 + 1);
  assert_int_equal(
      strncmp(told(), "at least 5001 commands (5001 waiting, 5002 ", 43), 0);
}

static void what_was_forgotten_and_is_committed_counts_no_more(void **state) {
  (void)state;
  for (int id = 1; id <= UNRECORDED_MAX + 1; id++)
    note_waiting(id, (uint64_t)id);
  unrecorded_settle(&list, UNRECORDED_MAX);
  assert_string_equal(told(), "1 command (10001 waiting)");
}

#define SITUATION(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(nothing_is_told_of_nothing),
      SITUATION(each_command_is_told_once_as_it_is_at_last),
      SITUATION(what_is_committed_is_told_no_more),
      SITUATION(a_list_that_is_empty_takes_no_memory),
      SITUATION(what_has_no_room_in_the_line_is_a_number),
      SITUATION(where_there_is_no_room_for_one_there_is_the_number),
      SITUATION(of_very_many_the_latest_are_told),
      SITUATION(what_was_forgotten_and_is_committed_counts_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
