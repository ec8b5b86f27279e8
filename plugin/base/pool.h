/* SPDX-License-Identifier: MIT
 *
 * pool owns memory for items of one size that come and go by the hundred
 * thousand: slabs of pages of their own, each of which goes back to the system
 * as soon as all its items are free. What lives for long lies elsewhere, and so
 * holds none of these pages. Any thread may call.
 */
#ifndef ONENET_POOL_H
#define ONENET_POOL_H

#include <pthread.h>
#include <stddef.h>

#define POOL_SLAB_BYTES 32768

struct pool_slab;

struct pool {
  size_t item_bytes;
  pthread_mutex_t mutex;  /* guards what follows */
  struct pool_slab *open; /* slabs with room, a list */
  size_t slab_count;
};

/* An empty pool of items of that many bytes: a multiple of 8, and not more
 * than a hundredth of a slab. */
#define POOL_OF(bytes)                                                         \
  { .item_bytes = (bytes), .mutex = PTHREAD_MUTEX_INITIALIZER }

/* Returns an item, all zero, that the caller owns; NULL without memory. */
void *pool_take(struct pool *p);

/* Frees an item of the pool. */
void pool_give(struct pool *p, void *item);

#endif
