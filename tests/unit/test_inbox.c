/* SPDX-License-Identifier: MIT */
#include "agent/inbox.h"

#include "basics.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCERS 4
#define FIRINGS 5000

static struct inbox *inbox_of(size_t firings, size_t bytes) {
  struct inbox *in = inbox_new(firings, bytes);
  assert_non_null(in);
  return in;
}

static struct firing *firing_of(const char *series, size_t body,
                                size_t okay_body) {
  static const char bytes[100];
  struct firing *f = firing_new(series);
  assert_non_null(f);
  f->body = body > 0 ? body_new(bytes, body) : NULL;
  f->okay_body = okay_body > 0 ? body_new(bytes, okay_body) : NULL;
  return f;
}

/* Whether it was put; what was not is freed. */
static int put(struct inbox *in, const char *series, size_t body,
               size_t okay_body) {
  struct firing *f = firing_of(series, body, okay_body);
  bool was_empty;
  int status = inbox_put(in, f, &was_empty);
  if (status < 0)
    firing_free(f);
  return status;
}

static void take_and_free(struct inbox *in) {
  for (struct firing *f = inbox_take_all(in), *next; f != NULL; f = next) {
    next = f->next;
    firing_free(f);
  }
}

static void firings_come_out_in_the_order_they_were_put(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  assert_null(inbox_take_all(in));
  assert_int_equal(put(in, "first", 1, 0), 0);
  assert_int_equal(put(in, "second", 1, 0), 0);
  assert_int_equal(inbox_count(in), 2);
  struct firing *f = inbox_take_all(in);
  assert_string_equal(f->series, "first");
  assert_string_equal(f->next->series, "second");
  assert_null(f->next->next);
  assert_int_equal(inbox_count(in), 0);
  firing_free(f->next);
  firing_free(f);
  inbox_free(in);
}

static void only_the_first_finds_it_empty(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  for (int round = 0; round < 2; round++) {
    bool was_empty = false;
    assert_int_equal(inbox_put(in, firing_of("a", 1, 0), &was_empty), 0);
    assert_true(was_empty);
    assert_int_equal(inbox_put(in, firing_of("b", 1, 0), &was_empty), 0);
    assert_false(was_empty);
    take_and_free(in);
  }
  inbox_free(in);
}

static void it_is_full_at_its_number(void **state) {
  (void)state;
  struct inbox *in = inbox_of(2, 1000);
  assert_int_equal(put(in, "a", 1, 0), 0);
  assert_int_equal(put(in, "b", 0, 0), 0);
  assert_int_equal(put(in, "c", 1, 0), -ENOBUFS);
  assert_int_equal(inbox_count(in), 2);
  take_and_free(in);
  assert_int_equal(put(in, "c", 1, 0), 0);
  inbox_free(in);
}

static void it_is_full_at_its_bytes_of_both_bodies(void **state) {
  (void)state;
  struct inbox *in = inbox_of(100, 100);
  assert_int_equal(put(in, "a", 60, 30), 0);
  assert_int_equal(put(in, "b", 11, 0), -ENOBUFS);
  assert_int_equal(put(in, "c", 0, 11), -ENOBUFS);
  assert_int_equal(put(in, "d", 5, 5), 0);
  assert_int_equal(put(in, "e", 1, 0), -ENOBUFS);
  assert_int_equal(put(in, "f", 0, 0), 0);
  take_and_free(in);
  assert_int_equal(put(in, "g", 99, 1), 0);
  inbox_free(in);
}

static void once_closed_nothing_can_be_put(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  assert_int_equal(put(in, "before", 1, 0), 0);
  inbox_close(in);
  assert_int_equal(put(in, "after", 1, 0), -EPIPE);
  struct firing *f = inbox_take_all(in);
  assert_string_equal(f->series, "before");
  assert_null(f->next);
  firing_free(f);
  inbox_free(in);
}

static void what_is_left_is_freed_with_it(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  assert_int_equal(put(in, "left", 10, 10), 0);
  inbox_free(in);
  inbox_free(NULL);
}

struct producer {
  struct inbox *inbox;
  int number;
  pthread_t thread;
};

static void *produce(void *context) {
  const struct producer *p = context;
  for (int i = 0; i < FIRINGS; i++) {
    char series[32];
    bool was_empty;
    snprintf(series, sizeof series, "%d %d", p->number, i);
    struct firing *f = firing_new(series);
    if (f == NULL || inbox_put(p->inbox, f, &was_empty) < 0)
      abort();
  }
  return NULL;
}

/* Each producer's firings must come in its own order. */
static size_t check_order(struct inbox *in, int next[static PRODUCERS]) {
  size_t count = 0;
  for (struct firing *f = inbox_take_all(in), *after; f != NULL; f = after) {
    int producer, number;
    after = f->next;
    assert_int_equal(sscanf(f->series, "%d %d", &producer, &number), 2);
    assert_int_equal(number, next[producer]++);
    firing_free(f);
    count++;
  }
  return count;
}

static void nothing_is_lost_or_reordered_between_threads(void **state) {
  (void)state;
  struct producer producers[PRODUCERS];
  int next[PRODUCERS] = {0};
  struct inbox *in = inbox_of(PRODUCERS * FIRINGS, 1);
  for (int i = 0; i < PRODUCERS; i++) {
    producers[i] = (struct producer){.inbox = in, .number = i};
    assert_int_equal(
        pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
  }
  for (size_t taken = 0; taken < PRODUCERS * FIRINGS;)
    taken += check_order(in, next);
  for (int i = 0; i < PRODUCERS; i++)
    pthread_join(producers[i].thread, NULL);
  assert_int_equal(inbox_count(in), 0);
  inbox_free(in);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(firings_come_out_in_the_order_they_were_put),
      cmocka_unit_test(only_the_first_finds_it_empty),
      cmocka_unit_test(it_is_full_at_its_number),
      cmocka_unit_test(it_is_full_at_its_bytes_of_both_bodies),
      cmocka_unit_test(once_closed_nothing_can_be_put),
      cmocka_unit_test(what_is_left_is_freed_with_it),
      cmocka_unit_test(nothing_is_lost_or_reordered_between_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
