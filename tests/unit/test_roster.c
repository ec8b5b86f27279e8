/* SPDX-License-Identifier: MIT */
#include "agent/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define HOUR_MS 3600000

static struct {
  struct directory *directory;
  struct roster *roster;
} t;

/* Devices that are called declared0, declared1 ... and filed0, filed1 ... */
static void begin(size_t declared, size_t filed, size_t max) {
  t.directory = directory_new();
  for (size_t i = 0; i < declared + filed; i++) {
    char name[DEVICE_NAME_BYTES];
    struct device *device;
    snprintf(name, sizeof name, "%s%zu", i < declared ? "declared" : "filed",
             i < declared ? i : i - declared);
    directory_add_device(t.directory, name, &device);
    device->declared = i < declared;
  }
  t.roster = roster_new(t.directory, max);
}

static int tear_down(void **state) {
  (void)state;
  roster_free(t.roster);
  directory_free(t.directory);
  return 0;
}

static const struct device *device(const char *name) {
  return directory_find_device(t.directory, name);
}

static void act(const char *name, int64_t now_ms) {
  roster_note_active(t.roster, device(name), now_ms);
}

/* names: those that are expected, in order, with a blank behind each. */
static void assert_reported(const char *names, size_t unreported) {
  char text[512] = "";
  size_t count = 0;
  for (const struct device *d = roster_first(t.roster); d != NULL;
       d = roster_next(t.roster, d)) {
    strcat(strcat(text, d->name), " ");
    assert_true(roster_has(t.roster, d));
    count++;
  }
  assert_string_equal(text, names);
  assert_int_equal(roster_reported(t.roster), count);
  assert_int_equal(roster_unreported(t.roster), unreported);
}

static void
declared_devices_are_reported_before_anything_happens(void **state) {
  (void)state;
  begin(2, 2, 10);
  roster_turn(t.roster, 0);
  assert_reported("declared0 declared1 ", 0);
  roster_turn(t.roster, 10 * HOUR_MS);
  assert_reported("declared0 declared1 ", 0);
}

static void a_device_of_a_file_is_reported_until_an_hour_after_its_last_event(
    void **state) {
  (void)state;
  begin(1, 2, 10);
  act("filed1", 1000);
  roster_turn(t.roster, 1000);
  assert_reported("declared0 filed1 ", 0);
  act("filed1", 5000);
  roster_turn(t.roster, 5000 + HOUR_MS);
  assert_reported("declared0 filed1 ", 0);
  roster_turn(t.roster, 5001 + HOUR_MS);
  assert_reported("declared0 ", 0);
  act("filed1", 6000 + HOUR_MS);
  roster_turn(t.roster, 6000 + HOUR_MS);
  assert_reported("declared0 filed1 ", 0);
}

static void beyond_the_limit_active_devices_are_only_counted(void **state) {
  (void)state;
  begin(1, 4, 3);
  act("filed3", 0);
  act("filed0", 0);
  act("filed1", 0);
  act("filed2", 0);
  roster_turn(t.roster, 0);
  assert_reported("declared0 filed3 filed0 ", 2);
  assert_false(roster_has(t.roster, device("filed1")));
  act("filed1", 1000);
  roster_turn(t.roster, 1000);
  assert_reported("declared0 filed3 filed0 ", 2);
}

static void who_has_a_place_keeps_it_while_it_is_active(void **state) {
  (void)state;
  begin(0, 3, 1);
  act("filed2", 0);
  for (int64_t now_ms = 1000; now_ms < 4 * HOUR_MS; now_ms += HOUR_MS) {
    act("filed0", now_ms);
    act("filed2", now_ms);
    roster_turn(t.roster, now_ms);
    assert_reported("filed2 ", 1);
  }
}

static void
a_free_place_goes_to_the_one_that_has_been_active_the_longest(void **state) {
  (void)state;
  begin(0, 4, 1);
  act("filed0", 0);
  act("filed2", 1000);
  act("filed1", 2000);
  act("filed3", 3000);
  act("filed2", 4000); /* it does not go back in the row */
  roster_turn(t.roster, 4000);
  assert_reported("filed0 ", 3);
  roster_turn(t.roster, HOUR_MS + 1);
  assert_reported("filed2 ", 2);
}

static void who_waits_for_a_place_and_falls_silent_waits_no_more(void **state) {
  (void)state;
  begin(0, 3, 1);
  act("filed0", 0);
  act("filed1", 0);
  act("filed2", 0);
  act("filed0", 1000);
  act("filed2", 2000);
  roster_turn(t.roster, HOUR_MS + 1);
  assert_reported("filed0 ", 1);
  roster_turn(t.roster, HOUR_MS + 1001);
  assert_reported("filed2 ", 0);
  roster_turn(t.roster, HOUR_MS + 2001);
  assert_reported("", 0);
}

static void an_event_at_the_end_of_the_hour_keeps_the_place(void **state) {
  (void)state;
  begin(0, 2, 1);
  act("filed0", 0);
  act("filed1", HOUR_MS + 1000);
  act("filed0", HOUR_MS + 1000);
  roster_turn(t.roster, HOUR_MS + 1000);
  assert_reported("filed0 ", 1);
}

static void
the_first_declared_devices_have_the_places_if_there_are_few(void **state) {
  (void)state;
  begin(3, 1, 2);
  act("filed0", 0);
  act("declared2", 0);
  roster_turn(t.roster, 0);
  assert_reported("declared0 declared1 ", 2);
  roster_turn(t.roster, 2 * HOUR_MS);
  assert_reported("declared0 declared1 ", 0);
  act("declared0", 2 * HOUR_MS);
  roster_turn(t.roster, 4 * HOUR_MS);
  assert_reported("declared0 declared1 ", 0);
}

static void with_no_places_all_are_counted(void **state) {
  (void)state;
  begin(1, 1, 0);
  act("declared0", 0);
  act("filed0", 0);
  roster_turn(t.roster, 0);
  assert_reported("", 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(declared_devices_are_reported_before_anything_happens),
      TEST(a_device_of_a_file_is_reported_until_an_hour_after_its_last_event),
      TEST(beyond_the_limit_active_devices_are_only_counted),
      TEST(who_has_a_place_keeps_it_while_it_is_active),
      TEST(a_free_place_goes_to_the_one_that_has_been_active_the_longest),
      TEST(who_waits_for_a_place_and_falls_silent_waits_no_more),
      TEST(an_event_at_the_end_of_the_hour_keeps_the_place),
      TEST(the_first_declared_devices_have_the_places_if_there_are_few),
      TEST(with_no_places_all_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
