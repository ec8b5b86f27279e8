/* SPDX-License-Identifier: MIT */
#include "agent/door.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define CALLERS 4
#define ROUNDS 200

static void who_comes_after_it_was_closed_is_turned_away(void **state) {
  (void)state;
  struct door d = {0};
  assert_true(door_enter(&d));
  door_leave(&d);
  assert_true(door_close(&d, 0));
  assert_false(door_enter(&d));
  assert_false(door_enter(&d));
  assert_true(door_close(&d, 0));
}

static void somebody_inside_is_waited_for_no_longer_than_that(void **state) {
  (void)state;
  struct door d = {0};
  assert_true(door_enter(&d));
  assert_true(door_enter(&d));
  assert_false(door_close(&d, 20));
  door_leave(&d);
  assert_false(door_close(&d, 0));
  door_leave(&d);
  assert_true(door_close(&d, 0));
}

/* What is behind the door, and freed once nobody is inside. */
struct house {
  struct door door;
  int *_Atomic room;
};

/* Comes and goes until it is turned away. With a sanitizer, or with luck
 * without one, a room that was freed too early is seen. */
static void *visit(void *context) {
  struct house *h = context;
  while (door_enter(&h->door)) {
    if (*atomic_load(&h->room) != 1)
      abort();
    door_leave(&h->door);
  }
  return NULL;
}

static void nobody_is_inside_when_it_is_closed(void **state) {
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    struct house h = {.room = malloc(sizeof(int))};
    pthread_t callers[CALLERS];
    assert_non_null(h.room);
    *h.room = 1;
    for (int i = 0; i < CALLERS; i++)
      assert_int_equal(pthread_create(&callers[i], NULL, visit, &h), 0);
    assert_true(door_close(&h.door, 10000));
    *h.room = 0;
    free(h.room);
    for (int i = 0; i < CALLERS; i++)
      pthread_join(callers[i], NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_comes_after_it_was_closed_is_turned_away),
      cmocka_unit_test(somebody_inside_is_waited_for_no_longer_than_that),
      cmocka_unit_test(nobody_is_inside_when_it_is_closed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
