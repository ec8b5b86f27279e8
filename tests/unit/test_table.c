/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include "base/hash.h"

#include "basics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 1000

struct item {
  char name[8];
  struct table_link link;
  bool is_in;
};

struct fixture {
  struct table table;
  struct item items[ITEMS];
};

static const char *name_of(const struct table_link *link) {
  return TABLE_ITEM(link, struct item, link)->name;
}

static uint64_t hash(const struct table_link *link) {
  return hash_text(HASH_BEGIN, name_of(link));
}

/* As if all texts had one hash. */
static uint64_t same_hash(const struct table_link *link) {
  (void)link;
  return 7;
}

static bool has_name(const struct table_link *link, const void *key) {
  return strcmp(name_of(link), key) == 0;
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  table_init(&f->table, hash, has_name);
  for (size_t i = 0; i < ITEMS; i++)
    snprintf(f->items[i].name, sizeof f->items[i].name, "d%03zu", i);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  table_free(&f->table);
  free(f);
  return 0;
}

static void add(struct fixture *f, size_t i) {
  assert_int_equal(table_add(&f->table, &f->items[i].link), 0);
  f->items[i].is_in = true;
}

static void take_out(struct fixture *f, size_t i) {
  table_remove(&f->table, &f->items[i].link);
  f->items[i].is_in = false;
}

static void add_all(struct fixture *f) {
  for (size_t i = 0; i < ITEMS; i++)
    add(f, i);
}

static const struct table_link *find(const struct fixture *f,
                                     const char *name) {
  return table_find(&f->table, hash_text(HASH_BEGIN, name), name);
}

static void each_is_found_while_it_is_in(const struct fixture *f) {
  for (size_t i = 0; i < ITEMS; i++)
    assert_ptr_equal(find(f, f->items[i].name),
                     f->items[i].is_in ? &f->items[i].link : NULL);
}

static void nothing_is_found_in_an_empty_table(void **state) {
  const struct fixture *f = *state;
  assert_null(find(f, "d000"));
  assert_null(table_first(&f->table));
}

static void each_item_is_found_by_its_key(void **state) {
  struct fixture *f = *state;
  add_all(f);
  each_is_found_while_it_is_in(f);
  assert_null(find(f, "e000"));
}

static void what_was_removed_is_not_found(void **state) {
  struct fixture *f = *state;
  add_all(f);
  for (size_t i = 0; i < ITEMS; i += 3)
    take_out(f, i);
  each_is_found_while_it_is_in(f);
}

static void items_of_one_hash_are_told_apart(void **state) {
  struct fixture *f = *state;
  table_init(&f->table, same_hash, has_name);
  for (size_t i = 0; i < 40; i++)
    add(f, i);
  take_out(f, 20);
  for (size_t i = 0; i < 40; i++)
    assert_ptr_equal(table_find(&f->table, 7, f->items[i].name),
                     i != 20 ? &f->items[i].link : NULL);
}

static void buckets_come_and_go_with_the_items(void **state) {
  struct fixture *f = *state;
  add_all(f);
  assert_int_equal(f->table.bucket_count, 1024);
  for (size_t i = 100; i < ITEMS; i++)
    take_out(f, i);
  assert_int_equal(f->table.bucket_count, 512);
  each_is_found_while_it_is_in(f);
  for (size_t i = 0; i < 100; i++)
    take_out(f, i);
  assert_null(f->table.buckets);
}

static void a_round_sees_each_item_once(void **state) {
  struct fixture *f = *state;
  size_t seen = 0;
  add_all(f);
  for (struct table_link *link = table_first(&f->table); link != NULL;
       link = table_next(&f->table, link), seen++) {
    struct item *one = TABLE_ITEM(link, struct item, link);
    assert_true(one->is_in);
    one->is_in = false;
  }
  assert_int_equal(seen, ITEMS);
}

static void a_hash_depends_on_all_of_it(void **state) {
  (void)state;
  uint64_t a = hash_text(HASH_BEGIN, "a");
  assert_true(hash_text(a, "b") == hash_text(HASH_BEGIN, "ab"));
  assert_true(hash_number(a, 1) != hash_number(a, 2));
  assert_true(hash_number(a, 1) != hash_number(hash_text(HASH_BEGIN, "b"), 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(nothing_is_found_in_an_empty_table),
      TEST(each_item_is_found_by_its_key),
      TEST(what_was_removed_is_not_found),
      TEST(items_of_one_hash_are_told_apart),
      TEST(buckets_come_and_go_with_the_items),
      TEST(a_round_sees_each_item_once),
      TEST(a_hash_depends_on_all_of_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
