/* SPDX-License-Identifier: MIT
 *
 * Which state a slot asks for, sentence by sentence.
 */
#include "lanes_harness.h"

static void the_fan_stops_when_the_last_rack_is_in_range(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  failure(fan, "rack2", "on");
  okay(fan, "rack1", "off");
  nothing_begins(*state);
  okay(fan, "rack2", "off");
  is_sent(fan, "off");
  ended(*state, "heat on accepted, heat on superseded, heat on unchanged, "
                "heat off accepted");
}

static void the_worst_state_is_sent(void **state) {
  struct control *fan = the_fan(state);
  warning(fan, "rack1", "slow");
  is_sent(fan, "slow");
  failure(fan, "rack2", "fast");
  is_sent(fan, "fast");
  warning(fan, "rack1", "slow");
  nothing_begins(*state);
  okay(fan, "rack2", "off");
  is_sent(fan, "slow");
}

static void the_newest_event_in_that_state_is_sent(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "at 31");
  failure(fan, "rack2", "at 35");
  failure(fan, "rack1", "at 32");
  is_sent(fan, "at 32");
  okay(fan, "rack1", "off");
  is_sent(fan, "at 35");
}

static void every_event_that_asks_makes_a_command(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  for (int i = 0; i < 3; i++) {
    failure(fan, "rack1", "on");
    lanes_begin(world_lanes(w), w->now);
    commit(w);
  }
  assert_int_equal(created_of(w, "fan"), 3);
}

static void okay_without_a_body_supersedes_what_waits(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  okay(fan, "rack1", NULL);
  nothing_begins(w);
  ended(w, "heat on superseded");
  assert_int_equal(created_of(w, "fan"), 1);
}

static void okay_without_a_body_makes_the_slot_forget(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", NULL);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void
accepted_is_not_remembered_if_okay_without_a_body_came_meanwhile(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  okay(fan, "rack1", NULL);
  ends(fan, VERDICT_ACCEPTED);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void
what_was_in_flight_is_not_retried_if_nothing_is_asked_any_more(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  okay(fan, "rack1", NULL);
  ends(fan, VERDICT_NOT_SENT);
  ended(w, "heat on superseded");
  nothing_begins(w);
}

static void okay_of_one_series_does_not_silence_another(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  failure(fan, "rack2", "on");
  okay(fan, "rack1", NULL);
  is_sent(fan, "on");
}

static void with_combine_none_each_series_is_for_itself(void **state) {
  struct control *fan = the_fan(state);
  fan->policy.per_series = true;
  failure(fan, "rack1", "1 on");
  failure(fan, "rack2", "2 on");
  is_sent(fan, "1 on");
  is_sent(fan, "2 on");
  okay(fan, "rack1", "1 off");
  is_sent(fan, "1 off");
}

static void a_series_silent_for_forget_after_counts_as_okay(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.forget_after_s = 600;
  fire(fan, silent_failure("rack1"));
  is_sent(fan, "on");
  passes(w, 300000);
  fire(fan, silent_failure("rack1")); /* begins the 600 s anew */
  nothing_begins(w);
  begins_after(fan, "off", 600000);
}

static void only_the_last_silent_series_stops_the_fan(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.forget_after_s = 600;
  fire(fan, silent_failure("rack1"));
  is_sent(fan, "on");
  passes(w, 400000);
  fire(fan, silent_failure("rack2"));
  nothing_begins(w);
  begins_after(fan, "off", 600000);
}

static void
a_silent_series_without_a_body_for_okay_asks_for_nothing(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.forget_after_s = 600;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 900000);
  nothing_begins(w);
  passes(w, 600000);
  nothing_begins(w);
  ended(w, "heat on superseded");
}

static void by_default_silence_means_nothing(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fire(fan, silent_failure("rack1"));
  is_sent(fan, "on");
  nothing_begins(w);
  assert_int_equal(lanes_wait_ms(w->lanes, w->now), COMMAND_NEVER_MS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(the_fan_stops_when_the_last_rack_is_in_range),
      SITUATION(the_worst_state_is_sent),
      SITUATION(the_newest_event_in_that_state_is_sent),
      SITUATION(every_event_that_asks_makes_a_command),
      SITUATION(okay_without_a_body_supersedes_what_waits),
      SITUATION(okay_without_a_body_makes_the_slot_forget),
      SITUATION(
          accepted_is_not_remembered_if_okay_without_a_body_came_meanwhile),
      SITUATION(what_was_in_flight_is_not_retried_if_nothing_is_asked_any_more),
      SITUATION(okay_of_one_series_does_not_silence_another),
      SITUATION(with_combine_none_each_series_is_for_itself),
      SITUATION(a_series_silent_for_forget_after_counts_as_okay),
      SITUATION(only_the_last_silent_series_stops_the_fan),
      SITUATION(a_silent_series_without_a_body_for_okay_asks_for_nothing),
      SITUATION(by_default_silence_means_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
