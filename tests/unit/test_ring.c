/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct item {
  char name;
  struct ring link;
};

struct fixture {
  struct ring head;
  struct item a, b, c;
};

static int set_up(void **state) {
  static struct fixture f;
  f = (struct fixture){.a.name = 'a', .b.name = 'b', .c.name = 'c'};
  ring_init(&f.head);
  *state = &f;
  return 0;
}

static void holds(const struct ring *head, const char *expected) {
  char names[8] = "";
  size_t count = 0;
  for (struct ring *link = ring_first(head); link != NULL;
       link = ring_next(head, link))
    names[count++] = RING_ITEM(link, struct item, link)->name;
  assert_string_equal(names, expected);
}

static void an_empty_ring_has_no_first(void **state) {
  const struct fixture *f = *state;
  assert_null(ring_first(&f->head));
  holds(&f->head, "");
}

static void links_stand_in_the_order_in_which_they_came(void **state) {
  struct fixture *f = *state;
  ring_append(&f->head, &f->b.link);
  ring_append(&f->head, &f->a.link);
  ring_append(&f->head, &f->c.link);
  holds(&f->head, "bac");
  assert_ptr_equal(ring_first(&f->head), &f->b.link);
}

static void any_link_can_be_taken_out_and_put_behind_the_last(void **state) {
  struct fixture *f = *state;
  ring_append(&f->head, &f->a.link);
  ring_append(&f->head, &f->b.link);
  ring_append(&f->head, &f->c.link);
  assert_true(ring_has(&f->b.link));
  ring_remove(&f->b.link);
  assert_false(ring_has(&f->b.link));
  holds(&f->head, "ac");
  ring_remove(&f->b.link);
  holds(&f->head, "ac");
  ring_remove(&f->a.link);
  ring_append(&f->head, &f->a.link);
  holds(&f->head, "ca");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(an_empty_ring_has_no_first, set_up),
      cmocka_unit_test_setup(links_stand_in_the_order_in_which_they_came,
                             set_up),
      cmocka_unit_test_setup(any_link_can_be_taken_out_and_put_behind_the_last,
                             set_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
