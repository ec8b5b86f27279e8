/* SPDX-License-Identifier: MIT
 *
 * What comes of a command that is sent: limits, the breaker, what answers do,
 * credentials, deadlines, sentence by sentence.
 */
#include "lanes_harness.h"

#include <stdio.h>
#include <string.h>

/* ---- limits ---- */

static void the_rate_of_an_endpoint_delays(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  struct control *c = rule_for(w, "c", "pump");
  endpoint_called(w, "cloud")->rate = (struct rate_limit){2, 10};
  failure(a, "s", "on");
  is_sent(a, "on");
  passes(w, 4000);
  failure(b, "s", "on");
  failure(c, "s", "on");
  is_sent(b, "on");
  begins_after(c, "on", 6000);
}

static void the_rate_of_a_device_delays_only_that(void **state) {
  struct world *w = *state;
  struct control *slow = rule_for(w, "slow", "fan");
  struct control *fast = rule_for(w, "fast", "lamp");
  slow->device->rate = (struct rate_limit){1, 10};
  failure(slow, "s", "on");
  is_sent(slow, "on");
  okay(slow, "s", "off");
  failure(fast, "s", "on");
  is_sent(fast, "on");
  begins_after(slow, "off", 10000);
}

static void the_default_rate_is_250_in_a_second(void **state) {
  struct world *w = *state;
  struct control *bell = rule_for(w, "ring", "bell");
  bell->policy.repeat_s = 0;
  for (int i = 0; i < 250; i++) {
    failure(bell, "s", "ding");
    is_sent(bell, "ding");
  }
  failure(bell, "s", "ding");
  begins_after(bell, "ding", 1000);
}

static void beyond_the_queue_limit_a_command_is_dropped(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  w->options.queue_limit = 1;
  failure(a, "s", "on");
  failure(b, "s", "on");
  ended(w, "b on dropped");
  okay(a, "s", "off"); /* supersedes: always admitted */
  ended(w, "a on superseded");
  begins(a, "off");
  failure(b, "s", "on"); /* what is in flight does not wait */
  is_sent(b, "on");
}

static void beyond_the_queue_bytes_a_command_is_dropped(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  w->options.queue_bytes = 10;
  failure(a, "s", "12345678");
  failure(b, "s", "123");
  ended(w, "b 123 dropped");
  failure(b, "s", "12");
  ended(w, "");
  failure(a, "s", "12345678 and more"); /* supersedes: always admitted */
  ended(w, "a 12345678 superseded");
  is_sent(a, "12345678 and more");
  is_sent(b, "12");
}

static void a_dropped_command_makes_its_slot_forget(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  w->options.queue_limit = 1;
  failure(a, "s", "on");
  is_sent(a, "on");
  failure(b, "s", "on");
  failure(a, "s", "on");
  is_sent(b, "on");
  ended(w, "a on accepted, a on dropped, b on accepted");
  failure(a, "s", "on");
  is_sent(a, "on");
}

/* ---- what a slot owes ---- */

/* "a" holds the only place in the queue; "off" of "b" was dropped. */
static void b_owes(struct world *w) {
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  b->policy.first_okay = FIRST_OKAY_SEND;
  w->options.queue_limit = 1;
  failure(a, "s", "on");
  okay(b, "s", "off");
  ended(w, "b off dropped");
}

static void
what_was_dropped_is_asked_for_as_soon_as_there_is_room(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  b_owes(w);
  begins(a, "on");
  begins(b, "off"); /* there is room: what is in flight does not wait */
  ends(b, VERDICT_ACCEPTED);
  assert_int_equal(created_of(w, "lamp"), 2);
  okay(b, "s", "off");
  nothing_begins(w);
  ended(w, "b off accepted, b off unchanged");
}

static void those_that_owe_the_longest_are_asked_for_first(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  struct control *c = rule_for(w, "c", "pump");
  w->options.queue_limit = 1;
  failure(a, "s", "on");
  failure(b, "s", "b1");
  failure(c, "s", "c1");
  failure(b, "s", "b2"); /* keeps its place */
  ended(w, "b b1 dropped, c c1 dropped, b b2 dropped");
  is_sent(a, "on");
  is_sent(b, "b2");
  is_sent(c, "c1");
}

static void a_slot_owes_nothing_once_it_asks_for_nothing(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  b_owes(w);
  okay(b, "s", NULL);
  is_sent(a, "on");
  nothing_begins(w);
}

static void what_is_owed_survives_a_restart(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  b_owes(w);
  passes(w, 1);
  assert_int_equal(trim(w, 0), 0);
  restart(w);
  is_sent(a, "on");
  is_sent(b, "off");
}

/* The lamp's command is in flight, and the queue is full when the next of its
 * slot comes. */
static void lamp_goes_off_while_on_is_in_flight(struct world *w) {
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  w->options.queue_limit = 1;
  failure(b, "s", "on");
  begins(b, "on");
  failure(a, "s", "on");
  okay(b, "s", "off");
  ended(w, "b off dropped");
}

static void what_is_older_is_not_retried_over_what_is_owed(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  lamp_goes_off_while_on_is_in_flight(w);
  ends(b, VERDICT_NOT_EXECUTED);
  ended(w, "b on superseded");
  is_sent(a, "on");
  is_sent(b, "off");
}

static void what_is_older_and_doubtful_is_unknown_then(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  b->policy.retry_unknown = true;
  lamp_goes_off_while_on_is_in_flight(w);
  restart(w);
  ended(w, "b on unknown");
  is_sent(a, "on");
  is_sent(b, "off");
}

static void where_all_are_kept_what_is_older_is_retried(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  b->policy.supersede = false;
  lamp_goes_off_while_on_is_in_flight(w);
  ends(b, VERDICT_NOT_EXECUTED);
  is_sent(a, "on");
  begins_after(b, "on", 1000);
  ends(b, VERDICT_ACCEPTED);
  is_sent(b, "off");
}

static void what_is_in_flight_at_a_drop_is_not_remembered(void **state) {
  struct world *w = *state;
  struct control *heat = rule_for(w, "heat", "fan");
  failure(heat, "s", "on");
  begins(heat, "on");
  lanes_drop(w->lanes, heat->device, 1);
  ends(heat, VERDICT_ACCEPTED);
  failure(heat, "s", "on");
  is_sent(heat, "on");
}

/* ---- breaker ---- */

/* An attempt that begins now is not sent; its retry is due at once. */
static void is_not_sent(struct control *at, const char *body) {
  begins(at, body);
  ends(at, VERDICT_NOT_SENT);
}

static void
an_open_breaker_lets_one_attempt_through_after_5_and_10_s(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  w->jitter_percent = 0;
  endpoint_called(w, "cloud")->breaker_threshold = 3;
  failure(a, "s", "on");
  failure(b, "s", "on");
  is_not_sent(a, "on");
  is_not_sent(b, "on");
  assert_false(lanes_circuit_is_open(w->lanes, a->device->endpoint));
  is_not_sent(a, "on");
  assert_true(lanes_circuit_is_open(w->lanes, a->device->endpoint));
  begins_after(b, "on", 5000);
  nothing_begins(w);
  ends(b, VERDICT_NOT_SENT);
  begins_after(a, "on", 10000);
  ends(a, VERDICT_OFFLINE);
  assert_false(lanes_circuit_is_open(w->lanes, a->device->endpoint));
  is_sent(b, "on");
}

static void one_broken_device_does_not_stop_the_others(void **state) {
  struct world *w = *state;
  struct control *broken = rule_for(w, "broken", "fan");
  struct control *held = rule_for(w, "held", "lamp");
  w->jitter_percent = 0;
  endpoint_called(w, "cloud")->breaker_threshold = 2;
  held->policy.cooldown_s = 30;
  failure(held, "s", "on");
  is_sent(held, "on");
  okay(held, "s", "off"); /* waits, for its cooldown */
  failure(broken, "s", "on");
  for (int i = 0; i < 5; i++)
    is_not_sent(broken, "on");
  assert_false(lanes_circuit_is_open(w->lanes, held->device->endpoint));
}

static void the_breaker_is_each_endpoints_own(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  w->jitter_percent = 0;
  b->device->endpoint = endpoint_called(w, "other");
  endpoint_called(w, "cloud")->breaker_threshold = 1;
  failure(a, "s", "on");
  is_not_sent(a, "on");
  failure(b, "s", "on");
  is_sent(b, "on");
  assert_true(lanes_circuit_is_open(w->lanes, a->device->endpoint));
  assert_false(lanes_circuit_is_open(w->lanes, b->device->endpoint));
}

/* What tells nothing of the endpoint: what came before the whole body was asked
 * for, and what was not even tried. */
static const struct verdict tell_nothing[] = {
    {.class = VERDICT_NOT_SENT,
     .cause = "http_503",
     .http_code = 503,
     .is_early = true},
    {.class = VERDICT_NOT_SENT, .cause = "curl_23", .is_early = true},
    {.class = VERDICT_NOT_EXECUTED,
     .cause = "http_429",
     .http_code = 429,
     .is_early = true},
    {.class = VERDICT_CREDENTIALS,
     .cause = "http_401",
     .http_code = 401,
     .is_early = true},
    {.class = VERDICT_CREDENTIALS, .cause = "local"},
    {.class = VERDICT_NOT_SENT, .cause = "local"},
};

static void what_tells_nothing_closes_no_circuit(void **state) {
  for (size_t i = 0; i < COUNT(tell_nothing); i++) {
    struct world *w = world_new();
    struct control *fan = rule_for(w, "heat", "fan");
    w->jitter_percent = 0;
    endpoint_called(w, "cloud")->breaker_threshold = 1;
    failure(fan, "s", "on");
    is_not_sent(fan, "on");
    begins_after(fan, "on", 5000);
    ends_with(fan, tell_nothing[i]);
    assert_true(lanes_circuit_is_open(w->lanes, fan->device->endpoint));
    world_free(w);
  }
  (void)state;
}

static void what_tells_nothing_opens_no_circuit(void **state) {
  for (size_t i = 0; i < COUNT(tell_nothing); i++) {
    struct world *w = world_new();
    struct control *fan = rule_for(w, "heat", "fan");
    w->jitter_percent = 0;
    endpoint_called(w, "cloud")->breaker_threshold = 2;
    failure(fan, "s", "on");
    is_not_sent(fan, "on");
    begins(fan, "on");
    ends_with(fan, tell_nothing[i]);
    assert_false(lanes_circuit_is_open(w->lanes, fan->device->endpoint));
    /* Nor is the failure before it forgotten. */
    passes(w, LANES_CREDENTIALS_RETRY_MS);
    is_not_sent(fan, "on");
    assert_true(lanes_circuit_is_open(w->lanes, fan->device->endpoint));
    world_free(w);
  }
  (void)state;
}

static void an_early_no_is_final_all_the_same(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "s", "on");
  begins(fan, "on");
  ends_with(fan, (struct verdict){.class = VERDICT_REFUSED,
                                  .http_code = 413,
                                  .is_early = true});
  ended(*state, "heat on refused");
}

/* ---- what answers do ---- */

struct answer {
  enum verdict_class class;
  bool retry_offline, retry_unknown;
  const char *ended; /* "": again */
};

static const struct answer answers[] = {
    {VERDICT_ACCEPTED, false, false, "heat on accepted"},
    {VERDICT_OFFLINE, false, false, "heat on refused"},
    {VERDICT_OFFLINE, false, true, "heat on refused"},
    {VERDICT_OFFLINE, true, false, ""},
    {VERDICT_NOT_EXECUTED, false, false, ""},
    {VERDICT_NOT_SENT, false, false, ""},
    {VERDICT_CREDENTIALS, false, false, ""},
    {VERDICT_REFUSED, true, true, "heat on refused"},
    {VERDICT_DOUBTFUL, false, false, "heat on unknown"},
    {VERDICT_DOUBTFUL, true, false, "heat on unknown"},
    {VERDICT_DOUBTFUL, false, true, ""},
};

static void
each_class_of_answers_ends_a_command_or_has_it_tried_again(void **state) {
  for (size_t i = 0; i < COUNT(answers); i++) {
    struct world *w = world_new();
    struct control *fan = rule_for(w, "heat", "fan");
    fan->policy.retry_offline = answers[i].retry_offline;
    fan->policy.retry_unknown = answers[i].retry_unknown;
    failure(fan, "rack1", "on");
    begins(fan, "on");
    ends(fan, answers[i].class);
    ended(w, answers[i].ended);
    if (answers[i].ended[0] == '\0')
      begins_after(fan, "on",
                   answers[i].class == VERDICT_CREDENTIALS ? 60000 : 1000);
    world_free(w);
  }
  (void)state;
}

static void
what_nobody_else_keeps_waits_for_a_device_that_is_offline(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  endpoint_called(w, "cloud")->keeps_commands = false;
  fan->device->timeout_s = 10;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_OFFLINE);
  begins_after(fan, "on", 1000);
  ends(fan, VERDICT_OFFLINE);
  okay(fan, "rack1", "off"); /* the newest state, at the same time */
  ended(w, "heat on superseded");
  begins_after(fan, "off", 2000);
  ends(fan, VERDICT_OFFLINE);
  passes(w, 8000);
  nothing_begins(w);
  ended(w, "heat off expired");
}

static void
without_a_validity_nothing_waits_for_a_device_that_is_offline(void **state) {
  struct control *fan = the_fan(state);
  endpoint_called(*state, "cloud")->keeps_commands = false;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_OFFLINE);
  ended(*state, "heat on refused");
}

static void a_doubt_is_not_forgotten_while_the_device_is_offline(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  endpoint_called(w, "cloud")->keeps_commands = false;
  fan->device->timeout_s = 10;
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_DOUBTFUL);
  begins_after(fan, "on", 1000);
  ends(fan, VERDICT_OFFLINE);
  passes(w, 9000);
  nothing_begins(w);
  ended(w, "heat on unknown");
}

static void retries_wait_up_to_1_2_4_and_at_last_60_s(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  const int64_t bounds_ms[] = {1000,  2000,  4000,  8000, 16000,
                               32000, 60000, 60000, 60000};
  endpoint_called(w, "cloud")->breaker_threshold = 1000;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  for (size_t i = 0; i < COUNT(bounds_ms); i++) {
    ends(fan, VERDICT_NOT_SENT);
    assert_int_equal(w->jitter_max, bounds_ms[i]);
    begins_after(fan, "on", bounds_ms[i]);
  }
}

/* Events come every 500 ms for as long as a back-off may take; each supersedes
 * the last one, which waits for the device. Returns how many attempts there
 * were. */
static int tries_under_events(struct world *w, struct control *fan,
                              int64_t for_ms) {
  int tries = 0;
  for (int64_t passed = 0; passed < for_ms; passed += 500) {
    char body[16];
    snprintf(body, sizeof body, "on %d", (int)passed);
    failure(fan, "rack1", body);
    struct command *c = lanes_begin(world_lanes(w), w->now);
    commit(w);
    if (c != NULL) {
      fan->in_flight = c;
      ends(fan, VERDICT_OFFLINE);
      tries++;
    }
    passes(w, 500);
  }
  return tries;
}

static void events_do_not_shorten_the_back_off(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_offline = true;
  assert_int_equal(tries_under_events(w, fan, 123000), 7); /* 1+2+4..+32+60 s */
  assert_int_equal(w->jitter_max, 60000);
}

static void events_do_not_shorten_it_where_we_keep_the_command(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  endpoint_called(w, "cloud")->keeps_commands = false;
  fan->device->timeout_s = 3600;
  assert_int_equal(tries_under_events(w, fan, 123000), 7);
}

static void after_an_acceptance_the_back_off_is_short_again(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_offline = true;
  tries_under_events(w, fan, 123000);
  begins(fan, "on 122500");
  ends(fan, VERDICT_ACCEPTED);
  failure(fan, "rack1", "max");
  begins(fan, "max");
  ends(fan, VERDICT_OFFLINE);
  assert_int_equal(w->jitter_max, 1000);
}

static void
what_comes_while_it_is_in_flight_takes_over_the_back_off(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_offline = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  failure(fan, "rack1", "max");
  ends(fan, VERDICT_OFFLINE);
  begins_after(fan, "max", 1000);
  ends(fan, VERDICT_OFFLINE);
  assert_int_equal(w->jitter_max, 2000);
}

static void a_restart_knows_the_commands_own_tries(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_offline = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_OFFLINE);
  begins_after(fan, "on", 1000);
  ends(fan, VERDICT_OFFLINE);
  restart(w);
  begins_after(fan, "on", 2000);
  ends(fan, VERDICT_OFFLINE);
  assert_int_equal(w->jitter_max, 4000);
}

static void the_jitter_is_full(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  endpoint_called(w, "cloud")->breaker_threshold = 1000;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  w->jitter_percent = 0;
  ends(fan, VERDICT_NOT_SENT);
  begins(fan, "on");
  w->jitter_percent = 50;
  ends(fan, VERDICT_NOT_SENT);
  begins_after(fan, "on", 1000);
}

static void retry_after_is_honoured(void **state) {
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 120000);
  begins_after(fan, "on", 120000);
}

static void retry_after_is_bounded_by_the_deadline(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 60;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 120000);
  ended_after(w, "heat on expired", 60000);
}

/* ---- credentials ---- */

static void refused_credentials_are_tried_again_every_60_s(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  failure(fan, "rack1", "on");
  assert_false(lanes_has_credentials_wait(w->lanes, fan->device->endpoint));
  begins(fan, "on");
  for (int i = 0; i < 3; i++) {
    ends_telling_to_wait(fan, VERDICT_CREDENTIALS, 5000);
    assert_true(lanes_has_credentials_wait(w->lanes, fan->device->endpoint));
    begins_after(fan, "on", 60000);
    assert_false(lanes_has_credentials_wait(w->lanes, fan->device->endpoint));
  }
}

static void
refused_credentials_are_tried_again_when_the_key_has_changed(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  struct control *c = rule_for(w, "c", "pump");
  c->device->endpoint = endpoint_called(w, "other");
  failure(a, "s", "on");
  failure(b, "s", "on");
  failure(c, "s", "on");
  begins(a, "on");
  ends(a, VERDICT_CREDENTIALS);
  begins(c, "on");
  ends(c, VERDICT_CREDENTIALS);
  begins(b, "on");
  ends(b, VERDICT_NOT_SENT);
  passes(w, 500);
  okay(a, "s", "off"); /* takes over that wait too */
  lanes_retry_credentials(w->lanes, a->device->endpoint, w->now);
  begins(a, "off");
  nothing_begins(w);
  assert_true(lanes_has_credentials_wait(w->lanes, c->device->endpoint));
}

static void refused_credentials_are_refused_at_the_deadline(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 100;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_CREDENTIALS);
  begins_after(fan, "on", 60000);
  ends(fan, VERDICT_CREDENTIALS);
  restart(w);
  assert_true(lanes_has_credentials_wait(w->lanes, fan->device->endpoint));
  ended_after(w, "heat on refused", 40000);
  assert_false(lanes_has_credentials_wait(w->lanes, fan->device->endpoint));
}

/* ---- deadlines ---- */

struct deadline {
  int timeout_s, expire_s, expected_s; /* 0: none */
};

static const struct deadline deadlines[] = {
    {0, POLICY_DEFAULT, 3600},
    {60, POLICY_DEFAULT, 60},
    {60, 10, 10},
    {0, 10, 10},
    {0, 0, 0},
};

static void the_deadline_is_expire_seconds_after_the_event(void **state) {
  for (size_t i = 0; i < COUNT(deadlines); i++) {
    struct world *w = world_new();
    struct control *fan = rule_for(w, "heat", "fan");
    const struct deadline *one = &deadlines[i];
    fan->device->timeout_s = one->timeout_s;
    fan->policy.expire_s = one->expire_s;
    failure(fan, "rack1", "on");
    begins(fan, "on");
    ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, INT64_C(1000000000000));
    if (one->expected_s > 0)
      ended_after(w, "heat on expired", one->expected_s * INT64_C(1000));
    else
      begins_after(fan, "on", LANES_RETRY_AFTER_MAX_MS);
    world_free(w);
  }
  (void)state;
}

static void an_attempt_begun_before_the_deadline_is_let_finish(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 10;
  failure(fan, "rack1", "on");
  passes(w, 9999);
  begins(fan, "on");
  passes(w, 5000);
  nothing_begins(w);
  ends(fan, VERDICT_ACCEPTED);
  ended(w, "heat on accepted");
}

static void no_attempt_begins_at_the_deadline(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 10;
  failure(fan, "rack1", "on");
  passes(w, 10000);
  nothing_begins(w);
  ended(w, "heat on expired");
}

static void an_attempt_that_ends_beyond_the_deadline_is_the_last(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.expire_s = 10;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  passes(w, 10000);
  ends(fan, VERDICT_NOT_SENT);
  ended(w, "heat on expired");
}

static void a_cooldown_that_holds_it_back_extends_the_deadline(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  fan->policy.expire_s = 10;
  fan->policy.timeout_s = 10;
  failure(fan, "rack1", "on");
  is_sent(fan, "on");
  passes(w, 5000);
  okay(fan, "rack1", "off");
  restart(w);
  begins_after(fan, "off", 25000);
  assert_int_equal(command_remaining_timeout_s(fan->in_flight, w->now.ms), 10);
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 60000);
  ended(w, "heat on accepted");
  ended_after(w, "heat off expired", 10000);
}

static void a_cooldown_of_its_own_attempt_extends_nothing(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  fan->policy.expire_s = 10;
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_DOUBTFUL);
  begins_after(fan, "on", 1000);
  ends_telling_to_wait(fan, VERDICT_DOUBTFUL, 60000);
  ended_after(w, "heat on unknown", 9000);
}

static void a_doubtful_command_ends_as_unknown_whatever_ends_it(void **state) {
  const enum verdict_class ends_of[] = {VERDICT_REFUSED, VERDICT_OFFLINE};
  for (size_t i = 0; i < COUNT(ends_of); i++) {
    struct world *w = world_new();
    struct control *fan = rule_for(w, "heat", "fan");
    fan->policy.retry_unknown = true;
    failure(fan, "rack1", "on");
    begins(fan, "on");
    ends(fan, VERDICT_DOUBTFUL);
    begins_after(fan, "on", 1000);
    ends(fan, ends_of[i]);
    ended(w, "heat on unknown");
    world_free(w);
  }
  (void)state;
}

static void a_doubtful_command_may_still_be_accepted(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.retry_unknown = true;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  ends(fan, VERDICT_DOUBTFUL);
  begins_after(fan, "on", 1000);
  ends(fan, VERDICT_ACCEPTED);
  failure(fan, "rack1", "on");
  nothing_begins(w);
  ended(w, "heat on accepted, heat on unchanged");
}

static void an_attempt_sends_what_remains_of_the_timeout(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->device->timeout_s = 60;
  failure(fan, "rack1", "on");
  passes(w, 900);
  begins(fan, "on");
  assert_int_equal(command_remaining_timeout_s(fan->in_flight, w->now.ms), 60);
  ends_telling_to_wait(fan, VERDICT_NOT_EXECUTED, 20000);
  begins_after(fan, "on", 20000);
  assert_int_equal(command_remaining_timeout_s(fan->in_flight, w->now.ms), 40);
}

static void at_a_shutdown_commands_expire_and_none_begins(void **state) {
  struct world *w = *state;
  struct control *a = rule_for(w, "a", "fan");
  struct control *b = rule_for(w, "b", "lamp");
  a->policy.expire_s = 10;
  failure(a, "s", "on");
  failure(b, "s", "on");
  passes(w, 10000);
  lanes_expire(w->lanes, w->now);
  commit(w);
  ended(w, "a on expired");
  is_sent(b, "on");
}

/* ---- bodies that can never be sent ---- */

static void a_body_that_can_never_be_sent_is_created_and_refused(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  const struct fired huge = {.series = "rack1",
                             .severity = SEVERITY_FAILURE,
                             .unsendable_bytes = 65536};
  failure(fan, "rack2", "on");
  fire(fan, huge);
  ended(w, "heat - refused, heat on superseded");
  nothing_begins(w);
  assert_int_equal(created_of(w, "fan"), 2);
  okay(fan, "rack1", "off"); /* rack2 speaks again */
  begins(fan, "on");
  fire(fan, huge);
  ends(fan, VERDICT_NOT_SENT);
  ended(w, "heat - refused, heat on superseded");
}

/* ---- dry runs ---- */

static void a_dry_run_ends_as_cancelled_and_is_remembered(void **state) {
  struct world *w = *state;
  struct control *fan = the_fan(state);
  fan->policy.cooldown_s = 30;
  failure(fan, "rack1", "on");
  begins(fan, "on");
  lanes_end_dry(w->lanes, fan->in_flight, w->now);
  commit(w);
  ended(w, "heat on cancelled");
  failure(fan, "rack1", "on");
  ended_after(w, "", 30000);
  nothing_begins(w);
  ended(w, "heat on unchanged");
  okay(fan, "rack1", "off");
  begins(fan, "off");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(the_rate_of_an_endpoint_delays),
      SITUATION(the_rate_of_a_device_delays_only_that),
      SITUATION(the_default_rate_is_250_in_a_second),
      SITUATION(beyond_the_queue_limit_a_command_is_dropped),
      SITUATION(beyond_the_queue_bytes_a_command_is_dropped),
      SITUATION(a_dropped_command_makes_its_slot_forget),
      SITUATION(what_was_dropped_is_asked_for_as_soon_as_there_is_room),
      SITUATION(those_that_owe_the_longest_are_asked_for_first),
      SITUATION(a_slot_owes_nothing_once_it_asks_for_nothing),
      SITUATION(what_is_owed_survives_a_restart),
      SITUATION(what_is_older_is_not_retried_over_what_is_owed),
      SITUATION(what_is_older_and_doubtful_is_unknown_then),
      SITUATION(where_all_are_kept_what_is_older_is_retried),
      SITUATION(what_is_in_flight_at_a_drop_is_not_remembered),
      SITUATION(an_open_breaker_lets_one_attempt_through_after_5_and_10_s),
      SITUATION(what_tells_nothing_closes_no_circuit),
      SITUATION(what_tells_nothing_opens_no_circuit),
      SITUATION(an_early_no_is_final_all_the_same),
      SITUATION(one_broken_device_does_not_stop_the_others),
      SITUATION(the_breaker_is_each_endpoints_own),
      SITUATION(each_class_of_answers_ends_a_command_or_has_it_tried_again),
      SITUATION(what_nobody_else_keeps_waits_for_a_device_that_is_offline),
      SITUATION(without_a_validity_nothing_waits_for_a_device_that_is_offline),
      SITUATION(a_doubt_is_not_forgotten_while_the_device_is_offline),
      SITUATION(retries_wait_up_to_1_2_4_and_at_last_60_s),
      SITUATION(events_do_not_shorten_the_back_off),
      SITUATION(events_do_not_shorten_it_where_we_keep_the_command),
      SITUATION(after_an_acceptance_the_back_off_is_short_again),
      SITUATION(what_comes_while_it_is_in_flight_takes_over_the_back_off),
      SITUATION(a_restart_knows_the_commands_own_tries),
      SITUATION(the_jitter_is_full),
      SITUATION(retry_after_is_honoured),
      SITUATION(retry_after_is_bounded_by_the_deadline),
      SITUATION(refused_credentials_are_tried_again_every_60_s),
      SITUATION(refused_credentials_are_tried_again_when_the_key_has_changed),
      SITUATION(refused_credentials_are_refused_at_the_deadline),
      SITUATION(the_deadline_is_expire_seconds_after_the_event),
      SITUATION(an_attempt_begun_before_the_deadline_is_let_finish),
      SITUATION(no_attempt_begins_at_the_deadline),
      SITUATION(an_attempt_that_ends_beyond_the_deadline_is_the_last),
      SITUATION(a_cooldown_that_holds_it_back_extends_the_deadline),
      SITUATION(a_cooldown_of_its_own_attempt_extends_nothing),
      SITUATION(a_doubtful_command_ends_as_unknown_whatever_ends_it),
      SITUATION(a_doubtful_command_may_still_be_accepted),
      SITUATION(an_attempt_sends_what_remains_of_the_timeout),
      SITUATION(at_a_shutdown_commands_expire_and_none_begins),
      SITUATION(a_body_that_can_never_be_sent_is_created_and_refused),
      SITUATION(a_dry_run_ends_as_cancelled_and_is_remembered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
