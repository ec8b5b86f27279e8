/* SPDX-License-Identifier: MIT
 *
 * What becomes of a command that waits: supersede and cooldown, sentence by
 * sentence.
 */
#include "lanes_harness.h"

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

static void
a_newer_command_takes_the_wait_and_the_back_off_but_no_attempts(void **state) {
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
  begins_after(fan, "off", 4000);
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

enum { DAY_S = 86400, INTERVAL_S = 10, COOLDOWN_S = 60 };

/* An interval passes, in which what is due is accepted. */
static void interval_passes(struct control *at) {
  struct world *w = at->world;
  passes(w, INTERVAL_S * 1000);
  at->in_flight = lanes_begin(world_lanes(w), w->now);
  commit(w);
  if (at->in_flight != NULL)
    ends(at, VERDICT_ACCEPTED);
}

static void a_day_of_flapping_is_bounded_by_the_cooldown(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = COOLDOWN_S;
  for (int s = 0; s < DAY_S; s += 2 * INTERVAL_S) {
    failure(fan, "rack1", "on");
    interval_passes(fan);
    okay(fan, "rack1", "off");
    interval_passes(fan);
  }
  uint64_t sent = outcomes_of(w, "fan", OUTCOME_ACCEPTED);
  assert_in_range(sent, 2, DAY_S / COOLDOWN_S + 1);
  failure(fan, "rack1", "on at last");
  for (int s = 0; s < COOLDOWN_S; s += INTERVAL_S)
    interval_passes(fan);
  assert_int_equal(outcomes_of(w, "fan", OUTCOME_ACCEPTED), sent + 1);
  failure(fan, "rack1", "on at last");
  interval_passes(fan);
  assert_int_equal(outcomes_of(w, "fan", OUTCOME_ACCEPTED), sent + 1);
  assert_int_equal(created_of(w, "fan"), DAY_S / INTERVAL_S + 2);
  is_balanced(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_slot_holds_at_most_one_waiting_command),
      SITUATION(a_newer_command_takes_the_place_of_the_older),
      SITUATION(a_newer_command_takes_the_cooldown_of_the_older),
      SITUATION(
          a_newer_command_takes_the_wait_and_the_back_off_but_no_attempts),
      SITUATION(a_newer_command_has_a_deadline_of_its_own),
      SITUATION(
          a_newer_command_takes_over_from_what_comes_back_from_its_attempt),
      SITUATION(without_supersede_all_are_kept_in_order),
      SITUATION(cooldown_counts_from_the_attempt_not_from_its_end),
      SITUATION(what_was_surely_not_executed_begins_no_cooldown),
      SITUATION(cooldown_counts_from_the_first_doubtful_attempt),
      SITUATION(what_supersedes_a_doubtful_retry_waits_for_the_cooldown),
      SITUATION(cooldown_delays_each_command_of_a_slot_that_keeps_all),
      SITUATION(a_cooldown_survives_a_restart),
      SITUATION(a_day_of_flapping_is_bounded_by_the_cooldown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
