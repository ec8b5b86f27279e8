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
#define NOW_WALL_MS 1000000 /* later than the times of all events */

static const struct policy heat = {.rule = "heat", .supersede = true};
static const struct policy dust = {
    .rule = "dust", .index = 1, .supersede = true};
static const struct policy keep_all = {.rule = "all", .index = 2};
static const struct device fan = {.name = "fan"};
static const struct device lamp = {.name = "lamp", .index = 1};
static const struct device siren = {.name = "siren", .index = 2};

static struct inbox *inbox_of(size_t firings, size_t bytes) {
  struct inbox *in = inbox_new(3, firings, bytes);
  assert_non_null(in);
  return in;
}

static const struct firing_body NOTHING = {0};

static struct firing *firing_of(const char *series, size_t body,
                                size_t okay_body) {
  static const char bytes[100];
  struct firing *f =
      firing_new(series, (struct firing_body){body > 0 ? bytes : NULL, body},
                 (struct firing_body){okay_body > 0 ? bytes : NULL, okay_body});
  assert_non_null(f);
  f->policy = &heat;
  f->device = &fan;
  f->severity = SEVERITY_FAILURE;
  return f;
}

/* Whether it was put; what was not is freed. */
static int put_firing(struct inbox *in, struct firing *f) {
  bool was_empty;
  int status = inbox_put(in, f, &was_empty);
  if (status < 0)
    firing_free(f);
  return status;
}

static int put(struct inbox *in, const char *series, size_t body,
               size_t okay_body) {
  return put_firing(in, firing_of(series, body, okay_body));
}

/* A failure of series "s" whose own time is `at`. */
static struct firing *failure_at(int64_t at) {
  struct firing *f = firing_of("s", 1, 0);
  f->wall_event_ms = at;
  f->arrived.wall_ms = NOW_WALL_MS;
  return f;
}

static void take_and_free(struct inbox *in) {
  for (struct firing *f = inbox_take(in, SIZE_MAX), *next; f != NULL;
       f = next) {
    next = f->next;
    firing_free(f);
  }
}

/* Takes the oldest one, which must be of that series and time, and have taken
 * the place of so many. */
static void takes(struct inbox *in, const char *series, int64_t at,
                  uint64_t replaced) {
  struct firing *f = inbox_take(in, 1);
  assert_non_null(f);
  assert_null(f->next);
  assert_string_equal(f->series, series);
  assert_int_equal(f->wall_event_ms, at);
  assert_int_equal(f->replaced, replaced);
  firing_free(f);
}

static void is_empty(struct inbox *in) {
  assert_int_equal(inbox_count(in), 0);
  assert_null(inbox_take(in, 1));
  inbox_free(in);
}

static void firings_come_out_in_the_order_they_were_put(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  assert_null(inbox_take(in, SIZE_MAX));
  assert_int_equal(put(in, "first", 1, 0), 0);
  assert_int_equal(put(in, "second", 1, 0), 0);
  assert_int_equal(inbox_count(in), 2);
  struct firing *f = inbox_take(in, SIZE_MAX);
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

static void no_more_are_taken_than_were_asked_for(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  assert_int_equal(put(in, "a", 1, 0), 0);
  assert_int_equal(put(in, "b", 1, 0), 0);
  assert_int_equal(put(in, "c", 1, 0), 0);
  struct firing *f = inbox_take(in, 2);
  assert_string_equal(f->series, "a");
  assert_string_equal(f->next->series, "b");
  assert_null(f->next->next);
  firing_free(f->next);
  firing_free(f);
  assert_int_equal(put(in, "d", 1, 0), 0);
  takes(in, "c", 0, 0);
  takes(in, "d", 0, 0);
  is_empty(in);
}

static int put_for(struct inbox *in, const struct device *device,
                   const char *series) {
  struct firing *f = firing_of(series, 1, 0);
  f->device = device;
  return put_firing(in, f);
}

static void devices_take_turns(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  assert_int_equal(put_for(in, &fan, "f1"), 0);
  assert_int_equal(put_for(in, &fan, "f2"), 0);
  assert_int_equal(put_for(in, &fan, "f3"), 0);
  assert_int_equal(put_for(in, &lamp, "l1"), 0);
  assert_int_equal(put_for(in, &lamp, "l2"), 0);
  takes(in, "f1", 0, 0);
  takes(in, "f2", 0, 0);
  takes(in, "l1", 0, 0);
  takes(in, "f3", 0, 0);
  takes(in, "l2", 0, 0);
  is_empty(in);
}

static void one_that_had_nothing_need_not_wait_for_all_the_rest(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(put_for(in, &fan, "f"), 0);
    assert_int_equal(put_for(in, &lamp, "l"), 0);
  }
  for (int i = 0; i < 3; i++)
    firing_free(inbox_take(in, 1));
  assert_int_equal(put_for(in, &siren, "s"), 0);
  firing_free(inbox_take(in, 1));
  takes(in, "s", 0, 0);
  assert_int_equal(inbox_count(in), 2);
  take_and_free(in);
  is_empty(in);
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
  struct firing *f = inbox_take(in, SIZE_MAX);
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

/* ---- one takes the place of another ---- */

static void a_newer_one_takes_the_place_of_the_older(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  assert_int_equal(put_firing(in, failure_at(1)), 0);
  assert_int_equal(put(in, "other", 1, 0), 0);
  assert_int_equal(put_firing(in, failure_at(2)), 0);
  assert_int_equal(put_firing(in, failure_at(3)), 0);
  assert_int_equal(inbox_count(in), 2);
  takes(in, "s", 3, 2);
  takes(in, "other", 0, 0);
  assert_int_equal(put_firing(in, failure_at(4)), 0);
  takes(in, "s", 4, 0);
  is_empty(in);
}

static void those_of_another_key_are_kept(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  struct firing *other_rule = failure_at(2), *other_device = failure_at(2);
  other_rule->policy = &dust;
  other_device->device = &lamp;
  assert_int_equal(put_firing(in, failure_at(1)), 0);
  assert_int_equal(put_firing(in, other_rule), 0);
  assert_int_equal(put_firing(in, other_device), 0);
  takes(in, "s", 1, 0);
  takes(in, "s", 2, 0);
  takes(in, "s", 2, 0);
  is_empty(in);
}

static void a_rule_that_does_not_supersede_keeps_all(void **state) {
  (void)state;
  struct inbox *in = inbox_of(2, 1000);
  for (int at = 1; at <= 3; at++) {
    struct firing *f = failure_at(at);
    f->policy = &keep_all;
    assert_int_equal(put_firing(in, f), at <= 2 ? 0 : -ENOBUFS);
  }
  takes(in, "s", 1, 0);
  takes(in, "s", 2, 0);
  is_empty(in);
}

/* What is late, what comes twice, and what another state leaves behind is for
 * the lanes to see. */
static void what_the_lanes_would_tell_apart_is_kept(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 1000);
  struct firing *okay = failure_at(3), *silent = failure_at(4),
                *valued = failure_at(5);
  okay->severity = SEVERITY_OKAY;
  silent->body = NULL;
  valued->has_value = true;
  assert_int_equal(put_firing(in, failure_at(2)), 0);
  assert_int_equal(put_firing(in, failure_at(2)), 0);
  assert_int_equal(put_firing(in, failure_at(1)), 0);
  assert_int_equal(put_firing(in, okay), 0);
  assert_int_equal(put_firing(in, silent), 0);
  assert_int_equal(put_firing(in, valued), 0);
  const int64_t times[] = {2, 2, 1, 3, 4, 5};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    takes(in, "s", times[i], 0);
  is_empty(in);
}

/* 12,000 events of one slot that flaps: the last one is its state. */
static void
when_it_is_full_the_newest_state_has_room_in_any_case(void **state) {
  (void)state;
  struct inbox *in = inbox_of(3, 1000);
  assert_int_equal(put(in, "other", 1, 0), 0);
  for (int at = 1; at <= 12000; at++) {
    struct firing *f = failure_at(at);
    f->severity = at % 2 == 0 ? SEVERITY_OKAY : SEVERITY_FAILURE;
    assert_int_equal(put_firing(in, f), 0);
  }
  takes(in, "other", 0, 0);
  takes(in, "s", 1, 0);
  takes(in, "s", 12000, 11998);
  is_empty(in);
}

/* Takes the oldest one; an OKAY of its series may have gone before it. */
static void takes_what_passes_okay(struct inbox *in, int64_t at,
                                   bool expected) {
  struct firing *f = inbox_take(in, 1);
  assert_int_equal(f->wall_event_ms, at);
  assert_int_equal(f->passes_okay, expected);
  firing_free(f);
}

/* A state that was OKAY in between begins anew, for After and Until. */
static void an_okay_that_has_gone_is_told_by_what_has_its_place(void **state) {
  (void)state;
  struct inbox *in = inbox_of(3, 1000);
  struct firing *okay = failure_at(2);
  okay->severity = SEVERITY_OKAY;
  assert_int_equal(put_firing(in, failure_at(1)), 0);
  assert_int_equal(put_firing(in, okay), 0);
  assert_int_equal(put_firing(in, failure_at(3)), 0);
  assert_int_equal(put(in, "new", 1, 0), 0);
  assert_int_equal(put(in, "newer", 1, 0), 0);
  assert_int_equal(put_firing(in, failure_at(4)), 0);
  takes_what_passes_okay(in, 4, true);
  assert_int_equal(put_firing(in, failure_at(5)), 0);
  assert_int_equal(put_firing(in, failure_at(6)), 0);
  takes(in, "new", 0, 0);
  takes(in, "newer", 0, 0);
  takes_what_passes_okay(in, 6, false);
  is_empty(in);
}

static void
a_state_of_a_new_series_has_room_where_others_are_outdated(void **state) {
  (void)state;
  struct inbox *in = inbox_of(3, 1000);
  struct firing *okay = failure_at(2);
  okay->severity = SEVERITY_OKAY;
  assert_int_equal(put_firing(in, failure_at(1)), 0);
  assert_int_equal(put_firing(in, okay), 0);
  assert_int_equal(put_firing(in, failure_at(3)), 0);
  assert_int_equal(put(in, "new", 1, 0), 0);
  assert_int_equal(put(in, "newer", 1, 0), 0);
  assert_int_equal(put(in, "nobody's", 1, 0), -ENOBUFS);
  assert_int_equal(inbox_count(in), 3);
  takes(in, "s", 3, 2);
  takes(in, "new", 0, 0);
  takes(in, "newer", 0, 0);
  is_empty(in);
}

static void
so_many_of_the_outdated_go_as_make_room_for_its_bytes(void **state) {
  (void)state;
  struct inbox *in = inbox_of(100, 30);
  for (int at = 1; at <= 3; at++) {
    struct firing *f = firing_of("s", 10, 0);
    f->severity = at % 2 == 0 ? SEVERITY_OKAY : SEVERITY_FAILURE;
    f->wall_event_ms = at;
    assert_int_equal(put_firing(in, f), 0);
  }
  assert_int_equal(put(in, "new", 8, 7), 0);
  assert_int_equal(inbox_count(in), 2);
  takes(in, "s", 3, 2);
  takes(in, "new", 0, 0);
  is_empty(in);
}

static void when_it_is_full_what_is_late_does_not_take_the_place_of_the_newest(
    void **state) {
  (void)state;
  struct inbox *in = inbox_of(2, 1000);
  struct firing *newest = failure_at(20), *late = failure_at(10);
  newest->has_value = late->has_value = true;
  late->severity = SEVERITY_OKAY;
  assert_int_equal(put(in, "other", 1, 0), 0);
  assert_int_equal(put_firing(in, newest), 0);
  assert_int_equal(put_firing(in, late), -ENOBUFS);
  assert_int_equal(put_firing(in, failure_at(20)), -ENOBUFS); /* doubled */
  takes(in, "other", 0, 0);
  takes(in, "s", 20, 0);
  is_empty(in);
}

static void what_is_late_makes_nothing_outdated(void **state) {
  (void)state;
  struct inbox *in = inbox_of(2, 1000);
  struct firing *newest = failure_at(20), *late = failure_at(10);
  newest->has_value = late->has_value = true;
  late->severity = SEVERITY_OKAY;
  assert_int_equal(put_firing(in, newest), 0);
  assert_int_equal(put_firing(in, late), 0);
  assert_int_equal(put(in, "new", 1, 0), -ENOBUFS);
  takes(in, "s", 20, 0);
  takes(in, "s", 10, 0);
  is_empty(in);
}

static void
a_flood_of_a_rule_that_keeps_all_leaves_room_for_states(void **state) {
  (void)state;
  struct inbox *in = inbox_of(3, 1000);
  struct firing *f;
  do {
    f = failure_at(1);
    f->policy = &keep_all;
  } while (put_firing(in, f) == 0);
  assert_int_equal(inbox_count(in), 3);
  assert_int_equal(put(in, "a", 1, 0), 0);
  assert_int_equal(put(in, "b", 1, 0), 0);
  assert_int_equal(put(in, "c", 1, 0), 0);
  assert_int_equal(put(in, "d", 1, 0), -ENOBUFS);
  assert_int_equal(inbox_count(in), 6);
  inbox_free(in);
}

/* ---- a random walk ---- */

#define WALK_STEPS 200000
#define WALK_SERIES 5

struct walk {
  struct inbox *in;
  int64_t newest[WALK_SERIES]; /* time of the last that was put, 0: none, */
  int64_t taken[WALK_SERIES];  /* and of the last that was taken */
  uint64_t put;
  uint64_t out; /* with what had gone */
};

static void walk_put(struct walk *walk, int at) {
  int series = rand() % WALK_SERIES;
  char name[2] = {(char)('a' + series), '\0'};
  struct firing *f = firing_of(name, 1 + (size_t)rand() % 4, 0);
  f->device = rand() % 2 == 0 ? &fan : &lamp;
  f->policy = &keep_all;
  if (rand() % 2 == 0) { /* one key for each series */
    f->device = series % 2 == 0 ? &fan : &lamp;
    f->policy = &heat;
    walk->newest[series] = at;
  }
  f->severity = rand() % 2 == 0 ? SEVERITY_OKAY : SEVERITY_FAILURE;
  f->wall_event_ms = at;
  bool is_state = f->policy == &heat;
  int status = put_firing(walk->in, f);
  assert_true(status == 0 || !is_state); /* the newest state has room */
  walk->put += status == 0;
}

static void walk_take(struct walk *walk, size_t max) {
  for (struct firing *f = inbox_take(walk->in, max), *next; f; f = next) {
    int series = f->series[0] - 'a';
    next = f->next;
    walk->out += 1 + f->replaced;
    if (f->policy == &heat) {
      assert_true(f->wall_event_ms > walk->taken[series]);
      walk->taken[series] = f->wall_event_ms;
    }
    firing_free(f);
  }
}

static void the_newest_state_of_each_series_comes_out_last(void **state) {
  (void)state;
  struct walk walk = {.in = inbox_of(5, 20)};
  for (int at = 1; at <= WALK_STEPS; at++) {
    walk_put(&walk, at);
    if (rand() % 4 == 0)
      walk_take(&walk, (size_t)rand() % 4);
    assert_true(inbox_count(walk.in) <= 10);
    if (rand() % 50 == 0)
      inbox_set_waiting(walk.in, (size_t)rand() % 7, (size_t)rand() % 25);
  }
  walk_take(&walk, SIZE_MAX);
  assert_memory_equal(walk.newest, walk.taken, sizeof walk.newest);
  assert_int_equal(walk.out, walk.put);
  is_empty(walk.in);
}

/* ---- nearly full ---- */

static void it_is_nearly_full_at_seven_eighths_of_a_limit(void **state) {
  (void)state;
  struct inbox *in = inbox_of(8, 80);
  for (int i = 0; i < 6; i++)
    assert_int_equal(put(in, (char[]){(char)('a' + i), '\0'}, 1, 0), 0);
  inbox_set_waiting(in, 8, 80); /* what waits behind it is not here */
  assert_false(inbox_is_nearly_full(in));
  assert_int_equal(put(in, "g", 1, 0), 0);
  assert_true(inbox_is_nearly_full(in));
  take_and_free(in);
  assert_false(inbox_is_nearly_full(in));
  assert_int_equal(put(in, "h", 40, 30), 0);
  assert_true(inbox_is_nearly_full(in));
  inbox_free(in);
}

static void one_that_asks_for_nothing_would_have_been_no_command(void **state) {
  (void)state;
  struct inbox *in = inbox_of(1, 1000);
  struct firing *silent = failure_at(1), *unsendable = failure_at(2);
  silent->body = NULL;
  unsendable->body = NULL;
  unsendable->has_unsendable = true;
  assert_int_equal(put_firing(in, silent), 0);
  assert_int_equal(put_firing(in, unsendable), 0);
  assert_int_equal(put_firing(in, failure_at(3)), 0);
  takes(in, "s", 3, 1);
  is_empty(in);
}

static void the_bytes_are_those_of_the_newest(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 100);
  struct firing *small = firing_of("s", 10, 0), *large = firing_of("s", 60, 30);
  small->wall_event_ms = 2;
  large->wall_event_ms = 1;
  assert_int_equal(put_firing(in, large), 0);
  assert_int_equal(put(in, "a", 11, 0), -ENOBUFS);
  assert_int_equal(put_firing(in, small), 0);
  assert_int_equal(put(in, "a", 90, 0), 0);
  /* The newest state has room, whatever its size. */
  struct firing *newest = firing_of("a", 99, 0);
  newest->wall_event_ms = 1;
  assert_int_equal(put_firing(in, newest), 0);
  take_and_free(in);
  assert_int_equal(put(in, "b", 100, 0), 0);
  inbox_free(in);
}

/* ---- what waits behind it ---- */

static struct firing *firing_that_is_kept(size_t body) {
  struct firing *f = firing_of("s", body, 0);
  f->policy = &keep_all;
  return f;
}

static void what_waits_behind_it_counts_within_the_limits(void **state) {
  (void)state;
  struct inbox *in = inbox_of(10, 100);
  inbox_set_waiting(in, 8, 80);
  assert_int_equal(put_firing(in, firing_that_is_kept(21)), -ENOBUFS);
  assert_int_equal(put_firing(in, firing_that_is_kept(1)), 0);
  assert_int_equal(put_firing(in, firing_that_is_kept(1)), 0);
  assert_int_equal(put_firing(in, firing_that_is_kept(1)), -ENOBUFS);
  take_and_free(in);
  assert_int_equal(put_firing(in, firing_that_is_kept(1)), -ENOBUFS);
  inbox_set_waiting(in, 9, 99);
  assert_int_equal(put_firing(in, firing_that_is_kept(1)), 0);
  inbox_free(in);
}

static void what_may_supersede_there_has_room_all_the_same(void **state) {
  (void)state;
  struct inbox *in = inbox_of(2, 100);
  inbox_set_waiting(in, 2, 100);
  assert_int_equal(put_firing(in, failure_at(1)), 0);
  struct firing *okay = failure_at(2);
  okay->severity = SEVERITY_OKAY;
  assert_int_equal(put_firing(in, okay), 0);
  takes(in, "s", 2, 1);
  is_empty(in);
}

/* ---- many threads ---- */

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
    struct firing *f = firing_new(series, NOTHING, NOTHING);
    if (f == NULL)
      abort();
    f->policy = &heat;
    f->device = &fan;
    if (inbox_put(p->inbox, f, &was_empty) < 0)
      abort();
  }
  return NULL;
}

/* Each producer's firings must come in its own order. */
static size_t check_order(struct inbox *in, int next[static PRODUCERS]) {
  size_t count = 0;
  for (struct firing *f = inbox_take(in, SIZE_MAX), *after; f != NULL;
       f = after) {
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
      cmocka_unit_test(no_more_are_taken_than_were_asked_for),
      cmocka_unit_test(devices_take_turns),
      cmocka_unit_test(one_that_had_nothing_need_not_wait_for_all_the_rest),
      cmocka_unit_test(it_is_full_at_its_number),
      cmocka_unit_test(it_is_full_at_its_bytes_of_both_bodies),
      cmocka_unit_test(once_closed_nothing_can_be_put),
      cmocka_unit_test(what_is_left_is_freed_with_it),
      cmocka_unit_test(a_newer_one_takes_the_place_of_the_older),
      cmocka_unit_test(those_of_another_key_are_kept),
      cmocka_unit_test(a_rule_that_does_not_supersede_keeps_all),
      cmocka_unit_test(what_the_lanes_would_tell_apart_is_kept),
      cmocka_unit_test(when_it_is_full_the_newest_state_has_room_in_any_case),
      cmocka_unit_test(an_okay_that_has_gone_is_told_by_what_has_its_place),
      cmocka_unit_test(
          a_state_of_a_new_series_has_room_where_others_are_outdated),
      cmocka_unit_test(so_many_of_the_outdated_go_as_make_room_for_its_bytes),
      cmocka_unit_test(
          when_it_is_full_what_is_late_does_not_take_the_place_of_the_newest),
      cmocka_unit_test(what_is_late_makes_nothing_outdated),
      cmocka_unit_test(a_flood_of_a_rule_that_keeps_all_leaves_room_for_states),
      cmocka_unit_test(the_newest_state_of_each_series_comes_out_last),
      cmocka_unit_test(it_is_nearly_full_at_seven_eighths_of_a_limit),
      cmocka_unit_test(one_that_asks_for_nothing_would_have_been_no_command),
      cmocka_unit_test(the_bytes_are_those_of_the_newest),
      cmocka_unit_test(what_waits_behind_it_counts_within_the_limits),
      cmocka_unit_test(what_may_supersede_there_has_room_all_the_same),
      cmocka_unit_test(nothing_is_lost_or_reordered_between_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
