/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_FIRST 16
#define SHRINK_PART 8 /* items in 1 of so many buckets: half of them go */

void table_init(struct table *t, table_hash_fn *hash,
                table_has_key_fn *has_key) {
  *t = (struct table){.hash = hash, .has_key = has_key};
}

void table_free(struct table *t) {
  free(t->buckets);
  t->buckets = NULL;
  t->bucket_count = 0;
  t->count = 0;
}

/* The upper half of a product has more of each byte than the lower one. */
static size_t bucket_of(const struct table *t, uint64_t hash) {
  return (size_t)(hash ^ hash >> 32) & (t->bucket_count - 1);
}

static void push(struct table *t, struct table_link *link) {
  struct table_link **bucket = &t->buckets[bucket_of(t, t->hash(link))];
  link->next = *bucket;
  *bucket = link;
}

static int set_bucket_count(struct table *t, size_t count) {
  struct table before = *t;
  struct table_link **buckets = calloc(count, sizeof(struct table_link *));
  if (buckets == NULL)
    return -ENOMEM;
  t->buckets = buckets;
  t->bucket_count = count;
  for (size_t i = 0; i < before.bucket_count; i++) {
    for (struct table_link *link = before.buckets[i], *next; link;
         link = next) {
      next = link->next;
      push(t, link);
    }
  }
  free(before.buckets);
  return 0;
}

int table_add(struct table *t, struct table_link *link) {
  size_t grown = t->bucket_count > 0 ? 2 * t->bucket_count : BUCKETS_FIRST;
  if (t->count == t->bucket_count && set_bucket_count(t, grown) < 0 &&
      t->bucket_count == 0)
    return -ENOMEM;
  push(t, link);
  t->count++;
  return 0;
}

struct table_link *table_find(const struct table *t, uint64_t hash,
                              const void *key) {
  if (t->bucket_count == 0)
    return NULL;
  struct table_link *link = t->buckets[bucket_of(t, hash)];
  while (link != NULL && !t->has_key(link, key))
    link = link->next;
  return link;
}

/* A table that can not shrink stays as it is. */
void table_remove(struct table *t, struct table_link *link) {
  struct table_link **place = &t->buckets[bucket_of(t, t->hash(link))];
  while (*place != link)
    place = &(*place)->next;
  *place = link->next;
  t->count--;
  if (t->count == 0)
    table_free(t);
  else if (t->bucket_count > BUCKETS_FIRST &&
           t->count <= t->bucket_count / SHRINK_PART)
    set_bucket_count(t, t->bucket_count / 2);
}

static struct table_link *first_from(const struct table *t, size_t bucket) {
  while (bucket < t->bucket_count && t->buckets[bucket] == NULL)
    bucket++;
  return bucket < t->bucket_count ? t->buckets[bucket] : NULL;
}

struct table_link *table_first(const struct table *t) {
  return first_from(t, 0);
}

struct table_link *table_next(const struct table *t,
                              const struct table_link *link) {
  return link->next != NULL ? link->next
                            : first_from(t, bucket_of(t, t->hash(link)) + 1);
}
