/* SPDX-License-Identifier: MIT
 *
 * Which events are taken: those at a start, late and doubled ones, sentence by
 * sentence.
 */
#include "lanes_harness.h"

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

/* ---- an OKAY that names another data source than its rule ---- */

static const struct fired okay_of_another_source = {.series = "rack1",
                                                    .severity = SEVERITY_OKAY,
                                                    .body = "off",
                                                    .is_other_source = true};

static void an_okay_of_another_data_source_ends_a_failure(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  restart(w);
  assert_int_equal(fire(fan, okay_of_another_source), IGNORED_NOT);
  is_sent(fan, "off");
}

static void
an_okay_of_another_data_source_needs_a_state_of_its_series(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.first_okay = FIRST_OKAY_SEND;
  assert_int_equal(fire(fan, okay_of_another_source), IGNORED_UNMATCHED);
  failure(fan, "rack2", "on");
  is_sent(fan, "on");
  assert_int_equal(fire(fan, okay_of_another_source), IGNORED_UNMATCHED);
  nothing_begins(w);
  assert_int_equal(created_of(w, "fan"), 1);
}

static void that_it_needs_one_is_not_told_where_it_fired_a_rule(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct firing *f = firing_of(fan, &okay_of_another_source);
  enum ignored ignored;
  f->is_unmatched = false;
  assert_int_equal(lanes_take(world_lanes(w), f, w->now, &ignored), 0);
  assert_int_equal(ignored, IGNORED_UNTOLD);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(the_first_okay_is_ignored_unless_nothing_can_be_known),
      SITUATION(an_okay_is_acted_on_if_the_last_command_was_not_accepted),
      SITUATION(states_survive_a_restart),
      SITUATION(an_event_that_is_late_changes_nothing),
      SITUATION(an_event_that_is_doubled_changes_nothing),
      SITUATION(after_5_s_the_order_of_arrival_decides),
      SITUATION(series_do_not_make_each_other_late),
      SITUATION(an_okay_of_another_data_source_ends_a_failure),
      SITUATION(an_okay_of_another_data_source_needs_a_state_of_its_series),
      SITUATION(that_it_needs_one_is_not_told_where_it_fired_a_rule),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
