/* SPDX-License-Identifier: MIT
 *
 * Which series go: those that are OKAY, or values, and silent; by age, and
 * where there is no room.
 */
#include "lanes_harness.h"

/* All devices are there before the first event. */
static int set_up(void **state) {
  int status = world_setup(state);
  rule_for(*state, "heat", "fan");
  rule_for(*state, "light", "lamp");
  rule_for(*state, "water", "pump");
  rule_for(*state, "ring", "bell");
  return status;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_teardown)

static size_t series_count(const struct world *w) {
  return lanes_series_count(w->lanes);
}

/* The lamp's series of that name is OKAY, in a slot of its own that is at
 * rest. */
static struct control *rests(struct world *w, const char *series) {
  struct control *lamp = rule_for(w, "light", "lamp");
  lamp->policy.per_series = true;
  lamp->policy.first_okay = FIRST_OKAY_SEND;
  okay(lamp, series, "off");
  is_sent(lamp, "off");
  passes(w, 1);
  return lamp;
}

static enum ignored fails(struct control *at, const char *series) {
  return fire(at, (struct fired){.series = series,
                                 .severity = SEVERITY_FAILURE,
                                 .body = "on"});
}

/* ---- by age ---- */

static void a_silent_series_goes_while_its_slot_goes_on(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "gone", "on");
  is_sent(fan, "on");
  okay(fan, "gone", "off");
  is_sent(fan, "off");
  passes(w, 1001);
  failure(fan, "there", "on");
  is_sent(fan, "on");
  assert_int_equal(trim(w, 1000), 0);
  assert_int_equal(series_count(w), 1);
  restart(w);
  assert_int_equal(series_count(w), 1);
  okay(fan, "there", "off");
  is_sent(fan, "off");
}

static void
the_one_that_speaks_stays_until_its_command_is_accepted(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "a", "on");
  is_sent(fan, "on");
  okay(fan, "a", "off");
  okay(fan, "b", "off");
  passes(w, 1001);
  assert_int_equal(trim(w, 1000), 0);
  assert_int_equal(series_count(w), 1);
  is_sent(fan, "off");
  assert_int_equal(trim(w, 1000), 1);
  assert_int_equal(series_count(w), 0);
}

static void a_series_that_is_not_okay_stays(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "worst", "on");
  warning(fan, "bad", "slow");
  is_sent(fan, "on");
  passes(w, 1001);
  assert_int_equal(trim(w, 1000), 0);
  assert_int_equal(series_count(w), 2);
}

/* ---- at SeriesMax ---- */

static void the_okay_series_that_is_silent_the_longest_goes(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  w->options.series_max = 2;
  struct control *lamp = rests(w, "old");
  rests(w, "older");
  rests(w, "old"); /* it has spoken again */
  assert_int_equal(fails(fan, "new"), IGNORED_NOT);
  assert_int_equal(series_count(w), 2);
  assert_int_equal(lanes_series_forgotten(w->lanes), 1);
  is_sent(fan, "on");
  restart(w);
  assert_int_equal(series_count(w), 2);
  okay(lamp, "old", "off");
  nothing_begins(w); /* what its slot remembers is still there */
}

static void a_new_series_is_ignored_where_none_is_okay(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  w->options.series_max = 2;
  failure(fan, "a", "on");
  failure(fan, "b", "on");
  assert_int_equal(fails(fan, "c"), IGNORED_SERIES_MAX);
  assert_int_equal(fails(fan, "a"), IGNORED_NOT);
  assert_int_equal(series_count(w), 2);
}

static void a_series_whose_command_waits_does_not_go(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct control *lamp = rule_for(w, "light", "lamp");
  w->options.series_max = 1;
  lamp->policy.first_okay = FIRST_OKAY_SEND;
  okay(lamp, "a", "off");
  assert_int_equal(fails(fan, "new"), IGNORED_SERIES_MAX);
  is_sent(lamp, "off");
  assert_int_equal(fails(fan, "new"), IGNORED_NOT);
}

static void a_series_whose_slot_is_in_cooldown_goes_after_it(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  w->options.series_max = 1;
  rule_for(w, "light", "lamp")->policy.cooldown_s = 10;
  rests(w, "a");
  assert_int_equal(fails(fan, "new"), IGNORED_SERIES_MAX);
  passes(w, 9999);
  assert_int_equal(fails(fan, "new"), IGNORED_NOT);
}

static void what_speaks_no_more_may_go(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  w->options.series_max = 2;
  fan->policy.first_okay = FIRST_OKAY_SEND;
  failure(fan, "a", "on");
  okay(fan, "b", "off");
  assert_int_equal(fails(fan, "c"), IGNORED_NOT); /* b goes */
  assert_int_equal(fails(fan, "d"), IGNORED_SERIES_MAX);
  okay(fan, "a", "off");
  assert_int_equal(fails(fan, "d"), IGNORED_NOT); /* a goes: c speaks */
}

static void a_lower_limit_is_reached_when_it_is_trimmed(void **state) {
  struct world *w = *state;
  rests(w, "a");
  rests(w, "b");
  rests(w, "c");
  w->options.series_max = 2;
  restart(w);
  assert_int_equal(series_count(w), 3);
  trim(w, 3600000);
  assert_int_equal(series_count(w), 1);
}

/* ---- at QueueBytes ---- */

/* The fan's command for so many bytes is all that waits. */
static void fan_waits(struct world *w, const char *body) {
  failure(rule_for(w, "heat", "fan"), "rack", body);
}

static void a_body_counts_once_however_many_hold_it(void **state) {
  struct world *w = *state;
  struct control *pump = rule_for(w, "water", "pump");
  struct control *bell = rule_for(w, "ring", "bell");
  w->options.queue_bytes = 7;
  failure(pump, "tank", "123");
  is_sent(pump, "123"); /* by the series, and as accepted */
  fan_waits(w, "12");   /* by the series, and as it waits */
  assert_int_equal(lanes_waiting_bytes(w->lanes), 2);
  assert_int_equal(lanes_held_bytes(w->lanes), 3 + 2);
  failure(bell, "door", "123");
  ended(w, "water 123 accepted, ring 123 dropped");
  failure(bell, "door", "12");
  ended(w, "");
  assert_int_equal(lanes_held_bytes(w->lanes), 7);
}

static void what_is_accepted_and_what_is_asked_for_count_each(void **state) {
  struct world *w = *state;
  struct control *pump = rule_for(w, "water", "pump");
  failure(pump, "tank", "123");
  is_sent(pump, "123");
  okay(pump, "tank", "12");
  assert_int_equal(lanes_held_bytes(w->lanes), 3 + 2);
  begins(pump, "12"); /* "123" is set aside */
  assert_int_equal(lanes_held_bytes(w->lanes), 3 + 2);
  ends(pump, VERDICT_ACCEPTED);
  assert_int_equal(lanes_held_bytes(w->lanes), 2);
}

static void two_commands_that_wait_with_one_body_count_it_once(void **state) {
  struct world *w = *state;
  struct control *bell = rule_for(w, "ring", "bell");
  bell->policy.supersede = false;
  failure(bell, "front", "ding");
  failure(bell, "back", "dong!");
  okay(bell, "back", NULL); /* "front" speaks again */
  assert_int_equal(lanes_waiting(w->lanes), 3);
  assert_int_equal(lanes_waiting_bytes(w->lanes), 4 + 5);
  assert_int_equal(lanes_held_bytes(w->lanes), 4 + 5);
  is_sent(bell, "ding");
  assert_int_equal(lanes_waiting_bytes(w->lanes), 4 + 5);
}

static void
bodies_of_a_slot_that_were_one_are_one_after_a_restart(void **state) {
  struct world *w = *state;
  struct control *pump = rule_for(w, "water", "pump");
  failure(pump, "tank", "123");
  is_sent(pump, "123");
  fan_waits(w, "12");
  restart(w);
  assert_int_equal(lanes_waiting_bytes(w->lanes), 2);
  assert_int_equal(lanes_held_bytes(w->lanes), 3 + 2);
}

static void okay_series_make_room_for_a_body(void **state) {
  struct world *w = *state;
  struct control *bell = rule_for(w, "ring", "bell");
  w->options.queue_bytes = 6;
  rests(w, "a");
  fan_waits(w, "on");
  failure(bell, "door", "on"); /* 3 + 2 + 2 are too many */
  ended(w, "light off accepted");
  assert_int_equal(series_count(w), 2);
}

static void while_nothing_waits_there_is_room_for_any_body(void **state) {
  struct world *w = *state;
  struct control *pump = rule_for(w, "water", "pump");
  w->options.queue_bytes = 4;
  failure(pump, "tank", "1234");
  is_sent(pump, "1234");
  failure(pump, "tank", "4321");
  is_sent(pump, "4321");
}

static void
what_is_owed_is_asked_for_though_the_bytes_are_too_many(void **state) {
  struct world *w = *state;
  struct control *fan = rule_for(w, "heat", "fan");
  struct control *bell = rule_for(w, "ring", "bell");
  w->options.queue_bytes = 3;
  fan_waits(w, "12");
  failure(bell, "door", "on");
  ended(w, "ring on dropped");
  is_sent(fan, "12");
  is_sent(bell, "on");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_silent_series_goes_while_its_slot_goes_on),
      TEST(the_one_that_speaks_stays_until_its_command_is_accepted),
      TEST(a_series_that_is_not_okay_stays),
      TEST(the_okay_series_that_is_silent_the_longest_goes),
      TEST(a_new_series_is_ignored_where_none_is_okay),
      TEST(a_series_whose_command_waits_does_not_go),
      TEST(a_series_whose_slot_is_in_cooldown_goes_after_it),
      TEST(what_speaks_no_more_may_go),
      TEST(a_lower_limit_is_reached_when_it_is_trimmed),
      TEST(a_body_counts_once_however_many_hold_it),
      TEST(what_is_accepted_and_what_is_asked_for_count_each),
      TEST(two_commands_that_wait_with_one_body_count_it_once),
      TEST(bodies_of_a_slot_that_were_one_are_one_after_a_restart),
      TEST(okay_series_make_room_for_a_body),
      TEST(while_nothing_waits_there_is_room_for_any_body),
      TEST(what_is_owed_is_asked_for_though_the_bytes_are_too_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
