/* SPDX-License-Identifier: MIT */
#include "base/names.h"

#include "basics.h"

#include <stdlib.h>
#include <string.h>

struct item {
  const char *name;
  int number;
};

static void what_was_added_is_found_without_regard_to_case(void **state) {
  (void)state;
  struct names n = {.items = NULL};
  struct item *a = names_add(&n, "Alpha", sizeof(*a));
  struct item *b = names_add(&n, "beta", sizeof(*b));
  assert_ptr_equal(names_find(&n, "aLPHA"), a);
  assert_ptr_equal(names_find(&n, "BETA"), b);
  assert_null(names_find(&n, "gamma"));
  assert_string_equal(a->name, "Alpha");
  assert_int_equal(b->number, 0);
  names_free(&n, free);
}

static void items_keep_their_order_and_place(void **state) {
  (void)state;
  struct names n = {.items = NULL};
  const struct item *items[100];
  for (int i = 0; i < 100; i++) {
    const char name[] = {(char)('a' + i * 7 % 10), (char)('a' + i / 10), '\0'};
    items[i] = names_add(&n, name, sizeof(struct item));
    assert_non_null(items[i]);
  }
  assert_int_equal(n.count, 100);
  for (size_t i = 0; i < 100; i++) {
    assert_ptr_equal(n.items[i], items[i]);
    assert_ptr_equal(names_find(&n, items[i]->name), items[i]);
  }
  names_free(&n, free);
}

static void a_name_that_is_too_long_is_cut(void **state) {
  (void)state;
  char name[2 * NAMES_NAME_BYTES];
  memset(name, 'n', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  struct names n = {.items = NULL};
  const struct item *item = names_add(&n, name, sizeof(*item));
  assert_int_equal(strlen(item->name), NAMES_NAME_BYTES - 1);
  assert_int_equal(item->number, 0);
  names_free(&n, free);
}

static void a_freed_list_is_empty_and_can_be_filled_again(void **state) {
  (void)state;
  struct names n = {.items = NULL};
  names_add(&n, "a", sizeof(struct item));
  names_free(&n, free);
  assert_int_equal(n.count, 0);
  assert_null(names_find(&n, "a"));
  assert_non_null(names_add(&n, "a", sizeof(struct item)));
  names_free(&n, free);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_added_is_found_without_regard_to_case),
      cmocka_unit_test(items_keep_their_order_and_place),
      cmocka_unit_test(a_name_that_is_too_long_is_cut),
      cmocka_unit_test(a_freed_list_is_empty_and_can_be_filled_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
