/* SPDX-License-Identifier: MIT */
#include "agent/inbox.h"

#include "base/hash.h"

#include "words/slot.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Most buckets. The table never grows, since nobody may wait for that; with
 * more firings than buckets the search takes a little longer. */
#define BUCKETS_MAX 65536

/* The firings of one device, oldest first. */
struct line {
  struct firing *first;
  struct firing **end;
  struct line *next; /* in the queue that it is in, if it has any firing */
};

/* Lines, in the order of their turns. */
struct queue {
  struct line *first;
  struct line **end;
};

/* The two amounts that are bounded. */
struct load {
  size_t firings;
  size_t bytes;
};

struct inbox {
  pthread_mutex_t mutex; /* guards all below */
  struct line *lines;    /* by device.index */
  struct queue fresh;    /* lines that have had no turn since they were empty */
  struct queue rest;
  bool is_turn_of_rest;
  struct firing **buckets; /* by key; of each key the newest first */
  size_t bucket_count;     /* a power of two */
  struct ring outdated;    /* firings that have a newer one with their key */
  struct load states;      /* of firings whose rules supersede */
  struct load others;
  struct load behind; /* as set last, plus the firings taken since */
  struct load max;
  bool closed;
};

struct inbox *inbox_new(size_t device_count, size_t max_firings,
                        size_t max_bytes) {
  struct inbox *in = calloc(1, sizeof *in);
  if (in == NULL)
    return NULL;
  pthread_mutex_init(&in->mutex, NULL);
  in->bucket_count = 1;
  while (in->bucket_count < max_firings && in->bucket_count < BUCKETS_MAX)
    in->bucket_count *= 2;
  in->fresh.end = &in->fresh.first;
  in->rest.end = &in->rest.first;
  ring_init(&in->outdated);
  in->max = (struct load){max_firings, max_bytes};
  in->lines = calloc(device_count + 1, sizeof *in->lines);
  in->buckets = calloc(in->bucket_count, sizeof(struct firing *));
  if (in->lines != NULL && in->buckets != NULL)
    return in;
  inbox_free(in);
  return NULL;
}

static void free_firings(struct firing *first) {
  for (struct firing *f = first, *next; f != NULL; f = next) {
    next = f->next;
    firing_free(f);
  }
}

static void free_lines(const struct queue *q) {
  for (const struct line *line = q->first; line != NULL; line = line->next)
    free_firings(line->first);
}

void inbox_free(struct inbox *in) {
  if (in == NULL)
    return;
  free_lines(&in->fresh);
  free_lines(&in->rest);
  pthread_mutex_destroy(&in->mutex);
  free(in->lines);
  free(in->buckets);
  free(in);
}

/* ---- keys ---- */

static uint64_t hash_key(const struct firing *f) {
  uint64_t hash = hash_number(HASH_BEGIN, f->policy->index);
  return hash_text(hash_number(hash, f->device->index), f->series);
}

static bool has_same_key(const struct firing *a, const struct firing *b) {
  return a->at.hash == b->at.hash && a->policy == b->policy &&
         a->device == b->device && strcmp(a->series, b->series) == 0;
}

static struct firing **bucket_of(struct inbox *in, const struct firing *f) {
  return &in->buckets[f->at.hash & (in->bucket_count - 1)];
}

static struct firing *find_newest(struct inbox *in, const struct firing *f) {
  struct firing *one = *bucket_of(in, f);
  while (one != NULL && !has_same_key(one, f))
    one = one->at.next_in_bucket;
  return one;
}

/* ---- places ---- */

static size_t firing_bytes(const struct firing *f) {
  return (f->body != NULL ? f->body->size : 0) +
         (f->okay_body != NULL ? f->okay_body->size : 0);
}

static struct line *line_of(const struct inbox *in, const struct firing *f) {
  return &in->lines[f->device->index];
}

static void queue_push(struct queue *q, struct line *line) {
  line->next = NULL;
  *q->end = line;
  q->end = &line->next;
}

static struct line *queue_pop(struct queue *q) {
  struct line *line = q->first;
  q->first = line->next;
  if (q->first == NULL)
    q->end = &q->first;
  return line;
}

static void enter_bucket(struct inbox *in, struct firing *f) {
  struct firing **bucket = bucket_of(in, f);
  f->at.next_in_bucket = *bucket;
  *bucket = f;
}

static void leave_bucket(struct inbox *in, const struct firing *f) {
  struct firing **link = bucket_of(in, f);
  while (*link != f)
    link = &(*link)->at.next_in_bucket;
  *link = f->at.next_in_bucket;
}

/* Puts f in the place of `older` in the line. */
static void take_place(struct line *line, struct firing *older,
                       struct firing *f) {
  f->next = older->next;
  f->at.link = older->at.link;
  *f->at.link = f;
  if (f->next != NULL)
    f->next->at.link = &f->next;
  else
    line->end = &f->next;
}

static void append(struct inbox *in, struct firing *f) {
  struct line *line = line_of(in, f);
  if (line->first == NULL) {
    line->end = &line->first;
    queue_push(&in->fresh, line);
  }
  f->next = NULL;
  f->at.link = line->end;
  *line->end = f;
  line->end = &f->next;
}

static void take_out(struct line *line, struct firing *f) {
  *f->at.link = f->next;
  if (f->next != NULL)
    f->next->at.link = f->at.link;
  else
    line->end = f->at.link;
}

/* ---- loads ---- */

static struct load *load_of(struct inbox *in, const struct firing *f) {
  return f->policy->supersede ? &in->states : &in->others;
}

static struct load sum(struct load a, struct load b) {
  return (struct load){a.firings + b.firings, a.bytes + b.bytes};
}

static struct load load_here(const struct inbox *in) {
  return sum(in->states, in->others);
}

/* Returns whether there is room for f besides that load. */
static bool has_room(const struct inbox *in, const struct firing *f,
                     struct load load) {
  return load.firings < in->max.firings &&
         load.bytes + firing_bytes(f) <= in->max.bytes;
}

static void enter(struct inbox *in, struct firing *f) {
  enter_bucket(in, f);
  load_of(in, f)->firings++;
  load_of(in, f)->bytes += firing_bytes(f);
}

static void leave(struct inbox *in, struct firing *f) {
  leave_bucket(in, f);
  ring_remove(&f->at.outdated);
  load_of(in, f)->firings--;
  load_of(in, f)->bytes -= firing_bytes(f);
}

/* ---- putting ---- */

static bool asks_for_command(const struct firing *f) {
  return f->body != NULL || f->has_unsendable;
}

/* Returns whether f makes the older firing superfluous: nobody could tell from
 * what follows that the older one was there. */
static bool is_superfluous(const struct firing *older, const struct firing *f) {
  return older->severity == f->severity &&
         asks_for_command(older) == asks_for_command(f) &&
         older->has_value == f->has_value &&
         older->wall_event_ms < f->wall_event_ms;
}

/* Makes f count what has gone, an older firing with its key. */
static void count_gone(struct firing *f, const struct firing *gone) {
  f->replaced += gone->replaced + (asks_for_command(gone) ? 1 : 0);
  f->passes_okay |= gone->passes_okay || gone->severity == SEVERITY_OKAY;
}

static void replace(struct inbox *in, struct firing *older, struct firing *f) {
  take_place(line_of(in, f), older, f);
  leave(in, older);
  enter(in, f);
  count_gone(f, older);
}

static void add(struct inbox *in, struct firing *f) {
  append(in, f);
  enter(in, f);
}

/* Takes outdated firings out until there is room for f among the states, as far
 * as there are any. Returns them, linked by `next`. */
static struct firing *make_room(struct inbox *in, const struct firing *f) {
  struct firing *gone = NULL;
  struct ring *first;
  while (!has_room(in, f, in->states) &&
         (first = ring_first(&in->outdated)) != NULL) {
    struct firing *one = RING_ITEM(first, struct firing, at.outdated);
    take_out(line_of(in, one), one);
    leave(in, one);
    count_gone(find_newest(in, one), one);
    one->next = gone;
    gone = one;
  }
  return gone;
}

/* Writes the firings that had to go to ret_gone. One that the lanes will
 * ignore, since it is late or a duplicate, makes none go before it. */
static int put_state(struct inbox *in, struct firing *f,
                     struct firing **ret_gone) {
  struct firing *older = find_newest(in, f);
  bool is_crowded = !has_room(in, f, sum(load_here(in), in->behind));
  bool is_newer = older != NULL && slot_judge_behind(older, f) == IGNORED_NOT;
  if (is_newer && (is_crowded || is_superfluous(older, f))) {
    replace(in, older, f);
    older->next = NULL;
    *ret_gone = older;
    return 0;
  }
  *ret_gone = make_room(in, f);
  if (!has_room(in, f, in->states))
    return -ENOBUFS;
  add(in, f);
  if (is_newer)
    ring_append(&in->outdated, &older->at.outdated);
  return 0;
}

static int put_other(struct inbox *in, struct firing *f) {
  if (!has_room(in, f, sum(load_here(in), in->behind)))
    return -ENOBUFS;
  add(in, f);
  return 0;
}

static int put_locked(struct inbox *in, struct firing *f,
                      struct firing **ret_gone) {
  if (in->closed)
    return -EPIPE;
  return f->policy->supersede ? put_state(in, f, ret_gone) : put_other(in, f);
}

int inbox_put(struct inbox *in, struct firing *f, bool *ret_was_empty) {
  struct firing *gone = NULL;
  f->at.hash = hash_key(f);
  pthread_mutex_lock(&in->mutex);
  bool was_empty = load_here(in).firings == 0;
  int status = put_locked(in, f, &gone);
  pthread_mutex_unlock(&in->mutex);
  free_firings(gone);
  if (status == 0)
    *ret_was_empty = was_empty;
  return status;
}

/* ---- taking ---- */

/* Returns the line whose turn it is: the two queues take turns, as long as both
 * have any. */
static struct line *pop_line(struct inbox *in) {
  bool is_of_rest = in->fresh.first == NULL ||
                    (in->rest.first != NULL && in->is_turn_of_rest);
  in->is_turn_of_rest = !is_of_rest;
  return queue_pop(is_of_rest ? &in->rest : &in->fresh);
}

static struct firing *take_one(struct inbox *in) {
  struct line *line = pop_line(in);
  struct firing *f = line->first;
  line->first = f->next;
  if (line->first != NULL) {
    line->first->at.link = &line->first;
    queue_push(&in->rest, line);
  }
  leave(in, f);
  in->behind.firings++;
  in->behind.bytes += firing_bytes(f);
  return f;
}

static struct firing *take_locked(struct inbox *in, size_t max) {
  struct firing *first = NULL, **end = &first;
  for (size_t i = 0; i < max && load_here(in).firings > 0; i++) {
    *end = take_one(in);
    end = &(*end)->next;
  }
  *end = NULL;
  return first;
}

struct firing *inbox_take(struct inbox *in, size_t max) {
  pthread_mutex_lock(&in->mutex);
  struct firing *first = take_locked(in, max);
  pthread_mutex_unlock(&in->mutex);
  return first;
}

void inbox_set_waiting(struct inbox *in, size_t commands, size_t bytes) {
  pthread_mutex_lock(&in->mutex);
  in->behind = (struct load){commands, bytes};
  pthread_mutex_unlock(&in->mutex);
}

size_t inbox_count(struct inbox *in) {
  pthread_mutex_lock(&in->mutex);
  size_t count = load_here(in).firings;
  pthread_mutex_unlock(&in->mutex);
  return count;
}

static size_t most_of(size_t max) { return max - max / 8; }

bool inbox_is_nearly_full(struct inbox *in) {
  pthread_mutex_lock(&in->mutex);
  struct load here = load_here(in);
  pthread_mutex_unlock(&in->mutex);
  return here.firings >= most_of(in->max.firings) ||
         here.bytes >= most_of(in->max.bytes);
}

void inbox_close(struct inbox *in) {
  pthread_mutex_lock(&in->mutex);
  in->closed = true;
  pthread_mutex_unlock(&in->mutex);
}
