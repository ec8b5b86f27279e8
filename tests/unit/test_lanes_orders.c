/* SPDX-License-Identifier: MIT
 *
 * What an operator asks for by hand: silences, and commands that are sent,
 * sent again or called off.
 */
#include "lanes_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000

/* ---- the words of this file ---- */

static void takes(struct control *at, const char *series,
                  enum severity severity, const char *body,
                  enum ignored expected) {
  const struct fired f = {.series = series,
                          .severity = severity,
                          .body = body,
                          .okay_body = "off",
                          .age_ms = 500000 - ++at->world->event_count};
  assert_int_equal(fire(at, f), expected);
}

/* An event that is counted as silenced. */
static void is_hushed(struct control *at, const char *series,
                      enum severity severity, const char *body) {
  takes(at, series, severity, body, IGNORED_SILENCED);
}

static void a_rule_is_silenced(struct control *at, int64_t ms) {
  obeyed(at->world, silence_of(at, ms));
}

/* The reason of the command that ended first since the last commit. */
static const char *reason(struct world *w) {
  for (struct change *one = w->journal.first; one != NULL; one = one->next) {
    const struct command *c = journal_command(one);
    if (c != NULL && c->state == COMMAND_FINISHED)
      return command_why(c);
  }
  return NULL;
}

static void obeyed_with_reason(struct world *w, struct order *o,
                               const char *why) {
  lanes_obey(world_lanes(w), o, w->now);
  assert_int_equal(o->state, ORDER_OBEYED);
  assert_string_equal(reason(w), why);
  commit(w);
}

static int64_t waiting_after_a_failed_attempt(struct control *at,
                                              const char *body) {
  begins(at, body);
  int64_t id = at->in_flight->id;
  ends(at, VERDICT_NOT_SENT);
  return id;
}

/* ---- silences: what they stop, and what comes after ---- */

static void a_silenced_state_is_asked_for_once_at_the_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  is_hushed(fan, "rack2", SEVERITY_FAILURE, "max");
  assert_int_equal(created_of(w, "fan"), 0);
  begins_after(fan, "max", HOUR_MS);
  ends(fan, VERDICT_ACCEPTED);
  nothing_begins(w);
  ended(w, "heat max accepted");
  okay(fan, "rack2", "off");
  is_sent(fan, "on");
}

static void
what_the_device_has_accepted_is_not_asked_for_at_the_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_OKAY, "off");
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  passes(w, HOUR_MS);
  nothing_begins(w);
  assert_int_equal(created_of(w, "fan"), 1);
}

static void what_waits_is_cancelled_and_asked_for_at_the_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  struct order *silence = silence_of(fan, HOUR_MS);
  obeyed_with_reason(w, silence, "silenced by order 1");
  assert_int_equal(silence->count, 1);
  ended(w, "heat on cancelled");
  begins_after(fan, "on", HOUR_MS);
}

static void a_reason_of_an_attempt_gives_way_to_the_order(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_with(fan, (struct verdict){.class = VERDICT_NOT_SENT,
                                  .error = "could not connect"});
  obeyed_with_reason(w, silence_of(fan, HOUR_MS), "silenced by order 1");
}

static void a_doubt_stays_one_with_its_reason(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_with(fan,
            (struct verdict){.class = VERDICT_DOUBTFUL, .error = "timed out"});
  obeyed_with_reason(w, silence_of(fan, HOUR_MS), "timed out");
  ended(w, "heat on unknown");
}

static void a_doubt_of_a_crash_stays_one_with_its_reason(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  restart(w);
  obeyed_with_reason(w, silence_of(fan, HOUR_MS),
                     "it was in flight when the process ended");
  ended(w, "heat on unknown");
}

static void what_is_in_flight_is_left_and_remembered(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  ends(fan, VERDICT_ACCEPTED);
  passes(w, HOUR_MS);
  nothing_begins(w);
  ended(w, "heat on accepted");
}

static void what_fails_under_a_silence_is_not_retried(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  a_rule_is_silenced(fan, HOUR_MS);
  ends(fan, VERDICT_NOT_SENT);
  ended(w, "heat on cancelled");
  begins_after(fan, "on", HOUR_MS);
}

static void a_device_is_silenced_for_all_its_rules(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *dust = rule_for(w, "dust", "fan");
  struct control *lamp = rule_for(w, "heat", "lamp");
  failure(dust, "s", "slow");
  obeyed(w, silence_of_device(w, "fan", HOUR_MS));
  ended(w, "dust slow cancelled");
  is_hushed(heat, "s", SEVERITY_FAILURE, "on");
  failure(lamp, "s", "red");
  is_sent(lamp, "red");
  assert_true(lanes_is_silenced(w->lanes, &heat->policy, heat->device, w->now));
  assert_false(
      lanes_is_silenced(w->lanes, &lamp->policy, lamp->device, w->now));
  passes(w, HOUR_MS);
  assert_false(
      lanes_is_silenced(w->lanes, &heat->policy, heat->device, w->now));
  is_sent(dust, "slow");
  is_sent(heat, "on");
}

static void both_silences_of_a_slot_must_have_ended(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, 2 * HOUR_MS);
  obeyed(w, silence_of_device(w, "fan", HOUR_MS));
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  passes(w, HOUR_MS);
  is_hushed(fan, "rack2", SEVERITY_FAILURE, "on");
  nothing_begins(w);
  is_hushed(fan, "rack3", SEVERITY_FAILURE, "on");
  begins_after(fan, "on", HOUR_MS);
}

static void a_later_silence_takes_the_place_of_an_earlier_one(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  passes(w, 60000);
  a_rule_is_silenced(fan, 2 * HOUR_MS);
  begins_after(fan, "on", 2 * HOUR_MS);
}

static void a_silence_whose_end_is_past_ends_the_other(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct order *silence = silence_of(fan, HOUR_MS);
  obeyed(w, silence);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  passes(w, 60000);
  lanes_obey(w->lanes, silence_of(fan, 0), w->now);
  assert_true(silence->change.is_last);
  assert_int_equal(silence->wall_until_ms, w->now.wall_ms);
  commit(w);
  is_sent(fan, "on");
  refused(w, silence_of(fan, -1),
          "its end is past, and it ends no other "
          "silence");
}

static void it_lasts_as_long_as_was_said_whatever_the_clock_does(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  w->now.wall_ms += 10 * HOUR_MS;
  begins_after(fan, "on", HOUR_MS);
}

static void an_end_beyond_all_time_is_far_away(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct order *silence = silence_of(fan, 0);
  w->now.wall_ms = 0; /* the clock was never set */
  silence->wall_until_ms = INT64_MAX;
  obeyed(w, silence);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  nothing_begins(w);
}

/* The order waited for a process that began with a clock of its own. */
static void a_clock_that_was_not_set_makes_no_silence_longer(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct order *silence = silence_of(fan, HOUR_MS);
  silence->wall_given_ms = w->now.wall_ms;
  w->now.wall_ms = 60000;
  obeyed(w, silence);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  passes(w, HOUR_MS);
  is_sent(fan, "on");
}

static void
what_has_ended_is_not_in_force_again_by_a_clock_that_is_behind(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct order *silence = silence_of(fan, HOUR_MS);
  obeyed(w, silence);
  w->now.wall_ms -= HOUR_MS;
  passes(w, HOUR_MS);
  assert_null(lanes_begin(w->lanes, w->now));
  assert_true(silence->change.is_last);
  assert_int_equal(silence->wall_until_ms, w->now.wall_ms);
  commit(w);
}

static void a_silence_is_noted_until_it_ends(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct order *silence = silence_of(fan, HOUR_MS);
  obeyed(w, silence);
  assert_false(silence->change.is_last);
  lanes_note_all(w->lanes);
  assert_true(silence->change.is_noted);
  commit(w);
  passes(w, HOUR_MS);
  assert_null(lanes_begin(w->lanes, w->now));
  assert_true(silence->change.is_last);
  commit(w);
}

static void so_many_silences_are_in_force_at_most(void **state) {
  struct world *w = *state;
  char name[16];
  for (int i = 0; i < LANES_SILENCES_MAX; i++) {
    snprintf(name, sizeof name, "r%d", i);
    a_rule_is_silenced(rule_for(w, name, "fan"), HOUR_MS + i);
  }
  refused(w, silence_of(the_fan(state), HOUR_MS),
          "1000 silences are in force: end some first");
  obeyed(w, silence_of(rule_for(w, "r7", "fan"), 2 * HOUR_MS));
  passes(w, HOUR_MS);
  nothing_begins(w);
  obeyed(w, silence_of(the_fan(state), HOUR_MS));
}

static void a_silence_is_of_one_thing(void **state) {
  struct world *w = *state;
  struct order *both = silence_of(the_fan(state), HOUR_MS);
  both->device = device_called(w, "fan");
  refused(w, both, "a silence is of one device, or of one rule");
  struct order *none = silence_of(the_fan(state), HOUR_MS);
  none->policy = NULL;
  refused(w, none, "a silence is of one device, or of one rule");
}

/* ---- silences and what else slots do ---- */

static void events_that_are_not_states_are_owed_by_nobody(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.supersede = false;
  failure(fan, "rack1", "on");
  failure(fan, "rack1", "on again");
  a_rule_is_silenced(fan, HOUR_MS);
  ended(w, "heat on cancelled, heat on again cancelled");
  is_hushed(fan, "rack1", SEVERITY_OKAY, "off");
  passes(w, HOUR_MS);
  nothing_begins(w);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void an_okay_without_a_body_asks_for_nothing_to_silence(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  a_rule_is_silenced(fan, HOUR_MS);
  okay(fan, "rack1", NULL);
  passes(w, HOUR_MS);
  nothing_begins(w);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void a_first_okay_is_ignored_as_ever(void **state) {
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  assert_int_equal(take_okay(fan), IGNORED_FIRST_OKAY);
  fan->policy.first_okay = FIRST_OKAY_SEND;
  assert_int_equal(take_okay(fan), IGNORED_SILENCED);
  begins_after(fan, "off", HOUR_MS);
}

static void a_body_that_can_not_be_sent_is_refused_at_the_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  assert_int_equal(fire(fan, (struct fired){.series = "rack1",
                                            .severity = SEVERITY_FAILURE,
                                            .unsendable_bytes = 65536}),
                   IGNORED_SILENCED);
  ended(w, "");
  passes(w, HOUR_MS);
  nothing_begins(w);
  ended(w, "heat - refused");
}

static void a_series_that_falls_silent_is_asked_for_at_the_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.forget_after_s = 60;
  fire(fan, silent_failure("rack1"));
  is_sent(fan, "on");
  a_rule_is_silenced(fan, HOUR_MS);
  passes(w, 60000);
  nothing_begins(w);
  begins_after(fan, "off", HOUR_MS - 60000);
}

static void a_state_that_has_held_for_after_fires_at_the_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.after_s = 60;
  a_rule_is_silenced(fan, HOUR_MS);
  takes(fan, "rack1", SEVERITY_FAILURE, "on", IGNORED_WAITS);
  passes(w, 60000);
  nothing_begins(w);
  is_hushed(fan, "rack2", SEVERITY_FAILURE, "on");
  begins_after(fan, "on", HOUR_MS - 60000);
  ends(fan, VERDICT_ACCEPTED);
  okay(fan, "rack1", "off");
  okay(fan, "rack2", "off");
  is_sent(fan, "off");
}

static void after_goes_on_where_a_silence_ends(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.after_s = 60;
  a_rule_is_silenced(fan, 50000);
  passes(w, 20000);
  takes(fan, "rack1", SEVERITY_FAILURE, "on", IGNORED_WAITS);
  begins_after(fan, "on", 60000);
}

static void what_waits_for_after_owes_nothing_when_cancelled(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.after_s = 60;
  takes(fan, "rack1", SEVERITY_WARNING, "slow", IGNORED_WAITS);
  passes(w, 60000);
  begins(fan, "slow");
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, HOUR_MS);
  takes(fan, "rack1", SEVERITY_FAILURE, "on", IGNORED_WAITS);
  a_rule_is_silenced(fan, 30000);
  ended(w, "heat slow cancelled");
  begins_after(fan, "on", 60000);
}

static void what_until_takes_back_is_taken_back_at_the_end(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.until_s = 60;
  takes(fan, "rack1", SEVERITY_FAILURE, "on", IGNORED_NOT);
  is_sent(fan, "on");
  a_rule_is_silenced(fan, HOUR_MS);
  passes(w, 60000);
  nothing_begins(w);
  takes(fan, "rack1", SEVERITY_FAILURE, "on", IGNORED_TAKEN_BACK);
  begins_after(fan, "off", HOUR_MS - 60000);
  assert_true(fan->in_flight->takes_back);
  ends(fan, VERDICT_ACCEPTED);
  obeyed(w, retry_order(fan, 7, "on", OUTCOME_EXPIRED));
  begins(fan, "on");
  assert_false(fan->in_flight->takes_back);
}

static void a_value_within_the_deadband_is_not_asked_for(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.per_series = true;
  fan->policy.deadband = 1;
  value(fan, "rack1", 20);
  value(fan, "rack2", 20);
  is_sent(fan, "20");
  is_sent(fan, "20");
  a_rule_is_silenced(fan, HOUR_MS);
  for (int i = 1; i <= 2; i++) {
    const struct fired f = {.series = i == 1 ? "rack1" : "rack2",
                            .severity = SEVERITY_VALUE,
                            .body = i == 1 ? "20.5" : "21.5",
                            .has_value = true,
                            .value = i == 1 ? 20.5 : 21.5};
    assert_int_equal(fire(fan, f), IGNORED_SILENCED);
  }
  begins_after(fan, "21.5", HOUR_MS);
  ends(fan, VERDICT_ACCEPTED);
  nothing_begins(w);
}

static void a_cooldown_goes_on_after_the_end(void **state) {
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 60;
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  a_rule_is_silenced(fan, 20000);
  is_hushed(fan, "rack1", SEVERITY_OKAY, "off");
  begins_after(fan, "off", 60000);
}

static void what_is_owed_for_want_of_room_waits_for_the_end(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *dust = rule_for(w, "dust", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  w->options.queue_limit = 1;
  failure(smoke, "s", "stop");
  failure(heat, "s", "on");
  failure(dust, "s", "slow");
  ended(w, "heat on dropped, dust slow dropped");
  a_rule_is_silenced(heat, HOUR_MS);
  is_sent(smoke, "stop");
  is_sent(dust, "slow");
  begins_after(heat, "on", HOUR_MS);
}

static void slots_ask_in_the_order_in_which_they_came_to_owe(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *dust = rule_for(w, "dust", "fan");
  obeyed(w, silence_of_device(w, "fan", HOUR_MS));
  is_hushed(dust, "s", SEVERITY_FAILURE, "slow");
  is_hushed(heat, "s", SEVERITY_FAILURE, "on");
  is_hushed(dust, "s", SEVERITY_FAILURE, "slower");
  begins_after(dust, "slower", HOUR_MS);
  ends(dust, VERDICT_ACCEPTED);
  is_sent(heat, "on");
}

static void a_slot_that_is_silent_and_content_may_go(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_OKAY, "off");
  passes(w, 60000);
  assert_int_equal(trim(w, 1000), 0);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  okay(fan, "rack1", NULL);
  passes(w, 60000);
  assert_int_equal(trim(w, 1000), 1);
}

/* ---- silences and restarts ---- */

static void a_silence_survives_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  a_rule_is_silenced(fan, HOUR_MS);
  for (int i = 0; i < 2; i++) {
    passes(w, 60000);
    w->reads_silences_last = i == 1;
    restart(w);
    nothing_begins(w);
  }
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  begins_after(fan, "on", HOUR_MS - 120000);
}

static void
a_restart_does_not_change_what_a_silence_has_cancelled(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct order *silence = silence_of(fan, HOUR_MS);
  silence->count = 3; /* as the ledger says */
  assert_int_equal(lanes_restore_silence(world_lanes(w), silence, w->now), 0);
  assert_int_equal(silence->count, 3);
}

static void a_silence_that_ended_while_nobody_ran_is_followed_up(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  passes(w, HOUR_MS);
  restart(w);
  is_sent(fan, "on");
}

static void what_was_in_flight_at_a_crash_is_not_retried(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  for (int i = 0; i < 2; i++) {
    failure(fan, "rack1", "on");
    begins(fan, "on");
    a_rule_is_silenced(fan, HOUR_MS);
    w->reads_silences_last = i == 1;
    restart(w);
    nothing_begins(w);
    ended(w, "heat on unknown");
    begins_after(fan, "on", HOUR_MS);
    ends(fan, VERDICT_ACCEPTED);
    okay(fan, "rack1", "off");
    is_sent(fan, "off");
    ended(w, "heat on accepted, heat off accepted");
  }
}

static void
what_must_not_run_twice_is_not_asked_for_after_a_crash(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  for (int i = 0; i < 2; i++) {
    failure(fan, "rack1", "on");
    begins(fan, "on");
    a_rule_is_silenced(fan, HOUR_MS);
    w->reads_silences_last = i == 1;
    restart(w);
    passes(w, HOUR_MS);
    nothing_begins(w);
    ended(w, "heat on unknown");
  }
}

static void a_silence_that_is_read_late_ends_what_waits(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  is_hushed(fan, "rack1", SEVERITY_FAILURE, "on");
  restart_without_reading(w);
  passes(w, 60000);
  failure(fan, "rack2", "max");
  read_late(w);
  nothing_begins(w);
  ended(w, "heat max cancelled");
  begins_after(fan, "max", HOUR_MS - 60000);
}

/* ---- send ---- */

static void a_command_by_hand_is_sent_whatever_is_silenced(void **state) {
  struct world *w = *state;
  struct control *by_hand = rule_for(w, ORDER_RULE, "fan");
  obeyed(w, silence_of_device(w, "fan", HOUR_MS));
  obeyed(w, send_order(w, "fan", "reset"));
  begins(by_hand, "reset");
  assert_string_equal(by_hand->in_flight->series, "order 2");
  assert_string_equal(by_hand->in_flight->slot_key, ORDER_RULE "/fan");
  ends(by_hand, VERDICT_NOT_SENT);
  obeyed(w, silence_of_device(w, "fan", HOUR_MS));
  ended(w, "");
  begins_after(by_hand, "reset", 1000);
  ends(by_hand, VERDICT_ACCEPTED);
  ended(w, "onenetctl reset accepted");
}

static void commands_by_hand_go_in_order_and_each_is_sent(void **state) {
  struct world *w = *state;
  struct control *by_hand = rule_for(w, ORDER_RULE, "fan");
  struct order *first = send_order(w, "fan", "reset");
  obeyed(w, first);
  obeyed(w, send_order(w, "fan", "reset"));
  is_sent(by_hand, "reset");
  is_sent(by_hand, "reset");
  nothing_begins(w);
}

static void the_order_names_its_command(void **state) {
  struct world *w = *state;
  struct order *send = send_order(w, "fan", "reset");
  lanes_obey(world_lanes(w), send, w->now);
  assert_int_equal(send->result_id, 1);
  assert_true(send->change.is_last);
  commit(w);
}

static void other_slots_forget_what_their_device_accepted(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  obeyed(w, send_order(w, "fan", "reset"));
  is_sent(rule_for(w, ORDER_RULE, "fan"), "reset");
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void it_expires_as_it_says(void **state) {
  struct world *w = *state;
  struct control *by_hand = rule_for(w, ORDER_RULE, "fan");
  struct order *short_one = send_order(w, "fan", "reset");
  short_one->expire_s = 60;
  obeyed(w, short_one);
  begins(by_hand, "reset");
  ends_telling_to_wait(by_hand, VERDICT_NOT_EXECUTED, HOUR_MS);
  ended_after(w, "onenetctl reset expired", 60000);
  obeyed(w, send_order(w, "fan", "again"));
  begins(by_hand, "again");
  ends_telling_to_wait(by_hand, VERDICT_NOT_EXECUTED, HOUR_MS);
  ended_after(w, "onenetctl again expired", HOUR_MS);
}

static void one_without_end_waits_as_long_as_it_takes(void **state) {
  struct world *w = *state;
  struct control *by_hand = rule_for(w, ORDER_RULE, "fan");
  struct order *endless = send_order(w, "fan", "reset");
  endless->expire_s = 0;
  obeyed(w, endless);
  begins(by_hand, "reset");
  assert_true(by_hand->in_flight->deadline_ms == COMMAND_NEVER_MS);
}

static void its_slot_goes_with_it(void **state) {
  struct world *w = *state;
  struct control *by_hand = rule_for(w, ORDER_RULE, "fan");
  obeyed(w, send_order(w, "fan", "reset"));
  begins(by_hand, "reset");
  lanes_note_all(w->lanes);
  commit(w);
  assert_non_null(w->store.slots);
  ends(by_hand, VERDICT_ACCEPTED);
  assert_null(w->store.slots);
  assert_int_equal(lanes_held_bytes(w->lanes), 0);
}

static void it_survives_a_restart(void **state) {
  struct world *w = *state;
  struct control *by_hand = rule_for(w, ORDER_RULE, "fan");
  obeyed(w, send_order(w, "fan", "reset"));
  restart(w);
  begins(by_hand, "reset");
  restart(w);
  ended(w, "onenetctl reset unknown");
}

static void a_body_of_no_size_or_too_large_is_refused(void **state) {
  struct world *w = *state;
  static char large[65537];
  memset(large, 'x', sizeof large - 1);
  refused(w, send_order(w, "fan", ""), "a body of 0 bytes: must be 1..65535");
  refused(w, send_order(w, "fan", large),
          "a body of 65536 bytes: must be 1..65535");
  struct order *nowhere = send_order(w, "fan", "reset");
  nowhere->device = NULL;
  refused(w, nowhere, "it names no device");
  assert_int_equal(created_of(w, "fan"), 0);
}

static void where_the_queue_is_full_it_is_refused(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  w->options.queue_bytes = 10;
  failure(fan, "rack1", "on");
  refused(w, send_order(w, "fan", "nine char"),
          "the queue is full: see QueueLimit and QueueBytes");
  obeyed(w, send_order(w, "fan", "eight ch"));
  assert_int_equal(created_of(w, "fan"), 2);
}

/* ---- retry ---- */

static void what_waits_for_its_retry_is_due_now(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  int64_t id = waiting_after_a_failed_attempt(fan, "on");
  nothing_begins(w);
  obeyed(w, retry_order(fan, id, NULL, OUTCOME_COUNT));
  begins(fan, "on");
}

static void what_waits_for_its_turn_has_no_retry(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  refused(w, retry_order(fan, 1, NULL, OUTCOME_COUNT),
          "command 1 waits for its turn: no retry");
  begins(fan, "on");
  refused(w, retry_order(fan, 1, NULL, OUTCOME_COUNT),
          "command 1 is in flight");
}

static void a_finished_command_is_made_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_REFUSED);
  struct order *again = retry_order(fan, 1, "on", OUTCOME_REFUSED);
  lanes_obey(w->lanes, again, w->now);
  assert_int_equal(again->result_id, 2);
  commit(w);
  is_sent(fan, "on");
  ended(w, "heat on refused, heat on accepted");
}

static void what_an_order_names_is_told_though_it_was_superseded(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  const struct fired newer = {
      .series = "rack1", .severity = SEVERITY_FAILURE, .body = "max"};
  enum ignored ignored;
  lanes_obey(world_lanes(w), retry_order(fan, 7, "on", OUTCOME_EXPIRED),
             w->now);
  lanes_take(w->lanes, firing_of(fan, &newer), w->now, &ignored);
  commit(w);
  ended(w, "heat on superseded");
  assert_int_equal(w->fleeting, 0);
}

static void what_may_have_been_executed_needs_force(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  refused(w, retry_order(fan, 1, "on", OUTCOME_ACCEPTED),
          "command 1 ended as accepted: it may have been executed (--force "
          "sends it again)");
  refused(w, retry_order(fan, 1, "on", OUTCOME_UNKNOWN),
          "command 1 ended as unknown: it may have been executed (--force "
          "sends it again)");
  struct order *forced = retry_order(fan, 1, "on", OUTCOME_ACCEPTED);
  forced->is_forced = true;
  obeyed(w, forced);
  is_sent(fan, "on");
}

static void without_force_what_was_accepted_is_unchanged(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  ended(w, "heat on accepted");
  obeyed(w, retry_order(fan, 7, "on", OUTCOME_EXPIRED));
  nothing_begins(w);
  ended(w, "heat on unchanged");
}

static void what_has_a_newer_command_is_not_made_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  static const char newer[] =
      "rule \"heat\" has a newer command for the device: see pending";
  w->options.queue_limit = 1;
  failure(fan, "rack1", "on");
  refused(w, retry_order(fan, 7, "off", OUTCOME_EXPIRED), newer);
  begins(fan, "on");
  refused(w, retry_order(fan, 7, "off", OUTCOME_EXPIRED), newer);
  failure(rule_for(w, "dust", "fan"), "rack1", "slow");
  okay(fan, "rack1", "off");
  ended(w, "heat off dropped");
  ends(fan, VERDICT_ACCEPTED);
  refused(w, retry_order(fan, 7, "off", OUTCOME_EXPIRED), newer);
  is_sent(rule_for(w, "dust", "fan"), "slow");
  is_sent(fan, "off");
}

static void events_that_are_not_states_are_made_again_beside(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.supersede = false;
  failure(fan, "rack1", "on");
  obeyed(w, retry_order(fan, 7, "off", OUTCOME_EXPIRED));
  is_sent(fan, "on");
  is_sent(fan, "off");
}

static void what_is_silenced_is_not_made_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  a_rule_is_silenced(fan, HOUR_MS);
  refused(w, retry_order(fan, 7, "off", OUTCOME_EXPIRED),
          "it is silenced by order 1: end that first, or send the body by "
          "hand");
}

static void a_series_has_its_own_slot(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.per_series = true;
  refused(w, retry_order(fan, 7, "20", OUTCOME_EXPIRED),
          "the history does not have all of command 7");
  value(fan, "rack2", 21);
  struct order *again = retry_order(fan, 7, "20", OUTCOME_EXPIRED);
  again->series = strdup("rack1");
  obeyed(w, again);
  is_sent(fan, "21");
  begins(fan, "20");
  assert_string_equal(fan->in_flight->slot_key, "heat/fan/rack1");
}

static void what_is_not_known_is_not_made_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  refused(w, retry_order(fan, 7, NULL, OUTCOME_COUNT),
          "the history has no command 7");
  refused(w, retry_order(fan, 7, "on", OUTCOME_COUNT),
          "command 7 has ended meanwhile: see how");
  refused(w, retry_order(fan, 7, NULL, OUTCOME_REFUSED),
          "the history does not have all of command 7");
  struct order *gone = retry_order(fan, 7, "on", OUTCOME_REFUSED);
  gone->policy = NULL;
  refused(w, gone,
          "the rule or device of command 7 is not in the configuration any "
          "more");
}

/* ---- cancel ---- */

static void what_waits_is_called_off_and_not_asked_for_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  int64_t id = waiting_after_a_failed_attempt(fan, "on");
  obeyed_with_reason(w, cancel_order(w, id), "by order 1");
  passes(w, HOUR_MS);
  nothing_begins(w);
  ended(w, "heat on cancelled");
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
}

static void what_is_in_flight_can_not_be_called_back(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  refused(w, cancel_order(w, 1),
          "command 1 is in flight: it can not be called back");
  refused(w, cancel_order(w, 2), "no command 2 is pending");
  refused(w, order_of(w, ORDER_CANCEL),
          "it names neither a command nor a device");
}

static void all_that_waits_for_a_device_is_called_off(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *dust = rule_for(w, "dust", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  struct control *lamp = rule_for(w, "heat", "lamp");
  w->options.queue_limit = 3;
  failure(smoke, "s", "stop");
  begins(smoke, "stop");
  failure(heat, "s", "on");
  failure(lamp, "s", "red");
  obeyed(w, send_order(w, "fan", "reset"));
  failure(dust, "s", "slow");
  ended(w, "dust slow dropped");
  struct order *cancel = cancel_order(w, 0);
  cancel->device = heat->device;
  lanes_obey(w->lanes, cancel, w->now);
  assert_int_equal(cancel->state, ORDER_OBEYED);
  assert_int_equal(cancel->count, 2);
  assert_string_equal(cancel->why,
                      "command 1 is in flight: it can not be called back");
  commit(w);
  ended(w, "heat on cancelled, onenetctl reset cancelled");
  is_sent(lamp, "red");
  ends(smoke, VERDICT_ACCEPTED);
  nothing_begins(w);
}

static void
what_is_older_than_what_was_called_off_is_not_retried(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  for (int by_device = 0; by_device < 2; by_device++) {
    failure(fan, "rack1", "on");
    begins(fan, "on");
    int64_t id = fan->in_flight->id;
    okay(fan, "rack1", "off");
    struct order *cancel = cancel_order(w, by_device ? 0 : id + 1);
    cancel->device = by_device ? fan->device : NULL;
    obeyed(w, cancel);
    ended(w, "heat off cancelled");
    ends(fan, VERDICT_NOT_SENT);
    ended(w, "heat on superseded");
    passes(w, HOUR_MS);
    nothing_begins(w);
  }
}

static void
what_is_not_a_state_is_retried_though_another_is_called_off(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.supersede = false;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  okay(fan, "rack1", "off");
  obeyed(w, cancel_order(w, 2));
  ends(fan, VERDICT_NOT_SENT);
  begins_after(fan, "on", 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(a_silenced_state_is_asked_for_once_at_the_end),
      SITUATION(what_the_device_has_accepted_is_not_asked_for_at_the_end),
      SITUATION(what_waits_is_cancelled_and_asked_for_at_the_end),
      SITUATION(a_reason_of_an_attempt_gives_way_to_the_order),
      SITUATION(a_doubt_stays_one_with_its_reason),
      SITUATION(a_doubt_of_a_crash_stays_one_with_its_reason),
      SITUATION(what_is_in_flight_is_left_and_remembered),
      SITUATION(what_fails_under_a_silence_is_not_retried),
      SITUATION(a_device_is_silenced_for_all_its_rules),
      SITUATION(both_silences_of_a_slot_must_have_ended),
      SITUATION(a_later_silence_takes_the_place_of_an_earlier_one),
      SITUATION(a_silence_whose_end_is_past_ends_the_other),
      SITUATION(it_lasts_as_long_as_was_said_whatever_the_clock_does),
      SITUATION(an_end_beyond_all_time_is_far_away),
      SITUATION(a_clock_that_was_not_set_makes_no_silence_longer),
      SITUATION(what_has_ended_is_not_in_force_again_by_a_clock_that_is_behind),
      SITUATION(a_silence_is_noted_until_it_ends),
      SITUATION(so_many_silences_are_in_force_at_most),
      SITUATION(a_silence_is_of_one_thing),
      SITUATION(events_that_are_not_states_are_owed_by_nobody),
      SITUATION(an_okay_without_a_body_asks_for_nothing_to_silence),
      SITUATION(a_first_okay_is_ignored_as_ever),
      SITUATION(a_body_that_can_not_be_sent_is_refused_at_the_end),
      SITUATION(a_series_that_falls_silent_is_asked_for_at_the_end),
      SITUATION(a_state_that_has_held_for_after_fires_at_the_end),
      SITUATION(after_goes_on_where_a_silence_ends),
      SITUATION(what_waits_for_after_owes_nothing_when_cancelled),
      SITUATION(what_until_takes_back_is_taken_back_at_the_end),
      SITUATION(a_value_within_the_deadband_is_not_asked_for),
      SITUATION(a_cooldown_goes_on_after_the_end),
      SITUATION(what_is_owed_for_want_of_room_waits_for_the_end),
      SITUATION(slots_ask_in_the_order_in_which_they_came_to_owe),
      SITUATION(a_slot_that_is_silent_and_content_may_go),
      SITUATION(a_silence_survives_a_restart),
      SITUATION(a_restart_does_not_change_what_a_silence_has_cancelled),
      SITUATION(a_silence_that_ended_while_nobody_ran_is_followed_up),
      SITUATION(what_was_in_flight_at_a_crash_is_not_retried),
      SITUATION(what_must_not_run_twice_is_not_asked_for_after_a_crash),
      SITUATION(a_silence_that_is_read_late_ends_what_waits),
      SITUATION(a_command_by_hand_is_sent_whatever_is_silenced),
      SITUATION(commands_by_hand_go_in_order_and_each_is_sent),
      SITUATION(the_order_names_its_command),
      SITUATION(other_slots_forget_what_their_device_accepted),
      SITUATION(it_expires_as_it_says),
      SITUATION(one_without_end_waits_as_long_as_it_takes),
      SITUATION(its_slot_goes_with_it),
      SITUATION(it_survives_a_restart),
      SITUATION(a_body_of_no_size_or_too_large_is_refused),
      SITUATION(where_the_queue_is_full_it_is_refused),
      SITUATION(what_waits_for_its_retry_is_due_now),
      SITUATION(what_waits_for_its_turn_has_no_retry),
      SITUATION(a_finished_command_is_made_again),
      SITUATION(what_an_order_names_is_told_though_it_was_superseded),
      SITUATION(what_may_have_been_executed_needs_force),
      SITUATION(without_force_what_was_accepted_is_unchanged),
      SITUATION(what_has_a_newer_command_is_not_made_again),
      SITUATION(events_that_are_not_states_are_made_again_beside),
      SITUATION(what_is_silenced_is_not_made_again),
      SITUATION(a_series_has_its_own_slot),
      SITUATION(what_is_not_known_is_not_made_again),
      SITUATION(what_waits_is_called_off_and_not_asked_for_again),
      SITUATION(what_is_in_flight_can_not_be_called_back),
      SITUATION(all_that_waits_for_a_device_is_called_off),
      SITUATION(what_is_older_than_what_was_called_off_is_not_retried),
      SITUATION(what_is_not_a_state_is_retried_though_another_is_called_off),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
