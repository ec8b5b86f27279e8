/* SPDX-License-Identifier: MIT
 *
 * When a command is sent, and whether: order, state, supersede, unchanged,
 * cooldown, start, late and doubled events, sentence by sentence.
 */
#include "lanes_harness.h"

#include <string.h>

/* ---- order ---- */

static void commands_of_a_lane_go_in_order_one_in_flight(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  struct control *dust = rule_for(w, "dust", "fan");
  failure(smoke, "s", "stop");
  failure(heat, "s", "on");
  failure(dust, "s", "slow");
  begins(smoke, "stop");
  nothing_begins(w);
  ends(smoke, VERDICT_ACCEPTED);
  begins(heat, "on");
  nothing_begins(w);
  ends(heat, VERDICT_REFUSED);
  is_sent(dust, "slow");
  ended(w, "smoke stop accepted, heat on refused, dust slow accepted");
}

static void two_names_of_one_device_id_share_its_lane(void **state) {
  struct world *w = *state;
  struct control *upper = rule_for(w, "upper", "fan-upper");
  struct control *lower = rule_for(w, "lower", "fan-lower");
  strcpy(lower->device->device_id, upper->device->device_id);
  failure(upper, "s", "on");
  failure(lower, "s", "on");
  begins(upper, "on");
  nothing_begins(w);
  ends(upper, VERDICT_ACCEPTED);
  is_sent(lower, "on");
}

static void one_device_id_at_two_endpoints_has_two_lanes(void **state) {
  struct world *w = *state;
  struct control *east = rule_for(w, "east", "fan-east");
  struct control *west = rule_for(w, "west", "fan-west");
  west->device->endpoint = endpoint_called(w, "other");
  strcpy(west->device->device_id, east->device->device_id);
  failure(east, "s", "on");
  failure(west, "s", "on");
  begins(east, "on");
  begins(west, "on");
}

static void lanes_run_side_by_side_up_to_max_in_flight(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  struct control *c = rule_for(w, "c", "pump");
  endpoint_called(w, "cloud")->max_in_flight = 2;
  failure(a, "s", "on");
  failure(b, "s", "on");
  failure(c, "s", "on");
  begins(a, "on");
  begins(b, "on");
  nothing_begins(w);
  assert_int_equal(lanes_in_flight(w->lanes, a->device->endpoint), 2);
  assert_int_equal(lanes_wait_ms(w->lanes, w->now), 3600000); /* Expire */
  ends(b, VERDICT_ACCEPTED);
  begins(c, "on");
}

static void max_in_flight_is_each_endpoints_own(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  b->device->endpoint = endpoint_called(w, "other");
  endpoint_called(w, "cloud")->max_in_flight = 1;
  endpoint_called(w, "other")->max_in_flight = 1;
  failure(a, "s", "on");
  failure(b, "s", "on");
  begins(a, "on");
  begins(b, "on");
}

static void what_waits_for_its_retry_holds_its_lane(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  failure(heat, "s", "on");
  failure(smoke, "s", "stop");
  begins(heat, "on");
  ends(heat, VERDICT_NOT_SENT);
  begins_after(heat, "on", 1000);
  ends(heat, VERDICT_ACCEPTED);
  is_sent(smoke, "stop");
}

static void what_is_in_cooldown_does_not_hold_its_lane(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  heat->policy.cooldown_s = 30;
  failure(heat, "s", "on");
  is_sent(heat, "on");
  okay(heat, "s", "off");
  failure(smoke, "s", "stop");
  is_sent(smoke, "stop");
  begins_after(heat, "off", 30000);
}

static void after_its_cooldown_a_command_has_its_earlier_place(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  heat->policy.cooldown_s = 30;
  endpoint_called(w, "cloud")->rate = (struct rate_limit){1, 60};
  failure(heat, "s", "on");
  is_sent(heat, "on");
  okay(heat, "s", "off");
  failure(smoke, "s", "stop"); /* its turn, but the endpoint's limit is used */
  begins_after(heat, "off", 60000);
  ends(heat, VERDICT_ACCEPTED);
  begins_after(smoke, "stop", 60000);
}

static void a_retry_keeps_its_turn_when_an_earlier_cooldown_ends(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  heat->policy.cooldown_s = 30;
  failure(heat, "s", "on");
  is_sent(heat, "on");
  okay(heat, "s", "off");
  failure(smoke, "s", "stop");
  begins(smoke, "stop");
  ends_telling_to_wait(smoke, VERDICT_NOT_EXECUTED, 60000);
  begins_after(smoke, "stop", 60000);
  ends(smoke, VERDICT_ACCEPTED);
  is_sent(heat, "off");
}

static void lanes_of_an_endpoint_take_turns(void **state) {
  struct world *w = *state;
  struct control *busy = rule_for(w, "busy", "fan");
  struct control *idle = rule_for(w, "idle", "lamp");
  busy->policy.supersede = false;
  endpoint_called(w, "cloud")->max_in_flight = 1;
  for (int i = 0; i < 3; i++)
    failure(busy, "s", i % 2 == 0 ? "on" : "off");
  failure(idle, "s", "on");
  is_sent(busy, "on");
  is_sent(idle, "on");
  is_sent(busy, "off");
  is_sent(busy, "on");
}

static void endpoints_take_turns(void **state) {
  struct world *w = *state;
  struct control *at[4];
  const char *const names[] = {"a", "b", "c", "d"};
  for (size_t i = 0; i < COUNT(at); i++) {
    at[i] = rule_for(w, names[i], names[i]);
    if (i >= 2)
      at[i]->device->endpoint = endpoint_called(w, "other");
  }
  for (size_t i = 0; i < COUNT(at); i++)
    failure(at[i], "s", "on");
  begins(at[0], "on");
  begins(at[2], "on");
  begins(at[1], "on");
  begins(at[3], "on");
}

/* ---- state ---- */

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

/* ---- supersede ---- */

static void a_slot_holds_at_most_one_waiting_command(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  okay(fan, "rack1", "off");
  failure(fan, "rack1", "on again");
  assert_int_equal(lanes_waiting(w->lanes), 1);
  is_sent(fan, "on again");
  nothing_begins(w);
  ended(w, "heat on superseded, heat off superseded, heat on again accepted");
}

static void a_newer_command_takes_the_place_of_the_older(void **state) {
  struct world *w = *state;
  struct control *smoke = rule_for(w, "smoke", "fan");
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *dust = rule_for(w, "dust", "fan");
  failure(smoke, "s", "stop");
  failure(heat, "s", "on");
  failure(dust, "s", "slow");
  okay(heat, "s", "off");
  is_sent(smoke, "stop");
  is_sent(heat, "off");
  is_sent(dust, "slow");
}

static void a_newer_command_takes_the_cooldown_of_the_older(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  passes(w, 10000);
  failure(fan, "rack1", "on again");
  begins_after(fan, "on again", 20000);
}

static void a_newer_command_takes_the_wait_but_not_the_attempts(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_NOT_SENT);
  begins_after(fan, "on", 1000);
  ends(fan, VERDICT_NOT_SENT);
  passes(w, 500);
  okay(fan, "rack1", "off");
  begins_after(fan, "off", 1500);
  assert_int_equal(fan->in_flight->attempts, 1);
  ends(fan, VERDICT_NOT_SENT);
  begins_after(fan, "off", 1000);
}

static void a_newer_command_has_a_deadline_of_its_own(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 60;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 80000);
  passes(w, 50000);
  okay(fan, "rack1", "off");
  begins_after(fan, "off", 10000);
}

static void
a_newer_command_takes_over_from_what_comes_back_from_its_attempt(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  failure(heat, "s", "on");
  begins(heat, "on");
  failure(smoke, "s", "stop");
  okay(heat, "s", "off");
  ends_telling_to_wait(heat, VERDICT_NOT_EXECUTED, 7000);
  ended(w, "heat on superseded");
  begins_after(heat, "off", 7000);
  ends(heat, VERDICT_ACCEPTED);
  is_sent(smoke, "stop");
}

static void without_supersede_all_are_kept_in_order(void **state) {
  struct world *w = *state;
  struct control *bell = rule_for(w, "ring", "bell");
  bell->policy.supersede = false;
  bell->policy.repeat_s = 0;
  failure(bell, "s", "ding");
  failure(bell, "s", "dong");
  failure(bell, "s", "dong");
  okay(bell, "s", NULL);
  begins(bell, "ding");
  ends(bell, VERDICT_NOT_SENT);
  begins_after(bell, "ding", 1000);
  ends(bell, VERDICT_ACCEPTED);
  is_sent(bell, "dong");
  is_sent(bell, "dong");
  ended(w, "ring ding accepted, ring dong accepted, ring dong accepted");
}

/* ---- unchanged ---- */

static void what_was_accepted_already_is_not_sent_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  failure(fan, "rack1", "on");
  nothing_begins(w);
  ended(w, "heat on accepted, heat on unchanged");
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
}

static void it_is_compared_when_nothing_of_its_slot_is_in_flight(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  failure(fan, "rack1", "on");
  nothing_begins(w);
  ended(w, "");
  ends(fan, VERDICT_ACCEPTED);
  nothing_begins(w);
  ended(w, "heat on accepted, heat on unchanged");
}

static void it_is_compared_when_it_is_due(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  ended(w, "heat on accepted");
  failure(fan, "rack1", "on");
  ended_after(w, "", 29999);
  nothing_begins(w);
  passes(w, 1);
  nothing_begins(w);
  ended(w, "heat on unchanged");
}

static void the_old_memory_comes_back_if_nothing_was_executed(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  const enum verdict_class retried[] = {VERDICT_NOT_SENT, VERDICT_NOT_EXECUTED,
                                        VERDICT_CREDENTIALS};
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  for (size_t i = 0; i < COUNT(retried); i++) {
    okay(fan, "rack1", "off");
    begins(fan, "off");
    ends(fan, retried[i]);
    failure(fan, "rack1", "on");
    passes(w, 60000);
    nothing_begins(w);
  }
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends(fan, VERDICT_REFUSED);
  failure(fan, "rack1", "on");
  nothing_begins(w);
  assert_int_equal(outcomes_of(w, "fan", OUTCOME_UNCHANGED), 4);
}

static void after_a_doubtful_attempt_it_is_sent_again(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends(fan, VERDICT_DOUBTFUL);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void expiry_brings_nothing_back(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  fan->policy.expire_s = 10;
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends_telling_to_wait(fan, VERDICT_DOUBTFUL, 20000);
  passes(w, 10000);
  nothing_begins(w);
  ended(w, "heat on accepted, heat off unknown");
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void supersession_brings_nothing_back(void **state) {
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends(fan, VERDICT_DOUBTFUL);
  failure(fan, "rack1", "on");
  begins_after(fan, "on", 1000);
}

static void a_crash_brings_nothing_back(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  restart(w);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void a_memory_survives_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  restart(w);
  failure(fan, "rack1", "on");
  nothing_begins(w);
  ended(w, "heat on accepted, heat on unchanged");
}

static void
an_attempt_of_one_slot_makes_others_of_the_device_forget(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  failure(heat, "s", "on");
  is_sent(heat, "on");
  failure(smoke, "s", "stop");
  begins(smoke, "stop");
  ends(smoke, VERDICT_REFUSED);
  restart(w);
  failure(heat, "s", "on");
  is_sent(heat, "on");
}

static void slots_of_another_name_of_the_device_id_remember(void **state) {
  struct world *w = *state;
  struct control *upper = rule_for(w, "upper", "fan-upper");
  struct control *lower = rule_for(w, "lower", "fan-lower");
  strcpy(lower->device->device_id, upper->device->device_id);
  failure(upper, "s", "on");
  is_sent(upper, "on");
  failure(lower, "s", "on");
  is_sent(lower, "on");
  failure(upper, "s", "on");
  nothing_begins(w);
}

static void
a_tracked_command_that_was_not_delivered_is_forgotten(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  lanes_forget(w->lanes, "heat/fan");
  lanes_forget(w->lanes, "no/such-slot");
  restart(w);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void
a_command_dropped_before_the_lanes_makes_all_slots_forget(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *other = rule_for(w, "other", "lamp");
  failure(heat, "s", "on");
  is_sent(heat, "on");
  failure(other, "s", "on");
  is_sent(other, "on");
  lanes_drop(w->lanes, heat->device, 3);
  commit(w);
  assert_int_equal(created_of(w, "fan"), 4);
  assert_int_equal(outcomes_of(w, "fan", OUTCOME_DROPPED), 3);
  failure(heat, "s", "on");
  is_sent(heat, "on");
  failure(other, "s", "on");
  nothing_begins(w);
}

struct repetition {
  int repeat_s, timeout_s;
  int64_t after_ms;
  bool is_sent_again;
};

static const struct repetition repetitions[] = {
    {POLICY_DEFAULT, 0, INT64_C(86400000) * 365, false},
    {POLICY_DEFAULT, 60, 59999, false},
    {POLICY_DEFAULT, 60, 60000, true},
    {10, 60, 9999, false},
    {10, 60, 10000, true},
    {10, 0, 10000, true},
    {0, 0, 0, true},
};

static void a_memory_is_as_old_as_repeat_allows(void **state) {
  for (size_t i = 0; i < COUNT(repetitions); i++) {
    struct world *w = world_new();
    struct control *fan = rule_for(w, "heat", "fan");
    fan->policy.repeat_s = repetitions[i].repeat_s;
    fan->device->timeout_s = repetitions[i].timeout_s;
    failure(fan, "rack1", "on");
    is_sent(fan, "on");
    passes(w, repetitions[i].after_ms);
    failure(fan, "rack1", "on");
    if (repetitions[i].is_sent_again)
      begins(fan, "on");
    nothing_begins(w);
    world_free(w);
  }
  (void)state;
}

static void a_value_within_the_deadband_is_unchanged(void **state) {
  struct world *w = *state;
  struct control *show = rule_for(w, "show", "display");
  show->policy.per_series = true;
  show->policy.deadband = 0.5;
  value(show, "s", 20);
  is_sent(show, "20");
  passes(w, 1);
  value(show, "s", 20.4);
  nothing_begins(w);
  passes(w, 1);
  value(show, "s", 20.6); /* compared with 20, which was accepted */
  is_sent(show, "20.6");
}

static void a_value_within_the_deadband_supersedes_what_waits(void **state) {
  struct world *w = *state;
  struct control *show = rule_for(w, "show", "display");
  show->policy.per_series = true;
  show->policy.deadband = 0.5;
  value(show, "s", 20);
  is_sent(show, "20");
  passes(w, 1);
  value(show, "s", 30);
  passes(w, 1);
  value(show, "s", 20.1);
  nothing_begins(w);
  ended(w, "show 20 accepted, show 30 superseded, show 20.1 unchanged");
}

/* ---- cooldown ---- */

static void cooldown_counts_from_the_attempt_not_from_its_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  okay(fan, "rack1", "off");
  passes(w, 8000);
  ends(fan, VERDICT_ACCEPTED);
  begins_after(fan, "off", 22000);
}

static void what_was_surely_not_executed_begins_no_cooldown(void **state) {
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_REFUSED);
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends(fan, VERDICT_NOT_SENT);
  begins_after(fan, "off", 1000);
}

static void cooldown_counts_from_the_first_doubtful_attempt(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_DOUBTFUL);
  begins_after(fan, "on", 1000); /* it does not hold its own retry back */
  ends(fan, VERDICT_DOUBTFUL);
  begins_after(fan, "on", 2000);
  okay(fan, "rack1", "off");
  ends(fan, VERDICT_ACCEPTED);
  begins_after(fan, "off", 27000);
  ended(w, "heat on accepted");
}

static void
what_supersedes_a_doubtful_retry_waits_for_the_cooldown(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  heat->policy.cooldown_s = 30;
  heat->policy.retry_unknown = true;
  failure(heat, "s", "on");
  failure(smoke, "s", "stop");
  begins(heat, "on");
  ends(heat, VERDICT_DOUBTFUL);
  okay(heat, "s", "off");
  ended(w, "heat on unknown");
  is_sent(smoke, "stop");
  begins_after(heat, "off", 30000);
}

static void
cooldown_delays_each_command_of_a_slot_that_keeps_all(void **state) {
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  fan->policy.expire_s = 31;
  fan->policy.supersede = false;
  failure(fan, "rack1", "1");
  failure(fan, "rack1", "2");
  failure(fan, "rack1", "3");
  is_sent(fan, "1");
  begins_after(fan, "2", 30000);
  ends(fan, VERDICT_ACCEPTED);
  begins_after(fan, "3", 30000);
}

static void a_cooldown_survives_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  passes(w, 10000);
  restart(w);
  okay(fan, "rack1", "off");
  begins_after(fan, "off", 20000);
}

/* ---- start ---- */

struct first_okay_case {
  enum first_okay of_rule;
  bool of_ledger;
  enum ignored expected;
};

static const struct first_okay_case first_okay_cases[] = {
    {FIRST_OKAY_DEFAULT, false, IGNORED_FIRST_OKAY},
    {FIRST_OKAY_DEFAULT, true, IGNORED_NOT},
    {FIRST_OKAY_IGNORE, true, IGNORED_FIRST_OKAY},
    {FIRST_OKAY_SEND, false, IGNORED_NOT},
};

static void
the_first_okay_is_ignored_unless_nothing_can_be_known(void **state) {
  for (size_t i = 0; i < COUNT(first_okay_cases); i++) {
    struct world *w = world_new();
    struct control *fan = rule_for(w, "heat", "fan");
    const struct first_okay_case *one = &first_okay_cases[i];
    w->options.first_okay_send = one->of_ledger;
    fan->policy.first_okay = one->of_rule;
    assert_int_equal(take_okay(fan), one->expected);
    assert_int_equal(created_of(w, "fan"), one->expected == IGNORED_NOT);
    world_free(w);
  }
  (void)state;
}

static void
an_okay_is_acted_on_if_the_last_command_was_not_accepted(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_REFUSED);
  restart(w);
  assert_int_equal(take_okay(fan), IGNORED_NOT);
  is_sent(fan, "off");
}

static void states_survive_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  failure(fan, "rack2", "on");
  nothing_begins(w);
  restart(w);
  okay(fan, "rack1", "off");
  nothing_begins(w);
  restart(w);
  okay(fan, "rack2", "off");
  is_sent(fan, "off");
}

/* ---- late and doubled events ---- */

static const struct fired hot = {.series = "rack1",
                                 .severity = SEVERITY_FAILURE,
                                 .body = "on",
                                 .has_value = true,
                                 .value = 40};

static void an_event_that_is_late_changes_nothing(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  const struct fired late = {.series = "rack1",
                             .severity = SEVERITY_OKAY,
                             .body = "off",
                             .has_value = true,
                             .age_ms = 1001};
  assert_int_equal(fire(fan, hot), IGNORED_NOT);
  is_sent(fan, "on");
  passes(w, 1000);
  assert_int_equal(fire(fan, late), IGNORED_LATE);
  nothing_begins(w);
  assert_int_equal(created_of(w, "fan"), 1);
}

static void an_event_that_is_doubled_changes_nothing(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  assert_int_equal(fire(fan, hot), IGNORED_NOT);
  assert_int_equal(fire(fan, hot), IGNORED_DUPLICATE);
  restart(w);
  assert_int_equal(fire(fan, hot), IGNORED_DUPLICATE);
  assert_int_equal(created_of(w, "fan"), 1);
  is_sent(fan, "on");
}

static void after_5_s_the_order_of_arrival_decides(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct fired old = hot;
  old.age_ms = 3600000;
  assert_int_equal(fire(fan, hot), IGNORED_NOT);
  passes(w, 5000);
  assert_int_equal(fire(fan, old), IGNORED_LATE);
  passes(w, 1);
  assert_int_equal(fire(fan, old), IGNORED_NOT);
}

static void series_do_not_make_each_other_late(void **state) {
  struct control *fan = the_fan(state);
  struct fired other = hot;
  other.series = "rack2";
  other.age_ms = 100;
  assert_int_equal(fire(fan, hot), IGNORED_NOT);
  assert_int_equal(fire(fan, other), IGNORED_NOT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(commands_of_a_lane_go_in_order_one_in_flight),
      SITUATION(two_names_of_one_device_id_share_its_lane),
      SITUATION(one_device_id_at_two_endpoints_has_two_lanes),
      SITUATION(lanes_run_side_by_side_up_to_max_in_flight),
      SITUATION(max_in_flight_is_each_endpoints_own),
      SITUATION(what_waits_for_its_retry_holds_its_lane),
      SITUATION(what_is_in_cooldown_does_not_hold_its_lane),
      SITUATION(after_its_cooldown_a_command_has_its_earlier_place),
      SITUATION(a_retry_keeps_its_turn_when_an_earlier_cooldown_ends),
      SITUATION(lanes_of_an_endpoint_take_turns),
      SITUATION(endpoints_take_turns),
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
      SITUATION(a_slot_holds_at_most_one_waiting_command),
      SITUATION(a_newer_command_takes_the_place_of_the_older),
      SITUATION(a_newer_command_takes_the_cooldown_of_the_older),
      SITUATION(a_newer_command_takes_the_wait_but_not_the_attempts),
      SITUATION(a_newer_command_has_a_deadline_of_its_own),
      SITUATION(
          a_newer_command_takes_over_from_what_comes_back_from_its_attempt),
      SITUATION(without_supersede_all_are_kept_in_order),
      SITUATION(what_was_accepted_already_is_not_sent_again),
      SITUATION(it_is_compared_when_nothing_of_its_slot_is_in_flight),
      SITUATION(it_is_compared_when_it_is_due),
      SITUATION(the_old_memory_comes_back_if_nothing_was_executed),
      SITUATION(after_a_doubtful_attempt_it_is_sent_again),
      SITUATION(expiry_brings_nothing_back),
      SITUATION(supersession_brings_nothing_back),
      SITUATION(a_crash_brings_nothing_back),
      SITUATION(a_memory_survives_a_restart),
      SITUATION(an_attempt_of_one_slot_makes_others_of_the_device_forget),
      SITUATION(slots_of_another_name_of_the_device_id_remember),
      SITUATION(a_tracked_command_that_was_not_delivered_is_forgotten),
      SITUATION(a_command_dropped_before_the_lanes_makes_all_slots_forget),
      SITUATION(a_memory_is_as_old_as_repeat_allows),
      SITUATION(a_value_within_the_deadband_is_unchanged),
      SITUATION(a_value_within_the_deadband_supersedes_what_waits),
      SITUATION(cooldown_counts_from_the_attempt_not_from_its_end),
      SITUATION(what_was_surely_not_executed_begins_no_cooldown),
      SITUATION(cooldown_counts_from_the_first_doubtful_attempt),
      SITUATION(what_supersedes_a_doubtful_retry_waits_for_the_cooldown),
      SITUATION(cooldown_delays_each_command_of_a_slot_that_keeps_all),
      SITUATION(a_cooldown_survives_a_restart),
      SITUATION(the_first_okay_is_ignored_unless_nothing_can_be_known),
      SITUATION(an_okay_is_acted_on_if_the_last_command_was_not_accepted),
      SITUATION(states_survive_a_restart),
      SITUATION(an_event_that_is_late_changes_nothing),
      SITUATION(an_event_that_is_doubled_changes_nothing),
      SITUATION(after_5_s_the_order_of_arrival_decides),
      SITUATION(series_do_not_make_each_other_late),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
