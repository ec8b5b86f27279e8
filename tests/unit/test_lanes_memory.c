/* SPDX-License-Identifier: MIT
 *
 * A state that comes while there is not enough memory: whatever can not be had,
 * its device gets it once there is memory again.
 */
#include "lanes_harness.h"

#include "delivery/lanes_state.h"
#include "scarce_memory.h"

#include <errno.h>

static bool has_until; /* and no ForgetAfter */

static struct control *a_running_fan(struct world *w) {
  struct control *fan = rule_for(w, "heat", "fan");
  fan->policy.forget_after_s = has_until ? 0 : 60;
  fan->policy.until_s = has_until ? 60 : 0;
  fire(fan, silent_failure("rack1"));
  is_sent(fan, "on");
  return fan;
}

static bool is_enough; /* all went well, as with any memory */

/* ---- what happens while only so many pieces of memory can be had ---- */

static void its_okay_comes(struct control *fan, long pieces) {
  struct world *w = fan->world;
  const struct fired okay = {
      .series = "rack1", .severity = SEVERITY_OKAY, .body = "off"};
  struct firing *f = firing_of(fan, &okay);
  enum ignored ignored;
  scarce_memory_begin(pieces);
  int status = lanes_take(world_lanes(w), f, w->now, &ignored);
  scarce_memory_end();
  assert_int_equal(ignored, IGNORED_NOT);
  if (status == -EAGAIN)
    status = lanes_take(world_lanes(w), f, w->now, &ignored);
  else if (status == 0)
    is_enough = true;
  assert_true(status == 0 || status == -ENOMEM);
}

static void a_minute_passes(struct control *fan, long pieces) {
  struct world *w = fan->world;
  passes(w, 60000);
  scarce_memory_begin(pieces);
  fan->in_flight = lanes_begin(world_lanes(w), w->now);
  scarce_memory_end();
  is_enough = outcomes_of(w, "fan", OUTCOME_DROPPED) == 0;
}

static void an_order_is_given(struct control *fan, struct order *o,
                              long pieces) {
  struct lanes *l = fan->world->lanes;
  okay(fan, "rack1", "off");
  size_t slots = l->slots.count;
  scarce_memory_begin(pieces);
  lanes_obey(l, o, fan->world->now);
  scarce_memory_end();
  is_enough = o->state == ORDER_OBEYED;
  if (is_enough)
    return;
  assert_string_equal(o->why, "there is no memory for it");
  assert_int_equal(l->slots.count, slots);
}

static void it_is_silenced(struct control *fan, long pieces) {
  an_order_is_given(fan, silence_of(fan, 3600000), pieces);
}

static void it_is_sent_by_hand(struct control *fan, long pieces) {
  an_order_is_given(fan, send_order(fan->world, "fan", "reset"), pieces);
}

static void all_is_called_off(struct control *fan, long pieces) {
  struct order *o = cancel_order(fan->world, 0);
  o->device = fan->device;
  an_order_is_given(fan, o, pieces);
}

/* ---- what comes of it ---- */

/* Where there was no memory for an attempt, it waits for a second. */
static void goes_off(struct control *fan) {
  passes(fan->world, 1000);
  if (fan->in_flight == NULL)
    begins(fan, "off");
  ends(fan, VERDICT_ACCEPTED);
  nothing_begins(fan->world);
}

static void goes_off_after_a_restart(struct control *fan) {
  restart(fan->world);
  goes_off(fan);
}

static void goes_off_at_the_end(struct control *fan) {
  begins_after(fan, "off", is_enough ? 3600000 : 0);
}

static void goes_off_and_has_what_was_sent(struct control *fan) {
  is_sent(fan, "off");
  if (is_enough)
    is_sent(rule_for(fan->world, ORDER_RULE, "fan"), "reset");
  nothing_begins(fan->world);
}

static void goes_off_unless_called_off(struct control *fan) {
  if (!is_enough)
    is_sent(fan, "off");
  nothing_begins(fan->world);
}

/* Tries it with no memory at all, and then with a piece more each time, until
 * that is enough. */
static void try_all(void (*happens)(struct control *fan, long pieces),
                    void (*follows)(struct control *fan)) {
  long pieces = 0;
  for (is_enough = false; !is_enough; pieces++) {
    struct world *w = world_new();
    struct control *fan = a_running_fan(w);
    happens(fan, pieces);
    commit(w);
    follows(fan);
    world_free(w);
  }
  assert_true(pieces > 1);
}

static void an_okay_without_memory_is_asked_for_again(void **state) {
  (void)state;
  try_all(its_okay_comes, goes_off);
}

static void an_okay_without_memory_survives_a_restart(void **state) {
  (void)state;
  try_all(its_okay_comes, goes_off_after_a_restart);
}

static void a_silence_without_memory_is_asked_for_again(void **state) {
  (void)state;
  try_all(a_minute_passes, goes_off);
}

static void a_taking_back_without_memory_is_asked_for_again(void **state) {
  (void)state;
  has_until = true;
  try_all(a_minute_passes, goes_off);
  try_all(its_okay_comes, goes_off);
}

static void
an_order_without_memory_is_refused_and_changes_nothing(void **state) {
  (void)state;
  has_until = false;
  try_all(it_is_silenced, goes_off_at_the_end);
  try_all(it_is_sent_by_hand, goes_off_and_has_what_was_sent);
  try_all(all_is_called_off, goes_off_unless_called_off);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_okay_without_memory_is_asked_for_again),
      cmocka_unit_test(an_okay_without_memory_survives_a_restart),
      cmocka_unit_test(a_silence_without_memory_is_asked_for_again),
      cmocka_unit_test(a_taking_back_without_memory_is_asked_for_again),
      cmocka_unit_test(an_order_without_memory_is_refused_and_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
