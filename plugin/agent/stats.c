/* SPDX-License-Identifier: MIT */
#include "agent/stats.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A histogram of milliseconds with 8 buckets per power of two: bucket n begins
 * at 2^(n/8) - 1 ms. 256 buckets reach 2^32 ms, 49 days. */
#define LATENCY_BUCKETS 256
#define LATENCY_BUCKETS_PER_OCTAVE 8
_Static_assert(LATENCY_BUCKETS <= UINT8_MAX + 1, "a bucket needs one byte");

/* Number of values in an interval up to which no histogram is made. Of fewer
 * than 100 values the 99th percentile is the greatest, which is known anyway;
 * in a fleet in which each device acts now and then no device needs a
 * histogram. */
#define LATENCY_FEW 8

/* Latencies counted since they were last taken. One thread at a time has them:
 * it takes the struct out of its place, and the I/O thread puts it back. */
struct latency {
  uint64_t count;
  uint64_t sum_ms;
  uint64_t max_ms;
  uint8_t few_buckets[LATENCY_FEW]; /* buckets of the first values */
  uint32_t *buckets; /* histogram of all values; NULL while they are few, or
                        without memory */
};

/* A counter with a name. The I/O thread alone appends them, and a name never
 * changes. */
struct counter {
  struct counter *_Atomic next;
  _Atomic uint64_t count;
  char name[VERDICT_CAUSE_BYTES];
};

struct counters {
  struct counter *_Atomic first;
  _Atomic uint64_t other;
};

struct tracked_stats {
  _Atomic uint64_t by_end[TRACKED_ENDS];
  struct latency *_Atomic latency;
};

struct command_stats {
  _Atomic uint32_t sequence; /* odd while the counts below are being changed */
  _Atomic uint64_t created;
  _Atomic uint64_t by_outcome[OUTCOME_COUNT];
};

/* Command counts of one device, as plain numbers. */
struct counts {
  uint64_t created;
  uint64_t by_outcome[OUTCOME_COUNT];
};

struct ignored_stats {
  _Atomic uint64_t by_reason[IGNORED_REASONS];
};

/* Counts of one device. Parts that are pointers are allocated when first
 * needed. */
struct device_stats {
  struct command_stats commands;
  uint64_t *before; /* by outcome, counts at the start; NULL: all zero */
  struct ignored_stats *_Atomic ignored;
  struct latency *_Atomic latency;
  struct counters failures;
  struct tracked_stats *_Atomic tracked;
  _Atomic bool was_accepted;
  _Atomic bool is_active;    /* is in the list of active devices */
  struct device_stats *next; /* in that list */
};

struct endpoint_stats {
  struct command_stats commands;
  _Atomic uint64_t requests;
  _Atomic size_t connections;
  _Atomic bool circuit_open;
  struct counters http_codes;
};

struct stats {
  const struct directory *directory;
  size_t device_count;
  struct device_stats
      *devices; /* by device.index, and one for no known device */
  struct endpoint_stats *endpoints;
  struct device_stats *_Atomic active; /* newest first; any thread adds */
  struct device_stats *taken;          /* oldest first; the reader's alone */
  _Atomic size_t records_pending;
  _Atomic int64_t ledger_bytes;
  _Atomic size_t series;
  _Atomic uint64_t series_forgotten;
  _Atomic uint64_t ledger_errors;
  _Atomic uint64_t unreported;
};

/* Returns the device's counters of ignored events, made if there are none; NULL
 * without memory. If two threads make them at once, the later one frees its
 * own. */
static struct ignored_stats *make_ignored(struct device_stats *d) {
  struct ignored_stats *there = atomic_load(&d->ignored);
  if (there != NULL)
    return there;
  struct ignored_stats *made = calloc(1, sizeof *made);
  if (made == NULL || atomic_compare_exchange_strong(&d->ignored, &there, made))
    return made;
  free(made);
  return there;
}

struct stats *stats_new(const struct directory *directory) {
  struct stats *s = calloc(1, sizeof *s);
  if (s == NULL)
    return NULL;
  s->directory = directory;
  s->device_count = directory_device_count(directory);
  s->devices = calloc(s->device_count + 1, sizeof *s->devices);
  s->endpoints =
      calloc(directory_endpoint_count(directory) + 1, sizeof *s->endpoints);
  /* Events of no known device can be counted without memory: it may be for
   * want of it that theirs is not known. */
  if (s->devices == NULL || s->endpoints == NULL ||
      make_ignored(&s->devices[s->device_count]) == NULL) {
    stats_free(s);
    return NULL;
  }
  return s;
}

static void free_latency(struct latency *l) {
  if (l != NULL)
    free(l->buckets);
  free(l);
}

static void free_counters(struct counters *c) {
  struct counter *next;
  for (struct counter *one = c->first; one != NULL; one = next) {
    next = one->next;
    free(one);
  }
}

static void free_device(struct device_stats *d) {
  struct tracked_stats *tracked = d->tracked;
  if (tracked != NULL)
    free_latency(tracked->latency);
  free(tracked);
  free_latency(d->latency);
  free_counters(&d->failures);
  free(d->ignored);
  free(d->before);
}

void stats_free(struct stats *s) {
  if (s == NULL)
    return;
  for (size_t i = 0; s->devices != NULL && i <= s->device_count; i++)
    free_device(&s->devices[i]);
  for (size_t i = 0;
       s->endpoints != NULL && i < directory_endpoint_count(s->directory); i++)
    free_counters(&s->endpoints[i].http_codes);
  free(s->devices);
  free(s->endpoints);
  free(s);
}

static struct device_stats *stats_of(const struct stats *s,
                                     const struct device *d) {
  return &s->devices[d != NULL ? d->index : s->device_count];
}

/* ---- active devices ---- */

/* Puts the device at the head of the list of active devices, unless it is in
 * that list. Needs no lock: the reader never takes out a single device, but
 * always the whole list. */
static void note_active(struct stats *s, struct device_stats *d) {
  if (d == &s->devices[s->device_count] || atomic_exchange(&d->is_active, true))
    return;
  d->next = atomic_load(&s->active);
  while (!atomic_compare_exchange_weak(&s->active, &d->next, d)) {
  }
}

static void take_list(struct stats *s) {
  struct device_stats *next;
  for (struct device_stats *d = atomic_exchange(&s->active, NULL); d != NULL;
       d = next) {
    next = d->next;
    d->next = s->taken;
    s->taken = d;
  }
}

const struct device *stats_take_active(struct stats *s) {
  if (s->taken == NULL)
    take_list(s);
  struct device_stats *d = s->taken;
  if (d == NULL)
    return NULL;
  s->taken = d->next;
  atomic_store(&d->is_active, false);
  return directory_device(s->directory, (size_t)(d - s->devices));
}

/* ---- counting ---- */

int stats_begin_after(struct stats *s, const struct device *d,
                      const struct account *recorded) {
  struct device_stats *of_device = stats_of(s, d);
  if (of_device->before == NULL)
    of_device->before = calloc(OUTCOME_COUNT, sizeof *of_device->before);
  if (of_device->before == NULL)
    return -ENOMEM;
  for (int i = 0; i < OUTCOME_COUNT; i++)
    of_device->before[i] += recorded->by_outcome[i];
  return 0;
}

static void read_published(const struct command_stats *of,
                           struct counts *ret_counts) {
  ret_counts->created = atomic_load(&of->created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    ret_counts->by_outcome[i] = atomic_load(&of->by_outcome[i]);
}

static void add_counts(struct command_stats *of, const struct counts *more) {
  atomic_fetch_add(&of->sequence, 1);
  atomic_fetch_add(&of->created, more->created);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    atomic_fetch_add(&of->by_outcome[i], more->by_outcome[i]);
  atomic_fetch_add(&of->sequence, 1);
}

/* Returns by how much the account is ahead of what is published. What is
 * created follows from the rest: somebody may have removed pending commands, or
 * totals, from the ledger. */
static struct counts count_more(const struct device_stats *d,
                                const struct account *a) {
  static const uint64_t nothing[OUTCOME_COUNT];
  const uint64_t *before = d->before != NULL ? d->before : nothing;
  struct counts published, more = {.created = a->pending};
  read_published(&d->commands, &published);
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    uint64_t ended = a->by_outcome[i] - before[i];
    more.created += ended;
    more.by_outcome[i] = ended - published.by_outcome[i];
  }
  more.created -= published.created;
  return more;
}

static bool is_nothing(const struct counts *c) {
  uint64_t any = c->created;
  for (int i = 0; i < OUTCOME_COUNT; i++)
    any |= c->by_outcome[i];
  return any == 0;
}

void stats_publish(struct stats *s, const struct account *a) {
  struct device_stats *of_device = stats_of(s, a->device);
  struct counts more = count_more(of_device, a);
  if (is_nothing(&more))
    return;
  add_counts(&of_device->commands, &more);
  add_counts(&s->endpoints[a->device->endpoint->index].commands, &more);
  note_active(s, of_device);
}

/* Returns NULL without memory. */
static struct counter *append_counter(struct counter *_Atomic *place,
                                      const char *name) {
  struct counter *one = calloc(1, sizeof *one);
  if (one == NULL)
    return NULL;
  snprintf(one->name, sizeof one->name, "%s", name);
  atomic_store(place, one);
  return one;
}

static void count_name(struct counters *c, const char *name) {
  struct counter *_Atomic *place = &c->first;
  struct counter *one;
  size_t used = 0;
  while ((one = atomic_load(place)) != NULL && strcmp(one->name, name) != 0) {
    place = &one->next;
    used++;
  }
  if (one == NULL && used < STATS_MAX_CAUSES)
    one = append_counter(place, name);
  atomic_fetch_add(one != NULL ? &one->count : &c->other, 1);
}

void stats_count_failure(struct stats *s, const struct device *d,
                         const char *cause) {
  if (cause[0] == '\0')
    return;
  count_name(&stats_of(s, d)->failures, cause);
  note_active(s, stats_of(s, d));
}

static uint32_t bucket_of(uint64_t latency_ms) {
  double exact = log2((double)latency_ms + 1) * LATENCY_BUCKETS_PER_OCTAVE;
  return exact < LATENCY_BUCKETS ? (uint32_t)exact : LATENCY_BUCKETS - 1;
}

static double bucket_end_ms(size_t bucket) {
  return exp2((double)(bucket + 1) / LATENCY_BUCKETS_PER_OCTAVE) - 1;
}

static void add_bucket(struct latency *l, uint32_t bucket) {
  if (l->count < LATENCY_FEW)
    l->few_buckets[l->count] = (uint8_t)bucket;
  if (l->count == LATENCY_FEW) {
    l->buckets = calloc(LATENCY_BUCKETS, sizeof *l->buckets);
    for (size_t i = 0; l->buckets != NULL && i < LATENCY_FEW; i++)
      l->buckets[l->few_buckets[i]]++;
  }
  if (l->buckets != NULL)
    l->buckets[bucket]++;
}

/* Counts the latency, or leaves it out without memory: it is one of many. */
static void count_latency(struct latency *_Atomic *place, int64_t latency_ms) {
  struct latency *l = atomic_exchange(place, NULL);
  uint64_t value_ms = latency_ms > 0 ? (uint64_t)latency_ms : 0;
  if (l == NULL)
    l = calloc(1, sizeof *l);
  if (l == NULL)
    return;
  add_bucket(l, bucket_of(value_ms));
  l->count++;
  l->sum_ms += value_ms;
  if (value_ms > l->max_ms)
    l->max_ms = value_ms;
  atomic_store(place, l);
}

void stats_count_latency(struct stats *s, const struct device *d,
                         int64_t latency_ms) {
  count_latency(&stats_of(s, d)->latency, latency_ms);
  atomic_store(&stats_of(s, d)->was_accepted, true);
  note_active(s, stats_of(s, d));
}

void stats_note_tracked(struct stats *s, const struct device *d) {
  struct device_stats *of_device = stats_of(s, d);
  if (of_device->tracked == NULL)
    of_device->tracked = calloc(1, sizeof(struct tracked_stats));
  note_active(s, of_device);
}

void stats_count_end(struct stats *s, const struct device *d,
                     enum tracked_end end) {
  struct tracked_stats *tracked = stats_of(s, d)->tracked;
  if (tracked != NULL)
    atomic_fetch_add(&tracked->by_end[end], 1);
  note_active(s, stats_of(s, d));
}

void stats_count_answer_latency(struct stats *s, const struct device *d,
                                int64_t latency_ms) {
  struct tracked_stats *tracked = stats_of(s, d)->tracked;
  if (tracked != NULL)
    count_latency(&tracked->latency, latency_ms);
  note_active(s, stats_of(s, d));
}

void stats_count_ignored(struct stats *s, const struct device *d,
                         enum ignored reason) {
  struct ignored_stats *ignored = make_ignored(stats_of(s, d));
  if (ignored != NULL)
    atomic_fetch_add(&ignored->by_reason[reason], 1);
  note_active(s, stats_of(s, d));
}

void stats_count_request(struct stats *s, const struct endpoint *e) {
  atomic_fetch_add(&s->endpoints[e->index].requests, 1);
}

void stats_count_http_code(struct stats *s, const struct endpoint *e,
                           int code) {
  char name[VERDICT_CAUSE_BYTES];
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

void stats_set_series(struct stats *s, size_t kept, uint64_t forgotten) {
  s->series = kept;
  s->series_forgotten = forgotten;
}

void stats_count_ledger_error(struct stats *s) {
  atomic_fetch_add(&s->ledger_errors, 1);
}

void stats_count_unreported(struct stats *s, uint64_t count) {
  atomic_fetch_add(&s->unreported, count);
}

/* ---- reading ---- */

static void copy_counts(const struct command_stats *of,
                        struct stats_commands *ret_commands) {
  uint64_t finished = 0;
  ret_commands->created = atomic_load(&of->created);
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    ret_commands->by_outcome[i] = atomic_load(&of->by_outcome[i]);
    finished += ret_commands->by_outcome[i];
  }
  ret_commands->pending = ret_commands->created - finished;
}

static void read_commands(const struct command_stats *of,
                          struct stats_commands *ret_commands) {
  uint32_t before, after;
  do {
    before = atomic_load(&of->sequence);
    copy_counts(of, ret_commands);
    after = atomic_load(&of->sequence);
  } while (before != after || before % 2 != 0);
}

void stats_read_device(const struct stats *s, const struct device *d,
                       struct stats_commands *ret_commands) {
  read_commands(&stats_of(s, d)->commands, ret_commands);
}

/* Returns the upper end of the bucket in which the 99th percentile lies, but at
 * most the greatest value itself. */
static double percentile_99_ms(const struct latency *l) {
  double max_ms = (double)l->max_ms;
  uint64_t below = 0;
  for (size_t i = 0; l->buckets != NULL && i < LATENCY_BUCKETS; i++) {
    below += l->buckets[i];
    if (l->buckets[i] > 0 && below * 100 >= l->count * 99)
      return fmin(bucket_end_ms(i), max_ms);
  }
  return max_ms;
}

static void take_latency(struct latency *_Atomic *place,
                         struct stats_latency *ret_latency) {
  struct latency *l = atomic_exchange(place, NULL);
  *ret_latency = (struct stats_latency){NAN, NAN, NAN};
  if (l == NULL)
    return;
  ret_latency->average_s = (double)l->sum_ms / (double)l->count / 1000;
  ret_latency->upper_s = (double)l->max_ms / 1000;
  ret_latency->percentile_99_s = percentile_99_ms(l) / 1000;
  free_latency(l);
}

bool stats_take_latency(struct stats *s, const struct device *d,
                        struct stats_latency *ret_latency) {
  take_latency(&stats_of(s, d)->latency, ret_latency);
  return atomic_load(&stats_of(s, d)->was_accepted);
}

void stats_drop_latencies(struct stats *s, const struct device *d) {
  struct device_stats *of_device = stats_of(s, d);
  struct tracked_stats *tracked = of_device->tracked;
  free_latency(atomic_exchange(&of_device->latency, NULL));
  if (tracked != NULL)
    free_latency(atomic_exchange(&tracked->latency, NULL));
}

bool stats_take_tracked(struct stats *s, const struct device *d,
                        struct stats_tracked *ret_tracked) {
  struct tracked_stats *tracked = stats_of(s, d)->tracked;
  if (tracked == NULL)
    return false;
  ret_tracked->answered = atomic_load(&tracked->by_end[TRACKED_END_ANSWERED]);
  ret_tracked->unanswered =
      atomic_load(&tracked->by_end[TRACKED_END_UNANSWERED]);
  ret_tracked->undelivered =
      atomic_load(&tracked->by_end[TRACKED_END_UNDELIVERED]);
  ret_tracked->not_known = atomic_load(&tracked->by_end[TRACKED_END_NOT_KNOWN]);
  ret_tracked->delivered = ret_tracked->answered + ret_tracked->unanswered;
  take_latency(&tracked->latency, &ret_tracked->latency);
  return true;
}

static void each_counter(const struct counters *c, stats_visit_fn *visit,
                         void *context) {
  for (struct counter *one = c->first; one != NULL; one = one->next)
    visit(context, one->name, atomic_load(&one->count));
  if (atomic_load(&c->other) > 0)
    visit(context, STATS_CAUSE_OTHER, atomic_load(&c->other));
}

void stats_each_cause(const struct stats *s, const struct device *d,
                      stats_visit_fn *visit, void *context) {
  each_counter(&stats_of(s, d)->failures, visit, context);
}

void stats_each_http_code(const struct stats *s, const struct endpoint *e,
                          stats_visit_fn *visit, void *context) {
  each_counter(&s->endpoints[e->index].http_codes, visit, context);
}

uint64_t stats_ignored(const struct stats *s, const struct device *d,
                       enum ignored reason) {
  struct ignored_stats *ignored = stats_of(s, d)->ignored;
  return ignored != NULL ? atomic_load(&ignored->by_reason[reason]) : 0;
}

void stats_read_endpoint(const struct stats *s, const struct endpoint *e,
                         struct stats_endpoint *ret_endpoint) {
  const struct endpoint_stats *of_endpoint = &s->endpoints[e->index];
  read_commands(&of_endpoint->commands, &ret_endpoint->commands);
  ret_endpoint->requests = atomic_load(&of_endpoint->requests);
  ret_endpoint->connections = atomic_load(&of_endpoint->connections);
  ret_endpoint->circuit_open = atomic_load(&of_endpoint->circuit_open);
}

void stats_read_agent(const struct stats *s, struct stats_agent *ret_agent) {
  ret_agent->records_pending = atomic_load(&s->records_pending);
  ret_agent->ledger_bytes = atomic_load(&s->ledger_bytes);
  ret_agent->series = atomic_load(&s->series);
  ret_agent->series_forgotten = atomic_load(&s->series_forgotten);
  ret_agent->ledger_errors = atomic_load(&s->ledger_errors);
  ret_agent->unreported = atomic_load(&s->unreported);
}
