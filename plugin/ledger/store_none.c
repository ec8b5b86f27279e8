/* SPDX-License-Identifier: MIT */
#include "ledger/store_none.h"

#include <math.h>
#include <stdlib.h>

static int open_nothing(struct ledger_store *s, struct moment now,
                        double *ret_wall_newest_s) {
  (void)s, (void)now;
  *ret_wall_newest_s = -INFINITY;
  return 0;
}

static void close_it(struct ledger_store *s) { free(s); }

static void abandon(struct ledger_store *s, bool for_good) {
  (void)s, (void)for_good;
}

static int begin(struct ledger_store *s, struct moment now, int wait_ms,
                 double *ret_wall_newest_s) {
  (void)s, (void)now, (void)wait_ms, (void)ret_wall_newest_s;
  return 0;
}

static int begin_reading(struct ledger_store *s) {
  (void)s;
  return 0;
}

static void end_reading(struct ledger_store *s, bool is_known) {
  (void)s, (void)is_known;
}

static int throw_away(struct ledger_store *s, const struct ledger_row *row) {
  (void)s, (void)row;
  return 0;
}

static void shift(struct ledger_store *s, int64_t ms) {
  (void)s;
  (void)ms;
}

static void clear(struct ledger_store *s) { (void)s; }

static int64_t count_finished(struct ledger_store *s) {
  (void)s;
  return 0;
}

static int64_t trim(struct ledger_store *s, double wall_before_s,
                    int64_t limit) {
  (void)s, (void)wall_before_s, (void)limit;
  return 0;
}

static void trim_orders(struct ledger_store *s, double wall_before_s,
                        int64_t max) {
  (void)s, (void)wall_before_s, (void)max;
}

static bool was_touched(struct ledger_store *s) {
  (void)s;
  return false;
}

static bool is_nearly_full(struct ledger_store *s) {
  (void)s;
  return false;
}

static int find_nothing(struct ledger_store *s, enum ledger_selection selection,
                        ledger_visit_fn *visit, void *context) {
  (void)s, (void)selection, (void)visit, (void)context;
  return 0;
}

static int commit(struct ledger_store *s, int status) {
  (void)s;
  return status;
}

static const char *error(const struct ledger_store *s) {
  (void)s;
  return "";
}

static bool rest(struct ledger_store *s) {
  (void)s;
  return true;
}

static uint64_t set_aside_count(const struct ledger_store *s) {
  (void)s;
  return 0;
}

static uint64_t damage_count(const struct ledger_store *s) {
  (void)s;
  return 0;
}

static struct ledger_loss loss(const struct ledger_store *s) {
  (void)s;
  return (struct ledger_loss){0};
}

static int64_t bytes(const struct ledger_store *s) {
  (void)s;
  return 0;
}

static const struct ledger_store_type none = {
    .open = open_nothing,
    .close = close_it,
    .abandon = abandon,
    .begin = begin,
    .begin_reading = begin_reading,
    .end_reading = end_reading,
    .put = throw_away,
    .remove = throw_away,
    .shift = shift,
    .clear = clear,
    .count_finished = count_finished,
    .trim = trim,
    .trim_orders = trim_orders,
    .was_touched = was_touched,
    .is_nearly_full = is_nearly_full,
    .read = find_nothing,
    .commit = commit,
    .error = error,
    .rest = rest,
    .set_aside_count = set_aside_count,
    .damage_count = damage_count,
    .loss = loss,
    .bytes = bytes,
};

struct ledger_store *store_none_new(void) {
  struct ledger_store *s = malloc(sizeof *s);
  if (s != NULL)
    s->type = &none;
  return s;
}
