/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include "basics.h"

#include <stdlib.h>

#define ITEMS 200
#define STEPS 20000

struct item {
  int key;
  uint32_t index;
};

static bool before(const void *a, const void *b) {
  return ((const struct item *)a)->key < ((const struct item *)b)->key;
}

static uint32_t *index_of(void *item) { return &((struct item *)item)->index; }

static const struct heap_order order = {before, index_of};

struct fixture {
  struct heap heap;
  struct item items[ITEMS];
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  heap_init(&f->heap, &order);
  for (size_t i = 0; i < ITEMS; i++)
    f->items[i].index = HEAP_OUTSIDE;
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  heap_free(&f->heap);
  free(f);
  return 0;
}

static void push(struct fixture *f, size_t i, int key) {
  f->items[i].key = key;
  assert_int_equal(heap_reserve(&f->heap, f->heap.count + 1), 0);
  heap_push(&f->heap, &f->items[i]);
}

static int pop(struct fixture *f) {
  struct item *first = heap_first(&f->heap);
  assert_non_null(first);
  heap_remove(&f->heap, first);
  return first->key;
}

static void an_empty_heap_has_no_first(void **state) {
  struct fixture *f = *state;
  assert_null(heap_first(&f->heap));
}

static void items_come_out_in_order(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < ITEMS; i++)
    push(f, (size_t)i, i * 67 % ITEMS);
  for (int i = 0; i < ITEMS; i++)
    assert_int_equal(pop(f), i);
  assert_null(heap_first(&f->heap));
}

static void an_item_that_is_removed_is_outside(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 3; i++)
    push(f, (size_t)i, i);
  heap_remove(&f->heap, &f->items[0]);
  assert_int_equal(f->items[0].index, HEAP_OUTSIDE);
  assert_ptr_equal(heap_first(&f->heap), &f->items[1]);
}

static void removing_what_is_outside_changes_nothing(void **state) {
  struct fixture *f = *state;
  push(f, 0, 1);
  heap_remove(&f->heap, &f->items[1]);
  assert_int_equal(f->heap.count, 1);
}

static void an_item_whose_key_changed_moves_either_way(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 10; i++)
    push(f, (size_t)i, i);
  f->items[9].key = -1;
  heap_update(&f->heap, &f->items[9]);
  f->items[0].key = 100;
  heap_update(&f->heap, &f->items[0]);
  assert_int_equal(pop(f), -1);
  for (int i = 1; i < 9; i++)
    assert_int_equal(pop(f), i);
  assert_int_equal(pop(f), 100);
}

static void what_is_reserved_stays_reserved(void **state) {
  struct fixture *f = *state;
  assert_int_equal(heap_reserve(&f->heap, 100), 0);
  void **items = f->heap.items;
  assert_int_equal(heap_reserve(&f->heap, 50), 0);
  assert_true(f->heap.capacity >= 100);
  assert_ptr_equal(f->heap.items, items);
}

static void much_room_for_few_is_given_back(void **state) {
  struct fixture *f = *state;
  assert_int_equal(heap_reserve(&f->heap, 64), 0);
  for (int i = 0; i < 16; i++)
    push(f, (size_t)i, i);
  heap_shrink(&f->heap, 17);
  assert_int_equal(f->heap.capacity, 64);
  heap_shrink(&f->heap, 16);
  assert_int_equal(f->heap.capacity, 32);
  for (int i = 0; i < 16; i++)
    assert_int_equal(pop(f), i);
}

static void no_room_is_kept_for_nothing(void **state) {
  struct fixture *f = *state;
  push(f, 0, 0);
  assert_int_equal(pop(f), 0);
  heap_shrink(&f->heap, 0);
  assert_null(f->heap.items);
  push(f, 1, 1);
  assert_int_equal(pop(f), 1);
}

static void the_first_is_the_least(const struct fixture *f) {
  const struct item *least = NULL;
  for (size_t i = 0; i < ITEMS; i++) {
    const struct item *one = &f->items[i];
    if (one->index == HEAP_OUTSIDE)
      continue;
    assert_ptr_equal(f->heap.items[one->index], one);
    if (least == NULL || one->key < least->key)
      least = one;
  }
  const struct item *first = heap_first(&f->heap);
  assert_true((first == NULL) == (least == NULL));
  assert_true(first == NULL || first->key == least->key);
}

static void the_first_is_the_least_whatever_is_done(void **state) {
  struct fixture *f = *state;
  unsigned int random = 1;
  for (int step = 0; step < STEPS; step++) {
    random = random * 1103515245 + 12345;
    size_t i = (random >> 8) % ITEMS;
    int key = (int)(random >> 16) % 50;
    if (f->items[i].index == HEAP_OUTSIDE) {
      push(f, i, key);
    } else if (key % 2 == 0) {
      heap_remove(&f->heap, &f->items[i]);
    } else {
      f->items[i].key = key;
      heap_update(&f->heap, &f->items[i]);
    }
    the_first_is_the_least(f);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_empty_heap_has_no_first),
      TEST(items_come_out_in_order),
      TEST(an_item_that_is_removed_is_outside),
      TEST(removing_what_is_outside_changes_nothing),
      TEST(an_item_whose_key_changed_moves_either_way),
      TEST(what_is_reserved_stays_reserved),
      TEST(much_room_for_few_is_given_back),
      TEST(no_room_is_kept_for_nothing),
      TEST(the_first_is_the_least_whatever_is_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
