/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include "basics.h"

#include <string.h>

#define ITEM_BYTES 192
#define ITEMS 10000

static struct pool pool = POOL_OF(ITEM_BYTES);
static char *items[ITEMS];

static char *take(void) {
  static const char zeros[ITEM_BYTES];
  char *item = pool_take(&pool);
  assert_non_null(item);
  assert_memory_equal(item, zeros, ITEM_BYTES);
  assert_int_equal((uintptr_t)item % 8, 0);
  memset(item, 0xAA, ITEM_BYTES);
  return item;
}

/* Each item holds its own number, so that two in one place are seen. */
static void take_all(void) {
  for (int i = 0; i < ITEMS; i++) {
    items[i] = take();
    memcpy(items[i], &i, sizeof i);
  }
}

static void give(int i) {
  int number;
  memcpy(&number, items[i], sizeof number);
  assert_int_equal(number, i);
  pool_give(&pool, items[i]);
}

static void items_are_zero_and_apart(void **state) {
  (void)state;
  take_all();
  for (int i = 0; i < ITEMS; i++)
    give(i);
}

static void an_item_that_was_given_is_taken_again(void **state) {
  (void)state;
  char *first = take();
  pool_give(&pool, first);
  char *second = take();
  assert_ptr_equal(first, second);
  pool_give(&pool, second);
}

static void slabs_go_with_their_items(void **state) {
  (void)state;
  take_all();
  assert_true(pool.slab_count >= ITEMS * ITEM_BYTES / POOL_SLAB_BYTES);
  for (int i = 1; i < ITEMS; i++)
    give(i);
  assert_true(pool.slab_count <= 2);
  give(0);
  assert_int_equal(pool.slab_count, 1);
}

static void holes_are_filled_before_there_are_more_slabs(void **state) {
  (void)state;
  take_all();
  size_t slabs = pool.slab_count;
  for (int i = 0; i < ITEMS; i += 2)
    give(i);
  assert_int_equal(pool.slab_count, slabs);
  for (int i = 0; i < ITEMS; i += 2) {
    items[i] = take();
    memcpy(items[i], &i, sizeof i);
  }
  assert_int_equal(pool.slab_count, slabs);
  for (int i = 0; i < ITEMS; i++)
    give(i);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(items_are_zero_and_apart),
      cmocka_unit_test(an_item_that_was_given_is_taken_again),
      cmocka_unit_test(slabs_go_with_their_items),
      cmocka_unit_test(holes_are_filled_before_there_are_more_slabs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
