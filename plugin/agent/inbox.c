/* SPDX-License-Identifier: MIT */
#include "agent/inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Made once, since nobody may wait for a table that grows. A backlog of more is
 * found a little more slowly. */
#define BUCKETS_MAX 65536

/* What is bounded. */
struct load {
  size_t firings;
  size_t bytes;
};

struct inbox {
  pthread_mutex_t mutex; /* guards all below */
  struct firing *first;
  struct firing **end;
  struct firing **buckets; /* by key; of each key the newest first */
  size_t bucket_count;     /* a power of two */
  struct load here;
  struct load behind; /* as it was told, and what was taken since */
  struct load max;
  bool closed;
};

struct inbox *inbox_new(size_t max_firings, size_t max_bytes) {
  struct inbox *in = calloc(1, sizeof *in);
  if (in == NULL)
    return NULL;
  in->bucket_count = 1;
  while (in->bucket_count < max_firings && in->bucket_count < BUCKETS_MAX)
    in->bucket_count *= 2;
  in->buckets = calloc(in->bucket_count, sizeof(struct firing *));
  if (in->buckets == NULL) {
    free(in);
    return NULL;
  }
  pthread_mutex_init(&in->mutex, NULL);
  in->end = &in->first;
  in->max = (struct load){max_firings, max_bytes};
  return in;
}

void inbox_free(struct inbox *in) {
  if (in == NULL)
    return;
  for (struct firing *f = in->first, *next; f != NULL; f = next) {
    next = f->next;
    firing_free(f);
  }
  pthread_mutex_destroy(&in->mutex);
  free(in->buckets);
  free(in);
}

/* ---- keys ---- */

/* FNV-1a. */
static uint64_t hash_key(const struct firing *f) {
  uint64_t hash = UINT64_C(14695981039346656037) ^ f->policy->index;
  hash = hash * UINT64_C(1099511628211) ^ f->device->index;
  for (const char *c = f->series; *c != '\0'; c++)
    hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
  return hash;
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

static void insert(struct inbox *in, struct firing **link, struct firing *f) {
  struct firing **bucket = bucket_of(in, f);
  f->next = *link;
  f->at.link = link;
  *link = f;
  if (f->next != NULL)
    f->next->at.link = &f->next;
  else
    in->end = &f->next;
  f->at.next_in_bucket = *bucket;
  *bucket = f;
  in->here.firings++;
  in->here.bytes += firing_bytes(f);
}

static void leave_bucket(struct inbox *in, const struct firing *f) {
  struct firing **link = bucket_of(in, f);
  while (*link != f)
    link = &(*link)->at.next_in_bucket;
  *link = f->at.next_in_bucket;
}

/* Leaves f->next as it is. */
static void take_out(struct inbox *in, struct firing *f) {
  *f->at.link = f->next;
  if (f->next != NULL)
    f->next->at.link = f->at.link;
  else
    in->end = f->at.link;
  leave_bucket(in, f);
  in->here.firings--;
  in->here.bytes -= firing_bytes(f);
}

/* ---- putting ---- */

static bool asks_for_command(const struct firing *f) {
  return f->body != NULL || f->has_unsendable;
}

/* Whether the older one has come to nothing by the time f arrives, and nobody
 * could tell that it was there. */
static bool is_outdated(const struct firing *older, const struct firing *f) {
  return older->severity == f->severity &&
         asks_for_command(older) == asks_for_command(f) &&
         older->has_value == f->has_value &&
         older->wall_event_ms < f->wall_event_ms;
}

static bool has_room(const struct inbox *in, const struct firing *f,
                     struct load behind) {
  return in->here.firings + behind.firings < in->max.firings &&
         in->here.bytes + behind.bytes + firing_bytes(f) <= in->max.bytes;
}

static void replace(struct inbox *in, struct firing *older, struct firing *f) {
  struct firing **link = older->at.link;
  take_out(in, older);
  insert(in, link, f);
  f->replaced = older->replaced + (asks_for_command(older) ? 1 : 0);
}

/* Writes the firing whose place it took to ret_older, or NULL. */
static int put_locked(struct inbox *in, struct firing *f,
                      struct firing **ret_older) {
  const struct load nothing = {0, 0};
  bool supersedes = f->policy->supersede;
  struct firing *older = supersedes ? find_newest(in, f) : NULL;
  *ret_older = NULL;
  if (in->closed)
    return -EPIPE;
  if (older != NULL &&
      (is_outdated(older, f) || !has_room(in, f, in->behind))) {
    replace(in, older, f);
    *ret_older = older;
    return 0;
  }
  if (!has_room(in, f, supersedes ? nothing : in->behind))
    return -ENOBUFS;
  insert(in, in->end, f);
  return 0;
}

int inbox_put(struct inbox *in, struct firing *f, bool *ret_was_empty) {
  struct firing *older;
  f->at.hash = hash_key(f);
  pthread_mutex_lock(&in->mutex);
  bool was_empty = in->first == NULL;
  int status = put_locked(in, f, &older);
  pthread_mutex_unlock(&in->mutex);
  firing_free(older);
  if (status == 0)
    *ret_was_empty = was_empty;
  return status;
}

/* ---- taking ---- */

static struct firing *take_locked(struct inbox *in, size_t max) {
  struct firing *first = in->first, *last = NULL;
  struct load before = in->here;
  for (size_t i = 0; i < max && in->first != NULL; i++) {
    last = in->first;
    take_out(in, last);
  }
  if (last == NULL)
    return NULL;
  last->next = NULL;
  in->behind.firings += before.firings - in->here.firings;
  in->behind.bytes += before.bytes - in->here.bytes;
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
  size_t count = in->here.firings;
  pthread_mutex_unlock(&in->mutex);
  return count;
}

void inbox_close(struct inbox *in) {
  pthread_mutex_lock(&in->mutex);
  in->closed = true;
  pthread_mutex_unlock(&in->mutex);
}
