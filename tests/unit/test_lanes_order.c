/* SPDX-License-Identifier: MIT
 *
 * In which order commands of a lane go, and how lanes and endpoints take turns,
 * sentence by sentence.
 */
#include "lanes_harness.h"

#include <string.h>

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
  assert_int_equal(device_set_id(lower->device, upper->device->device_id), 0);
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
  assert_int_equal(device_set_id(west->device, east->device->device_id), 0);
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
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
