/* SPDX-License-Identifier: MIT
 *
 * After: a rule fires only when its state has held for so long. Until: what it
 * asked for is taken back after so long.
 */
#include "lanes_harness.h"

#include <stdio.h>

#define AFTER_MS 600000
#define UNTIL_MS 1800000

static struct control *patient_fan(void **state) {
  struct control *fan = the_fan(state);
  fan->policy.after_s = AFTER_MS / 1000;
  return fan;
}

static struct control *valve(void **state) {
  struct control *at = rule_for(*state, "water", "valve");
  at->policy.until_s = UNTIL_MS / 1000;
  return at;
}

/* Each event is another one, and asks for nothing now, for that reason. */
static void asks_nothing(struct control *at, struct fired f,
                         enum ignored expected) {
  world_lanes(at->world);
  uint64_t created = created_of(at->world, at->device->name);
  f.age_ms = 900000 - ++at->world->event_count;
  assert_int_equal(fire(at, f), expected);
  assert_int_equal(created_of(at->world, at->device->name), created);
}

static void waits(struct control *at, const char *series,
                  enum severity severity, const char *body) {
  const struct fired f = {
      .series = series, .severity = severity, .body = body, .okay_body = "off"};
  asks_nothing(at, f, IGNORED_WAITS);
}

static void fails(struct control *at, const char *series) {
  waits(at, series, SEVERITY_FAILURE, "on");
}

static void is_okay_unfired(struct control *at, const char *series) {
  asks_nothing(at, (struct fired){.series = series, .body = "off"},
               IGNORED_NOT_FIRED);
}

/* A FAILURE that asks for "on" at once, and for "off" when it is taken back. */
static void opens(struct control *at, const char *series) {
  struct fired f = silent_failure(series);
  f.age_ms = 900000 - ++at->world->event_count;
  assert_int_equal(fire(at, f), IGNORED_NOT);
}

static void is_taken_back(struct control *at, const char *series,
                          enum severity severity) {
  const struct fired f = {
      .series = series, .severity = severity, .body = "on", .okay_body = "off"};
  asks_nothing(at, f, IGNORED_TAKEN_BACK);
}

static int64_t never(struct world *w) {
  return lanes_wait_ms(world_lanes(w), w->now);
}

/* ---- After ---- */

static void a_state_fires_once_it_has_held_for_after(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  begins_after(fan, "on", AFTER_MS);
  ends(fan, VERDICT_ACCEPTED);
  ended(w, "heat on accepted");
  nothing_begins(w);
  assert_int_equal(never(w), COMMAND_NEVER_MS);
}

static void okay_just_before_after_leaves_nothing_sent(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, AFTER_MS - 1);
  nothing_begins(w);
  is_okay_unfired(fan, "rack1");
  passes(w, AFTER_MS);
  nothing_begins(w);
  ended(w, "");
  assert_int_equal(never(w), COMMAND_NEVER_MS);
}

static void okay_at_the_very_end_of_after_leaves_nothing_sent(void **state) {
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(*state, AFTER_MS);
  is_okay_unfired(fan, "rack1");
  nothing_begins(*state);
}

static void okay_just_after_after_is_sent(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, AFTER_MS);
  is_sent(fan, "on");
  passes(w, 1);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
}

static void a_state_that_flaps_never_fires(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  for (int i = 0; i < 5; i++) {
    fails(fan, "rack1");
    passes(w, AFTER_MS - 1);
    nothing_begins(w);
    is_okay_unfired(fan, "rack1");
    passes(w, 1);
    nothing_begins(w);
  }
  assert_int_equal(created_of(w, "fan"), 0);
}

static void an_event_in_the_same_state_does_not_begin_after_anew(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, 400000);
  waits(fan, "rack1", SEVERITY_FAILURE, "max");
  begins_after(fan, "max", 200000); /* the newest body of the state */
}

static void an_event_when_after_is_over_fires_itself(void **state) {
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(*state, AFTER_MS);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  nothing_begins(*state);
  ended(*state, "heat on accepted");
}

static void a_warning_that_becomes_a_failure_begins_after_anew(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  waits(fan, "rack1", SEVERITY_WARNING, "slow");
  passes(w, 400000);
  fails(fan, "rack1");
  begins_after(fan, "on", AFTER_MS);
}

static void what_was_asked_for_stays_while_the_next_state_waits(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, AFTER_MS);
  begins(fan, "on");
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 1000);
  waits(fan, "rack1", SEVERITY_WARNING, "slow");
  begins_after(fan, "on", 1000);
  ends(fan, VERDICT_ACCEPTED);
  begins_after(fan, "slow", AFTER_MS - 1000);
}

static void the_slot_counts_and_not_each_of_its_series(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, 300000);
  waits(fan, "rack2", SEVERITY_FAILURE, "2 on");
  passes(w, 200000);
  waits(fan, "rack1", SEVERITY_OKAY, "off");
  begins_after(fan, "2 on", 100000);
}

static void with_combine_none_each_series_has_its_own_after(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fan->policy.per_series = true;
  fails(fan, "rack1");
  passes(w, 300000);
  waits(fan, "rack2", SEVERITY_FAILURE, "2 on");
  begins_after(fan, "on", 300000);
  ends(fan, VERDICT_ACCEPTED);
  begins_after(fan, "2 on", 300000);
}

/* The first rule acts at once, the second one if that did not help. */
static void
a_second_rule_with_after_goes_on_where_the_first_fails(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct control *power = rule_for(w, "power", "rack");
  power->policy.after_s = AFTER_MS / 1000;
  failure(fan, "rack1", "on");
  waits(power, "rack1", SEVERITY_FAILURE, "cut");
  is_sent(fan, "on");
  begins_after(power, "cut", AFTER_MS);
  ends(power, VERDICT_ACCEPTED);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
  okay(power, "rack1", "restore");
  is_sent(power, "restore");
}

static void okay_that_was_not_accepted_is_sent_after_a_flap(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, AFTER_MS);
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends(fan, VERDICT_REFUSED);
  fails(fan, "rack1"); /* the device is still on */
  passes(w, 1000);
  nothing_begins(w);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
  passes(w, 1000);
  fails(fan, "rack1");
  is_okay_unfired(fan, "rack1");
}

static void okay_that_repeats_is_sent_again_if_it_was_refused(void **state) {
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(*state, AFTER_MS);
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends(fan, VERDICT_REFUSED);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
}

static void
what_was_in_flight_is_not_retried_for_a_state_that_waits(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, AFTER_MS);
  begins(fan, "on");
  okay(fan, "rack1", NULL); /* asks for nothing any more */
  fails(fan, "rack1");
  ends(fan, VERDICT_NOT_SENT);
  ended(w, "heat on superseded");
  begins_after(fan, "on", AFTER_MS);
}

static void a_first_okay_that_is_sent_counts_as_fired(void **state) {
  struct control *fan = patient_fan(state);
  fan->policy.first_okay = FIRST_OKAY_SEND;
  okay(fan, "rack1", "off");
  begins(fan, "off");
  ends(fan, VERDICT_REFUSED);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
}

static void cooldown_holds_back_what_after_fires(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fan->policy.after_s = 10;
  fan->policy.cooldown_s = 60;
  fails(fan, "rack1");
  passes(w, 10000);
  is_sent(fan, "on");
  waits(fan, "rack1", SEVERITY_WARNING, "slow");
  begins_after(fan, "slow", 60000);
}

static void silence_ends_a_state_that_waits(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fan->policy.forget_after_s = 300;
  fails(fan, "rack1");
  passes(w, AFTER_MS + 1);
  nothing_begins(w);
  assert_int_equal(created_of(w, "fan"), 0);
}

/* Fires "on" for a FAILURE of rack2, while rack1 is in WARNING. */
static void fires_alone(struct control *at) {
  waits(at, "rack1", SEVERITY_WARNING, "slow");
  waits(at, "rack2", SEVERITY_FAILURE, "on");
  passes(at->world, 1000);
  is_sent(at, "on");
}

static void silence_may_make_many_slots_wait_at_once(void **state) {
  struct world *w = *state;
  for (int i = 0; i < 40; i++) {
    char name[16];
    snprintf(name, sizeof name, "fan%d", i);
    struct control *at = rule_for(w, "heat", name);
    at->policy.after_s = 1;
    at->policy.forget_after_s = 600;
  }
  for (struct control *at = w->controls; at != NULL; at = at->next)
    fires_alone(at);
  passes(w, 500000);
  for (struct control *at = w->controls; at != NULL; at = at->next)
    warning(at, "rack1", "slow"); /* as heard before: rack2 asks for "on" */
  passes(w, 110000);
  nothing_begins(w); /* rack2 is silent: rack1 speaks for each */
  assert_int_equal(lanes_wait_ms(w->lanes, w->now), 1000);
}

static void
a_body_that_can_not_be_sent_is_refused_when_after_is_over(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  const struct fired f = {.series = "rack1",
                          .severity = SEVERITY_FAILURE,
                          .unsendable_bytes = 65536};
  asks_nothing(fan, f, IGNORED_WAITS);
  passes(w, AFTER_MS);
  nothing_begins(w);
  ended(w, "heat - refused");
}

static void a_slot_that_never_fired_goes_when_it_is_idle(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, 1000);
  assert_int_equal(trim(w, 0), 0); /* it waits */
  is_okay_unfired(fan, "rack1");
  passes(w, 1000);
  assert_int_equal(trim(w, 0), 1);
}

/* A debt is for a state that is over; the new one has to hold first. */
static void a_slot_that_waits_does_not_ask_for_what_it_owes(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  struct control *lamp = rule_for(w, "light", "lamp");
  w->options.queue_limit = 1;
  fails(fan, "rack1");
  passes(w, AFTER_MS);
  is_sent(fan, "on");
  failure(lamp, "door", "lit");
  okay(fan, "rack1", "off"); /* dropped */
  ended(w, "heat on accepted, heat off dropped");
  fails(fan, "rack1");
  is_sent(lamp, "lit");
  nothing_begins(w); /* there is room now */
  ended(w, "light lit accepted");
  restart(w);
  begins_after(fan, "on", AFTER_MS);
}

/* Where there is no room for both, the inbox hands over the last one alone. */
static void an_okay_that_the_inbox_left_out_begins_after_anew(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  struct fired f = silent_failure("rack1");
  f.passes_okay = true;
  fails(fan, "rack1");
  passes(w, 400000);
  asks_nothing(fan, f, IGNORED_WAITS);
  begins_after(fan, "on", AFTER_MS);
  ends(fan, VERDICT_ACCEPTED);
  passes(w, 1000);
  asks_nothing(fan, f, IGNORED_WAITS);
  okay(fan, "rack1", "off"); /* the device is on still */
  is_sent(fan, "off");
}

/* ---- After and restarts ---- */

static void a_restart_in_the_middle_does_not_begin_after_anew(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, 400000);
  restart(w);
  nothing_begins(w);
  begins_after(fan, "on", 200000);
}

static void
a_state_that_held_while_nobody_ran_fires_at_the_start(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, AFTER_MS - 1);
  restart(w);
  passes(w, 1);
  is_sent(fan, "on");
}

static void what_has_fired_does_not_fire_again_at_a_start(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, AFTER_MS);
  begins(fan, "on");
  ends(fan, VERDICT_REFUSED);
  restart(w);
  passes(w, AFTER_MS);
  nothing_begins(w);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
}

static void okay_after_a_restart_is_not_sent_if_nothing_fired(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  restart(w);
  passes(w, AFTER_MS - 1);
  is_okay_unfired(fan, "rack1");
  restart(w);
  is_okay_unfired(fan, "rack1");
}

/* The rule had no After, or Combine was another one. */
static void
a_state_recorded_without_its_age_counts_from_its_series(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_REFUSED);
  passes(w, 400000);
  failure(fan, "rack2", "2 on");
  begins(fan, "2 on");
  ends(fan, VERDICT_REFUSED);
  fan->policy.after_s = AFTER_MS / 1000;
  restart(w);
  begins_after(fan, "2 on", 200000);
  ends(fan, VERDICT_REFUSED);
  okay(fan, "rack1", "off");
  okay(fan, "rack2", "off"); /* it had fired, as far as anybody knows */
  is_sent(fan, "off");
}

static void a_state_that_is_read_late_waits_from_its_beginning(void **state) {
  struct world *w = *state;
  struct control *fan = patient_fan(state);
  fails(fan, "rack1");
  passes(w, 100000);
  restart_without_reading(w);
  waits(fan, "rack2", SEVERITY_WARNING, "slow");
  passes(w, 100000);
  read_late(w);
  nothing_begins(w);
  begins_after(fan, "on", 400000);
}

/* ---- Until ---- */

static void what_was_asked_for_is_taken_back_after_until(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  begins_after(at, "off", UNTIL_MS);
  assert_true(at->in_flight->takes_back);
  assert_int_equal(at->in_flight->severity, SEVERITY_OKAY);
  ends(at, VERDICT_ACCEPTED);
  nothing_begins(w);
  assert_int_equal(never(w), COMMAND_NEVER_MS);
}

static void no_event_but_okay_opens_it_again(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS);
  is_sent(at, "off");
  is_taken_back(at, "tank", SEVERITY_FAILURE);
  is_taken_back(at, "tank", SEVERITY_WARNING);
  is_taken_back(at, "other tank", SEVERITY_FAILURE);
  passes(w, 10 * UNTIL_MS);
  nothing_begins(w);
  is_taken_back(at, "tank", SEVERITY_OKAY); /* the other one is not */
  okay(at, "other tank", "off");
  nothing_begins(w);
  opens(at, "tank");
  is_sent(at, "on");
}

static void okay_ends_it(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS);
  is_sent(at, "off");
  okay(at, "tank", "off");
  nothing_begins(w);
  opens(at, "tank");
  is_sent(at, "on");
  begins_after(at, "off", UNTIL_MS);
}

static void an_okay_that_the_inbox_left_out_ends_it(void **state) {
  struct control *at = valve(state);
  struct fired f = silent_failure("tank");
  f.passes_okay = true;
  opens(at, "tank");
  is_sent(at, "on");
  passes(*state, UNTIL_MS);
  is_sent(at, "off");
  f.age_ms = 1;
  assert_int_equal(fire(at, f), IGNORED_NOT);
  is_sent(at, "on");
  begins_after(at, "off", UNTIL_MS);
}

static void okay_just_before_until_closes_it_once(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS - 1);
  okay(at, "tank", "off");
  is_sent(at, "off");
  passes(w, 1);
  nothing_begins(w);
  assert_int_equal(never(w), COMMAND_NEVER_MS);
}

static void okay_just_after_until_changes_nothing(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS);
  is_sent(at, "off");
  passes(w, 1);
  okay(at, "tank", "off");
  nothing_begins(w);
  ended(w, "water on accepted, water off accepted, water off unchanged");
}

static void events_in_between_do_not_make_it_longer(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS / 2);
  opens(at, "tank");
  nothing_begins(w); /* unchanged */
  warning(at, "tank", "half");
  is_sent(at, "half");
  opens(at, "tank");
  is_sent(at, "on");
  begins_after(at, "off", UNTIL_MS / 2);
}

static void an_event_when_until_is_over_takes_it_back_itself(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS);
  opens(at, "tank");
  is_sent(at, "off");
  nothing_begins(w);
  is_taken_back(at, "tank", SEVERITY_FAILURE);
}

static void what_still_waits_is_superseded_by_the_taking_back(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  at->policy.until_s = 10;
  opens(at, "tank");
  begins(at, "on");
  ends_telling_to_wait(at, VERDICT_NOT_EXECUTED, 60000);
  passes(w, 10000);
  nothing_begins(w);
  ended(w, "water on superseded");
  begins_after(at, "off", 50000);
}

static void a_taking_back_that_was_dropped_is_asked_for_again(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  struct control *lamp = rule_for(w, "light", "lamp");
  w->options.queue_limit = 1;
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS - 1);
  failure(lamp, "door", "lit");
  begins(lamp, "lit");
  ends_telling_to_wait(lamp, VERDICT_NOT_EXECUTED, 1000);
  passes(w, 1);
  nothing_begins(w);
  ended(w, "water on accepted, water off dropped");
  passes(w, 999);
  is_sent(lamp, "lit");
  is_sent(at, "off");
}

static void without_a_body_for_it_nothing_is_asked_any_more(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  at->policy.until_s = 10;
  failure(at, "tank", "on");
  begins(at, "on");
  ends_telling_to_wait(at, VERDICT_NOT_EXECUTED, 60000);
  passes(w, 10000);
  nothing_begins(w);
  ended(w, "water on superseded");
}

static void
what_is_in_flight_when_it_is_taken_back_is_not_retried(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  begins(at, "on");
  passes(w, UNTIL_MS);
  nothing_begins(w);
  ends(at, VERDICT_NOT_SENT);
  ended(w, "water on superseded");
  begins_after(at, "off", 1000);
}

static void a_restart_in_the_middle_does_not_begin_until_anew(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS - 1000);
  restart(w);
  begins_after(at, "off", 1000);
}

static void
what_ran_out_while_nobody_ran_is_taken_back_at_the_start(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, 3 * UNTIL_MS);
  restart(w);
  is_sent(at, "off");
}

static void it_stays_taken_back_over_a_restart(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS);
  is_sent(at, "off");
  restart(w);
  nothing_begins(w);
  is_taken_back(at, "tank", SEVERITY_FAILURE);
  nothing_begins(w);
}

static void a_taking_back_that_a_crash_has_cut_off_is_sent_again(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  at->policy.retry_unknown = true;
  opens(at, "tank");
  is_sent(at, "on");
  passes(w, UNTIL_MS);
  begins(at, "off");
  restart(w);
  is_sent(at, "off"); /* the device may have missed it */
}

/* ---- both ---- */

static void until_counts_from_the_beginning_and_not_from_after(void **state) {
  struct control *at = valve(state);
  at->policy.after_s = AFTER_MS / 1000;
  fails(at, "tank");
  begins_after(at, "on", AFTER_MS);
  ends(at, VERDICT_ACCEPTED);
  begins_after(at, "off", UNTIL_MS - AFTER_MS);
}

static void what_never_fired_is_not_taken_back(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  at->policy.after_s = AFTER_MS / 1000;
  for (int i = 0; i < UNTIL_MS / AFTER_MS; i++) {
    waits(at, "tank", i % 2 == 0 ? SEVERITY_FAILURE : SEVERITY_WARNING, "on");
    passes(w, AFTER_MS - 1);
    nothing_begins(w);
  }
  passes(w, 100);
  nothing_begins(w);
  is_taken_back(at, "tank", SEVERITY_FAILURE);
  is_okay_unfired(at, "tank");
  assert_int_equal(created_of(w, "valve"), 0);
}

static void when_both_ran_out_while_nobody_ran_nothing_is_sent(void **state) {
  struct world *w = *state;
  struct control *at = valve(state);
  at->policy.after_s = AFTER_MS / 1000;
  fails(at, "tank");
  passes(w, UNTIL_MS);
  restart(w);
  nothing_begins(w);
  assert_int_equal(created_of(w, "valve"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_state_fires_once_it_has_held_for_after),
      SITUATION(okay_just_before_after_leaves_nothing_sent),
      SITUATION(okay_at_the_very_end_of_after_leaves_nothing_sent),
      SITUATION(okay_just_after_after_is_sent),
      SITUATION(a_state_that_flaps_never_fires),
      SITUATION(an_event_in_the_same_state_does_not_begin_after_anew),
      SITUATION(an_event_when_after_is_over_fires_itself),
      SITUATION(a_warning_that_becomes_a_failure_begins_after_anew),
      SITUATION(what_was_asked_for_stays_while_the_next_state_waits),
      SITUATION(the_slot_counts_and_not_each_of_its_series),
      SITUATION(with_combine_none_each_series_has_its_own_after),
      SITUATION(a_second_rule_with_after_goes_on_where_the_first_fails),
      SITUATION(okay_that_was_not_accepted_is_sent_after_a_flap),
      SITUATION(okay_that_repeats_is_sent_again_if_it_was_refused),
      SITUATION(what_was_in_flight_is_not_retried_for_a_state_that_waits),
      SITUATION(a_first_okay_that_is_sent_counts_as_fired),
      SITUATION(cooldown_holds_back_what_after_fires),
      SITUATION(silence_ends_a_state_that_waits),
      SITUATION(silence_may_make_many_slots_wait_at_once),
      SITUATION(a_body_that_can_not_be_sent_is_refused_when_after_is_over),
      SITUATION(a_slot_that_never_fired_goes_when_it_is_idle),
      SITUATION(a_slot_that_waits_does_not_ask_for_what_it_owes),
      SITUATION(an_okay_that_the_inbox_left_out_begins_after_anew),
      SITUATION(a_restart_in_the_middle_does_not_begin_after_anew),
      SITUATION(a_state_that_held_while_nobody_ran_fires_at_the_start),
      SITUATION(what_has_fired_does_not_fire_again_at_a_start),
      SITUATION(okay_after_a_restart_is_not_sent_if_nothing_fired),
      SITUATION(a_state_recorded_without_its_age_counts_from_its_series),
      SITUATION(a_state_that_is_read_late_waits_from_its_beginning),
      SITUATION(what_was_asked_for_is_taken_back_after_until),
      SITUATION(no_event_but_okay_opens_it_again),
      SITUATION(okay_ends_it),
      SITUATION(an_okay_that_the_inbox_left_out_ends_it),
      SITUATION(okay_just_before_until_closes_it_once),
      SITUATION(okay_just_after_until_changes_nothing),
      SITUATION(events_in_between_do_not_make_it_longer),
      SITUATION(an_event_when_until_is_over_takes_it_back_itself),
      SITUATION(what_still_waits_is_superseded_by_the_taking_back),
      SITUATION(a_taking_back_that_was_dropped_is_asked_for_again),
      SITUATION(without_a_body_for_it_nothing_is_asked_any_more),
      SITUATION(what_is_in_flight_when_it_is_taken_back_is_not_retried),
      SITUATION(a_restart_in_the_middle_does_not_begin_until_anew),
      SITUATION(what_ran_out_while_nobody_ran_is_taken_back_at_the_start),
      SITUATION(it_stays_taken_back_over_a_restart),
      SITUATION(a_taking_back_that_a_crash_has_cut_off_is_sent_again),
      SITUATION(until_counts_from_the_beginning_and_not_from_after),
      SITUATION(what_never_fired_is_not_taken_back),
      SITUATION(when_both_ran_out_while_nobody_ran_nothing_is_sent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
