/* SPDX-License-Identifier: MIT
 *
 * What a slot remembers, and when a command is unchanged, sentence by sentence.
 */
#include "lanes_harness.h"

#include <string.h>

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

static void after_the_devices_own_no_it_is_sent_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends_with(fan,
            (struct verdict){.class = VERDICT_REFUSED, .is_of_device = true});
  ended(w, "heat on accepted, heat off refused");
  failure(fan, "rack1", "on");
  begins(fan, "on");
}

static void the_devices_own_no_begins_a_cooldown(void **state) {
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_with(fan,
            (struct verdict){.class = VERDICT_REFUSED, .is_of_device = true});
  okay(fan, "rack1", "off");
  begins_after(fan, "off", 30000);
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
  assert_int_equal(device_set_id(lower->device, upper->device->device_id), 0);
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

static enum ignored take_with_replaced(struct control *at, int64_t age_ms,
                                       uint64_t replaced) {
  enum ignored ignored;
  struct firing *f = firing_of(at, &(struct fired){.series = "s",
                                                   .severity = SEVERITY_FAILURE,
                                                   .body = "on",
                                                   .age_ms = age_ms});
  f->replaced = replaced;
  assert_int_equal(
      lanes_take(world_lanes(at->world), f, at->world->now, &ignored), 0);
  commit(at->world);
  return ignored;
}

static void what_an_event_has_replaced_on_its_way_is_superseded(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  assert_int_equal(take_with_replaced(heat, 1000, 3), IGNORED_NOT);
  assert_int_equal(created_of(w, "fan"), 4);
  assert_int_equal(outcomes_of(w, "fan", OUTCOME_SUPERSEDED), 3);
  is_sent(heat, "on");
  assert_int_equal(take_with_replaced(heat, 1000, 2), IGNORED_DUPLICATE);
  assert_int_equal(created_of(w, "fan"), 4);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(what_was_accepted_already_is_not_sent_again),
      SITUATION(it_is_compared_when_nothing_of_its_slot_is_in_flight),
      SITUATION(it_is_compared_when_it_is_due),
      SITUATION(the_old_memory_comes_back_if_nothing_was_executed),
      SITUATION(after_a_doubtful_attempt_it_is_sent_again),
      SITUATION(after_the_devices_own_no_it_is_sent_again),
      SITUATION(the_devices_own_no_begins_a_cooldown),
      SITUATION(expiry_brings_nothing_back),
      SITUATION(supersession_brings_nothing_back),
      SITUATION(a_crash_brings_nothing_back),
      SITUATION(a_memory_survives_a_restart),
      SITUATION(an_attempt_of_one_slot_makes_others_of_the_device_forget),
      SITUATION(slots_of_another_name_of_the_device_id_remember),
      SITUATION(a_tracked_command_that_was_not_delivered_is_forgotten),
      SITUATION(a_command_dropped_before_the_lanes_makes_all_slots_forget),
      SITUATION(what_an_event_has_replaced_on_its_way_is_superseded),
      SITUATION(a_memory_is_as_old_as_repeat_allows),
      SITUATION(a_value_within_the_deadband_is_unchanged),
      SITUATION(a_value_within_the_deadband_supersedes_what_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
