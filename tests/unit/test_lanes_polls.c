/* SPDX-License-Identifier: MIT
 *
 * How lanes admit polls: behind commands, within the limits of the endpoint.
 */
#include "lanes_harness.h"

#include <stdio.h>

static struct endpoint *cloud(struct world *w) {
  return endpoint_called(w, "cloud");
}

/* Once all commands that may begin have begun. */
static bool begins_poll(struct world *w) {
  nothing_begins(w);
  return lanes_begin_poll(world_lanes(w), cloud(w), w->now);
}

static int64_t poll_wait_ms(struct world *w) {
  nothing_begins(w);
  return lanes_poll_wait_ms(world_lanes(w), cloud(w), w->now);
}

static void a_poll_begins_while_no_command_is_due(void **state) {
  struct world *w = *state;
  struct control *fan = rule_for(w, "heat", "fan");
  assert_int_equal(poll_wait_ms(w), 0);
  assert_true(begins_poll(w));
  failure(fan, "s", "on");
  begins(fan, "on"); /* nor does a poll hold up a command */
  assert_true(begins_poll(w));
  assert_int_equal(lanes_in_flight(w->lanes, cloud(w)), 3);
  lanes_end_poll(w->lanes, cloud(w));
  lanes_end_poll(w->lanes, cloud(w));
  assert_int_equal(lanes_in_flight(w->lanes, cloud(w)), 1);
}

static void no_poll_begins_before_a_command_that_is_due(void **state) {
  struct world *w = *state;
  struct control *fan = rule_for(w, "heat", "fan");
  struct control *lamp = rule_for(w, "light", "lamp");
  cloud(w)->rate = (struct rate_limit){1, 10};
  failure(fan, "s", "on");
  assert_false(lanes_begin_poll(w->lanes, cloud(w), w->now));
  is_sent(fan, "on");
  failure(lamp, "s", "on");
  assert_false(begins_poll(w));
  assert_int_equal(poll_wait_ms(w), COMMAND_NEVER_MS);
  passes(w, 10000); /* a token is back, and it is the command's */
  assert_false(lanes_begin_poll(w->lanes, cloud(w), w->now));
  is_sent(lamp, "on");
}

static void polls_take_tokens_of_the_endpoints_rate(void **state) {
  struct world *w = *state;
  struct control *fan = rule_for(w, "heat", "fan");
  cloud(w)->rate = (struct rate_limit){2, 10};
  assert_true(begins_poll(w));
  lanes_end_poll(w->lanes, cloud(w));
  assert_true(begins_poll(w));
  lanes_end_poll(w->lanes, cloud(w));
  assert_false(begins_poll(w));
  assert_int_equal(poll_wait_ms(w), 10000);
  failure(fan, "s", "on");
  begins_after(fan, "on", 10000);
}

static void polls_take_at_most_half_of_max_in_flight(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  struct control *c = rule_for(w, "c", "pump");
  cloud(w)->max_in_flight = 4;
  assert_true(begins_poll(w));
  assert_true(begins_poll(w));
  assert_false(begins_poll(w));
  assert_int_equal(poll_wait_ms(w), COMMAND_NEVER_MS);
  failure(a, "s", "on");
  failure(b, "s", "on");
  failure(c, "s", "on");
  begins(a, "on");
  begins(b, "on");
  nothing_begins(w);
  lanes_end_poll(w->lanes, cloud(w));
  begins(c, "on");
  assert_false(begins_poll(w));
  ends(c, VERDICT_ACCEPTED);
  assert_true(begins_poll(w));
}

static void where_one_may_be_in_flight_polls_take_turns(void **state) {
  struct world *w = *state;
  struct control *fan = rule_for(w, "heat", "fan");
  cloud(w)->max_in_flight = 1;
  failure(fan, "s", "on");
  begins(fan, "on");
  assert_false(begins_poll(w));
  ends(fan, VERDICT_ACCEPTED);
  assert_true(begins_poll(w));
}

static void polls_wait_while_the_circuit_is_open(void **state) {
  struct world *w = *state;
  struct control *fan = rule_for(w, "heat", "fan");
  w->jitter_percent = 0;
  cloud(w)->breaker_threshold = 1;
  failure(fan, "s", "on");
  begins(fan, "on");
  ends(fan, VERDICT_REFUSED);
  okay(fan, "s", "off");
  begins(fan, "off");
  ends(fan, VERDICT_NOT_SENT);
  assert_true(lanes_circuit_is_open(w->lanes, cloud(w)));
  assert_false(begins_poll(w));
  passes(w, 5000); /* the command that waits is let through, and no poll */
  begins(fan, "off");
  assert_false(begins_poll(w));
  ends(fan, VERDICT_ACCEPTED);
  assert_true(begins_poll(w));
}

static void
with_no_command_one_poll_at_a_time_looks_at_an_open_circuit(void **state) {
  struct world *w = *state;
  struct control *fan = rule_for(w, "heat", "fan");
  cloud(w)->breaker_threshold = 1;
  failure(fan, "s", "on");
  begins(fan, "on");
  ends(fan, VERDICT_DOUBTFUL);
  assert_true(lanes_circuit_is_open(w->lanes, cloud(w)));
  assert_int_equal(poll_wait_ms(w), 5000);
  passes(w, 5000);
  assert_true(begins_poll(w));
  assert_false(begins_poll(w));
  lanes_end_poll(w->lanes, cloud(w));
  assert_true(lanes_circuit_is_open(w->lanes, cloud(w)));
  assert_true(begins_poll(w));
}

static void endpoints_do_not_share_their_limits(void **state) {
  struct world *w = *state;
  struct endpoint *other = endpoint_called(w, "other");
  cloud(w)->max_in_flight = 1;
  assert_true(begins_poll(w));
  assert_false(begins_poll(w));
  assert_true(lanes_begin_poll(w->lanes, other, w->now));
  assert_int_equal(lanes_in_flight(w->lanes, other), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_poll_begins_while_no_command_is_due),
      SITUATION(no_poll_begins_before_a_command_that_is_due),
      SITUATION(polls_take_tokens_of_the_endpoints_rate),
      SITUATION(polls_take_at_most_half_of_max_in_flight),
      SITUATION(where_one_may_be_in_flight_polls_take_turns),
      SITUATION(polls_wait_while_the_circuit_is_open),
      SITUATION(with_no_command_one_poll_at_a_time_looks_at_an_open_circuit),
      SITUATION(endpoints_do_not_share_their_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
