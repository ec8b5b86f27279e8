/* SPDX-License-Identifier: MIT
 *
 * What a restart leaves of commands and slots, what is trimmed, and what must
 * never happen.
 */
#include "lanes_harness.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- restoring ---- */

static void what_had_not_begun_is_due_after_a_restart(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  failure(heat, "s", "on");
  failure(smoke, "s", "stop");
  restart(w);
  assert_int_equal(lanes_waiting(w->lanes), 2);
  is_sent(heat, "on");
  is_sent(smoke, "stop");
}

/* After a reboot, what was restored is from before the monotonic clock's 0. */
static void what_is_older_than_the_clock_expires_in_time(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  world_lanes(w);
  w->now.ms = -3000000;
  failure(fan, "rack1", "on");
  passes(w, 3600000);
  nothing_begins(w);
  ended(w, "heat on expired");
}

static void what_was_in_flight_is_unknown_after_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  restart(w);
  nothing_begins(w);
  ended(w, "heat on unknown");
  assert_int_equal(outcomes_of(w, "fan", OUTCOME_UNKNOWN), 1);
}

static void what_was_in_flight_is_due_again_if_it_may_run_twice(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  passes(w, 5000);
  restart(w);
  begins(fan, "on");
  assert_int_equal(fan->in_flight->attempts, 2);
  ends(fan, VERDICT_REFUSED);
  ended(w, "heat on unknown");
  okay(fan, "rack1", "off");
  begins_after(fan, "off", 25000);
}

/* ---- a record that is read late ---- */

static void what_waited_goes_on_once_it_can_be_read(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  restart_without_reading(w);
  nothing_begins(w);
  read_late(w);
  is_sent(fan, "on");
  assert_int_equal(created_of(w, "fan"), 1);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
}

static void what_expired_before_it_could_be_read_is_not_sent(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 60;
  failure(fan, "rack1", "on");
  restart_without_reading(w);
  passes(w, 61000);
  read_late(w);
  nothing_begins(w);
  ended(w, "heat on expired");
}

static void a_newer_state_takes_the_place_of_what_is_read_late(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  restart_without_reading(w);
  okay(fan, "rack1", "off");
  read_late(w);
  ended(w, "heat on superseded");
  is_sent(fan, "off");
  nothing_begins(w);
  assert_int_equal(created_of(w, "fan"), 2);
}

static void what_a_newer_state_has_sent_is_not_undone(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  restart_without_reading(w);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
  read_late(w);
  nothing_begins(w);
  ended(w, "heat off accepted, heat on superseded");
}

static void doubt_that_is_read_late_stays_doubt(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  restart_without_reading(w);
  okay(fan, "rack1", "off");
  read_late(w);
  ended(w, "heat on unknown");
  is_sent(fan, "off");
}

static void
what_was_sent_since_holds_back_for_its_whole_cooldown(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  restart_without_reading(w);
  passes(w, 100000);
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
  read_late(w);
  failure(fan, "rack1", "on");
  passes(w, 29999);
  nothing_begins(w);
  passes(w, 1);
  is_sent(fan, "on");
}

static void every_command_of_a_rule_without_supersede_is_sent(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.supersede = false;
  failure(fan, "rack1", "on");
  restart_without_reading(w);
  okay(fan, "rack1", "off");
  read_late(w);
  is_sent(fan, "off");
  is_sent(fan, "on");
}

/* The rack that nobody heard of since is still too hot. */
static void a_worse_series_that_is_read_late_is_heard(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  restart_without_reading(w);
  okay(fan, "rack2", "off");
  is_sent(fan, "off");
  read_late(w);
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
}

static void a_better_series_that_is_read_late_changes_nothing(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  okay(fan, "rack1", "off");
  restart_without_reading(w);
  failure(fan, "rack2", "on");
  is_sent(fan, "on");
  read_late(w);
  nothing_begins(w);
}

/* Both racks are too hot: the one that fired last says what is sent. */
static void of_two_series_the_one_that_came_later_speaks(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "level 1");
  restart_without_reading(w);
  passes(w, 1);
  failure(fan, "rack2", "level 2");
  is_sent(fan, "level 2");
  read_late(w);
  nothing_begins(w);
  okay(fan, "rack2", "off");
  is_sent(fan, "level 1");
}

/* The series that decides is no longer the youngest among the idle ones. */
static void a_slot_with_a_late_series_goes_as_a_whole(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
  restart_without_reading(w);
  passes(w, 1);
  okay(fan, "rack2", "off");
  is_sent(fan, "off");
  read_late(w);
  passes(w, 100000);
  assert_int_equal(trim(w, 50000), 1);
  assert_int_equal(lanes_series_count(w->lanes), 0);
}

/* What a device accepted last is still known if it was asked for nothing since.
 */
static void what_was_accepted_before_is_remembered(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  restart_without_reading(w);
  read_late(w);
  failure(fan, "rack1", "on");
  nothing_begins(w);
  ended(w, "heat on accepted, heat on unchanged");
}

/* ---- doubt ---- */

static void
what_waits_after_doubt_is_unknown_if_it_may_not_run_twice_now(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_DOUBTFUL);
  fan->policy.retry_unknown = false;
  restart(w);
  ended(w, "heat on unknown");
}

static void
what_was_in_flight_is_not_due_again_if_nothing_is_asked(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  okay(fan, "rack1", NULL);
  restart(w);
  ended(w, "heat on unknown");
}

static void a_newer_command_supersedes_what_was_in_flight(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  okay(fan, "rack1", "off");
  restart(w);
  ended(w, "heat on unknown");
  is_sent(fan, "off");
}

static void note_why(void *context, const struct world *w) {
  for (struct change *i = w->journal.first; i != NULL; i = i->next) {
    struct command *c = journal_command(i);
    if (c != NULL && c->state == COMMAND_FINISHED)
      snprintf(context, ENDED_BYTES, "%s", command_why(c));
  }
}

static void that_it_was_in_flight_stays_the_reason(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  char why[ENDED_BYTES] = "";
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  restart(w);
  w->observe = note_why;
  w->observe_context = why;
  okay(fan, "rack1", "off");
  assert_string_equal(why, "it was in flight when the process ended");
}

static void of_two_that_wait_in_a_slot_the_newer_is_left(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.supersede = false;
  failure(fan, "rack1", "on");
  okay(fan, "rack1", "off");
  fan->policy.supersede = true;
  restart(w);
  ended(w, "heat on superseded");
  assert_int_equal(w->fleeting, 0); /* it has a record */
  is_sent(fan, "off");
}

static void waits_and_attempts_survive_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 100;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 50000);
  passes(w, 20000);
  restart(w);
  begins_after(fan, "on", 30000);
  assert_int_equal(fan->in_flight->attempts, 2);
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 90000);
  restart(w);
  ended_after(w, "heat on expired", 50000);
}

static void what_expired_while_nothing_ran_is_expired(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  commit(w);
  passes(w, 3600000);
  restart(w);
  nothing_begins(w);
  ended(w, "heat on expired");
}

static void totals_and_ids_go_on_after_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  begins(fan, "off");
  int64_t id = fan->in_flight->id;
  restart(w);
  assert_int_equal(created_of(w, "fan"), 2);
  assert_int_equal(outcomes_of(w, "fan", OUTCOME_ACCEPTED), 1);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  assert_true(fan->in_flight->id > id);
}

/* Keeps which kinds of things changed in the last commit, as bits. */
static void note_kinds(void *context, const struct world *w) {
  unsigned int *kinds = context;
  *kinds = 0;
  for (struct change *c = w->journal.first; c != NULL; c = c->next)
    *kinds |= 1U << c->kind;
}

#define COMMAND (1U << CHANGE_COMMAND)
#define SLOT (1U << CHANGE_SLOT)
#define SERIES (1U << CHANGE_SERIES)
#define ACCOUNT (1U << CHANGE_ACCOUNT)

static void only_what_changes_is_recorded(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  unsigned int kinds = 0;
  w->observe = note_kinds;
  w->observe_context = &kinds;
  failure(fan, "rack1", "on");
  assert_int_equal(kinds, COMMAND | SLOT | SERIES | ACCOUNT);
  begins(fan, "on");
  assert_int_equal(kinds, COMMAND);
  ends(fan, VERDICT_NOT_SENT);
  assert_int_equal(kinds, COMMAND | SLOT | ACCOUNT);
  failure(fan, "rack1", "off");
  assert_int_equal(kinds, COMMAND | SERIES | ACCOUNT);
}

static void a_restart_changes_nothing_of_what_waits(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  unsigned int kinds = 0;
  failure(fan, "rack1", "on");
  w->observe = note_kinds;
  w->observe_context = &kinds;
  restart(w);
  assert_int_equal(kinds, ACCOUNT);
  w->now.wall_ms += 5000;
  restart(w);
  assert_int_equal(kinds, COMMAND | ACCOUNT);
}

static void a_slot_that_owes_is_recorded_as_such(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct control *pump = rule_for(w, "heat", "pump");
  unsigned int kinds = 0;
  w->options.queue_limit = 1;
  failure(fan, "rack1", "on");
  failure(pump, "rack1", "on");
  failure(pump, "rack1", "more");
  is_sent(fan, "on");
  w->observe = note_kinds;
  w->observe_context = &kinds;
  okay(pump, "rack1", "off");
  assert_int_equal(kinds, COMMAND | SLOT | SERIES | ACCOUNT);
}

static void silence_is_watched_after_a_restart(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.forget_after_s = 600;
  fire(fan, silent_failure("rack1"));
  is_sent(fan, "on");
  passes(w, 100000);
  restart(w);
  begins_after(fan, "off", 500000);
}

static size_t count_noted(const struct world *w, enum change_kind kind) {
  size_t count = 0;
  for (const struct change *c = w->journal.first; c != NULL; c = c->next)
    count += c->kind == kind;
  return count;
}

static void all_can_be_noted_as_changed(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  struct control *lamp = rule_for(w, "light", "lamp");
  failure(fan, "rack1", "on");
  begins(fan, "on");
  failure(lamp, "rack1", "on");
  assert_null(w->journal.first);
  lanes_note_all(w->lanes);
  assert_int_equal(count_noted(w, CHANGE_COMMAND), 2);
  assert_int_equal(count_noted(w, CHANGE_SLOT), 2);
  assert_int_equal(count_noted(w, CHANGE_SERIES), 2);
  assert_int_equal(count_noted(w, CHANGE_ACCOUNT), 2);
  lanes_note_all(w->lanes);
  assert_int_equal(count_noted(w, CHANGE_COMMAND), 2);
}

/* ---- trimming ---- */

static void a_slot_at_rest_and_silent_is_removed(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  okay(fan, "rack1", "off");
  is_sent(fan, "off");
  passes(w, 1000);
  assert_int_equal(trim(w, 1000), 0);
  passes(w, 1);
  assert_int_equal(trim(w, 1000), 1);
  assert_int_equal(take_okay(fan), IGNORED_FIRST_OKAY);
}

static void a_slot_that_is_not_at_rest_is_kept(void **state) {
  struct world *w = *state;
  struct control *fails = rule_for(w, "fails", "fan");
  struct control *warns = rule_for(w, "warns", "fan");
  struct control *waits = rule_for(w, "waits", "lamp");
  struct control *cools = rule_for(w, "cools", "pump");
  failure(fails, "s", "on");
  is_sent(fails, "on");
  warning(warns, "s", "slow");
  is_sent(warns, "slow");
  cools->policy.cooldown_s = 1000;
  failure(cools, "s", "on");
  is_sent(cools, "on");
  okay(cools, "s", NULL);
  failure(waits, "s", "on");
  is_sent(waits, "on");
  okay(waits, "s", "off");
  passes(w, 999999);
  assert_int_equal(trim(w, 0), 0);
  passes(w, 1);
  assert_int_equal(trim(w, 0), 1);
}

static void a_slot_whose_last_command_was_not_accepted_is_kept(void **state) {
  struct world *w = *state;
  struct control *refused = rule_for(w, "refused", "fan");
  struct control *expires = rule_for(w, "expires", "lamp");
  struct control *silent = rule_for(w, "silent", "pump");
  failure(refused, "rack1", "on");
  is_sent(refused, "on");
  okay(refused, "rack1", "off");
  begins(refused, "off");
  ends(refused, VERDICT_REFUSED);
  failure(expires, "rack1", "on");
  is_sent(expires, "on");
  failure(silent, "rack1", "on");
  begins(silent, "on");
  ends(silent, VERDICT_REFUSED);
  okay(silent, "rack1", NULL);
  okay(expires, "rack1", "off");
  passes(w, 3600000);
  lanes_expire(w->lanes, w->now);
  commit(w);
  assert_int_equal(trim(w, 1000), 1); /* that asks for nothing */
  restart(w);
  assert_int_equal(trim(w, 1000), 0);
  assert_int_equal(take_okay(refused), IGNORED_NOT);
  is_sent(refused, "off");
  assert_int_equal(take_okay(expires), IGNORED_NOT);
  is_sent(expires, "off");
  passes(w, 2000);
  assert_int_equal(trim(w, 1000), 2);
}

static void
what_another_slot_made_void_was_accepted_all_the_same(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  struct control *smoke = rule_for(w, "smoke", "fan");
  heat->policy.first_okay = smoke->policy.first_okay = FIRST_OKAY_SEND;
  okay(heat, "s", "off");
  is_sent(heat, "off");
  okay(smoke, "s", "open");
  is_sent(smoke, "open");
  passes(w, 1);
  assert_int_equal(trim(w, 0), 2);
}

static void a_value_within_the_deadband_was_accepted(void **state) {
  struct world *w = *state;
  struct control *show = rule_for(w, "show", "display");
  show->policy.deadband = 1;
  value(show, "s", 20);
  is_sent(show, "20");
  value(show, "s", 20.5);
  nothing_begins(w);
  passes(w, 1);
  assert_int_equal(trim(w, 0), 1);
}

static void a_silent_slot_of_values_is_removed_with_its_series(void **state) {
  struct world *w = *state;
  struct control *show = rule_for(w, "show", "display");
  show->policy.per_series = true;
  show->policy.forget_after_s = 600;
  value(show, "s", 20);
  is_sent(show, "20");
  passes(w, 300000);
  assert_int_equal(trim(w, 1000), 1);
  ended(w, "show 20 accepted");
  passes(w, 300000);
  nothing_begins(w);
}

/* ---- what must never happen ---- */

static void end_of(struct control *at, struct command *c) {
  const struct verdict v = {.class = VERDICT_ACCEPTED};
  lanes_end(at->world->lanes, c, &v, at->world->now);
}

static void aborts(struct control *at, struct command *c) {
  int status;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    end_of(at, c);
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void ending_what_is_not_in_flight_aborts(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  struct command *c = fan->in_flight;
  ends(fan, VERDICT_NOT_SENT);
  aborts(fan, c); /* it waits */
  passes(w, 1000);
  assert_ptr_equal(lanes_begin(w->lanes, w->now), c);
  end_of(fan, c);
  aborts(fan, c); /* it is finished */
}

static void lanes_with_nothing_in_them_wait_for_ever(void **state) {
  struct world *w = *state;
  nothing_begins(w);
  assert_int_equal(lanes_wait_ms(w->lanes, w->now), COMMAND_NEVER_MS);
  lanes_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(what_had_not_begun_is_due_after_a_restart),
      SITUATION(what_is_older_than_the_clock_expires_in_time),
      SITUATION(what_was_in_flight_is_unknown_after_a_restart),
      SITUATION(what_was_in_flight_is_due_again_if_it_may_run_twice),
      SITUATION(what_waited_goes_on_once_it_can_be_read),
      SITUATION(what_expired_before_it_could_be_read_is_not_sent),
      SITUATION(a_newer_state_takes_the_place_of_what_is_read_late),
      SITUATION(what_a_newer_state_has_sent_is_not_undone),
      SITUATION(doubt_that_is_read_late_stays_doubt),
      SITUATION(what_was_sent_since_holds_back_for_its_whole_cooldown),
      SITUATION(every_command_of_a_rule_without_supersede_is_sent),
      SITUATION(a_worse_series_that_is_read_late_is_heard),
      SITUATION(a_better_series_that_is_read_late_changes_nothing),
      SITUATION(of_two_series_the_one_that_came_later_speaks),
      SITUATION(a_slot_with_a_late_series_goes_as_a_whole),
      SITUATION(what_was_accepted_before_is_remembered),
      SITUATION(what_waits_after_doubt_is_unknown_if_it_may_not_run_twice_now),
      SITUATION(what_was_in_flight_is_not_due_again_if_nothing_is_asked),
      SITUATION(that_it_was_in_flight_stays_the_reason),
      SITUATION(a_newer_command_supersedes_what_was_in_flight),
      SITUATION(of_two_that_wait_in_a_slot_the_newer_is_left),
      SITUATION(waits_and_attempts_survive_a_restart),
      SITUATION(what_expired_while_nothing_ran_is_expired),
      SITUATION(totals_and_ids_go_on_after_a_restart),
      SITUATION(only_what_changes_is_recorded),
      SITUATION(a_restart_changes_nothing_of_what_waits),
      SITUATION(a_slot_that_owes_is_recorded_as_such),
      SITUATION(silence_is_watched_after_a_restart),
      SITUATION(all_can_be_noted_as_changed),
      SITUATION(a_slot_at_rest_and_silent_is_removed),
      SITUATION(a_slot_that_is_not_at_rest_is_kept),
      SITUATION(a_slot_whose_last_command_was_not_accepted_is_kept),
      SITUATION(what_another_slot_made_void_was_accepted_all_the_same),
      SITUATION(a_value_within_the_deadband_was_accepted),
      SITUATION(a_silent_slot_of_values_is_removed_with_its_series),
      SITUATION(ending_what_is_not_in_flight_aborts),
      SITUATION(lanes_with_nothing_in_them_wait_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
