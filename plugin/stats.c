/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A histogram of milliseconds with 8 buckets per power of two: bucket n begins
 * at 2^(n/8) - 1 ms. 256 buckets reach 2^32 ms, 49 days. */
#define LATENCY_BUCKETS 256
#define LATENCY_BUCKETS_PER_OCTAVE 8

struct latency {
  _Atomic uint64_t count;
  _Atomic uint64_t sum_ms;
  _Atomic uint64_t max_ms;
  _Atomic uint32_t buckets[LATENCY_BUCKETS];
};

/* Counters by name: names are added by the I/O thread alone and never change;
 * `used` publishes them. */
struct counters {
  char names[STATS_MAX_CAUSES][COMMAND_CAUSE_BYTES];
  _Atomic uint64_t counts[STATS_MAX_CAUSES];
  _Atomic size_t used;
  _Atomic uint64_t other;
};

struct tracked_stats {
  _Atomic uint64_t by_end[TRACKED_ENDS];
  struct latency latency;
};

struct device_stats {
  _Atomic uint32_t sequence; /* odd while the counts below are being changed */
  _Atomic uint64_t created;
  _Atomic uint64_t by_outcome[OUTCOME_COUNT];
  _Atomic uint64_t ignored[STATS_IGNORED_REASONS];
  struct latency *_Atomic latency; /* made when first needed: a fleet of devices
                                      that never act costs little */
  struct counters *_Atomic failures;     /* likewise */
  struct tracked_stats *_Atomic tracked; /* likewise */
};

struct endpoint_stats {
  _Atomic uint64_t requests;
  _Atomic size_t connections;
  _Atomic bool circuit_open;
  struct counters http_codes;
};

struct stats {
  size_t device_count;
  struct device_stats
      *devices; /* one more than there are: for no known device */
  struct endpoint_stats *endpoints;
  _Atomic size_t records_pending;
  _Atomic int64_t ledger_bytes;
  _Atomic uint64_t ledger_errors;
  _Atomic uint64_t unreported;
};

struct stats *stats_new(const struct directory *directory) {
  struct stats *s = calloc(1, sizeof *s);
  if (s == NULL)
    return NULL;
  s->device_count = directory_device_count(directory);
  s->devices = calloc(s->device_count + 1, sizeof *s->devices);
  s->endpoints =
      calloc(directory_endpoint_count(directory) + 1, sizeof *s->endpoints);
  if (s->devices == NULL || s->endpoints == NULL) {
    stats_free(s);
    return NULL;
  }
  return s;
}

void stats_free(struct stats *s) {
  if (s == NULL)
    return;
  for (size_t i = 0; s->devices != NULL && i < s->device_count; i++) {
    free(s->devices[i].latency);
    free(s->devices[i].failures);
    free(s->devices[i].tracked);
  }
  free(s->devices);
  free(s->endpoints);
  free(s);
}

static struct device_stats *stats_of(const struct stats *s,
                                     const struct device *d) {
  return &s->devices[d != NULL ? d->index : s->device_count];
}

/* ---- counting ---- */

/* Only the I/O thread changes these, so that adding needs no atomic operation
 * but the sequence around it. */
static void add_counted(struct device_stats *d, _Atomic uint64_t *counter,
                        uint64_t count) {
  atomic_fetch_add(&d->sequence, 1);
  atomic_fetch_add(counter, count);
  atomic_fetch_add(&d->sequence, 1);
}

void stats_count_created(struct stats *s, const struct device *d,
                         uint64_t count) {
  add_counted(stats_of(s, d), &stats_of(s, d)->created, count);
}

void stats_count_outcome(struct stats *s, const struct device *d,
                         enum outcome outcome, uint64_t count) {
  add_counted(stats_of(s, d), &stats_of(s, d)->by_outcome[outcome], count);
}

static void count_name(struct counters *c, const char *name) {
  size_t used = atomic_load(&c->used);
  for (size_t i = 0; i < used; i++) {
    if (strcmp(c->names[i], name) == 0) {
      atomic_fetch_add(&c->counts[i], 1);
      return;
    }
  }
  if (used == STATS_MAX_CAUSES) {
    atomic_fetch_add(&c->other, 1);
    return;
  }
  snprintf(c->names[used], sizeof c->names[used], "%s", name);
  atomic_store(&c->counts[used], 1);
  atomic_store(&c->used, used + 1);
}

void stats_count_failure(struct stats *s, const struct device *d,
                         const char *cause) {
  struct device_stats *of_device = stats_of(s, d);
  if (cause[0] == '\0')
    return;
  if (of_device->failures == NULL)
    of_device->failures = calloc(1, sizeof(struct counters));
  if (of_device->failures != NULL)
    count_name(of_device->failures, cause);
}

static size_t bucket_of(int64_t latency_ms) {
  double exact = log2((double)latency_ms + 1) * LATENCY_BUCKETS_PER_OCTAVE;
  size_t bucket = (size_t)exact;
  return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static double bucket_end_ms(size_t bucket) {
  return exp2((double)(bucket + 1) / LATENCY_BUCKETS_PER_OCTAVE) - 1;
}

static void count_latency(struct latency *l, int64_t latency_ms) {
  uint64_t value_ms = latency_ms > 0 ? (uint64_t)latency_ms : 0;
  atomic_fetch_add(&l->buckets[bucket_of((int64_t)value_ms)], 1);
  atomic_fetch_add(&l->sum_ms, value_ms);
  if (value_ms > atomic_load(&l->max_ms))
    atomic_store(&l->max_ms, value_ms);
  atomic_fetch_add(&l->count, 1);
}

void stats_count_latency(struct stats *s, const struct device *d,
                         int64_t latency_ms) {
  struct device_stats *of_device = stats_of(s, d);
  if (of_device->latency == NULL)
    of_device->latency = calloc(1, sizeof(struct latency));
  if (of_device->latency != NULL)
    count_latency(of_device->latency, latency_ms);
}

void stats_note_tracked(struct stats *s, const struct device *d) {
  struct device_stats *of_device = stats_of(s, d);
  if (of_device->tracked == NULL)
    of_device->tracked = calloc(1, sizeof(struct tracked_stats));
}

void stats_count_end(struct stats *s, const struct device *d,
                     enum tracked_end end) {
  struct tracked_stats *tracked = stats_of(s, d)->tracked;
  if (tracked != NULL)
    atomic_fetch_add(&tracked->by_end[end], 1);
}

void stats_count_answer_latency(struct stats *s, const struct device *d,
                                int64_t latency_ms) {
  struct tracked_stats *tracked = stats_of(s, d)->tracked;
  if (tracked != NULL)
    count_latency(&tracked->latency, latency_ms);
}

static const char *const ignored_names[STATS_IGNORED_REASONS] = {
    [STATS_IGNORED_NAN] = "nan",
    [STATS_IGNORED_TRUNCATED] = "truncated",
    [STATS_IGNORED_MISSING] = "missing",
    [STATS_IGNORED_NO_DEVICE] = "no_device",
    [STATS_IGNORED_NO_VALUE] = "no_value",
    [STATS_IGNORED_UNMATCHED] = "unmatched",
    [STATS_IGNORED_LATE] = "late",
    [STATS_IGNORED_DUPLICATE] = "duplicate",
    [STATS_IGNORED_FIRST_OKAY] = "first_okay",
};

const char *stats_ignored_name(enum stats_ignored reason) {
  return ignored_names[reason];
}

void stats_count_ignored(struct stats *s, const struct device *d,
                         enum stats_ignored reason) {
  atomic_fetch_add(&stats_of(s, d)->ignored[reason], 1);
}

void stats_count_request(struct stats *s, const struct endpoint *e) {
  atomic_fetch_add(&s->endpoints[e->index].requests, 1);
}

void stats_count_http_code(struct stats *s, const struct endpoint *e,
                           int code) {
  char name[COMMAND_CAUSE_BYTES];
  if (code == 0)
    return;
  snprintf(name, sizeof name, "%d", code);
  count_name(&s->endpoints[e->index].http_codes, name);
}

void stats_set_endpoint(struct stats *s, const struct endpoint *e,
                        size_t connections, bool circuit_open) {
  s->endpoints[e->index].connections = connections;
  s->endpoints[e->index].circuit_open = circuit_open;
}

void stats_set_agent(struct stats *s, size_t records_pending,
                     int64_t ledger_bytes) {
  s->records_pending = records_pending;
  s->ledger_bytes = ledger_bytes;
}

void stats_count_ledger_error(struct stats *s) {
  atomic_fetch_add(&s->ledger_errors, 1);
}

void stats_count_unreported(struct stats *s, uint64_t count) {
  atomic_fetch_add(&s->unreported, count);
}

/* ---- reading ---- */

static void copy_counts(const struct device_stats *d,
                        struct stats_device *ret_device) {
  uint64_t finished = 0;
  ret_device->created = atomic_load(&d->created);
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    ret_device->by_outcome[i] = atomic_load(&d->by_outcome[i]);
    finished += ret_device->by_outcome[i];
  }
  ret_device->pending = ret_device->created - finished;
}

static bool was_ignored(const struct device_stats *d) {
  for (int i = 0; i < STATS_IGNORED_REASONS; i++)
    if (atomic_load(&d->ignored[i]) > 0)
      return true;
  return false;
}

void stats_read_device(const struct stats *s, const struct device *d,
                       struct stats_device *ret_device) {
  const struct device_stats *of_device = stats_of(s, d);
  uint32_t before, after;
  do {
    before = atomic_load(&of_device->sequence);
    copy_counts(of_device, ret_device);
    after = atomic_load(&of_device->sequence);
  } while (before != after || before % 2 != 0);
  ret_device->seen = ret_device->created > 0 || was_ignored(of_device);
}

/* The upper end of the bucket in which the 99th of 100 lies, but never more
 * than the greatest value itself. Empties the histogram. */
static double take_percentile_99_ms(struct latency *l, double max_ms) {
  uint32_t taken[LATENCY_BUCKETS];
  uint64_t count = 0, below = 0;
  for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
    taken[i] = atomic_exchange(&l->buckets[i], 0);
    count += taken[i];
  }
  for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
    below += taken[i];
    if (taken[i] > 0 && below * 100 >= count * 99)
      return fmin(bucket_end_ms(i), max_ms);
  }
  return max_ms;
}

static void take_latency(struct latency *l, struct stats_latency *ret_latency) {
  uint64_t count = l != NULL ? atomic_exchange(&l->count, 0) : 0;
  *ret_latency = (struct stats_latency){NAN, NAN, NAN};
  if (count == 0)
    return;
  double sum_ms = (double)atomic_exchange(&l->sum_ms, 0);
  double max_ms = (double)atomic_exchange(&l->max_ms, 0);
  ret_latency->average_s = sum_ms / (double)count / 1000;
  ret_latency->upper_s = max_ms / 1000;
  ret_latency->percentile_99_s = take_percentile_99_ms(l, max_ms) / 1000;
}

void stats_read_latency(struct stats *s, const struct device *d,
                        struct stats_latency *ret_latency) {
  take_latency(stats_of(s, d)->latency, ret_latency);
}

bool stats_read_tracked(struct stats *s, const struct device *d,
                        struct stats_tracked *ret_tracked) {
  struct tracked_stats *tracked = stats_of(s, d)->tracked;
  if (tracked == NULL)
    return false;
  ret_tracked->answered = atomic_load(&tracked->by_end[TRACKED_END_ANSWERED]);
  ret_tracked->unanswered =
      atomic_load(&tracked->by_end[TRACKED_END_UNANSWERED]);
  ret_tracked->undelivered =
      atomic_load(&tracked->by_end[TRACKED_END_UNDELIVERED]);
  ret_tracked->delivered = ret_tracked->answered + ret_tracked->unanswered;
  take_latency(&tracked->latency, &ret_tracked->latency);
  return true;
}

static void each_counter(const struct counters *c, stats_visit_fn *visit,
                         void *context) {
  size_t used = atomic_load(&c->used);
  for (size_t i = 0; i < used; i++)
    visit(context, c->names[i], atomic_load(&c->counts[i]));
  if (atomic_load(&c->other) > 0)
    visit(context, STATS_CAUSE_OTHER, atomic_load(&c->other));
}

void stats_each_cause(const struct stats *s, const struct device *d,
                      stats_visit_fn *visit, void *context) {
  const struct counters *failures = stats_of(s, d)->failures;
  if (failures != NULL)
    each_counter(failures, visit, context);
}

void stats_each_http_code(const struct stats *s, const struct endpoint *e,
                          stats_visit_fn *visit, void *context) {
  each_counter(&s->endpoints[e->index].http_codes, visit, context);
}

uint64_t stats_ignored(const struct stats *s, const struct device *d,
                       enum stats_ignored reason) {
  return atomic_load(&stats_of(s, d)->ignored[reason]);
}

void stats_read_endpoint(const struct stats *s, const struct endpoint *e,
                         struct stats_endpoint *ret_endpoint) {
  const struct endpoint_stats *of_endpoint = &s->endpoints[e->index];
  ret_endpoint->requests = atomic_load(&of_endpoint->requests);
  ret_endpoint->connections = atomic_load(&of_endpoint->connections);
  ret_endpoint->circuit_open = atomic_load(&of_endpoint->circuit_open);
}

void stats_read_agent(const struct stats *s, struct stats_agent *ret_agent) {
  ret_agent->records_pending = atomic_load(&s->records_pending);
  ret_agent->ledger_bytes = atomic_load(&s->ledger_bytes);
  ret_agent->ledger_errors = atomic_load(&s->ledger_errors);
  ret_agent->unreported = atomic_load(&s->unreported);
}
