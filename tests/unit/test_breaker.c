/* SPDX-License-Identifier: MIT */
#include "delivery/breaker.h"

#include "basics.h"

#define THRESHOLD 3

static const char fan, lamp; /* lanes are told apart by address only */
static const char attempt, straggler;

static void fail_at(struct breaker *b, const void *lane, bool others_wait,
                    int64_t now_ms) {
  breaker_begin(b, &attempt);
  breaker_end(b, &attempt, CIRCUIT_COUNTS, lane, others_wait, now_ms);
}

static void end_with(struct breaker *b, enum verdict_class class,
                     int64_t now_ms) {
  breaker_begin(b, &attempt);
  breaker_end(b, &attempt, verdict_meaning(class)->circuit, &fan, false,
              now_ms);
}

static struct breaker closed(void) {
  struct breaker b;
  breaker_init(&b, THRESHOLD);
  return b;
}

static struct breaker open_at(int64_t now_ms) {
  struct breaker b = closed();
  for (int i = 0; i < THRESHOLD; i++)
    fail_at(&b, &fan, false, now_ms);
  assert_true(b.open);
  return b;
}

static void it_opens_at_the_threshold(void **state) {
  (void)state;
  struct breaker b = closed();
  fail_at(&b, &fan, false, 0);
  end_with(&b, VERDICT_DOUBTFUL, 0);
  assert_int_equal(breaker_wait_ms(&b, 0), 0);
  fail_at(&b, &fan, false, 0);
  assert_true(b.open);
}

static void an_answer_begins_the_count_anew(void **state) {
  (void)state;
  const enum verdict_class answers[] = {VERDICT_ACCEPTED, VERDICT_OFFLINE,
                                        VERDICT_REFUSED, VERDICT_CREDENTIALS};
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    struct breaker b = closed();
    fail_at(&b, &fan, false, 0);
    fail_at(&b, &fan, false, 0);
    end_with(&b, answers[i], 0);
    fail_at(&b, &fan, false, 0);
    fail_at(&b, &fan, false, 0);
    assert_false(b.open);
  }
}

static void too_many_calls_leave_the_count_as_it_is(void **state) {
  (void)state;
  struct breaker b = closed();
  fail_at(&b, &fan, false, 0);
  fail_at(&b, &fan, false, 0);
  for (int i = 0; i < THRESHOLD; i++)
    end_with(&b, VERDICT_NOT_EXECUTED, 0);
  assert_false(b.open);
  fail_at(&b, &fan, false, 0);
  assert_true(b.open);
}

static void one_device_alone_does_not_open_it_while_others_wait(void **state) {
  (void)state;
  struct breaker b = closed();
  for (int i = 0; i < 2 * THRESHOLD; i++)
    fail_at(&b, &fan, true, 0);
  assert_false(b.open);
  end_with(&b, VERDICT_NOT_EXECUTED, 0);
  assert_false(b.open);
  fail_at(&b, &fan, false, 0);
  assert_true(b.open);
}

static void two_devices_open_it_whoever_waits(void **state) {
  (void)state;
  struct breaker b = closed();
  fail_at(&b, &fan, true, 0);
  fail_at(&b, &lamp, true, 0);
  assert_false(b.open);
  fail_at(&b, &fan, true, 0);
  assert_true(b.open);
}

static void the_second_device_counts_from_the_last_answer_on(void **state) {
  (void)state;
  struct breaker b = closed();
  fail_at(&b, &lamp, true, 0);
  end_with(&b, VERDICT_ACCEPTED, 0);
  for (int i = 0; i < THRESHOLD; i++)
    fail_at(&b, &fan, true, 0);
  assert_false(b.open);
}

static void open_it_lets_one_through_after_5_10_20_40_60_60_s(void **state) {
  (void)state;
  const int64_t pauses_ms[] = {5000, 10000, 20000, 40000, 60000, 60000};
  int64_t now_ms = 1000;
  struct breaker b = open_at(now_ms);
  for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
    assert_int_equal(breaker_wait_ms(&b, now_ms), pauses_ms[i]);
    now_ms += pauses_ms[i];
    assert_int_equal(breaker_wait_ms(&b, now_ms), 0);
    breaker_begin(&b, &attempt);
    assert_int_equal(breaker_wait_ms(&b, now_ms), COMMAND_NEVER_MS);
    now_ms += 700;
    breaker_end(&b, &attempt, CIRCUIT_COUNTS, &fan, false, now_ms);
  }
}

static void a_probe_that_is_answered_closes_it(void **state) {
  (void)state;
  struct breaker b = open_at(0);
  end_with(&b, VERDICT_REFUSED, 5000);
  assert_false(b.open);
  assert_int_equal(breaker_wait_ms(&b, 5000), 0);
  fail_at(&b, &fan, false, 5000);
  assert_false(b.open);
}

static void
a_probe_that_came_too_often_is_repeated_after_the_same_pause(void **state) {
  (void)state;
  struct breaker b = open_at(0);
  end_with(&b, VERDICT_NOT_EXECUTED, 5000);
  assert_true(b.open);
  assert_int_equal(breaker_wait_ms(&b, 5000), 5000);
}

static void what_began_before_it_opened_does_not_end_the_probe(void **state) {
  (void)state;
  struct breaker b = open_at(0);
  breaker_begin(&b, &attempt);
  breaker_end(&b, &straggler, CIRCUIT_COUNTS, &lamp, false, 6000);
  assert_int_equal(breaker_wait_ms(&b, 60000), COMMAND_NEVER_MS);
  breaker_end(&b, &attempt, CIRCUIT_COUNTS, &fan, false, 7000);
  assert_int_equal(breaker_wait_ms(&b, 7000), 10000);
}

static void what_began_before_it_opened_closes_it_when_answered(void **state) {
  (void)state;
  struct breaker b = open_at(0);
  breaker_end(&b, &straggler, CIRCUIT_CLOSES, &lamp, false, 1000);
  assert_false(b.open);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_opens_at_the_threshold),
      cmocka_unit_test(an_answer_begins_the_count_anew),
      cmocka_unit_test(too_many_calls_leave_the_count_as_it_is),
      cmocka_unit_test(one_device_alone_does_not_open_it_while_others_wait),
      cmocka_unit_test(two_devices_open_it_whoever_waits),
      cmocka_unit_test(the_second_device_counts_from_the_last_answer_on),
      cmocka_unit_test(open_it_lets_one_through_after_5_10_20_40_60_60_s),
      cmocka_unit_test(a_probe_that_is_answered_closes_it),
      cmocka_unit_test(
          a_probe_that_came_too_often_is_repeated_after_the_same_pause),
      cmocka_unit_test(what_began_before_it_opened_does_not_end_the_probe),
      cmocka_unit_test(what_began_before_it_opened_closes_it_when_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
