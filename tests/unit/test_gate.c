/* SPDX-License-Identifier: MIT */
#include "delivery/gate.h"

#include "basics.h"

static const char lane;
static const char attempt;

static struct gate gate_of(int max_in_flight, struct rate_limit rate,
                           int threshold) {
  struct endpoint e = {.max_in_flight = max_in_flight,
                       .rate = rate,
                       .breaker_threshold = threshold};
  struct gate g;
  assert_int_equal(gate_init(&g, &e), 0);
  return g;
}

static struct gate unlimited(int max_in_flight) {
  return gate_of(max_in_flight, (struct rate_limit){0}, 1);
}

static void open_circuit(struct gate *g, int64_t now_ms) {
  gate_begin(g, &attempt, now_ms);
  gate_end(g, &attempt, CIRCUIT_COUNTS, &lane, false, now_ms);
  assert_true(g->breaker.open);
}

static void so_many_requests_pass_until_one_ends(void **state) {
  (void)state;
  struct gate g = unlimited(2);
  gate_begin(&g, &attempt, 0);
  gate_begin_poll(&g, 0);
  assert_int_equal(gate_wait_ms(&g, 0), COMMAND_NEVER_MS);
  assert_int_equal(gate_poll_wait_ms(&g, 0), COMMAND_NEVER_MS);
  gate_end_poll(&g);
  assert_int_equal(gate_wait_ms(&g, 0), 0);
  gate_begin(&g, &attempt, 0);
  gate_end(&g, &attempt, CIRCUIT_CLOSES, &lane, false, 0);
  assert_int_equal(gate_wait_ms(&g, 0), 0);
  gate_free(&g);
}

static void polls_leave_half_of_the_room_to_commands(void **state) {
  (void)state;
  struct gate g = unlimited(5);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(gate_poll_wait_ms(&g, 0), 0);
    gate_begin_poll(&g, 0);
  }
  assert_int_equal(gate_poll_wait_ms(&g, 0), COMMAND_NEVER_MS);
  assert_int_equal(gate_wait_ms(&g, 0), 0);
  gate_free(&g);
}

static void a_single_request_at_once_may_be_a_poll(void **state) {
  (void)state;
  struct gate g = unlimited(1);
  assert_int_equal(gate_poll_wait_ms(&g, 0), 0);
  gate_free(&g);
}

static void commands_and_polls_share_one_rate(void **state) {
  (void)state;
  struct gate g = gate_of(10, (struct rate_limit){.count = 2, .seconds = 1}, 1);
  gate_begin(&g, &attempt, 100);
  gate_begin_poll(&g, 300);
  assert_int_equal(gate_wait_ms(&g, 400), 700);
  assert_int_equal(gate_poll_wait_ms(&g, 400), 700);
  assert_int_equal(gate_wait_ms(&g, 1100), 0);
  gate_free(&g);
}

static void an_open_circuit_holds_commands_and_polls_back(void **state) {
  (void)state;
  struct gate g = unlimited(10);
  open_circuit(&g, 0);
  assert_int_equal(gate_wait_ms(&g, 1000), BREAKER_FIRST_PAUSE_MS - 1000);
  assert_int_equal(gate_poll_wait_ms(&g, 1000), BREAKER_FIRST_PAUSE_MS - 1000);
  gate_free(&g);
}

static void one_poll_at_a_time_passes_an_open_circuit(void **state) {
  (void)state;
  struct gate g = unlimited(10);
  open_circuit(&g, 0);
  assert_int_equal(gate_poll_wait_ms(&g, BREAKER_FIRST_PAUSE_MS), 0);
  gate_begin_poll(&g, BREAKER_FIRST_PAUSE_MS);
  assert_int_equal(gate_poll_wait_ms(&g, BREAKER_FIRST_PAUSE_MS),
                   COMMAND_NEVER_MS);
  assert_int_equal(gate_wait_ms(&g, BREAKER_FIRST_PAUSE_MS), 0);
  gate_free(&g);
}

static void the_longer_of_two_waits_counts(void **state) {
  (void)state;
  struct gate g = gate_of(10, (struct rate_limit){.count = 1, .seconds = 9}, 1);
  open_circuit(&g, 0);
  assert_int_equal(gate_wait_ms(&g, 0), 9000);
  assert_int_equal(gate_wait_ms(&g, 6000), 3000);
  gate_free(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(so_many_requests_pass_until_one_ends),
      cmocka_unit_test(polls_leave_half_of_the_room_to_commands),
      cmocka_unit_test(a_single_request_at_once_may_be_a_poll),
      cmocka_unit_test(commands_and_polls_share_one_rate),
      cmocka_unit_test(an_open_circuit_holds_commands_and_polls_back),
      cmocka_unit_test(one_poll_at_a_time_passes_an_open_circuit),
      cmocka_unit_test(the_longer_of_two_waits_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
