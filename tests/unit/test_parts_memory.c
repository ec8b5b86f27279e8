/* SPDX-License-Identifier: MIT
 *
 * The parts of the agent and the tool's listings while a piece of memory is
 * missing: each is made as a whole or not at all, and what is counted or kept
 * elsewhere is right all the same.
 */
#include "basics.h"

#include "agent/bulletin.h"
#include "agent/inbox.h"
#include "agent/orders.h"
#include "agent/outbox.h"
#include "agent/roster.h"
#include "agent/stats.h"
#include "agent/troubles.h"
#include "agent/uuids.h"
#include "agent/watch.h"
#include "cloud/api.h"
#include "delivery/lanes.h"
#include "delivery/tracker.h"
#include "listing.h"
#include "scarce_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct options options;
static struct device *fan;
static struct stats *all_stats;

static uint64_t no_jitter(void *context, uint64_t max_inclusive) {
  (void)context;
  return max_inclusive;
}

static int set_up(void **state) {
  struct endpoint *cloud;
  (void)state;
  options = (struct options){.directory = directory_new()};
  options.rules = rule_book_new(options.directory);
  directory_add_endpoint(options.directory, "cloud", &cloud);
  cloud->api = &cmds_api;
  cloud->url = strdup("http://there/");
  directory_add_device(options.directory, "fan", &fan);
  fan->endpoint = cloud;
  rule_book_add(options.rules, "heat", EVENT_NOTIFICATION);
  assert_int_equal(rule_book_seal(options.rules), 0);
  all_stats = stats_new(options.directory);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  stats_free(all_stats);
  rule_book_free(options.rules);
  directory_free(options.directory);
  return 0;
}

/* ---- making ---- */

/* Makes one part and frees it. Returns whether it was made. */
typedef bool make_fn(void);

static bool make_stats(void) {
  struct stats *s = stats_new(options.directory);
  stats_free(s);
  return s != NULL;
}

static bool make_outbox(void) {
  struct outbox *o = outbox_new();
  outbox_free(o);
  return o != NULL;
}

static bool make_inbox(void) {
  struct inbox *in = inbox_new(1, 10, 1000);
  inbox_free(in);
  return in != NULL;
}

static bool make_orders(void) {
  struct orders *o = orders_new(&options);
  orders_free(o);
  return o != NULL;
}

static bool make_bulletin(void) {
  struct bulletin *b =
      bulletin_new(&options, all_stats, (struct moment){.ms = 1});
  bulletin_free(b);
  return b != NULL;
}

static bool make_roster(void) {
  struct roster *r = roster_new(options.directory, 10);
  roster_free(r);
  return r != NULL;
}

static bool make_troubles(void) {
  struct troubles *t = troubles_new(1, 1);
  troubles_free(t);
  return t != NULL;
}

static bool make_uuids(void) {
  struct uuids *u = uuids_new();
  uuids_free(u);
  return u != NULL;
}

static bool make_watch(void) {
  struct watch *w = watch_new(options.rules, 1);
  watch_free(w);
  return w != NULL;
}

static bool make_tracker(void) {
  struct journal j;
  journal_init(&j);
  struct tracker *t = tracker_new(1, 10, &j);
  tracker_free(t);
  return t != NULL;
}

static bool make_lanes(void) {
  struct journal j;
  journal_init(&j);
  struct lanes *l =
      lanes_new(&(const struct lanes_options){.directory = options.directory,
                                              .journal = &j,
                                              .queue_limit = 10,
                                              .queue_bytes = 1000,
                                              .series_max = 10,
                                              .random = no_jitter});
  lanes_free(l);
  return l != NULL;
}

struct part {
  make_fn *make;
};

static void is_made(void *context) {
  const struct part *part = context;
  bool is_there = part->make();
  assert_int_equal(is_there, scarce_memory_missed() == 0);
}

static void a_part_is_made_as_a_whole_or_not_at_all(void **state) {
  static make_fn *const makers[] = {
      make_stats,    make_outbox,  make_inbox, make_orders,
      make_bulletin, make_roster,  make_uuids, make_troubles,
      make_watch,    make_tracker, make_lanes,
  };
  (void)state;
  for (size_t i = 0; i < COUNT(makers); i++) {
    struct part part = {makers[i]};
    scarce_memory_walk(NULL, is_made, &part, 1);
  }
}

/* ---- counting ---- */

/* Causes and latencies may be missing; how commands ended may not. */
static void is_counted(void *context) {
  struct stats_commands c;
  struct stats_latency latency;
  struct stats_tracked tracked;
  struct account a = {.device = fan, .created = 5, .pending = 1};
  struct stats *s = *(struct stats **)context;
  a.by_outcome[OUTCOME_ACCEPTED] = 4;
  stats_count_failure(s, fan, "errno_10");
  stats_count_latency(s, fan, 100);
  stats_note_tracked(s, fan);
  stats_count_end(s, fan, TRACKED_END_ANSWERED);
  stats_count_answer_latency(s, fan, 100);
  stats_count_ignored(s, fan, IGNORED_SERIES_MAX);
  stats_count_http_code(s, fan->endpoint, 200);
  stats_publish(s, &a);
  scarce_memory_end();
  stats_read_device(s, fan, &c);
  assert_int_equal(c.created, 5);
  assert_int_equal(c.by_outcome[OUTCOME_ACCEPTED], 4);
  assert_int_equal(c.pending, 1);
  stats_take_latency(s, fan, &latency);
  stats_take_tracked(s, fan, &tracked);
  stats_count_ignored(s, fan, IGNORED_SERIES_MAX);
  assert_true(stats_ignored(s, fan, IGNORED_SERIES_MAX) >= 1);
}

static void makes_stats(void *context) {
  struct stats **s = context;
  stats_free(*s);
  *s = stats_new(options.directory);
}

static void outcomes_are_counted_without_memory(void **state) {
  struct stats *s = NULL;
  (void)state;
  scarce_memory_walk(makes_stats, is_counted, &s, 4);
  stats_free(s);
}

/* ---- commands that are tracked ---- */

static void is_tracked(void *context) {
  static const struct policy policy = {.rule = "heat", .track = true};
  struct journal j;
  (void)context;
  journal_init(&j);
  struct tracker *t = tracker_new(1, 10, &j);
  struct tracked *one = tracked_new("heat/fan");
  if (one != NULL) {
    one->policy = &policy;
    one->device = fan;
    strcpy(one->cmd_uuid, "uuid");
  }
  if (t == NULL || one == NULL ||
      tracker_add(t, one, (struct moment){.ms = 1}) < 0)
    tracked_free(one);
  scarce_memory_end();
  journal_clear(&j);
  tracker_free(t);
}

static void a_command_is_tracked_or_stays_the_callers(void **state) {
  (void)state;
  scarce_memory_walk(NULL, is_tracked, NULL, 4);
}

/* ---- listings ---- */

static int list(bool is_json, struct buf *out) {
  static const char *const columns[] = {"name", "value", "at", "body"};
  struct listing *l = listing_begin(is_json, columns, COUNT(columns));
  if (l == NULL)
    return -ENOMEM;
  for (int i = 0; i < 20; i++) {
    listing_text(l, "a name");
    listing_integer(l, i);
    listing_real(l, 1700000000.5);
    listing_bytes(l, "\0\1", 2);
  }
  return listing_append(l, out);
}

static void is_listed(void *context) {
  struct buf out, whole;
  buf_init(&out, LISTING_MAX_BYTES);
  buf_init(&whole, LISTING_MAX_BYTES);
  int status = list(*(const bool *)context, &out);
  scarce_memory_end();
  assert_int_equal(status, scarce_memory_missed() > 0 ? -ENOMEM : 0);
  assert_int_equal(list(*(const bool *)context, &whole), 0);
  if (status == 0)
    assert_string_equal(buf_text(&out), buf_text(&whole));
  buf_free(&whole);
  buf_free(&out);
}

static void a_listing_without_memory_says_so(void **state) {
  bool is_json = true;
  (void)state;
  scarce_memory_walk(NULL, is_listed, &is_json, 4);
  is_json = false;
  scarce_memory_walk(NULL, is_listed, &is_json, 4);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_part_is_made_as_a_whole_or_not_at_all),
      TEST(outcomes_are_counted_without_memory),
      TEST(a_command_is_tracked_or_stays_the_callers),
      TEST(a_listing_without_memory_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
